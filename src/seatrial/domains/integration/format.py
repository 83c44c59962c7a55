"""Whether any integration quietly delivers a format that the model was not trained on.

What arrives is looked at where it counts: in the live sample, as the model gets it. An integration's own records may
well be in another unit that the pipeline converts; their contract is another check's matter.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from seatrial.core.check import Check, MeasureRequest, Trial
from seatrial.core.errors import SeatrialError
from seatrial.core.observation import Finding, Json, Measure, Observation, Reason, Threshold
from seatrial.core.vocabulary import MeasureKind, Sense, Weight
from seatrial.core.wording import count
from seatrial.domains.integration import decision_shift
from seatrial.domains.integration.format_figures import drift_figure, fingerprint_figure
from seatrial.domains.integration.format_power import Power, search_power
from seatrial.domains.integration.format_replay import Replay, replay
from seatrial.domains.integration.format_rows import feeds_of, fields_of, spread_rows
from seatrial.domains.integration.tied_fields import Side, Untied, untied
from seatrial.domains.scored.vendor_form import CODES as VENDOR_CODES
from seatrial.domains.scored.vendor_form import vendor_form
from seatrial.domains.sending import inputs_of
from seatrial.measure.format_change import CODES as CHANGE_CODES
from seatrial.measure.format_change import Change
from seatrial.measure.format_changes import Declared, format_changes
from seatrial.measure.format_swaps import Fingerprints
from seatrial.spec.model import InputField
from seatrial.spec.system import System
from seatrial.stats import proportions

REQUIREMENT = "integration.format"
POWER = "power of the search for changed formats"
REPLAYED = "entities that differ between both paths in the field that differs most"
FEWEST_ROWS = 300
"""Live rows below which nothing is said: a format that half of the rows have could still be a coincidence."""
_TIES_SHOWN = 6
_WHY = "Accuracy does not show it: the model goes on answering, on numbers that mean something else to it."
_CODES = {
    **CHANGE_CODES,
    "vendor-form": VENDOR_CODES["vendor-form"],
    "no-live-sample": "No live sample is declared, so nothing tells what production sends.",
    "no-reference": "Neither training nor evaluation data is declared to compare live rows with.",
    "too-few-live-rows": "The live sample is too small to tell a changed format from chance.",
    "nothing-to-compare": "No declared input is in the reference data.",
    "field-not-in-training": "A declared input is not in the training data, so nothing tells its trained format.",
    "reference-is-evaluation": "No training data is declared: the accepted evaluation data is the reference instead.",
    "decisions-unknown": "How often outputs are acted on could not be compared.",
    "replay-differs": "The same entity has other values live than in the offline data.",
    "tie-broken": "Two fields that go together without exception in the reference do not in live rows.",
    "replay-impossible": "No entity is both in the offline data and in the live sample, so no replay was made.",
}


def _measures(system: System) -> Sequence[MeasureRequest]:
    data = system.data
    wanted = [name for name in ("training", "evaluation", "live") if getattr(data, name) is not None]
    if data.training is not None:
        wanted = [name for name in wanted if name != "evaluation"]
    requests = [_fingerprint(name) for name in wanted]
    if decision_shift.has_decisions(system):
        tables = (decision_shift.EVALUATION, decision_shift.LIVE)
        requests += [decision_shift.decision_request(system, table) for table in tables]
    if decision_shift.has_calibration(system):
        requests += _calibration_requests(system)
    return tuple(requests)


def _fingerprint(table: str) -> MeasureRequest:
    return MeasureRequest(table=table, measure="fingerprint")


def _calibration_requests(system: System) -> list[MeasureRequest]:
    sides = ((decision_shift.EVALUATION, system.data.evaluation), (decision_shift.LIVE, system.data.live))
    return [decision_shift.calibration_request(system, table, source) for table, source in sides if source is not None]


def _limits(system: System) -> Sequence[Threshold]:
    policy = system.policy
    limits = [
        Threshold(
            requirement=REQUIREMENT, measure=POWER, sense=Sense.AT_LEAST, limit=policy.search_power, unit="share"
        ),
    ]
    if decision_shift.has_decisions(system):
        limits.append(_at_most(decision_shift.DECISIONS, policy.decision_shift, policy.confidence))
    if decision_shift.has_calibration(system):
        limits.append(_at_most(decision_shift.CALIBRATION, policy.calibration_shift, policy.confidence))
    return tuple(limits)


def _at_most(name: str, limit: float, confidence: float) -> Threshold:
    return Threshold(
        requirement=REQUIREMENT, measure=name, sense=Sense.AT_MOST, limit=limit, unit="share", confidence=confidence
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Looked:
    """What both sides look like, and which fields are compared."""

    reference_table: str
    reference: Fingerprints
    live: Fingerprints
    live_rows: int
    inputs: Mapping[str, InputField]
    fields: Mapping[str, Declared]


def _run(system: System, trial: Trial) -> Observation | Reason:
    looked = _look(system, trial)
    if isinstance(looked, Reason):
        return looked
    trial.say("comparing the format of each field", 0.1)
    changes = format_changes(looked.reference, looked.live, looked.fields)
    table = trial.table("live")
    wanted = [name for name in table.columns() if name in looked.fields or name in _keys(system)]
    rows = spread_rows(table, wanted or table.columns()[:1], rows=looked.live_rows)
    trial.say("looking at fields that go together", 0.2)
    ties, broken = _ties(system, trial, looked)
    trial.say("replaying the same entities", 0.3)
    replayed = _replay(system, trial, looked, rows)
    trial.say("planting silent changes to see whether they are found", 0.4)
    changed = {name for change in changes if change.weight is Weight.GAP for name in change.fields}
    power = search_power(rows, looked.reference, looked.fields, changed=changed, seed=trial.seed)
    measures, decision_findings = _decisions(system, trial)
    findings = [*(_finding(system, looked, change) for change in changes), *_about(system, looked), *decision_findings]
    findings += [*_tie_findings(system, looked, broken), *_replay_findings(system, looked, replayed)]
    return Observation(
        done=f"Compared the format of {len(looked.fields)} fields between {looked.reference_table} and "
        f"{looked.live_rows:,} live rows, held {count(ties, 'pair')} of fields that go together against these, "
        f"replayed {0 if replayed is None else replayed.matched:,} entities, and "
        f"planted {power.planted - len(changed)} silent changes of which {len(power.missed)} were missed.",
        measures=(_power_measure(system, power), *measures, *_replay_measures(system, replayed)),
        findings=tuple(findings),
        figures=(
            fingerprint_figure(looked.reference, looked.live, looked.fields, changes),
            drift_figure(looked.reference, looked.live, looked.fields, changes),
        ),
        proof=sum(1 for name in looked.fields if name in looked.reference and name in looked.live),
        facts=_facts(looked, power, replayed, changes),
    )


def _look(system: System, trial: Trial) -> _Looked | Reason:
    data = system.data
    if data.live is None:
        return Reason(
            code="no-live-sample",
            summary="No live sample is declared.",
            remedy="Declare data.live: a recent sample of what production sends, as the model gets it.",
            fields=("data.live",),
        )
    table = "training" if data.training is not None else "evaluation"
    if data.training is None and data.evaluation is None:
        return Reason(
            code="no-reference",
            summary="Neither training nor evaluation data is declared.",
            remedy="Declare data.training, or for a vendor's model data.evaluation with the accepted pilot data.",
            fields=("data.training",),
        )
    before, now = trial.measured(_fingerprint(table)), trial.measured(_fingerprint("live"))
    reference, live, rows = _columns(before), _columns(now), _rows(now)
    inputs = inputs_of(system, trial)
    fields = fields_of(system, inputs, reference)
    if not any(name in reference for name in fields):
        return Reason(
            code="nothing-to-compare",
            summary=f"No declared input is a column of the {table} data.",
            remedy=f"Correct data.{table}, or the names in model.inputs.",
            fields=(f"data.{table}",),
        )
    if rows < FEWEST_ROWS:
        return Reason(
            code="too-few-live-rows",
            summary=f"The live sample has {rows} rows; {FEWEST_ROWS} are needed to tell a changed format from chance.",
            remedy=f"Collect {FEWEST_ROWS - rows} more live rows.",
            fields=("data.live",),
        )
    return _Looked(reference_table=table, reference=reference, live=live, live_rows=rows, inputs=inputs, fields=fields)


def _columns(result: Mapping[str, Any]) -> Fingerprints:
    columns: Fingerprints = result["columns"]
    return columns


def _rows(result: Mapping[str, Any]) -> int:
    return int(result["rows"])


def _keys(system: System) -> set[str]:
    live = system.data.live
    return {name for name in (live.entity, live.time) if name} if live else set()


_REMEDIES = {
    Weight.GAP: "Bring the feed back to the trained format, or convert before the model; then take a fresh live "
    "sample.",
    Weight.OPEN: "Have these times sent with their zone, or take training and live rows that both have times before "
    "and after a change of clocks.",
    Weight.NOTE: "",
}


def _finding(system: System, looked: _Looked, change: Change) -> Finding:
    feeds = dict.fromkeys(feed for name in change.fields for feed in feeds_of(system, looked.inputs, name))
    where = f" It is fed by {', '.join(feeds)}." if feeds else ""
    return Finding(
        code=change.code,
        summary=f"{change.summary}.{where}",
        weight=change.weight,
        fields=change.fields,
        remedy=_REMEDIES[change.weight],
        why=_WHY if change.weight is Weight.GAP else "",
        detail={"integrations": list(feeds), **change.evidence},
    )


def _about(system: System, looked: _Looked) -> Iterator[Finding]:
    yield from vendor_form(system, "the accepted pilot data are the reference for every format")
    if looked.reference_table == "evaluation":
        yield Finding(
            code="reference-is-evaluation",
            summary="No training data is declared: live rows were compared with the accepted evaluation data.",
            weight=Weight.NOTE,
            fields=("data.training",),
        )
    for name in looked.fields:
        if name not in looked.reference:
            yield Finding(
                code="field-not-in-training",
                summary=f"{name} is declared as an input and is no column of the {looked.reference_table} data.",
                weight=Weight.OPEN,
                fields=(name,),
                remedy="Correct the declared inputs, or declare the data that the model was trained on.",
            )


def _decisions(system: System, trial: Trial) -> tuple[tuple[Measure, ...], tuple[Finding, ...]]:
    """Where the rows could not be scored, the formats stand nevertheless, and this part stays open."""
    measures: list[Measure] = []
    try:
        if decision_shift.has_decisions(system):
            tables = (decision_shift.EVALUATION, decision_shift.LIVE)
            before, now = (trial.measured(decision_shift.decision_request(system, table)) for table in tables)
            measures += decision_shift.decision_measures(system, before, now)
        if decision_shift.has_calibration(system):
            before, now = (trial.measured(request) for request in _calibration_requests(system))
            measures.append(decision_shift.calibration_measure(system, before, now))
    except SeatrialError as error:
        finding = Finding(
            code="decisions-unknown",
            summary=f"How often outputs are acted on could not be compared: {error.what}",
            weight=Weight.OPEN,
            remedy=error.remedy,
        )
        return tuple(measures), (finding,)
    return tuple(measures), ()


def _power_measure(system: System, power: Power) -> Measure:
    share = power.share
    return Measure(
        name=POWER,
        value=share,
        lower=share,
        upper=share,
        limit=system.policy.search_power,
        sense=Sense.AT_LEAST,
        unit="share",
        n=power.planted,
        method="every applicable silent change planted alone into a copy of the live rows",
        kind=MeasureKind.VALIDITY,
    )


def _ties(system: System, trial: Trial, looked: _Looked) -> tuple[int, list[Untied]]:
    source, live = getattr(system.data, looked.reference_table), system.data.live
    reference, now = (
        Side(table=trial.table(name), time=None if each is None else each.time)
        for name, each in ((looked.reference_table, source), ("live", live))
    )
    inputs = {name: looked.inputs.get(name, InputField(type="string")) for name in looked.fields}
    return untied(reference, now, inputs, alpha=1.0 - system.policy.confidence, seed=trial.seed)


def _tie_findings(system: System, looked: _Looked, broken: Sequence[Untied]) -> Iterator[Finding]:
    for each in broken[:_TIES_SHOWN]:
        fields = tuple(name for name in (each.told, each.by) if name in looked.fields)
        feeds = dict.fromkeys(feed for name in fields for feed in feeds_of(system, looked.inputs, name))
        where = f" Fed by {', '.join(feeds)}." if feeds else ""
        yield Finding(
            code="tie-broken",
            summary=f"{each.told} goes with {each.by} in the {looked.reference_table} data without exception, and "
            f"otherwise in {each.broken} of {each.n} live rows: {'; '.join(each.examples)}.{where}",
            weight=Weight.GAP if each.lower > system.policy.mismatches else Weight.NOTE,
            fields=fields,
            why="Each field by itself looks as it always did, and the model is asked about something else.",
            remedy=f"Find out which of {each.told} and {each.by} is wrong live: an old key, a code list of another "
            "day, a row of the day before. If both are right, the model learned what is no longer so: train it anew.",
            detail={"share": each.broken / each.n, "integrations": list(feeds)},
        )


def _replay(system: System, trial: Trial, looked: _Looked, rows: Any) -> Replay | None:
    for name in ("training", "evaluation"):
        source = getattr(system.data, name)
        if source is None or system.data.live is None:
            continue
        found = replay(trial.table(name), source, rows, system.data.live, tuple(looked.fields))
        if found is not None and found.matched:
            return found
    return None


def _replay_measures(system: System, replayed: Replay | None) -> Iterator[Measure]:
    """The field that differs most often between both paths, with its bounds: 0 of 299 is surely less than 1 %."""
    if replayed is None or not replayed.matched or not replayed.differing:
        return
    name, differing = max(replayed.differing.items(), key=lambda item: item[1])
    alpha = 1.0 - system.policy.confidence
    yield Measure(
        name=REPLAYED,
        value=differing / replayed.matched,
        lower=proportions.lower(differing, replayed.matched, alpha),
        upper=proportions.upper(differing, replayed.matched, alpha),
        unit="share",
        n=replayed.matched,
        method=f"Clopper-Pearson, over the same entities through both paths; the field is {name}"
        if differing
        else "Clopper-Pearson, over the same entities through both paths; no field differs",
        confidence=system.policy.confidence,
        kind=MeasureKind.INFORMATIVE,
    )


def _replay_findings(system: System, looked: _Looked, replayed: Replay | None) -> Iterator[Finding]:
    if replayed is None:
        yield Finding(
            code="replay-impossible",
            summary="No entity is both in the offline data and in the live sample: no row was held against its own.",
            weight=Weight.NOTE,
            fields=("data.live",),
        )
        return
    limit = system.policy.mismatches
    alpha = 1.0 - system.policy.confidence
    for name, differing in replayed.differing.items():
        if not differing:
            continue
        low = proportions.lower(differing, replayed.matched, alpha)
        pairs = "; ".join(f"{offline} offline, {live} live" for offline, live in replayed.examples[name])
        yield Finding(
            code="replay-differs",
            summary=f"{name} differs for {differing} of {replayed.matched} entities that are on both sides: {pairs}.",
            weight=Weight.GAP if low > limit else Weight.NOTE,
            fields=(name,),
            remedy="Let both paths compute the field in one place, or find out which one is wrong.",
            why=_WHY,
            detail={"share": differing / replayed.matched, "integrations": list(feeds_of(system, looked.inputs, name))},
        )


def _facts(looked: _Looked, power: Power, replayed: Replay | None, changes: Sequence[Change]) -> dict[str, Json]:
    return {
        "reference": looked.reference_table,
        "fields": list(looked.fields),
        "changes": [{"code": c.code, "fields": list(c.fields), **c.evidence} for c in changes],
        "planted": power.planted,
        "missed": list(power.missed),
        "replayed": 0 if replayed is None else replayed.matched,
        "replay_differing": {} if replayed is None else dict(replayed.differing),
        "replay_repeated_keys": 0 if replayed is None else replayed.repeated,
    }


CHECK: Check[System] = Check(
    id="integration.format",
    requirement=REQUIREMENT,
    version=4,
    title="Live data in the format that the model was trained on",
    run=_run,
    codes=_CODES,
    measures=_measures,
    limits=_limits,
    only_reads=True,
    budget_s=lambda _: 180.0,
)
