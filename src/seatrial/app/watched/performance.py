"""The governed metrics and the take-offline rules as streams: the same limits that the gate judged, row by row."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from seatrial.app.watched.budget import Budget
from seatrial.app.watched.frames import LABEL, answers_of, behind, column, inputs_of
from seatrial.app.watched.reference import Daily, Reference
from seatrial.core.observation import Observation, Reason
from seatrial.core.vocabulary import Sense
from seatrial.core.wording import percent
from seatrial.domains.scored.metrics import ROW_BY_ROW, MetricProblem, MetricRows, governed, rows_of
from seatrial.domains.scored.outcomes import Outcomes, outcomes_of
from seatrial.domains.scored.own_metric import is_own
from seatrial.domains.scored.rows import Floats, Ints, Rows
from seatrial.measure.columns import plain_text
from seatrial.spec.governance import OfflineRule
from seatrial.spec.quantities import rate_per_s, share
from seatrial.spec.system import System
from seatrial.watch.batch import Batch, Pair, Values
from seatrial.watch.detectors import Detector, Level
from seatrial.watch.stream import Stream

_COUNTED = frozenset({"share", "f1"})
_ANCHORS = 2
"""Reference rows of each class that stand before the rows of a batch, so that a batch of one class is none."""
_MOST_CLASSES = 1_000
_LEAST = 1e-4
NOTHING = Values(values=np.empty(0), at=np.empty(0), sequence=np.empty(0, dtype=np.int64), made=np.empty(0))


@dataclass(frozen=True, slots=True, kw_only=True)
class Unwatched:
    """A limit that no stream holds, and why."""

    name: str
    why: str
    offline: bool = False
    """Whether it is a take-offline rule: one that cannot fire is an alarm."""


class Labelled:
    """Pairs of predictions and outcomes as the outcomes that the metrics are computed on."""

    def __init__(self, system: System, reference: Reference) -> None:
        self._system = system
        self._inputs = tuple(reference.inputs)
        source = system.data.evaluation
        self._label = source.label if source is not None and source.label is not None else LABEL
        self._anchors, self._classes = _anchors(reference.labelled, self._label)
        self._newest: tuple[Sequence[Pair], tuple[Outcomes, Sequence[Pair]] | None] = (), None

    @property
    def usable(self) -> bool:
        """Whether there are labelled reference rows, without which a batch of one class cannot be read."""
        return self._anchors is not None

    def outcomes(self, pairs: Sequence[Pair]) -> tuple[Outcomes, Sequence[Pair]] | None:
        """The outcomes of these pairs, with the pair of each row; None where none can be used.

        Several streams ask for the same pairs one after the other: they are read once.
        """
        # Alarms are explained in threads of their own: what another reads meanwhile is not returned here.
        newest = self._newest
        if newest[0] is not pairs:
            newest = self._newest = pairs, self._read(pairs)
        return newest[1]

    def _read(self, pairs: Sequence[Pair]) -> tuple[Outcomes, Sequence[Pair]] | None:
        if self._anchors is None:
            return None
        kept = [pair for pair in pairs if self._fits(pair.outcome.content["label"])]
        if not kept:
            return None
        predictions = [pair.prediction for pair in kept]
        columns: Mapping[str, pa.Array] = {
            **inputs_of(predictions, self._inputs),
            self._label: column([pair.outcome.content["label"] for pair in kept]),
            **answers_of(predictions),
        }
        rows = behind(self._anchors, columns)
        found = outcomes_of(self._system, Rows(columns=rows, total=rows.rows))
        if isinstance(found, Reason):
            return None
        own = np.flatnonzero(found.rows >= self._anchors.num_rows)
        places = found.rows[own] - self._anchors.num_rows
        return found.at(own), [kept[place] for place in places]

    def _fits(self, label: object) -> bool:
        """Whether an outcome is one of the task; what is none is left out here and held by `readable`."""
        task = self._system.model.task
        if task == "regression":
            return isinstance(label, int | float) and not isinstance(label, bool)
        return task != "binary" or plain_text(label) in self._classes

    def readable(self, budget: Budget) -> Stream:
        """Outcomes that are none of the task: a sender that writes `yes` for 1 makes the watch blind in silence."""

        def take(batch: Batch) -> Values:
            pairs = batch.pairs
            return of_pairs(pairs, np.array([float(not self._fits(pair.outcome.content["label"])) for pair in pairs]))

        says = "without them the watch is blind"
        return Stream(
            name="outcomes.readable",
            words="share of outcomes that are no label of the task",
            take=take,
            detectors=budget.changes("rises", _LEAST, says, units=budget.labels),
            base=0.0,
            labelled=True,
        )


def _anchors(labelled: pa.RecordBatch | None, label: str) -> tuple[pa.RecordBatch | None, frozenset[str]]:
    if labelled is None or label not in labelled.schema.names or not labelled.num_rows:
        return None, frozenset()
    seen: dict[str, int] = {}
    chosen = []
    for row, value in enumerate(labelled.column(label).to_pylist()):
        if value is None:
            continue
        text = plain_text(value)
        seen[text] = seen.get(text, 0) + 1
        if seen[text] <= _ANCHORS:
            chosen.append(row)
        if len(seen) > _MOST_CLASSES:
            break
    spelled = {"true": "1", "false": "0", "1": "true", "0": "false"}
    names = frozenset(seen) | {spelled[text.lower()] for text in seen if text.lower() in spelled}
    names |= {name.capitalize() for name in names if name in ("true", "false")}
    # A class with one row only stands twice, so that there are never more classes than half the rows.
    chosen += [row for row in chosen if seen[plain_text(labelled.column(label)[row].as_py())] == 1]
    return (labelled.take(pa.array(chosen)), names) if chosen else (None, frozenset())


def of_pairs(pairs: Sequence[Pair], values: Floats) -> Values:
    """A value for each pair, known when the later of its two parts came."""
    return Values(
        values=values,
        at=np.array([max(pair.prediction.arrived, pair.outcome.arrived) for pair in pairs]),
        sequence=np.array([pair.sequence for pair in pairs], dtype=np.int64),
        made=np.array([pair.prediction.at for pair in pairs]),
    )


def losses(labelled: Labelled, metric: str, sense: Sense) -> Callable[[Batch], Values]:
    """Takes from a batch how bad each row is for the metric, from 0 to 1."""

    def take(batch: Batch) -> Values:
        found = labelled.outcomes(batch.pairs)
        if found is None:
            return NOTHING
        outcomes, pairs = found
        try:
            rows = rows_of(metric, outcomes)
        except MetricProblem:
            return NOTHING
        places = rows.places
        values = 1.0 - rows.values if sense is Sense.AT_LEAST else rows.values
        return of_pairs([pairs[p] for p in places], np.clip(np.asarray(values, dtype=np.float64), 0.0, 1.0))

    return take


def followed(metric: str, reference_rows: MetricRows | None) -> str:
    """Why a metric cannot be followed row by row; empty where it can."""
    if is_own(metric):
        return "a metric of your own is measured over whole sets, not row by row"
    if reference_rows is None:
        return "it cannot be computed on the reference rows"
    if reference_rows.scale not in ROW_BY_ROW:
        return f"{metric} is no mean over rows; what it rests on is watched as the error rate"
    return ""


def performance(
    system: System, reference: Reference, known: Observation | None, budget: Budget
) -> Iterator[Stream | Unwatched]:
    """A stream for each governed metric and each take-offline rule about one.

    `known` is what the gate saw of `model.threshold`: the bound that it established is what a change is measured from.
    """
    labelled = Labelled(system, reference)
    if not labelled.usable:
        yield Unwatched(
            name="performance", why="there are no labelled reference rows: " + "; ".join(reference.problems)
        )
        return
    yield labelled.readable(budget)
    whole = whole_of(system, reference)
    plain = False
    for metric in governed(system):
        rows = _rows(metric.name, whole)
        why = followed(metric.name, rows)
        if why or rows is None or metric.limit is None:
            yield Unwatched(name=metric.name, why=why or "the plan sets no limit")
            plain = plain or (not is_own(metric.name) and metric.limit is not None)
            continue
        daily = _daily(reference, whole, rows, metric.sense)
        yield _governed(labelled, metric.name, metric.sense, metric.limit, rows, known, budget, daily)
    if plain and system.model.task != "regression":
        rows = _rows("error", whole)
        if rows is not None:
            daily = _daily(reference, whole, rows, Sense.AT_MOST)
            yield _errors(labelled, rows, budget, daily)
    for number, rule in enumerate(system.governance.offline_when):
        yield from _offline(labelled, rule, number, whole, budget, reference)


def _governed(
    labelled: Labelled,
    name: str,
    sense: Sense,
    limit: float,
    rows: MetricRows,
    known: Observation | None,
    budget: Budget,
    daily: Daily | None,
) -> Stream:
    mark = _loss(rows.raw(limit), sense)
    side = "below" if sense is Sense.AT_LEAST else "above"
    base = _base(name, sense, rows, known)
    detectors = budget.breach(
        _inside(mark if daily is None else max(mark, daily.high)),
        f"it is {side} the governed limit of {limit:g}" + _held(mark, daily),
        counts=daily is None and rows.scale in _COUNTED,
    )
    if base is not None:
        says = "it is worse than what the gate established"
        units = budget.units(labelled=True, by_day=daily is not None)
        established = base if daily is None else max(base, daily.high)
        detectors += budget.changes("rises", _inside(established), says, units=units)
    return Stream(
        name=f"metric.{name}",
        words=name,
        take=losses(labelled, name, sense),
        good=sense is Sense.AT_LEAST,
        detectors=detectors,
        base=base,
        labelled=True,
        by_day=daily is not None,
    )


def _errors(labelled: Labelled, rows: MetricRows, budget: Budget, daily: Daily | None) -> Stream:
    base = _upper(rows) if daily is None else _inside(max(_upper(rows), daily.high))
    units = budget.units(labelled=True, by_day=daily is not None)
    return Stream(
        name="metric.error",
        words="error rate",
        take=losses(labelled, "error", Sense.AT_MOST),
        detectors=budget.changes("rises", base, "it is higher than on the evaluation rows", units=units),
        base=base,
        labelled=True,
        by_day=daily is not None,
    )


def _offline(
    labelled: Labelled,
    rule: OfflineRule,
    number: int,
    whole: Outcomes | None,
    budget: Budget,
    reference: Reference,
) -> Iterator[Stream | Unwatched]:
    name = rule.metric or rule.category
    if name is None:
        return
    rows = _rows(name, whole)
    why = followed(name, rows)
    sense = Sense.AT_LEAST if rule.metric is not None else Sense.AT_MOST
    limit = rule.below if rule.metric is not None else _share(rule.above)
    if rule.category is not None and limit is None and rule.above is not None and not why:
        yield _counted(labelled, name, number, rate_per_s(rule.above) * 86_400.0)
        return
    if why or rows is None or limit is None:
        yield Unwatched(name=f"offline rule on {name}", why=why or "it has no limit", offline=True)
        return
    says = f"the take-offline rule fires: {name} " + (
        f"below {limit:g}" if sense is Sense.AT_LEAST else f"above {percent(limit)}"
    )
    daily = _daily(reference, whole, rows, sense)
    says += _held(_loss(rows.raw(limit), sense), daily)
    yield Stream(
        name=f"offline.{number}.{name}",
        words=name,
        take=losses(labelled, name, sense),
        good=sense is Sense.AT_LEAST,
        detectors=budget.trip(
            "offline",
            _inside(_loss(rows.raw(limit), sense) if daily is None else max(_loss(rows.raw(limit), sense), daily.high)),
            says,
            units=budget.units(labelled=True, by_day=daily is not None),
        ),
        labelled=True,
        by_day=daily is not None,
    )


def _counted(labelled: Labelled, name: str, number: int, most: float) -> Stream:
    """So many in a day, and no more: counted, not estimated, by the day on which each prediction was made (UTC)."""
    says = f"the take-offline rule fires: more than {most:g} {name} in a day"
    return Stream(
        name=f"offline.{number}.{name}",
        words=name,
        take=losses(labelled, name, Sense.AT_MOST),
        detectors=(
            Detector(
                name="offline", asks="counts", mark=most, line=math.floor(most) + 1.0, level=Level.OFFLINE, says=says
            ),
        ),
        labelled=True,
    )


def _daily(reference: Reference, whole: Outcomes | None, rows: MetricRows, sense: Sense) -> Daily | None:
    return reference.daily("labelled", _places(whole, rows), _losses(rows, sense), a_day=reference.labels)


def _held(mark: float, daily: Daily | None) -> str:
    """Where the days of the reference lie beyond the limit on average, they are what can be held."""
    return "" if daily is None or daily.high <= mark else f" (held by the day, at a mean loss of {daily.high:.3g})"


def _losses(rows: MetricRows, sense: Sense) -> Floats:
    return np.clip(1.0 - rows.values if sense is Sense.AT_LEAST else rows.values, 0.0, 1.0)


def _places(whole: Outcomes | None, rows: MetricRows) -> Ints:
    """For each value of the metric the reference row that it belongs to."""
    return np.empty(0, dtype=np.int64) if whole is None else whole.rows[rows.places]


def _share(text: str | None) -> float | None:
    try:
        return share(text)
    except ValueError:
        return None


def whole_of(system: System, reference: Reference) -> Outcomes | None:
    """The labelled reference rows as outcomes, None where nothing can be measured on them."""
    if reference.labelled is None:
        return None
    from seatrial.measure.columns import Columns

    found = outcomes_of(system, Rows(columns=Columns(reference.labelled), total=reference.labelled.num_rows))
    return None if isinstance(found, Reason) else found


def _rows(metric: str, whole: Outcomes | None) -> MetricRows | None:
    if whole is None or is_own(metric):
        return None
    try:
        return rows_of(metric, whole)
    except MetricProblem:
        return None


def _base(name: str, sense: Sense, rows: MetricRows, known: Observation | None) -> float | None:
    """The loss that the gate's evidence bounds from above: what it established, not what it estimated."""
    for measure in known.measures if known is not None else ():
        bound = measure.lower if sense is Sense.AT_LEAST else measure.upper
        if measure.name == name and bound is not None and np.isfinite(bound):
            return _loss(rows.raw(bound), sense)
    return None


def _loss(raw: float, sense: Sense) -> float:
    return 1.0 - raw if sense is Sense.AT_LEAST else raw


def _inside(mark: float) -> float:
    return min(max(mark, 1e-4), 1.0 - 1e-4)


def _upper(rows: MetricRows) -> float:
    from seatrial.stats import proportions

    wrong = int(np.rint(rows.values.sum()))
    return _inside(proportions.upper(min(wrong, rows.values.size), rows.values.size))
