"""Whether latency, failures or memory grow while the peak is held: their trend, and where it would lead.

The highest declared percentile is taken in each block; what failed stands at its time-out. Theil and Sen's slope over
the blocks has a bound, and the level at the end plus that bound over the policy's horizon must lie within the limit.
A falling trend is not counted as a gain. The test of Mann and Kendall says beside it whether anything rises at all.
Memory is judged likewise where the system file says how it can be seen. The share that fails is bounded over the whole
time; what certainly fails in its last quarter alone is a gap as well. Known rows are asked beside the load.
"""

from __future__ import annotations

import math
import re
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

import numpy as np

from seatrial.core.check import Trial
from seatrial.core.observation import Figure, Finding, Json, Measure, Threshold
from seatrial.core.ports import Stream
from seatrial.core.vocabulary import Sense, Weight
from seatrial.core.wording import span
from seatrial.domains.data.answers_under_load import Watcher
from seatrial.domains.load.ceilings import ceilings, failed_share
from seatrial.domains.load.served import WARM_UP, Served, errors_limit, percentiles, served
from seatrial.spec.load import Load, Memory
from seatrial.spec.system import System
from seatrial.stats import proportions, trend

FAILED = "share of requests that failed while the peak was held"
MEMORY = "memory at the horizon, by its trend"
CODES = {
    "latency-grows": "The latency grows while the peak is held, and would pass its limit.",
    "errors-in-soak": "Too many requests fail while the peak is held.",
    "memory-grows": "The memory grows while the peak is held, and would pass its limit.",
    "memory-not-seen": "The declared memory could not be read while the peak was held.",
}
_BLOCK_S = 15.0
_MOST_BLOCKS = 120
_READINGS_A_BLOCK = 2
_LATE = 0.75
_FEWEST_SEEN = 0.8
_READ_S = 5.0
_NUMBER = re.compile(r"\d+")
_OF_PROCESS = (
    'p=$(cat "$0") && if [ -r "/proc/$p/status" ]; then sed -n "s/^VmRSS:[^0-9]*//p" "/proc/$p/status"; '
    'else ps -o rss= -p "$p"; fi'
)
_KIB = 1024.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Growth:
    """A level in each block, and what it comes to at the horizon by its trend, with one-sided bounds."""

    at_s: Sequence[float]
    levels: Sequence[float]
    slope: float
    p_rising: float
    then: float
    lower: float
    upper: float


@dataclass(slots=True)
class Soak:
    """What was seen. `latency` is None where there were too few blocks, `memory` also where nothing was declared."""

    duration_s: float
    latency: Growth | None = None
    memory: Growth | None = None
    unseen: str = ""
    n: int = 0
    failed: tuple[int, int] = (0, 0)
    failed_late: tuple[int, int] = (0, 0)
    """So many of so many requests, over the whole time and in its last quarter."""
    statuses: Mapping[str, int] = field(default_factory=dict)
    watcher: Watcher | None = None


def latency_name(load: Load) -> str:
    """The measure of the highest declared percentile."""
    return f"{percentiles(load)[-1][0]} latency at the horizon, by its trend"


def hold(system: System, load: Load, trial: Trial, stream: Stream, known: Watcher) -> Soak:
    """Hold the declared peak (without headroom) for as long as the policy says."""
    duration_s = system.policy.soak_duration
    trial.say(f"soak: {stream.rate_per_s:g} requests a second for {span(duration_s)}")
    blocks = int(min(max(duration_s / _BLOCK_S, system.policy.load_blocks), _MOST_BLOCKS))
    reader = _Reader(trial, load.memory, duration_s / (blocks * _READINGS_A_BLOCK))
    with reader, known.anew() as watcher:
        result = trial.load.run([stream], duration_s=duration_s, seed=trial.seed + 17)[stream.name]
    full = served(result)
    late = full.failed[full.at_s >= _LATE * duration_s]
    made = Soak(
        duration_s=duration_s,
        n=len(result.status),
        failed=(int(full.failed.sum()), full.n),
        failed_late=(int(late.sum()), int(late.size)),
        statuses=full.statuses,
        watcher=watcher,
    )
    horizon_s, alpha = system.policy.soak_horizon, 1.0 - system.policy.confidence
    made.latency = _growth(*_block_levels(load, full, stream, duration_s, blocks), horizon_s, alpha)
    if load.memory is not None:
        wanted = int(_FEWEST_SEEN * blocks * _READINGS_A_BLOCK)
        kept = [(at, value) for at, value in reader.seen if at >= WARM_UP * duration_s]
        if len(reader.seen) >= wanted:
            made.memory = _growth([at for at, _ in kept], [value for _, value in kept], horizon_s, alpha)
        if made.memory is None:
            made.unseen = reader.problem or f"it was seen {len(reader.seen)} times only"
    return made


def _block_levels(
    load: Load, full: Served, stream: Stream, duration_s: float, blocks: int
) -> tuple[list[float], list[float]]:
    """The middle of each block that holds a request after the warm-up, and its percentile."""
    share = percentiles(load)[-1][1]
    latency = np.where(np.isfinite(full.latency_s), full.latency_s, stream.timeout_s)
    edges = np.linspace(WARM_UP * duration_s, duration_s, blocks + 1)
    block = np.clip(np.searchsorted(edges, full.at_s, side="right") - 1, 0, blocks - 1)
    at, levels = [], []
    for number in range(blocks):
        values = np.sort(latency[block == number])
        if values.size:
            at.append(float(edges[number] + edges[number + 1]) / 2.0)
            levels.append(float(values[max(0, math.ceil(share * values.size) - 1)]))
    return at, levels


def _growth(at_s: Sequence[float], levels: Sequence[float], horizon_s: float, alpha: float) -> Growth | None:
    if len(levels) < trend.FEWEST:
        return None
    found = trend.theil_sen(at_s, levels, alpha)
    times, values = np.asarray(at_s), np.asarray(levels)
    end = float(times[-1])
    now = float(np.median(values - found.value * times)) + found.value * end
    return Growth(
        at_s=at_s,
        levels=levels,
        slope=found.value,
        p_rising=trend.mann_kendall(levels).p_rising,
        then=now + max(0.0, found.value) * horizon_s,
        lower=now + max(0.0, found.lower) * horizon_s,
        upper=now + max(0.0, found.upper) * horizon_s,
    )


@dataclass(slots=True)
class _Reader:
    """Looks at the declared memory at regular times, on a thread of its own, while the block runs."""

    trial: Trial
    memory: Memory | None
    every_s: float
    seen: list[tuple[float, float]] = field(default_factory=list)
    problem: str = ""
    _stop: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def __enter__(self) -> Self:
        if self.memory is not None:
            self._thread = threading.Thread(target=self._look, daemon=True)
            self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self._stop.set()
        if self._thread is not None:
            self._thread.join()

    def _look(self) -> None:
        began = self.trial.clock.monotonic()
        while not self._stop.wait(self.every_s):
            if self.memory is None:
                return
            value, problem = read_memory(self.trial, self.memory)
            if value is not None:
                self.seen.append((self.trial.clock.monotonic() - began, value))
            self.problem = problem or self.problem


def read_memory(trial: Trial, memory: Memory) -> tuple[float | None, str]:
    """Bytes, or None and why they cannot be read."""
    if memory.metrics is not None:
        metric = rf"(?m)^{re.escape(memory.name)}(?:\{{[^}}\n]*\}})?\s+([0-9.eE+]+)"
        settings: dict[str, Json] = {"url": memory.metrics, "take": metric}
        done = trial.steps.run("http", settings, timeout_s=_READ_S)
    else:
        command: dict[str, Json] = {"run": ["sh", "-c", _OF_PROCESS, memory.process]}
        done = trial.steps.run("command", command, timeout_s=_READ_S)
    value = _bytes(done.value, of_process=memory.metrics is None) if done.ok else None
    return value, "" if value is not None else done.output[:200] or "there was no number in the answer"


def _bytes(said: Json, *, of_process: bool) -> float | None:
    text = said if isinstance(said, str) else ""
    if of_process:
        found = _NUMBER.search(text)
        return float(found[0]) * _KIB if found else None
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) and value > 0 else None


def measures(system: System, load: Load, made: Soak | None) -> Iterator[Measure]:
    """Latency, and memory where it is declared; without a value where the soak was not held or not seen."""
    limit = percentiles(load)[-1][2]
    yield _measure(system, latency_name(load), made.latency if made else None, limit, "s", made)
    if load.memory is not None:
        yield _measure(system, MEMORY, made.memory if made else None, load.memory.at_most, "bytes", made)
    yield failed_share(system, FAILED, made.failed if made else (0, 0))


def _measure(system: System, name: str, found: Growth | None, limit: float, unit: str, made: Soak | None) -> Measure:
    return Measure(
        name=name,
        value=found.then if found else None,
        lower=found.lower if found else None,
        upper=found.upper if found else None,
        limit=limit,
        sense=Sense.AT_MOST,
        unit=unit,
        n=len(found.levels) if found else 0,
        method=f"Theil-Sen slope over {span(made.duration_s) if made else 'no'} of load, "
        f"{span(system.policy.soak_horizon)} ahead",
        confidence=system.policy.confidence,
        needed=_more(made, found, limit),
        needed_unit="requests",
        approximate=True,
    )


def _more(made: Soak | None, found: Growth | None, limit: float) -> int | None:
    """Requests of a longer soak: the reach of a slope shrinks with the power 3/2 of the time over which it is seen."""
    if made is None or found is None or found.then >= limit or found.upper <= limit:
        return None
    times = math.pow((found.upper - found.then) / (limit - found.then), 2.0 / 3.0)
    return math.ceil(made.n * (times - 1.0))


def limits(system: System, requirement: str) -> Iterator[Threshold]:
    """The limits that the trends must not reach, where the policy asks for a soak."""
    load = system.load
    if load is None or not system.policy.soak_duration:
        return
    told = [(latency_name(load), percentiles(load)[-1][2], "s")]
    if load.memory is not None:
        told.append((MEMORY, load.memory.at_most, "bytes"))
    told.append((FAILED, errors_limit(system), "share"))
    yield from ceilings(system, requirement, told)


def findings(system: System, load: Load, made: Soak) -> Iterator[Finding]:
    """What grows, and where it would lead."""
    horizon = span(system.policy.soak_horizon)
    name, _, limit = percentiles(load)[-1]
    found = made.latency
    if found is not None and found.lower > limit:
        yield Finding(
            code="latency-grows",
            summary=f"{name} grows by {span(found.slope * 3600.0)} an hour at the peak; within {horizon} it would be "
            f"{span(found.then)}, above its limit of {span(limit)}.",
            fields=(f"load.latency.{name}",),
            explains=(latency_name(load),),
            why="It is well at the start of the shift and too late at its end.",
            remedy="Look for what is never given back: connections, sessions, caches and tables without a bound.",
            detail={"slope_s_per_s": found.slope, "p_rising": found.p_rising},
        )
    alpha, allowed = 1.0 - system.policy.confidence, errors_limit(system)
    if any(n and proportions.lower(count, n, alpha) > allowed for count, n in (made.failed, made.failed_late)):
        bad = ", ".join(f"{status}: {n}" for status, n in made.statuses.items() if not status.startswith("2"))
        (early, all_), (count, n) = made.failed, made.failed_late
        yield Finding(
            code="errors-in-soak",
            summary=f"While the peak was held for {span(made.duration_s)}, {early} of {all_} requests failed ({bad}), "
            f"{count} of {n} in its last quarter.",
            fields=("load.peak",),
            explains=(FAILED,),
            why="It is well at the start of the shift and fails at its end.",
            remedy="Look for what is used up and never given back: connections of a pool, files, threads, memory.",
            detail={"statuses": dict(made.statuses)},
        )
    if made.watcher is not None:
        yield from made.watcher.findings(f"In {span(made.duration_s)} at the peak")
    grown = made.memory
    if load.memory is not None and grown is not None and grown.lower > load.memory.at_most:
        yield Finding(
            code="memory-grows",
            summary=f"Memory grows by {grown.slope * 3600.0 / 1e6:,.3g} MB an hour at the peak; within {horizon} it "
            f"would be {grown.then / 1e6:,.4g} MB, above its limit of {load.memory.at_most / 1e6:,.4g} MB.",
            fields=("load.memory.at_most",),
            explains=(MEMORY,),
            why="The process is killed when memory runs out, most likely at the busiest hour.",
            remedy="Take two heap profiles some minutes apart under load and look at what grew.",
            detail={"slope_bytes_per_s": grown.slope, "p_rising": grown.p_rising},
        )
    if made.unseen:
        yield Finding(
            code="memory-not-seen",
            summary=f"The declared memory could not be followed: {made.unseen}.",
            weight=Weight.OPEN,
            fields=("load.memory",),
            explains=(MEMORY,),
            remedy="Correct load.memory: the file with the process number, or the address and name of the metric.",
        )


def facts(made: Soak) -> dict[str, Json]:
    """The trends as they were seen."""
    return {
        "soak": {
            "seconds": made.duration_s,
            "requests": made.n,
            "statuses": dict(made.statuses),
            "answers compared": made.watcher.compared if made.watcher else 0,
            "latency": _told(made.latency),
            "memory": _told(made.memory),
        }
    }


def _told(found: Growth | None) -> Json:
    if found is None:
        return None
    return {
        "blocks": len(found.levels),
        "slope per second": found.slope,
        "p of no rise": found.p_rising,
        "first": found.levels[0],
        "last": found.levels[-1],
    }


def figures(load: Load, made: Soak) -> tuple[Figure, ...]:
    """The percentile of every block as the soak went on."""
    if made.latency is None:
        return ()
    name, _, limit = percentiles(load)[-1]
    rows: list[dict[str, Json]] = [
        {"at_s": at, "latency_s": level} for at, level in zip(made.latency.at_s, made.latency.levels, strict=True)
    ]
    options: dict[str, Json] = {"limit_s": limit, "percentile": name}
    return (Figure(kind="throughput", title=f"{name} as the peak was held", rows=tuple(rows), options=options),)
