"""A few records put through all flows one after the other, always the same ones, to compare what comes out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from seatrial.core.check import Trial
from seatrial.core.errors import Refused, SeatrialError
from seatrial.core.observation import Json
from seatrial.core.ports import Integration, Row
from seatrial.domains.flows.lanes import templates_of
from seatrial.domains.flows.looking import seen_within
from seatrial.domains.flows.marking import marked, marker, place_of
from seatrial.domains.flows.same_value import same
from seatrial.spec.integration import Flow

RECORDS = 8
_GRACE_S = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Passed:
    """One record: why the entry refused it (None where it did not), and what came out (None for nothing in time)."""

    refused: str | None
    out: Row | None


Sample = Sequence[Passed]
"""What became of the records, in order."""


@dataclass(slots=True)
class Sampler:
    """Sends the same records of one flow again and again, each time under new keys of our own."""

    trial: Trial
    flow: Flow
    templates: list[Row]
    mark: str
    unsteady: set[str] = field(default_factory=set)
    """Fields that differ although nothing was changed; they tell nothing."""
    _sent: int = 0

    @classmethod
    def of(cls, trial: Trial, flow: Flow, number: int) -> Sampler:
        """Raises SeatrialError where there are no records."""
        return cls(trial, flow, templates_of(trial, flow)[:RECORDS], f"{marker(trial, faulty=True)}-{number}")

    def taken(self, put: Callable[[Integration, Row], None]) -> Sample:
        """Put them in and wait for what comes out of each. Raises SeatrialError when nothing can be seen.

        `put` writes a record at the entry; its Refused is our own, and nobody else's.
        """
        entry, exit_ = self.trial.integration(self.flow.from_), self.trial.integration(self.flow.to)
        exit_.listen()
        start = place_of(self.trial, self.flow)
        records = [
            marked(row, self.flow, self.mark, self._sent + at, start=start) for at, row in enumerate(self.templates)
        ]
        self._sent += len(records)

        def refusal(record: Row) -> str | None:
            try:
                put(entry, record)
            except Refused:
                raise
            except SeatrialError as error:
                return error.what
            return None

        # Beside one another: a record that is waited for holds up no other.
        with ThreadPoolExecutor(RECORDS) as pool:
            refused = list(pool.map(refusal, records))
        keys = [str(record[self.flow.key]) for record in records]
        wanted = [key for key, why in zip(keys, refused, strict=True) if why is None]
        found = seen_within(self.trial, exit_, self.flow.key, wanted, self.flow.within + _GRACE_S)
        return [
            Passed(refused=why, out=None if not found.get(key) else found[key][-1])
            for key, why in zip(keys, refused, strict=True)
        ]

    def differing(self, one: Passed, other: Passed) -> tuple[str, ...]:
        """The fields in which what came out differs, but for the key and what is never steady."""
        if one.out is None or other.out is None:
            return ()
        names = dict.fromkeys((*one.out, *other.out))
        return tuple(
            name
            for name in names
            if name != self.flow.key
            and name not in self.unsteady
            and not (name in one.out and name in other.out and _same(one.out[name], other.out[name]))
        )

    def learn(self, one: Sample, other: Sample) -> None:
        """Two samples between which nothing was changed: what differs in them is not steady."""
        for a, b in zip(one, other, strict=True):
            self.unsteady.update(self.differing(a, b))


def _same(one: Json, other: Json) -> bool:
    """As records are compared, but for numbers: the same work done twice gives the same one to the last digit."""
    if isinstance(one, int | float) and isinstance(other, int | float):
        return one == other and isinstance(one, bool) == isinstance(other, bool)
    return same(one, other)
