"""Who notices that an error rate has risen, how soon, and how often for nothing: our detectors beside river's.

Streams of errors at a rate of 0.10; after 1,000 rows the rate changes. river's detectors run at their defaults. Ours is
told the rate that the gate established, which a gate always has; ADWIN and the others find it out for themselves.
Intervals are Clopper-Pearson's at 95 %, of delays the median with its order statistics.
"""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Callable, Iterator

import numpy as np
from scipy.stats import binom

from seatrial.stats import change, proportions

BASE = 0.10
BEFORE, AFTER, QUIET = 1000, 4000, 10_000
RATES = (0.13, 0.15, 0.20, 0.05)
Detector = Callable[[np.ndarray], int]


def ours(threshold: float) -> Detector:
    def first(values: np.ndarray) -> int:
        state = change.Suspicion()
        for start in range(0, values.size, 500):
            state, _, crossed = change.cross(state, values[start : start + 500], BASE, math.log(threshold))
            if crossed is not None:
                return start + crossed[0] + 1
        return 0

    return first


def theirs(make: Callable[[], object]) -> Detector:
    def first(values: np.ndarray) -> int:
        detector = make()
        for i, value in enumerate(values, start=1):
            detector.update(int(value))  # type: ignore[attr-defined]
            if detector.drift_detected:  # type: ignore[attr-defined]
                return i
        return 0

    return first


def detectors() -> Iterator[tuple[str, Detector, int]]:
    yield "e-SR, mean run 1e5 (guaranteed)", ours(1e5), 400
    yield "e-SR, mean run 1e4 (guaranteed)", ours(1e4), 400
    try:
        from river import drift
    except ImportError:
        print("river is not installed: pip install river shows its detectors beside ours")
        return
    yield "ADWIN", theirs(drift.ADWIN), 100
    yield "Page-Hinkley, up", theirs(lambda: drift.PageHinkley(mode="up")), 100
    yield "DDM", theirs(drift.binary.DDM), 100
    yield "EDDM", theirs(drift.binary.EDDM), 100
    yield "HDDM_A", theirs(drift.binary.HDDMA), 100
    yield "HDDM_W", theirs(drift.binary.HDDMW), 100


def share(k: int, n: int) -> str:
    low, high = proportions.lower(k, n, 0.025), proportions.upper(k, n, 0.025)
    return f"{k / n:4.0%} [{low:.0%}, {high:.0%}]"


def median(delays: list[int]) -> str:
    if not delays:
        return "-"
    n, ordered = len(delays), sorted(delays)
    low = max(0, int(binom.ppf(0.025, n, 0.5)) - 1)
    high = min(n - 1, int(binom.ppf(0.975, n, 0.5)))
    return f"{ordered[n // 2]} [{ordered[low]}, {ordered[high]}]"


def main() -> None:
    part = float(sys.argv[1]) if len(sys.argv) > 1 else 1.0
    print(
        f"change at row {BEFORE} from {BASE:.2f}; noticed within {AFTER} rows after it and not before it; median delay"
    )
    for name, detector, most in detectors():
        runs = max(10, math.ceil(most * part))
        start = time.process_time()
        rng = np.random.default_rng(20261127)
        alarms = sum(detector((rng.random(QUIET) < BASE).astype(float)) > 0 for _ in range(runs))
        print(f"\n{name}: {runs} streams\n  unchanged, alarm within {QUIET} rows: {share(alarms, runs)}")
        for rate in RATES:
            firsts = []
            for _ in range(runs):
                before, after = rng.random(BEFORE) < BASE, rng.random(AFTER) < rate
                firsts.append(detector(np.concatenate([before, after]).astype(float)))
            delays = [first - BEFORE for first in firsts if first > BEFORE]
            early = sum(0 < first <= BEFORE for first in firsts)
            noticed = f"{share(len(delays), runs)}, delay {median(delays)}"
            print(f"  to {rate:.2f}: {noticed}" + (f"; before the change {share(early, runs)}" if early else ""))
        print(f"  {time.process_time() - start:.1f} s")


if __name__ == "__main__":
    main()
