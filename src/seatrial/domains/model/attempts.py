"""How often these evaluation data were already used, and with what limits, as the ledger tells."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

import numpy as np
import numpy.typing as npt

from seatrial.core.bodies import ObservationBody
from seatrial.core.check import PREDICTION, PROBLEM, SCORE, Trial
from seatrial.core.codec import CodecError, from_data
from seatrial.core.errors import SeatrialError
from seatrial.core.observation import Finding, Measure, Observation
from seatrial.core.ports import Table
from seatrial.core.vocabulary import RecordType, Sense, Weight
from seatrial.domains.model.bounding import LIVE
from seatrial.domains.model.condition_rows import RowConditions
from seatrial.domains.scored.metrics import Governed
from seatrial.measure.columns import Columns
from seatrial.spec.model import InputField
from seatrial.spec.system import System

CODES: Mapping[str, str] = {
    "repeated-attempt": "The metric was tried on these evaluation data before; its bound is taken more strictly.",
    "limit-set-after-results": "The limit was set or loosened after results on these data had been seen.",
}


CONTENT = "evaluation_content"
"""Among the facts of an observation: the digest of the evaluation file's bytes."""
ROWS = "evaluation_rows"
"""Among the facts of an observation: the sketch of the evaluation rows."""
METRICS = "metrics"
"""Among the facts of an observation: the names of the governed metrics."""
_KEPT = 512
_MOST_INPUTS = 12
_SAME = 0.1
"""Data of whose rows more than this share were seen before are no fresh rows."""
_FEW = 20
"""Of fewer rows in common reach than this no share can be told: any row that was seen before counts."""
_TOLD_APART = 0.8
_NONE = np.uint64(2**64 - 1)

Sketch = npt.NDArray[np.uint64]
"""The smallest hashes of different rows, in order: a sample that is the same wherever the same rows occur."""


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """`tried` are the attempts at each kind of metric on these evaluation data, this one last if it is new.

    `look` counts the evaluation data that this model was measured on, these included: from the second on the sample may
    have grown because of what was seen. `results` are the earlier results on these data: when, and their measures.
    """

    tried: Mapping[str, int]
    look: int
    results: tuple[tuple[datetime, tuple[Measure, ...]], ...] = ()

    def attempt(self, metric: str) -> int:
        """Which attempt at this metric, or at one of its kind with another threshold, this one is."""
        return self.tried.get(_kind(metric), 1)

    @property
    def most(self) -> int:
        """The attempt at the metric that was tried most."""
        return max(self.tried.values(), default=1)


def content_of(system: System, trial: Trial) -> str | None:
    """The digest of the evaluation file's bytes: the same rows declared differently are still the same rows.

    None for a query, whose rows would have to be read again, and for a file that cannot be read.
    """
    source = system.data.evaluation
    if source is None or source.query is not None:
        return None
    try:
        return trial.table("evaluation").digest()
    except SeatrialError:
        return None


def sketch_of(table: Table, label: str, inputs: Mapping[str, InputField]) -> Sketch:
    """The sketch of the rows over their label and at most twelve inputs, numbers first, else over all that they hold.

    Empty where these do not tell rows apart: then other rows may look like them.
    """
    present = [name for name in table.columns() if name not in {PREDICTION, SCORE, PROBLEM}]
    told = [name for name in inputs if name in present and name != label]
    told.sort(key=lambda name: (inputs[name].type not in {"number", "time"}, name))
    wanted = [*(told or sorted(name for name in present if name != label))[:_MOST_INPUTS], label]
    kept, rows = np.empty(0, dtype=np.uint64), 0
    for batch in table.batches(wanted):
        hashes = RowConditions(Columns(batch)).hashes(wanted)
        rows += hashes.size
        if kept.size == _KEPT:
            hashes = hashes[hashes < kept[-1]]
        kept = np.unique(np.concatenate([kept, hashes]))[:_KEPT]
    distinct = kept.size if kept.size < _KEPT else _KEPT * float(_NONE) / float(kept[-1])
    return kept if distinct >= _TOLD_APART * rows else np.empty(0, dtype=np.uint64)


def spelled(sketch: Sketch) -> str:
    """The sketch as text, for the facts of an observation."""
    return "".join(f"{int(value):016x}" for value in sketch)


def _read(text: object) -> Sketch:
    if not isinstance(text, str) or len(text) % 16:
        return np.empty(0, dtype=np.uint64)
    try:
        return np.array([int(text[at : at + 16], 16) for at in range(0, len(text), 16)], dtype=np.uint64)
    except ValueError:
        return np.empty(0, dtype=np.uint64)


def share_rows(now: Sketch, before: Sketch) -> bool:
    """Whether so many of today's rows were among the earlier ones that they are not fresh."""
    reach = min(sketch[-1] if sketch.size == _KEPT else _NONE for sketch in (now, before))
    told = now[now <= reach]
    seen = np.isin(told, before)
    return bool(seen.any()) and (told.size < _FEW or float(seen.mean()) > _SAME)


def history(
    trial: Trial, requirement: str, metrics: Sequence[Governed], *, content: str | None = None, rows: Sketch
) -> History:
    """What the ledger tells about earlier observations of this requirement.

    The evaluation data are the same where their part of the subject is, where the earlier observation has the same
    `content` among its facts, or where they share rows. A model counts once for each set of metrics of a kind.
    """
    data, model = trial.part("data.evaluation"), trial.part("model")
    tried: dict[str, list[_Attempt]] = {}
    others: set[str | None] = set()
    results = []
    for at, depends, body in _observations(trial, requirement):
        if body.observation is None:
            continue
        facts = body.observation.facts
        same_content = content is not None and facts.get(CONTENT) == content
        same_part = data is not None and depends.get("data.evaluation") == data
        same_data = same_content or same_part
        same_model = model is not None and depends.get("model") == model
        if same_data or share_rows(rows, _read(facts.get(ROWS))):
            results.append((at, body.observation.measures))
            for kind, attempt in _attempts(depends.get("model"), _names(body.observation)):
                if attempt not in tried.setdefault(kind, []):
                    tried[kind].append(attempt)
        if same_model and not same_data:
            others.add(depends.get("data.evaluation"))
    return History(
        tried={
            kind: before.index(now) + 1 if model is not None and now in before else len(before) + 1
            for kind, now in _attempts(model, [metric.name for metric in metrics])
            for before in (tried.get(kind, []),)
        },
        look=1 + len(others),
        results=tuple(results),
    )


def _names(observation: Observation) -> list[str]:
    """The metrics that were declared then; of a record that does not say so those that were measured."""
    told = observation.facts.get(METRICS)
    if isinstance(told, list | tuple):
        return [str(name) for name in told]
    return [measure.name.removesuffix(LIVE) for measure in observation.measures]


_Attempt = tuple[str | None, frozenset[str]]


def _attempts(model: str | None, names: Iterable[str]) -> Iterator[tuple[str, _Attempt]]:
    """For each kind of metric the model with the metrics of that kind that it was measured by."""
    kinds: dict[str, set[str]] = {}
    for name in names:
        kinds.setdefault(_kind(name), set()).add(name)
    yield from ((kind, (model, frozenset(found))) for kind, found in kinds.items())


def _kind(metric: str) -> str:
    """The metric without its threshold: who tries other thresholds on the same rows tries again."""
    return metric.partition("@")[0]


def _observations(trial: Trial, requirement: str) -> Iterator[tuple[datetime, Mapping[str, str], ObservationBody]]:
    for record in trial.records(RecordType.OBSERVATION):
        if record.body.get("requirement") != requirement:
            continue
        try:
            yield record.at, record.depends, from_data(ObservationBody, record.body)
        except CodecError:
            continue


def limit_findings(past: History, metrics: Sequence[Governed], approved_on: date | None) -> list[Finding]:
    """Limits that were set or loosened after results on these data were on record."""
    found = []
    for metric in metrics:
        if metric.limit is None:
            continue
        seen = [(at, m) for at, measures in past.results for m in measures if m.name == metric.name]
        earlier = [(at, m.limit) for at, m in seen if m.limit is None or _looser(metric, m.limit)]
        if not earlier:
            continue
        at, before = earlier[0]
        approved = approved_on is not None and approved_on >= at.date()
        was = "without a limit" if before is None else f"against {before:g}"
        found.append(
            Finding(
                code="limit-set-after-results",
                weight=Weight.NOTE if approved else Weight.GAP,
                summary=f"{metric.name} was measured on these data on {at.date()} {was}; today's limit is "
                f"{metric.limit:g}" + (", approved since" if approved else ""),
                fields=(metric.name,),
                remedy="Return to the earlier limit, or let legal and compliance approve the plan anew.",
                why="A limit chosen after the result is no limit.",
            )
        )
    return found


def _looser(metric: Governed, before: float) -> bool:
    if metric.limit is None:
        return False
    return metric.limit < before if metric.sense is Sense.AT_LEAST else metric.limit > before


def attempt_finding(past: History, metrics: Sequence[Governed]) -> list[Finding]:
    """A note on every metric that was tried on these data before."""
    return [
        Finding(
            code="repeated-attempt",
            weight=Weight.NOTE,
            summary=f"this is attempt {attempt} at {metric.name} on the same evaluation data, or on data that share "
            f"rows with them; its bound is taken at 1/{attempt * (attempt + 1)} of the error rate",
            fields=(metric.name,),
            remedy="Evaluate a changed model on rows of which none was seen before: they have the full error rate.",
            why="Of many models tried on the same rows, one looks good by luck.",
        )
        for metric in metrics
        if (attempt := past.attempt(metric.name)) > 1
    ]
