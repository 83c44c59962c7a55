"""A model's answer read against its declaration: everything that is not exactly that is malformed."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import Final

from seatrial.core.errors import Malformed
from seatrial.core.observation import Json
from seatrial.core.ports import Prediction, Row
from seatrial.spec.system import ModelSection

_PROBABILITIES: Final = frozenset({"binary", "multiclass"})
_SHOWN: Final = 60


def encode_rows(key: str, rows: Sequence[Row]) -> bytes:
    """`{key: rows}` as JSON. NaN and infinities become null, the only way JSON has to say that there is no number."""
    try:
        return json.dumps({key: rows}, allow_nan=False, separators=(",", ":")).encode()
    except ValueError:
        return json.dumps({key: _finite(list(rows))}, allow_nan=False, separators=(",", ":")).encode()


def _finite(value: Json) -> Json:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {name: _finite(inner) for name, inner in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_finite(inner) for inner in value]
    return value


def read_predictions(answer: Json, asked: int, section: ModelSection) -> tuple[Prediction, ...]:
    """One prediction per row asked, in order, from `{"predictions": […]}` or a bare list.

    Raises Malformed naming the first thing that is not as declared.
    """
    if isinstance(answer, Mapping):
        if "predictions" not in answer:
            raise Malformed("the answer has no 'predictions'")
        answer = answer["predictions"]
    if not isinstance(answer, Sequence) or isinstance(answer, str):
        raise Malformed("the answer's predictions are no list")
    if len(answer) != asked:
        raise Malformed(f"{asked} rows were asked for, {len(answer)} were answered")
    return tuple(_read(entry, at, section) for at, entry in enumerate(answer, start=1))


def _read(entry: Json, at: int, section: ModelSection) -> Prediction:
    output = section.output
    if not isinstance(entry, Mapping):
        if output.score is not None:
            raise Malformed(f"answer {at} is {_shown(entry)}, without the declared score field {output.score!r}")
        return Prediction(prediction=_prediction(entry, at, section))
    if output.prediction not in entry:
        raise Malformed(f"answer {at} has no field {output.prediction!r}")
    prediction = _prediction(entry[output.prediction], at, section)
    if output.score is None:
        return Prediction(prediction=prediction)
    if output.score not in entry:
        raise Malformed(f"answer {at} has no field {output.score!r}")
    return Prediction(prediction=prediction, score=_score(entry[output.score], at, section))


def _prediction(value: Json, at: int, section: ModelSection) -> Json:
    field = section.output.prediction
    if value is None:
        raise Malformed(f"answer {at} has null as its {field!r}")
    if isinstance(value, float) and not math.isfinite(value):
        raise Malformed(f"answer {at} has {value} as its {field!r}, which is no number")
    if section.task == "regression" and (isinstance(value, bool) or not isinstance(value, int | float)):
        raise Malformed(f"answer {at} has {_shown(value)} as its {field!r}, expected a number")
    if section.task in _PROBABILITIES and not isinstance(value, str | int | float):
        raise Malformed(f"answer {at} has {_shown(value)} as its {field!r}, expected one label")
    return value


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
