"""What a few timed rehearsals say about the next one.

Three layers: without any assumption (the largest time seen), with log-normal times (prediction and tolerance bounds),
and the procedure's success probability (see `proportions`). Assumption: rehearsals are independent and like the real
thing. Guarantee: exact under the stated model; the log standard deviation is taken as at least 0.25, because three
timings can be alike by luck. Source: Hahn and Meeker, Statistical Intervals (1991); NIST/SEMATECH e-Handbook 7.2.6.3.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

SMALLEST_LOG_DEVIATION = 0.25


def next_within_largest(k: int) -> float:
    """The probability that the next drill takes no longer than the longest of k: k/(k+1).

    >>> next_within_largest(3)
    0.75
    """
    return k / (k + 1)


def content_of_largest(k: int, alpha: float = 0.05) -> float:
    """The share of all drills that stay within the longest of k, with confidence 1 - alpha.

    It is also the success probability that k clean drills establish.

    >>> [round(content_of_largest(k), 3) for k in (3, 5, 10, 29, 59)]
    [0.368, 0.549, 0.741, 0.902, 0.95]
    """
    return alpha ** (1.0 / k) if k else 0.0


def prediction_factor(k: int, alpha: float = 0.05) -> float:
    """How many standard deviations above the mean of k log times the next one lies at most.

    >>> [round(prediction_factor(k), 3) for k in (2, 3, 4, 5, 10)]
    [7.733, 3.372, 2.631, 2.335, 1.923]
    """
    from scipy.stats import t

    return float(t.ppf(1.0 - alpha, k - 1)) * math.sqrt(1.0 + 1.0 / k)


def tolerance_factor(k: int, *, content: float = 0.9, confidence: float = 0.95) -> float:
    """How many standard deviations above the mean of k log times the share `content` of all drills lies.

    >>> [round(tolerance_factor(k), 3) for k in (3, 4, 5, 6, 10)]
    [6.155, 4.162, 3.407, 3.006, 2.355]
    """
    from scipy.special import ndtri
    from scipy.stats import nct

    root = math.sqrt(k)
    return float(nct.ppf(confidence, k - 1, float(ndtri(content)) * root)) / root


def prediction_bound(seconds: Sequence[float], alpha: float = 0.05) -> float:
    """An upper bound on how long the next drill takes; infinity for fewer than two. Raises ValueError unless all > 0.

    >>> round(prediction_bound([100.0, 100.0, 100.0]))
    232
    """
    mean, deviation = _log_moments(seconds)
    if len(seconds) < 2:
        return math.inf
    return math.exp(mean + prediction_factor(len(seconds), alpha) * deviation)


def tolerance_bound(seconds: Sequence[float], *, content: float = 0.9, confidence: float = 0.95) -> float:
    """A time within which the share `content` of all drills stays, with that confidence; infinity for fewer than two.

    >>> round(tolerance_bound([100.0, 100.0, 100.0]))
    466
    """
    mean, deviation = _log_moments(seconds)
    if len(seconds) < 2:
        return math.inf
    return math.exp(mean + tolerance_factor(len(seconds), content=content, confidence=confidence) * deviation)


def _log_moments(seconds: Sequence[float]) -> tuple[float, float]:
    if not all(math.isfinite(s) and s > 0 for s in seconds):
        raise ValueError("drill times must be finite and positive")
    if len(seconds) < 2:
        return 0.0, SMALLEST_LOG_DEVIATION
    logs = [math.log(s) for s in seconds]
    mean = math.fsum(logs) / len(logs)
    variance = math.fsum((x - mean) ** 2 for x in logs) / (len(logs) - 1)
    return mean, max(SMALLEST_LOG_DEVIATION, math.sqrt(variance))
