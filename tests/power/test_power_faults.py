"""Faults at the real entry: what a guard could have known is caught by field and kind; sound guards pass."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any

import pytest

from plants.guarded_model import INPUTS, Guarded, at_the_model, declared, rows
from plants.real_trial import RealTrial, codes, judged, observed
from plants.server import Asked, Said, Server
from seatrial.core.observation import Json, Observation
from seatrial.core.vocabulary import Outcome, Weight
from seatrial.domains.data.faults import CHECK
from seatrial.gate.judging import Judgement
from seatrial.spec.system import System

ROWS = rows(1200)


def tried(model: Guarded, *, seed: int = 7, **changes: Any) -> tuple[Observation, Judgement]:
    with Server(model) as server:
        system = System.model_validate(declared(server.url, **changes))
        with RealTrial(system, tables={"evaluation": ROWS}, seed=seed) as trial:
            observation = observed(CHECK, system, trial)
    return observation, judged(CHECK, system, at_the_model(observation))


def gaps(observation: Observation) -> dict[tuple[str, str], set[str]]:
    found: dict[tuple[str, str], set[str]] = {}
    for finding in observation.findings:
        if finding.weight is Weight.GAP and finding.code == "crash":
            for field, kind in (str(name).split(": ") for name in listed(finding.detail["faults"])):
                found.setdefault((finding.code, kind.partition(" (")[0]), set()).add(field)
        elif finding.weight is Weight.GAP:
            found.setdefault((finding.code, str(finding.detail["kind"])), set()).update(finding.fields)
    return found


def listed(value: Json) -> Sequence[Json]:
    assert isinstance(value, Sequence)
    return value


def with_inputs(url: str, **fields: Any) -> dict[str, Any]:
    base = declared(url)
    return {**base["model"], "inputs": {**INPUTS, **fields}}


def test_a_guard_that_keeps_its_declaration_passes() -> None:
    observation, judgement = tried(Guarded())
    assert gaps(observation) == {}
    assert judgement.outcome is Outcome.MET, judgement


@pytest.mark.parametrize(
    ("model", "code", "kind", "field"),
    [
        (Guarded(missing_crashes=True), "crash", "missing", "temp"),
        (Guarded(nulls_become_zero=True), "silent-harm", "null", "temp"),
        (Guarded(comma_cut=True), "silent-harm", "decimal-comma", "temp"),
        (Guarded(order_lost=True), "silent-harm", "reordering", "(request)"),
        (Guarded(empty_crashes=True), "crash", "empty-batch", "(request)"),
    ],
    ids=["missing-crashes", "null-to-zero", "decimal-comma-cut", "order-lost", "empty-crashes"],
)
def test_a_planted_defect_is_named_by_field_and_kind(model: Guarded, code: str, kind: str, field: str) -> None:
    observation, judgement = tried(model)
    assert field in gaps(observation)[(code, kind)]
    assert judgement.outcome is Outcome.NOT_MET


def test_an_unguarded_field_gets_a_gap_for_each_kind_of_fault_that_moves_its_answers() -> None:
    observation, judgement = tried(Guarded(off=("temp",)))
    found = gaps(observation)
    assert judgement.outcome is Outcome.NOT_MET
    for kind in ("missing", "null", "out-of-range", "wrong-unit", "wrong-scale", "sentinel", "decimal-comma"):
        assert "temp" in found[("silent-harm", kind)], kind
    assert all("temp" in fields for fields in found.values())


def test_a_range_too_wide_to_notice_another_unit_is_a_gap_that_says_so() -> None:
    with Server(Guarded(maximum=150.0)) as server:
        model = with_inputs(server.url, temp={**INPUTS["temp"], "maximum": 150})
        system = System.model_validate(declared(server.url, model=model))
        with RealTrial(system, tables={"evaluation": ROWS}) as trial:
            observation = observed(CHECK, system, trial)
    (finding,) = (f for f in observation.findings if f.detail.get("kind") == "wrong-unit")
    assert finding.fields == ("temp",)
    assert "range" in finding.remedy


@pytest.mark.parametrize(
    "model",
    [Guarded(strips_text=True), Guarded(refuses_more=True), Guarded(wordless=True), Guarded(delay_s=0.002)],
    ids=["normalises-text", "refuses-a-field-more", "refuses-without-words", "slower"],
)
def test_what_is_harmless_is_no_gap(model: Guarded) -> None:
    observation, judgement = tried(model)
    assert gaps(observation) == {}
    assert judgement.outcome is Outcome.MET


def test_a_model_that_answers_the_same_row_differently_is_not_judged() -> None:
    observation, judgement = tried(Guarded(flips=True))
    assert codes(observation) == {"not-repeatable"}
    assert judgement.outcome is Outcome.NOT_DETERMINED


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(4))
def test_whatever_the_seed_sound_guards_pass_and_a_null_that_becomes_zero_is_caught(seed: int) -> None:
    assert tried(Guarded(), seed=seed)[1].outcome is Outcome.MET
    observation, _ = tried(Guarded(nulls_become_zero=True), seed=seed)
    assert ("silent-harm", "null") in gaps(observation)


class Minutes(Guarded):
    """The same as a regression: minutes of delay, without a score."""

    def _answer(self, row: Any) -> dict[str, Any]:
        return {"minutes": round(60.0 * float(super()._answer(row)["probability"]), 3)}


@pytest.mark.parametrize(("off", "outcome"), [((), Outcome.MET), (("weight",), Outcome.NOT_MET)])
def test_a_regression_is_judged_by_the_spread_of_its_answers(off: tuple[str, ...], outcome: Outcome) -> None:
    with Server(Minutes(off=off)) as server:
        model = {**declared(server.url)["model"], "task": "regression", "output": {"prediction": "minutes"}}
        system = System.model_validate(declared(server.url, model=model))
        with RealTrial(system, tables={"evaluation": ROWS}) as trial:
            observation = observed(CHECK, system, trial)
    assert judged(CHECK, system, at_the_model(observation)).outcome is outcome
    assert {field for fields in gaps(observation).values() for field in fields} <= {"weight", "temp"}


def test_a_fault_that_takes_the_server_down_is_a_crash_and_ends_the_campaign() -> None:
    class Fragile(Guarded):
        server: Server | None = None

        def __call__(self, asked: Asked) -> Said:
            if self.server is not None and any("temp" not in row for row in asked.json()["rows"]):
                threading.Thread(target=self.server.close, daemon=True).start()
                return Said(raw=b"", close=True)
            return super().__call__(asked)

    model = Fragile()
    with Server(model) as server:
        model.server = server
        system = System.model_validate(declared(server.url))
        with RealTrial(system, tables={"evaluation": ROWS}) as trial:
            observation = observed(CHECK, system, trial)
    assert judged(CHECK, system, at_the_model(observation)).outcome is Outcome.NOT_MET
    assert "temp" in gaps(observation)[("crash", "missing")]
