"""Governance: rules that fire, a way back that is proven by what is served, workflows that go on by hand."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from plants.planted_trial import NOW, PlantedSource, PlantedTable, PlantedTrial
from seatrial.core.check import PREDICTION, PROBLEM, SCORE, Check
from seatrial.core.errors import Malformed
from seatrial.core.observation import Json, Observation
from seatrial.core.ports import Clock, Prediction, Reply, ReplyKind, Row, StepResult
from seatrial.core.vocabulary import MeasureKind, Weight
from seatrial.domains.governance import fallback, offline_thresholds, rollback
from seatrial.spec.system import System

WAY = """
procedure: {name}
before: [{{name: now, kind: http, with: {{url: "http://127.0.0.1:1/is/now"}}, deadline: 9s}}]
steps: [{{name: change, kind: command, with: {{run: [change]}}, deadline: 9s}}]
target: [{{name: there, kind: http, with: {{url: "http://127.0.0.1:1/is/there"}}, deadline: 9s}}]
restore: [{{name: back, kind: command, with: {{run: [back]}}, deadline: 9s}}]
restored: [{{name: now again, kind: http, with: {{url: "http://127.0.0.1:1/is/now"}}, deadline: 9s}}]
"""


HAND_LANDS = {"source": "sheet.csv", "key": "item"}
HAND = {"procedure": "hand.yaml", "needed": "45/h", "lands": HAND_LANDS}


class Served:
    """What the planted production serves, and what its procedures really do to it."""

    def __init__(self, trial: PlantedTrial, *, takes_s: float = 1.0, finishes: int = 0) -> None:
        self.state = "now"
        self.changes_to = "there"
        self.comes_back_to = "now"
        self.fails = False
        self.takes_s = takes_s
        self.finishes = finishes
        self.sheet: list[dict[str, Json]] = [{"item": "from yesterday", "by": "hand"}]
        trial.tables["landing.docks"] = PlantedTable(self.sheet)
        trial.hands.does = self.do

    def do(self, kind: str, settings: Mapping[str, Json]) -> StepResult:
        if kind == "http":
            right = str(settings["url"]).endswith(f"/is/{self.state}")
            return StepResult(ok=right, duration_s=0.1, output="" if right else f"{self.state} is served")
        if settings["run"] == ["change"]:
            if self.fails:
                return StepResult(ok=False, duration_s=0.1, output="it ended with exit code 3")
            self.state = self.changes_to
            self.sheet += [{"item": f"d{n}", "by": "hand"} for n in range(self.finishes)]
            return StepResult(ok=True, duration_s=self.takes_s, output="done\n" * 20)
        self.state = self.comes_back_to
        return StepResult(ok=True, duration_s=0.1)


def system(**changes: Any) -> System:
    declared: dict[str, Any] = {
        "system": "arrival-delay",
        "version": "1",
        "people": {"lena": {"name": "Lena"}},
        "signers": {"legal": "lena"},
        "model": {"task": "binary", "endpoint": "http://127.0.0.1:1/predict", "output": {"score": "risk"}},
        "data": {
            "evaluation": {"source": "e.parquet", "label": "late"},
            "freshness": [{"source": "weather", "at": "observed_at", "at_most": "2h"}],
        },
        "integrations": {"weather": {"kind": "http", "test": {"url": "http://127.0.0.1:1"}}},
        "rollback": {"procedure": "back.yaml", "within": "1m"},
        "workflows": {"docks": {"fallback": HAND}},
        "governance": {
            "offline": "off.yaml",
            "offline_when": [
                {"metric": "recall@0.5", "below": 0.6, "over": "500 labels"},
                {"category": "false-alarm", "above": "40 %"},
                {"freshness": "weather", "older_than": "6h"},
                {"event": "regulator-notice"},
            ],
        },
    }
    return System.model_validate({**declared, **changes})


def labelled(*, right: float = 0.8, n: int = 1000) -> PlantedTable:
    rows: list[dict[str, Json]] = []
    for i in range(n):
        late = i % 4 == 0
        correct = (i // 4) % 100 < right * 100
        score = 0.9 if late == correct else 0.1
        rows.append({"late": int(late), PREDICTION: int(score >= 0.5), SCORE: score, PROBLEM: None})
    return PlantedTable(rows)


def trial() -> PlantedTrial:
    planted = PlantedTrial(
        files={f"{name}.yaml": WAY.format(name=name).encode() for name in ("back", "hand", "off")},
    )
    planted.tables["scored.evaluation"] = labelled()
    planted.sources["weather"] = PlantedSource([{"observed_at": NOW.isoformat(), "temp": 40.0}])
    return planted


def look(check: Check[System], declared: System, planted: PlantedTrial) -> Observation:
    seen = check.run(declared, planted)
    assert isinstance(seen, Observation)
    assert {f.code for f in seen.findings} <= set(check.codes)
    gated = {m.name for m in seen.measures if m.kind is MeasureKind.GATE}
    assert gated <= {t.measure for t in check.limits(declared)}
    return seen


def codes(seen: Observation) -> set[str]:
    return {f.code for f in seen.findings}


def value(seen: Observation, name: str) -> float | None:
    return next(m.value for m in seen.measures if m.name == name)


@pytest.mark.parametrize(
    ("rule", "late"),
    [
        ({"metric": "recall@0.5", "below": 0.6, "over": "500 labels"}, False),
        ({"metric": "recall@0.5", "below": 0.05, "over": "500 labels"}, True),
        ({"metric": "accuracy", "below": 0.5}, True),
        ({"metric": "accuracy", "below": 0.7}, False),
        ({"category": "false-alarm", "above": "40 %"}, False),
        ({"category": "false-alarm", "above": "99 %"}, True),
        ({"category": "error", "above": "35 %"}, False),
        ({"category": "error", "above": "95 %"}, True),
    ],
)
def test_a_rule_that_only_a_model_worse_than_chance_could_trip_is_a_gap(rule: dict[str, Any], late: bool) -> None:
    declared = system(governance={"offline": "off.yaml", "offline_when": [rule, {"event": "regulator-notice"}]})
    planted = trial()
    Served(planted)
    found = codes(look(offline_thresholds.CHECK, declared, planted))
    assert found == ({"rule-fires-too-late"} if late else set())


class _Model:
    """Answers by its weights, whatever version its server tells."""

    def __init__(self, served: Served, *, loads: bool, renames: bool, scores: bool = True) -> None:
        self.served, self.loads, self.renames, self.scores = served, loads, renames, scores

    def identity(self) -> str:
        return self.served.state if self.renames else "one"

    def request(self, rows: Sequence[Row]) -> None:
        del rows

    def predict(self, rows: Sequence[Row]) -> Reply:
        weight = 0.5 if self.loads and self.served.state != "now" else 1.0
        answers = (weight * float(str(row["x"])) / 100.0 for row in rows)
        told = tuple(Prediction(prediction=int(a > 0.9), score=a if self.scores else None) for a in answers)
        return Reply(kind=ReplyKind.OK, latency_s=0.0, predictions=told)


@pytest.mark.parametrize(
    ("loads", "renames", "at_the_model", "weight"),
    [
        (True, True, True, None),
        (True, False, True, None),
        (False, True, True, Weight.GAP),
        (False, False, True, Weight.OPEN),
        (False, False, False, Weight.NOTE),
    ],
)
def test_a_way_back_after_which_every_answer_stays_is_none(
    loads: bool, renames: bool, at_the_model: bool, weight: Weight | None
) -> None:
    planted = trial()
    planted.tables["evaluation"] = PlantedTable([{"x": float(n)} for n in range(80)])
    served = Served(planted)
    planted.served_model = _Model(served, loads=loads, renames=renames)
    model = {
        "task": "binary",
        "endpoint": f"http://{'127.0.0.1:1' if at_the_model else '127.0.0.1:2'}/predict",
        "inputs": {"x": {"type": "number"}},
        "output": {"score": "risk"},
    }
    seen = look(rollback.CHECK, system(model=model), planted)
    assert value(seen, "number of clean drills in a row") == 3.0
    assert [f.weight for f in seen.findings] == ([weight] if weight else [])


class _Choosy(_Model):
    """Refuses a whole request for one row that it does not take."""

    def predict(self, rows: Sequence[Row]) -> Reply:
        if any(float(str(row["x"])) % 10 == 0 for row in rows):
            return Reply(kind=ReplyKind.REFUSED, latency_s=0.0, status=422)
        return super().predict(rows)


@pytest.mark.parametrize("loads", [True, False])
def test_rows_that_the_model_refuses_do_not_hide_that_its_answers_stay(loads: bool) -> None:
    planted = trial()
    planted.tables["evaluation"] = PlantedTable([{"x": float(n)} for n in range(80)])
    planted.served_model = _Choosy(Served(planted), loads=loads, renames=True)
    model = {
        "task": "binary",
        "endpoint": "http://127.0.0.1:1/predict",
        "inputs": {"x": {"type": "number"}},
        "output": {"score": "risk"},
    }
    seen = look(rollback.CHECK, system(model=model), planted)
    assert [(f.code, f.weight) for f in seen.findings] == ([] if loads else [("served-model-unchanged", Weight.GAP)])


class _Loaded(_Model):
    """Goes on with the weights that it was loaded with, while its file is exchanged."""

    state = ""

    def load_anew(self) -> None:
        self.state = ""

    def predict(self, rows: Sequence[Row]) -> Reply:
        self.state = self.state or self.served.state
        weight = 0.5 if self.state != "now" else 1.0
        told = tuple(Prediction(prediction=0, score=weight * float(str(row["x"]))) for row in rows)
        return Reply(kind=ReplyKind.OK, latency_s=0.0, predictions=told)


class _Slow(_Model):
    """Takes a minute for its rows."""

    def __init__(self, served: Served, clock: Clock) -> None:
        super().__init__(served, loads=True, renames=True)
        self.clock = clock

    def predict(self, rows: Sequence[Row]) -> Reply:
        self.clock.sleep(60.0)
        return super().predict(rows)


def test_a_model_that_is_loaded_here_is_loaded_anew_to_see_its_way_back() -> None:
    planted = trial()
    planted.tables["evaluation"] = PlantedTable([{"x": float(n)} for n in range(80)])
    loaded = _Loaded(Served(planted), loads=True, renames=True)
    planted.served_model = loaded
    model = {"task": "binary", "onnx": "m.onnx", "inputs": {"x": {"type": "number"}}, "output": {"score": "risk"}}
    assert codes(look(rollback.CHECK, system(model=model), planted)) == set()
    assert loaded.state == "", "whoever asks next would be answered by the model of the drill"


def test_asking_the_model_afterwards_is_no_part_of_the_way_back() -> None:
    planted = trial()
    planted.tables["evaluation"] = PlantedTable([{"x": float(n)} for n in range(80)])
    planted.served_model = _Slow(Served(planted, takes_s=4.0), planted.clock)
    model = {"task": "binary", "endpoint": "http://127.0.0.1:1/predict", "inputs": {"x": {"type": "number"}}}
    assert value(look(rollback.CHECK, system(model=model), planted), "longest drill") == pytest.approx(4.1)


def test_versions_may_agree_on_answers_of_few_kinds() -> None:
    planted = trial()
    planted.tables["evaluation"] = PlantedTable([{"x": float(n % 5)} for n in range(80)])
    planted.served_model = _Model(Served(planted), loads=False, renames=True)
    model = {"task": "binary", "endpoint": "http://127.0.0.1:1/predict", "inputs": {"x": {"type": "number"}}}
    seen = look(rollback.CHECK, system(model={**model, "output": {"score": "risk"}}), planted)
    assert [(f.code, f.weight) for f in seen.findings] == [("served-model-unchanged", Weight.NOTE)]


def test_three_clean_drills_bound_the_time_of_the_next_rollback() -> None:
    planted = trial()
    Served(planted, takes_s=4.0)
    seen = look(rollback.CHECK, system(), planted)
    assert codes(seen) == set()
    assert value(seen, "number of clean drills in a row") == 3.0
    assert value(seen, "longest drill") == pytest.approx(4.1)
    following = next(m for m in seen.measures if m.name == "time of the next rollback")
    assert following.upper is not None
    assert 4.1 < following.upper < 60.0


def test_a_rollback_that_exits_0_and_leaves_the_wrong_version_did_not_work() -> None:
    planted = trial()
    Served(planted).changes_to = "the model without its encoder"
    seen = look(rollback.CHECK, system(), planted)
    assert "wrong-state-after-rollback" in codes(seen)
    assert value(seen, "number of clean drills in a row") == 0.0


def test_what_is_too_long_to_be_said_ends_tidily() -> None:
    planted = trial()
    Served(planted).changes_to = "the model with the encoder of another version, " * 6
    seen = look(rollback.CHECK, system(), planted)
    said = next(f.summary for f in seen.findings if f.code == "wrong-state-after-rollback")
    assert re.search(r"\w …$", said), said


def test_a_way_back_whose_proof_holds_before_it_begins_proves_nothing_and_is_not_walked() -> None:
    nowhere = WAY.format(name="back").replace("is/there", "is/now")
    planted = PlantedTrial(files={"back.yaml": nowhere.encode()})
    Served(planted)
    seen = look(rollback.CHECK, system(), planted)
    assert codes(seen) == {"target-proves-nothing"}
    assert value(seen, "number of clean drills in a row") == 0.0
    assert not any(settings.get("run") == ["change"] for settings in planted.hands.ran)


def test_a_step_that_fails_is_restored_and_said() -> None:
    planted = trial()
    Served(planted).fails = True
    seen = look(rollback.CHECK, system(), planted)
    assert codes(seen) == {"rollback-failed"}
    assert "exit code 3" in seen.findings[0].summary


def test_production_in_another_state_stops_the_drill_before_it_begins() -> None:
    planted = trial()
    Served(planted).state = "elsewhere"
    assert "state-before-not-proven" in codes(look(rollback.CHECK, system(), planted))
    assert not any(settings.get("run") == ["change"] for settings in planted.hands.ran)


def test_a_drill_that_does_not_bring_production_back_is_a_gap_and_the_last_one() -> None:
    planted = trial()
    Served(planted).comes_back_to = "nowhere"
    seen = look(rollback.CHECK, system(), planted)
    assert codes(seen) == {"not-restored"}
    assert sum(settings.get("run") == ["change"] for settings in planted.hands.ran) == 1


def test_no_way_back_and_a_window_that_is_too_long_are_gaps() -> None:
    assert codes(look(rollback.CHECK, system(rollback=None), trial())) == {"no-rollback"}
    planted = trial()
    Served(planted)
    long = system(criticality="critical", rollback={"procedure": "back.yaml", "within": "5h"})
    assert "window-too-long" in codes(look(rollback.CHECK, long, planted))


def test_what_is_done_by_hand_is_counted_and_bounded_against_what_is_needed() -> None:
    planted = trial()
    Served(planted, takes_s=8.0, finishes=20)
    seen = look(fallback.CHECK, system(), planted)
    assert codes(seen) == set()
    rate = next(m for m in seen.measures if m.name == "rate of docks by hand")
    assert rate.n == 20
    assert rate.value == pytest.approx(20 / 8 * 3600)
    assert rate.lower is not None
    assert rate.lower < 20 / 8 * 3600
    assert rate.limit == pytest.approx(45.0)


def test_a_rehearsal_that_finishes_nothing_is_no_capacity() -> None:
    planted = trial()
    Served(planted, takes_s=8.0)
    seen = look(fallback.CHECK, system(), planted)
    assert codes(seen) == {"nothing-landed"}
    rate = seen.measures[0]
    assert rate.value == 0.0
    assert rate.lower == 0.0


@pytest.mark.parametrize(
    ("declared", "code"),
    [
        (None, "no-fallback"),
        ({"procedure": "by-hand.md", "needed": "45/h"}, "fallback-not-executable"),
        ({"procedure": "hand.yaml", "needed": "45/h"}, "no-landing"),
    ],
)
def test_a_workflow_without_a_rehearsable_fallback_is_a_gap_even_when_another_has_one(
    declared: dict[str, str] | None, code: str
) -> None:
    planted = trial()
    Served(planted, takes_s=8.0, finishes=20)
    docks = {"fallback": HAND}
    seen = look(fallback.CHECK, system(workflows={"docks": docks, "yard": {"fallback": declared}}), planted)
    assert code in codes(seen)
    assert seen.proof == 0


def test_what_was_there_before_or_was_put_there_by_others_is_nobodys_work_by_hand() -> None:
    planted = trial()
    served = Served(planted, takes_s=8.0, finishes=3)
    served.sheet += [{"item": f"d{n}", "by": "hand"} for n in range(3)]
    assert look(fallback.CHECK, system(), planted).measures[0].n == 3, "the same items once more are work once more"
    docks = {"fallback": {**HAND, "lands": {**HAND_LANDS, "matching": {"by": "somebody else"}}}}
    planted = trial()
    Served(planted, takes_s=8.0, finishes=3)
    assert codes(look(fallback.CHECK, system(workflows={"docks": docks}), planted)) == {"nothing-landed"}


def test_work_is_counted_at_an_integration_and_once_for_each_item() -> None:
    docks = {"fallback": {**HAND, "lands": {"integration": "weather", "key": "item", "matching": {"by": "HAND "}}}}
    planted = trial()
    served = Served(planted, takes_s=8.0, finishes=5)
    planted.sources["weather"] = PlantedSource(served.sheet)
    served.sheet.append({"item": "d0", "by": "model"})
    seen = look(fallback.CHECK, system(workflows={"docks": docks}), planted)
    assert codes(seen) == set()
    assert seen.measures[0].n == 5


def test_a_sheet_without_the_named_column_is_not_counted_at_all() -> None:
    planted = trial()
    Served(planted, takes_s=8.0, finishes=5)
    docks = {"fallback": {**HAND, "lands": {"source": "sheet.csv", "key": "ticket"}}}
    with pytest.raises(Malformed, match="no column ticket"):
        fallback.CHECK.run(system(workflows={"docks": docks}), planted)
    assert not planted.hands.ran


def test_a_fallback_that_changes_nothing_is_not_begun() -> None:
    planted = trial()
    planted.files.contents["hand.yaml"] = WAY.format(name="hand").replace("is/there", "is/now").encode()
    Served(planted, takes_s=8.0, finishes=20)
    seen = look(fallback.CHECK, system(), planted)
    assert codes(seen) == {"target-proves-nothing"}
    assert not seen.measures
    assert not any(settings.get("run") == ["change"] for settings in planted.hands.ran)


def test_a_fallback_that_nothing_proves_to_be_undone_is_a_gap() -> None:
    planted = trial()
    way = WAY.format(name="hand")
    planted.files.contents["hand.yaml"] = way[: way.index("restored:")].encode()
    Served(planted, takes_s=8.0, finishes=20)
    assert codes(look(fallback.CHECK, system(), planted)) == {"not-restored"}


def test_a_fallback_that_fails_or_is_not_undone_is_a_gap_and_no_workflow_at_all_too() -> None:
    planted = trial()
    Served(planted).fails = True
    assert "fallback-failed" in codes(look(fallback.CHECK, system(), planted))
    planted = trial()
    Served(planted).comes_back_to = "nowhere"
    assert "not-restored" in codes(look(fallback.CHECK, system(), planted))
    assert codes(look(fallback.CHECK, system(workflows={}), trial())) == {"no-workflow"}


def test_every_rule_fires_on_planted_harm_stays_silent_in_health_and_trips_the_procedure() -> None:
    planted = trial()
    served = Served(planted)
    seen = look(offline_thresholds.CHECK, system(), planted)
    assert codes(seen) == set()
    assert value(seen, "number of rules that fired on planted harm") == 4.0
    assert any(settings.get("run") == ["change"] for settings in planted.hands.ran)
    assert served.state == "now"


def test_a_rule_that_fires_on_todays_outputs_is_a_gap() -> None:
    planted = trial()
    Served(planted)
    planted.tables["scored.evaluation"] = labelled(right=0.4)
    assert codes(look(offline_thresholds.CHECK, system(), planted)) == {"rule-fires-on-health"}


def test_a_trip_after_which_the_model_still_answers_is_a_gap() -> None:
    planted = trial()
    Served(planted).changes_to = "still online"
    assert "trip-failed" in codes(look(offline_thresholds.CHECK, system(), planted))


def rules(*declared: dict[str, Any], **more: Any) -> System:
    return system(governance={"offline": "off.yaml", "offline_when": list(declared), **more})


@pytest.mark.parametrize(
    ("declared", "code"),
    [
        (rules(), "no-offline-rule"),
        (rules({"event": "regulator-notice"}), "no-performance-rule"),
        (rules({"metric": "recall@0.5", "below": 0.6}), "no-regulatory-rule"),
        (rules({"event": "regulator-notice"}, offline=None), "no-offline-procedure"),
        (rules({"metric": "recall@0.5", "below": 0.6, "over": "20 labels"}), "rule-not-executable"),
        (rules({"metric": "recall@0.5", "below": 0.6, "over": "5000 labels"}), "rule-not-executable"),
        (rules({"metric": "charm", "below": 0.6}), "rule-not-executable"),
        (rules({"metric": "auc", "below": 0.6}), "rule-not-executable"),
        (rules({"metric": "mcc", "below": 0.1}), "rule-not-executable"),
        (rules({"category": "false-alarm", "above": "40 per day"}), "rule-not-executable"),
        (rules({"freshness": "erp", "older_than": "6h"}), "rule-not-executable"),
        (rules({"metric": "recall@0.5", "below": 0.0}), "rule-does-not-fire"),
    ],
)
def test_a_rule_that_is_missing_or_cannot_fire_is_a_gap(declared: System, code: str) -> None:
    planted = trial()
    Served(planted)
    assert code in codes(look(offline_thresholds.CHECK, declared, planted))


def test_an_event_that_nobody_may_raise_is_no_rule() -> None:
    planted = trial()
    Served(planted)
    assert "rule-not-executable" in codes(look(offline_thresholds.CHECK, system(signers={}), planted))
