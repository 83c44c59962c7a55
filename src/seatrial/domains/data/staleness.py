"""What staleness costs: evaluation rows are scored again with the values that a late source would have delivered.

For a lag, every fed column of a row is replaced by what the table itself knew that much earlier (of the same station
or site, where one other input tells them apart). The label stays, so what is lost is due to the age alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from seatrial.core.check import Trial
from seatrial.core.errors import SeatrialError
from seatrial.core.observation import Figure, Finding, Json, Measure
from seatrial.core.ports import ReplyKind
from seatrial.core.vocabulary import MeasureKind, Weight
from seatrial.domains.sending import as_sent
from seatrial.measure.columns import Column, plain_text
from seatrial.spec.system import InputField, Source, System

if TYPE_CHECKING:
    import pyarrow as pa

ROWS = 800
MOST_TABLE_ROWS = 200_000
FEWEST = 100
_HOUR_S = 3600.0
_MULTIPLES = (1.0, 3.0, 12.0)
_DAY_H = 24.0
_MOST_KEYS = 50
_BUCKET_S = 3600.0
CODES = {
    "staleness-cost-unknown": "What staleness costs could not be measured by replaying lagged data.",
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


@dataclass(frozen=True, slots=True)
class _Replay:
    """The rows to score, where their fed columns come from, and the labels."""

    table: pa.Table
    chosen: npt.NDArray[np.int64]
    times: Floats
    groups: npt.NDArray[np.int64]
    fed: tuple[str, ...]
    positive: npt.NDArray[np.bool_]


def cost_of_staleness(system: System, trial: Trial, inputs: Mapping[str, InputField]) -> Cost:
    """Score the same rows with data of several ages. Never raises: what cannot be done is told in a note."""
    try:
        return _cost(system, trial, inputs)
    except (_NotPossible, SeatrialError) as error:
        said = error.what if isinstance(error, SeatrialError) else str(error)
        note = Finding(
            code="staleness-cost-unknown",
            summary=f"What staleness costs was not measured: {said}.",
            weight=Weight.NOTE,
            fields=("data.evaluation",),
        )
        return Cost(done="found that what staleness costs cannot be replayed.", findings=(note,))


def _cost(system: System, trial: Trial, inputs: Mapping[str, InputField]) -> Cost:
    source = system.data.evaluation
    fed = _fed(system, inputs)
    if source is None or source.time is None or source.label is None:
        raise _NotPossible("the evaluation data has no declared label or time column")
    if system.model.task != "binary":
        raise _NotPossible("only binary tasks are replayed")
    if not fed:
        raise _NotPossible("no input is declared to be fed by a source with a freshness limit")
    replay = _replay(system, trial, inputs, source, fed)
    rows = []
    for place, lag in enumerate(_lags(system)):
        trial.say(f"replaying data {lag:g} h old", 0.5 + place / 10)
        rows.append((lag, *_scored(system, trial, inputs, replay, lag * _HOUR_S)))
    scores_known = all(auc is not None for _, auc, _ in rows)
    shown = "auc" if scores_known else "recall"
    figures = (
        Figure(
            kind="staleness",
            title="What stale data would cost",
            rows=tuple({"lag_h": lag, "metric": auc if scores_known else recall} for lag, auc, recall in rows),
            options={"metric": shown},
        ),
    )
    measures = tuple(m for lag, auc, recall in rows for m in _measures(lag, auc, recall, replay))
    return Cost(
        done=f"scored {replay.chosen.size} evaluation rows again with {', '.join(fed)} up to {rows[-1][0]:g} h old.",
        measures=measures,
        figures=figures,
        facts={"rows": int(replay.chosen.size), "fields": list(replay.fed)},
    )


def _fed(system: System, inputs: Mapping[str, InputField]) -> tuple[str, ...]:
    sources = {each.source for each in system.data.freshness}
    by_feeds = [name for key in sources & set(system.integrations) for name in system.integrations[key].feeds]
    names = {*by_feeds, *(name for name, each in inputs.items() if each.fed_by in sources)}
    return tuple(name for name in inputs if name in names)


def _lags(system: System) -> list[float]:
    """Hours: none, the declared limit and its multiples, and a day."""
    limit = min(each.at_most for each in system.data.freshness) / _HOUR_S
    return sorted({0.0, *(round(limit * times, 3) for times in _MULTIPLES), _DAY_H})


def _replay(
    system: System, trial: Trial, inputs: Mapping[str, InputField], source: Source, fed: Sequence[str]
) -> _Replay:
    import pyarrow as pa

    table = trial.table("evaluation")
    wanted = dict.fromkeys([*inputs, str(source.time), str(source.label)])
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
    positive, labelled = _labels(whole, str(source.label), system.model.output.positive)
    # Before the longest lag the table knows nothing earlier.
    begins = times[0] + _lags(system)[-1] * _HOUR_S if times.size else np.inf
    old_enough = np.flatnonzero(labelled & (times >= begins))
    if len(old_enough) < FEWEST:
        raise _NotPossible(f"fewer than {FEWEST} labelled evaluation rows lie later than the longest lag")
    chosen = np.sort(np.random.default_rng(trial.seed).permutation(old_enough)[:ROWS])
    groups = _groups(whole, times, [n for n in inputs if n not in fed and inputs[n].type == "string"], fed)
    return _Replay(whole, chosen, times, groups, tuple(fed), positive[chosen])


def _seconds(table: pa.Table, name: str) -> Floats:
    import pyarrow as pa
    import pyarrow.compute as pc

    column = table[name].combine_chunks()
    column = column.dictionary_decode() if pa.types.is_dictionary(column.type) else column
    if pa.types.is_string(column.type):
        column = pc.strptime(
            pc.utf8_slice_codeunits(pc.replace_substring(column, " ", "T"), 0, 19),
            format="%Y-%m-%dT%H:%M:%S",
            unit="s",
            error_is_null=True,
        )
    return Column(name, column).rows_as_numbers


def _labels(table: pa.Table, name: str, positive: object) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    texts, codes = Column(name, table[name].combine_chunks()).names
    wanted = plain_text(positive)
    return np.asarray(codes == (texts.index(wanted) if wanted in texts else -2)), np.asarray(codes >= 0)


def _groups(table: pa.Table, times: Floats, candidates: Sequence[str], fed: Sequence[str]) -> npt.NDArray[np.int64]:
    """The station that each row's fed values come from: the input within which they vary least at one hour."""
    numeric = [Column(name, table[name].combine_chunks()) for name in fed]
    values = next((c.rows_as_numbers for c in numeric if c.kind == "number"), None)
    none = np.zeros(times.size, dtype=np.int64)
    if values is None:
        return none
    hours = (times // _BUCKET_S).astype(np.int64)
    best, found = _spread(values, hours, none), none
    for name in candidates:
        if name not in table.column_names:
            continue
        texts, codes = Column(name, table[name].combine_chunks()).names
        if 1 < len(texts) <= _MOST_KEYS and (spread := _spread(values, hours, codes)) < 0.5 * best:
            best, found = spread, codes
    return found


def _spread(values: Floats, hours: npt.NDArray[np.int64], groups: npt.NDArray[np.int64]) -> float:
    """Mean variance within an hour and group, over groups of at least two rows."""
    known = np.isfinite(values)
    _, place = np.unique(np.stack([hours[known], groups[known]]), axis=1, return_inverse=True)
    place = np.ravel(place)
    counts = np.bincount(place)
    means = np.bincount(place, weights=values[known]) / np.maximum(counts, 1)
    within = np.bincount(place, weights=(values[known] - means[place]) ** 2)
    many = counts >= 2
    return float(within[many].sum() / (counts[many] - 1).sum()) if many.any() else float("inf")


def _scored(
    system: System, trial: Trial, inputs: Mapping[str, InputField], replay: _Replay, lag_s: float
) -> tuple[float | None, float]:
    """AUC (None without scores) and recall with data of that age."""
    from seatrial.stats import auc

    rows = _rows(inputs, replay, lag_s)
    answers = []
    for start in range(0, len(rows), system.model.batch):
        reply = trial.model.predict(rows[start : start + system.model.batch])
        if reply.kind is not ReplyKind.OK or len(reply.predictions) != len(rows[start : start + system.model.batch]):
            raise _NotPossible(f"the model did not answer all rows ({reply.kind.value})")
        answers += list(reply.predictions)
    output = system.model.output
    score = np.array([np.nan if a.score is None else a.score for a in answers])
    if output.act_at is not None and np.isfinite(score).all():
        acted = score >= output.act_at
    else:
        acted = np.array([plain_text(a.prediction) == plain_text(output.positive) for a in answers])
    positive = replay.positive
    if not positive.any() or positive.all():
        raise _NotPossible("all replayed rows have the same label")
    area = auc.interval(score[positive], score[~positive]).value if np.isfinite(score).all() else None
    return area, float(acted[positive].mean())


def _rows(inputs: Mapping[str, InputField], replay: _Replay, lag_s: float) -> list[dict[str, Json]]:
    import pyarrow as pa

    names = [name for name in inputs if name in replay.table.column_names]
    now = replay.table.select(names).take(pa.array(replay.chosen)).to_pylist()
    if lag_s:
        fed = replay.table.select(list(replay.fed)).take(pa.array(_earlier(replay, lag_s))).to_pylist()
        now = [{**row, **old} for row, old in zip(now, fed, strict=True)]
    return [{name: as_sent(row[name], inputs[name]) for name in names} for row in now]


def _earlier(replay: _Replay, lag_s: float) -> npt.NDArray[np.int64]:
    """For each chosen row the newest row of its group that is at least that much older; itself where there is none."""
    found = replay.chosen.copy()
    for group in np.unique(replay.groups[replay.chosen]):
        members = np.flatnonzero(replay.groups == group)
        mine = np.flatnonzero(replay.groups[replay.chosen] == group)
        wanted = replay.times[replay.chosen[mine]] - lag_s
        places = np.searchsorted(replay.times[members], wanted, side="right") - 1
        found[mine[places >= 0]] = members[places[places >= 0]]
    return found


def _measures(lag: float, area: float | None, recall: float, replay: _Replay) -> list[Measure]:
    named: list[tuple[str, str, float | None, Any]] = [
        ("AUC", "", area, replay.chosen.size),
        ("recall", "share", recall, replay.positive.sum()),
    ]
    return [
        Measure(
            name=f"{name} on data {lag:g} h old",
            value=value,
            unit=unit,
            n=int(n),
            method="lagged values replayed from the evaluation data",
            kind=MeasureKind.INFORMATIVE,
        )
        for name, unit, value, n in named
        if value is not None
    ]
