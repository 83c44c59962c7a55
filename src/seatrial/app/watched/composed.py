"""Everything that a watch holds of a system, as streams that share one budget of false alarms."""

from __future__ import annotations

from collections.abc import Iterator

from seatrial.app.watched.budget import Budget, budget_of
from seatrial.app.watched.confidence import calibration
from seatrial.app.watched.performance import Unwatched, performance
from seatrial.app.watched.reference import Reference
from seatrial.app.watched.traffic import traffic
from seatrial.core.observation import Observation
from seatrial.spec.system import System
from seatrial.watch.detectors import Level
from seatrial.watch.stream import Stream


def composed(
    system: System, reference: Reference, known: Observation | None, identity: str
) -> tuple[list[Stream], list[Unwatched], Budget]:
    """The streams, the limits that none of them holds, and the budget.

    `known` is what the gate saw of `model.threshold`, `identity` the model that GO was given for, empty where none was.
    They are composed twice, because how strict each is depends on how many there are.
    """
    budget = budget_of(system, pages=1, trips=1)
    streams: list[Stream] = []
    unwatched: list[Unwatched] = []
    for _ in range(2):
        made = [
            *performance(system, reference, known, budget),
            *calibration(system, reference, budget),
            *traffic(system, reference, identity, budget),
        ]
        streams = [each for each in made if isinstance(each, Stream)]
        unwatched = [each for each in made if isinstance(each, Unwatched)]
        levels = [d.level for stream in streams for d in stream.detectors if d.asks != "counts"]
        budget = budget_of(system, pages=levels.count(Level.PAGE), trips=levels.count(Level.OFFLINE))
    if known is None:
        why = "no run has established model.threshold yet, so there is nothing to measure a change from"
        unwatched.append(Unwatched(name="changes of the metrics", why=why))
    return streams, [*unwatched, *_undeclared(system)], budget


def _undeclared(system: System) -> Iterator[Unwatched]:
    """What nobody would be told of, since the declaration does not say when it is too long or too few."""
    if system.watch.heartbeat is None and system.watch.at_least is None:
        why = "watch.heartbeat and watch.at_least are not declared: nobody is told where predictions cease"
        yield Unwatched(name="volume", why=why)
    if system.watch.labels_within is None:
        why = "watch.labels_within is not declared: nobody is told where outcomes cease and the watch is blind"
        yield Unwatched(name="outcomes", why=why)
