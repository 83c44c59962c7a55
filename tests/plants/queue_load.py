"""A load generator whose target is a computed queue: what a search must find is known, and takes no time."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from seatrial.adapters.load.schedule import arrivals
from seatrial.core.ports import LoadResult, Stream

NO_DELAY: Callable[[float], float] = lambda _: 0.0  # noqa: E731 - a default that reads as what it is


class QueueLoad:
    """`servers` beside each other, each `service_s` a request, which may depend on the seconds since the stream began.

    `lag_s` is the generator's own lag at a rate. Once it was asked for more than `dies_above`, nothing is answered in
    time any more. What `fails` of the n-th request at a rate, after so many seconds, is refused at once with 503.
    """

    def __init__(
        self,
        *,
        service_s: Callable[[float], float],
        servers: int = 1,
        lag_s: Callable[[float], float] = NO_DELAY,
        dies_above: float = float("inf"),
        fails: Callable[[int, float, float], bool] = lambda _, __, ___: False,
    ) -> None:
        self._fails = fails
        self._service_s = service_s
        self._servers = servers
        self._lag_s = lag_s
        self._dies_above = dies_above
        self._dead = False
        self.rates: list[float] = []
        self.seconds = 0.0

    def run(self, streams: Sequence[Stream], *, duration_s: float, seed: int) -> Mapping[str, LoadResult]:
        (stream,) = streams
        if stream.name != "recovery":
            self.rates.append(stream.rate_per_s)
        self.seconds += duration_s
        self._dead = self._dead or stream.rate_per_s > self._dies_above
        due = arrivals(stream, duration_s=duration_s, seed=seed)
        free = [0.0] * self._servers
        latency, refused = np.empty(due.size), np.zeros(due.size, dtype=np.bool_)
        for at, when in enumerate(due.tolist()):
            if self._fails(at, stream.rate_per_s, when):
                latency[at], refused[at] = 0.0, True
                continue
            begins = max(heapq.heappop(free), when)
            ends = begins + self._service_s(when)
            heapq.heappush(free, ends)
            latency[at] = stream.timeout_s if self._dead else min(ends - when, stream.timeout_s)
        status = np.where(refused, 503, np.where(latency >= stream.timeout_s, 0, 200))
        lag = np.full(due.size, self._lag_s(stream.rate_per_s))
        return {
            stream.name: LoadResult(
                planned=due.size,
                scheduled_s=due.tolist(),
                latency_s=latency.tolist(),
                lag_s=lag.tolist(),
                status=status.tolist(),
            )
        }

    def calibrate(self, rate_per_s: float, *, seed: int) -> LoadResult:
        stream = Stream(name="calibration", requests=(), rate_per_s=rate_per_s)
        return self.run([stream], duration_s=1.0, seed=seed)["calibration"]
