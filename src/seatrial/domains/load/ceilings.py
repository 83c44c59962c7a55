"""What a load is held to: shares and limits from above, and whether its generator kept the plan."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from seatrial.core.observation import Measure, Threshold
from seatrial.core.vocabulary import MeasureKind, Sense
from seatrial.domains.load.served import errors_limit
from seatrial.spec.system import System
from seatrial.stats import proportions


def failed_share(
    system: System, name: str, failed: tuple[int, int], *, kind: MeasureKind = MeasureKind.GATE
) -> Measure:
    """The share of requests that failed, so many of so many, with exact bounds against the declared limit."""
    return share_at_most(system, name, failed, errors_limit(system), "requests", kind=kind)


def share_at_most(
    system: System,
    name: str,
    counted: tuple[int, int],
    limit: float,
    needed_unit: str,
    *,
    kind: MeasureKind = MeasureKind.GATE,
) -> Measure:
    """So many of so many, with exact bounds against a limit from above, and how many more would settle it.

    Without any it has no value, and nothing is said of how many it takes.
    """
    (count, n), alpha = counted, 1.0 - system.policy.confidence
    return Measure(
        name=name,
        value=count / n if n else None,
        lower=proportions.lower(count, n, alpha) if n else None,
        upper=proportions.upper(count, n, alpha) if n else None,
        limit=limit,
        sense=Sense.AT_MOST,
        unit="share",
        n=n,
        method="Clopper-Pearson",
        confidence=system.policy.confidence,
        kind=kind,
        needed=(proportions.more_to_clear_ceiling(count, n, limit, alpha) or None) if n and limit < 1.0 else None,
        needed_unit=needed_unit,
    )


def kept_plan(name: str, value: float, limit: float, sense: Sense, unit: str, n: int) -> Measure:
    """Whether our own generator kept its plan, which is known exactly, over so many planned requests."""
    return Measure(
        name=name,
        value=value,
        lower=value,
        upper=value,
        limit=limit,
        sense=sense,
        unit=unit,
        n=n,
        kind=MeasureKind.VALIDITY,
    )


def ceilings(system: System, requirement: str, told: Iterable[tuple[str, float, str]]) -> Iterator[Threshold]:
    """A limit from above for each measure: its name, the limit, and the unit of both."""
    for name, limit, unit in told:
        yield Threshold(
            requirement=requirement,
            measure=name,
            sense=Sense.AT_MOST,
            limit=limit,
            unit=unit,
            confidence=system.policy.confidence,
        )
