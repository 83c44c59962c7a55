"""Whether answers hang on the names of single rows: ids and order numbers are exchanged among rows, and asked again.

A name of a row has no other row to learn from, so that what the model gets right by it, it knows from what the name
says or from what is looked up by it. A name is exchanged with the next one in order: two measurements that lie beside
each other say nearly the same, two names do not. A model that is right by what its inputs say answers as before.

Assumption: rows are drawn without regard to their answer. Guarantee: approximate, a one-sided t bound on the mean rise
of the loss over pairs of rows, at a level that allows for every field and loss that is looked at.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np

from seatrial.core.check import PREDICTION, PROBLEM, SCORE, Trial
from seatrial.core.errors import SeatrialError
from seatrial.core.observation import Finding, Json
from seatrial.core.ports import Prediction, ReplyKind, Row
from seatrial.core.vocabulary import Weight
from seatrial.core.wording import percent
from seatrial.domains.model.field_parts import whole_numbers
from seatrial.domains.scored.outcomes import Outcomes, outcomes_of
from seatrial.domains.scored.rows import Floats, Ints, Rows
from seatrial.domains.scored.text_features import is_free, texts_of
from seatrial.domains.sending import as_sent
from seatrial.measure.columns import Column, Columns
from seatrial.spec.model import InputField
from seatrial.spec.system import System
from seatrial.stats import proportions

CODES: Final[Mapping[str, str]] = {
    "answers-hang-on-name": "The model gets rows right by an input that names single rows, such as an order number.",
    "name-not-tried": "Whether answers hang on an input that names single rows could not be tried.",
    "name-known": "What is looked up by an input that names single rows, and when it is known, as declared.",
}
_NEARLY_ALL_DISTINCT: Final = 0.5
_FEWEST: Final = 40
_MOST_FIELDS, _MOST_PAIRS = 4, 75
_TIME_S: Final = 60.0
_SHARE_ANSWERED: Final = 0.5
_OF_SKILL: Final = 0.1
"""What an exchange may cost of all that the model is better than one constant answer."""
_TOO_GOOD: Final = 0.9
"""Of what one constant answer gets wrong, a model that is asked about real operations gets hardly this much right."""
_NAME: Final = re.compile(r"[\w\-/#:.]{1,64}")
_ADDRESS: Final = re.compile(r"://|@|\w\.\w+\.")
_DIGITS: Final = re.compile(r"\d+")
_LOOKED_AT: Final = 400
_SHARE_OF_NAMES: Final = 0.9


def hanging_on_names(
    system: System, trial: Trial, inputs: Mapping[str, InputField], rows: Rows, found: Outcomes, *, alpha: float
) -> list[Finding]:
    """What the exchange of names among rows shows, one finding for each input that names rows and does not pass."""
    if found.task not in {"binary", "multiclass", "regression"}:
        return []
    names = [name for name in inputs if name in rows.columns and _names_rows(rows.columns[name], inputs[name], found)]
    told = [_known(name, inputs[name].known or "") for name in names if inputs[name].known]
    open_ = [name for name in names if not inputs[name].known][:_MOST_FIELDS]
    if system.model.recorded is not None:
        return [*told, *(_not_tried(name, _PAST) for name in open_ if _too_good(found, alpha))]
    exchange = _Exchange(
        system=system,
        trial=trial,
        inputs=inputs,
        rows=rows,
        found=found,
        alpha=alpha / max(1, 2 * len(open_)),
        until=trial.clock.monotonic() + _TIME_S,
    )
    return [*told, *(finding for name in open_ for finding in exchange.of(name))]


_PAST = "only past predictions are there, so the model cannot be asked with other names; and it is right so often that"


def _names_rows(column: Column, declared: InputField, found: Outcomes) -> bool:
    """Whether hardly a value occurs twice, and values are whole numbers or look like order numbers."""
    codes = column.codes[1]
    given = codes[found.rows]
    given = given[given >= 0]
    if declared.values or declared.type == "time" or given.size < _FEWEST:
        return False
    if np.unique(given).size <= _NEARLY_ALL_DISTINCT * given.size:
        return False
    if column.kind == "number":
        return whole_numbers(column)
    texts = texts_of(column)
    if texts is None or is_free(texts):
        return False
    some = texts.distinct[:_LOOKED_AT]
    alike = sum(bool(_NAME.fullmatch(t) and _DIGITS.search(t) and not _ADDRESS.search(t)) for t in some)
    return alike >= _SHARE_OF_NAMES * len(some)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Exchange:
    """Asks about rows under the name of the next one. Each of two losses is looked at for each field."""

    system: System
    trial: Trial
    inputs: Mapping[str, InputField]
    rows: Rows
    found: Outcomes
    alpha: float
    until: float

    def of(self, name: str) -> Iterator[Finding]:
        """The finding that the exchange of this field's values makes; none where answers do not hang on it."""
        pairs = self._pairs(name)
        try:
            told = self._answered(name, pairs)
        except SeatrialError as error:
            yield _not_tried(name, f"the model could not be asked with other names ({error.what}), so that")
            return
        answered = sum(answer is not None for answer in told)
        if answered < len(told) * _SHARE_ANSWERED:
            yield _not_tried(name, f"the model answered {answered} of {len(told)} rows under another name, so that")
            return
        asked = pairs.ravel()
        after = outcomes_of(self.system, self._with(self.found.rows[asked], told))
        if not isinstance(after, Outcomes):
            yield _not_tried(name, f"under other names the answers are none ({after.summary}), so that")
            return
        for before_loss, after_loss, skill, what in self._losses(after):
            rise = (after_loss - before_loss)[pairs].mean(axis=1)
            lower = _lower(rise, self.alpha)
            if skill > 0.0 and lower > _OF_SKILL * skill:
                yield self._finding(name, len(told), what, float(rise.mean()) / skill, lower / skill)
                return

    def _pairs(self, name: str) -> Ints:
        """Places of labelled rows, two by two, which are next to each other in the order of this field."""
        column = self.rows.columns[name]
        values, codes = column.codes
        own = codes[self.found.rows]
        given = np.flatnonzero(own >= 0)
        if column.kind == "number":
            order = np.argsort(column.rows_as_numbers[self.found.rows[given]], kind="stable")
        else:
            keys = [_in_order(str(text)) for text in values.to_pylist()]
            place = np.empty(len(keys), dtype=np.int64)
            place[sorted(range(len(keys)), key=keys.__getitem__)] = np.arange(len(keys))
            order = np.argsort(place[own[given]], kind="stable")
        ordered = given[order][: given.size // 2 * 2].reshape(-1, 2)
        rng = np.random.default_rng(self.trial.seed)
        chosen = rng.choice(len(ordered), min(_MOST_PAIRS, len(ordered)), replace=False)
        return np.asarray(ordered[np.sort(chosen)], dtype=np.int64)

    def _answered(self, name: str, pairs: Ints) -> list[Prediction | None]:
        """One answer for each row of the pairs in order, under the name of the other; None where there is none."""
        cells = self.rows.columns.take(self.found.rows[pairs.ravel()])
        names = [each for each in self.inputs if each in self.rows.columns]
        plain: list[dict[str, Json]] = [{n: as_sent(row[n], self.inputs[n]) for n in names} for row in cells]
        swapped = [{**row, name: plain[i ^ 1][name]} for i, row in enumerate(plain)]
        size = self.system.model.batch
        told: list[Prediction | None] = []
        for start in range(0, len(swapped), size):
            if self.trial.clock.monotonic() > self.until:
                told += [None] * (len(swapped) - len(told))
                break
            told += self._asked(swapped[start : start + size])
        return told

    def _asked(self, rows: Sequence[Row]) -> list[Prediction | None]:
        reply = self.trial.model.predict(rows)
        if reply.kind is ReplyKind.OK and len(reply.predictions) == len(rows):
            return list(reply.predictions)
        if len(rows) == 1 or reply.kind is ReplyKind.UNREACHABLE:
            return [None] * len(rows)
        middle = len(rows) // 2
        return [*self._asked(rows[:middle]), *self._asked(rows[middle:])]

    def _with(self, places: Ints, told: Sequence[Prediction | None]) -> Rows:
        """All rows, those at `places` with these answers instead of their own."""
        import pyarrow as pa

        batch = self.rows.columns.batch
        predictions, scores = batch.column(PREDICTION).to_pylist(), batch.column(SCORE).to_pylist()
        problems = batch.column(PROBLEM).to_pylist()
        text = self.rows.columns[PREDICTION].kind == "text"
        for place, answer in zip(places.tolist(), told, strict=True):
            value = None if answer is None else answer.prediction
            predictions[place] = json.dumps(value) if text and not isinstance(value, str | None) else value
            scores[place] = None if answer is None else answer.score
            problems[place] = "not answered under another name" if answer is None else None
        arrays = {
            **{n: batch.column(n) for n in batch.schema.names},
            PREDICTION: _array(predictions, batch.column(PREDICTION).type),
            SCORE: pa.array(scores, pa.float64()),
            PROBLEM: pa.array(problems, pa.string()),
        }
        return replace(self.rows, columns=Columns(pa.RecordBatch.from_pydict(arrays)))

    def _losses(self, after: Outcomes) -> Iterator[tuple[Floats, Floats, float, str]]:
        """Loss of every labelled row before and after, what one constant answer loses more, and what the loss is."""
        found = self.found
        if found.task == "regression":
            middle = float(np.median(found.truth))
            reach = float(np.abs(found.truth - middle).mean())
            lost = [_error(each, middle) for each in (found, after)]
            yield lost[0], lost[1], reach - float(lost[0].mean()), "of the error that it spares"
            return
        most = float(np.bincount(found.truth.astype(np.int64)).max()) / found.n
        wrong = [each.wrong.astype(np.float64) for each in (found, after)]
        yield wrong[0], wrong[1], 1.0 - most - float(wrong[0].mean()), "of the rows that it gets right by its inputs"
        if found.task == "binary" and not np.isnan(found.score).any():
            positive = (found.truth == found.positive).astype(np.float64)
            lost = [(positive - np.nan_to_num(each.score, nan=0.5)) ** 2 for each in (found, after)]
            share = float(positive.mean())
            yield lost[0], lost[1], share * (1.0 - share) - float(lost[0].mean()), "of what its scores tell"

    def _finding(self, name: str, rows: int, what: str, share: float, least: float) -> Finding:
        return Finding(
            code="answers-hang-on-name",
            weight=Weight.OPEN,
            summary=f"{name} names single rows, and the answers hang on it: with the {name} of the next row instead of "
            f"its own, asked about {rows} rows, the model loses {percent(min(1.0, share))} {what}, at least "
            f"{percent(min(1.0, least))}",
            fields=(name,),
            remedy=f"Drop {name} from the inputs, train and evaluate anew. If the model looks something up by it, show "
            f"that it is known when the model is asked, and say so in model.inputs.{name}.known.",
            why="A name tells nothing of a new row unless the outcome is written into it or kept under it. Live, it is "
            "not there yet, and the model then guesses.",
            detail={"rows": rows, "share": share, "lower": least},
        )


def _error(outcomes: Outcomes, middle: float) -> Floats:
    said = np.where(outcomes.answered, outcomes.predicted, middle)
    return np.asarray(np.abs(outcomes.truth - said), dtype=np.float64)


def _lower(rise: Floats, alpha: float) -> float:
    from scipy.stats import t

    spread = float(rise.std(ddof=1)) if rise.size > 1 else np.inf
    return float(rise.mean() - t.ppf(1.0 - alpha, max(1, rise.size - 1)) * spread / np.sqrt(rise.size))


def _array(values: Sequence[Any], kind: Any) -> Any:
    """As the column was; a model that answers with another type under other names answers with something else."""
    import pyarrow as pa

    try:
        return pa.array(values, kind)
    except (pa.ArrowException, TypeError):
        return pa.array([None if value is None else str(value) for value in values], pa.string())


def _in_order(text: str) -> str:
    """Such that A-99 comes before A-100."""
    return _DIGITS.sub(lambda match: match[0].zfill(20), text)


def _too_good(found: Outcomes, alpha: float) -> bool:
    """Whether the model leaves hardly anything wrong of what one constant answer would, with certainty."""
    if found.task == "regression":
        middle = float(np.median(found.truth))
        return float(_error(found, middle).mean()) < (1.0 - _TOO_GOOD) * float(np.abs(found.truth - middle).mean())
    most = float(np.bincount(found.truth.astype(np.int64)).max()) / found.n
    return proportions.upper(int(found.wrong.sum()), found.n, alpha) < (1.0 - _TOO_GOOD) * (1.0 - most)


def _not_tried(name: str, why: str) -> Finding:
    return Finding(
        code="name-not-tried",
        weight=Weight.OPEN,
        summary=f"{name} names single rows: {why} it is not known whether answers hang on it",
        fields=(name,),
        remedy=f"Let the model be asked, or have it evaluated without {name}. If something is looked up by it, show "
        f"that it is known when the model is asked, and say so in model.inputs.{name}.known.",
        why="An outcome that is written into a name, or kept under it, is not there yet when the model is asked live.",
    )


def _known(name: str, known: str) -> Finding:
    return Finding(
        code="name-known",
        weight=Weight.NOTE,
        summary=f"{name} names single rows; declared, not tried: {known}",
        fields=(name,),
        remedy="The AI team confirms it with its signature.",
        why="What is looked up by a name must be known when the model is asked.",
    )
