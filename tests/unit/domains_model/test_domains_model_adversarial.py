"""Can an answer be turned cheaply: the search finds what trying everything finds, and keeps to what is declared."""

from __future__ import annotations

import json
import math
import re
from itertools import combinations, product
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from plants.planted_trial import PlantedArtifacts
from plants.real_trial import RealTrial
from plants.server import Asked, Said, Server, said
from plants.told import finding, measure
from plants.turned_models import (
    INPUTS,
    Answering,
    TurnedTrial,
    declared,
    leaning,
    rows,
    steady,
    turned_world,
    with_backdoor,
)
from power.family import judged
from seatrial.core.check import PREDICTION, PROBLEM, SCORE
from seatrial.core.observation import Observation, Reason
from seatrial.core.ports import Prediction, Row
from seatrial.core.vocabulary import MeasureKind, Outcome, Weight
from seatrial.domains.model.adversarial import CHECK
from seatrial.domains.model.adversarial_tabular import POWER, TURNED
from seatrial.domains.model.turning.aim import Aim
from seatrial.domains.model.turning.search import attack
from seatrial.domains.model.turning.start import SHAKEN
from seatrial.domains.model.turning.terrain import Ground, Terrain, terrain_of
from seatrial.domains.model.turning.walk_back import walk_back
from seatrial.spec.model import InputField
from seatrial.spec.relations import parse_relation
from seatrial.spec.system import System

NOBODY = {"who": "nobody", "why": "nobody outside sees an answer"}
QUICK = {"queries": 80}
ENOUGH = {"queries": 220}


def seen(system: System, trial: TurnedTrial) -> Observation:
    found = CHECK.run(system, trial)
    assert isinstance(found, Observation), found
    return found


def test_a_model_that_says_the_same_to_every_row_leaves_it_open() -> None:
    system, trial = turned_world(Answering(lambda _: 0.9), immutable=["distance"], **QUICK)
    found = seen(system, trial)
    assert finding(found, "constant-answers").weight is Weight.OPEN
    assert judged(CHECK, system, found) is Outcome.NOT_DETERMINED


@pytest.mark.slow
def test_a_model_that_leans_on_what_nobody_can_change_is_met() -> None:
    system, trial = turned_world(Answering(steady), immutable=["distance"], **ENOUGH)
    found = seen(system, trial)
    assert judged(CHECK, system, found) is Outcome.MET
    assert (measure(found, TURNED).upper or 1.0) < 0.1
    assert measure(found, POWER).kind is MeasureKind.VALIDITY


def test_a_back_door_in_one_input_is_found_and_told_in_words() -> None:
    model = Answering(with_backdoor(steady, lambda row: row["carrier"] == "grey"))
    system, trial = turned_world(model, immutable=["distance"], **QUICK)
    found = seen(system, trial)
    assert judged(CHECK, system, found) is Outcome.NOT_MET
    told = finding(found, "cheap-turns")
    assert told.weight is Weight.GAP
    assert "carrier to grey" in told.summary
    assert finding(found, "abused-input").fields == ("carrier",)
    assert isinstance(trial.artifacts, PlantedArtifacts)
    examples = json.loads(trial.artifacts.kept[found.artifacts["examples"]])
    assert examples[0]["moves"][0]["field"] in {"carrier", "yard"}


@pytest.mark.slow
def test_what_is_immutable_is_never_changed_and_no_row_leaves_the_declared_range() -> None:
    asked: list[Row] = []

    def scores(row: Row) -> float:
        asked.append(row)
        return leaning(row)

    model = Answering(scores)
    system, trial = turned_world(
        model, immutable=["carrier", "priority"], only_up=["stops"], relations=["stops <= 9"], **QUICK
    )
    base = {(row["carrier"], row["priority"]) for row in asked}
    asked.clear()
    seen(system, trial)
    assert {(row["carrier"], row["priority"]) for row in asked} <= base
    assert all(0 <= float(str(row["distance"])) <= 2000 and 0 <= float(str(row["yard"])) <= 1 for row in asked)
    assert all(isinstance(row["stops"], int) and 0 <= row["stops"] <= 9 for row in asked)


def test_without_a_declared_threat_nothing_is_met() -> None:
    system, trial = turned_world(Answering(steady), threat=None, **QUICK)
    found = seen(system, trial)
    assert judged(CHECK, system, found) is Outcome.NOT_DETERMINED
    assert finding(found, "threat-undeclared").weight is Weight.OPEN


def test_where_nobody_gains_the_search_is_shown_and_a_second_person_has_to_approve() -> None:
    system, trial = turned_world(Answering(leaning), threat=NOBODY, **QUICK)
    found = seen(system, trial)
    assert measure(found, TURNED).kind is MeasureKind.INFORMATIVE
    assert (measure(found, TURNED).value or 0.0) > 0.5
    assert judged(CHECK, system, found) is Outcome.NOT_DETERMINED
    alone = finding(found, "no-adversary")
    assert alone.weight is Weight.OPEN
    assert "seatrial exempt model.adversarial" in alone.remedy


def test_a_model_that_noise_turns_is_not_met_whoever_gains() -> None:
    brittle = Answering(lambda row: float(round(float(str(row["distance"])) * 10) % 2))
    system, trial = turned_world(brittle, threat=NOBODY, **QUICK)
    plain = {**declared(threat=NOBODY, **QUICK), "stress": {"noise": {"distance": 0.5}}}
    system = System.model_validate(plain)
    found = seen(system, trial)
    assert (measure(found, SHAKEN).lower or 0.0) > 0.05
    assert judged(CHECK, system, found) is Outcome.NOT_MET


def test_noise_declared_as_next_to_nothing_is_as_much_as_the_data_leave_open() -> None:
    def off(row: Row) -> bool:
        return round(float(str(row["distance"])) * 100) % 10 > 0

    brittle = Answering(lambda row: 1.0 - steady(row) if off(row) else steady(row))
    _, trial = turned_world(brittle, threat=NOBODY, **QUICK)
    plain = {**declared(threat=NOBODY, **QUICK), "stress": {"noise": {"distance": 1e-9}}}
    system = System.model_validate(plain)
    assert judged(CHECK, system, seen(system, trial)) is Outcome.NOT_MET


@pytest.mark.parametrize("wanted", [[1], [0]])
def test_noise_counts_whichever_way_it_turns_an_answer_though_somebody_wants_one_way(wanted: list[int]) -> None:
    def forgetful(row: Row) -> float:
        return 0.0 if round(float(str(row["distance"])) * 100) % 10 else steady(row)

    threat = {"who": "a carrier", "why": "a dock", "to": wanted}
    _, trial = turned_world(Answering(forgetful), threat=threat, immutable=["distance"], **QUICK)
    plain = {**declared(threat=threat, immutable=["distance"], **QUICK), "stress": {"noise": {"distance": 0.5}}}
    assert (measure(seen(System.model_validate(plain), trial), SHAKEN).lower or 0.0) > 0.05


def test_nothing_is_sent_to_an_endpoint_that_is_not_declared_for_tests() -> None:
    model = Answering(leaning)
    system, trial = turned_world(model, **QUICK)
    closed = system.model_copy(update={"model": system.model.model_copy(update={"test_endpoint": False})})
    model.asked = 0
    found = seen(closed, trial)
    assert model.asked == 0
    assert finding(found, "not-a-test-endpoint").weight is Weight.OPEN


@pytest.mark.slow
def test_the_most_that_will_be_asked_is_said_before_the_first_call_and_kept() -> None:
    given = [*rows(700, 1)]
    changed: list[Row] = []

    def seeing(row: Row) -> float:
        if row not in given:
            changed.append(row)
        return leaning(row)

    model = Answering(seeing)
    system, trial = turned_world(model, queries=60, rate="5/s")
    changed.clear()
    said_first: list[str] = []
    trial.say = lambda doing, share=None: said_first.append(doing) if model.asked == 0 else None  # type: ignore[method-assign]
    begun = trial.clock.monotonic()
    model.asked = model.requests = 0
    seen(system, trial)
    told = re.match(r"At most ([\d,]+) changed rows", said_first[0])
    assert told is not None, said_first[0]
    assert 0 < len(changed) <= int(told[1].replace(",", ""))
    assert trial.clock.monotonic() - begun >= (model.requests - 1) / 5.0 - 1e-6


@pytest.mark.slow
def test_a_guard_that_refuses_every_change_of_an_input_leaves_open_what_it_can_do() -> None:
    base = {(row["stops"], row["distance"]) for row in rows(700, 1)}
    stops = {row["distance"]: row["stops"] for row in rows(700, 1)}
    model = Answering(
        steady, refuses=lambda row: row["distance"] in stops and (row["stops"], row["distance"]) not in base
    )
    system, trial = turned_world(model, immutable=["distance"], **QUICK)
    found = seen(system, trial)
    assert finding(found, "changes-refused").fields == ("stops",)
    assert judged(CHECK, system, found) is Outcome.NOT_DETERMINED


def test_a_model_that_answers_at_random_is_not_judged() -> None:
    drawn = np.random.default_rng(1)
    system, trial = turned_world(Answering(steady), **QUICK)
    trial.answering = Answering(lambda _: float(drawn.random()))
    assert {f.code for f in seen(system, trial).findings} == {"not-repeatable"}


@pytest.mark.slow
def test_too_little_time_leaves_it_open() -> None:
    model = Answering(steady)
    system, trial = turned_world(model, immutable=["distance"], queries=80, rate="1/s", time="3s")
    found = seen(system, trial)
    assert finding(found, "not-finished").weight is Weight.OPEN
    assert judged(CHECK, system, found) is not Outcome.MET


@pytest.mark.slow
def test_labels_alone_are_enough_to_find_a_back_door_and_to_pass_without_one() -> None:
    for scores, expected in (
        (steady, Outcome.MET),
        (with_backdoor(steady, lambda row: row["carrier"] == "grey"), Outcome.NOT_MET),
    ):
        system, trial = turned_world(Answering(scores, label_only=True), immutable=["distance"], queries=250)
        assert judged(CHECK, system, seen(system, trial)) is expected


@pytest.mark.slow
def test_a_threat_with_a_direction_attacks_only_the_answers_that_somebody_would_turn() -> None:
    one_way = Answering(lambda row: 1.0 if int(str(row["stops"])) >= 11 else steady(row))
    for source, expected in ((0, Outcome.NOT_MET), (1, Outcome.MET)):
        threat = {"who": "a carrier", "why": "a dock", "from": [source]}
        system, trial = turned_world(one_way, threat=threat, immutable=["distance"], **ENOUGH)
        assert judged(CHECK, system, seen(system, trial)) is expected


@pytest.mark.slow
@pytest.mark.parametrize(("back_door", "expected"), [("grey", Outcome.NOT_MET), ("", Outcome.MET)])
def test_answers_that_are_rare_are_attacked_as_often_as_common_ones(back_door: str, expected: Outcome) -> None:
    def seldom(row: Row) -> float:
        return steady({**row, "distance": float(str(row["distance"])) - 560.0})

    model = Answering(lambda row: 0.0 if row["carrier"] == back_door else seldom(row))
    threat = {"who": "a carrier", "why": "a dock", "from": [1]}
    system, trial = turned_world(model, n=6000, threat=threat, immutable=["distance"], **ENOUGH)
    found = seen(system, trial)
    assert (measure(found, TURNED).n or 0) > 60
    assert judged(CHECK, system, found) is expected


@pytest.mark.parametrize(("changes", "code"), [({"immutable": list(INPUTS)}, "nothing-to-change")])
def test_nothing_that_can_be_changed_leaves_an_adversary_open(changes: Any, code: str) -> None:
    system, trial = turned_world(Answering(steady), **changes)
    found = seen(system, trial)
    assert finding(found, code).weight is Weight.OPEN
    assert judged(CHECK, system, found) is Outcome.NOT_DETERMINED


def test_few_rows_and_one_class_are_reasons() -> None:
    system, trial = turned_world(Answering(steady), n=60)
    found = CHECK.run(system, trial)
    assert isinstance(found, Reason)
    assert found.code == "too-few-rows"


@pytest.mark.slow
def test_a_regression_counts_what_moves_by_the_declared_amount() -> None:
    def minutes(row: Row) -> float:
        return 100.0 * steady(row) + (40.0 if row["carrier"] == "grey" else 0.0)

    class Minutes(Answering):
        def _answer(self, row: Row) -> Prediction:
            return Prediction(prediction=self.scores(row))

    for moved_by, expected in ((30.0, Outcome.NOT_MET), (60.0, Outcome.MET)):
        plain = declared(moved_by=moved_by, immutable=["distance"], **ENOUGH)
        plain["model"] |= {"task": "regression", "output": {"prediction": "minutes"}}
        plain["governance"] = {"metric": "within@20", "minimum": 0.5}
        made = rows(700, 1)
        said_of = [minutes(row) for row in made]
        columns: dict[str, Any] = {name: [row[name] for row in made] for name in INPUTS}
        columns |= {"late": said_of, PREDICTION: said_of, SCORE: pa.nulls(700, pa.float64())}
        columns[PROBLEM] = pa.nulls(700, pa.string())
        trial = TurnedTrial(Minutes(minutes), {"scored.evaluation": pa.table(columns)})
        system = System.model_validate(plain)
        assert judged(CHECK, system, seen(system, trial)) is expected


@pytest.mark.slow
def test_it_asks_a_real_server_in_batches() -> None:
    def answered(asked: Asked) -> Said:
        given = asked.json()["rows"]
        risks = [leaning(row) for row in given]
        return said({"predictions": [{"late": int(r >= 0.5), "risk": r} for r in risks]})

    _, planted = turned_world(Answering(leaning), n=300, **QUICK)
    table = planted.tables["scored.evaluation"]
    with Server(answered) as server:
        plain = declared(immutable=["distance", "yard"], **QUICK)
        plain["model"] |= {"endpoint": f"{server.url}/predict", "batch": 500}
        real = System.model_validate(plain)
        assert isinstance(table, pa.Table)
        with RealTrial(real, tables={"scored.evaluation": table.to_pylist()}) as trial:
            found = CHECK.run(real, trial)
    assert isinstance(found, Observation)
    assert finding(found, "cheap-turns").weight is Weight.GAP


def _terrain(*, fields: int, edits: int, budget: float = 0.6) -> Terrain:
    ordered = tuple(float(v) for v in range(11))
    return Terrain(
        grounds={
            f"x{i}": Ground(name=f"x{i}", declared=InputField(type="number"), ordered=ordered) for i in range(fields)
        },
        budget=budget,
        edits=edits,
    )


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize(("fields", "edits"), [(2, 2), (3, 2), (4, 2), (4, 3)])
def test_on_a_monotone_additive_score_it_finds_what_trying_everything_finds(fields: int, edits: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    weights = rng.uniform(0.1, 1.0, fields)
    terrain = _terrain(fields=fields, edits=edits)
    row = {f"x{i}": float(rng.integers(2, 6)) for i in range(fields)}
    start = sum(w * float(row[f"x{i}"]) for i, w in enumerate(weights))
    boundary = start + float(rng.uniform(1.0, 6.0))

    def answer(asked: Row) -> Prediction:
        total = sum(w * float(str(asked[f"x{i}"])) for i, w in enumerate(weights)) - boundary
        score = 1.0 / (1.0 + math.exp(-total))
        return Prediction(prediction=int(score >= 0.5), score=score)

    (found,) = attack(
        [(row, answer(row))],
        terrain,
        Aim(task="binary", act_at=0.5),
        lambda asked: [answer(one) for one in asked],
        queries=5000,
    )
    singles = terrain.moves(row, 5000)
    best = math.inf
    for size in range(1, edits + 1):
        for chosen in combinations(terrain.grounds, size):
            for moves in product(*([m for m in singles if m.field == name] for name in chosen)):
                cost = sum(move.cost for move in moves)
                changed = {**row, **{move.field: move.value for move in moves}}
                if cost <= terrain.budget + 1e-9 and answer(changed).prediction == 1:
                    best = min(best, cost)
    if math.isinf(best):
        assert found.best is None
    else:
        assert found.best is not None
        assert found.best.cost <= best + 1e-9


def test_a_turn_is_shortened_to_the_smallest_change_that_still_turns() -> None:
    terrain = _terrain(fields=1, edits=1)

    def answer(asked: Row) -> Prediction:
        return Prediction(prediction=int(float(str(asked["x0"])) > 6.2), score=float(str(asked["x0"])) / 12.4)

    (found,) = attack(
        [({"x0": 5.0}, answer({"x0": 5.0}))],
        terrain,
        Aim(task="binary", act_at=0.5),
        lambda asked: [answer(one) for one in asked],
        queries=60,
    )
    assert found.best is not None
    assert 6.2 <= float(str(found.best.moves[0].value)) < 6.3


def test_walking_back_from_a_real_row_keeps_only_what_is_needed() -> None:
    terrain = _terrain(fields=4, edits=2, budget=2.0)

    def answer(asked: Row) -> Prediction:
        return Prediction(prediction=int(float(str(asked["x1"])) > 7 and float(str(asked["x3"])) > 7))

    def ask(asked: Any) -> list[Prediction]:
        return [answer(one) for one in asked]

    row = {f"x{i}": 2.0 for i in range(4)}
    donor = {f"x{i}": 9.0 for i in range(4)}
    aim = Aim(task="binary")
    attacked = attack([(row, answer(row))], terrain, aim, ask, queries=10)
    walk_back(attacked, [(donor, answer(donor))], terrain, aim, ask, queries=100)
    assert attacked[0].best is not None
    assert {move.field for move in attacked[0].best.moves} == {"x1", "x3"}


def test_what_follows_from_a_change_changes_with_it_and_kept_relations_stay_kept() -> None:
    gross = parse_relation("gross == net + tare")
    later = parse_relation("arrives >= leaves")
    terrain = Terrain(grounds={}, relations=(later,), followers={"gross": gross})
    row: Row = {"gross": 12, "net": 10, "tare": 2, "arrives": 9, "leaves": 8}
    ground = Ground(name="net", declared=InputField(type="integer"), ordered=(8.0, 10.0, 11.0))
    move = next(m for m in Terrain(grounds={"net": ground}).moves(row, 10) if m.value == 11)
    assert terrain.changed(row, [move]) == {**row, "net": 11, "gross": 13}
    clock = Ground(name="leaves", declared=InputField(type="integer"), ordered=(8.0, 10.0))
    late = next(m for m in Terrain(grounds={"leaves": clock}, budget=1.0).moves(row, 10) if m.value == 10)
    assert terrain.changed(row, [late]) is None
    assert terrain.changed({**row, "arrives": 7}, [late]) is not None


def test_inputs_that_cannot_be_changed_are_left_out_of_the_terrain() -> None:
    plain = declared(mutable=["yard", "stops"], relations=["stops == yard + 1"])
    system = System.model_validate(plain)
    fields = {name: InputField.model_validate(each) for name, each in INPUTS.items()}
    assert set(terrain_of(system, fields, rows(50, 1)).grounds) == {"yard"}
