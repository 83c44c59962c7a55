"""`init` for models that are files or Python objects: asked in a process of their own, as a run will ask them."""

from __future__ import annotations

import json
from importlib.util import find_spec
from pathlib import Path
from typing import Final

import pyarrow as pa
import pytest
from init_scene import asked, loans, risk, write

from plants.server import Asked, Said, Server, said
from seatrial.app.proposing.artefacts import one_score
from seatrial.app.proposing.initiate import propose
from seatrial.app.proposing.initiate import write as written
from seatrial.app.proposing.inputs import Labelled
from seatrial.core.errors import Malformed, SeatrialError
from seatrial.core.observation import Json
from seatrial.spec.loading import load_system
from seatrial.spec.system import System

ASSETS: Final = Path(__file__).parents[2] / "assets" / "models"
_MLFLOW: Final = (
    pytest.mark.slow,
    pytest.mark.skipif(find_spec("mlflow") is None, reason="the mlflow extra is not installed"),
)
MODEL = """
import math
import numpy as np

def score(rows):
    found = []
    for row in rows:
        risk = 1 / (1 + math.exp(1.0 - 0.00003 * (row["amount"] or 0)))
        found.append({"decision": "yes" if risk >= 0.5 else "no", "risk": risk})
    return found

class Estimator:
    feature_names_in_ = np.array(["months", "amount"])
    classes_ = np.array(["no", "yes"])

    def predict_proba(self, rows):
        # A frame where pandas is installed, else an array in the order of the names.
        amount = np.asarray(rows, dtype=float)[:, list(self.feature_names_in_).index("amount")]
        risk = 1 / (1 + np.exp(1.0 - 0.00003 * amount))
        return np.column_stack([1 - risk, risk])

    def predict(self, rows):
        return self.classes_[self.predict_proba(rows).argmax(axis=1)]

class Hungry(Estimator):
    feature_names_in_ = np.array(["amount", "blood_group"])

def broken(rows):
    raise KeyError("tariff")

estimator, hungry = Estimator(), Hungry()
"""


@pytest.fixture
def data(tmp_path: Path) -> Path:
    (tmp_path / "model.py").write_text(MODEL)
    return write(loans(300), tmp_path / "loans.parquet")


def proposed(folder: Path, data: Path, name: str) -> System:
    target = folder / "trial"
    target.mkdir(exist_ok=True)
    proposal = propose(asked(target, f"{folder}/model.py:{name}", data), {})
    written(proposal)
    return load_system(proposal.file.read_bytes(), name="seatrial.yaml", environment={}).system


def test_a_function_is_declared_beside_the_file_with_what_its_answers_mean(data: Path, tmp_path: Path) -> None:
    model = proposed(tmp_path, data, "score").model
    assert model.python == "../model.py:score"
    assert (model.task, model.output.prediction, model.output.score) == ("binary", "decision", "risk")
    assert model.output.act_at == 0.5
    assert model.identity is None


def test_of_an_object_with_probabilities_the_inputs_are_those_that_it_names(data: Path, tmp_path: Path) -> None:
    model = proposed(tmp_path, data, "estimator").model
    assert (model.output.prediction, model.output.score, model.output.positive) == ("prediction", "score", "yes")
    assert model.output.act_at == 0.5
    inputs = (tmp_path / "trial" / "inputs.json").read_text()
    assert "months" in inputs
    assert "grade" not in inputs


@pytest.mark.parametrize(
    ("name", "said"), [("hungry", "takes blood_group"), ("broken", "tariff"), ("absent", "absent")]
)
def test_a_model_that_does_not_answer_the_data_is_said_to_with_its_reason(
    data: Path, tmp_path: Path, name: str, said: str
) -> None:
    with pytest.raises(SeatrialError, match=said):
        proposed(tmp_path, data, name)


@pytest.mark.parametrize("model", ["model.pkl", "model.py", "folder", "http:/host"])
def test_what_is_neither_an_address_nor_a_known_file_says_what_may_be_given(
    data: Path, tmp_path: Path, model: str
) -> None:
    with pytest.raises(Malformed, match="neither an address") as raised:
        propose(asked(tmp_path, model, data), {})
    assert "file.py:object" in raised.value.remedy


def test_the_order_of_unnamed_scores_is_found_from_the_labels_beside_them() -> None:
    label = Labelled(column="route", task="multiclass", classes=("east", "north", "west"))
    answers: list[Json] = [
        {"label": "west", "scores": [0.1, 0.2, 0.7]},
        {"label": "east", "scores": [0.8, 0.1, 0.1]},
    ]
    found = one_score(answers, label)
    assert found.classes == ("east", "north", "west")
    assert found.answers[0] == {"label": "west", "scores": 0.7}
    contradicting: list[Json] = [*answers, {"label": "north", "scores": [0.9, 0.05, 0.05]}]
    assert one_score(contradicting, label).classes == ()


@pytest.mark.parametrize(
    ("file", "prediction", "score", "by_place"),
    [
        ("named.onnx", "label", "probabilities", False),
        ("zipmap.onnx", "output_label", "output_probability", True),
        ("matrix.onnx", "label", "probabilities", True),
        ("wind.onnx", "label", "probability", False),
        pytest.param("mlflow-pyfunc", "label", "probability", False, marks=_MLFLOW),
    ],
)
def test_saved_models_are_proposed_with_their_own_outputs(
    tmp_path: Path, file: str, prediction: str, score: str, by_place: bool
) -> None:
    kept = json.loads((ASSETS / "expected.json").read_text())
    rows = [{**row, "late": label} for row, label in zip(kept["rows"], kept["label"], strict=True)] * 5
    data = write(pa.Table.from_pylist(rows), tmp_path / "rows.parquet")
    proposal = propose(asked(tmp_path, str(ASSETS / file), data, label="late"), {})
    model = load_system(proposal.text.encode(), name="seatrial.yaml", environment={}).system.model
    assert (model.output.prediction, model.output.score) == (prediction, score)
    assert "model.identity" not in proposal.todos
    assert any("by their place" in note for note in proposal.notes) is by_place


def tensors(asked: Asked) -> Said:
    """A server that names its tensors, and answers a label and a score for each class, flat as the protocol has it."""
    if asked.method == "GET":
        inputs = [{"name": name, "datatype": "FP64", "shape": [-1, 1]} for name in ("amount", "tenure")]
        return said({"name": "risk", "versions": ["3"], "inputs": inputs})
    sent = {tensor["name"]: tensor["data"] for tensor in asked.json()["inputs"]}
    chances = [risk({"amount": amount, "tenure": 0}) for amount in sent["amount"]]
    labels = ["yes" if chance >= 0.5 else "no" for chance in chances]
    n = len(labels)
    return said(
        {
            "outputs": [
                {"name": "decision", "datatype": "BYTES", "shape": [n], "data": labels},
                {"name": "both", "datatype": "FP64", "shape": [n, 2], "data": [v for c in chances for v in (1 - c, c)]},
            ]
        }
    )


def test_a_server_of_tensors_is_asked_in_its_own_protocol(data: Path, tmp_path: Path) -> None:
    with Server(tensors) as server:
        url = f"{server.url}/v2/models/risk"
        proposal = propose(asked(tmp_path, url, data), {})
    model = load_system(proposal.text.encode(), name="seatrial.yaml", environment={}).system.model
    assert (model.endpoint, model.protocol) == (url, "kserve-v2")
    assert (model.output.prediction, model.output.score, model.output.act_at) == ("decision", "both", 0.5)
    assert model.output.classes == ("no", "yes")
    assert list(json.loads(proposal.inputs)) == ["amount", "tenure"]
    assert "model.identity" not in proposal.todos
