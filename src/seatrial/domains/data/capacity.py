"""The highest rate that keeps every declared limit: stepped up until one breaks, narrowed down, and repeated.

From the peak the rate goes up by a quarter at a time. Between the last rate that held and the first that broke it is
bisected to 5 %, and the last good one must hold three times more. A rate holds when the upper bound of every declared
percentile and of the share that fails is within its limit, and known rows asked beside the load are answered as before
it: an error that comes as a fast 200 is no answer. After a rate that broke, the next one waits until a light
load is served well again. What the load generator itself cannot hold says nothing about the target, and ends the way
up.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from seatrial.core.check import Trial
from seatrial.core.observation import Figure, Finding, Json, Measure, Threshold
from seatrial.core.ports import LoadResult, Stream
from seatrial.core.vocabulary import Sense, Weight
from seatrial.domains.data.answers_under_load import Watcher
from seatrial.domains.load.served import (
    ISSUED_LEAST,
    WARM_UP,
    errors_limit,
    in_flight,
    issued,
    lag_limit_s,
    lag_s,
    percentiles,
    plain,
    served,
    upper_s,
)
from seatrial.spec.load import Load
from seatrial.spec.system import System
from seatrial.stats import proportions, quantiles, scalability

CAPACITY = "highest rate that keeps every limit, in peaks"
CODES = {
    "does-not-recover": "After a rate that was too high a light load is not served well again.",
    "no-rate-repeats": "No rate kept every limit each time that it was tried.",
    "wrong-above-peak": "Above the peak rows are answered with errors that look like answers, or with other answers.",
    "capacity-at-least": "No rate was found that breaks a limit; the capacity is at least what was tried.",
}
_STEP = 1.25
_CLOSE = 0.05
_REPEATS = 3
_MOST_PEAKS = 4.0
_MOST_STEPS_DOWN = 4
_ROOM = 3.0
"""Times the fewest requests that bound the percentile at all: with the fewest, one slow request decides."""
_CLEAN = 1.25
"""Times the fewest requests that bound the failures when none fails."""
_LIGHT_SHARE = 0.1
_LIGHT_LEAST = 5.0
_LIGHT_S = 2.0
_WAITS = 15


@dataclass(frozen=True, slots=True, kw_only=True)
class Level:
    """One rate as it was driven. `latency_s` is the highest declared percentile, `upper_s` its bound."""

    rate: float
    n: int
    latency_s: float
    upper_s: float | None
    failed: float
    held: bool
    valid: bool
    throughput: float
    concurrency: float
    compared: int
    wrong: int


@dataclass(slots=True)
class Search:
    """What was tried, in order, and what came of it. `rate` is None where no rate held three times more."""

    levels: list[Level] = field(default_factory=list)
    rate: float | None = None
    broke: float | None = None
    ended_by: str = ""


def level_s(system: System, load: Load, rate: float) -> float:
    """How long a rate is driven: as the policy says, and until percentiles and failures can be bounded."""
    policy, allowed = system.policy, errors_limit(system)
    fewest = _ROOM * max(quantiles.fewest(percentiles(load)[-1][1], policy.confidence), 2 * policy.load_blocks)
    if 0.0 < allowed < 1.0:
        fewest = max(fewest, _CLEAN * math.log(1.0 - policy.confidence) / math.log(1.0 - allowed))
    return max(policy.capacity_level, fewest / (rate * (1.0 - WARM_UP)))


def longest_s(system: System, load: Load) -> float:
    """Seconds that a whole search may take."""
    if not system.policy.capacity_level:
        return 0.0
    most = 2 + math.ceil(math.log(_MOST_PEAKS, _STEP)) + 4 + (_REPEATS + 1) * _MOST_STEPS_DOWN
    return most * (
        level_s(system, load, load.peak)
        + system.model.timeout
        + _WAITS * (_LIGHT_S + 1.0)
        + 10.0 * max(load.latency.values())
    )


def search(system: System, load: Load, trial: Trial, stream: Stream, known: Watcher) -> Search:
    """Drive it. `stream` is that of the declared peak; its rate is set anew for every level."""
    made, drive = Search(), _Levels(system, load, trial, stream, known)
    good, bad = _upwards(made, drive, load)
    if good is None or made.ended_by == "recovery":
        return made
    while bad is not None and (bad - good) / good > _CLOSE:
        middle = (good + bad) / 2.0
        level = drive(made, middle)
        if made.ended_by == "recovery":
            return made
        good, bad = (middle, bad) if level.held else (good, middle)
    made.broke = bad
    for _ in range(_MOST_STEPS_DOWN):
        repeated = (drive(made, good) for _ in range(_REPEATS))
        if all(level.held for level in repeated):
            made.rate = good
            return made
        if made.ended_by == "recovery":
            return made
        made.broke, good = good, good * (1.0 - _CLOSE)
    return made


def _upwards(made: Search, drive: _Levels, load: Load) -> tuple[float | None, float | None]:
    """The last rate that held, and the first that broke a limit; None for none."""
    rate, good = load.peak, None
    while rate <= _MOST_PEAKS * load.peak * (1.0 + 1e-9):
        level = drive(made, rate)
        if not level.valid:
            made.ended_by = made.ended_by or "generator"
            return good, None
        if not level.held:
            return good, rate
        good, rate = rate, rate * _STEP
    made.ended_by = "most"
    return good, None


@dataclass(frozen=True, slots=True)
class _Levels:
    """Drives one rate; after one that broke a limit, the target is waited for."""

    system: System
    load: Load
    trial: Trial
    stream: Stream
    known: Watcher

    def __call__(self, made: Search, rate: float) -> Level:
        duration_s = level_s(self.system, self.load, rate)
        self.trial.say(f"capacity: {rate:.4g} requests a second for {duration_s:.3g} s")
        number = len(made.levels)
        driven = replace(self.stream, rate_per_s=rate, in_flight=in_flight(rate, self.stream.timeout_s))
        with self.known.anew() as watcher:
            results = self.trial.load.run([driven], duration_s=duration_s, seed=self.trial.seed + 101 + number)
        level = _read(self.system, self.load, results[driven.name], rate, duration_s, watcher)
        made.levels.append(level)
        if not level.held and not _recovered(self.load, self.trial, self.stream, number):
            made.ended_by = "recovery"
        return level


def _read(system: System, load: Load, result: LoadResult, rate: float, duration_s: float, watcher: Watcher) -> Level:
    full = served(result)
    alpha = 1.0 - system.policy.confidence
    failed = int(full.failed.sum())
    uppers = [(upper_s(system, full, share), limit) for _, share, limit in percentiles(load)]
    fails = proportions.upper(failed, full.n, alpha) if full.n else 1.0
    valid = lag_s(result) <= lag_limit_s(load) and issued(result) >= ISSUED_LEAST
    finite = full.latency_s[np.isfinite(full.latency_s)]
    judged_s = duration_s * (1.0 - WARM_UP)
    kept = all(u is not None and u <= limit for u, limit in uppers) and fails <= errors_limit(system)
    return Level(
        rate=rate,
        n=full.n,
        latency_s=full.at(percentiles(load)[-1][1]),
        upper_s=uppers[-1][0],
        failed=failed / full.n if full.n else 1.0,
        held=valid and kept and watcher.sound,
        valid=valid or _clearly_broken(uppers),
        throughput=finite.size / judged_s,
        concurrency=float(finite.sum()) / judged_s,
        compared=watcher.compared,
        wrong=watcher.wrong,
    )


def _clearly_broken(uppers: Sequence[tuple[float | None, float]]) -> bool:
    """Far beyond its limit: no lag of the generator that counts explains that."""
    return any(upper is not None and upper > 2.0 * limit for upper, limit in uppers)


def _recovered(load: Load, trial: Trial, stream: Stream, number: int) -> bool:
    """Whether a light load is served within the limits again, before the next rate is tried."""
    name, share, limit = percentiles(load)[0]
    light = replace(stream, name="recovery", rate_per_s=max(_LIGHT_LEAST, _LIGHT_SHARE * load.peak))
    for attempt in range(_WAITS):
        trial.say(f"capacity: waiting until {name} of a light load is within its limit again")
        result = trial.load.run([light], duration_s=_LIGHT_S, seed=trial.seed + 1009 * (number + 1) + attempt)
        found = served(result["recovery"])
        if found.n and not found.failed.any() and found.at(share) <= limit:
            return True
        trial.clock.sleep(1.0)
    return False


def measure(system: System, load: Load, made: Search | None) -> Measure:
    """The capacity in peaks; None where no rate held, or no search was made although the policy asks for one."""
    value = made.rate / load.peak if made is not None and made.rate is not None else None
    return Measure(
        name=CAPACITY,
        value=value,
        lower=value,
        upper=value,
        limit=system.policy.capacity,
        sense=Sense.AT_LEAST,
        n=sum(level.n for level in made.levels) if made is not None else 0,
        method=f"steps of {_STEP:g}, bisected to {_CLOSE:.0%}, the last good rate {_REPEATS} times more",
        approximate=True,
    )


def limits(system: System, requirement: str) -> Iterator[Threshold]:
    """The capacity that the policy asks for, where it asks for a search."""
    if system.load is not None and system.policy.capacity_level:
        yield Threshold(requirement=requirement, measure=CAPACITY, sense=Sense.AT_LEAST, limit=system.policy.capacity)


def findings(load: Load, made: Search) -> Iterator[Finding]:
    """What a person should know beside the figure."""
    wrong = sum(level.wrong for level in made.levels)
    if wrong:
        first = min(level.rate for level in made.levels if level.wrong)
        yield Finding(
            code="wrong-above-peak",
            summary=f"From {first:.4g} requests a second on, {wrong} of {sum(level.compared for level in made.levels)} "
            "known rows were answered with what is no answer, or not the one of before; these rates do not count.",
            weight=Weight.NOTE,
            explains=(CAPACITY,),
            why="Whoever calls takes what comes with status 200 for an answer.",
            remedy="Refuse what is above the capacity with 429 or 503, and look for state that requests share.",
        )
    if made.ended_by == "recovery":
        worst = made.levels[-1].rate
        yield Finding(
            code="does-not-recover",
            summary=f"After {worst:.4g} requests a second a light load was not served well again within "
            f"{_WAITS * (_LIGHT_S + 1.0):g} s.",
            weight=Weight.OPEN,
            fields=("model.endpoint",),
            explains=(CAPACITY,),
            why="One burst above what it carries takes it down until somebody restarts it.",
            remedy="Bound the queue before the model, refuse what is above it (429 or 503), and run the check again.",
        )
    elif made.rate is None:
        tried = sorted(level.rate for level in made.levels)
        yield Finding(
            code="no-rate-repeats",
            summary=f"Of {len(tried)} rates from {tried[0]:.4g} to {tried[-1]:.4g} a second none kept every limit each "
            "time that it was tried.",
            weight=Weight.OPEN,
            fields=("load.peak",),
            explains=(CAPACITY,),
            why="What holds once and breaks the next time is no capacity to plan with.",
            remedy="Look in the facts of this check at which rate and why limits broke; see that nothing else runs on "
            "the machine.",
        )
    elif made.broke is None:
        by = "the load generator on this machine" if made.ended_by == "generator" else "what is tried at most"
        yield Finding(
            code="capacity-at-least",
            summary=f"It carries at least {made.rate:.4g} requests a second, {made.rate / load.peak:.3g} times the "
            f"peak; the search ended at the limit of {by}.",
            weight=Weight.NOTE,
        )


def facts(made: Search) -> dict[str, Json]:
    """Every rate, the knee, and the scalability law as an explanation."""
    return {
        "capacity, requests a second": made.rate,
        "first rate that broke a limit": made.broke,
        "rates tried": [
            {
                "rate": level.rate,
                "held": level.held,
                "n": level.n,
                "latency_s": plain(level.latency_s),
                "upper_s": None if level.upper_s is None else plain(level.upper_s),
                "failed": level.failed,
                "known rows answered": level.compared,
                "of them wrong": level.wrong,
                "throughput": level.throughput,
                "in the system on average": level.concurrency,
            }
            for level in made.levels
        ],
        "universal scalability law": _law(made),
    }


def _law(made: Search) -> Json:
    """Throughput over the mean number in the system (Little's law), as an explanation and never as a verdict."""
    points = [level for level in made.levels if level.valid and level.concurrency > 0 and level.throughput > 0]
    try:
        found = scalability.fit([p.concurrency for p in points], [p.throughput for p in points])
    except ValueError:
        return "too few rates to fit it"
    return {
        "contention": found.contention,
        "coherency": found.coherency,
        "throughput of one": found.gain,
        "throughput at most": plain(found.ceiling) if found.retrograde_seen else None,
        "falls beyond this many in the system": plain(found.peak_load) if found.retrograde_seen else None,
        "caution": found.warning,
    }


def figures(system: System, load: Load, made: Search) -> tuple[Figure, ...]:
    """Latency against load."""
    name, _, limit = percentiles(load)[-1]
    rows: list[dict[str, Json]] = [
        {
            "rate": level.rate,
            "latency_s": level.latency_s,
            "upper_s": level.upper_s,
            "state": "held" if level.held else "broke a limit",
        }
        for level in sorted(made.levels, key=lambda level: level.rate)
        if level.valid and math.isfinite(level.latency_s) and level.upper_s is not None and math.isfinite(level.upper_s)
    ]
    if not rows:
        return ()
    options: dict[str, Json] = {
        "percentile": name,
        "limit_s": limit,
        "peak": load.peak,
        "needed": load.peak * system.policy.capacity,
    }
    return (Figure(kind="capacity", title="Latency against load", rows=tuple(rows), options=options),)
