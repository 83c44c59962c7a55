"""Routes mails as dispatchers do when the system is off: by the words of the subject, one row of a sheet per mail done.

A script works through the dispatchers' sheet at a steady pace: it shows that the procedure leads
to a routed mailbox, not how fast a person is.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from seatrial.examples.by_hand import work_through

SHEET: Mapping[str, tuple[str, ...]] = {
    "rpm": ("rpm", "apt", "package", "alsa", "synaptic"),
    "exmh": ("exmh", "sequence", "folder", "ftoc", "patch"),
    "razor": ("razor", "honor", "check"),
    "spamassassin": ("spam", "spamd", "rule", "score", "corpus"),
    "ilug": ("linux", "debian", "kernel", "sun", "install"),
}
OTHERWISE = "fork"
ANSWERS_PER_SHIFT = 8


def routed(mails: Sequence[Mapping[str, str]]) -> Iterator[tuple[str, str]]:
    """Each mail by the first word of the sheet that its subject holds; the rest to the general list."""
    for mail in mails:
        subject = mail["subject"].lower()
        queue = next((queue for queue, words in SHEET.items() if any(w in subject for w in words)), OTHERWISE)
        yield mail["mail_id"], f"routed {mail['mail_id']} to {queue} by hand"


def answered(mails: Sequence[Mapping[str, str]]) -> Iterator[tuple[str, str]]:
    """The shift's list of open mails, oldest first, dealt to the people of the list in turn."""
    for number, mail in enumerate(mails):
        yield mail["mail_id"], f"dealt {mail['mail_id']} to seat {number % ANSWERS_PER_SHIFT + 1}"


def main() -> int:
    """`python -m seatrial.examples.mail_triage.by_hand routing|answering MAILS.jsonl SHEET.csv`."""
    plans = {"routing": routed, "answering": answered}
    mails = [json.loads(line) for line in Path(sys.argv[2]).read_text(encoding="utf-8").splitlines() if line]
    if not mails:
        sys.stderr.write("there are no mails: there is nothing to do\n")
        return 1
    work_through(list(plans[sys.argv[1]](mails)), Path(sys.argv[3]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
