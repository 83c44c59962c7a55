"""The parts of the stress check by themselves: changes, texts, shrinking, rates, asking, edges, expectations."""

from __future__ import annotations

import random
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seatrial.core.observation import Json
from seatrial.core.ports import Prediction, Reply, ReplyKind, Row
from seatrial.domains.model.stressing import texts, words
from seatrial.domains.model.stressing.asking import Asker, answer_of, answered
from seatrial.domains.model.stressing.changes import changed
from seatrial.domains.model.stressing.expected import Expected, keeps
from seatrial.domains.model.stressing.rates import Tried, groups_of, interval, measure
from seatrial.domains.model.stressing.shrinking import MOST_ASKED, shrunk
from seatrial.domains.yardstick import Yardstick
from seatrial.spec.model import InputField
from seatrial.spec.stress import Edit

INPUTS = {
    "weight": InputField(type="number", minimum=0, maximum=1000),
    "pieces": InputField(type="integer", minimum=0, maximum=10),
    "unit": InputField(type="string", values=("kg", "g")),
    "note": InputField(type="string"),
    "gusts": InputField(type="number", nullable=True),
}
ROW: Row = {"weight": 0.5, "pieces": 3, "unit": "kg", "note": "Anna will not come to Berlin at 10", "gusts": None}


def edited(row: Row = ROW, **edit: Any) -> Row | None:
    return changed(Edit.model_validate(edit), row, inputs=INPUTS, prose=("note",), drawn=random.Random(1))


def test_the_same_quantity_in_another_unit_is_one_change() -> None:
    assert edited(multiply={"weight": 1000}, set={"unit": "g"}) == {**ROW, "weight": 500.0, "unit": "g"}


@pytest.mark.parametrize(
    "edit",
    [
        {"add": {"weight": 2000}},
        {"set": {"unit": "lb"}},
        {"set": {"weight": None}},
        {"add": {"gusts": 1}},
        {"set": {"unit": "kg"}},
        {"swap": ["gusts", "gusts"]},
        {"text": ["typo"], "fields": ["unit"]},
        {"paraphrases": [["who", "what"]]},
    ],
    ids=["out-of-range", "no-value", "not-nullable", "nothing-there", "no-change", "same", "too-short", "no-wording"],
)
def test_a_change_that_is_not_legal_or_changes_nothing_is_none(edit: dict[str, Any]) -> None:
    assert edited(**edit) is None


def test_whole_numbers_stay_whole_and_another_value_is_taken() -> None:
    made = edited(add={"pieces": 1.2}, each={"unit": ["kg", "g"]})
    assert made is not None
    assert made["pieces"] == 4
    assert made["unit"] == "g"


@pytest.mark.parametrize(("name", "text"), [("contraction", "it won't"), ("person", "Anna"), ("place", "Berlin")])
def test_names_and_wordings_are_replaced_by_others_of_their_kind(name: str, text: str) -> None:
    before = {**ROW, "note": "I say it won't stop Anna in Berlin"}
    made = edited(before, text=[name])
    assert made is not None
    assert text not in str(made["note"])


def test_who_types_the_subject_in_capitals_types_the_body_so_too() -> None:
    inputs = {"subject": InputField(type="string"), "body": InputField(type="string")}
    row: Row = {"subject": "Fine", "body": "Where is the key?"}
    edit = Edit.model_validate({"text": ["case"]})
    ways = {
        tuple(str(value) for value in (made or row).values())
        for seed in range(30)
        for made in [changed(edit, row, inputs=inputs, prose=("subject", "body"), drawn=random.Random(seed))]
    }
    assert ("FINE", "WHERE IS THE KEY?") in ways
    assert ("fine", "where is the key?") in ways
    assert not any(subject.isupper() is not body.isupper() for subject, body in ways if subject != "Fine")


@pytest.mark.parametrize("name", sorted(texts.CHANGES))
@given(text=st.text(max_size=80), seed=st.integers(0, 5))
@settings(max_examples=60, deadline=None)
def test_a_change_of_text_gives_another_text_or_nothing(name: str, text: str, seed: int) -> None:
    assert texts.CHANGES[name](text, random.Random(seed)) != text


@given(text=st.text(alphabet="abc \n", max_size=40))
def test_white_space_leaves_every_word(text: str) -> None:
    new = texts.CHANGES["whitespace"](text, random.Random(3))
    assert new is None or new.split() == text.split()


def test_options_get_another_order_and_keep_their_parts() -> None:
    new = texts.shuffled("one\ntwo\nthree", "\n", random.Random(1))
    assert new is not None
    assert sorted(new.split("\n")) == ["one", "three", "two"]
    assert texts.shuffled("one", "\n", random.Random(1)) is None


def small(before: Row, after: Row, breaks: Any, decimals: int = 1) -> Row:
    return shrunk(before, after, breaks, decimals=lambda _: decimals)


def test_only_the_field_that_breaks_stays_changed_and_ends_beside_the_step() -> None:
    before: Row = {"a": 0.0, "b": 0.0, "c": "x"}
    found = small(before, {"a": 100.0, "b": 5.0, "c": "y"}, lambda row: float(str(row["a"])) > 51.2)
    assert found["b"] == 0.0
    assert found["c"] == "x"
    assert 51.2 < float(str(found["a"])) < 52.0


def test_edits_of_words_are_taken_back_one_by_one() -> None:
    before, after = "please send the red box today", "pleasse send tha red bxo todya"
    found = small({"t": before}, {"t": after}, lambda row: "bxo" in str(row["t"]))
    assert found["t"] == "please send the red bxo today"


def test_what_must_change_together_stays_together_and_few_questions_are_asked() -> None:
    asked: list[Row] = []

    def both(row: Row) -> bool:
        asked.append(row)
        return float(str(row["a"])) > 0.5 and float(str(row["b"])) > 0.5

    found = small({"a": 0.0, "b": 0.0}, {"a": 1.0, "b": 1.0}, both)
    assert both(found)
    assert len(asked) <= MOST_ASKED + 1


def test_a_change_that_nothing_smaller_explains_is_shown_whole() -> None:
    after: Row = {"a": 3, "b": "z"}
    assert small({"a": 1, "b": "y"}, after, lambda _: False) == after


def test_what_stays_unanswered_counts_against_on_both_sides() -> None:
    clean = interval(Tried(broke=(False,) * 300), 0.05)
    silent = interval(Tried(broke=(False,) * 270 + (None,) * 30), 0.05)
    assert clean is not None
    assert silent is not None
    assert clean.upper < 0.01
    assert silent.lower == 0.0
    assert silent.upper > 0.1


def test_a_models_own_noise_is_taken_off_by_bounds() -> None:
    own = (True,) * 60 + (False,) * 540
    same = interval(Tried(broke=own, by_itself=own), 0.05)
    more = interval(Tried(broke=(True,) * 300 + (False,) * 300, by_itself=own), 0.05)
    assert same is not None
    assert more is not None
    assert same.lower == 0.0
    assert 0.0 < same.upper < 0.08
    assert more.lower > 0.3
    assert more.value == pytest.approx(0.4)


def test_rows_of_one_entity_are_worth_less_and_a_single_entity_nothing() -> None:
    broke = (True,) * 10 + (False,) * 290
    apart = interval(Tried(broke=broke), 0.05)
    together = interval(Tried(broke=broke, groups=tuple(i // 10 for i in range(300))), 0.05)
    alone = interval(Tried(broke=broke, groups=(0,) * 300), 0.05)
    assert apart is not None
    assert together is not None
    assert alone is not None
    assert apart.upper < together.upper < alone.upper == 1.0
    assert groups_of(["a", None, "a", None]) == (0, 1, 0, 2)


def test_listed_cases_are_no_sample_and_nothing_tried_is_no_figure() -> None:
    listed = measure("x", Tried(broke=(False, None), listed=True), limit=0.0, confidence=0.95)
    assert (listed.lower, listed.upper) == (0.0, 0.5)
    assert measure("x", Tried(broke=()), limit=0.05, confidence=0.95).value is None
    assert measure("x", Tried(broke=(False,) * 100), limit=0.01, confidence=0.95).needed == 199


class Clock:
    def __init__(self) -> None:
        self.time = 0.0

    def monotonic(self) -> float:
        return self.time

    def sleep(self, seconds: float) -> None:
        self.time += seconds


def asker(answers: Any, *, batch: int = 8, rate: float | None = None, time_s: float = 1e6) -> tuple[Asker, Clock]:
    clock = Clock()
    trial: Any = SimpleNamespace(clock=clock, model=SimpleNamespace(predict=answers))
    return Asker(trial, batch=batch, rate=rate, time_s=time_s), clock


def ok(rows: Sequence[Row]) -> Reply:
    predictions = tuple(Prediction(prediction=row["x"]) for row in rows)
    return Reply(kind=ReplyKind.OK, latency_s=0.0, predictions=predictions)


def rows(n: int) -> list[Row]:
    return [{"x": i} for i in range(n)]


def test_each_row_gets_its_own_reply_whatever_fails_beside_it() -> None:
    def picky(asked: Sequence[Row]) -> Reply:
        bad = any(row["x"] in (3, 17) for row in asked)
        return Reply(kind=ReplyKind.REFUSED, latency_s=0.0, error="no") if bad else ok(asked)

    found = asker(picky)[0].together(rows(40))
    given = [answer_of(reply) for reply in found]
    assert [None if a is None else a.prediction for a in given] == [None if i in (3, 17) else i for i in range(40)]


def test_where_none_of_the_first_rows_is_answered_the_others_are_not_sent() -> None:
    sent: list[int] = []

    def refusing(asked: Sequence[Row]) -> Reply:
        sent.append(len(asked))
        return Reply(kind=ReplyKind.REFUSED, latency_s=0.0)

    found = asker(refusing)[0].together(rows(500))
    assert len(found) == 500
    assert not any(answered(reply) for reply in found)
    assert sum(sent) < 100


def test_a_busy_endpoint_is_waited_for_and_a_row_counts_once() -> None:
    replies = iter([429, 429, 200])

    def busy(asked: Sequence[Row]) -> Reply:
        status = next(replies)
        return ok(asked) if status == 200 else Reply(kind=ReplyKind.UNREACHABLE, latency_s=0.0, status=status)

    made, clock = asker(busy)
    assert [answered(r) for r in made.together(rows(5))] == [True] * 5
    assert clock.time == 1.5
    assert not made.dead


def test_nothing_more_is_sent_when_the_time_is_up_or_the_endpoint_gone() -> None:
    made, clock = asker(ok, time_s=10.0)
    clock.time = 11.0
    assert made.together(rows(3)) == [None] * 3
    gone, _ = asker(lambda _: Reply(kind=ReplyKind.UNREACHABLE, latency_s=0.0))
    gone.alone({"x": 1})
    assert gone.dead
    assert gone.alone({"x": 1}) is None


def test_the_declared_rate_is_kept() -> None:
    made, clock = asker(ok, rate=2.0)
    for _ in range(5):
        made.alone({"x": 1})
    assert clock.time == pytest.approx(2.0)


@pytest.mark.parametrize(
    ("said", "wanted", "kept"),
    [
        ("  Billing ", Expected(answer="billing"), True),
        (12.4, Expected(answer=12, tolerance=0.5), True),
        (12.6, Expected(answer=12, tolerance=0.5), False),
        ("open from 6 to  22", Expected(answer=None, contains=["6 TO 22"], lacks=["24"]), True),
        ("open 24 hours", Expected(answer=None, lacks=["24 hours"]), False),
        ({"total": 5, "currency": "EUR"}, Expected(answer={"currency": "EUR", "total": 5}), True),
    ],
)
def test_an_answer_is_held_against_what_it_must_be(said: Json, wanted: Expected, kept: bool) -> None:
    assert keeps(Prediction(prediction=said), wanted) is kept


@pytest.mark.parametrize(
    ("before", "after", "moved"),
    [
        ("We open at 6 in the morning.", "We open at 6, in the morning!", False),
        ("We open at 6.", "We open at 7.", True),
        ("The dock is open.", "I cannot help with that.", True),
        ("Yes, it is open.", "Sure. It is open, yes.", False),
    ],
)
def test_free_text_moves_by_its_numbers_and_its_words(before: str, after: str, moved: bool) -> None:
    stick = Yardstick(task="chat", tolerance=0.0, act_at=None)
    assert stick.moved(Prediction(prediction=before), Prediction(prediction=after)) is moved


def test_free_text_stays_out_of_what_is_told() -> None:
    told = words.change({"note": "Anna is late"}, {"note": "Anna is lat"}, INPUTS, {})
    assert told == "note with 1 of 3 words spelled otherwise"
