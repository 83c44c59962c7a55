"""Laws of the model port, for every way and every protocol in which a model can be declared."""

from __future__ import annotations

import json
import shutil
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, cast

import pyarrow as pa
import pytest

from plants import chat_server, model_server, protocol_server
from plants.server import Answering, Server, unused_url
from seatrial.adapters.http import Http, declared_origins
from seatrial.adapters.models.catalogue import FACTORIES, OpenModel, open_model
from seatrial.adapters.redaction import Redactor, secrets_of
from seatrial.core.errors import SeatrialError
from seatrial.core.ports import BatchModel, ReplyKind, Row
from seatrial.spec.model import MODEL_ADDRESSES
from seatrial.spec.system import System

SECRET: Final = "grey-pelican"
ROWS: Final[list[Row]] = [{"wind": 40.0}, {"wind": 3.0}]
ASSETS: Final = Path(__file__).parents[1] / "assets" / "models"
OVER_HTTP: Final = protocol_server.PROTOCOLS
FILES: Final = ("python", "onnx")
BATCHES: Final = (*OVER_HTTP, *FILES)
WAYS: Final = (*BATCHES, "openai")
SOUND_PYTHON: Final = "return [{'label': int(r['wind'] > 30), 'probability': 0.5} for r in rows]"
PYTHON_FAULTS: Final[Mapping[str, tuple[str, str]]] = {
    "slow": ("import time; time.sleep(30)", "timed-out"),
    "dying": ("import os; os._exit(1)", "crashed"),
    "raising": (f"raise ValueError('{SECRET}')", "crashed"),
    "leaving": ("raise SystemExit(0)", "crashed"),
    "fewer-rows": ("return []", "malformed"),
    "other-shape": ("return {'score': 1}", "malformed"),
    "not-json": ("return object()", "crashed"),
    "nan": ("return [{'label': 1, 'probability': float('nan')}] * len(rows)", "malformed"),
}


def test_every_way_in_which_a_model_can_be_declared_is_under_these_laws() -> None:
    assert set(FACTORIES) == set(MODEL_ADDRESSES) == {"endpoint", "mlflow", "openai", "recorded", *FILES}
    declared = System.model_json_schema()["$defs"]["ModelSection"]["properties"]["protocol"]["anyOf"][0]["enum"]
    assert {name for name in OVER_HTTP if not name.startswith("mlflow")} == set(declared)


def declared(way: str, where: str, **more: Any) -> System:
    key, _, protocol = way.partition("-") if way.startswith("mlflow") else ("endpoint", "", way)
    address: dict[str, Any] = {way: where} if way in FILES else {key: where, "protocol": protocol}
    if way == "openai":
        address = {way: where, "task": "chat", "chat": {"name": chat_server.NAME}}
    output = protocol_server.OUTPUTS.get(way, {"prediction": "label", "score": "probability"})
    section = {"task": "binary", "output": output, "timeout": "400ms", **address, **more}
    if way not in FILES:
        section["headers"] = {"Authorization": f"Bearer {SECRET}"}
    return System.model_validate({"system": "s", "version": "1", "model": section})


def opened(system: System, base_dir: Path) -> OpenModel:
    http = Http(origins=declared_origins(system), redact=Redactor([*secrets_of(system), SECRET]))
    return open_model(system, base_dir=base_dir, http=http)


@contextmanager
def over_http(way: str, answer: Answering, base_dir: Path) -> Iterator[OpenModel]:
    with Server(answer) as server:
        path = protocol_server.PATHS.get(way, "" if way.startswith("mlflow") else "/predict")
        model = opened(declared(way, f"{server.url}{path}", identity=f"{server.url}/version"), base_dir)
        try:
            yield model
        finally:
            model.close()


@contextmanager
def in_python(body: str, base_dir: Path, **more: Any) -> Iterator[OpenModel]:
    (base_dir / "model.py").write_text(f"def predict(rows):\n    {body}\n\ndef version():\n    return 'v1'\n")
    model = opened(declared("python", "model.py:predict", identity="model.py:version", **more), base_dir)
    try:
        yield model
    finally:
        model.close()


@contextmanager
def sound(way: str, base_dir: Path) -> Iterator[OpenModel]:
    if way == "python":
        with in_python(SOUND_PYTHON, base_dir, timeout="5s") as model:
            yield model
    elif way == "onnx":
        shutil.copy(ASSETS / "wind.onnx", base_dir)
        model = opened(declared(way, "wind.onnx", timeout="5s"), base_dir)
        yield model
        model.close()
    else:
        answer = chat_server.sound if way == "openai" else protocol_server.serving(way)
        with over_http(way, answer, base_dir) as model:
            yield model


@pytest.mark.parametrize("way", WAYS)
def test_a_sound_model_answers_one_prediction_per_row_and_the_same_identity_twice(way: str, tmp_path: Path) -> None:
    with sound(way, tmp_path) as model:
        reply = model.predict(ROWS)
        assert reply.kind is ReplyKind.OK, reply.error
        assert len(reply.predictions) == len(ROWS)
        assert way == "openai" or [p.prediction for p in reply.predictions] == [1, 0]
        assert reply.latency_s > 0
        assert model.identity() == model.identity() != ""


@pytest.mark.parametrize("way", BATCHES)
def test_a_batch_is_answered_as_its_rows_are_and_by_threads_side_by_side(way: str, tmp_path: Path) -> None:
    batch = pa.RecordBatch.from_pylist([{"wind": float(wind)} for wind in range(0, 60, 5)])
    with sound(way, tmp_path) as model:
        by_rows = model.predict(batch.to_pylist())
        replies: list[Any] = []
        ask = cast("BatchModel", model).answer
        threads = [threading.Thread(target=lambda: replies.append(ask(batch))) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert isinstance(model, BatchModel)
    for reply in replies:
        assert reply.kind is ReplyKind.OK, reply.error
        assert list(map(_plain, reply.predictions)) == [p.prediction for p in by_rows.predictions]
        assert list(map(_plain, reply.scores)) == [p.score for p in by_rows.predictions]


def _plain(value: Any) -> Any:
    return value.as_py() if hasattr(value, "as_py") else value


@pytest.mark.parametrize("way", OVER_HTTP)
@pytest.mark.parametrize("fault", protocol_server.SPOILED)
def test_an_answer_that_is_not_as_declared_is_malformed_in_every_protocol(way: str, fault: str, tmp_path: Path) -> None:
    with over_http(way, protocol_server.serving(way, protocol_server.SPOILED[fault]), tmp_path) as model:
        reply = model.predict(ROWS)
        batch = cast("BatchModel", model).answer(pa.RecordBatch.from_pylist(ROWS))
    assert reply.kind is batch.kind is ReplyKind.MALFORMED
    assert reply.predictions == ()
    assert batch.predictions is None
    assert reply.error
    assert SECRET not in reply.error


@pytest.mark.parametrize("way", OVER_HTTP)
@pytest.mark.parametrize("fault", protocol_server.ON_THE_WIRE)
def test_whatever_a_server_does_is_reported_in_time_without_predictions_or_secrets(
    way: str, fault: str, tmp_path: Path
) -> None:
    behaviour, expected = protocol_server.ON_THE_WIRE[fault]
    with over_http(way, protocol_server.beside(behaviour), tmp_path) as model:
        _held_to(model, expected)


@pytest.mark.parametrize("fault", ["empty", "deep"])
@pytest.mark.parametrize("way", [way for way in OVER_HTTP if way != "csv"])
def test_a_body_that_holds_nothing_readable_is_malformed(way: str, fault: str, tmp_path: Path) -> None:
    behaviour, expected = model_server.FAULTS[fault]
    with over_http(way, protocol_server.beside(behaviour), tmp_path) as model:
        _held_to(model, expected)


@pytest.mark.parametrize("fault", chat_server.FAULTS)
def test_whatever_a_chat_endpoint_does_is_reported_in_time_without_predictions_or_secrets(
    fault: str, tmp_path: Path
) -> None:
    behaviour, expected = chat_server.FAULTS[fault]
    with over_http("openai", behaviour, tmp_path) as model:
        _held_to(model, expected)


@pytest.mark.parametrize("fault", PYTHON_FAULTS)
def test_whatever_a_callable_does_is_reported_in_time_without_predictions_or_secrets(
    fault: str, tmp_path: Path
) -> None:
    body, expected = PYTHON_FAULTS[fault]
    with in_python(body, tmp_path) as model:
        _held_to(model, expected)


def _held_to(model: OpenModel, expected: str) -> None:
    started = time.monotonic()
    reply = model.predict(ROWS[:1])
    assert time.monotonic() - started < 4
    assert reply.kind == expected, reply.error
    assert reply.predictions == ()
    assert reply.error
    assert SECRET not in reply.error


@pytest.mark.parametrize("way", WAYS)
def test_a_model_that_is_not_there_is_unreachable_and_has_no_identity(way: str, tmp_path: Path) -> None:
    gone = {"python": "gone.py:predict", "onnx": "gone.onnx"}
    where = gone.get(way) or unused_url() + protocol_server.PATHS.get(way, "")
    model = opened(declared(way, where, identity=where), tmp_path)
    assert model.predict(ROWS).kind is ReplyKind.UNREACHABLE
    with pytest.raises(SeatrialError):
        model.identity()
    model.close()


@pytest.mark.parametrize("way", WAYS)
def test_a_closed_model_can_be_asked_again(way: str, tmp_path: Path) -> None:
    with sound(way, tmp_path) as model:
        model.close()
        assert model.predict(ROWS).kind is ReplyKind.OK


@pytest.mark.parametrize("way", OVER_HTTP)
def test_the_prepared_request_is_the_one_that_predict_sends(way: str, tmp_path: Path) -> None:
    with Server(protocol_server.serving(way)) as server:
        path = protocol_server.PATHS.get(way, "" if way.startswith("mlflow") else "/predict")
        model = opened(declared(way, f"{server.url}{path}"), tmp_path)
        request = model.request(ROWS)
        assert model.predict(ROWS).kind is ReplyKind.OK
        model.close()
        asked = next(asked for asked in server.asked if asked.method == "POST")
        assert request is not None
        assert (request.url, request.body) == (server.url + asked.path, asked.body)
        assert {name.lower(): value for name, value in request.headers.items()}.items() <= asked.headers.items()


def test_the_golden_models_say_what_made_them() -> None:
    assert set(json.loads((ASSETS / "made-with.json").read_text())) == {"mlflow", "scikit-learn", "skl2onnx", "onnx"}
