"""What queueing theory says of a queue under Poisson arrivals: how long the share `share` of all are in it at most.

Times in seconds, rates a second. Sources: Gross, Shortle, Thompson, Harris, *Fundamentals of Queueing Theory*, 5th ed.,
sections 3.3 (M/M/c) and 6.1 (M/D/1, after Erlang).
"""

from __future__ import annotations

import math
from collections.abc import Callable

from scipy.optimize import brentq


def erlang_c(offered: float, servers: int) -> float:
    """The share of arrivals that wait, for `offered` = rate x mean service."""
    busy = 1.0
    for count in range(1, servers + 1):
        busy = offered * busy / (count + offered * busy)
    return busy / (1.0 - offered / servers * (1.0 - busy))


def mmc_within(time_s: float, rate: float, service_s: float, servers: int) -> float:
    """M/M/c: the share that is done within that time; service is exponential and those who wait wait exponentially."""
    mu, waits = 1.0 / service_s, erlang_c(rate * service_s, servers)
    spare = servers * mu - rate
    if math.isclose(spare, mu):
        late = math.exp(-mu * time_s) * (1.0 + waits * mu * time_s)
    else:
        late = (1.0 - waits) * math.exp(-mu * time_s) + waits * (
            (mu * math.exp(-spare * time_s) - spare * math.exp(-mu * time_s)) / (mu - spare)
        )
    return 1.0 - late


def md1_within(time_s: float, rate: float, service_s: float) -> float:
    """M/D/1: the share that is done within that time."""
    wait_s = time_s - service_s
    if wait_s < 0:
        return 0.0
    busy = rate * service_s
    terms = (
        (rate * (k * service_s - wait_s)) ** k / math.factorial(k) * math.exp(-rate * (k * service_s - wait_s))
        for k in range(math.floor(wait_s / service_s) + 1)
    )
    return (1.0 - busy) * math.fsum(terms)


def knee(within: Callable[[float], float], share: float, *, below: float) -> float:
    """The highest rate at which that share is still done in time; `within` tells the share of a rate."""
    return float(brentq(lambda rate: within(rate) - share, 1e-3 * below, below * (1.0 - 1e-6)))
