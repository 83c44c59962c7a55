"""What to say of a load: too slow and why, failing, or waiting although all limits are kept."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from seatrial.core.observation import Finding, Measure
from seatrial.core.vocabulary import Weight
from seatrial.core.wording import span
from seatrial.domains.load.served import Served, percentiles, plain
from seatrial.spec.load import Load

WHY = "At the hour with the most work the output comes too late to be used."
_GROWTH = 2.0
_NOTABLE = 0.25


def slow(load: Load, measures: Sequence[Measure], full: Served, alone_s: float, rate: float) -> Iterator[Finding]:
    """A gap where a percentile is certainly above its limit, with what single requests tell of the cause."""
    missed = [
        (name, m)
        for (name, _, limit), m in zip(percentiles(load), measures, strict=False)
        if (m.lower is not None and m.lower > limit) or m.value == math.inf
    ]
    if not missed:
        return
    name, worst = missed[-1]
    yield Finding(
        code="too-slow",
        summary=f"At {rate:g} requests a second {name} is {_seconds(worst.value)}, above its limit of "
        f"{_seconds(worst.limit)}{_cause(full, alone_s)}.",
        fields=tuple(f"load.latency.{n}" for n, _ in missed),
        explains=tuple(m.name for _, m in missed),
        why=WHY,
        remedy="Let requests run beside each other (workers, no lock around the model), or declare a lower peak with "
        "operations' agreement.",
        detail={"p95_alone_s": plain(alone_s), "p95_full_s": plain(full.at(0.95))},
    )


def _cause(full: Served, alone_s: float) -> str:
    heavy_s = full.at(0.95)
    if math.isfinite(alone_s) and heavy_s > _GROWTH * alone_s:
        return f"; p95 goes from {_seconds(alone_s)} one at a time to {_seconds(heavy_s)}: requests wait for each other"
    if math.isfinite(alone_s):
        return f"; one at a time p95 is {_seconds(alone_s)} already, so each request takes long by itself"
    return ""


def waits(load: Load, full: Served, alone_s: float) -> Iterator[Finding]:
    """A note where latency grows with the rate to a quarter of its strictest limit, although every limit is kept."""
    heavy_s = full.at(0.95)
    notable = heavy_s > _NOTABLE * min(limit for _, _, limit in percentiles(load))
    if math.isfinite(alone_s) and heavy_s > _GROWTH * alone_s and notable:
        yield Finding(
            code="waits-under-load",
            summary=f"p95 goes from {_seconds(alone_s)} one at a time to {_seconds(heavy_s)} at the full rate.",
            weight=Weight.NOTE,
            remedy="Look where requests wait for each other before the peak grows.",
        )


def failing(errors: Measure, full: Served, rate: float) -> Iterator[Finding]:
    """A gap where certainly too many requests fail."""
    if errors.limit is not None and errors.lower is not None and errors.lower > errors.limit:
        bad = ", ".join(f"{status}: {n}" for status, n in full.statuses.items() if not status.startswith("2"))
        yield Finding(
            code="errors-under-load",
            summary=f"At {rate:g} requests a second {int(full.failed.sum())} of {full.n} fail ({bad}).",
            fields=("load.peak",),
            explains=(errors.name,),
            why=WHY,
            remedy=_likely(full),
            detail={"statuses": dict(full.statuses)},
        )


def _likely(full: Served) -> str:
    """What the status that most failures have tells of the cause."""
    failed = {status: n for status, n in full.statuses.items() if not status.startswith("2")}
    most = max(failed, key=lambda status: failed[status], default="")
    if most == "429":
        return "A rate limit before the model turns requests away: raise it above the peak with headroom."
    if most in ("502", "503", "504"):
        return "The server or its gateway has no room left: find what is used up, such as workers or a pool."
    return "Find in the server's log what fails at this rate: time-outs, pools, memory."


def _seconds(value: float | None) -> str:
    if value is None or not math.isfinite(value):
        return "never"
    return span(value)
