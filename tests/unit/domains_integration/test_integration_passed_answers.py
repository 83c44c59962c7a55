"""What a flow hands over is held against the model's own answer for that record."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from plants.planted_trial import PlantedTrial
from seatrial.core.ports import Model, Prediction, Reply, ReplyKind, Row
from seatrial.core.vocabulary import Weight
from seatrial.domains.flows.driving import Passage
from seatrial.domains.integration import combined_load, one_field, passed_answers
from seatrial.spec.model import InputField
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
            "integrations": {name: {"kind": "http", "test": {"url": "http://127.0.0.1:1"}} for name in ("a", "b", "c")},
            "flows": [{**flow, "answers": {"heavy": "prediction", "risk": "score"}}],
        }
    )


STEPS = [float(at * 37 % 100) for at in range(2400)]
Out = Callable[[int, Sequence[Row]], dict[str, Any]]


def _right(at: int, sent: Sequence[Row]) -> dict[str, Any]:
    weight = float(str(sent[at]["weight"]))
    return {"heavy": int(weight >= 50), "risk": weight / 100.0}


def _compare(
    out: Out,
    *,
    field: str = "weight",
    model: Model | None = None,
    fallback: dict[str, Any] | None = None,
    count: int = 300,
    each: Sequence[float] = (),
    **inputs: InputField,
) -> tuple[list[passed_answers.Compared], list[str]]:
    system, trial = _system(), PlantedTrial()
    system.flows[0].fallback.update(fallback or {})
    assert isinstance(system.model.inputs, dict)
    system.model.inputs.update(inputs)
    trial.served_model = model or _Model()
    sent: list[Row] = [{"id": f"k{at}", field: (each or STEPS)[at]} for at in range(count)]
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


@pytest.mark.parametrize("place", range(0, 12, 5))
def test_an_answer_that_goes_astray_at_one_place_of_each_batch_is_seen(place: int) -> None:
    (found,), told = _compare(lambda at, sent: _right(at + (at % 12 == place), [*sent, *sent]), count=2400)
    assert told == [f"answer-of-another {Weight.GAP}"]
    assert 0 < found.other < 50
    (found,), told = _compare(_right, count=2400)
    assert (found.compared, told) == (200, [])


def _of_its_own(at: int, sent: Sequence[Row]) -> dict[str, Any]:
    """The answer for what another source says of every third record, which the exit tells."""
    weight = 99.0 - float(str(sent[at]["weight"])) if at % 3 == 0 else float(str(sent[at]["weight"]))
    return {"heavy": int(weight >= 50), "risk": weight / 100.0, "weight": str(weight)}


def test_an_input_that_the_pipeline_takes_from_its_declared_source_is_asked_as_the_exit_tells_it() -> None:
    (found,), told = _compare(_of_its_own, weight=InputField(type="number", fed_by="c"))
    assert told == [f"answers-as-told {Weight.NOTE}"]
    assert (found.compared, found.other) == (200, 0)
    assert found.as_told > 50
    for source in ("a", None):
        assert _compare(_of_its_own, weight=InputField(type="number", fed_by=source))[1] == [
            f"answer-of-another {Weight.GAP}"
        ]


def test_the_answer_of_another_record_is_a_gap_whatever_the_exit_tells_of_its_source() -> None:
    def out(at: int, sent: Sequence[Row]) -> dict[str, Any]:
        return {**_of_its_own(at, sent), **_right((at + 1) % len(sent), sent)}

    _, told = _compare(out, weight=InputField(type="number", fed_by="c"))
    assert f"answer-of-another {Weight.GAP}" in told


@pytest.mark.parametrize(
    ("most", "astray", "told"),
    [
        (10_000, "all", [f"answers-as-anothers {Weight.OPEN}"]),
        (10_000, "some", [f"answers-as-anothers {Weight.OPEN}"]),
        (10_000, "none", [f"answers-as-told {Weight.NOTE}"]),
        (90, "all", [f"answers-as-told {Weight.NOTE}"]),
        (5, "all", [f"answers-as-told {Weight.NOTE}"]),
        (400, "none", [f"answers-as-told {Weight.NOTE}"]),
    ],
    ids=["whole records", "a few of them", "none", "each value there is", "few values", "some are another's by chance"],
)
def test_a_mix_up_of_whole_records_is_no_source_of_its_own_where_values_tell_records_apart(
    most: int, astray: str, told: list[str]
) -> None:
    random = np.random.default_rng(4)
    each = (random.permutation(most) if most >= 90 else random.integers(0, most, 90))[:90]
    own = random.integers(0, most, 90)

    def out(at: int, sent: Sequence[Row]) -> dict[str, Any]:
        mixed = astray == "all" or (astray == "some" and at < 20)
        share = float(str(sent[(at + 1) % 20 if astray == "some" else (at + 1) % 90]["weight"]) if mixed else own[at])
        return {"heavy": int(share >= 50), "risk": share / 100.0, "weight": share}

    (found,), said = _compare(out, each=each.tolist(), count=90, weight=InputField(type="number", fed_by="c"))
    assert (said, found.other) == (told, 0)
    assert found.as_told > 50


def test_one_value_of_the_source_for_all_records_is_not_taken_for_another_records() -> None:
    weight = InputField(type="number", fed_by="c")
    _, told = _compare(lambda _, sent: {**_right(0, sent), "weight": sent[0]["weight"]}, count=90, weight=weight)
    assert told == [f"answers-as-told {Weight.NOTE}"]


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
    assert (found.compared + found.varied, found.other) == (200, 0)
    assert found.varied == pytest.approx(50, abs=20)
    (found,), told = _compare(lambda at, sent: _right((at + 1) % len(sent), sent), model=_Varying())
    assert told == [f"answers-not-compared {Weight.OPEN}", f"answer-of-another {Weight.GAP}"]


def test_the_check_gives_the_model_time_for_two_hundred_answers_twice() -> None:
    asking, silent = _system(batch=1), _system(batch=1)
    silent.flows[0].answers.clear()
    # One flow more at rest is driven, too: with single inputs exchanged.
    driven_s = one_field.longest_s(asking)
    more_s = combined_load.CHECK.budget_s(asking) - combined_load.CHECK.budget_s(silent)
    assert more_s == pytest.approx(400 * asking.model.timeout + driven_s)


def test_records_without_the_models_inputs_leave_it_open() -> None:
    (found,), told = _compare(_right, field="mass")
    assert told == [f"answers-not-compared {Weight.OPEN}"]
    assert "hold the inputs weight" in found.problem


def test_an_input_that_was_joined_on_the_way_is_taken_from_the_exit() -> None:
    (found,), told = _compare(lambda at, sent: {**_right(at, sent), "weight": sent[at]["weight"]}, field="mass")
    assert (told, found.compared, found.other) == ([], 200, 0)
    _, told = _compare(lambda at, sent: {**_right((at + 1) % 300, sent), "weight": sent[at]["weight"]}, field="mass")
    assert told == [f"answer-of-another {Weight.GAP}"]


class _Strict(_Model):
    """Refuses what is not of the declared type, as a model behind HTTP does."""

    def predict(self, rows: Sequence[Row]) -> Reply:
        if any(not isinstance(row["weight"], int | float) or not isinstance(row["cold"], bool) for row in rows):
            return Reply(kind=ReplyKind.REFUSED, latency_s=0.0, error="another type")
        return super().predict([{"weight": float(str(r["weight"])) * (0.5 if r["cold"] else 1.0)} for r in rows])


@pytest.mark.parametrize(("yes", "no"), [(1, 0), (True, False), ("true", "False")])
@pytest.mark.parametrize("number", [float, str], ids=["number", "digits"])
def test_an_input_that_the_exit_has_no_type_for_is_told_to_the_model_in_its_own(
    yes: object, no: object, number: Callable[[float], object]
) -> None:
    cold = InputField(type="boolean")

    def out(at: int, sent: Sequence[Row]) -> dict[str, Any]:
        weight = float(str(sent[at]["mass"]))
        told = {"weight": number(weight), "cold": yes if at % 2 else no}
        return {**told, "risk": weight * (0.5 if at % 2 else 1.0) / 100.0, "heavy": weight * (1 - at % 2 / 2) >= 50.0}

    (found,), told = _compare(out, field="mass", model=_Strict(), cold=cold)
    assert (told, found.compared, found.other) == ([], 200, 0)
    _, told = _compare(lambda at, sent: {**out(at, sent), "cold": yes}, field="mass", model=_Strict(), cold=cold)
    assert told == [f"answer-of-another {Weight.GAP}"]


def test_what_a_fallback_answered_is_not_held_against_the_model() -> None:
    def out(at: int, sent: Sequence[Row]) -> dict[str, Any]:
        return {"heavy": 0, "risk": 0.99, "by": "rule"} if at % 3 == 0 else {**_right(at, sent), "by": "model"}

    (found,), told = _compare(out, fallback={"by": "rule"})
    assert (told, found.compared, found.other) == ([], 200, 0)
    assert _compare(out)[1] == [f"answer-of-another {Weight.GAP}"]


class _Rates(_Model):
    """Gives rates of a few thousandths, or always the same one."""

    def __init__(self, steady: float | None = None) -> None:
        self.steady = steady

    def predict(self, rows: Sequence[Row]) -> Reply:
        rates = [self.steady or 0.001 + float(str(row["weight"])) / 20_000.0 for row in rows]
        told = tuple(Prediction(prediction=0, score=rate) for rate in rates)
        return Reply(kind=ReplyKind.OK, latency_s=0.0, predictions=told)


@pytest.mark.parametrize(
    ("spelled", "shift", "expected"),
    [
        (lambda rate: rate, 1, [f"answer-of-another {Weight.GAP}"]),
        (lambda rate: f"{rate:.5f}", 1, [f"answer-of-another {Weight.GAP}"]),
        (lambda rate: rate, 0, []),
        (lambda rate: round(rate, 4), 0, []),
        (lambda rate: f"{rate:.5f}", 0, []),
        (lambda rate: rate * (1 + 4e-5), 0, []),
        (lambda rate: round(rate, 2), 0, [f"answers-not-compared {Weight.OPEN}"]),
    ],
    ids=["the next one's", "the next one's as text", "as it is", "rounded", "as text", "another batch", "two decimals"],
)
def test_small_numbers_are_compared_by_the_decimals_that_are_told(
    spelled: Callable[[float], Any], shift: int, expected: list[str]
) -> None:
    def out(at: int, sent: Sequence[Row]) -> dict[str, Any]:
        rate = 0.001 + float(str(sent[(at + shift) % len(sent)]["weight"])) / 20_000.0
        return {"heavy": 0, "risk": spelled(rate)}

    assert _compare(out, model=_Rates())[1] == expected


def test_answers_that_are_all_alike_compare_nothing() -> None:
    (found,), told = _compare(lambda at, sent: {"heavy": 0, "risk": 0.004}, model=_Rates(0.004))
    assert (told, found.compared) == ([f"answers-not-compared {Weight.OPEN}"], 0)
    assert list(passed_answers.measures([found])) == []
