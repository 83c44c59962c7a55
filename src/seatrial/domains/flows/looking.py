"""Records looked for at an exit until all are there: often at first, since most come at once, and then less often."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from seatrial.core.check import Trial
from seatrial.core.ports import Integration, Row

_FIRST_S, _MOST_S = 0.005, 0.05


def seen_within(
    trial: Trial, exit_: Integration, key: str, wanted: Sequence[str], within_s: float
) -> Mapping[str, Sequence[Row]]:
    """All copies of the wanted records, by key, once each has one or `within_s` seconds are over.

    Raises SeatrialError when the exit cannot be observed.
    """
    if not wanted:
        return {}
    until, pause_s = trial.clock.monotonic() + within_s, _FIRST_S
    while len(found := exit_.observe(key, wanted)) < len(wanted):
        if trial.clock.monotonic() > until:
            break
        trial.clock.sleep(pause_s)
        pause_s = min(2.0 * pause_s, _MOST_S)
    return found
