"""The check over real servers: what it finds, in which words, and what it makes of models that give it nothing."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest
from stress_scene import ROWS, refused, related, stressed, tried

from plants.real_trial import RealTrial, codes, judged, observed
from plants.server import Answering, Asked, Said, Server, said
from plants.stressed_models import Freight, cached, freight_declared, labelled
from plants.told import finding, measure
from seatrial.core.errors import Malformed, Unreachable
from seatrial.core.observation import Json
from seatrial.core.vocabulary import MeasureKind, Outcome, Weight
from seatrial.domains.model.stress import CHECK, CONSISTENCY, NOISE
from seatrial.domains.model.stressing.edge_search import EDGES, POWER
from seatrial.spec.system import System


def test_a_sound_model_is_met_and_every_limit_is_measured() -> None:
    observation, judgement = tried(Freight())
    assert judgement.outcome is Outcome.MET, judgement
    with Server(Freight()) as server:
        limits = CHECK.limits(System.model_validate(freight_declared(server.url)))
    assert {t.measure for t in limits} == {m.name for m in observation.measures}
    assert measure(observation, POWER).kind is MeasureKind.VALIDITY
    assert measure(observation, CONSISTENCY).n == len(ROWS)


def test_a_score_scaled_over_the_request_is_told_by_its_cause_and_hides_nothing_else() -> None:
    def scaled(_: Any, scores: list[float]) -> list[float]:
        low, high = min(scores), max(scores)
        return [(s - low) / ((high - low) or 1.0) for s in scores]

    observation, judgement = tried(Freight(answers=scaled))
    assert judgement.outcome is Outcome.NOT_MET
    gaps = [f for f in observation.findings if f.weight is Weight.GAP]
    assert {f.code for f in gaps} == {"depends-on-asking"}
    assert any("asked alone" in f.summary for f in gaps)
    assert all(f.explains == (CONSISTENCY,) for f in gaps)


@pytest.mark.parametrize("label_only", [False, True])
@pytest.mark.parametrize("left_out", ["stops", "carrier", ""])
def test_a_cache_that_goes_by_too_few_inputs_is_seen_and_one_that_goes_by_all_is_not(
    left_out: str, label_only: bool
) -> None:
    def heavy(row: Any, exponent: float) -> float:
        return exponent + 0.6 * float(row["stops"]) + (3.0 if row["carrier"] == "red" else 0.0) - 2.0

    model = Freight(spoils=heavy, answers=cached(lambda name: name != left_out), label_only=label_only)
    declared = labelled if label_only else freight_declared
    observation, judgement = tried(model, declared)
    found = [f for f in observation.findings if f.code == "answered-as-before"]
    assert [(f.fields, f.weight) for f in found] == ([((left_out,), Weight.GAP)] if left_out else [])
    assert (judgement.outcome is Outcome.NOT_MET) == bool(left_out), judgement


def test_within_one_request_rows_are_told_apart_by_all_inputs_too() -> None:
    def joined(rows: Any, scores: list[float]) -> list[float]:
        return cached(lambda name: name != "stops")(rows, scores)

    observation, _ = tried(Freight(answers=joined))
    assert finding(observation, "answered-as-before").weight is Weight.GAP


def test_the_smallest_change_that_still_breaks_a_relation_is_shown_before_and_after() -> None:
    def falls(row: Any, exponent: float) -> float:
        return exponent - (9.0 if float(row["distance"]) > 750.0 else 0.0)

    relation = {"name": "longer and fuller", "kind": "direction", "score": "not-lower"}
    change = {"add": {"distance": 200, "load": 5}}
    observation, judgement = tried(Freight(spoils=falls), related({**relation, "change": change}))
    assert judgement.outcome is Outcome.NOT_MET
    found = finding(observation, "relation-broken")
    assert found.weight is Weight.GAP
    assert "must not lower the score" in found.summary
    # The load is taken back, and the distance stands just beyond the step at 750.
    assert "load" not in found.summary.partition("break it")[2]
    after = float(found.summary.partition("→ ")[2].partition(" ")[0])
    assert 750.0 < after < 753.5


@pytest.mark.slow
def test_an_invariance_is_held_within_its_tolerance_and_only_where_its_condition_holds() -> None:
    relation = {"name": "full or not", "kind": "invariance", "change": {"add": {"load": -2}}, "where": "load > 50"}
    loose, judgement = tried(Freight(), related({**relation, "tolerance": 0.05}))
    assert judgement.outcome is Outcome.MET
    strict, judgement = tried(Freight(), related({**relation, "tolerance": 0.001}))
    assert judgement.outcome is Outcome.NOT_MET
    name = "rows that break: full or not"
    assert measure(loose, name).n < len(ROWS)
    assert (measure(strict, name).value or 0.0) > 0.5


def test_a_stricter_limit_of_a_relation_is_the_limit() -> None:
    relation = {"name": "other", "kind": "invariance", "change": {"add": {"load": 0.5}}, "at_most": 0.0001}
    observation, judgement = tried(Freight(), related(relation))
    assert judgement.outcome is not Outcome.MET
    assert measure(observation, "rows that break: other").limit == 0.0001


@pytest.mark.parametrize(
    ("relation", "outcome"),
    [
        ({"where": "distance < 100 and load < 30", "answer": 0}, Outcome.MET),
        ({"where": "distance < 100 and load < 30", "answer": 1}, Outcome.NOT_MET),
        ({"where": "distance < 0", "answer": 0}, Outcome.NOT_DETERMINED),
    ],
    ids=["holds", "does-not", "no-such-row"],
)
def test_rows_of_a_kind_must_be_answered_as_declared(relation: Mapping[str, Any], outcome: Outcome) -> None:
    rows = [{**row, "distance": row["distance"] / 20, "load": row["load"] / 4} for row in ROWS]
    _, judgement = tried(Freight(), related({"name": "near and light", "kind": "must-answer", **relation}), rows)
    assert judgement.outcome is outcome, judgement


@pytest.mark.slow
def test_listed_cases_must_all_be_answered_and_the_one_that_is_not_is_named() -> None:
    far = {"distance": 2900, "load": 95, "stops": 9, "carrier": "red"}
    lines = [{"given": far, "answer": 1}, {"given": {**far, "distance": 1, "load": 5}, "answer": 1}]
    content = "\n".join(json.dumps(line) for line in lines).encode()
    declared = related({"name": "known", "kind": "must-answer", "file": "cases.jsonl"})
    observation, judgement = tried(Freight(), declared, files={"cases.jsonl": content})
    assert judgement.outcome is Outcome.NOT_MET
    assert finding(observation, "must-answer-missed").summary.startswith("Case 2 of 'known' must be answered with 1")
    assert measure(observation, "rows that break: known").value == 0.5
    _, judgement = tried(Freight(), declared, files={"cases.jsonl": content.splitlines()[0]})
    assert judgement.outcome is Outcome.MET


def test_every_line_of_a_file_that_is_no_case_is_named() -> None:
    declared = related({"name": "known", "kind": "must-answer", "file": "cases.jsonl"})
    content = b'{"given": {"load": 1}, "answer": 1}\nnothing\n{"given": {}, "answer": 1}\n{"given": {"load": 1}}\n'
    with pytest.raises(Malformed, match=r"line 2: no JSON .*line 3: given: .*line 4: no answer"):
        tried(Freight(), declared, files={"cases.jsonl": content})


def test_a_crash_at_an_edge_is_a_gap_that_names_the_edge() -> None:
    def fails(row: Any) -> Said | None:
        return said({"error": "KeyError: white"}, 500) if row["carrier"] == "white" else None

    observation, judgement = tried(Freight(fails=fails))
    assert judgement.outcome is Outcome.NOT_MET
    found = finding(observation, "edge-crash")
    assert "carrier: 'white', which is legal and which the data never show" in found.summary
    assert "KeyError: white" in found.summary
    assert found.explains == (EDGES,)
    assert measure(observation, POWER).kind is MeasureKind.INFORMATIVE


def test_a_crash_that_does_not_come_again_is_open() -> None:
    crashed: list[int] = []

    def fails(row: Any) -> Said | None:
        # First with the other rows at this edge, then alone; asked alone once more, it answers.
        if row["carrier"] == "white" and len(crashed) < 2:
            crashed.append(1)
            return said({"error": "busy"}, 500)
        return None

    observation, judgement = tried(Freight(fails=fails))
    assert judgement.outcome is Outcome.NOT_DETERMINED
    assert finding(observation, "edge-unsteady").weight is Weight.OPEN
    assert "edge-crash" not in codes(observation)


@pytest.mark.slow
def test_an_endpoint_that_goes_down_at_an_edge_is_a_gap() -> None:
    down: list[bool] = []

    def fails(row: Any) -> Said | None:
        if float(row["distance"]) >= 3000:
            down.append(True)
        return Said(raw=b"", close=True) if down else None

    observation, judgement = tried(Freight(fails=fails), stressed(time="20s"))
    assert judgement.outcome is Outcome.NOT_MET
    assert "edge-crash" in codes(observation)


@pytest.mark.slow
def test_a_refusal_in_words_is_no_failure_and_one_without_words_is_a_note() -> None:
    observation, judgement = tried(Freight(refuses=lambda row: "too far" if float(row["distance"]) > 2000 else ""))
    assert judgement.outcome is Outcome.MET
    assert "unclear-refusal" not in codes(observation)
    silent = Said(status=422)
    observation, judgement = tried(Freight(fails=lambda row: silent if float(row["distance"]) > 2000 else None))
    assert judgement.outcome is Outcome.MET
    assert finding(observation, "unclear-refusal").weight is Weight.NOTE


def test_what_is_refused_under_a_relation_counts_against_it() -> None:
    far = {"name": "far", "kind": "invariance", "change": {"set": {"distance": 2500}}, "tolerance": 0.99}
    refusing = Freight(refuses=lambda row: "too far" if float(row["distance"]) > 2000 else "")
    observation, judgement = tried(refusing, related(far))
    assert judgement.outcome is Outcome.NOT_DETERMINED
    assert finding(observation, "relation-unanswered").weight is Weight.OPEN
    assert measure(observation, "rows that break: far").upper == 1.0


@pytest.mark.slow
def test_noise_that_is_declared_is_used_and_that_which_is_not_is_said() -> None:
    observation, _ = tried(Freight())
    assert "noise-inferred" not in codes(observation)
    observation, _ = tried(Freight(), stressed(noise={}))
    assert "distance ±0.05" in finding(observation, "noise-inferred").summary
    assert measure(observation, NOISE).upper is not None


@pytest.mark.slow
def test_noise_declared_as_next_to_nothing_is_as_much_as_the_data_leave_open() -> None:
    brittle = Freight(spoils=lambda row, exponent: -exponent if round(float(row["distance"]) * 100) % 10 else exponent)
    observation, judgement = tried(brittle, stressed(noise={"distance": 1e-9, "load": 0.5, "stops": 1e-9}))
    raised = finding(observation, "noise-below-data")
    assert raised.fields == ("distance", "stops")
    assert "distance ±1e-09 (now ±0.05)" in raised.summary
    assert "stops ±1e-09 (now ±1)" in raised.summary
    assert judgement.outcome is Outcome.NOT_MET
    assert (measure(observation, NOISE).lower or 0.0) > 0.5


@pytest.mark.slow
def test_stochastic_answers_are_a_gap_and_relations_are_held_to_what_comes_on_top() -> None:
    flips = iter(range(10**9))

    def answers(_: Any, scores: list[float]) -> list[float]:
        return [1.0 - s if next(flips) % 7 == 0 else s for s in scores]

    observation, judgement = tried(Freight(answers=answers))
    assert judgement.outcome is Outcome.NOT_MET
    assert "depends-on-asking" in codes(observation)
    assert "beyond" in measure(observation, NOISE).method


def test_too_few_rows_say_how_many_more() -> None:
    observation, judgement = tried(Freight(), rows=ROWS[:100])
    assert judgement.outcome is Outcome.NOT_DETERMINED
    assert measure(observation, CONSISTENCY).needed == 199


@pytest.mark.slow
def test_rows_of_one_customer_count_for_less() -> None:
    rows = [{**row, "order": f"o{at // 10}"} for at, row in enumerate(ROWS)]
    observation, _ = tried(Freight(), rows=rows)
    assert measure(observation, CONSISTENCY).method.startswith("Korn-Graubard")


def test_only_a_test_endpoint_gets_what_its_users_did_not_send() -> None:
    seen: list[Mapping[str, Any]] = []

    def watched(asked: Asked) -> Said:
        seen.extend(asked.json()["rows"] if asked.body else [])
        return Freight()(asked)

    def declared(url: str) -> Mapping[str, Any]:
        plain = freight_declared(url)
        return {**plain, "model": {**plain["model"], "test_endpoint": False}}

    observation, judgement = tried(watched, declared)
    assert judgement.outcome is Outcome.NOT_DETERMINED
    assert codes(observation) == {"not-a-test-endpoint"}
    assert {m.name for m in observation.measures} == {CONSISTENCY}
    known = {row["distance"] for row in ROWS}
    assert {row["distance"] for row in seen} <= known


@pytest.mark.slow
def test_a_rate_that_is_declared_is_kept() -> None:
    with Server(Freight()) as server:
        declared = {**freight_declared(server.url)}
        declared["stress"] = {**declared["stress"], "rate": "20/s", "time": "3s"}
        system = System.model_validate(declared)
        with RealTrial(system, tables={"evaluation": ROWS}) as trial:
            begun = trial.clock.monotonic()
            observation = observed(CHECK, system, trial)
            spent = trial.clock.monotonic() - begun
        asked = len(server.asked)
    assert asked <= 20 * spent + 2
    assert judged(CHECK, system, observation).outcome is Outcome.NOT_DETERMINED


@pytest.mark.parametrize(
    ("answering", "code"),
    [
        (lambda _: said({"error": "no"}, 422), "rows-unanswered"),
        (lambda _: said({"error": "boom"}, 500), "rows-unanswered"),
        (lambda _: Said(body=b"<html>"), "rows-unanswered"),
        (lambda _: Said(body=b'{"predictions": ['), "rows-unanswered"),
    ],
    ids=["refuses", "crashes", "html", "garbage"],
)
def test_a_model_that_answers_nothing_has_a_reason(answering: Answering, code: str) -> None:
    assert refused(answering).code == code


def test_a_model_that_hangs_has_a_reason() -> None:
    def declared(url: str) -> Mapping[str, Any]:
        plain = freight_declared(url)
        return {**plain, "model": {**plain["model"], "timeout": "20ms"}}

    hanging = refused(lambda asked: said({}, delay_s=0.2), declared, ROWS[:40])
    assert hanging.code == "rows-unanswered"
    assert "time-out" in hanging.summary


def test_a_model_that_is_not_there_is_unreachable() -> None:
    system = System.model_validate(freight_declared("http://127.0.0.1:9"))
    with RealTrial(system, tables={"evaluation": ROWS}) as trial, pytest.raises(Unreachable):
        CHECK.run(system, trial)


def test_a_field_that_is_no_input_and_a_file_without_inputs_are_named() -> None:
    assert refused(Freight(), stressed(noise={"temp": 1.0})).fields == ("temp",)
    fog = {"name": "fog", "kind": "must-answer", "where": "visib < 1", "answer": 1}
    assert refused(Freight(), related(fog)).fields == ("visib",)

    def without(url: str) -> Mapping[str, Any]:
        plain = freight_declared(url)
        return {**plain, "model": {k: v for k, v in plain["model"].items() if k != "inputs"}}

    observation, judgement = tried(Freight(), without)
    assert judgement.outcome is Outcome.NOT_MET
    assert codes(observation) == {"no-inputs-declared"}


def test_without_any_relation_it_stays_open() -> None:
    observation, judgement = tried(Freight(), stressed(relations=[]))
    assert judgement.outcome is Outcome.NOT_DETERMINED
    assert finding(observation, "no-relations").weight is Weight.OPEN


def test_a_model_that_says_the_same_to_everything_has_shown_nothing() -> None:
    observation, judgement = tried(Freight(spoils=lambda _, __: -3.0))
    assert judgement.outcome is Outcome.NOT_DETERMINED
    assert finding(observation, "constant-answers").weight is Weight.OPEN


@pytest.mark.slow
def test_a_model_that_takes_one_row_a_request_is_asked_so() -> None:
    def single(asked: Asked) -> Said:
        return said({"error": "one row, please"}, 422) if len(asked.json()["rows"]) > 1 else Freight()(asked)

    observation, judgement = tried(single)
    assert judgement.outcome is Outcome.MET, judgement
    assert measure(observation, CONSISTENCY).n == len(ROWS)


@pytest.mark.parametrize(("threads", "asked"), [(300, 300), (40, 320)])
def test_one_row_of_each_entity_is_asked_where_that_is_enough_to_be_certain(threads: int, asked: int) -> None:
    rows = [{**row, "thread": f"t{min(at, threads - 1)}"} for at, row in enumerate(ROWS)]

    def declared(url: str) -> Mapping[str, Any]:
        plain = freight_declared(url)
        return {**plain, "data": {"evaluation": {**plain["data"]["evaluation"], "entity": "thread"}}}

    observation, judgement = tried(Freight(), declared, rows)
    assert measure(observation, CONSISTENCY).n == asked
    assert judgement.outcome is (Outcome.MET if threads == 300 else Outcome.NOT_DETERMINED)


@pytest.mark.slow
def test_a_row_is_asked_once_however_often_a_request_is_sent_again() -> None:
    busy = iter(range(10**9))

    def limited(asked: Asked) -> Said:
        return said({"error": "slow down"}, 429) if next(busy) == 5 else Freight()(asked)

    observation, judgement = tried(limited)
    assert judgement.outcome is Outcome.MET
    assert measure(observation, CONSISTENCY).n == len(ROWS)


def test_an_edge_at_which_the_rows_become_a_few_is_known_as_well_as_the_rows_that_it_stands_for() -> None:
    rows: list[Mapping[str, Json]] = [
        {"heat": n % 97 / 7, "load": n % 89 / 9, "site": "abc"[n % 3]} for n in range(300)
    ]
    number = {"type": "number", "minimum": 0, "maximum": 20}

    def declared(url: str) -> Mapping[str, Any]:
        plain = dict(freight_declared(url))
        site = {"type": "string", "values": ["a", "b", "c"]}
        plain["model"] |= {"inputs": {"heat": number, "load": number, "site": site}}
        plain["data"] = {"evaluation": {"source": "evaluation.parquet"}}
        never = {"name": "hotter is not safer", "kind": "direction", "change": {"add": {"heat": 1}}}
        plain["stress"] = {"relations": [{**never, "score": "not-lower"}]}
        return plain

    def answer(asked: Asked) -> Said:
        if asked.method == "GET":
            return said({"version": "1"})
        risks = [min(1.0, 0.02 * row["heat"] + 0.01 * row["load"]) for row in asked.json()["rows"]]
        return said({"predictions": [{"late": int(risk >= 0.5), "risk": risk} for risk in risks]})

    observation, _ = tried(answer, declared, rows)
    power = measure(observation, POWER)
    assert power.value is not None
    assert power.limit is not None
    assert power.value >= power.limit


@pytest.mark.slow
def test_an_edge_on_which_too_few_rows_stand_says_how_many_more_evaluation_rows_it_takes() -> None:
    observation, judgement = tried(Freight(), rows=ROWS[:30])
    weak = finding(observation, "search-too-weak")
    assert (weak.weight, weak.explains) == (Weight.OPEN, (POWER,))
    assert "more evaluation rows" in weak.remedy
    assert judgement.outcome is Outcome.NOT_DETERMINED


def test_a_relation_whose_tolerance_nothing_can_exceed_counts_as_not_tried() -> None:
    lax = {"name": "lax", "kind": "direction", "change": {"add": {"distance": -200}}, "score": "not-lower"}
    observation, judgement = tried(Freight(), stressed(relations=[{**lax, "tolerance": 1.0}]))
    told = next(f for f in observation.findings if f.code == "relation-not-tried")
    assert told.weight is Weight.OPEN
    assert "tolerance" in told.summary
    assert judgement.outcome is Outcome.NOT_DETERMINED
