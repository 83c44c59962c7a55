"""Does the pipeline carry the peak at a latency that keeps the output useful: an open-model load at its real entry.

Requests arrive at their scheduled times whatever the answers do, and latency counts from the scheduled start, so that
a freeze is met by everybody who comes during it. The first tenth is discarded as warm-up. Each declared percentile is
bounded twice, by order statistics over all requests and by a bootstrap over blocks of time, because latencies of one
moment resemble each other; the larger bound counts. Whatever fails or is not answered stands above every latency.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from seatrial.core.check import Check, Trial
from seatrial.core.observation import Figure, Finding, Json, Measure, Observation, Reason, Threshold
from seatrial.core.ports import LoadResult, ReplyKind, Request, Row, Stream
from seatrial.core.vocabulary import MeasureKind, Sense, Weight
from seatrial.core.wording import span
from seatrial.domains.data.answers_under_load import Watcher
from seatrial.domains.sending import inputs_of, rows_to_send
from seatrial.spec.system import Load, System
from seatrial.stats import proportions, quantiles

_ID = "data.load"
_ERRORS = "share of requests that failed"
_LAG = "p99 lag of the load generator"
_ISSUED = "share of planned requests that were issued"
_WARM_UP = 0.1
_LAG_SHARE = 0.1
_ISSUED_LEAST = 0.99
_LIGHT = 0.1
_LIGHT_S = 3.0
_LIGHT_LEAST = 5.0
_GROWTH = 2.0
_ROWS = 256
_POINTS = 400
_CURVE = (0.0, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.98, 0.99, 0.995, 0.999, 1.0)
_WHY = "At the hour with the most work the output comes too late to be used."
_CODES = {
    "no-load-declared": "Neither the peak nor the latency that keeps the output useful is declared.",
    "not-a-test-endpoint": "The model's endpoint is not declared as one that may be put under load.",
    "no-inputs-declared": "The model's inputs are not declared, so no requests can be made.",
    "not-over-http": "The model is not called over HTTP, so no arrivals can be sent to it.",
    "clean-rows-refused": "The model answers none of the evaluation rows, so there is nothing to send.",
    "generator-too-slow": "This machine cannot send the declared rate on time even to a server that does nothing.",
    "too-slow": "A declared percentile of the latency is above its limit at the declared peak.",
    "errors-under-load": "Too many requests fail at the declared peak.",
    "wrong-under-load": "Under load rows are answered differently from before.",
    "waits-under-load": "The latency grows with the rate although it is still within its limits.",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """What a stream did, without its warm-up: latencies in order of schedule, infinite for what failed."""

    at_s: npt.NDArray[np.float64]
    latency_s: npt.NDArray[np.float64]
    failed: npt.NDArray[np.bool_]
    statuses: Mapping[str, int]

    @property
    def n(self) -> int:
        """Requests."""
        return int(self.latency_s.size)

    def at(self, share: float) -> float:
        """The empirical percentile; infinite where so many failed, NaN where there were no requests."""
        if not self.n:
            return math.nan
        return float(np.sort(self.latency_s)[min(self.n - 1, math.ceil(share * self.n) - 1)])


def served(result: LoadResult) -> Served:
    """A stream's result without the first tenth of its time."""
    at = np.asarray(result.scheduled_s, dtype=np.float64)
    status = np.asarray(result.status, dtype=np.int64)
    kept = at >= _WARM_UP * float(at[-1] if at.size else 0.0)
    failed = ~((status >= 200) & (status < 300))
    latency = np.where(failed, np.inf, np.asarray(result.latency_s, dtype=np.float64))
    kinds = {"0": "no answer", "-1": "dropped"}
    counts = {kinds.get(str(s), str(s)): int((status[kept] == s).sum()) for s in np.unique(status[kept])}
    return Served(at_s=at[kept], latency_s=latency[kept], failed=failed[kept], statuses=counts)


def _run(system: System, trial: Trial) -> Observation | Reason:
    load = system.load
    if load is None:
        return Observation(done="Looked for the declared peak and latency.", findings=(_undeclared(),))
    if not system.model.test_endpoint:
        return Observation(done="Nothing was sent: the endpoint may not be put under load.", findings=(_no_test(),))
    prepared = _prepared(system, trial)
    if isinstance(prepared, Reason):
        return prepared
    rows, requests = prepared
    rate, duration_s = load.peak * _headroom(system), load.duration or system.policy.load_duration
    trial.say("calibrating the generator against a server that does nothing")
    calibrated = trial.load.calibrate(rate, seed=trial.seed)
    if _lag_s(calibrated) > _lag_limit_s(load):
        calibrated = trial.load.calibrate(rate, seed=trial.seed + 1)
    if _lag_s(calibrated) > _lag_limit_s(load):
        return Reason(
            code="generator-too-slow",
            summary=f"At {rate:g}/s the generator itself was {_lag_s(calibrated) * 1000:.0f} ms late against a server "
            f"that does nothing; {_lag_limit_s(load) * 1000:.0f} ms are allowed.",
            remedy="Run the check on a machine that has a core to spare.",
        )
    stream = Stream(
        name="predict",
        requests=requests,
        rate_per_s=rate,
        timeout_s=_timeout_s(system, load),
        in_flight=_in_flight(rate, _timeout_s(system, load)),
    )
    light_rate = min(rate, max(_LIGHT_LEAST, rate * _LIGHT))
    trial.say(f"{light_rate:g} requests a second, to see what one alone takes")
    light = Stream(name="light", requests=requests, rate_per_s=light_rate, timeout_s=stream.timeout_s)
    alone = served(trial.load.run([light], duration_s=_LIGHT_S, seed=trial.seed)["light"])
    trial.say(f"{rate:g} requests a second for {duration_s:g} s")
    with Watcher(trial.model, rows) as watcher:
        result = trial.load.run([stream], duration_s=duration_s, seed=trial.seed)["predict"]
    return _observation(system, load, result=result, alone=alone, calibrated=calibrated, watcher=watcher, rate=rate)


def _undeclared() -> Finding:
    return Finding(
        code="no-load-declared",
        summary="Neither the peak nor the latency that keeps the output useful is declared.",
        fields=("load",),
        why=_WHY,
        remedy="Declare load.peak, the most that production will ask, and load.latency, such as {p99: 300ms}.",
    )


def _no_test() -> Finding:
    return Finding(
        code="not-a-test-endpoint",
        summary="The model's endpoint is not declared as one that may be put under load.",
        weight=Weight.OPEN,
        fields=("model.test_endpoint",),
        why=_WHY,
        remedy="Point model.endpoint at a copy with production's size and declare model.test_endpoint: true.",
    )


def _prepared(system: System, trial: Trial) -> tuple[list[Row], list[Request]] | Reason:
    inputs = inputs_of(system, trial)
    if not inputs:
        return Reason(
            code="no-inputs-declared",
            summary="The model's inputs are not declared, so no requests can be made.",
            remedy="Declare model.inputs: each field with its type, unit, range or values.",
            fields=("model.inputs",),
        )
    found = rows_to_send(trial, inputs, table="evaluation", most=_ROWS, seed=trial.seed)
    if found and trial.model.request(found[:1]) is None:
        return Reason(
            code="not-over-http",
            summary="The model is called as a Python function, so no arrivals can be sent to it.",
            remedy="Serve it over HTTP as production does, and declare model.endpoint.",
            fields=("model",),
        )
    reply = trial.model.predict(found) if len(found) <= system.model.batch else None
    rows = found
    if reply is None or reply.kind is not ReplyKind.OK:
        rows = [row for row in found if trial.model.predict([row]).kind is ReplyKind.OK]
    if not rows:
        return Reason(
            code="clean-rows-refused",
            summary=f"The model answered none of {len(found)} clean evaluation rows.",
            remedy="Give evaluation rows as production sends them, with the declared types and units.",
            fields=("data.evaluation",),
        )
    requests = [request for row in rows if (request := trial.model.request([row])) is not None]
    return rows, requests


def _headroom(system: System) -> float:
    declared = system.load.headroom if system.load is not None else None
    return declared or system.policy.load_headroom


def _percentiles(load: Load) -> list[tuple[str, float, float]]:
    """Name, share and limit in seconds, the lowest share first."""
    return sorted(((name, float(name[1:]) / 100.0, limit) for name, limit in load.latency.items()), key=lambda p: p[1])


def _timeout_s(system: System, load: Load) -> float:
    """Ten times the largest limit is as bad as never."""
    return min(system.model.timeout, max(2.0, 10.0 * max(load.latency.values())))


def _in_flight(rate: float, timeout_s: float) -> int:
    """So many that only the generator, never a slow target, could make it drop a request; within open files."""
    import resource

    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return max(64, min(math.ceil(2.0 * rate * timeout_s) + 64, soft - 128 if soft > 0 else 10_000, 10_000))


def _lag_s(result: LoadResult) -> float:
    lag = np.sort(np.asarray(result.lag_s, dtype=np.float64))
    return float(lag[min(lag.size - 1, math.ceil(0.99 * lag.size) - 1)]) if lag.size else math.inf


def _lag_limit_s(load: Load) -> float:
    return _LAG_SHARE * _percentiles(load)[-1][2]


def _observation(
    system: System,
    load: Load,
    *,
    result: LoadResult,
    alone: Served,
    calibrated: LoadResult,
    watcher: Watcher,
    rate: float,
) -> Observation:
    full = served(result)
    measures = [_latency(system, full, *p) for p in _percentiles(load)] + [_failed(system, full)]
    findings = [*_slow(load, measures, full, alone, rate), *_failing(measures[-1], full, rate), *watcher.findings()]
    if not findings:
        findings += _waits(full, alone)
    facts: dict[str, Json] = {
        "rate_per_s": rate,
        "requests": result.planned,
        "statuses": dict(full.statuses),
        "p95 at a light rate, s": _plain(alone.at(0.95)),
        "p95 at the full rate, s": _plain(full.at(0.95)),
        "calibrated lag p99, s": _plain(_lag_s(calibrated)),
        "answers compared under load": watcher.compared,
    }
    if full.n >= 2 * system.policy.load_blocks:
        share = _percentiles(load)[-1][1]
        effect = quantiles.block_effect(full.latency_s, share, blocks=system.policy.load_blocks)
        facts["requests that are worth one independent one"] = effect
    return Observation(
        done=f"Sent {result.planned:,} requests in open arrivals of {rate:g} a second (declared peak {load.peak:g} a "
        f"second, headroom {_headroom(system):g}), and measured each from its scheduled start to its last byte.",
        measures=(*measures, *_validity(load, result)),
        findings=tuple(findings),
        figures=_figures(load, full),
        facts=facts,
    )


def _latency(system: System, full: Served, name: str, share: float, limit_s: float) -> Measure:
    confidence = system.policy.confidence
    fewest = quantiles.fewest(share, confidence)
    upper: float | None = None
    if full.n >= max(fewest, 2 * system.policy.load_blocks):
        pooled = quantiles.upper(full.latency_s, share, confidence)
        blocks = quantiles.block_bootstrap_upper(
            full.latency_s, share, confidence=confidence, blocks=system.policy.load_blocks
        )
        upper = None if pooled is None else max(pooled, blocks)
    lower = quantiles.lower(full.latency_s, share, confidence)
    return Measure(
        name=f"{name} latency",
        value=full.at(share) if full.n else None,
        lower=lower,
        upper=upper,
        limit=limit_s,
        sense=Sense.AT_MOST,
        unit="s",
        n=full.n,
        method=f"order statistics, and a bootstrap over {system.policy.load_blocks} blocks of time",
        confidence=confidence,
        needed=math.ceil((fewest - full.n) / (1.0 - _WARM_UP)) if full.n < fewest else None,
        needed_unit="requests",
        approximate=True,
    )


def _failed(system: System, full: Served) -> Measure:
    alpha = 1.0 - system.policy.confidence
    count = int(full.failed.sum())
    limit = _errors_limit(system)
    needed = proportions.more_to_clear_ceiling(count, full.n, limit, alpha) if full.n and limit < 1.0 else None
    return Measure(
        name=_ERRORS,
        value=count / full.n if full.n else None,
        lower=proportions.lower(count, full.n, alpha) if full.n else None,
        upper=proportions.upper(count, full.n, alpha) if full.n else None,
        limit=limit,
        sense=Sense.AT_MOST,
        unit="share",
        n=full.n,
        method="Clopper-Pearson",
        confidence=system.policy.confidence,
        needed=needed or None,
        needed_unit="requests",
    )


def _errors_limit(system: System) -> float:
    declared = system.load.errors if system.load is not None else None
    return system.policy.load_errors if declared is None else declared


def _validity(load: Load, result: LoadResult) -> tuple[Measure, ...]:
    status = np.asarray(result.status, dtype=np.int64)
    issued = float((status != -1).mean()) if status.size else 0.0
    return (
        _exact(_LAG, _lag_s(result), _lag_limit_s(load), Sense.AT_MOST, "s", result.planned),
        _exact(_ISSUED, issued, _ISSUED_LEAST, Sense.AT_LEAST, "share", result.planned),
    )


def _exact(name: str, value: float, limit: float, sense: Sense, unit: str, n: int) -> Measure:
    return Measure(
        name=name,
        value=value,
        lower=value,
        upper=value,
        limit=limit,
        sense=sense,
        unit=unit,
        n=n,
        kind=MeasureKind.VALIDITY,
    )


def _slow(load: Load, measures: Sequence[Measure], full: Served, alone: Served, rate: float) -> Iterator[Finding]:
    missed = [
        (name, m)
        for (name, _, limit), m in zip(_percentiles(load), measures, strict=False)
        if (m.lower is not None and m.lower > limit) or m.value == math.inf
    ]
    if not missed:
        return
    name, worst = missed[-1]
    yield Finding(
        code="too-slow",
        summary=f"At {rate:g} requests a second {name} is {_seconds(worst.value)}, above its limit of "
        f"{_seconds(worst.limit)}{_cause(full, alone)}.",
        fields=tuple(f"load.latency.{n}" for n, _ in missed),
        explains=tuple(m.name for _, m in missed),
        why=_WHY,
        remedy="Let requests run beside each other (workers, no lock around the model), or declare a lower peak with "
        "operations' agreement.",
        detail={"p95_light_s": _plain(alone.at(0.95)), "p95_full_s": _plain(full.at(0.95))},
    )


def _cause(full: Served, alone: Served) -> str:
    light, heavy = alone.at(0.95), full.at(0.95)
    if math.isfinite(light) and heavy > _GROWTH * light:
        return f"; p95 goes from {_seconds(light)} at a light rate to {_seconds(heavy)}: requests wait for each other"
    if math.isfinite(light):
        return f"; at a light rate p95 is {_seconds(light)} already, so each request takes long by itself"
    return ""


def _waits(full: Served, alone: Served) -> Iterator[Finding]:
    light, heavy = alone.at(0.95), full.at(0.95)
    if alone.n >= 10 and math.isfinite(light) and heavy > _GROWTH * light:
        yield Finding(
            code="waits-under-load",
            summary=f"p95 goes from {_seconds(light)} at a light rate to {_seconds(heavy)} at the full one.",
            weight=Weight.NOTE,
            remedy="Look where requests wait for each other before the peak grows.",
        )


def _failing(errors: Measure, full: Served, rate: float) -> Iterator[Finding]:
    if errors.limit is not None and errors.lower is not None and errors.lower > errors.limit:
        bad = ", ".join(f"{status}: {n}" for status, n in full.statuses.items() if not status.startswith("2"))
        yield Finding(
            code="errors-under-load",
            summary=f"At {rate:g} requests a second {int(full.failed.sum())} of {full.n} fail ({bad}).",
            fields=("load.peak",),
            explains=(errors.name,),
            why=_WHY,
            remedy="Find in the server's log what fails at this rate: time-outs, pools, memory, a rate limit.",
            detail={"statuses": dict(full.statuses)},
        )


def _figures(load: Load, full: Served) -> tuple[Figure, ...]:
    if not full.n:
        return ()
    name, _, limit = _percentiles(load)[-1]
    options: Mapping[str, Json] = {"limit_s": limit, "percentile": name}
    finite = np.where(np.isinf(full.latency_s), np.nan, full.latency_s)
    ceiling = float(np.nanmax(finite)) if not np.isnan(finite).all() else limit
    shown = np.where(np.isnan(finite), ceiling, finite)
    ordered = np.sort(shown)
    curve = [{"share": q, "latency_s": float(ordered[max(0, math.ceil(q * full.n) - 1)])} for q in _CURVE]
    step = max(1, math.ceil(full.n / _POINTS))
    points = [{"at_s": float(full.at_s[i]), "latency_s": float(shown[i])} for i in range(0, full.n, step)]
    return (
        Figure(kind="latency", title="Latency at the declared peak with headroom", rows=tuple(curve), options=options),
        Figure(kind="throughput", title="Latency as the test went on", rows=tuple(points), options=options),
    )


def _seconds(value: float | None) -> str:
    if value is None or not math.isfinite(value):
        return "never"
    return span(value)


def _plain(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _limits(system: System) -> Sequence[Threshold]:
    load = system.load
    if load is None:
        return ()
    confidence = system.policy.confidence
    return (
        *(
            Threshold(
                requirement=_ID,
                measure=f"{name} latency",
                sense=Sense.AT_MOST,
                limit=limit,
                unit="s",
                confidence=confidence,
            )
            for name, _, limit in _percentiles(load)
        ),
        Threshold(
            requirement=_ID,
            measure=_ERRORS,
            sense=Sense.AT_MOST,
            limit=_errors_limit(system),
            unit="share",
            confidence=confidence,
        ),
        Threshold(requirement=_ID, measure=_LAG, sense=Sense.AT_MOST, limit=_lag_limit_s(load), unit="s"),
        Threshold(requirement=_ID, measure=_ISSUED, sense=Sense.AT_LEAST, limit=_ISSUED_LEAST, unit="share"),
    )


def _budget(system: System) -> float:
    duration_s = (system.load.duration if system.load is not None else None) or system.policy.load_duration
    return 1.5 * duration_s + 120.0 + 8.0 * system.model.timeout


CHECK: Check[System] = Check(
    id=_ID,
    requirement=_ID,
    version=1,
    title="Peak load with latency that is useful",
    run=_run,
    codes=_CODES,
    limits=_limits,
    alone=True,
    budget_s=_budget,
)
