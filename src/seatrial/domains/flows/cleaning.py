"""Test records taken away again where an end says how, and looked for afterwards; what remains is told by its keys."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from seatrial.core.check import Trial
from seatrial.core.errors import SeatrialError
from seatrial.core.observation import Finding, Json
from seatrial.core.ports import Removing
from seatrial.core.vocabulary import Weight
from seatrial.domains.flows.driving import Lane
from seatrial.domains.flows.lanes import end_of
from seatrial.spec.system import System

CODES = {"records-not-removed": "Test records that should have been taken away again are still there."}
_LOOKED_AT = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Remains:
    """What is left at one end of one lane. `declared` tells whether it says how to remove, `production` where it is."""

    flow: str
    integration: str
    first_key: str
    last_key: str
    records: int
    declared: bool
    production: bool
    seen: int | None = None
    """How many were still seen afterwards; None where nobody can look."""
    problem: str = ""

    @property
    def failed(self) -> bool:
        """Whether they should be gone and are not."""
        return self.declared and bool(self.problem or self.seen)

    @property
    def state(self) -> str:
        """What became of them, in words."""
        if not self.declared:
            return "left there: the end declares no remove"
        if self.problem:
            return f"not removed: {self.problem}"
        if self.seen is None:
            return "removed; nobody can look there"
        return f"removed; {self.seen} seen afterwards"

    def told(self) -> Json:
        """As a fact of the evidence."""
        return {
            "flow": self.flow,
            "integration": self.integration,
            "end": "production" if self.production else "test",
            "keys": f"{self.first_key} to {self.last_key}",
            "records at most": self.records,
            "state": self.state,
        }


class Cleanup:
    """Takes the records of the lanes that it was given away at both of their ends when the block ends, however it ends.

    What an end does then never raises; `remains` tells it. Where the process is killed, or an end did not let go of
    them, the trace stays from which whoever comes next takes them away.
    """

    def __init__(self, system: System, trial: Trial) -> None:
        self._system = system
        self._trial = trial
        self._trace = trial.record_trace()
        self._lanes: list[Lane] = []
        self.remains: tuple[Remains, ...] = ()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self.remains = tuple(
            taken_away(
                self._system, self._trial, flow=lane.flow.name, key=lane.flow.key, keys=lane.keys, integration=name
            )
            for lane in self._lanes
            for name in (lane.flow.from_, lane.flow.to)
        )
        if not any(left.failed for left in self.remains):
            self._trace.taken_away()

    def add(self, lane: Lane) -> Lane:
        """The lane, whose records will be taken away. Raises SeatrialError where nobody could, were it killed."""
        ends = list(dict.fromkeys((lane.flow.from_, lane.flow.to)))
        self._trace.putting_in(lane.flow.name, lane.flow.key, lane.keys, ends)
        self._lanes.append(lane)
        return lane

    def told(self) -> Json:
        """What remains, as a fact of the evidence."""
        return [left.told() for left in self.remains]

    def findings(self) -> Iterator[Finding]:
        """What should be gone and is not: a gap in production, else a note."""
        return not_removed(self.remains)


def taken_away(system: System, trial: Trial, *, flow: str, key: str, keys: Sequence[str], integration: str) -> Remains:
    """Take records of ours away at one integration, where it says how, and look for them afterwards. Never raises."""
    section = system.integrations[integration]
    end = end_of(section, windows=True)
    seen, problem = None, ""
    declared = end is not None and end.remove is not None
    if declared and end is not None:
        try:
            opened = trial.integration(integration)
            if not isinstance(opened, Removing):
                problem = "records of this kind of integration cannot be removed"
            else:
                opened.remove(key, keys)
                if section.tells(end, "observe"):
                    seen = sum(
                        len(opened.observe(key, keys[at : at + _LOOKED_AT])) for at in range(0, len(keys), _LOOKED_AT)
                    )
        except SeatrialError as error:
            problem = error.what
    return Remains(
        flow=flow,
        integration=integration,
        first_key=keys[0],
        last_key=keys[-1],
        records=len(keys),
        declared=declared,
        production=end is section.production and end is not None,
        seen=seen,
        problem=problem,
    )


def not_removed(remains: Sequence[Remains]) -> Iterator[Finding]:
    """A finding for each end at which records should be gone and are not."""
    for left in remains:
        if left.failed:
            where = "production" if left.production else "test"
            yield Finding(
                code="records-not-removed",
                summary=f"Test records of {left.flow} are still at {left.integration}: "
                f"{left.problem or f'{left.seen} were seen after their removal'}.",
                weight=Weight.GAP if left.production else Weight.NOTE,
                fields=(f"integrations.{left.integration}.{where}.remove",),
                why="What was put in for a test must not become somebody's work." if left.production else "",
                remedy=f"Remove the records with the keys {left.first_key} to {left.last_key} by hand, and correct "
                f"integrations.{left.integration}.{where}.remove.",
            )
