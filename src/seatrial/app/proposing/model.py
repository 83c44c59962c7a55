"""How a model endpoint is called, what its answers mean, and where it tells its version: found by asking it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit, urlunsplit

from seatrial.adapters.http import Http, TimedOut
from seatrial.adapters.identity import ask, probe_identity
from seatrial.adapters.models.catalogue import FACTORIES, OpenModel
from seatrial.app.proposing.inputs import Labelled
from seatrial.core.errors import Malformed, SeatrialError, Unreachable
from seatrial.core.observation import Json
from seatrial.core.ports import Row
from seatrial.domains.scored.extraction import is_record, record_of
from seatrial.spec.model import ModelSection

Way = Literal["endpoint", "mlflow", "onnx", "python", "recorded", "openai"]
PREDICTIONS = ("prediction", "label", "predicted", "predicted_label", "class", "decision", "output", "value", "result")
SCORES = ("score", "probability", "proba", "risk", "confidence", "p", "prob", "likelihood", "y_score")
_VERSIONS = ("version", "v1/version", "health", "v1/health", "info", "metadata")
_TELLS = re.compile(r"(?i)(version|revision|commit|sha|digest|hash|run_id|model_id|build)")
_MOVES = re.compile(r"(?i)(uptime|timestamp|time|now|date|requests|memory|cpu|latency)$")
_TIMEOUT_S = 10.0
_VERSION_TIMEOUT_S = 3.0
_FIRST = 2
_BATCH = 50
_MOST_DOUBTED = 4
_SHOWN = 120


@dataclass(frozen=True, slots=True, kw_only=True)
class Asking:
    """A way to call the model that it answers; `answers` are its raw predictions, one for each row that was asked."""

    way: Way
    url: str
    columns: tuple[str, ...]
    answers: tuple[Json, ...]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Meaning:
    """Which fields of an answer are the prediction and the score. `act_at` is where the answers change, if it shows.

    `act_between` are the scores between which it lies, where no round number is among them. `classes` are in the order
    of their scores, where the model tells one for each and not whose it is.
    """

    prediction: str = "prediction"
    score: str | None = None
    act_at: float | None = None
    act_between: tuple[float, float] | None = None
    classes: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """The address that tells which version is served, and the version's name where it gives one."""

    url: str
    version: str | None = None


class ModelOnTrial:
    """A model endpoint that nothing is known of yet. `headers` go along with every request."""

    def __init__(self, http: Http, url: str, headers: Mapping[str, str]) -> None:
        self._http = http
        self._url = url
        self._headers = dict(headers)

    def asked(self, rows: Sequence[Row], columns: Sequence[str], doubtful: Sequence[str]) -> Asking:
        """The first way in which the model answers rows of `columns`, with those `doubtful` ones that it listens to.

        Raises Unreachable where nothing answers, and Malformed, telling every attempt, where no answer has
        predictions.
        """
        first = _complete(rows)[:_FIRST]
        attempts = []
        for way, url in _ways(self._url):
            for chosen in _choices(columns, doubtful):
                try:
                    self._predictions(way, url, first, chosen)
                except Unreachable:
                    raise
                except SeatrialError as error:
                    attempts.append(f"{self._http.redact(url)} ({way}): {error.what}")
                    continue
                return self._whole(way, url, rows, (chosen, columns, doubtful))
        raise Malformed(
            "the model answers none of the forms that are known:\n"
            + "\n".join(f"  {a}" for a in dict.fromkeys(attempts)),
            remedy='It should take POST {"rows": [{column: value}, …]} and answer {"predictions": [{…}, …]}; '
            "MLflow's /invocations is known too. For another form, such as one record a request, write a Python "
            "function that takes a list of records, asks the service and returns its answers, and give it: "
            "--model adapter.py:function.",
        )

    def _whole(
        self, way: Way, url: str, rows: Sequence[Row], choice: tuple[Sequence[str], Sequence[str], Sequence[str]]
    ) -> Asking:
        chosen, columns, doubtful = choice
        kept = [name for name in doubtful if name in chosen or self._listens(way, url, rows, (columns, name))]
        taken = tuple(dict.fromkeys((*columns, *kept)))
        answers: list[Json] = []
        for start in range(0, len(rows), _BATCH):
            try:
                answers += self._predictions(way, url, rows[start : start + _BATCH], taken)
            except SeatrialError:
                answers += [None] * len(rows[start : start + _BATCH])
        if all(answer is None for answer in answers):
            answers[:_FIRST] = self._predictions(way, url, _complete(rows)[:_FIRST], taken)
        return Asking(way=way, url=url, columns=taken, answers=tuple(answers))

    def _listens(self, way: Way, url: str, rows: Sequence[Row], choice: tuple[Sequence[str], str]) -> bool:
        """Whether the answers differ when the model is told this column too."""
        columns, name = choice
        some = _complete(rows)[:_BATCH]
        try:
            without = self._predictions(way, url, some, columns)
            return self._predictions(way, url, some, (*columns, name)) != without
        except SeatrialError:
            return False

    def _predictions(self, way: Way, url: str, rows: Sequence[Row], columns: Sequence[str]) -> list[Json]:
        section = ModelSection.model_validate({way: url, "task": "extraction", "headers": self._headers})
        request = self._opened(section).request([{name: row[name] for name in columns} for row in rows])
        if request is None:
            raise Malformed("it is not called over HTTP")
        answer = self._http.send(request, timeout_s=_TIMEOUT_S, repeatable=True)
        if answer.status in {401, 403}:
            raise Unreachable(
                f"the model wants to know who asks: status {answer.status}",
                remedy="Give its credential with --header 'Authorization: Bearer ${MODEL_TOKEN}', "
                "and MODEL_TOKEN in the environment.",
            )
        if not 200 <= answer.status < 300:
            raise Malformed(f"status {answer.status}: {self._http.redact(answer.brief())[:_SHOWN]}")
        content = answer.json()
        if isinstance(content, Mapping):
            content = content.get("predictions")
        if not isinstance(content, Sequence) or isinstance(content, str):
            raise Malformed("its answer has no list of predictions")
        if len(content) != len(rows):
            raise Malformed(f"{len(rows)} rows were asked for, {len(content)} were answered")
        return list(content)

    def _opened(self, section: ModelSection) -> OpenModel:
        way = "mlflow" if section.mlflow else "endpoint"
        return FACTORIES[way](section, Path(), self._http)

    def confirmed(self, asking: Asking, section: ModelSection, rows: Sequence[Row]) -> None:
        """Raises Malformed unless the model, declared like this, is understood the way a run will read it."""
        reply = self._opened(section).predict([{n: row[n] for n in asking.columns} for row in _complete(rows)[:_FIRST]])
        if reply.error or not reply.predictions:
            raise Malformed(f"the model's answer cannot be read: {reply.error or reply.kind.value}")

    def close(self) -> None:
        """Nothing is held open."""

    def version(self, asking: Asking) -> Told | None:
        """Where it tells the version that it serves, or None: an address that never changes its answer is none."""
        for url in _version_addresses(asking.url):
            try:
                content = ask(self._http, url, headers=self._headers, timeout_s=_VERSION_TIMEOUT_S)
                if not _tells_a_version(content, url, asking.way):
                    continue
                probe_identity(self._http, url, headers=self._headers, timeout_s=_VERSION_TIMEOUT_S)
            except TimedOut:
                # A server that hangs on unknown addresses would hang on each of them.
                return None
            except SeatrialError:
                continue
            return Told(url=url, version=_version_of(content))
        return None


def _choices(columns: Sequence[str], doubtful: Sequence[str]) -> list[tuple[str, ...]]:
    """The columns alone, with each of the doubtful ones, and with all of them."""
    single = [(*columns, name) for name in doubtful[:_MOST_DOUBTED]]
    return list(dict.fromkeys([tuple(columns), *single, (*columns, *doubtful)]))


def _complete(rows: Sequence[Row]) -> list[Row]:
    """The rows with the fewest missing values first."""
    return sorted(rows, key=lambda row: sum(value is None for value in row.values()))


def _ways(url: str) -> Iterator[tuple[Way, str]]:
    path = urlsplit(url).path.rstrip("/")
    bare = url.rstrip("/")
    if not path:
        yield "endpoint", f"{bare}/predict"
        yield "mlflow", f"{bare}/invocations"
        yield "endpoint", f"{bare}/v1/predict"
        yield "endpoint", url
    elif path.endswith("/invocations"):
        yield "mlflow", url
        yield "endpoint", url
    else:
        yield "endpoint", url
        yield "mlflow", f"{bare}/invocations"


def _version_addresses(url: str) -> list[str]:
    parts = urlsplit(url)
    beside = parts.path.rstrip("/").rpartition("/")[0]
    paths = [f"{beside}/{name}" for name in _VERSIONS] + [f"/{name}" for name in _VERSIONS]
    return [urlunsplit((parts.scheme, parts.netloc, path, "", "")) for path in dict.fromkeys(paths)]


def _tells_a_version(content: Json, url: str, way: Way) -> bool:
    if isinstance(content, str | int | float):
        # MLflow's server tells its own version there, which stays when the model changes.
        return way != "mlflow" and url.endswith("version")
    if not isinstance(content, Mapping) or any(_MOVES.search(key) for key in content):
        return False
    return any(_TELLS.search(key) and value not in (None, "", [], {}) for key, value in content.items())


def _version_of(content: Json) -> str | None:
    if isinstance(content, Mapping):
        content = content.get("version", content.get("model_version"))
    return str(content) if isinstance(content, str | int | float) and not isinstance(content, bool) else None


def meaning(answers: Sequence[Json], label: Labelled, truths: Sequence[str | None]) -> Meaning:
    """What the fields of the answers are, from their names, their values, and how they go with the labels.

    `truths` are the labels of the same rows as texts. Raises Malformed for answers in which no field can be the
    prediction.
    """
    from seatrial.measure.columns import plain_text

    given = [(a, t) for a, t in zip(answers, truths, strict=True) if a is not None]
    if not any(isinstance(answer, Mapping) for answer, _ in given):
        return _bare([answer for answer, _ in given], label, plain_text)
    rows = [(answer, truth) for answer, truth in given if isinstance(answer, Mapping)]
    fields = [name for name in rows[0][0] if all(name in answer for answer, _ in rows)]
    values: dict[str, list[Any]] = {name: [answer[name] for answer, _ in rows] for name in fields}
    if label.task in _FIELD_OF:
        return Meaning(prediction=_FIELD_OF[label.task](values))
    classes = {_same(text) for text in label.classes}
    said = {n: [_same(plain_text(v)) for v in each] for n, each in values.items() if _plain(each)}
    labels = [name for name, texts in said.items() if set(texts) <= classes]
    if not labels:
        return _no_label(values, label)
    truth = [None if t is None else _same(t) for _, t in rows]
    prediction = min(labels, key=lambda n: (_rank(n, PREDICTIONS), -_agreement(said[n], truth), fields.index(n)))
    scores = [n for n in fields if n != prediction and _is_score(values[n])]
    if not scores:
        return Meaning(prediction=prediction, notes=_note_of_lists(values))
    score = min(scores, key=lambda n: (_rank(n, SCORES), fields.index(n)))
    if label.task != "binary":
        return Meaning(prediction=prediction, score=score)
    positive = _same(plain_text(label.positive))
    return _scored(
        prediction, score, [text == positive for text in said[prediction]], [float(v) for v in values[score]]
    )


def _scored(prediction: str, score: str, acted: Sequence[bool], scores: Sequence[float]) -> Meaning:
    above = [s for s, a in zip(scores, acted, strict=True) if a]
    below = [s for s, a in zip(scores, acted, strict=True) if not a]
    if not above or not below:
        return Meaning(prediction=prediction, score=score, notes=("all sample rows got the same answer",))
    low, high = max(below), min(above)
    if sum(above) / len(above) <= sum(below) / len(below):
        note = (
            f"{score!r} is not higher where the answer is the positive label: it may be a confidence, and is left out"
        )
        return Meaning(prediction=prediction, notes=(note,))
    if low < high:
        if low < 0.5 <= high:
            return Meaning(prediction=prediction, score=score, act_at=0.5)
        return Meaning(prediction=prediction, score=score, act_between=(low, high))
    return Meaning(prediction=prediction, score=score, notes=(f"no single {score} separates the two answers",))


def _bare(answers: Sequence[Json], label: Labelled, text_of: Any) -> Meaning:
    if not answers:
        raise Malformed("the model's answers are empty")
    if label.task == "regression":
        if not all(isinstance(a, int | float) and not isinstance(a, bool) for a in answers):
            raise Malformed(f"the labels are numbers, and the model answers {_shown(answers[0])}")
        return Meaning()
    if label.task == "extraction":
        _record_field({"prediction": answers})
        return Meaning()
    classes = {_same(text) for text in label.classes}
    if all(isinstance(a, str | int | float) and _same(text_of(a)) in classes for a in answers):
        return Meaning()
    return _no_label({"prediction": list(answers)}, label)


def _no_label(values: Mapping[str, Sequence[Any]], label: Labelled) -> Meaning:
    """The best guess, said to be one: a run then tells the same with its remedy."""
    known = ", ".join(label.classes[:5])
    shown = "; ".join(f"{name}: {_shown(each[0])}" for name, each in values.items())
    plain = [name for name, each in values.items() if _plain(each)]
    if not plain:
        raise Malformed(
            f"no field of the model's answers is one of the labels {known}; it answered {shown}",
            remedy="Let it answer the label itself, beside its score.",
        )
    name = min(plain, key=lambda n: _rank(n, PREDICTIONS))
    note = f"no field of the answers ({shown}) is one of the labels {known}: let the model answer the label itself"
    return Meaning(prediction=name, notes=(note,))


def _number_field(values: Mapping[str, Sequence[Any]]) -> str:
    numbers = [
        n for n, each in values.items() if all(isinstance(v, int | float) and not isinstance(v, bool) for v in each)
    ]
    if not numbers:
        raise Malformed(
            f"the labels are numbers, and no field of the model's answers is one: {', '.join(values)}",
            remedy="Let the model answer a number, or name another label column.",
        )
    return min(numbers, key=lambda name: _rank(name, PREDICTIONS))


def _record_field(values: Mapping[str, Sequence[Any]]) -> str:
    records = [name for name, each in values.items() if all(is_record(record_of(value)) for value in each)]
    if not records:
        raise Malformed(
            f"the labels are records, and no field of the model's answers is one: {', '.join(values)}",
            remedy="Let the model answer the whole record, as JSON, in a field of its own.",
        )
    return min(records, key=lambda name: _rank(name, PREDICTIONS))


_FIELD_OF: Mapping[str, Callable[[Mapping[str, Sequence[Any]]], str]] = {
    "regression": _number_field,
    "extraction": _record_field,
}


def _note_of_lists(values: Mapping[str, Sequence[Any]]) -> tuple[str, ...]:
    lists = [n for n, each in values.items() if any(isinstance(v, list | dict) for v in each)]
    return (f"{', '.join(lists)} holds several numbers; a score is one number in a field of its own",) if lists else ()


def _is_score(values: Sequence[Any]) -> bool:
    return all(isinstance(v, int | float) and not isinstance(v, bool) and 0 <= v <= 1 for v in values) and (
        any(isinstance(v, float) for v in values)
    )


def _plain(values: Sequence[Any]) -> bool:
    return all(isinstance(v, str | int | float) for v in values)


def _rank(name: str, known: Sequence[str]) -> int:
    lowered = name.lower()
    return known.index(lowered) if lowered in known else len(known)


def _agreement(said: Sequence[str], truth: Sequence[str | None]) -> float:
    return sum(s == t for s, t in zip(said, truth, strict=True)) / max(1, len(said))


def _same(text: str) -> str:
    return {"true": "1", "false": "0", "True": "1", "False": "0"}.get(text, text)


def _shown(value: object) -> str:
    spelled = repr(value)
    return spelled if len(spelled) <= _SHOWN else f"{spelled[:_SHOWN]}…"
