"""model.failure-modes: weak slices, the register that answers them, and the power of the search."""

from __future__ import annotations

import json
import re
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from plants.scored_trial import ScoredTrial, World, world
from plants.told import codes, finding
from seatrial.core.check import PREDICTION, Check
from seatrial.core.codec import from_data, to_data
from seatrial.core.observation import Measure, Observation, Reason
from seatrial.core.vocabulary import MeasureKind, Weight
from seatrial.domains.model import out_of_sample, search_power, searching, threshold
from seatrial.domains.model.failure_modes import CHECK
from seatrial.domains.model.searching import POWER
from seatrial.spec.conditions import parse_condition
from seatrial.spec.problem import SpecErrors
from seatrial.spec.system import System

ENTRY = """failure_modes:
  - id: red-long
    when: carrier == "red" and load > 0.5
    consequence: the dock is blocked
    handling: the planner calls the carrier
    owner: olga
"""


@pytest.fixture(autouse=True)
def _few_plants(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search_power, "PLANTS", (20,))


def even(n: int = 4000, *, error: float = 0.08, seed: int = 1) -> World:
    """A world whose model is wrong at random, everywhere alike."""
    made = world(n=n, live=500, seed=seed)
    columns = made.columns["scored.evaluation"]
    wrong = np.random.default_rng(seed).random(n) < error
    columns[PREDICTION] = np.where(wrong, 1 - columns["late"], columns["late"])
    return made


def spoil(made: World, where: str, rate: float) -> None:
    """Make the model wrong at that rate where the (numpy) expression over the columns holds."""
    columns = made.columns["scored.evaluation"]
    inside = eval(where, {"np": np}, {k: np.asarray(v) for k, v in columns.items() if k.isidentifier()})  # noqa: S307
    wrong = inside & (np.random.default_rng(9).random(inside.size) < rate)
    columns[PREDICTION] = np.where(wrong, 1 - np.asarray(columns["late"]), columns[PREDICTION])


def observe(made: World, trial: ScoredTrial | None = None) -> Observation:
    found = CHECK.run(made.system(), trial or attested(made))
    assert isinstance(found, Observation), found
    return found


def attested(made: World) -> ScoredTrial:
    trial = made.trial()
    trial.parts["failure-modes"] = "f1"
    trial.attest("olga", "failure-modes", "failure-modes.yaml", "failure-modes")
    return trial


def measure(found: Observation) -> Measure:
    return next(m for m in found.measures if m.name == "power of the search for weak slices")


def test_a_model_that_is_wrong_at_random_has_no_weak_slice_and_a_search_that_would_have_found_one() -> None:
    found = observe(even(8000))
    assert codes(found, Weight.GAP, Weight.NOTE) == set()
    assert found.proof == 1
    power = measure(found)
    assert power.kind is MeasureKind.VALIDITY
    assert (power.value or 0) >= 0.9


def test_a_planted_weak_slice_is_a_gap_in_words_with_an_entry_to_paste() -> None:
    made = even()
    spoil(made, "(carrier == 'red') & (load > 0.5)", 0.35)
    found = finding(observe(made), "unanswered-failure-mode")
    assert found.weight is Weight.GAP
    assert set(found.fields) == {"carrier", "load"}
    assert "carrier is red" in found.summary
    assert "% of live traffic" in found.summary
    assert "- id: " in found.remedy
    assert "owner: TODO" in found.remedy


def test_the_entries_to_paste_answer_the_slices_once_they_are_completed() -> None:
    made = even()
    spoil(made, "(carrier == 'red') & (load > 0.5)", 0.35)
    asked = [f for f in observe(made).findings if f.code == "unanswered-failure-mode"]
    entries = "".join(f.remedy.split(":\n", 1)[1] for f in asked)
    for field, value in (("consequence", "late"), ("handling", "call"), ("owner", "olga")):
        entries = entries.replace(f"{field}: TODO", f"{field}: {value}")
    made.files["failure-modes.yaml"] = ("failure_modes:\n" + entries).encode()
    found = observe(made)
    assert codes(found, Weight.GAP) == set()
    assert "answered-failure-mode" in codes(found)
    assert found.proof == 1 + len(asked)


def test_an_entry_in_peoples_own_words_answers_the_slice() -> None:
    made = even()
    spoil(made, "(carrier == 'red') & (load > 0.5)", 0.35)
    made.files["failure-modes.yaml"] = ENTRY.encode()
    assert codes(observe(made), Weight.GAP) == set()


def test_an_entry_about_something_else_answers_nothing() -> None:
    made = even()
    spoil(made, "(carrier == 'red') & (load > 0.5)", 0.35)
    made.files["failure-modes.yaml"] = ENTRY.replace('"red"', '"grey"').encode()
    assert "unanswered-failure-mode" in codes(observe(made), Weight.GAP)


@pytest.mark.parametrize(("broken", "told"), [(1, False), (10, True)])
def test_one_machine_that_fails_is_no_condition_and_ten_of_ten_are(broken: int, *, told: bool) -> None:
    made = even(6000, error=0.06)
    columns = made.columns["scored.evaluation"]
    machine = np.arange(6000) % 100
    columns["id"] = np.array([f"m{m}" for m in machine])
    columns["carrier"] = np.where(machine < 10, "site", "rest")
    spoil(made, f"np.isin(id, ['m%d' % m for m in range({broken})])", 0.9 if broken == 1 else 0.3)
    assert ("carrier" in {name for f in observe(made).findings for name in f.fields}) is told


def test_an_entry_over_half_of_the_rows_does_not_answer_every_slice() -> None:
    made = even(8000)
    spoil(made, "(carrier == 'red') & (load > 0.5)", 0.5)
    spoil(made, "(carrier == 'green') & (temp > 16)", 0.5)
    wide = ENTRY.replace('carrier == "red" and load > 0.5', 'carrier in ["red", "green"]')
    made.files["failure-modes.yaml"] = wide.encode()
    found = observe(made)
    unanswered = [f for f in found.findings if f.code == "unanswered-failure-mode"]
    assert {frozenset(f.fields) for f in unanswered} == {frozenset({"carrier", "load"}), frozenset({"carrier", "temp"})}
    assert all(f.remedy.startswith("red-long holds here too, and for ") for f in unanswered)


def test_an_entry_is_as_good_for_a_part_of_its_rows_that_is_no_worse_than_the_rest_of_them() -> None:
    made = even(8000)
    spoil(made, "carrier == 'red'", 0.4)
    made.files["failure-modes.yaml"] = ENTRY.replace(" and load > 0.5", "").encode()
    assert codes(observe(made), Weight.GAP) == set()


def test_a_missing_value_can_be_a_weak_slice() -> None:
    made = even()
    for table in ("evaluation", "scored.evaluation"):
        columns = made.columns[table]
        gone = np.arange(4000) % 12 == 0
        columns["temp"] = pa.array(columns["temp"], mask=gone)
    columns = made.columns["scored.evaluation"]
    flip = (np.arange(4000) % 12 == 0) & (np.random.default_rng(3).random(4000) < 0.4)
    columns[PREDICTION] = np.where(flip, 1 - columns["late"], columns[PREDICTION])
    assert "temp is missing" in finding(observe(made), "unanswered-failure-mode").summary


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (("handling: the planner calls the carrier", "handling: TODO"), "incomplete-entry"),
        (("owner: olga", "owner:"), "incomplete-entry"),
        (("consequence: the dock is blocked\n    ", ""), "incomplete-entry"),
        (("owner: olga", "owner: max"), "unknown-owner"),
        (("carrier ==", "carier =="), "unknown-field"),
        (('carrier == "red" and load > 0.5', "load > 0.1"), "entry-too-broad"),
    ],
)
def test_an_entry_that_nobody_can_act_on_is_a_gap_and_answers_nothing(change: tuple[str, str], code: str) -> None:
    made = even()
    spoil(made, "(carrier == 'red') & (load > 0.5)", 0.35)
    made.files["failure-modes.yaml"] = ENTRY.replace(*change).encode()
    assert {code, "unanswered-failure-mode"} <= codes(observe(made), Weight.GAP)


def test_an_owner_who_left_answers_for_nothing() -> None:
    made = even(1000)
    made.files["failure-modes.yaml"] = ENTRY.encode()
    made.declared["people"]["olga"]["left_on"] = "2026-11-01"
    assert "unknown-owner" in codes(observe(made), Weight.GAP)


def test_an_unreadable_register_names_every_problem() -> None:
    made = even(300)
    made.files["failure-modes.yaml"] = b"failure_modes:\n  - {id: a, when: 'load >'}\n  - {id: b, when: open(1)}\n"
    with pytest.raises(SpecErrors) as caught:
        CHECK.run(made.system(), attested(made))
    assert len(caught.value.problems) == 2


def test_no_register_is_a_gap() -> None:
    made = even(1000)
    del made.declared["failure_modes"]
    assert "no-register" in codes(observe(made), Weight.GAP)


def test_a_register_counts_only_as_attested_and_only_by_the_person_themselves() -> None:
    made = even(1000)
    assert "register-not-attested" in codes(observe(made, made.trial()), Weight.GAP)
    trial = attested(made)
    made.files["failure-modes.yaml"] = ENTRY.encode()
    trial.files.contents["failure-modes.yaml"] = ENTRY.encode()
    assert "register-not-attested" in codes(observe(made, trial), Weight.GAP)


def test_few_rows_leave_the_search_without_power_and_say_how_many_more() -> None:
    observation = observe(even(400))
    found = measure(observation)
    assert (found.lower or 0) < 0.8
    assert found.needed is not None
    assert found.needed > 400
    weak = finding(observation, "search-too-weak")
    assert (weak.weight, weak.explains) == (Weight.OPEN, (found.name,))
    assert "Label about" in weak.remedy


def test_where_no_number_of_rows_gives_the_search_its_power_the_remedy_says_what_would(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(searching, "rows_needed", lambda *_: None)
    assert "improve the model" in finding(observe(even(400)), "search-too-weak").remedy


def test_a_slice_below_the_smallest_harm_is_a_note() -> None:
    made = even(20_000, error=0.05)
    spoil(made, "load > 0.65", 0.04)
    assert "small-failure-mode" in codes(observe(made), Weight.NOTE)
    assert codes(observe(made), Weight.GAP) == set()


def test_a_model_without_errors_is_noted() -> None:
    made = even(2000, error=0.0)
    assert "no-errors" in codes(observe(made), Weight.NOTE)


@pytest.mark.parametrize("n", [3, 99])
def test_too_few_rows_end_in_a_reason(n: int) -> None:
    made = even(n)
    made.columns["scored.evaluation"]["late"] = np.arange(n) % 2
    found = CHECK.run(made.system(), attested(made))
    assert isinstance(found, Reason)
    assert found.code == "too-few-rows"


def test_undeclared_inputs_and_inputs_without_variety_end_in_a_reason() -> None:
    made = even(500)
    columns = made.columns["scored.evaluation"]
    columns.update(distance=np.ones(500), temp=pa.nulls(500), carrier=np.array(["x"] * 500), load=np.full(500, np.nan))
    found = CHECK.run(made.system(), attested(made))
    assert isinstance(found, Reason)
    assert found.code == "nothing-to-slice"
    del made.declared["model"]["inputs"]
    found = CHECK.run(made.system(), attested(made))
    assert isinstance(found, Reason)
    assert found.code == "inputs-undeclared"


def test_the_order_of_the_rows_and_another_seed_change_nothing() -> None:
    made = even()
    spoil(made, "(carrier == 'red') & (load > 0.5)", 0.35)
    before = [f.summary for f in observe(made).findings]
    order = np.random.default_rng(5).permutation(4000)
    columns = made.columns["scored.evaluation"]
    for name, values in columns.items():
        columns[name] = values.take(pa.array(order)) if isinstance(values, pa.Array) else values[order]
    trial = attested(made)
    trial.seed = 99
    assert [f.summary for f in observe(made, trial).findings] == before


def test_large_errors_of_a_regression_are_sliced_by_the_governed_tolerance() -> None:
    made = even()
    made.declared["model"].update(task="regression", output={"prediction": "minutes"})
    made.declared["governance"].update(metric="within@10", minimum=0.5, metrics=[])
    columns = made.columns["scored.evaluation"]
    rng = np.random.default_rng(2)
    columns["late"] = np.asarray(columns["distance"]) * 0.2
    spread = np.where(columns["carrier"] == "red", 14.0, 5.0)
    columns[PREDICTION] = columns["late"] + rng.normal(0, 1, 4000) * spread
    found = finding(observe(made), "unanswered-failure-mode")
    assert "carrier is red" in found.summary
    assert "off by more than 10" in found.summary
    assert re.search(r"There it is off by 11[.\d]* on average, against [34][.\d]*\.", found.summary), found.summary
    made.declared["governance"].update(metric=None, minimum=None)
    assert "farthest off" in finding(observe(made), "unanswered-failure-mode").summary


@pytest.mark.parametrize("everywhere", [False, True])
def test_a_regression_that_is_off_by_the_same_amount_in_many_rows_is_not_taken_for_right(everywhere: bool) -> None:
    made = even()
    made.declared["model"].update(task="regression", output={"prediction": "minutes"})
    made.declared["governance"].update(metric=None, minimum=None, metrics=[])
    columns = made.columns["scored.evaluation"]
    columns["late"] = np.arange(4000) % 50 * 1.0
    bad = np.full(4000, fill_value=True) if everywhere else np.isin(columns["carrier"], ["red", "grey"])
    columns[PREDICTION] = columns["late"] + np.where(bad, 100.0, 0.0)
    found = observe(made)
    assert "no-errors" not in {f.code for f in found.findings}
    if everywhere:
        assert finding(found, "wrong-throughout").weight is Weight.OPEN
        assert POWER not in {m.name for m in found.measures}
    else:
        assert "off by 100 or more" in finding(found, "unanswered-failure-mode").summary


def test_a_model_that_is_always_wrong_leaves_it_open_and_says_so() -> None:
    made = even()
    columns = made.columns["scored.evaluation"]
    columns[PREDICTION] = 1 - np.asarray(columns["late"])
    assert finding(observe(made), "wrong-throughout").weight is Weight.OPEN


def test_the_figure_holds_each_slice_with_its_rest() -> None:
    made = even()
    spoil(made, "(carrier == 'red') & (load > 0.5)", 0.35)
    (figure,) = observe(made).figures
    assert figure.kind == "slices"
    assert set(figure.rows[0]) >= {"label", "error", "rest", "share", "n", "lower"}


def test_every_code_is_documented_and_the_power_limit_is_measured() -> None:
    made = even(1000)
    spoil(made, "carrier == 'red'", 0.5)
    found = observe(made, made.trial())
    assert codes(found) <= set(CHECK.codes)
    assert [t.measure for t in CHECK.limits(made.system())] == [POWER]


def test_an_entry_where_the_model_is_better_than_elsewhere_is_noted() -> None:
    made = even()
    spoil(made, "load <= 0.5", 0.3)
    made.files["failure-modes.yaml"] = ENTRY.encode()
    assert finding(observe(made), "entry-not-weak").weight is Weight.NOTE


@pytest.mark.parametrize("check", [CHECK, threshold.CHECK, out_of_sample.CHECK])
def test_an_observation_survives_being_written_and_read(check: Check[System]) -> None:
    made = even(1500)
    spoil(made, "(carrier == 'red') & (load > 0.5)", 0.35)
    found = check.run(made.system(), made.trial())
    assert isinstance(found, Observation)
    plain = json.loads(json.dumps(to_data(found), allow_nan=False))
    assert to_data(from_data(Observation, plain)) == plain


ROWS: dict[str, Any] = {
    "load": pa.array([0.2, 0.9, None, float("nan")]),
    "carrier": pa.array(["red", None, "blue", "red"]),
    "at": pa.array([0, 86_400, 172_800, None], type=pa.timestamp("s", tz="UTC")),
    "open": pa.array([True, False, None, True]),
    "code": pa.array(["7", "12", "x", None]),
}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("load < 0.5", [True, False, False, False]),
        ("not load < 0.5", [False, True, False, False]),
        ("load is null", [False, False, True, True]),
        ("load is not null and carrier is null", [False, True, False, False]),
        ('carrier == "red" or load > 0.5', [True, True, False, True]),
        ('carrier != "red"', [False, False, True, False]),
        ('carrier in ["blue", "grey"]', [False, False, True, False]),
        ('carrier not in ["blue"]', [True, False, False, True]),
        ("0.1 <= load <= 0.5", [True, False, False, False]),
        ('at >= "1970-01-02"', [False, True, True, False]),
        ("open", [True, False, False, True]),
        ("open == false", [False, True, False, False]),
        ("code > 8", [False, True, False, False]),
        ("code == 12", [False, True, False, False]),
        ("open == 1", [True, False, False, True]),
        ("open in [0]", [False, True, False, False]),
        ("absent > 8 or load < 0.5", [True, False, False, False]),
        ("`load` < 0.5", [True, False, False, False]),
    ],
)
def test_conditions_hold_for_rows_as_for_columns(text: str, expected: list[bool]) -> None:
    from seatrial.domains.model.condition_rows import RowConditions
    from seatrial.measure.columns import Columns

    batch = pa.RecordBatch.from_pydict(ROWS)
    condition = parse_condition(text)
    assert RowConditions(Columns.of(batch)).holds(condition).tolist() == expected
    if "at" not in condition.fields and "code" not in condition.fields:
        assert [condition.holds(row) for row in batch.to_pylist()] == expected


def test_where_a_slice_has_no_case_to_find_it_is_told_without_a_share_of_misses() -> None:
    made = even()
    columns = made.columns["scored.evaluation"]
    red = np.asarray(columns["carrier"]) == "red"
    columns["late"] = np.where(red, 0, columns["late"])
    columns[PREDICTION] = np.where(red & (np.random.default_rng(3).random(4000) < 0.5), 1, columns["late"])
    summary = finding(observe(made), "unanswered-failure-mode").summary
    assert "carrier is red" in summary
    assert "misses" not in summary
    assert "nan" not in summary.lower()
