"""What staleness costs: evaluation rows are scored again with the values that a late source would have delivered.

For a lag, every fed column of a row is replaced by what the table itself knew that much earlier of the same part of
the source, such as the station or the machine. The label stays, so what is lost is due to the age alone. Where the
table has only older values than that, a metric that is kept with them is kept; one that is lost tells nothing. Each
source is late alone, by its own limit and beyond it, and then all of them together, by the strictest.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from seatrial.core.check import PREDICTION, PROBLEM, SCORE, Trial
from seatrial.core.errors import SeatrialError
from seatrial.core.observation import Figure, Finding, Json, Measure, Reason
from seatrial.core.ports import Prediction, ReplyKind
from seatrial.core.vocabulary import MeasureKind, Sense, Weight
from seatrial.domains.data.earlier_values import OLDER, SourceParts, earlier, parts_of, telling
from seatrial.domains.scored.metric_rows import MetricProblem
from seatrial.domains.scored.metrics import Governed, governed, rows_of, unit_of
from seatrial.domains.scored.outcomes import Outcomes, outcomes_of
from seatrial.domains.scored.rows import Rows, times_of
from seatrial.domains.sending import as_sent
from seatrial.measure.columns import Column, Columns
from seatrial.spec.data import Source
from seatrial.spec.model import InputField
from seatrial.spec.system import System

if TYPE_CHECKING:
    import pyarrow as pa

ROWS = 800
MOST_TABLE_ROWS = 200_000
FEWEST = 100
_HOUR_S = 3600.0
_MULTIPLES = (1.0, 3.0, 12.0)
_DAY_H = 24.0
_HALVINGS = 4
_DRAWS = 400
_SURE = 0.95
CODES = {
    "staleness-cost-unknown": "What staleness costs could not be measured by replaying lagged data.",
    "limit-too-loose": "Data may be older than the age at which a governed metric loses its limit.",
}

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """Measures by lag, to show and never to judge. `done` is the end of a sentence."""

    done: str
    measures: tuple[Measure, ...] = ()
    findings: tuple[Finding, ...] = ()
    figures: tuple[Figure, ...] = ()
    facts: Mapping[str, Json] = field(default_factory=dict)


class _NotPossible(Exception):
    """Why nothing can be replayed, in words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Replay:
    """The rows to score, and the sources that are late: in sentences `late`, by `allowed` hours, tried at `lags`."""

    table: pa.Table
    chosen: npt.NDArray[np.int64]
    times: Floats
    sources: tuple[SourceParts, ...]
    seed: int
    late: str
    allowed: float
    lags: tuple[float, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Evaluation:
    """The evaluation rows by time, seconds, with the sources whose values are in them."""

    rows: pa.Table
    times: Floats
    labelled: npt.NDArray[np.bool_]
    sources: tuple[SourceParts, ...]

    @property
    def lates(self) -> list[tuple[SourceParts, ...]]:
        """Which sources are late at once: each alone, and where there are several, all."""
        alone = [(each,) for each in self.sources]
        return [*alone, self.sources] if len(alone) > 1 else list(alone)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Scored:
    """What the model says with data of that age, and what each metric that can be computed is then.

    `stand_in_h` is how old the rows' values really were, at the median, by source.
    """

    lag_h: float
    stand_in_h: Mapping[str, float]
    outcomes: Outcomes
    values: Mapping[str, float]


def cost_of_staleness(system: System, trial: Trial, inputs: Mapping[str, InputField]) -> Cost:
    """Score the same rows with data of several ages. Never raises: what cannot be done stays open, and says why."""
    if not _fed(system, inputs):
        return Cost(done="found no input that a source of states feeds, so that none can be replayed staler.")
    try:
        return _cost(system, trial, inputs)
    except (_NotPossible, SeatrialError) as error:
        return Cost(
            done="found that what staleness costs cannot be replayed.", findings=(_unknown(system, inputs, error),)
        )


def _unknown(system: System, inputs: Mapping[str, InputField], error: Exception) -> Finding:
    """That what staleness costs stays open, and what it takes."""
    said = error.what if isinstance(error, SeatrialError) else str(error)
    return Finding(
        code="staleness-cost-unknown",
        summary=f"What staleness costs was not measured: {said}.",
        weight=Weight.OPEN,
        fields=("data.evaluation",),
        why="A limit on age that nobody held against the answers may allow data on which they are wrong.",
        remedy=(error.remedy if isinstance(error, SeatrialError) else "")
        or f"Give labelled evaluation rows with their time over more than {_longest(system):g} h, with "
        f"{', '.join(_fed(system, inputs))}, which the model answers as they are.",
    )


def _cost(system: System, trial: Trial, inputs: Mapping[str, InputField]) -> Cost:
    source = system.data.evaluation
    fed = _fed(system, inputs)
    if source is None or source.time is None or source.label is None:
        raise _NotPossible("the evaluation data has no declared label or time column")
    table = _table(system, trial, inputs, source, fed)
    costs: list[Cost] = []
    found: set[str] = set()
    for late in table.lates:
        try:
            replay = _replay(system, table, late, trial.seed)
        except _NotPossible as error:
            if len(table.lates) == 1:
                raise
            costs.append(Cost(done=f"could not replay {error}.", findings=(_unknown(system, inputs, error),)))
            continue
        # What one source loses by itself is not told again of all of them.
        cost, metrics = _cost_of(system, trial, inputs, replay, but=found if len(late) > 1 else ())
        costs.append(cost)
        found |= metrics
    return Cost(
        done=" It ".join(each.done for each in costs),
        measures=tuple(m for each in costs for m in each.measures),
        findings=tuple(f for each in costs for f in each.findings),
        figures=tuple(f for each in costs for f in each.figures),
        facts={
            "fields": list(fed),
            "sources": {each.source: {"parts_by": each.by, **each.ratios} for each in table.lates[-1]},
        },
    )


def _cost_of(
    system: System, trial: Trial, inputs: Mapping[str, InputField], replay: _Replay, *, but: Collection[str]
) -> tuple[Cost, set[str]]:
    """What it costs that the sources of one replay are late, and of which metrics there is a finding; none of `but`."""
    scored: dict[float, _Scored] = {}

    def at(lag: float) -> _Scored:
        if lag not in scored:
            trial.say(f"replaying {replay.late} {lag:g} h old", min(0.95, 0.5 + len(scored) / 40))
            scored[lag] = _scored(system, trial, inputs, replay, lag)
        return scored[lag]

    for lag in replay.lags:
        at(lag)
    losses = {m.name: loss for m in governed(system) if (loss := _loss(m, at, replay)) is not None}
    lost = [loss for name, loss in losses.items() if not loss.findings or name not in but]
    rows = [scored[lag] for lag in sorted(scored)]
    columns = ", ".join(name for each in replay.sources for name in each.columns)
    cost = Cost(
        done=f"scored {replay.chosen.size} evaluation rows again with {columns} up to {rows[-1].lag_h:g} h old"
        + (f"; {'; '.join(each.told for each in lost)}." if lost else "."),
        measures=(
            *(m for each in rows for m in _measures(each, replay.late)),
            *(m for each in lost for m in each.measures),
        ),
        findings=tuple(f for each in lost for f in each.findings),
        figures=(_figure(system, rows, replay.late),),
    )
    return cost, {name for name, loss in losses.items() if loss.findings}


def _figure(system: System, rows: Sequence[_Scored], late: str) -> Figure:
    limited = [m for m in governed(system) if m.limit is not None and m.name in rows[0].values]
    shown = next((n for n in ("AUC", *(m.name for m in limited)) if all(n in each.values for each in rows)), "")
    metric = next((m for m in limited if m.name == shown), None)
    return Figure(
        kind="staleness",
        title=f"What stale {late} would cost",
        rows=tuple({"lag_h": each.lag_h, "metric": each.values[shown]} for each in rows if shown),
        options={"metric": shown} | ({} if metric is None else {"minimum": metric.limit}),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Loss:
    """The age at which a governed metric loses its limit, as words, measure and findings."""

    told: str
    measures: tuple[Measure, ...] = ()
    findings: tuple[Finding, ...] = ()


def _loss(metric: Governed, at: Callable[[float], _Scored], replay: _Replay) -> _Loss | None:
    """Between which ages the metric goes over its limit, halved until it is known closely; None without a limit."""
    limit, name, late = metric.limit, metric.name, replay.late
    if limit is None or name not in at(0.0).values:
        return None

    def kept(lag: float) -> bool:
        value = at(lag).values.get(name, math.nan)
        return value >= limit if metric.sense is Sense.AT_LEAST else value <= limit

    if not kept(0.0):
        return _Loss(told=f"{name} misses its limit on these rows even with {late} that are not old at all")
    allowed = replay.allowed
    lags = [lag for lag in replay.lags if lag]
    first = next((lag for lag in lags if not kept(lag)), None)
    if first is None:
        return _Loss(told=f"{name} keeps its limit with {late} {lags[-1]:g} h old")
    low, high = max([0.0, *(lag for lag in lags if lag < first)]), first
    for _ in range(_HALVINGS):
        middle = round((low + high) / 2.0, 3)
        if not kept(middle) and _not_that_age(at(middle), replay):
            break
        low, high = (middle, high) if kept(middle) else (low, middle)
    measure = Measure(
        name=f"age of the {late} at which {name} loses its limit",
        value=high * _HOUR_S,
        unit="s",
        n=at(0.0).outcomes.n,
        method=f"lagged values replayed; it still holds at {low:g} h",
        kind=MeasureKind.INFORMATIVE,
    )
    told = f"{name} loses its limit with {late} {high:g} h old"
    if high > allowed:
        return _Loss(told=told, measures=(measure,))
    certain = _certain(metric, at(0.0).outcomes, at(allowed).outcomes, replay.seed)
    if certain and (why := _not_that_age(at(allowed), replay)):
        finding = _not_told(metric, at(0.0), at(allowed), replay, why)
        return _Loss(told=f"{name} loses its limit with the older values that there are", findings=(finding,))
    finding = _too_loose(metric, at(0.0), at(allowed), replay, high, certain=certain)
    return _Loss(told=told, measures=(measure,), findings=(finding,))


def _not_that_age(scored: _Scored, replay: _Replay) -> str:
    """Why the values that stood in say nothing of that age, as a clause; empty where they do."""
    coarse = [name for name, age in scored.stand_in_h.items() if age > OLDER * scored.lag_h]
    if coarse:
        worst = max(coarse, key=lambda name: scored.stand_in_h[name])
        return f"the nearest earlier values of {worst} in these rows are mostly {scored.stand_in_h[worst]:.3g} h older"
    apart = [each.source for each in replay.sources if not each.told]
    if apart:
        return f"nothing tells whether neighbouring rows are about the same part of {', '.join(apart)}"
    return ""


def _not_told(metric: Governed, fresh: _Scored, old: _Scored, replay: _Replay, why: str) -> Finding:
    """That the rows lose the metric with values that need not be what a source of the allowed age would have told."""
    was, is_ = fresh.values[metric.name], old.values[metric.name]
    return Finding(
        code="staleness-cost-unknown",
        summary=f"Whether {metric.name} keeps its limit with {replay.late} {replay.allowed:g} h old cannot be told: "
        f"{why}. With these it goes from {was:.3g} to {is_:.3g}, and {metric.limit:g} is the limit.",
        weight=Weight.OPEN,
        fields=("data.evaluation", "data.freshness"),
        why="A limit on age that nobody held against the answers may allow data on which they are wrong.",
        remedy=f"Add to data.evaluation the rows up to {OLDER * replay.allowed:g} h before the labelled ones, without "
        "labels. Keep there the column that tells the source's parts apart, such as the machine, and name it as `per` "
        "in data.freshness.",
    )


def _too_loose(
    metric: Governed, fresh: _Scored, old: _Scored, replay: _Replay, lost_h: float, *, certain: bool
) -> Finding:
    """That data may be older than the governed minimum bears: a gap where the loss is certain, else a note."""
    named = "" if replay.late == "data" else f" of {', '.join(each.source for each in replay.sources)}"
    return Finding(
        code="limit-too-loose",
        summary=f"D{replay.late[1:]} may be {replay.allowed:g} h old, but {metric.name} loses its limit at "
        f"{lost_h:g} h: it goes from {fresh.values[metric.name]:.3g} to {old.values[metric.name]:.3g}, and "
        f"{metric.limit:g} is the limit" + ("." if certain else "; so small a loss may be chance on these rows."),
        weight=Weight.GAP if certain else Weight.NOTE,
        fields=("data.freshness",),
        why="A source may be within its limit and the answers no longer within the plan's.",
        remedy=f"Declare data.freshness{named} below {lost_h:g} h, and see that it is kept.",
    )


def _certain(metric: Governed, fresh: Outcomes, old: Outcomes, seed: int) -> bool:
    """Whether the same rows are worse with old data in 95 % of draws of them."""
    draws = np.random.default_rng(seed)
    sign = 1.0 if metric.sense is Sense.AT_LEAST else -1.0
    worse = []
    for _ in range(_DRAWS):
        chosen = draws.integers(0, fresh.n, fresh.n)
        try:
            drop = rows_of(metric.name, fresh.at(chosen)).value - rows_of(metric.name, old.at(chosen)).value
        except MetricProblem:
            continue
        worse.append(sign * drop > 0.0)
    return len(worse) > _DRAWS / 2 and float(np.mean(worse)) >= _SURE


def _allowed(system: System, sources: Collection[str]) -> float:
    """Hours: the strictest declared limit of these sources, up to which each of them may be late."""
    return round(min(each.at_most for each in system.data.freshness if each.source in sources) / _HOUR_S, 3)


def _longest(system: System) -> float:
    """Hours: so far back the rows must reach at least."""
    return max(_DAY_H, *(each.at_most / _HOUR_S for each in system.data.freshness))


def _fed(system: System, inputs: Mapping[str, InputField]) -> tuple[str, ...]:
    """The inputs that a state feeds, such as the weather.

    What comes in at a flow's entry is an event: it comes late itself, and no older one stands in for it.
    """
    sources = {each.source for each in system.data.freshness} - {flow.from_ for flow in system.flows}
    by_feeds = [name for key in sources & set(system.integrations) for name in system.integrations[key].feeds]
    names = {*by_feeds, *(name for name, each in inputs.items() if each.fed_by in sources)}
    return tuple(name for name in inputs if name in names)


def _lags(allowed: float) -> list[float]:
    """Hours: none, the declared limit and its multiples, and a day."""
    return sorted({0.0, *(round(allowed * times, 3) for times in _MULTIPLES), _DAY_H})


def _table(
    system: System, trial: Trial, inputs: Mapping[str, InputField], source: Source, fed: Sequence[str]
) -> _Evaluation:
    """The evaluation rows in the order of their times. Raises _NotPossible where a fed input is no column."""
    import pyarrow as pa

    table = trial.table("evaluation")
    declared = {each.source: each.per for each in system.data.freshness}
    first = next(iter(table.batches()), None)
    telling_apart = [] if first is None else list(telling(first, but=(str(source.time), str(source.label))))
    parts = [name for name in declared.values() if name is not None]
    wanted = dict.fromkeys([*inputs, str(source.time), str(source.label), *parts, *telling_apart])
    columns = [name for name in table.columns() if name in wanted]
    absent = [name for name in fed if name not in columns]
    if absent:
        raise _NotPossible(f"the evaluation data has no column {', '.join(absent)}")
    batches, rows = [], 0
    for batch in table.batches(columns):
        batches.append(batch)
        rows += batch.num_rows
        if rows > MOST_TABLE_ROWS:
            break
    whole = pa.Table.from_batches(batches).combine_chunks()
    times = _seconds(whole, str(source.time))
    whole = whole.filter(pa.array(np.isfinite(times)))
    times = times[np.isfinite(times)]
    order = np.argsort(times, kind="stable")
    whole, times = whole.take(pa.array(order)), times[order]
    labelled = np.asarray(Column(str(source.label), whole[str(source.label)].combine_chunks()).names[1] >= 0)
    sources = tuple(
        parts_of(
            whole,
            name,
            fields,
            declared=declared.get(name),
            candidates=[each for each in telling_apart if each not in fields],
        )
        for name, fields in _by_source(system, inputs, fed).items()
    )
    return _Evaluation(rows=whole, times=times, labelled=labelled, sources=sources)


def _replay(system: System, table: _Evaluation, sources: tuple[SourceParts, ...], seed: int) -> _Replay:
    """Labelled rows before which the table reaches far enough back, and the lags at which there are enough of them."""
    times, labelled = table.times, table.labelled
    allowed = _allowed(system, [each.source for each in sources])
    known = times - times[0] if times.size else times
    lags = tuple(lag for lag in _lags(allowed) if int((labelled & (known >= lag * _HOUR_S)).sum()) >= FEWEST)
    if allowed not in lags or lags[-1] < _DAY_H:
        raise _NotPossible(
            f"fewer than {FEWEST} labelled evaluation rows lie {max(allowed, _DAY_H):g} h after the first one, and so "
            f"late {' and '.join(each.source for each in sources)} may be"
        )
    enough = np.flatnonzero(labelled & (known >= lags[-1] * _HOUR_S))
    chosen = np.sort(np.random.default_rng(seed).permutation(enough)[:ROWS])
    one = len({each.source for each in system.data.freshness}) == 1
    late = "data" if one else f"data of {sources[0].source}" if len(sources) == 1 else "data of all sources"
    return _Replay(
        table=table.rows,
        chosen=chosen,
        times=times,
        sources=sources,
        seed=seed,
        late=late,
        allowed=allowed,
        lags=lags,
    )


def _by_source(system: System, inputs: Mapping[str, InputField], fed: Sequence[str]) -> dict[str, list[str]]:
    """The fed inputs of each source; one that several feed is the first one's."""
    sources: dict[str, list[str]] = {}
    for name in fed:
        feeding = [key for key, section in system.integrations.items() if name in section.feeds]
        sources.setdefault(inputs[name].fed_by or feeding[0], []).append(name)
    return sources


def _seconds(table: pa.Table, name: str) -> Floats:
    found = times_of(Column(name, table[name].combine_chunks()))
    if found is None:
        raise _NotPossible(f"the times in {name} of the evaluation data cannot be read")
    return found


def _scored(system: System, trial: Trial, inputs: Mapping[str, InputField], replay: _Replay, lag_h: float) -> _Scored:
    """The replayed rows with data of that age. Raises _NotPossible where nothing can be told of it."""
    import pyarrow as pa

    rows, stand_in_h = _rows(inputs, replay, lag_h * _HOUR_S)
    answers: list[Prediction] = []
    for start in range(0, len(rows), system.model.batch):
        reply = trial.model.predict(rows[start : start + system.model.batch])
        if reply.kind is not ReplyKind.OK or len(reply.predictions) != len(rows[start : start + system.model.batch]):
            raise _NotPossible(f"the model did not answer all rows ({reply.kind.value})")
        answers += list(reply.predictions)
    label = str(system.data.evaluation.label) if system.data.evaluation else ""
    said = [json.dumps(a.prediction) if isinstance(a.prediction, list | dict) else a.prediction for a in answers]
    batch = pa.RecordBatch.from_pydict(
        {
            label: replay.table[label].combine_chunks().take(pa.array(replay.chosen)),
            PREDICTION: pa.array(said),
            SCORE: pa.array([a.score for a in answers], pa.float64()),
            PROBLEM: pa.array([None] * len(answers), pa.string()),
        }
    )
    outcomes = outcomes_of(system, Rows(columns=Columns(batch), total=batch.num_rows))
    if isinstance(outcomes, Reason):
        raise _NotPossible(outcomes.summary.rstrip("."))
    return _Scored(lag_h=lag_h, stand_in_h=stand_in_h, outcomes=outcomes, values=dict(_values(system, outcomes)))


def _values(system: System, outcomes: Outcomes) -> Iterator[tuple[str, float]]:
    """Area and recall of a binary task, and every governed metric."""
    usual = {}
    if system.model.task == "binary":
        at = system.model.output.act_at
        usual = {"AUC": "auc", "recall": "recall" if at is None else f"recall@{at:g}"}
    wanted = {m.name: m.name for m in governed(system)}
    named = {shown: name for shown, name in usual.items() if name not in wanted} | wanted
    for shown, name in named.items():
        try:
            value = rows_of(name, outcomes).value
        except MetricProblem:
            continue
        if math.isfinite(value):
            yield shown, value


def _rows(
    inputs: Mapping[str, InputField], replay: _Replay, lag_s: float
) -> tuple[list[dict[str, Json]], dict[str, float]]:
    """The chosen rows with each source's values of that age, and the median of how many hours old these really were."""
    import pyarrow as pa

    names = [name for name in inputs if name in replay.table.column_names]
    rows = replay.table.select(names).take(pa.array(replay.chosen)).to_pylist()
    ages: dict[str, float] = {}
    for source in replay.sources if lag_s else ():
        found, older_s = earlier(source, replay.times, replay.chosen, lag_s)
        fed = replay.table.select(list(source.columns)).take(pa.array(found)).to_pylist()
        rows = [{**row, **old} for row, old in zip(rows, fed, strict=True)]
        ages[source.source] = float(np.median(older_s)) / _HOUR_S
    return [{name: as_sent(row[name], inputs[name]) for name in names} for row in rows], ages


def _measures(scored: _Scored, late: str) -> Iterator[Measure]:
    older = max(scored.stand_in_h.values(), default=0.0)
    real = f", at the median {older:.3g} h old" if older > OLDER * scored.lag_h else ""
    for name, value in scored.values.items():
        yield Measure(
            name=f"{name} on {late} {scored.lag_h:g} h old",
            value=value,
            unit="" if name == "AUC" else unit_of("recall" if name == "recall" else name),
            n=scored.outcomes.n,
            method=f"lagged values replayed from the evaluation data{real}",
            kind=MeasureKind.INFORMATIVE,
        )
