"""Requests a few at the same time: what settles a fault, and how much is sent until then."""

from __future__ import annotations

import threading
import time
from itertools import islice
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

from plants.planted_trial import PlantedTable, PlantedTrial
from seatrial.core.check import Trial
from seatrial.core.ports import Prediction, Reply, ReplyKind, Row
from seatrial.domains.data.campaign import Campaign, Ending, Probe
from seatrial.domains.data.fault_kinds import Place, faults_of
from seatrial.domains.data.faults import _stopped
from seatrial.domains.data.few_at_once import few_at_once
from seatrial.domains.legality import profile_of
from seatrial.domains.sending import answered, rows_to_send
from seatrial.domains.yardstick import Yardstick
from seatrial.spec.faults import FaultField
from seatrial.spec.model import InputField

ROWS: list[Row] = [{"x": float(at), "y": float(at + 7)} for at in range(40)]
CLEAN = Prediction(prediction=0, score=0.1)


class Counted:
    """Answers what it is asked, and knows how many asked at the same time."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.asked = self.now = self.most = 0

    def __call__(self, item: int) -> int:
        with self.lock:
            self.asked += 1
            self.now += 1
            self.most = max(self.most, self.now)
        time.sleep(0.002)
        with self.lock:
            self.now -= 1
        return item * item


def test_every_item_is_asked_once_and_never_more_than_allowed_at_the_same_time() -> None:
    ask = Counted()
    assert dict(few_at_once(ask, range(50), first=2, most=8)) == {at: at * at for at in range(50)}
    assert ask.asked == 50
    assert 2 < ask.most <= 8


def test_whoever_has_seen_enough_in_the_first_ones_leaves_the_others_unasked() -> None:
    ask = Counted()
    assert len(list(islice(few_at_once(ask, range(50), first=2, most=8), 2))) == 2
    assert ask.asked == 2


def test_what_asking_raises_is_not_swallowed() -> None:
    with pytest.raises(ZeroDivisionError):
        list(few_at_once(lambda n: 1 // n, [1, 0, 1], first=3, most=3))


class Model:
    """Crashes on rows that lack `x`."""

    def __init__(self) -> None:
        self.asked = self.batches = 0
        self.lock = threading.Lock()

    def predict(self, rows: list[Row]) -> Reply:
        with self.lock:
            self.asked += 1
            self.batches += len(rows) > 1
            crashes = self.crashes(rows)
        if crashes:
            return Reply(kind=ReplyKind.CRASHED, latency_s=0.0, status=500, error="status 500: KeyError")
        return Reply(kind=ReplyKind.OK, latency_s=0.0, predictions=(CLEAN,) * len(rows))

    def crashes(self, rows: list[Row]) -> bool:
        return any("x" not in row for row in rows)


class OncePerRow(Model):
    """Crashes on such a row only when it is asked for the first time."""

    def __init__(self) -> None:
        super().__init__()
        self.met: set[str] = set()

    def crashes(self, rows: list[Row]) -> bool:
        crashes = super().crashes(rows) and str(rows) not in self.met
        self.met.add(str(rows))
        return crashes


def probed(model: Any, kind: str, *, batches: bool = True) -> Probe:
    declared = {name: InputField.model_validate({"type": "number"}) for name in ("x", "y")}
    places = {
        name: Place(name=name, declared=each, profile=profile_of(ROWS, name), known=FaultField(), others=ROWS)
        for name, each in declared.items()
    }
    clock = SimpleNamespace(monotonic=time.monotonic, sleep=time.sleep)
    stick = Yardstick(task="binary", tolerance=0.05, act_at=0.5)
    campaign = Campaign(
        cast("Trial", SimpleNamespace(model=model, clock=clock)),
        places=places,
        moved=lambda _, before, after: stick.moved(before, after),
        clean=[(row, CLEAN) for row in ROWS],
        batches=batches,
        deadline=time.monotonic() + 600.0,
    )
    fault = next(fault for fault in faults_of(places["x"]) if fault.kind == kind)
    probe = campaign.probe(fault, wanted=37, smallest=0.05)
    assert probe is not None
    assert campaign.asked == model.asked
    return probe


def test_two_rows_that_crash_twice_each_settle_a_fault() -> None:
    model = Model()
    probe = probed(model, "missing")
    assert [t.ending for t in probe.told] == [Ending.CRASH, Ending.CRASH]
    assert (model.batches, model.asked) == (1, 1 + 2 * 2)


def test_without_a_batch_that_tells_it_no_more_are_sent_than_were_under_way() -> None:
    model = Model()
    assert len(probed(model, "missing", batches=False).of(Ending.CRASH)) == 2
    assert model.asked <= 8 + 2


def test_crashes_that_do_not_come_again_settle_nothing() -> None:
    probe = probed(OncePerRow(), "missing", batches=False)
    assert len(probe.told) == 37
    assert not probe.of(Ending.CRASH)
    assert probe.worst is Ending.CRASH


def test_a_fault_that_is_withstood_goes_into_every_row() -> None:
    assert len(probed(Model(), "null").told) == 37
    assert len(probed(Model(), "null", batches=False).told) == 37


def test_each_fault_counts_once_among_those_that_were_stopped_however_many_rows_it_took() -> None:
    settled, withstood = probed(Model(), "missing"), probed(Model(), "null")
    assert _stopped([settled, withstood]) == ([0.0, 1.0], [0, 0])


def test_rows_are_those_with_the_smallest_lots_whatever_the_batches() -> None:
    trial = PlantedTrial()
    source = PlantedTable([{"x": float(at)} for at in range(3000)])
    trial.table = lambda _: source  # type: ignore[assignment,method-assign]
    random = np.random.default_rng(5)
    lots = np.concatenate([random.random(min(512, 3000 - at)) for at in range(0, 3000, 512)])
    for most in (1, 30, 400, 5000):
        found = rows_to_send(trial, {"x": InputField(type="number")}, table="evaluation", most=most, seed=5)
        assert [row["x"] for row in found] == np.argsort(lots)[:most].astype(float).tolist()


def test_rows_are_asked_together_and_one_by_one_only_where_that_fails() -> None:
    model: Any = Model()
    assert answered(model, ROWS, batch=64) == ROWS
    assert model.asked == 1
    mixed = [*ROWS[:3], {"y": 1.0}]
    assert answered(model, mixed, batch=64) == ROWS[:3]
    assert answered(model, ROWS, batch=8) == ROWS
    assert answered(model, [], batch=8) == []


class Hourly(Model):
    """Works a feature out from the clock, whose hour is over after so many answers, and does harm with a missing `x`.

    Without `harms` a row that lacks it is answered like the whole one. `restless`: every answer is of another hour.
    """

    def __init__(self, *, turns_after: int, harms: bool = False, restless: bool = False) -> None:
        super().__init__()
        self.turns_after, self.harms, self.restless = turns_after, harms, restless

    def predict(self, rows: list[Row]) -> Reply:
        with self.lock:
            self.asked += 1
            turned = self.asked % 2 == 0 if self.restless else self.asked > self.turns_after
        base = 0.6 if turned else CLEAN.score
        assert base is not None
        scores = [0.3 + base if self.harms and "x" not in row else base for row in rows]
        answers = tuple(Prediction(prediction=int(score >= 0.5), score=score) for score in scores)
        return Reply(kind=ReplyKind.OK, latency_s=0.0, predictions=answers)


@pytest.mark.parametrize("batches", [True, False])
@pytest.mark.parametrize("turns_after", [0, 1, 2, 20, 10_000])
def test_an_hour_that_ends_during_the_run_is_no_harm_and_hides_none(batches: bool, turns_after: int) -> None:
    harmless = probed(Hourly(turns_after=turns_after), "missing", batches=batches)
    assert not harmless.of(Ending.HARM)
    harmful = probed(Hourly(turns_after=turns_after, harms=True), "missing", batches=batches)
    assert len(harmful.of(Ending.HARM)) >= 30


def test_answers_that_never_hold_still_are_no_harm_that_was_seen_twice() -> None:
    assert not probed(Hourly(turns_after=0, restless=True), "missing", batches=True).of(Ending.HARM)
