from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from plants.model_server import sound
from plants.server import Asked, Said, Server, said
from seatrial.adapters.http import Http, declared_origins
from seatrial.adapters.models.catalogue import OpenModel, open_model
from seatrial.core.errors import Malformed, SeatrialError, Unreachable
from seatrial.core.ports import ReplyKind
from seatrial.spec.system import System

CALLABLE = """
import os, sys, time
print("loading")

def predict(rows):
    print("called with", rows)
    row = rows[0]
    if row.get("do") == "hang":
        time.sleep(60)
    if row.get("do") == "die":
        os._exit(3)
    if row.get("do") == "fail":
        raise KeyError("wind")
    if row.get("do") == "nan":
        return [{"label": 1, "probability": float("nan")}]
    return [{"label": 1, "probability": 0.75, "pid": os.getpid()} for _ in rows]

def version():
    return {"version": "7"}

def time_of_day():
    return time.time()
"""


def system(**model: Any) -> System:
    section = {"task": "binary", "output": {"prediction": "label", "score": "probability"}, "timeout": "5s", **model}
    return System.model_validate({"system": "s", "version": "1", "model": section})


def opened(declared: System, base_dir: Path | None = None) -> OpenModel:
    return open_model(declared, base_dir=base_dir or Path(), http=Http(origins=declared_origins(declared)))


def test_records_are_posted_and_answered_row_by_row() -> None:
    with Server(sound) as server:
        model = opened(system(endpoint=f"{server.url}/predict"))
        reply = model.predict([{"wind": 40.0}, {"wind": 3}])
        model.close()
        assert reply.kind is ReplyKind.OK
        assert [(p.prediction, p.score) for p in reply.predictions] == [(1, 0.9), (0, 0.2)]
        assert server.asked[0].json() == {"rows": [{"wind": 40.0}, {"wind": 3}]}


def test_mlflow_is_asked_with_its_own_protocol() -> None:
    with Server(sound) as server:
        for url in (server.url, f"{server.url}/invocations"):
            model = opened(system(mlflow=url))
            assert model.predict([{"wind": 40.0}]).kind is ReplyKind.OK
            model.close()
        assert {asked.path for asked in server.asked} == {"/invocations"}
        assert server.asked[0].json() == {"dataframe_records": [{"wind": 40.0}]}


def test_the_prepared_request_is_the_one_that_predict_sends() -> None:
    with Server(sound) as server:
        model = opened(system(endpoint=f"{server.url}/predict", headers={"X-Tenant": "docks"}))
        request = model.request([{"wind": 1}])
        assert request is not None
        model.predict([{"wind": 1}])
        model.close()
        asked = server.asked[0]
        assert (request.method, request.body, request.url) == (asked.method, asked.body, server.url + asked.path)
        assert asked.headers["x-tenant"] == "docks"


def test_numbers_that_json_cannot_hold_are_sent_as_null() -> None:
    with Server(sound) as server:
        model = opened(system(endpoint=server.url))
        model.predict([{"wind": math.nan, "deep": [math.inf, {"a": 1}]}])
        model.close()
        assert server.asked[0].json() == {"rows": [{"wind": None, "deep": [None, {"a": 1}]}]}


@pytest.mark.parametrize(
    ("task", "entry", "kind"),
    [
        ("regression", 12.5, ReplyKind.OK),
        ("regression", "12.5", ReplyKind.MALFORMED),
        ("regression", True, ReplyKind.MALFORMED),
        ("multiclass", "late", ReplyKind.OK),
        ("multiclass", ["late"], ReplyKind.MALFORMED),
        ("multiclass", ["late", "early"], ReplyKind.OK),
        ("multiclass", ["late", None], ReplyKind.MALFORMED),
        ("extraction", {"label": {"total": 3}}, ReplyKind.OK),
        ("text", "a sentence", ReplyKind.OK),
        ("regression", None, ReplyKind.MALFORMED),
    ],
)
def test_a_prediction_is_read_as_its_task_demands(task: str, entry: object, kind: ReplyKind) -> None:
    with Server(lambda _: said([entry])) as server:
        model = opened(system(endpoint=server.url, task=task, output={"prediction": "label"}))
        assert model.predict([{}]).kind is kind
        model.close()


def test_a_malformed_reply_names_what_is_wrong() -> None:
    answers: list[tuple[object, str]] = [
        ({"predictions": [{"label": 1, "probability": 1.5}]}, "1.5 as its 'probability', outside 0 to 1"),
        ({"predictions": [{"label": 1}]}, "no field 'probability'"),
        ({"predictions": []}, "1 rows were asked for, 0 were answered"),
        ({"outputs": []}, "no 'predictions'"),
        ([0.4], "without the declared score field"),
    ]
    for answer, expected in answers:
        with Server(lambda _, answer=answer: said(answer)) as server:  # type: ignore[misc]
            model = opened(system(endpoint=server.url))
            reply = model.predict([{}])
            model.close()
            assert reply.kind is ReplyKind.MALFORMED
            assert expected in reply.error


def test_an_identity_changes_with_what_is_served_and_not_with_its_spelling() -> None:
    served: dict[str, Any] = {"version": "1", "digest": "a"}
    with Server(lambda _: Said(body=json.dumps(served, indent=len(served)).encode())) as server:
        model = opened(system(endpoint=server.url, identity=f"{server.url}/version"))
        first = model.identity()
        again = dict(reversed(served.items()))
        served.clear()
        served.update(again)
        assert model.identity() == first
        served["version"] = "2"
        assert model.identity() != first
        model.close()


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (lambda _: said({}), Malformed),
        (lambda _: said(None), Malformed),
        (lambda _: Said(body=b"<html>"), Malformed),
        (lambda _: Said(body=b"two\nlines", headers={"Content-Type": "text/plain"}), Malformed),
        (lambda _: said({"a": 1}, 500), Unreachable),
        (lambda _: said({"a": 1}, 404), Unreachable),
    ],
)
def test_an_address_that_tells_no_version_is_an_error(
    answer: Callable[[Asked], Said], error: type[SeatrialError]
) -> None:
    with Server(answer) as server:
        model = opened(system(endpoint=server.url, identity=server.url))
        with pytest.raises(error):
            model.identity()
        model.close()


def test_an_identity_that_changes_by_itself_binds_nothing() -> None:
    counted: list[int] = []

    def counting(_: Asked) -> Said:
        counted.append(1)
        return said({"version": "1", "uptime": len(counted)})

    with Server(counting) as server:
        model = opened(system(endpoint=server.url, identity=server.url))
        with pytest.raises(Malformed, match="differently"):
            model.identity()
        model.close()


def test_a_model_without_a_declared_identity_says_so() -> None:
    for way in ({"endpoint": "http://127.0.0.1:1/"}, {"python": "model.py:predict"}):
        with pytest.raises(Malformed, match="identity"):
            opened(system(**way)).identity()


@pytest.mark.parametrize("ways", [{}, {"endpoint": "http://a/", "python": "m.py:f"}])
def test_a_model_is_reached_in_exactly_one_way(ways: dict[str, str]) -> None:
    with pytest.raises(Malformed, match="exactly one way"):
        opened(system(**ways))


def test_a_callable_is_found_beside_the_system_file_wherever_we_stand(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "plant" / "models").mkdir(parents=True)
    (tmp_path / "plant" / "models" / "model.py").write_text(CALLABLE)
    monkeypatch.chdir(tmp_path)
    model = opened(system(python="models/model.py:predict"), Path("plant"))
    assert model.predict([{"wind": 1}]).kind is ReplyKind.OK
    model.close()


def test_a_callable_runs_in_its_own_process_and_may_print(tmp_path: Path) -> None:
    (tmp_path / "model.py").write_text(CALLABLE)
    declared = system(python="model.py:predict", identity="model.py:version")
    model = opened(declared, tmp_path)
    try:
        replies = [model.predict([{"wind": 1}, {"wind": 2}]) for _ in range(3)]
        assert [reply.kind for reply in replies] == [ReplyKind.OK] * 3
        assert [p.score for p in replies[0].predictions] == [0.75, 0.75]
        assert model.request([{}]) is None
        assert len(model.identity()) == 64
    finally:
        model.close()


def test_a_callable_that_hangs_dies_or_fails_is_reported_and_started_again(tmp_path: Path) -> None:
    (tmp_path / "model.py").write_text(CALLABLE)
    model = opened(system(python="model.py:predict", timeout="500ms"), tmp_path)
    try:
        kinds = [model.predict([{"do": do}]).kind for do in ("", "hang", "", "die", "", "fail", "nan", "")]
    finally:
        model.close()
    ok = ReplyKind.OK
    assert kinds == [
        ok,
        ReplyKind.TIMED_OUT,
        ok,
        ReplyKind.CRASHED,
        ok,
        ReplyKind.CRASHED,
        ReplyKind.MALFORMED,
        ok,
    ]


@pytest.mark.parametrize("reference", ["missing.py:predict", "broken.py:predict", "model.py:nothing", "model.py"])
def test_a_callable_that_cannot_be_loaded_says_why(tmp_path: Path, reference: str) -> None:
    (tmp_path / "model.py").write_text(CALLABLE)
    (tmp_path / "broken.py").write_text("def predict(:")
    model = opened(system(python=reference), tmp_path)
    reply = model.predict([{}])
    model.close()
    assert reply.kind in {ReplyKind.UNREACHABLE, ReplyKind.MALFORMED}
    assert reply.error


def test_an_identity_callable_that_tells_the_time_is_malformed(tmp_path: Path) -> None:
    (tmp_path / "model.py").write_text(CALLABLE)
    model = opened(system(python="model.py:predict", identity="model.py:time_of_day"), tmp_path)
    with pytest.raises(Malformed):
        model.identity()
    model.close()


def test_many_rows_pass_through_the_pipes(tmp_path: Path) -> None:
    (tmp_path / "echo.py").write_text(
        "def predict(rows):\n    return [{'label': r['text'], 'probability': 0.1} for r in rows]"
    )
    model = opened(system(python="echo.py:predict"), tmp_path)
    reply = model.predict([{"text": "x" * 1000} for _ in range(2000)])
    model.close()
    assert reply.kind is ReplyKind.OK
    assert len(reply.predictions) == 2000
