"""Answers as people at the help desk do when the bot is off: by the manual's index, one row of a sheet per question.

A script works through the sheet at a steady pace: it shows that the procedure leads to a worked
queue, not how fast a person is.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from seatrial.examples.by_hand import work_through

PAGES: Mapping[str, tuple[str, ...]] = {
    "codes": ("code", "verdict says"),
    "policy": ("default", "policy", "set to"),
    "commands": ("command", "seatrial "),
    "requirements": ("model.", "data.", "integration.", "organization.", "governance.", "ownership."),
}
OTHERWISE = "guides"


def looked_up(questions: Sequence[Mapping[str, str]]) -> Iterator[tuple[str, str]]:
    """The page of the manual on which a person looks for each question."""
    for each in questions:
        text = each["question"].lower()
        page = next((page for page, words in PAGES.items() if any(word in text for word in words)), OTHERWISE)
        yield each["question_id"], f"answered {each['question_id']} from {page} by hand"


def main() -> int:
    """`python -m seatrial.examples.answer_bot.by_hand QUESTIONS.jsonl SHEET.csv`."""
    lines = Path(sys.argv[1]).read_text(encoding="utf-8").splitlines()
    questions = [json.loads(line) for line in lines if line]
    if not questions:
        sys.stderr.write("there are no questions: there is nothing to do\n")
        return 1
    work_through(list(looked_up(questions)), Path(sys.argv[2]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
