"""What the search at the edges of legal input has shown: how many fail, and how small a failure it would have met."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from seatrial.core.observation import Finding, Measure
from seatrial.core.vocabulary import MeasureKind, Sense, Weight
from seatrial.core.wording import count, percent
from seatrial.domains.model.stressing.probing import Probed
from seatrial.spec.system import System
from seatrial.stats.detection import trials_to_see

EDGES = "edges that fail"
POWER = "power to find the smallest harmful edge"


def failures(found: Sequence[Probed], limit: float) -> Measure:
    """The share of edges that fail: all of them were made, so both bounds are the share itself."""
    n = len(found)
    value = sum(bool(p.failed) for p in found) / n if n else None
    return Measure(
        name=EDGES,
        value=value,
        lower=value,
        upper=value,
        limit=limit,
        sense=Sense.AT_MOST,
        unit="share",
        n=n,
        method="every edge that was made",
    )


def power(system: System, found: Sequence[Probed], *, missed: int) -> Measure:
    """With what chance the smallest failure that matters would have been met, at the weakest edge; 0 if any was missed.

    It only informs where an edge did fail: then the search has found what it was for.
    """
    failed = any(p.failed for p in found)
    quiet = [(p.power(system.policy.smallest_fault_harm), p.stand_for) for p in found if not p.failed]
    weakest, fewest = min(quiet, default=(0.0, 0)) if not missed else (0.0, 0)
    return Measure(
        name=POWER,
        value=weakest,
        lower=weakest,
        upper=weakest,
        limit=system.policy.search_power,
        sense=Sense.AT_LEAST,
        unit="share",
        n=fewest,
        method=f"1 - (1 - {system.policy.smallest_fault_harm:g})^n for the edge with the fewest rows",
        kind=MeasureKind.INFORMATIVE if failed else MeasureKind.VALIDITY,
    )


def too_weak(system: System, found: Sequence[Probed]) -> Iterator[Finding]:
    """Where the rows at an edge are too few to have met the smallest failure that matters: what would be enough."""
    smallest, wanted = system.policy.smallest_fault_harm, system.policy.search_power
    if not found:
        yield Finding(
            code="search-too-weak",
            summary="No edge could be made of the declared inputs, so nothing was tried there.",
            weight=Weight.OPEN,
            fields=("model.inputs",),
            remedy="Declare in model.inputs each field's range or values, and whether it may be null.",
            explains=(POWER,),
        )
        return
    weakest = min(found, key=lambda p: (p.power(smallest), p.stand_for))
    power = weakest.power(smallest)
    if power >= wanted:
        return
    share = smallest / weakest.applies
    more = math.ceil((trials_to_see(min(0.999, share), wanted) - weakest.stand_for) / weakest.applies)
    yield Finding(
        code="search-too-weak",
        summary=f"At the edge '{weakest.edge.name}' {count(weakest.stand_for, 'row')} stood: a failure in "
        f"{percent(min(1.0, share))} of them would have been met with a chance of {percent(power)}.",
        weight=Weight.OPEN,
        fields=("data.evaluation",),
        remedy=f"Give about {count(max(1, more), 'more evaluation row')}; labels are not needed for this."
        if weakest.stand_for
        else "See that the test endpoint answers or refuses what is sent there, then run the check again.",
        explains=(POWER,),
    )
