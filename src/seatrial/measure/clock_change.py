"""Whether times that lie an hour apart are those of people whose clocks were changed between two samples.

Who works by the clock on the wall begins an hour earlier in UTC while summer time holds. Times that are marked as UTC
must show that, and times with the offset of their place must not; of times without a mark nobody can tell.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Literal
from zoneinfo import ZoneInfo

import numpy as np

_NORTH: Final = {
    ZoneInfo("Europe/Berlin"): ((0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 0, 0), (0, 0, 3 / 19, 1, 1, 1, 1, 1, 1, 13 / 19, 0, 0)),
    ZoneInfo("America/New_York"): ((0, 0, 1 / 3, 1, 1, 1, 1, 1, 1, 1, 1 / 6, 0), (0, 0, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0)),
}
"""For each way in which clocks are changed there: shares of summer time up to the 12th of each month, and after it."""
_SHORT_S: Final = 40 * 86_400.0
_POINTS: Final = 200
_LEAST: Final = 0.15
_MOSTLY: Final = 0.99

Marked = Literal["utc", "local", "none"]


def hours_explained(training: Mapping[str, Any], live: Mapping[str, Any]) -> int:
    """By how many hours a change of clocks in the north moves local work in UTC from training to live: -1, 0 or 1.

    Takes two fingerprints. In the south it moves it the other way. 0 where both lie in the same part of the year.
    """
    shares = [(_summer(training, zone), _summer(live, zone)) for zone in _NORTH]
    most = max((now - before for before, now in shares if before is not None and now is not None), key=abs, default=0.0)
    return 0 if abs(most) < _LEAST else -1 if most > 0 else 1


def marked(side: Mapping[str, Any]) -> Marked:
    """How the times of a fingerprint are told: in UTC, with the offset of a place, or without a mark."""
    if side["zones"]:
        return "none" if "none" in side["zones"] else "utc"
    times, forms = side["forms"].get("iso-time", 0), side["forms"]
    if times and forms.get("in-utc", 0) >= _MOSTLY * times:
        return "utc"
    return "local" if times and forms.get("zoned", 0) >= _MOSTLY * times else "none"


def _summer(side: Mapping[str, Any], zone: ZoneInfo) -> float | None:
    """The share of the times that lie in summer time; None where there are no dates."""
    first, last = (side["min"], side["max"]) if side["zones"] else (None, None)
    if first is not None and last is not None and last - first <= _SHORT_S:
        at = [datetime.fromtimestamp(each, UTC).astimezone(zone) for each in np.linspace(first, last, _POINTS)]
        return float(np.mean([each.dst() != timedelta(0) for each in at]))
    early, late = (np.array(side[which], dtype=np.float64) for which in ("early_months", "late_months"))
    shares, n = np.array(_NORTH[zone], dtype=np.float64), early.sum() + late.sum()
    return float((early @ shares[0] + late @ shares[1]) / n) if n else None
