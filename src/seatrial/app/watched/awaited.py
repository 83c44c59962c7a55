"""What must come again and again after launch: predictions, outcomes, signs of life, fresh records of every source."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

from seatrial.app.folder.outside import Outside
from seatrial.core.errors import Malformed, SeatrialError
from seatrial.core.ports import Integration
from seatrial.spec.data import Freshness
from seatrial.spec.system import System
from seatrial.watch.detectors import DAY_S, Level
from seatrial.watch.events import Kind
from seatrial.watch.store import Store
from seatrial.watch.watching import Awaited

_RECORDS = 50
_OFTEN = 10
"""A source is looked at so many times within the age that it may have."""
_LEAST_S, _MOST_S = 1.0, 10.0


def awaited(system: System, store: Store, outside: Outside) -> Iterator[Awaited]:
    """Each with the time that its declaration allows; what declares none is not listened for."""
    if system.watch.heartbeat is not None:
        yield Awaited(
            name="heartbeat",
            words="predictions",
            last=_newest(store, Kind.PREDICTION),
            within_s=system.watch.heartbeat,
        )
    if system.watch.at_least is not None:
        yield _volume(store, max(1, math.ceil(system.watch.at_least * DAY_S)))
    if system.watch.labels_within is not None:
        yield Awaited(
            name="outcomes",
            words="outcomes, without which the watch is blind",
            last=_newest(store, Kind.OUTCOME),
            within_s=system.watch.labels_within,
        )
    for rule in system.governance.offline_when:
        if rule.heartbeat is not None:
            yield Awaited(
                name="offline.heartbeat",
                words="the take-offline rule on predictions fires",
                last=_newest(store, Kind.PREDICTION),
                within_s=rule.heartbeat,
                level=Level.OFFLINE,
            )
    for declared in system.data.freshness:
        newest = _polled(outside, system, declared)
        yield Awaited(
            name=f"freshness.{declared.source}",
            words=f"fresh records of {declared.source}",
            last=newest,
            within_s=declared.at_most,
            by_arrival=False,
        )
        for rule in system.governance.offline_when:
            if rule.freshness == declared.source and rule.older_than is not None:
                yield Awaited(
                    name=f"offline.{declared.source}",
                    words=f"the take-offline rule on {declared.source} fires",
                    last=newest,
                    within_s=rule.older_than,
                    level=Level.OFFLINE,
                    by_arrival=False,
                )


def _volume(store: Store, fewest: int) -> Awaited:
    """So many predictions within a day: the time since which that many have come is what must not be longer ago."""
    return Awaited(
        name="volume",
        words="predictions",
        last=_seldom(lambda: store.arrived(Kind.PREDICTION, ago=fewest)),
        within_s=DAY_S,
        by_arrival=False,
        lacks=f"fewer than {fewest:,}",
    )


def _seldom(ask: Callable[[], float | None]) -> Callable[[], float | None]:
    """The answer of a moment ago: where there are very many, counting them takes a while."""
    asked_at, known = -float("inf"), None

    def last() -> float | None:
        nonlocal asked_at, known
        if time.monotonic() - asked_at >= _MOST_S:
            asked_at, known = time.monotonic(), ask()
        return known

    return last


def _newest(store: Store, kind: Kind) -> Callable[[], float | None]:
    def last() -> float | None:
        newest = store.newest(kind)
        return None if newest is None else newest.arrived

    return last


def _polled(outside: Outside, system: System, declared: Freshness) -> Callable[[], float | None]:
    """The time of the newest record of a source, asked for often enough and not more often."""
    every = min(max(declared.at_most / _OFTEN, _LEAST_S), _MOST_S)
    asked_at = -float("inf")
    known: float | None = None

    def last() -> float | None:
        nonlocal asked_at, known
        if time.monotonic() - asked_at >= every:
            asked_at = time.monotonic()
            try:
                records = _source(outside, system, declared.source).read(_RECORDS)
            except SeatrialError:
                # What is gone grows no younger: it goes stale from what was known of it.
                if known is None:
                    raise
                return known
            times = [_time(record.get(declared.at), declared) for record in records]
            known = max(times, default=known)
        return known

    return last


def _source(outside: Outside, system: System, name: str) -> Integration:
    """The source where production reads it, where that is declared."""
    return outside.production(name) if system.integrations[name].production else outside.integration(name)


def _time(value: object, declared: Freshness) -> float:
    try:
        when = value if isinstance(value, datetime) else datetime.fromisoformat(str(value))
    except ValueError:
        raise Malformed(f"{declared.source}.{declared.at} holds {value!r}, which is no time") from None
    if when.tzinfo is None:
        raise Malformed(f"{declared.source}.{declared.at} holds {value!r}, which has no time zone")
    return when.astimezone(UTC).timestamp()
