"""Whether the model keeps its own limits while all flows run: a pool, lock or machine that they share is felt there.

The share that fails and every declared percentile are bounded as by `data.load`, at the peak without its headroom. How
late the generator itself was is taken off each latency, since flows are driven and observed from the same machine.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from seatrial.core.check import Trial
from seatrial.core.observation import Finding, Json, Measure, Threshold
from seatrial.core.ports import LoadResult
from seatrial.core.vocabulary import MeasureKind, Sense, Weight
from seatrial.core.wording import percent, span
from seatrial.domains.flows.lanes import ModelPeak, drives_model
from seatrial.domains.load.ceilings import ceilings, failed_share
from seatrial.domains.load.rows import Repeats, not_clean
from seatrial.domains.load.served import Served, enough_s, errors_limit, percentiles, plain, served, upper_s
from seatrial.spec.load import Load
from seatrial.spec.system import System
from seatrial.stats import proportions, quantiles

FAILED = "share of the model's requests that failed beside the flows"
CODES = {
    "model-not-driven": "The model's own peak could not be driven beside the flows.",
    "model-fails-together": "Too many of the model's requests fail while all flows run.",
    "model-slow-together": "A declared percentile of the model's latency is above its limit while all flows run.",
    "model-rows-repeat": "Rows that were sent before are answered clearly faster: a cache carried the model's peak.",
    "model-rows-too-few": "So few different rows went to the model that a cache before it would not be seen.",
}
_CARRIED = 0.2
"""Of more repeated rows than this a cache takes too much of the load off what flows and model share."""
_WHY = "What flows and model share is enough for each alone, and not for the busy hour."


@dataclass(frozen=True, slots=True, kw_only=True)
class Beside:
    """What the model did while all flows ran: first-seen rows, and those that were sent before."""

    full: Served
    repeats: Repeats

    @classmethod
    def of(cls, trial: Trial, peak: ModelPeak, result: LoadResult) -> Beside:
        """The generator's own lateness does not count here."""
        took = np.asarray(result.latency_s, dtype=np.float64) - np.asarray(result.lag_s, dtype=np.float64)
        unclean = not_clean(trial, peak.sent, result)
        full = served(replace(result, latency_s=np.maximum(took, 0.0).tolist()), without=unclean)
        first = peak.sent.of(result.planned)
        repeats = Repeats(
            fresh=full.only(first),
            again=full.only(~first),
            different=peak.sent.different,
            left_out=int(unclean.sum()),
        )
        return cls(full=full, repeats=repeats)

    @property
    def judged(self) -> Served:
        """First-seen rows alone where others were clearly faster."""
        return self.repeats.fresh if self.repeats.helped else self.full

    def facts(self) -> dict[str, Json]:
        """For the evidence."""
        return {"requests": self.full.n, "statuses": dict(self.full.statuses), **self.repeats.facts()}


def needs_s(system: System) -> float:
    """How long the peak must run to bound failures and percentiles."""
    if system.load is None or not drives_model(system):
        return 0.0
    return enough_s(system, system.load, system.load.peak)


def _latency(name: str) -> str:
    return f"{name} latency of the model beside the flows"


def _kind(system: System) -> MeasureKind:
    """A demonstration is as short as its policy: there only what is certainly wrong counts."""
    return MeasureKind.INFORMATIVE if system.policy.demonstration else MeasureKind.GATE


def measures(system: System, seen: Beside | None) -> Iterator[Measure]:
    """The share that fails and the percentiles; nothing where the model was not driven."""
    if system.load is None or seen is None:
        return
    full, judged, confidence = seen.full, seen.judged, system.policy.confidence
    yield failed_share(system, FAILED, (int(full.failed.sum()), full.n), kind=_kind(system))
    for name, share, limit_s in percentiles(system.load):
        yield Measure(
            name=_latency(name),
            value=judged.at(share) if judged.n else None,
            lower=quantiles.lower(judged.latency_s, share, confidence),
            upper=upper_s(system, judged, share),
            limit=limit_s,
            sense=Sense.AT_MOST,
            unit="s",
            n=judged.n,
            method=f"order statistics, and a bootstrap over {system.policy.load_blocks} blocks of time",
            confidence=confidence,
            kind=_kind(system),
            approximate=True,
        )


def limits(system: System, requirement: str) -> Iterator[Threshold]:
    """The limits of the model's own load."""
    load = system.load
    if load is None or not drives_model(system) or system.policy.demonstration:
        return
    told = [(FAILED, errors_limit(system), "share"), *((_latency(n), limit, "s") for n, _, limit in percentiles(load))]
    yield from ceilings(system, requirement, told)


def findings(system: System, seen: Beside | None) -> Iterator[Finding]:
    """What is certainly above a limit, and what rows that repeat leave open."""
    load = system.load
    if load is None or not drives_model(system):
        return
    if seen is None or not seen.full.n:
        yield Finding(
            code="model-not-driven",
            summary="The model answers none of the evaluation rows, so its own peak did not run beside the flows.",
            weight=Weight.OPEN,
            fields=("model.endpoint", "data.evaluation"),
            remedy="Give evaluation rows as production sends them, and run `data.load` first.",
        )
        return
    yield from _failing(system, seen.full)
    yield from _slow(system, load, seen)
    yield from _repeating(seen.repeats)


def _failing(system: System, full: Served) -> Iterator[Finding]:
    count = int(full.failed.sum())
    if proportions.lower(count, full.n, 1.0 - system.policy.confidence) > errors_limit(system):
        bad = ", ".join(f"{status}: {n}" for status, n in full.statuses.items() if not status.startswith("2"))
        yield Finding(
            code="model-fails-together",
            summary=f"While all flows ran, {count} of {full.n} of the model's own requests failed ({bad}).",
            fields=("load.peak",),
            explains=(FAILED,),
            why=_WHY,
            remedy="Look for what flows and model share and is used up: a pool of connections, workers, a rate limit.",
            detail={"statuses": dict(full.statuses)},
        )


def _slow(system: System, load: Load, seen: Beside) -> Iterator[Finding]:
    judged = seen.judged
    for name, share, limit_s in percentiles(load):
        lower = quantiles.lower(judged.latency_s, share, system.policy.confidence)
        if lower is not None and lower > limit_s:
            took_s = judged.at(share)
            told = f"was {span(took_s)}" if math.isfinite(took_s) else "had no answer"
            yield Finding(
                code="model-slow-together",
                summary=f"While all flows ran, {name} of the model's own requests {told}; the limit is "
                f"{span(limit_s)}.",
                fields=(f"load.latency.{name}",),
                explains=(_latency(name),),
                why=_WHY,
                remedy="Look for what flows and model share: a lock, workers, a pool of connections, one machine.",
                detail={"median_s": plain(judged.at(0.5))},
            )
            return


def _repeating(repeats: Repeats) -> Iterator[Finding]:
    remedy = "Give as many different evaluation rows as the model has requests in that time, or switch the cache off."
    if not repeats.told and repeats.share > _CARRIED:
        yield Finding(
            code="model-rows-too-few",
            summary=f"Beside the flows only {repeats.different} different rows went to the model, again and again: "
            "whether a cache answered in its place cannot be told.",
            weight=Weight.OPEN,
            fields=("data.evaluation",),
            remedy=remedy,
        )
    elif repeats.helped and repeats.share > _CARRIED:
        yield Finding(
            code="model-rows-repeat",
            summary=f"Beside the flows rows that were sent before were answered in {span(repeats.again.at(0.5))}, "
            f"first-seen ones in {span(repeats.fresh.at(0.5))} (medians), and {percent(repeats.share)} of the requests "
            "were of rows sent before: what flows and model share had less to do than at the peak.",
            weight=Weight.OPEN,
            fields=("data.evaluation",),
            why="In production every request brings something new, and waits for the model.",
            remedy=remedy,
        )
