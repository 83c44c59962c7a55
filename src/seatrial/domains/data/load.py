"""Does the pipeline carry the peak at a latency that keeps the output useful: an open-model load at its real entry.

Requests arrive at their scheduled times whatever the answers do, and latency counts from the scheduled start, so that
a freeze is met by everybody who comes during it. The first tenth is discarded as warm-up. Each declared percentile is
bounded twice, by order statistics over all requests and by a bootstrap over blocks of time, because latencies of one
moment resemble each other; the larger bound counts. Whatever fails or is not answered stands above every latency.
Where the policy asks for it, the peak is then held to see whether anything grows (`soak.py`), and the highest rate that
keeps every limit is searched for (`capacity.py`).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from seatrial.core.check import Check, Trial
from seatrial.core.observation import Figure, Finding, Json, Measure, Observation, Reason, Threshold
from seatrial.core.ports import LoadResult, Request, Row, Stream
from seatrial.core.vocabulary import Sense, Weight
from seatrial.core.wording import span
from seatrial.domains.data import capacity, soak
from seatrial.domains.data.answers_under_load import Watcher
from seatrial.domains.data.arrival_trace import busier_than_peak, read_trace
from seatrial.domains.data.known_answers import REST_S
from seatrial.domains.data.latency_record import encoded
from seatrial.domains.data.load_findings import WHY, failing, slow, waits
from seatrial.domains.load import rows as load_rows
from seatrial.domains.load.ceilings import failed_share, kept_plan
from seatrial.domains.load.rows import Repeats, Sent, in_turn
from seatrial.domains.load.served import (
    ISSUED_LEAST,
    WARM_UP,
    Served,
    driven_s,
    errors_limit,
    in_flight,
    issued,
    lag_limit_s,
    lag_s,
    percentiles,
    plain,
    served,
    timeout_s,
    upper_s,
)
from seatrial.domains.sending import answered, inputs_of, rows_to_send
from seatrial.spec.load import Load
from seatrial.spec.system import System
from seatrial.stats import proportions, quantiles

_ID = "data.load"
_ERRORS = "share of requests that failed"
_LAG = "p99 lag of the load generator"
_ISSUED = "share of planned requests that were issued"
_POINTS = 400
_CURVE = (0.0, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.98, 0.99, 0.995, 0.999, 1.0)
_CODES = {
    "no-load-declared": "Neither the peak nor the latency that keeps the output useful is declared.",
    "not-a-test-endpoint": "The model's endpoint is not declared as one that may be put under load.",
    "no-inputs-declared": "The model's inputs are not declared, so no requests can be made.",
    "not-over-http": "The model is not called over HTTP, so no arrivals can be sent to it.",
    "clean-rows-refused": "The model answers none of the evaluation rows, so there is nothing to send.",
    "generator-too-slow": "This machine cannot send the declared rate on time even to a server that does nothing.",
    "too-slow": "A declared percentile of the latency is above its limit at the declared peak.",
    "errors-under-load": "Too many requests fail at the declared peak.",
    "wrong-under-load": "Under load rows are answered differently from before, or with what is no answer.",
    "answers-vary": "Under load rows are answered differently from before no more often than at rest.",
    "answers-not-seen": "While the load ran, no known row was answered.",
    "waits-under-load": "The latency grows with the rate although it is still within its limits.",
    "busier-than-declared": "The trace of real arrivals was certainly busier than the declared peak.",
    **load_rows.CODES,
    **capacity.CODES,
    **soak.CODES,
}


def _run(system: System, trial: Trial) -> Observation | Reason:
    load = system.load
    if load is None:
        return Observation(done="Looked for the declared peak and latency.", findings=(_undeclared(),))
    if not system.model.test_endpoint:
        return Observation(done="Nothing was sent: the endpoint may not be put under load.", findings=(_no_test(),))
    rate = load.peak * _headroom(system)
    duration_s = driven_s(system, load, rate)
    prepared = _prepared(system, trial, math.ceil(rate * ((load.ramp or 0.0) + duration_s)))
    if isinstance(prepared, Reason):
        return prepared
    trial.say("calibrating the generator against a server that does nothing")
    calibrated = trial.load.calibrate(rate, seed=trial.seed)
    if lag_s(calibrated) > lag_limit_s(load):
        calibrated = trial.load.calibrate(rate, seed=trial.seed + 1)
    if lag_s(calibrated) > lag_limit_s(load):
        return Reason(
            code="generator-too-slow",
            summary=f"At {rate:g}/s the generator itself was {lag_s(calibrated) * 1000:.0f} ms late against a server "
            f"that does nothing; {lag_limit_s(load) * 1000:.0f} ms are allowed.",
            remedy="Run the check on a machine that has a core to spare.",
        )
    trace = read_trace(trial.files.read(load.trace), name=load.trace) if load.trace is not None else ()
    stream = _stream(system, load, prepared.sent.requests, trace, rate, duration_s)
    trial.say("one request after the other, to see what each takes by itself")
    watcher = Watcher.of(trial.model, prepared.rows)
    trial.say(f"{rate:g} requests a second for {span(duration_s)}")
    with watcher:
        result = trial.load.run([stream], duration_s=(load.ramp or 0.0) + duration_s, seed=trial.seed)["predict"]
    unclean = load_rows.not_clean(trial, prepared.sent, result)
    run = _Run(
        rate=rate,
        trace=trace,
        result=result,
        full=served(result, ramp_s=load.ramp or 0.0, without=unclean),
        sent=prepared.sent,
        left_out=int(unclean.sum()),
        calibrated=calibrated,
        watcher=watcher,
    )
    if _clears(system, load, run):
        steady = replace(stream, shape=(), requests=load_rows.clean(prepared.sent, unclean))
        if system.policy.soak_duration:
            run.soak = soak.hold(system, load, trial, replace(steady, rate_per_s=load.peak), watcher)
        if system.policy.capacity_level:
            run.search = capacity.search(system, load, trial, steady, watcher)
    return _observation(system, load, run)


@dataclass(slots=True, kw_only=True)
class _Run:
    """Everything that was driven. Soak and search are None where the policy asks for none, or the peak was not held."""

    rate: float
    trace: Sequence[float]
    result: LoadResult
    full: Served
    sent: Sent
    left_out: int
    calibrated: LoadResult
    watcher: Watcher
    soak: soak.Soak | None = None
    search: capacity.Search | None = None

    @property
    def repeats(self) -> Repeats:
        """First-seen rows beside those that were sent before."""
        first = self.sent.of(self.result.planned)
        return Repeats(
            fresh=self.full.only(first),
            again=self.full.only(~first),
            different=self.sent.different,
            left_out=self.left_out,
        )

    @property
    def judged(self) -> Served:
        """By what the latency is judged: first-seen rows alone where others were clearly faster."""
        return self.repeats.fresh if self.repeats.helped else self.full


@dataclass(frozen=True, slots=True, kw_only=True)
class _Prepared:
    """Rows that were asked before, and what the load sends."""

    rows: Sequence[Row]
    sent: Sent


def _stream(
    system: System, load: Load, requests: Sequence[Request], trace: Sequence[float], rate: float, duration_s: float
) -> Stream:
    given_up_s = timeout_s(system, load)
    climbs = (load.ramp or 0.0) / ((load.ramp or 0.0) + duration_s)
    return Stream(
        name="predict",
        requests=requests,
        rate_per_s=rate,
        arrivals="trace" if trace else load.arrivals,
        shape=((0.0, 0.0), (climbs, 1.0), (1.0, 1.0)) if climbs and not trace else (),
        trace=trace,
        timeout_s=given_up_s,
        in_flight=in_flight(rate, given_up_s),
    )


def _clears(system: System, load: Load, run: _Run) -> bool:
    """Whether the peak was held so well that more is worth trying: every limit by its bound."""
    full = run.full
    if not full.n:
        return False
    uppers = [(upper_s(system, run.judged, share), limit) for _, share, limit in percentiles(load)]
    fails = proportions.upper(int(full.failed.sum()), full.n, 1.0 - system.policy.confidence)
    return all(u is not None and u <= limit for u, limit in uppers) and fails <= errors_limit(system)


def _undeclared() -> Finding:
    return Finding(
        code="no-load-declared",
        summary="Neither the peak nor the latency that keeps the output useful is declared.",
        fields=("load",),
        why=WHY,
        remedy="Declare load.peak, the most that production will ask, and load.latency, such as {p99: 300ms}.",
    )


def _no_test() -> Finding:
    return Finding(
        code="not-a-test-endpoint",
        summary="The model's endpoint is not declared as one that may be put under load.",
        weight=Weight.OPEN,
        fields=("model.test_endpoint",),
        why=WHY,
        remedy="Point model.endpoint at a copy with production's size and declare model.test_endpoint: true.",
    )


def _prepared(system: System, trial: Trial, planned: int) -> _Prepared | Reason:
    inputs = inputs_of(system, trial)
    if not inputs:
        return Reason(
            code="no-inputs-declared",
            summary="The model's inputs are not declared, so no requests can be made.",
            remedy="Declare model.inputs: each field with its type, unit, range or values.",
            fields=("model.inputs",),
        )
    most = min(planned, load_rows.MOST) + load_rows.CHECKED
    everything = rows_to_send(trial, inputs, table="evaluation", most=most, seed=trial.seed)
    # What is asked before the load could be in a cache: these are few, and the load's own rows are others.
    asked = min(load_rows.CHECKED, max(1, len(everything) // 5))
    found, others = everything[:asked], everything[asked:]
    if found and trial.model.request(found[:1]) is None:
        return Reason(
            code="not-over-http",
            summary="The model is not called over HTTP, so no arrivals can be sent to it.",
            remedy="Serve it over HTTP as production does, and declare model.endpoint.",
            fields=("model",),
        )
    rows = answered(trial.model, found, batch=system.model.batch)
    if not rows:
        return Reason(
            code="clean-rows-refused",
            summary=f"The model answered none of {len(found)} clean evaluation rows.",
            remedy="Give evaluation rows as production sends them, with the declared types and units.",
            fields=("data.evaluation",),
        )
    new = [(row, request) for row in others or rows if (request := trial.model.request([row])) is not None]
    return _Prepared(
        rows=rows,
        sent=in_turn([row for row, _ in new], [request for _, request in new], planned, trial.seed),
    )


def _headroom(system: System) -> float:
    declared = system.load.headroom if system.load is not None else None
    return declared or system.policy.load_headroom


def _observation(system: System, load: Load, run: _Run) -> Observation:
    full, alone_s, repeats = run.full, run.watcher.alone_s, run.repeats
    measures = [_latency(system, run.judged, *p) for p in percentiles(load)] + [
        failed_share(system, _ERRORS, (int(full.failed.sum()), full.n))
    ]
    findings = [
        *slow(load, measures, full, alone_s, run.rate),
        *failing(measures[-1], full, run.rate),
        *run.watcher.findings(),
    ]
    if all(finding.weight is Weight.NOTE for finding in findings):
        findings += waits(load, full, alone_s)
    findings += load_rows.findings(repeats, further=run.soak is not None or run.search is not None)
    if run.trace:
        findings += busier_than_peak(load, run.trace, 1.0 - system.policy.confidence)
    return Observation(
        done=f"Sent {run.result.planned:,} requests in {_arrivals(load)} of {run.rate:g} a second (declared peak "
        f"{load.peak:g} a second, headroom {_headroom(system):g}), and measured each from its scheduled start to its "
        f"last byte, with {run.sent.different:,} different rows{_further(system, run)}.",
        measures=(*measures, *_further_measures(system, load, run), *_validity(load, run.result)),
        findings=(
            *findings,
            *(soak.findings(system, load, run.soak) if run.soak else ()),
            *(capacity.findings(load, run.search) if run.search else ()),
        ),
        figures=(
            *_figures(load, full),
            *(soak.figures(load, run.soak) if run.soak else ()),
            *(capacity.figures(system, load, run.search) if run.search else ()),
        ),
        facts=_facts(system, load, run, full),
    )


def _arrivals(load: Load) -> str:
    if load.trace is not None:
        return "the busiest stretch of the declared trace, pressed to a mean"
    return "open arrivals" if load.arrivals == "poisson" else "arrivals by the clock"


def _further(system: System, run: _Run) -> str:
    told = ""
    if run.soak is not None:
        told += f"; held the peak for {span(run.soak.duration_s)}"
    if run.search is not None:
        told += f"; searched for the capacity at {len(run.search.levels)} rates"
    elif system.policy.capacity_level or system.policy.soak_duration:
        told += "; nothing more was tried, because it was not established that the peak itself is held"
    return told


def _further_measures(system: System, load: Load, run: _Run) -> Iterator[Measure]:
    if system.policy.soak_duration:
        yield from soak.measures(system, load, run.soak)
    if system.policy.capacity_level:
        yield capacity.measure(system, load, run.search)


def _facts(system: System, load: Load, run: _Run, full: Served) -> dict[str, Json]:
    facts: dict[str, Json] = {
        "rate_per_s": run.rate,
        "requests": run.result.planned,
        "statuses": dict(full.statuses),
        "p95 of one request at a time, s": plain(run.watcher.alone_s),
        "p95 at the full rate, s": plain(full.at(0.95)),
        "calibrated lag p99, s": plain(lag_s(run.calibrated)),
        "answers compared under load": run.watcher.compared,
        "answers that differed by the model's own variation": run.watcher.varied,
        **run.repeats.facts(),
    }
    if full.n:
        facts["latencies as HDR histogram, microseconds"] = encoded(
            full.latency_s, unanswered_s=timeout_s(system, load)
        )
    if full.n >= 2 * system.policy.load_blocks:
        share = percentiles(load)[-1][1]
        effect = quantiles.block_effect(full.latency_s, share, blocks=system.policy.load_blocks)
        facts["requests that are worth one independent one"] = effect
    if run.soak is not None:
        facts.update(soak.facts(run.soak))
    if run.search is not None:
        facts.update(capacity.facts(run.search))
    return facts


def _latency(system: System, full: Served, name: str, share: float, limit_s: float) -> Measure:
    confidence = system.policy.confidence
    fewest = quantiles.fewest(share, confidence)
    upper = upper_s(system, full, share)
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
        needed=math.ceil((fewest - full.n) / (1.0 - WARM_UP)) if full.n < fewest else None,
        needed_unit="requests",
        approximate=True,
    )


def _validity(load: Load, result: LoadResult) -> tuple[Measure, ...]:
    return (
        kept_plan(_LAG, lag_s(result), lag_limit_s(load), Sense.AT_MOST, "s", result.planned),
        kept_plan(_ISSUED, issued(result), ISSUED_LEAST, Sense.AT_LEAST, "share", result.planned),
    )


def _figures(load: Load, full: Served) -> tuple[Figure, ...]:
    if not full.n:
        return ()
    name, _, limit = percentiles(load)[-1]
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
            for name, _, limit in percentiles(load)
        ),
        Threshold(
            requirement=_ID,
            measure=_ERRORS,
            sense=Sense.AT_MOST,
            limit=errors_limit(system),
            unit="share",
            confidence=confidence,
        ),
        *soak.limits(system, _ID),
        *capacity.limits(system, _ID),
        Threshold(requirement=_ID, measure=_LAG, sense=Sense.AT_MOST, limit=lag_limit_s(load), unit="s"),
        Threshold(requirement=_ID, measure=_ISSUED, sense=Sense.AT_LEAST, limit=ISSUED_LEAST, unit="share"),
    )


def _budget(system: System) -> float:
    load = system.load
    if load is None:
        return 120.0
    peak_s = driven_s(system, load, load.peak * _headroom(system))
    duration_s = (load.ramp or 0.0) + peak_s + system.policy.soak_duration
    return 1.5 * duration_s + 120.0 + REST_S + 8.0 * system.model.timeout + 1.2 * capacity.longest_s(system, load)


CHECK: Check[System] = Check(
    id=_ID,
    requirement=_ID,
    version=6,
    title="Peak load with latency that is useful",
    run=_run,
    codes=_CODES,
    limits=_limits,
    alone=True,
    draws_anew=True,
    budget_s=_budget,
)
