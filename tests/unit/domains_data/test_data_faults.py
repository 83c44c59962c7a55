"""Faults: what a guard could know of a value, which faults a field can have, and what must be declared first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, get_args

import pytest
from pydantic import ValidationError

from plants.guarded_model import INPUTS, Guarded, at_the_model, declared, rows
from plants.planted_trial import PlantedTable, PlantedTrial
from plants.real_trial import RealTrial, codes, judged, observed, reason
from plants.server import Server, said, unused_url
from seatrial.core.errors import Unreachable
from seatrial.core.ports import Prediction
from seatrial.core.vocabulary import Outcome, Weight
from seatrial.core.wording import span
from seatrial.domains.data.campaign import Case, Ending, Probe, Told
from seatrial.domains.data.fault_budget import at_an_entry_s, at_the_model_s, told_of
from seatrial.domains.data.fault_kinds import Fault, Place, Stance, faults_of
from seatrial.domains.data.fault_remedies import Nature, nature_of, remedy
from seatrial.domains.data.faults import CHECK
from seatrial.domains.data.units import confusions
from seatrial.domains.legality import Profile, excluded, profile_of
from seatrial.domains.sending import rows_to_send
from seatrial.domains.yardstick import Yardstick
from seatrial.spec.faults import FaultField, FaultKind
from seatrial.spec.model import InputField
from seatrial.spec.system import System


def field(**declared_as: Any) -> InputField:
    return InputField.model_validate(declared_as)


SEEN = [{"x": float(at)} for at in range(10, 60)]


@pytest.mark.parametrize(
    ("declaration", "value", "known"),
    [
        ({"type": "number", "minimum": 0, "maximum": 100}, 101, True),
        ({"type": "number", "minimum": 0, "maximum": 100}, 7, False),
        ({"type": "number", "minimum": 0, "maximum": 100}, "7", True),
        ({"type": "number", "minimum": 0, "maximum": 100}, True, True),
        ({"type": "number"}, 5_000.0, True),
        ({"type": "number"}, 70.0, False),
        ({"type": "integer"}, 12.0, False),
        ({"type": "integer"}, 12.5, True),
        ({"type": "number"}, None, True),
        ({"type": "number", "nullable": True}, None, False),
        ({"type": "string", "values": ["a", "b"]}, "A", True),
        ({"type": "string"}, "anything", False),
        ({"type": "time"}, "2026-09-01T06:00:00", False),
        ({"type": "time"}, "1.9.2026 06:00", True),
    ],
)
def test_a_guard_knows_what_the_declaration_excludes_and_where_it_is_silent_what_was_never_near(
    declaration: dict[str, Any], value: Any, known: bool
) -> None:
    assert excluded({"x": value}, "x", field(**declaration), profile_of(SEEN, "x")) is known


def test_a_small_closed_set_of_texts_stands_in_for_declared_values() -> None:
    closed = profile_of([{"x": "Dock A" if at % 2 else "Dock B"} for at in range(60)], "x")
    free = profile_of([{"x": f"note {at}"} for at in range(60)], "x")
    assert excluded({"x": "dock a"}, "x", field(type="string"), closed)
    assert not excluded({"x": "dock a"}, "x", field(type="string"), free)


def kinds(declaration: dict[str, Any], **known: Any) -> dict[str, set[Stance]]:
    place = Place(
        name="x",
        declared=field(**declaration),
        profile=profile_of(SEEN, "x"),
        known=FaultField.model_validate(known),
        others=SEEN,
    )
    found: dict[str, set[Stance]] = {}
    for fault in faults_of(place):
        found.setdefault(fault.kind, set()).add(fault.stance)
    return found


def test_null_in_a_nullable_field_is_a_legal_input() -> None:
    assert kinds({"type": "number"})["null"] == {Stance.GUARDED}
    assert kinds({"type": "number", "nullable": True})["null"] == {Stance.LEGAL}


def test_a_stale_value_can_never_be_silent_harm() -> None:
    assert kinds({"type": "number"})["stale"] == {Stance.LEGAL}


def test_a_kind_that_cannot_happen_is_left_out_and_a_known_placeholder_is_none_of_the_values() -> None:
    found = kinds(
        {"type": "number", "unit": "degC"}, skip={"decimal-comma": "The source is a binary protocol."}, sentinels=(77,)
    )
    assert "decimal-comma" not in found
    assert found["sentinel"] == {Stance.GUARDED, Stance.SAME}
    assert found["wrong-unit"] == {Stance.FEED}


def test_units_are_known_by_their_usual_spellings() -> None:
    assert confusions("°C")["°F"](100.0) == pytest.approx(212.0)
    assert confusions("HHMM, local")["minutes of the day"](1345) == 825
    assert confusions("hPa")["Pa"](1013.0) == pytest.approx(101_300)
    assert confusions("bananas") == {}
    assert confusions(None) == {}


def test_an_answer_moves_with_the_decision_or_beyond_the_tolerance() -> None:
    stick = Yardstick(task="binary", tolerance=0.05, act_at=0.5)
    before = Prediction(prediction=0, score=0.49)
    assert not stick.moved(before, Prediction(prediction=0, score=0.45))
    assert stick.moved(before, Prediction(prediction=0, score=0.40))
    assert stick.moved(before, Prediction(prediction=1, score=0.49))
    assert stick.moved(before, Prediction(prediction=0, score=0.51))
    plain = Yardstick(task="regression", tolerance=2.0, act_at=None)
    assert not plain.moved(Prediction(prediction=10.0), Prediction(prediction=11.5))
    assert plain.moved(Prediction(prediction=10.0), Prediction(prediction=13))


def test_rows_are_sent_as_declared_and_the_same_seed_sends_the_same_ones() -> None:
    trial = PlantedTrial()
    source = PlantedTable(rows(50))
    trial.table = lambda _: source  # type: ignore[assignment,method-assign]
    inputs = {name: field(**declared_as) for name, declared_as in INPUTS.items()}
    first = rows_to_send(trial, inputs, table="evaluation", most=20, seed=3)
    assert first == rows_to_send(trial, inputs, table="evaluation", most=20, seed=3)
    assert len(first) == 20
    assert set(first[0]) == set(INPUTS)
    assert all(isinstance(row["weight"], int) and str(row["planned_at"]).endswith("+00:00") for row in first)


def system(url: str, **model: Any) -> System:
    plain = declared(url)
    return System.model_validate({**plain, "model": {**plain["model"], **model}})


def test_without_declared_inputs_there_is_a_gap() -> None:
    described = system("http://127.0.0.1:1", inputs=None)
    observation = observed(CHECK, described, PlantedTrial())
    assert codes(observation) == {"no-inputs-declared"}
    assert judged(CHECK, described, observation).outcome is Outcome.NOT_MET


def test_nothing_is_sent_to_an_endpoint_that_is_not_for_tests() -> None:
    described = system("http://127.0.0.1:1", test_endpoint=False)
    observation = observed(CHECK, described, PlantedTrial())
    assert codes(observation) == {"not-a-test-endpoint"}
    assert judged(CHECK, described, observation).outcome is Outcome.NOT_DETERMINED


def test_a_model_that_cannot_be_reached_is_an_error_for_the_reader() -> None:
    described = system(unused_url())
    with RealTrial(described, tables={"evaluation": rows(60)}) as trial, pytest.raises(Unreachable):
        CHECK.run(described, trial)


def test_a_model_that_refuses_clean_rows_gives_a_reason() -> None:
    with Server(lambda _: said({"error": "no"}, 422)) as server:
        described = system(server.url)
        with RealTrial(described, tables={"evaluation": rows(60)}) as trial:
            assert reason(CHECK, described, trial).code == "clean-rows-refused"


def skipping(url: str, *names: str) -> System:
    every = dict.fromkeys(get_args(FaultKind), "It cannot happen here.")
    plain = declared(url)
    return System.model_validate(
        {**plain, "data": {**plain["data"], "faults": {"fields": {n: {"skip": every} for n in names}}}}
    )


def test_a_field_whose_every_fault_is_skipped_was_not_tried() -> None:
    names = tuple(INPUTS)[1:]
    with Server(Guarded()) as server:
        described = skipping(server.url, *names)
        with RealTrial(described, tables={"evaluation": rows(400)}) as trial:
            found = observed(CHECK, described, trial)
    bare = next(f for f in found.findings if f.code == "field-not-tried")
    assert bare.fields == names
    assert judged(CHECK, described, at_the_model(found)).outcome is Outcome.NOT_DETERMINED


def test_a_skipped_kind_is_shown_with_its_reason_and_holds_nothing_back() -> None:
    plain = declared("")
    fields = {"temp": {"skip": {"decimal-comma": "The source is a binary protocol."}}}
    with Server(Guarded(comma_cut=True)) as server:
        described = System.model_validate(
            {**declared(server.url), "data": {**plain["data"], "faults": {"fields": fields}}}
        )
        with RealTrial(described, tables={"evaluation": rows(400)}) as trial:
            found = observed(CHECK, described, trial)
    shown = next(f for f in found.findings if f.code == "skipped-by-declaration")
    assert "decimal-comma (The source is a binary protocol.)" in shown.summary
    assert found.facts["skipped"] == {"temp": {"decimal-comma": "The source is a binary protocol."}}
    assert "field-not-tried" not in codes(found)
    assert judged(CHECK, described, at_the_model(found)).outcome is Outcome.MET
    assert [f.code for f in found.findings if f.weight is Weight.OPEN] == ["no-entry"], "its pipeline was never tried"
    assert judged(CHECK, described, found).outcome is Outcome.NOT_DETERMINED


@pytest.mark.parametrize("skip", [["null"], {"null": ""}, {"null": "no"}, {"nil": "It cannot happen."}])
def test_what_is_skipped_without_a_reason_or_is_no_kind_is_an_error(skip: object) -> None:
    with pytest.raises(ValidationError):
        FaultField.model_validate({"skip": skip})


def test_every_fault_that_a_field_can_have_may_be_named_to_skip_it() -> None:
    types = ("number", "integer", "string", "boolean", "time")
    made = {kind for each in types for kind in kinds({"type": each, "unit": "degC" if each == "number" else None})}
    assert made <= set(get_args(FaultKind))


@pytest.mark.parametrize(
    ("declaration", "values", "nature"),
    [
        ({"type": "integer"}, range(70_000, 70_060), Nature.IDENTIFIER),
        ({"type": "integer", "unit": "kg"}, range(60), Nature.QUANTITY),
        ({"type": "integer"}, [at % 7 for at in range(60)], Nature.QUANTITY),
        ({"type": "integer", "values": [1, 2]}, [1, 2], Nature.CODE),
        ({"type": "number"}, [at + 0.5 for at in range(60)], Nature.QUANTITY),
        ({"type": "string"}, [f"A-{at}" for at in range(60)], Nature.IDENTIFIER),
        ({"type": "string"}, [f"a note of {at}" for at in range(60)], Nature.TEXT),
        ({"type": "time"}, ["2026-09-01"], Nature.OTHER),
    ],
)
def test_what_a_field_is_decides_how_it_can_be_guarded(
    declaration: dict[str, Any], values: Sequence[object], nature: Nature
) -> None:
    assert nature_of(field(**declaration), list(values)) is nature


def test_nobody_is_told_to_narrow_the_range_of_an_identifier() -> None:
    told = [Told(case=_case({"id": 70_000 + at, "kg": 5.0 + at}), ending=Ending.HARM) for at in range(30)]
    inputs = {"id": field(type="integer"), "kg": field(type="number", unit="kg")}

    def said(name: str) -> str:
        fault = Fault(field=name, kind="wrong-scale", stance=Stance.FEED, make=lambda row, _: row)
        return remedy(
            "wrong-scale", "another scale", [Probe(fault=fault, told=tuple(told), applies=1.0, planned=30)], inputs
        )

    assert "ange of kg" in said("kg")
    assert "Narrow" not in said("id")
    assert "look it up" in said("id")


def _case(clean: Mapping[str, Any]) -> Case:
    return Case(clean=clean, answer=Prediction(prediction=1), faulty=clean, guarded=True, unusual=True)


@pytest.mark.parametrize("within", ["100ms", "30s", "10m"])
def test_the_budget_has_room_for_every_record_that_is_lost(within: str) -> None:
    plain = declared("http://127.0.0.1:1")
    flow = {"name": "warn", "in": "a", "out": "b", "key": "id", "within": within, "peak": "9/s"}
    described = System.model_validate({**plain, "integrations": {n: {"kind": "http"} for n in "ab"}, "flows": [flow]})
    faults = 200
    longest_s = at_an_entry_s(described.flows[0], faults)
    assert longest_s > faults * described.flows[0].within
    assert CHECK.budget_s(described) > at_the_model_s(described, len(INPUTS)) + at_an_entry_s(
        described.flows[0], 6 * 25
    )
    assert span(longest_s) in told_of(described.flows[0], faults, longest_s)


def test_every_code_is_a_sentence_and_a_field_without_values_has_a_profile() -> None:
    assert Profile(n=0).span == 1.0
    assert all(text.endswith(".") for text in CHECK.codes.values())
