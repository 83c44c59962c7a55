"""When a watch was there: without that, a silent time is no good time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from seatrial.watch.store import Store

GAP_S = 120.0
"""A longer time without a sign of any watch is a gap."""
_NAME = "presence"
_MOST = 2_000


@dataclass(frozen=True, slots=True)
class Stretch:
    """Some watch over this store was there from `since` to `until` (seconds), over the model `identity`."""

    since: float
    until: float
    identity: str


def present(store: Store, now: float, identity: str) -> None:
    """A watch is there now. Several over one store count as one."""

    def change(kept: Any) -> Any:
        stretches = [list(each) for each in kept or ()]
        last = stretches[-1] if stretches else None
        if last is not None and last[2] == identity and -GAP_S <= now - last[1] <= GAP_S:
            last[1] = max(last[1], now)
        else:
            stretches.append([now, now, identity])
        return stretches[-_MOST:]

    store.revise(_NAME, change)


def stretches(store: Store) -> Sequence[Stretch]:
    """When a watch was there, oldest first."""
    return [Stretch(float(since), float(until), str(identity)) for since, until, identity in store.recall(_NAME) or ()]


def gaps(known: Sequence[Stretch], since: float, until: float) -> Sequence[tuple[float, float]]:
    """The times between `since` and `until` in which no watch was there, oldest first.

    >>> gaps([Stretch(10.0, 500.0, "m"), Stretch(900.0, 2000.0, "m")], 0.0, 2000.0)
    [(500.0, 900.0)]
    """
    found, reached = [], since
    for each in sorted(known, key=lambda stretch: stretch.since):
        if each.since - reached > GAP_S:
            found.append((reached, min(each.since, until)))
        reached = max(reached, each.until)
        if reached >= until:
            break
    if until - reached > GAP_S:
        found.append((reached, until))
    return found
