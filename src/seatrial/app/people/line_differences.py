"""What changed between two versions of a text, line by line, as somebody reads it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from difflib import SequenceMatcher
from enum import StrEnum
from typing import Final

from seatrial.core.errors import Malformed
from seatrial.spec.word import is_word, word_markdown

_AROUND: Final = 3
_MOST_LINES: Final = 4000


class Change(StrEnum):
    """What became of a line."""

    SAME = "same"
    ADDED = "added"
    REMOVED = "removed"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class Line:
    """One line: its number before and after, None where it is not there. One that is skipped stands for `text` many."""

    change: Change
    before: int | None
    after: int | None
    text: str


def text_of(content: bytes | None) -> str | None:
    """The content as text, that of a Word document as Markdown; None where it is none."""
    if content is not None and is_word(content):
        with suppress(Malformed):
            return word_markdown(content, name="document")
        return None
    if content is None or b"\0" in content or content.startswith(b"%PDF-"):
        return None
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return None


def line_differences(before: str, after: str) -> tuple[Line, ...] | None:
    r"""The changed lines with a few around them; None for texts that are too long to be compared by lines.

    >>> [f"{line.change.value} {line.text}" for line in line_differences("one\ntwo\n", "one\n2\n")]
    ['same one', 'removed two', 'added 2']
    """
    old, new = before.splitlines(), after.splitlines()
    if max(len(old), len(new)) > _MOST_LINES:
        return None
    if old == new:
        return ()
    found: list[Line] = []
    for tag, i, j, k, m in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if tag == "equal":
            found += _equal(old, i, j, k, last=j == len(old) and m == len(new))
            continue
        found += [Line(Change.REMOVED, n + 1, None, old[n]) for n in range(i, j)]
        found += [Line(Change.ADDED, None, n + 1, new[n]) for n in range(k, m)]
    return tuple(found)


def _equal(old: Sequence[str], i: int, j: int, k: int, *, last: bool) -> Iterator[Line]:
    lead = _AROUND if i else 0
    tail = 0 if last else _AROUND
    shown = [n for n in range(i, j) if n < i + lead or n >= j - tail]
    if j - i - len(shown) <= 1:
        shown = list(range(i, j))
    gap = next((at for at, n in enumerate(shown) if n != i + at), len(shown))
    for n in shown[:gap]:
        yield Line(Change.SAME, n + 1, k + n - i + 1, old[n])
    if left := j - i - len(shown):
        yield Line(Change.SKIPPED, None, None, str(left))
    for n in shown[gap:]:
        yield Line(Change.SAME, n + 1, k + n - i + 1, old[n])
