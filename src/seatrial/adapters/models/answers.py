"""A model's answer read against its declaration: everything that is not exactly that is malformed."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import orjson

from seatrial.adapters.http import read_json
from seatrial.core.errors import Malformed
from seatrial.core.observation import Json
from seatrial.core.ports import Prediction
from seatrial.spec.model import ModelSection

_PROBABILITIES: Final = frozenset({"binary", "multiclass"})
_SHOWN: Final = 60
_LABELS: Final = frozenset({str, int, float, bool})


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """Predictions and scores as a model told them, one entry per row: lists, or Arrow arrays of one plain type.

    `scores` is None where no score is declared; `classes` is the order of the scores where the model tells it.
    """

    predictions: Any
    scores: Any = None
    classes: Sequence[Json] | None = None


def fast_json(body: bytes) -> Json:
    """Strict JSON, read fast. Raises Malformed."""
    try:
        return orjson.loads(body)  # type: ignore[no-any-return]
    except orjson.JSONDecodeError:
        return read_json(body)


def told_of_json(answer: Json, asked: int, section: ModelSection) -> Told:
    """From a list of entries, `{"predictions": […]}`, columns of values, or pandas' `{"columns": …, "data": …}`.

    Raises Malformed naming the first thing that is not as declared.
    """
    output = section.output
    if isinstance(answer, Mapping):
        if "predictions" in answer:
            answer = answer["predictions"]
        elif isinstance(answer.get("columns"), list) and isinstance(answer.get("data"), list):
            answer = _split(answer)
        elif isinstance(answer.get(output.prediction), list):
            return checked(_of_columns(answer, section), asked, section)
        else:
            raise Malformed("the answer has no 'predictions'")
    if not isinstance(answer, Sequence) or isinstance(answer, str):
        raise Malformed("the answer's predictions are no list")
    if len(answer) != asked:
        raise Malformed(f"{asked} rows were asked for, {len(answer)} were answered")
    return checked(_of_entries(answer, section), asked, section)


def _split(answer: Mapping[str, Any]) -> list[Json]:
    names = answer["columns"]
    entries: list[Json] = []
    for at, row in enumerate(answer["data"], start=1):
        if not isinstance(row, list) or len(row) != len(names):
            raise Malformed(f"answer {at} has not one value for each of the {len(names)} columns")
        entries.append(dict(zip(names, row, strict=True)))
    return entries


def _of_columns(columns: Mapping[str, Any], section: ModelSection) -> Told:
    score = section.output.score
    if score is None:
        return Told(predictions=columns[section.output.prediction])
    if not isinstance(columns.get(score), list):
        raise Malformed(f"the answer has no column {score!r}")
    return Told(predictions=columns[section.output.prediction], scores=columns[score])


def _of_entries(entries: Sequence[Any], section: ModelSection) -> Told:
    name, score = section.output.prediction, section.output.score
    try:
        if entries and isinstance(entries[0], Mapping):
            predictions = [entry[name] for entry in entries]
            return Told(predictions=predictions, scores=None if score is None else [entry[score] for entry in entries])
    except (TypeError, KeyError):
        pass
    read = [_entry(entry, at, section) for at, entry in enumerate(entries, start=1)]
    return Told(predictions=[p for p, _ in read], scores=None if score is None else [s for _, s in read])


def _entry(entry: Json, at: int, section: ModelSection) -> tuple[Json, Json]:
    output = section.output
    if not isinstance(entry, Mapping):
        if output.score is not None:
            raise Malformed(f"answer {at} is {_shown(entry)}, without the declared score field {output.score!r}")
        return entry, None
    for name in (output.prediction, output.score):
        if name is not None and name not in entry:
            raise Malformed(f"answer {at} has no field {name!r}")
    return entry[output.prediction], None if output.score is None else entry[output.score]


def checked(told: Told, asked: int, section: ModelSection) -> Told:
    """The same, once every entry is what the task demands. Scores of several classes become the one that counts.

    Raises Malformed naming the first entry that is not.
    """
    for given in (told.predictions, told.scores):
        if given is not None and len(given) != asked:
            raise Malformed(f"{asked} rows were asked for, {len(given)} were answered")
    if not _sound_predictions(told.predictions, section):
        for at, value in enumerate(_values(told.predictions), start=1):
            _prediction(value, at, section)
    if told.scores is None:
        return told
    scores = _one_per_row(told, section)
    if not _sound_scores(scores, section):
        scores = [_score(value, at, section) for at, value in enumerate(_values(scores), start=1)]
    return Told(predictions=told.predictions, scores=scores)


def predictions_of(told: Told) -> tuple[Prediction, ...]:
    """One `Prediction` per row."""
    predictions = _values(told.predictions)
    if told.scores is None:
        return tuple(Prediction(prediction=value) for value in predictions)
    scores = (float(score) for score in _values(told.scores))
    return tuple(Prediction(prediction=p, score=s) for p, s in zip(predictions, scores, strict=True))


def _values(given: Any) -> list[Any]:
    if isinstance(given, list):
        return given
    return list(given.to_pylist() if hasattr(given, "to_pylist") else given)


def _sound_predictions(given: Any, section: ModelSection) -> bool:
    """Whether a look at the types and at all numbers at once already tells that every entry is sound."""
    if not isinstance(given, list):
        return _sound_array(given, numbers=section.task == "regression")
    kinds = set(map(type, given))
    allowed = {int, float} if section.task == "regression" else _LABELS
    return kinds <= allowed and (float not in kinds or all(map(math.isfinite, (v for v in given if type(v) is float))))


def _sound_array(given: Any, *, numbers: bool) -> bool:
    import pyarrow as pa
    import pyarrow.compute as pc

    kind = given.type
    if given.null_count:
        return False
    if pa.types.is_floating(kind):
        return bool(pc.all(pc.is_finite(given), min_count=0).as_py())
    if pa.types.is_integer(kind):
        return True
    return not numbers and bool(pa.types.is_boolean(kind) or pa.types.is_string(kind))


def _sound_scores(given: Any, section: ModelSection) -> bool:
    import numpy as np

    if isinstance(given, list):
        if not set(map(type, given)) <= {int, float}:
            return False
    elif not _sound_array(given, numbers=True):
        return False
    try:
        numbers = np.asarray(given, dtype=float)
    except OverflowError:
        return False
    if not np.isfinite(numbers).all():
        return False
    return section.task not in _PROBABILITIES or bool(((numbers >= 0) & (numbers <= 1)).all())


def _prediction(value: Json, at: int, section: ModelSection) -> Json:
    field = section.output.prediction
    if value is None:
        raise Malformed(f"answer {at} has null as its {field!r}")
    if isinstance(value, float) and not math.isfinite(value):
        raise Malformed(f"answer {at} has {value} as its {field!r}, which is no number")
    if section.task == "regression" and (isinstance(value, bool) or not isinstance(value, int | float)):
        raise Malformed(f"answer {at} has {_shown(value)} as its {field!r}, expected a number")
    if section.task in _PROBABILITIES and not _is_label(value, section.task):
        raise Malformed(f"answer {at} has {_shown(value)} as its {field!r}, expected one label")
    return value


def _is_label(value: Json, task: str) -> bool:
    """One label, or, of several classes, a list of some with the likeliest first."""
    if task == "multiclass" and isinstance(value, list):
        return len(value) > 1 and all(isinstance(each, str | int | float) for each in value)
    return isinstance(value, str | int | float)


def _score(value: Json, at: int, section: ModelSection) -> float:
    field = section.output.score
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise Malformed(f"answer {at} has {_shown(value)} as its {field!r}, expected a number")
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise Malformed(f"answer {at} has {number} as its {field!r}, which is no number")
    if section.task in _PROBABILITIES and not 0 <= number <= 1:
        raise Malformed(f"answer {at} has {_shown(value)} as its {field!r}, outside 0 to 1")
    return number


def _shown(value: Json) -> str:
    spelled = repr(value)
    return spelled if len(spelled) <= _SHOWN else f"{spelled[:_SHOWN]}…"


def _one_per_row(told: Told, section: ModelSection) -> Any:
    """The scores; where a model tells one for each class, that of the positive class, or of the class it predicts."""
    from seatrial.adapters.models.class_scores import score_of_class

    scores = told.scores
    if not isinstance(scores, list):
        nested = hasattr(scores.type, "list_size") or hasattr(scores.type, "value_type")
    else:
        nested = bool(scores) and isinstance(scores[0], list | dict)
    if not nested:
        return scores
    return score_of_class(_values(told.predictions), _values(scores), section, told_classes=told.classes)
