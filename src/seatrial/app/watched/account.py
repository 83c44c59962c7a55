"""What a watch has to say of a stretch of days: how well it watched, what it saw, and how people answered."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np

from seatrial.stats import proportions
from seatrial.stats.means import hoeffding_lower
from seatrial.watch.detectors import DAY_S, Detector, Level
from seatrial.watch.presence import Stretch, gaps, stretches
from seatrial.watch.store import Store, at_time
from seatrial.watch.stream import Stream
from seatrial.watch.watching import NAME

_SURE = 1.645
_MOST_TOLD = 50
"""Gaps and breaches that are told one by one."""


def account(store: Store, streams: Sequence[Stream], *, identity: str, days: int, now: datetime) -> Mapping[str, Any]:
    """The newest `days` whole days (UTC) on the model `identity`, as plain data.

    It begins where the model was first watched, if that is later. Shares are of time; times to an answer in seconds.
    """
    until = math.floor(now.timestamp() / DAY_S) * DAY_S
    mine = [each for each in stretches(store) if each.identity == identity]
    first = math.floor(mine[0].since / DAY_S) * DAY_S if mine else until
    since = min(until, max(until - days * DAY_S, first))
    missing = gaps(mine, since, until)
    lost = sum(end - start for start, end in missing)
    whole = until - since
    alarms = [each for each in store.alarms() if since <= _stamp(each["opened_at"]) < until]
    return {
        "identity": identity,
        "since": at_time(since).isoformat(),
        "until": at_time(until).isoformat(),
        "days": round(whole / DAY_S),
        "days_watched": _days_watched(mine, since, until),
        "watched_share": (whole - lost) / whole if whole else 0.0,
        "longest_gap_s": max((end - start for start, end in missing), default=0.0),
        "gaps": [
            {"since": at_time(start).isoformat(), "until": at_time(end).isoformat()}
            for start, end in missing[:_MOST_TOLD]
        ],
        "gaps_in_all": len(missing),
        **_answers(alarms),
        "performance": list(_performance(store, streams, since, until)),
    }


def _days_watched(mine: Sequence[Stretch], since: float, until: float) -> int:
    """Days in which some watch was there for half of the time or more."""
    days = np.arange(since, until, DAY_S)
    lost = [sum(end - start for start, end in gaps(mine, day, day + DAY_S)) for day in days]
    return sum(each <= DAY_S / 2.0 for each in lost)


def _answers(alarms: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
    """How many alarms there were, and how people answered those that paged."""
    loud = [each for each in alarms if each["level"] != Level.LOOK]
    times = [
        _stamp(each["acknowledged"]["at"]) - _stamp(each["opened_at"]) for each in loud if each.get("acknowledged")
    ]
    breaches = [each for each in alarms if each["level"] == Level.OFFLINE or each["detector"] == "limit"]
    return {
        "alarms": {str(level): sum(each["level"] == level for each in alarms) for level in Level},
        "answered": len(times),
        "unanswered": len(loud) - len(times),
        "mean_time_to_acknowledge_s": float(np.mean(times)) if times else None,
        "longest_time_to_acknowledge_s": max(times, default=None),
        "breaches": len(breaches),
        "breaches_told": [{"at": each["opened_at"], "what": each["summary"]} for each in breaches[:_MOST_TOLD]],
    }


def _performance(store: Store, streams: Sequence[Stream], since: float, until: float) -> Iterator[Mapping[str, Any]]:
    """What needs outcomes: the mean loss of the days, its bound at 95 %, and the limit that it must stay within."""
    kept = store.state(NAME)[1].get("streams", {})
    for stream in streams:
        limits = [each for each in stream.detectors if _is_limit(each)]
        if not stream.labelled or not limits:
            continue
        known = [
            (int(rows), float(total))
            for day, rows, total in kept.get(stream.name, {}).get("history", ())
            if since <= day * DAY_S < until
        ]
        rows, total = sum(n for n, _ in known), sum(t for _, t in known)
        bound = _upper(stream, known) if rows else None
        limit = min(each.mark for each in limits)
        yield {
            "name": stream.name,
            "words": stream.words,
            "rows": rows,
            "loss": total / rows if rows else None,
            "loss_at_most": bound,
            "limit": limit,
            "holds": bound is not None and bound <= limit,
            "says": _says(stream, total / rows if rows else None, bound, limit),
        }


def _is_limit(detector: Detector) -> bool:
    return detector.asks != "counts" and (detector.name == "limit" or detector.level is Level.OFFLINE)


def _upper(stream: Stream, known: Sequence[tuple[int, float]]) -> float:
    """A bound from above on the mean loss at 95 %: over days where rows of one day depend on each other.

    For days it is approximate (normal); for zeros and ones exact; for other values Hoeffding's.
    """
    if stream.by_day:
        means = np.array([total / rows for rows, total in known if rows])
        if means.size < 2:
            return 1.0
        return min(1.0, float(means.mean() + _SURE * means.std(ddof=1) / math.sqrt(means.size)))
    rows, total = sum(n for n, _ in known), sum(t for _, t in known)
    if all(float(t).is_integer() for _, t in known):
        return proportions.upper(int(total), rows)
    return 1.0 - hoeffding_lower(1.0 - total / rows, rows)


def _says(stream: Stream, loss: float | None, bound: float | None, limit: float) -> str:
    if loss is None or bound is None:
        return f"{stream.words}: no outcome is known"
    if stream.good:
        return f"{stream.words} {1.0 - loss:.3f}, certainly {1.0 - bound:.3f} or more; the limit is {1.0 - limit:.3f}"
    return f"{stream.words} {loss:.3f}, certainly {bound:.3f} or less; the limit is {limit:.3f}"


def _stamp(text: str) -> float:
    return datetime.fromisoformat(text).astimezone(UTC).timestamp()
