"""What the triage refuses to route: mails that are incomplete, cut, garbled, or contradict themselves."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from seatrial.examples.mail_triage.words import words_of

FIELDS = ("subject", "body", "words", "reply", "charset", "received_at")
CHARSETS = ("us-ascii", "utf-8", "iso-8859-1", "iso-8859-15", "windows-1251", "windows-1252")
LONGEST_SUBJECT, LONGEST_BODY = 500, 20_000
_GARBLED = re.compile("�|Ã[\x80-¿]|â€|\x00")
_REPLY = re.compile(r"(?:re|aw)[:\s]", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """Why a mail is refused."""

    row: int
    field: str
    message: str


def problems(rows: Sequence[Mapping[str, Any]]) -> list[Problem]:
    """Everything that is wrong with these mails; empty when all may be routed."""
    return [
        Problem(row=number, field=field, message=message)
        for number, row in enumerate(rows)
        for field, message in _row_problems(row)
    ]


def is_reply(subject: str) -> bool:
    """Whether the subject says that this answers another mail."""
    return _REPLY.match(subject.lstrip()) is not None


def _row_problems(row: Mapping[str, Any]) -> list[tuple[str, str]]:
    found = [(field, "is missing") for field in FIELDS if field not in row]
    found += [(field, "must not be null") for field in FIELDS if field in row and row[field] is None]
    if found:
        return found
    found = [(field, "must be a text") for field in ("subject", "body", "charset") if not isinstance(row[field], str)]
    if isinstance(row["words"], bool) or not isinstance(row["words"], int | float):
        found.append(("words", "must be a whole number"))
    if not isinstance(row["reply"], bool):
        found.append(("reply", "must be true or false"))
    return found or _contradictions(row)


def _contradictions(row: Mapping[str, Any]) -> list[tuple[str, str]]:
    subject, body = row["subject"], row["body"]
    found = [
        (field, f"must hold at most {most} characters")
        for field, text, most in (("subject", subject, LONGEST_SUBJECT), ("body", body, LONGEST_BODY))
        if len(text) > most
    ]
    if not body.strip():
        found.append(("body", "must not be empty"))
    found += [(f, "is garbled: decoded by the wrong charset") for f in ("subject", "body") if _GARBLED.search(row[f])]
    if row["charset"] not in CHARSETS:
        found.append(("charset", f"must be one of {', '.join(CHARSETS)}"))
    if (counted := len(words_of(body))) != row["words"]:
        found.append(("words", f"does not count the words of the body, which holds {counted}: cut or mixed up"))
    if is_reply(subject) != row["reply"]:
        found.append(("reply", "contradicts the subject"))
    if wrong := _time_problem(row["received_at"]):
        found.append(("received_at", wrong))
    return found


def _time_problem(instant: object) -> str | None:
    if not isinstance(instant, str):
        return "must be an ISO 8601 time with its zone"
    try:
        when = datetime.fromisoformat(instant)
    except ValueError:
        return "must be an ISO 8601 time with its zone"
    return "has no time zone" if when.tzinfo is None else None
