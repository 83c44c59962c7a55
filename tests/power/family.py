"""Families of worlds on which a check must raise a gap, and of harmless ones on which it must not.

A family is a function from a seed to one world, judged: it makes a system with a planted defect (or a harmless
change), runs the real check on it, and tells whether the gate would let it pass. Every module `power/families_*.py`
lists its own in `FAMILIES`; they are found by their name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

from seatrial.core.check import Check
from seatrial.core.observation import Observation, Reason
from seatrial.core.vocabulary import Outcome
from seatrial.gate.judging import judge
from seatrial.spec.system import System
from seatrial.stats import proportions

ALPHA = 0.05
"""Each shown bound is one-sided at this rate."""
DOUBT = 0.01
"""A test fails only when a rate lies beyond what is claimed by a bound at this rate."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """`caught(seed)` is True when the check, judged as the gate judges, does not come out MET on that seed's world.

    `claimed` is the least share of harmful worlds that are caught, or the largest share of harmless ones that are;
    None where the rate is only shown, because the harm is smaller than what the check claims to see. `times` where the
    check judges times, so that a busy machine catches more.
    """

    requirement: str
    name: str
    harmful: bool
    caught: Callable[[int], bool]
    worlds: int = 60
    claimed: float | None = -1.0
    times: bool = False

    @property
    def claim(self) -> float | None:
        """What is claimed: 80 % of harmful worlds, and 5 % of harmless ones, where the family says nothing else."""
        if self.claimed is None or self.claimed >= 0.0:
            return self.claimed
        return 0.8 if self.harmful else 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """How many of the worlds were caught, and the exact one-sided bounds of the rate (Clopper-Pearson)."""

    family: Family
    caught: int
    worlds: int

    @property
    def value(self) -> float:
        """The share of worlds that were caught."""
        return self.caught / self.worlds

    def lower(self, alpha: float = ALPHA) -> float:
        """Lower bound of the rate."""
        return proportions.lower(self.caught, self.worlds, alpha)

    def upper(self, alpha: float = ALPHA) -> float:
        """Upper bound of the rate."""
        return proportions.upper(self.caught, self.worlds, alpha)

    @property
    def contradicts(self) -> bool:
        """True when the worlds seen are hardly possible under what is claimed."""
        claim = self.family.claim
        if claim is None:
            return False
        return self.upper(DOUBT) < claim if self.family.harmful else self.lower(DOUBT) > claim


def judged(check: Check[System], system: System, found: Observation | Reason) -> Outcome:
    """The outcome that the gate gives the check's requirement on this observation alone, by today's limits."""
    if isinstance(found, Reason):
        return Outcome.NOT_DETERMINED
    return judge(found, {limit.measure: limit for limit in check.limits(system)}).outcome


def measured(family: Family, worlds: int) -> Rate:
    """The family's rate over the first `worlds` seeds."""
    return Rate(family=family, caught=sum(family.caught(seed) for seed in range(worlds)), worlds=worlds)


def families() -> Iterator[Family]:
    """All of them, ordered by requirement, harmful ones first."""
    names = sorted(path.stem for path in Path(__file__).parent.glob("families_*.py"))
    found = [family for name in names for family in import_module(f"power.{name}").FAMILIES]
    yield from sorted(found, key=lambda family: (family.requirement, not family.harmful))


def counted(number: int) -> tuple[int, int]:
    """The place of a family among all, and how many of its worlds were caught: plain data, to run in a pool."""
    family = list(families())[number]
    return number, measured(family, family.worlds).caught
