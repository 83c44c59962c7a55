"""What one stream of a load came to: latencies that leave nothing out, their bounded percentiles, the failures."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from seatrial.core.ports import LoadResult
from seatrial.spec.load import Load
from seatrial.spec.system import System
from seatrial.stats import quantiles
from seatrial.stats.arrivals import expected_for

WARM_UP = 0.1
"""Share of the judged time that is discarded by rule."""
LAG_SHARE = 0.1
"""The generator may be late by this share of the largest limit."""
ISSUED_LEAST = 0.99
SHOWN_LONGER = 3.0
"""A demonstration drives at most so many times as long as its policy has it, however slowly it gets what it needs."""
_LONGEST_S = 900.0
_MOST_IN_FLIGHT = 20_000
_OTHER_FILES = 128


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """What a stream did, without its warm-up: latencies in order of schedule, infinite for what failed."""

    at_s: npt.NDArray[np.float64]
    latency_s: npt.NDArray[np.float64]
    failed: npt.NDArray[np.bool_]
    statuses: Mapping[str, int]
    place: npt.NDArray[np.int64]
    """Which of the planned requests each is."""

    @property
    def n(self) -> int:
        """Requests."""
        return int(self.latency_s.size)

    def only(self, which: npt.NDArray[np.bool_]) -> Served:
        """Those of the planned requests; statuses stay those of all."""
        kept = which[self.place]
        return replace(
            self, at_s=self.at_s[kept], latency_s=self.latency_s[kept], failed=self.failed[kept], place=self.place[kept]
        )

    def at(self, share: float) -> float:
        """The empirical percentile; infinite where so many failed, NaN where there were no requests."""
        if not self.n:
            return math.nan
        return float(np.sort(self.latency_s)[min(self.n - 1, math.ceil(share * self.n) - 1)])


def served(result: LoadResult, *, ramp_s: float = 0.0, without: npt.NDArray[np.bool_] | None = None) -> Served:
    """A stream's result without the time in which its rate climbed, the first tenth of the rest, and those requests."""
    at = np.asarray(result.scheduled_s, dtype=np.float64)
    status = np.asarray(result.status, dtype=np.int64)
    last = float(at[-1]) if at.size else 0.0
    kept = at >= ramp_s + WARM_UP * max(0.0, last - ramp_s)
    if without is not None:
        kept &= ~without
    failed = ~((status >= 200) & (status < 300))
    latency = np.where(failed, np.inf, np.asarray(result.latency_s, dtype=np.float64))
    kinds = {"0": "no answer", "-1": "dropped"}
    counts = {kinds.get(str(s), str(s)): int((status[kept] == s).sum()) for s in np.unique(status[kept])}
    return Served(
        at_s=at[kept],
        latency_s=latency[kept],
        failed=failed[kept],
        statuses=counts,
        place=np.flatnonzero(kept).astype(np.int64),
    )


def percentiles(load: Load) -> list[tuple[str, float, float]]:
    """Name, share and limit in seconds, the lowest share first."""
    return sorted(((name, float(name[1:]) / 100.0, limit) for name, limit in load.latency.items()), key=lambda p: p[1])


def enough_s(system: System, load: Load, rate: float) -> float:
    """How long that rate must be driven so that chance hardly ever brings too little to bound percentiles and failures.

    The warm-up is counted in, a time in which the rate climbs is not.
    """
    allowed, confidence = errors_limit(system), system.policy.confidence
    fewest = max(quantiles.fewest(percentiles(load)[-1][1], confidence), 2 * system.policy.load_blocks)
    if 0.0 < allowed < 1.0:
        fewest = max(fewest, math.ceil(math.log(1.0 - confidence) / math.log(1.0 - allowed)))
    return expected_for(fewest) / (rate * (1.0 - WARM_UP))


def driven_s(system: System, load: Load, rate: float) -> float:
    """How long that rate is driven: as declared, or as the policy has it and until it can have brought enough."""
    if load.duration:
        return load.duration
    least_s = system.policy.load_duration
    longest_s = SHOWN_LONGER * least_s if system.policy.demonstration else _LONGEST_S
    return max(least_s, min(longest_s, enough_s(system, load, rate)))


def upper_s(system: System, full: Served, share: float) -> float | None:
    """The larger of the bound by order statistics and that over blocks of time; None for too few requests."""
    confidence, blocks = system.policy.confidence, system.policy.load_blocks
    if full.n < max(quantiles.fewest(share, confidence), 2 * blocks):
        return None
    pooled = quantiles.upper(full.latency_s, share, confidence)
    dependent = quantiles.block_bootstrap_upper(full.latency_s, share, confidence=confidence, blocks=blocks)
    return None if pooled is None else max(pooled, dependent)


def lag_s(result: LoadResult) -> float:
    """The p99 of how late the generator itself was; infinite where it was to send nothing."""
    lag = np.sort(np.asarray(result.lag_s, dtype=np.float64))
    return float(lag[min(lag.size - 1, math.ceil(0.99 * lag.size) - 1)]) if lag.size else math.inf


def lag_limit_s(load: Load) -> float:
    """How late it may be."""
    return LAG_SHARE * percentiles(load)[-1][2]


def issued(result: LoadResult) -> float:
    """The share of the planned requests that were not dropped."""
    status = np.asarray(result.status, dtype=np.int64)
    return float((status != -1).mean()) if status.size else 0.0


def errors_limit(system: System) -> float:
    """The share of requests that may fail."""
    declared = system.load.errors if system.load is not None else None
    return system.policy.load_errors if declared is None else declared


def timeout_s(system: System, load: Load) -> float:
    """Ten times the largest limit is as bad as never."""
    return min(system.model.timeout, max(2.0, 10.0 * max(load.latency.values())))


def in_flight(rate: float, timeout_s: float) -> int:
    """So many that only the generator, never a slow target, could make it drop a request; within what may be opened."""
    import resource

    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    allowed = _MOST_IN_FLIGHT if hard == resource.RLIM_INFINITY else min(_MOST_IN_FLIGHT, hard - _OTHER_FILES)
    return max(64, min(math.ceil(2.0 * rate * timeout_s) + 64, allowed))


def plain(value: float) -> float | None:
    """The value where it is a number, else None: evidence holds no infinities."""
    return value if math.isfinite(value) else None
