"""When requests are due: drawn once from a seed, never changed by what the answers do."""

from __future__ import annotations

import zlib
from typing import Final

import numpy as np
from numpy.typing import NDArray

from seatrial.core.errors import Malformed, Refused
from seatrial.core.ports import Stream

MOST_PLANNED: Final = 20_000_000


def arrivals(stream: Stream, *, duration_s: float, seed: int) -> NDArray[np.float64]:
    """Ascending seconds from the start, all below `duration_s`.

    `poisson` draws independent exponential gaps, as many independent callers do; `constant` spaces them evenly.
    Raises Malformed for a stream that cannot be scheduled, Refused for one that no memory holds.
    """
    if not (0 < stream.rate_per_s < np.inf and 0 < duration_s < np.inf):
        raise Malformed(f"stream {stream.name!r} needs a rate and a duration above zero")
    if stream.rate_per_s * duration_s > MOST_PLANNED:
        raise Refused(
            f"stream {stream.name!r} plans more than {MOST_PLANNED} requests",
            remedy="Shorten the duration of the load.",
        )
    if stream.arrivals == "constant":
        return np.arange(round(stream.rate_per_s * duration_s), dtype=np.float64) / stream.rate_per_s
    if stream.arrivals != "poisson":
        raise Malformed(f"stream {stream.name!r} has arrivals {stream.arrivals!r}; known: poisson, constant")
    # The name is part of the seed: streams of one run are independent, and keep their times whatever runs beside.
    random = np.random.default_rng([seed & 0xFFFF_FFFF, zlib.crc32(stream.name.encode())])
    count = random.poisson(stream.rate_per_s * duration_s)
    return np.sort(random.uniform(0.0, duration_s, count))
