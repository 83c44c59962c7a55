"""What a run will do: its stages and checks as plain data, in the order in which they should run."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from seatrial.core.observation import Json
from seatrial.core.vocabulary import Domain
from seatrial.engine.seeds import derive


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """A check or a stage that will run in a process of its own.

    `entry` is `package.module:function`; it is called there with `arguments` (plain data), the derived seed and a
    `Say`, and returns an Observation or a Reason (a stage also: a mapping of plain data). `needs` names the stages
    that must have ended. `alone` keeps everything else still, `alone_at_system` everything but what `only_reads`; what
    looks `before_traffic` runs first. `draw` is what its seed comes from in place of the run's. `grace_s` is how long
    it may restore when stopped.
    """

    id: str
    title: str
    entry: str
    arguments: Mapping[str, Json] = field(default_factory=dict)
    requirement: str = ""
    """Empty for a stage."""
    needs: tuple[str, ...] = ()
    alone: bool = False
    alone_at_system: bool = False
    only_reads: bool = False
    before_traffic: bool = False
    draw: str | None = None
    budget_s: float = 60.0
    grace_s: float = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """One run: stages, checks in order, and the ids of the checks whose evidence is kept from before."""

    run: str
    system: str
    seed: int
    stages: tuple[Work, ...] = ()
    checks: tuple[Work, ...] = ()
    kept: tuple[str, ...] = ()

    def seed_of(self, work: Work) -> int:
        """The seed of one check or stage in this run."""
        return derive(self.seed if work.draw is None else work.draw, work.id)


def ordered(checks: Iterable[Work]) -> tuple[Work, ...]:
    """First what looks at real traffic; then by domain, data first and ownership last, in each what runs alone last.

    What is alone at the tested system comes before that: what only reads goes on beside it.
    """
    rank = {domain.value: place for place, domain in enumerate(Domain)}

    def place(work: Work) -> tuple[bool, int, bool, bool]:
        domain = rank.get(work.requirement.split(".")[0], len(rank))
        return not work.before_traffic, domain, work.alone, work.alone_at_system

    return tuple(sorted(checks, key=place))
