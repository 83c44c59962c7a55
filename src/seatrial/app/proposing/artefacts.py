"""A model that is a file, a directory or a Python object, asked in a process of its own for what a proposal needs."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from seatrial.adapters.http import Http
from seatrial.adapters.models.catalogue import FACTORIES
from seatrial.adapters.models.in_process import ProcessModel
from seatrial.app.proposing.inputs import Labelled
from seatrial.app.proposing.model import Asking, Told, Way
from seatrial.app.proposing.recorded import SUFFIXES
from seatrial.core.errors import Malformed
from seatrial.core.observation import Json
from seatrial.core.ports import Row
from seatrial.measure.columns import plain_text
from seatrial.spec.model import ModelSection

_SUM_NEAR: Final = 1e-3
_BY_PLACE: Final = (
    "the model takes its inputs by their place and names none: see that the inputs file lists them in the order "
    "in which it was trained"
)


def way_of(model: str) -> Way | None:
    """How a model that is no address is reached; None for an address. Raises Malformed where it is neither."""
    if "://" in model or "${" in model:
        return None
    path, colon, name = model.rpartition(":")
    if colon and path.endswith(".py") and name.isidentifier():
        return "python"
    if model.endswith(".onnx"):
        return "onnx"
    if (Path(model) / "MLmodel").is_file():
        return "mlflow"
    if Path(model).suffix in SUFFIXES:
        return "recorded"
    raise Malformed(
        f"{model!r} is neither an address, an ONNX file, a directory that MLflow saved, an object of a Python file, "
        "nor a table of past predictions",
        remedy="Write it as http://host:port/path, path/to/model.onnx, path/to/directory, path/to/file.py:object, or "
        "path/to/predictions.parquet; an OpenAI-compatible endpoint as https://host/v1.",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """Answers with one score for each row, and the order of the classes where the model told a score for each."""

    answers: tuple[Json, ...]
    classes: tuple[str, ...] = ()


class ArtefactOnTrial:
    """Files that nothing is known of yet; what runs them is closed with `close`."""

    def __init__(self, way: Way, model: str, http: Http) -> None:
        self._way = way
        self._where = model
        self._http = http
        self._model: ProcessModel | None = None

    def _opened(self, section: ModelSection) -> ProcessModel:
        opened = FACTORIES[self._way](section, Path(), self._http)
        if not isinstance(opened, ProcessModel):
            raise Malformed(f"{self._where} does not run in a process of its own")
        return opened

    def asked(self, rows: Sequence[Row], columns: Sequence[str], doubtful: Sequence[str]) -> Asking:
        """The answers to rows of the columns that the model names itself, else of `columns`. Raises what it raises."""
        self._model = self._opened(ModelSection.model_validate({self._way: self._where, "task": "extraction"}))
        named = self._model.input_names()
        there = (*columns, *doubtful)
        if lacking := [name for name in named if name not in there]:
            raise Malformed(
                f"the model takes {', '.join(lacking)}, and the data have no such column",
                remedy="Give rows with the columns under the names that the model knows.",
            )
        taken = tuple(named or columns)
        answers = self._model.unread([{name: row[name] for name in taken} for row in rows])
        by_place = self._way == "onnx" and not named
        notes = (_BY_PLACE,) if by_place else ()
        return Asking(way=self._way, url=self._where, columns=taken, answers=tuple(answers), notes=notes)

    def version(self, _: Asking) -> Told | None:
        """None: files are known by their content, and an object tells what `model.identity` will name."""
        return None

    def confirmed(self, asking: Asking, section: ModelSection, rows: Sequence[Row]) -> None:
        """Raises Malformed unless the model, declared like this, is understood the way a run will read it."""
        model = self._opened(section)
        try:
            reply = model.predict([{name: row[name] for name in asking.columns} for row in rows])
        finally:
            model.close()
        if reply.error or not reply.predictions:
            raise Malformed(f"the model's answer cannot be read: {reply.error or reply.kind.value}")

    def close(self) -> None:
        """End the process."""
        if self._model is not None:
            self._model.close()


def one_score(answers: Sequence[Json], label: Labelled) -> Answered:
    """Scores of several classes brought down to that of the positive class, or of the one that is predicted.

    A mapping names its classes. The order of a list is found by comparing its largest score with the label that is
    answered beside it; where that does not tell, it is left as it is.
    """
    records: list[dict[str, Any]] = [dict(each) for each in answers if isinstance(each, Mapping)]
    if len(records) != sum(each is not None for each in answers):
        return Answered(answers=tuple(answers))
    order: tuple[str, ...] = ()
    fields = list(records[0]) if records else []
    said = next((name for name in fields if _are_labels([r[name] for r in records], label)), None)
    for name in fields:
        values: list[Any] = [record[name] for record in records]
        if said is None or name == said or label.task == "regression":
            continue
        if all(isinstance(value, Mapping) for value in values):
            named = [{plain_text(k): v for k, v in value.items()} for value in values]
        elif all(_shares(value) for value in values):
            order = _order(values, [plain_text(record[said]) for record in records], label)
            if not order:
                continue
            named = [dict(zip(order, value, strict=True)) for value in values]
        else:
            continue
        for record, scores in zip(records, named, strict=True):
            wanted = plain_text(label.positive) if label.task == "binary" else plain_text(record[said])
            record[name] = scores.get(wanted)
    told = iter(records)
    return Answered(answers=tuple(None if each is None else next(told) for each in answers), classes=order)


def _are_labels(values: Sequence[Any], label: Labelled) -> bool:
    return all(isinstance(v, str | int | float) and plain_text(v) in label.classes for v in values)


def _shares(value: object) -> bool:
    if not isinstance(value, list) or len(value) < 2 or not all(isinstance(v, int | float) for v in value):
        return False
    return all(0.0 <= v <= 1.0 for v in value) and math.isclose(sum(value), 1.0, abs_tol=_SUM_NEAR)


def _order(values: Sequence[list[float]], said: Sequence[str], label: Labelled) -> tuple[str, ...]:
    """The class of each place, as every row agrees; places that no row shows are filled where sorting tells them."""
    seen: defaultdict[int, set[str]] = defaultdict(set)
    for scores, name in zip(values, said, strict=True):
        seen[scores.index(max(scores))].add(name)
    width = len(values[0])
    if any(len(names) > 1 for names in seen.values()) or any(len(scores) != width for scores in values):
        return ()
    for ordered in (sorted(label.classes), sorted(label.classes, key=_as_number)):
        if len(ordered) == width and all(names == {ordered[at]} for at, names in seen.items()):
            return tuple(ordered)
    told = tuple(next(iter(seen[at])) for at in range(width) if seen.get(at))
    return told if len(told) == width == len(set(told)) else ()


def _as_number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.inf


def known_by_content(way: str, address: str) -> bool:
    """Whether a change of the model shows in its files, so that no identity needs to be declared."""
    return way == "onnx" or (way == "mlflow" and "://" not in address)
