"""Latencies as an HDR histogram: compact, exact to three digits, to be read and added up by other tools."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

LOWEST_US, HIGHEST_US, DIGITS = 1, 3_600_000_000, 3


def encoded(latency_s: npt.NDArray[np.float64], *, unanswered_s: float) -> str:
    """Microseconds in HdrHistogram's compressed format, base64. What failed stands at `unanswered_s`.

    >>> import numpy as np
    >>> from hdrh.histogram import HdrHistogram
    >>> text = encoded(np.array([0.001] * 99 + [np.inf]), unanswered_s=2.0)
    >>> found = HdrHistogram.decode(text)
    >>> found.get_total_count(), round(found.get_value_at_percentile(100) / 1e6, 2)
    (100, 2.0)
    """
    from hdrh.histogram import HdrHistogram

    histogram = HdrHistogram(LOWEST_US, HIGHEST_US, DIGITS)
    finite = np.where(np.isfinite(latency_s), latency_s, unanswered_s)
    micros = np.clip(np.rint(finite * 1e6), LOWEST_US, HIGHEST_US).astype(np.int64)
    values, counts = np.unique(micros, return_counts=True)
    for value, count in zip(values.tolist(), counts.tolist(), strict=True):
        histogram.record_value(value, count)
    text: str = histogram.encode().decode("ascii")
    return text
