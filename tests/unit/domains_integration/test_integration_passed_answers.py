"""What a flow hands over is held against the model's own answer for that record."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest

from plants.planted_trial import PlantedTrial
from seatrial.core.ports import Model, Prediction, Reply, ReplyKind, Row
from seatrial.core.vocabulary import Weight
from seatrial.domains.flows.driving import Passage
from seatrial.domains.integration import combined_load, passed_answers
from seatrial.spec.system import System


class _Model:
    """Flags what is heavy."""

    def identity(self) -> str:
        return "one"

    def request(self, rows: Sequence[Row]) -> None:
        del rows

    def predict(self, rows: Sequence[Row]) -> Reply:
        scores = [float(str(row["weight"])) / 100.0 for row in rows]
        told = tuple(Prediction(prediction=int(s >= 0.5), score=s) for s in scores)
        return Reply(kind=ReplyKind.OK, latency_s=0.0, predictions=told)


def _system(**model: Any) -> System:
    flow: dict[str, Any] = {"name": "f", "in": "a", "out": "b", "key": "id", "within": "1s", "peak": "1/s"}
    return System.model_validate(
        {
            "system": "s",
            "version": "1",
            "model": {
                "endpoint": "http://127.0.0.1:1",
                "task": "binary",
                **model,
                "inputs": {"weight": {"type": "number"}, "note": {"type": "string", "nullable": True}},
            },
            "integrations": {name: {"kind": "http", "test": {"url": "http://127.0.0.1:1"}} for name in ("a", "b")},
            "flows": [{**flow, "answers": {"heavy": "prediction", "risk": "score"}}],
        }
    )


Out = Callable[[int, Sequence[Row]], dict[str, Any]]


def _right(at: int, sent: Sequence[Row]) -> dict[str, Any]:
    weight = float(str(sent[at]["weight"]))
    return {"heavy": int(weight >= 50), "risk": weight / 100.0}


def _compare(
    out: Out, *, field: str = "weight", model: Model | None = None
) -> tuple[list[passed_answers.Compared], list[str]]:
    system, trial = _system(), PlantedTrial()
    trial.served_model = model or _Model()
    sent: list[Row] = [{"id": f"k{at}", field: float(at * 37 % 100)} for at in range(300)]
    asked = [{**row, "weight": row[field]} for row in sent]
    passage = Passage(
        flow=system.flows[0],
        sent=sent,
        accepted=[True] * len(sent),
        scheduled_s=[0.0] * len(sent),
        after_s=[0.1] * len(sent),
        copies={str(row["id"]): [{"id": row["id"], **out(at, asked)}] for at, row in enumerate(sent)},
        lag_s=[0.0] * len(sent),
        planned=len(sent),
        step_s=0.1,
    )
    found = passed_answers.compared(system, trial, {"f": passage})
    told = [f"{f.code} {f.weight}" for f in passed_answers.findings(found)]
    assert {f.code for f in passed_answers.findings(found)} <= set(passed_answers.CODES)
    return found, told


@pytest.mark.parametrize(
    "out",
    [
        _right,
        lambda at, sent: {field: str(value) for field, value in _right(at, sent).items()},
        lambda at, sent: {**_right(at, sent), "heavy": float(_right(at, sent)["heavy"])},
        lambda at, sent: {**_right(at, sent), "heavy": bool(_right(at, sent)["heavy"])},
    ],
    ids=["as it is", "as text, such as in CSV", "a whole number as a float", "true for 1"],
)
def test_the_models_own_answer_is_recognised_however_it_is_spelled(out: Out) -> None:
    (found,), told = _compare(out)
    assert told == []
    assert (found.compared, found.other) == (200, 0)
    assert [m.value for m in passed_answers.measures([found])] == [0.0]


@pytest.mark.parametrize(
    "out",
    [
        lambda at, sent: _right((at + 1) % len(sent), sent),
        lambda at, sent: _right(at - at % 2, sent),
        lambda at, sent: {"risk": _right(at, sent)["risk"]},
    ],
    ids=["the next record's", "a cache that goes by too little", "left out"],
)
def test_the_answer_of_another_record_is_a_gap(out: Out) -> None:
    (found,), told = _compare(out)
    assert told == [f"answer-of-another {Weight.GAP}"]
    assert found.other > 50


class _Sure(_Model):
    """Says true or false."""

    def predict(self, rows: Sequence[Row]) -> Reply:
        told = tuple(replace(p, prediction=bool(p.prediction)) for p in super().predict(rows).predictions)
        return Reply(kind=ReplyKind.OK, latency_s=0.0, predictions=told)


@pytest.mark.parametrize(
    "spelled", [bool, int, str, lambda truth: str(bool(truth)), lambda truth: str(bool(truth)).lower()]
)
def test_true_and_false_are_recognised_however_they_are_spelled(spelled: Callable[[int], object]) -> None:
    (found,), told = _compare(lambda at, s: {**_right(at, s), "heavy": spelled(_right(at, s)["heavy"])}, model=_Sure())
    assert (told, found.other) == ([], 0)
    _, told = _compare(lambda at, s: {**_right(at, s), "heavy": spelled(1 - _right(at, s)["heavy"])}, model=_Sure())
    assert told == [f"answer-of-another {Weight.GAP}"]


class _Varying(_Model):
    """Gives one in four rows another score each time."""

    asked = 0

    def predict(self, rows: Sequence[Row]) -> Reply:
        self.asked += 1
        told = tuple(
            replace(p, score=(p.score or 0.0) + self.asked) if int(str(row["weight"])[:-2]) % 4 == 0 else p
            for p, row in zip(super().predict(rows).predictions, rows, strict=True)
        )
        return Reply(kind=ReplyKind.OK, latency_s=0.0, predictions=told)


def test_a_model_that_varies_by_itself_leaves_it_open_and_hides_nothing() -> None:
    (found,), told = _compare(_right, model=_Varying())
    assert told == [f"answers-not-compared {Weight.OPEN}"]
    assert (found.compared, found.other, found.varied) == (150, 0, 50)
    (found,), told = _compare(lambda at, sent: _right((at + 1) % len(sent), sent), model=_Varying())
    assert told == [f"answers-not-compared {Weight.OPEN}", f"answer-of-another {Weight.GAP}"]


def test_the_check_gives_the_model_time_for_two_hundred_answers() -> None:
    asking, silent = _system(batch=1), _system(batch=1)
    silent.flows[0].answers.clear()
    assert combined_load.CHECK.budget_s(asking) - combined_load.CHECK.budget_s(silent) == 200 * asking.model.timeout


def test_records_without_the_models_inputs_leave_it_open() -> None:
    (found,), told = _compare(_right, field="mass")
    assert told == [f"answers-not-compared {Weight.OPEN}"]
    assert "lack the inputs weight" in found.problem
