"""Models as files and objects: run in their own process, identified by their content, never loaded in ours."""

from __future__ import annotations

import json
import shutil
import sys
import textwrap
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final, cast

import pyarrow as pa
import pytest

from seatrial.adapters.http import Http
from seatrial.adapters.models.catalogue import OpenModel, open_model
from seatrial.core.errors import Malformed, SeatrialError, Unreachable
from seatrial.core.ports import BatchModel, FileModel, LoadedModel, ReplyKind, Row
from seatrial.spec.system import System

ASSETS: Final = Path(__file__).parents[2] / "assets" / "models"
EXPECTED: Final = json.loads((ASSETS / "expected.json").read_text())
ROWS: Final[list[Row]] = EXPECTED["rows"]
SCORED: Final = {"prediction": "label", "score": "probabilities"}


@contextmanager
def opened(base_dir: Path, **model: Any) -> Iterator[OpenModel]:
    section = {"task": "binary", "timeout": "20s", **model}
    system = System.model_validate({"system": "s", "version": "1", "model": section})
    found = open_model(system, base_dir=base_dir, http=Http(origins=[]))
    try:
        yield found
    finally:
        found.close()


def held_to_what_scikit_learn_said(model: OpenModel) -> None:
    reply = model.predict(ROWS)
    assert reply.kind is ReplyKind.OK, reply.error
    assert [p.prediction for p in reply.predictions] == EXPECTED["label"]
    assert [p.score for p in reply.predictions] == pytest.approx(EXPECTED["probability"], abs=1e-5)
    batch = cast("BatchModel", model).answer(pa.RecordBatch.from_pylist(cast("list[dict[str, Any]]", ROWS)))
    assert [getattr(score, "as_py", lambda score=score: score)() for score in batch.scores] == [
        p.score for p in reply.predictions
    ]


@pytest.mark.parametrize(
    ("file", "output"),
    [
        ("matrix.onnx", {"prediction": "label", "score": "probabilities"}),
        ("zipmap.onnx", {"prediction": "output_label", "score": "output_probability"}),
        ("named.onnx", {"prediction": "label", "score": "probabilities"}),
    ],
)
def test_a_classifier_exported_to_onnx_answers_what_scikit_learn_said(file: str, output: dict[str, str]) -> None:
    with opened(ASSETS, onnx=file, output=output) as model:
        held_to_what_scikit_learn_said(model)


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([{"wind": "strong", "visibility": 2.0}], "rows hold string"),
        ([{"wind": 3.0}], "takes 2 values per row, the rows have 1"),
        ([{"wind": 1.0}, {"wind": "strong"}], "one type"),
        ([{}], "without any field"),
        ([{"wind": [1.0], "visibility": 2.0}], "rows hold list"),
    ],
)
def test_what_an_onnx_file_cannot_take_is_refused_with_the_reason(rows: list[Row], said: str) -> None:
    with opened(ASSETS, onnx="matrix.onnx", output=SCORED) as model:
        reply = model.predict(rows)
        assert (reply.kind, said in reply.error) == (ReplyKind.REFUSED, True), reply.error
        assert model.predict(ROWS).kind is ReplyKind.OK


@pytest.mark.parametrize(("spoil", "said"), [(b"", "cannot be loaded"), (b"<html>", "cannot be loaded")])
def test_a_corrupt_onnx_file_is_a_reason_and_no_stack_trace(tmp_path: Path, spoil: bytes, said: str) -> None:
    (tmp_path / "model.onnx").write_bytes(spoil or (ASSETS / "matrix.onnx").read_bytes()[:200])
    with opened(tmp_path, onnx="model.onnx", output=SCORED) as model:
        reply = model.predict(ROWS)
        assert reply.kind is ReplyKind.UNREACHABLE
        assert said in reply.error
        assert "Traceback" not in reply.error


def test_outputs_that_the_graph_does_not_have_are_named(tmp_path: Path) -> None:
    with opened(ASSETS, onnx="matrix.onnx", output={"prediction": "late"}) as model:
        reply = model.predict(ROWS)
        assert reply.kind is ReplyKind.MALFORMED
        assert "it has label, probabilities" in reply.error


def test_an_onnx_file_is_identified_by_its_content_and_by_its_weights(tmp_path: Path) -> None:
    shutil.copy(ASSETS / "matrix.onnx", tmp_path / "model.onnx")
    with opened(tmp_path, onnx="model.onnx", output=SCORED) as model:
        first = model.identity()
        assert first == model.identity()
        (tmp_path / "model.onnx.data").write_bytes(b"weights")
        second = model.identity()
        (tmp_path / "model.onnx.data").write_bytes(b"other weights")
        assert len({first, second, model.identity()}) == 3


ESTIMATOR: Final = """
import os, sys
import numpy as np

class Late:
    classes_ = np.array(["late", "on time"])
    seen = None
    def predict(self, X):
        X = np.asarray(X, dtype=float)
        if X[0, 0] < -1: os._exit(7)
        if X[0, 0] < 0: raise ValueError("negative wind")
        return np.where(X[:, 0] > 30, "late", "on time")
    def predict_proba(self, X):
        p = np.clip(np.asarray(X, dtype=float)[:, 0] / 60, 0, 1)
        return np.column_stack([p, 1 - p])

class Minutes:
    feature_names_in_ = ["visibility", "wind"]
    def predict(self, X):
        return np.asarray(X, dtype=float)[:, 0]

late, minutes = Late(), Minutes()
"""


def test_an_object_with_predict_gives_the_score_of_the_positive_class(tmp_path: Path) -> None:
    (tmp_path / "m.py").write_text(ESTIMATOR)
    output = {"prediction": "late", "score": "risk", "positive": "late"}
    with opened(tmp_path, python="m.py:late", output=output) as model:
        reply = model.predict([{"wind": 45.0}, {"wind": 6.0}])
        assert reply.kind is ReplyKind.OK, reply.error
        assert [(p.prediction, p.score) for p in reply.predictions] == [("late", 0.75), ("on time", 0.1)]
        assert model.predict([{"wind": -0.5}]).kind is ReplyKind.CRASHED
        assert model.predict([{"wind": -5.0}]).kind is ReplyKind.CRASHED
        assert model.predict([{"wind": 45.0}]).kind is ReplyKind.OK


def test_an_object_gets_its_features_by_name_and_in_its_own_order(tmp_path: Path) -> None:
    (tmp_path / "m.py").write_text(ESTIMATOR)
    with opened(tmp_path, python="m.py:minutes", task="regression") as model:
        reply = model.predict([{"wind": 45.0, "other": 1.0, "visibility": 3.0}])
        assert [p.prediction for p in reply.predictions] == [3.0]
        refused = model.predict([{"wind": 45.0}])
        assert refused.kind is ReplyKind.REFUSED
        assert "visibility" in refused.error


def test_a_positive_class_that_the_object_does_not_know_is_malformed(tmp_path: Path) -> None:
    (tmp_path / "m.py").write_text(ESTIMATOR)
    with opened(tmp_path, python="m.py:late", output={"score": "risk", "positive": "delayed"}) as model:
        reply = model.predict([{"wind": 45.0}])
        assert reply.kind is ReplyKind.MALFORMED
        assert "delayed" in reply.error


def test_a_model_process_sees_no_secret_of_ours_unless_it_is_the_user_s_own_code(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from seatrial.adapters.models.process import ModelProcess

    monkeypatch.setenv("DB_PASSWORD", "hunter2")
    (tmp_path / "m.py").write_text("import os\ndef seen(): return sorted(os.environ)\n")
    seen = {}
    for whole in (True, False):
        process = ModelProcess("python", str(tmp_path / "m.py"), "seen", what="m.py", cwd=tmp_path, environment=whole)
        seen[whole] = json.loads(process.call("none", b"", 20.0).body)
        process.stop()
    assert "DB_PASSWORD" in seen[True]
    assert "DB_PASSWORD" not in seen[False]
    assert "PATH" in seen[False]


def test_a_model_finds_its_own_neighbours_and_none_of_our_modules(tmp_path: Path) -> None:
    (tmp_path / "beside.py").write_text("LABEL = 1")
    (tmp_path / "m.py").write_text(
        "import http.cookies, beside\nfrom importlib.util import find_spec\n"
        "def predict(rows): return [beside.LABEL if find_spec('class_scores') is None else 0 for _ in rows]\n"
    )
    with opened(tmp_path, python="m.py:predict") as model:
        reply = model.predict([{"n": 1}])
        assert [p.prediction for p in reply.predictions] == [1], reply.error


def test_a_model_that_takes_all_memory_fails_in_its_own_process(tmp_path: Path) -> None:
    (tmp_path / "m.py").write_text(
        "def predict(rows):\n    return [bytearray(1 << 50) for _ in rows] if rows[0]['n'] else [1]\n"
    )
    with opened(tmp_path, python="m.py:predict") as model:
        assert model.predict([{"n": 1}]).kind is ReplyKind.CRASHED
        assert model.predict([{"n": 0}]).kind is ReplyKind.OK


def test_an_answer_that_comes_after_its_time_out_is_never_taken_for_the_next(tmp_path: Path) -> None:
    (tmp_path / "m.py").write_text(
        textwrap.dedent("""
            import time
            def predict(rows):
                time.sleep(rows[0]["wait"])
                return [{"prediction": row["id"]} for row in rows]
        """)
    )
    with opened(tmp_path, python="m.py:predict", task="text", timeout="500ms") as model:
        assert model.predict([{"id": "warm", "wait": 0}]).kind is ReplyKind.OK
        late = model.predict([{"id": "late", "wait": 1.0}])
        time.sleep(0.6)
        after = model.predict([{"id": "after", "wait": 0}])
    assert late.kind is ReplyKind.TIMED_OUT
    assert "model.timeout" in late.error
    assert [p.prediction for p in after.predictions] == ["after"]


def test_a_model_goes_on_as_it_was_loaded_until_it_is_loaded_anew(tmp_path: Path) -> None:
    file, code = tmp_path / "m.py", "def predict(rows): return [{} for _ in rows]\n"
    file.write_text(code.format(1))
    with opened(tmp_path, python="m.py:predict", task="regression") as model:
        assert isinstance(model, LoadedModel)
        told = [model.predict([{"n": 1}])]
        # Another length, so that no compiled file of the same second passes for it.
        file.write_text(code.format(2.25))
        told.append(model.predict([{"n": 1}]))
        model.load_anew()
        told.append(model.predict([{"n": 1}]))
    assert [reply.predictions[0].prediction for reply in told] == [1, 1, 2.25]


def test_nothing_is_left_running_when_a_model_is_closed(tmp_path: Path) -> None:
    (tmp_path / "m.py").write_text("import os\ndef predict(rows): return [os.getpid() for _ in rows]\n")
    with opened(tmp_path, python="m.py:predict", task="regression") as model:
        number = int(cast("int", model.predict([{"n": 1}]).predictions[0].prediction))
        assert Path(f"/proc/{number}").exists()
    assert not Path(f"/proc/{number}").exists()


def test_an_mlflow_directory_is_identified_by_every_file_in_it(tmp_path: Path) -> None:
    shutil.copytree(ASSETS / "mlflow-sklearn", tmp_path / "m")
    with opened(tmp_path, mlflow="m") as model:
        first = model.identity()
        (tmp_path / "m" / "model.pkl").write_bytes(b"\x80\x05other")
        assert model.identity() != first


def test_pickled_files_are_told_without_being_loaded(tmp_path: Path) -> None:
    shutil.copytree(ASSETS / "mlflow-pyfunc", tmp_path / "m")
    bomb = tmp_path / "m" / "harmless.bin"
    bomb.write_bytes(b"\x80\x04cos\nsystem\n(S'touch exploded'\ntR.")
    with opened(tmp_path, mlflow="m") as model:
        files = cast("FileModel", model).model_files()
    assert {f.path: f.runs_code for f in files if f.runs_code} == {
        "harmless.bin": "pickled",
        "python_model.pkl": "pickled",
    }
    assert not (tmp_path / "exploded").exists()
    assert not Path("exploded").exists()


@pytest.mark.parametrize("defect", ["no MLmodel", "empty", "link", "missing"])
def test_a_directory_that_is_no_model_says_so(tmp_path: Path, defect: str) -> None:
    folder = tmp_path / "m"
    if defect != "missing":
        folder.mkdir()
    if defect == "link":
        (folder / "MLmodel").write_text("flavors: {}")
        (folder / "outside").symlink_to("/etc/hostname")
    with opened(tmp_path, mlflow="m") as model:
        with pytest.raises((Malformed, Unreachable)):
            model.identity()
        if defect != "link":
            assert model.predict(ROWS).kind in {ReplyKind.MALFORMED, ReplyKind.UNREACHABLE}


@pytest.mark.skipif(find_spec("mlflow") is not None, reason="mlflow is installed here")
def test_without_mlflow_the_extra_is_named_with_its_command() -> None:
    with opened(ASSETS, mlflow="mlflow-pyfunc") as model:
        reply = model.predict(ROWS)
    assert reply.kind is ReplyKind.UNREACHABLE
    assert "mlflow" in reply.error


@pytest.mark.skipif(find_spec("mlflow") is None, reason="the mlflow extra is not installed")
def test_an_mlflow_directory_answers_what_scikit_learn_said() -> None:
    output = {"prediction": "label", "score": "probability"}
    with opened(ASSETS, mlflow="mlflow-pyfunc", output=output, timeout="60s") as model:
        held_to_what_scikit_learn_said(model)
        refused = model.predict([{"wind": 3.0}])
        assert refused.kind is ReplyKind.REFUSED, refused.error
    with opened(ASSETS, mlflow="mlflow-sklearn", timeout="60s") as model:
        reply = model.predict(ROWS)
        assert [p.prediction for p in reply.predictions] == EXPECTED["label"], reply.error


def test_a_missing_extra_is_told_with_the_command_that_installs_it(tmp_path: Path) -> None:
    from seatrial.adapters.models.process import ModelProcess
    from seatrial.core.errors import MissingExtra

    process = ModelProcess("onnx", str(ASSETS / "matrix.onnx"), what="matrix.onnx", cwd=tmp_path)
    process._environment["PYTHONPATH"] = str(tmp_path)
    (tmp_path / "onnxruntime.py").write_text("raise ModuleNotFoundError('no', name='onnxruntime')\n")
    with pytest.raises(MissingExtra, match="needs onnxruntime") as caught:
        process.ready()
    assert "pip install 'seatrial[onnx]'" in (caught.value.remedy or "")
    process.stop()


def test_the_worker_is_a_script_that_imports_nothing_of_ours() -> None:
    import seatrial.adapters.models as package

    text = (Path(package.__path__[0]) / "worker.py").read_text()
    assert "from seatrial" not in text
    assert "import seatrial" not in text
    assert "seatrial.adapters.models.worker" not in sys.modules


def test_a_reference_without_a_name_is_a_clear_error(tmp_path: Path) -> None:
    with opened(tmp_path, python="m.py", identity="m.py") as model, pytest.raises(SeatrialError, match="callable"):
        model.identity()
