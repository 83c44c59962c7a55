"""Keys that a company reserves for test records, where its tables take no others."""

from __future__ import annotations

from collections.abc import Iterator

from seatrial.spec.problem import Problem
from seatrial.spec.section import Section
from seatrial.spec.tree import Document

_DIGITS = "0123456789"


class KeyRange(Section):
    """A range of keys that is reserved for tests: whole numbers, or texts that end in as many digits (`T000000`)."""

    first: int | str
    last: int | str

    @property
    def prefix(self) -> str:
        """What stands before the digits of a text; empty for numbers."""
        return self.first.rstrip(_DIGITS) if isinstance(self.first, str) else ""

    @property
    def bounds(self) -> tuple[int, int]:
        """The first and the last number."""
        first, last = (int(str(each).removeprefix(self.prefix) or 0) for each in (self.first, self.last))
        return first, last

    def key(self, place: int) -> int | str:
        """The key at a place, counted from the first one and again from there behind the last one."""
        first, last = self.bounds
        number = first + place % (last - first + 1)
        if isinstance(self.first, int):
            return number
        return f"{self.prefix}{number:0{len(self.first) - len(self.prefix)}d}"

    def holds(self, key: object) -> bool:
        """Whether a key is of this range."""
        first, last = self.bounds
        if isinstance(self.first, int):
            return isinstance(key, int) and not isinstance(key, bool) and first <= key <= last
        return isinstance(key, str) and len(key) == len(self.first) and str(self.first) <= key <= str(self.last)


def key_range_disagreements(document: Document) -> Iterator[Problem]:
    """Ranges that are none, and two flows into one integration whose ranges meet."""
    seen: list[tuple[str, KeyRange, str]] = []
    for path, node in document.match("flows", "*", "keys"):
        given = {key: child.value for key, child in node.children()} if isinstance(node.value, dict) else {}
        first, last = given.get("first"), given.get("last")
        if not isinstance(first, int | str) or not isinstance(last, int | str):
            continue
        if not _is_range(first, last):
            expected = (
                "two whole numbers, or two texts of one length that end in digits behind the same letters, in order"
            )
            yield document.problem((*path, "last"), expected=expected)
            continue
        entry, name = (document.node((*path[:-1], key)) for key in ("in", "name"))
        mine = KeyRange(first=first, last=last)
        into = str(entry.value) if entry is not None else ""
        for other_into, other, other_name in seen:
            if into == other_into and _meet(mine, other):
                expected = f"other keys than those of the flow {other_name}, which goes into {into} too"
                yield document.problem((*path, "first"), expected=expected)
        seen.append((into, mine, str(name.value) if name is not None else ""))


def _is_range(first: int | str, last: int | str) -> bool:
    if isinstance(first, bool) or isinstance(last, bool) or isinstance(first, int) is not isinstance(last, int):
        return False
    if isinstance(first, int) and isinstance(last, int):
        return 0 <= first < last
    one, other = str(first), str(last)
    prefix = one.rstrip(_DIGITS)
    alike = len(one) == len(other) and other.startswith(prefix) and other[len(prefix) :].isdecimal()
    return alike and one != prefix and one < other


def _meet(one: KeyRange, other: KeyRange) -> bool:
    if (type(one.first), one.prefix) != (type(other.first), other.prefix):
        return False
    (a, b), (c, d) = one.bounds, other.bounds
    return a <= d and c <= b
