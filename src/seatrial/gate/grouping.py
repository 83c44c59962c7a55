"""Gaps put together for reading: many of one cause are one line, whoever closes them and wherever they belong."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Final

from seatrial.core.vocabulary import Domain
from seatrial.gate.codes import GATE_CODES
from seatrial.gate.gaps import rerun
from seatrial.gate.verdict import Gap

_TOLD_APART: Final = frozenset({"insufficient", "limit-missed", "not-valid", "withheld", "changed", "unit-differs"})
"""Codes of the gate under which each gap still needs something of its own."""
_FIRST: Final = 3


class By(StrEnum):
    """How gaps are put together."""

    CAUSE = "cause"
    OWNER = "owner"
    DOMAIN = "domain"


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Gaps that are read as one, in the verdict's order."""

    key: str
    title: str
    gaps: tuple[Gap, ...]

    @property
    def requirements(self) -> tuple[str, ...]:
        """What they are about."""
        return tuple(dict.fromkeys(gap.requirement for gap in self.gaps))

    @property
    def owners(self) -> tuple[str, ...]:
        """The names of those who close them."""
        return tuple(dict.fromkeys(gap.owner_name for gap in self.gaps))

    @property
    def due(self) -> date:
        """When the last of them is closed."""
        return max(gap.due for gap in self.gaps)

    @property
    def remedies(self) -> tuple[str, ...]:
        """What to do, each once."""
        found = tuple(dict.fromkeys(gap.remedy for gap in self.gaps if gap.remedy))
        if len(found) > 1 and set(found) == {rerun(gap.requirement) for gap in self.gaps}:
            return (rerun(*self.requirements),)
        return found


def grouped(gaps: Sequence[Gap], by: By) -> tuple[Group, ...]:
    """The gaps in groups; a group stands where its first gap stood."""
    key, title = _WAYS[by]
    found: dict[str, list[Gap]] = {}
    for gap in gaps:
        found.setdefault(key(gap), []).append(gap)
    return tuple(Group(key=name, title=title(own), gaps=tuple(own)) for name, own in found.items())


def _cause(gap: Gap) -> str:
    """Gaps of one general code are one cause; else those that one and the same remedy closes."""
    if gap.code in GATE_CODES and gap.code not in _TOLD_APART:
        return gap.code
    return f"{gap.code} {gap.summary if gap.code == 'changed' else gap.remedy}"


def _told(gaps: Sequence[Gap]) -> str:
    first = gaps[0]
    if len({gap.summary for gap in gaps}) == 1:
        return first.summary
    if first.code in GATE_CODES:
        return GATE_CODES[first.code]
    more = len(gaps) - 1
    return f"{first.summary.removesuffix('.')}; and {more} more that the same closes."


def _domain(gap: Gap) -> str:
    named = gap.requirement.partition(".")[0]
    return named if named in set(Domain) else ""


_WAYS: Final[dict[By, tuple[Callable[[Gap], str], Callable[[Sequence[Gap]], str]]]] = {
    By.CAUSE: (_cause, _told),
    By.OWNER: (lambda gap: gap.owner or "", lambda gaps: gaps[0].owner_name),
    By.DOMAIN: (_domain, lambda gaps: _domain(gaps[0])),
}


def shortened(names: Iterable[str], most: int = _FIRST) -> str:
    """The first of the names, and how many more there are."""
    listed = tuple(names)
    more = f" and {len(listed) - most} more" if len(listed) > most else ""
    return ", ".join(listed[:most]) + more
