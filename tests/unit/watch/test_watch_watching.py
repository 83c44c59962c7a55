from __future__ import annotations

import random
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from plants.watched_errors import ERRORS, NOW, events, wrong
from seatrial.stats import change
from seatrial.watch import watching as module
from seatrial.watch.detectors import Detector, Level
from seatrial.watch.events import Kind, WatchEvent
from seatrial.watch.store import Store
from seatrial.watch.stream import Stream
from seatrial.watch.watching import Awaited, Watching


def watched(path: Path, deliveries: list[list[WatchEvent]], *, most: int = 5000) -> tuple[Any, list[Any]]:
    store = Store.open(f"sqlite:///{path}")
    before, module.MOST = module.MOST, most
    try:
        watching = Watching(store, (ERRORS,), begun=NOW)
        for delivery in deliveries:
            store.append(delivery, now=NOW)
            watching.catch_up()
        return store.state(module.NAME)[1], store.alarms()
    finally:
        module.MOST = before
        store.close()


def test_a_good_stream_stays_silent_and_a_drop_is_an_alarm_that_says_since_when(tmp_path: Path) -> None:
    store = Store.open(f"sqlite:///{tmp_path / 'w.db'}")
    watching = Watching(store, (ERRORS,), begun=NOW)
    store.append(events(1500, 0.1, seed=1), now=NOW)
    assert watching.catch_up() == []
    store.append(events(400, 0.35, seed=2, first=1500), now=NOW + timedelta(hours=1))
    alarms = {alarm["detector"]: alarm for alarm in watching.catch_up()}
    assert alarms["rises"]["level"] == "page"
    assert 3000 - 60 <= alarms["rises"]["newest"][0] <= 3000 + 60, "the change was at the 3000th event"
    assert 0.2 < alarms["rises"]["now"] < 0.6
    assert "to 1 against chance" in alarms["rises"]["sure"]
    assert watching.catch_up() == []
    store.close()


def test_the_state_is_that_of_a_replay_whatever_the_batching_and_however_often_it_is_sent(tmp_path: Path) -> None:
    sent = [*events(200, 0.1, seed=3), *events(150, 0.5, seed=4, first=200)]
    random.Random(5).shuffle(sent)
    whole = watched(tmp_path / "whole.db", [sent])
    pieces = [sent[i : i + 23] for i in range(0, len(sent), 23)]
    assert watched(tmp_path / "pieces.db", pieces, most=13) == whole
    twice = [piece for piece in pieces for _ in range(2)]
    assert watched(tmp_path / "twice.db", twice) == whole
    assert whole[0]["paired"] == 350
    assert whole[0]["alone"] == 0
    assert whole[1]


def test_what_an_earlier_version_kept_of_a_stream_goes_on() -> None:
    """The processes after some rows, in the shape in which they were kept: nothing that was suspected is forgotten."""
    detector = next(each for each in ERRORS.detectors if each.asks == "rises")
    bad, worse = np.tile([1.0, 0.0, 0.0, 0.0, 0.0], 20), np.ones(3)
    known, _ = detector.take(detector.start(), bad)
    processes = np.zeros(len(change.RISES))
    for factors in change.factors(bad, detector.mark):
        processes = (processes + 1.0) * factors
    kept = {"processes": processes.tolist(), "rows": bad.size, "most": 5.0, "product": [0.5] * 6, "inverse": [1.0] * 6}
    assert detector.take({**known, "kept": kept}, worse)[0]["evidence"] == pytest.approx(
        detector.take(known, worse)[0]["evidence"], rel=1e-12
    )


def test_outcomes_without_a_prediction_are_counted_until_it_comes(tmp_path: Path) -> None:
    sent = events(10, 0.1, seed=6)
    late = [event for event in sent if event.kind is Kind.PREDICTION]
    early = [event for event in sent if event.kind is Kind.OUTCOME]
    state, _ = watched(tmp_path / "a.db", [early])
    assert (state["paired"], state["alone"]) == (0, 10)
    state, _ = watched(tmp_path / "b.db", [early, late])
    assert (state["paired"], state["alone"]) == (10, 0)


def test_two_watches_over_one_store_count_every_event_once(tmp_path: Path) -> None:
    store = Store.open(f"sqlite:///{tmp_path / 'w.db'}")
    one, two = (Watching(store, (ERRORS,), begun=NOW) for _ in range(2))
    store.append(events(300, 0.1, seed=7), now=NOW)
    cursor, state = store.state(module.NAME)
    assert one.step() == []
    moved = store.advance(module.NAME, before=cursor, cursor=1, state=dict(state), alarms=[])
    assert not moved, "a watch that read before another moved on must not overwrite it"
    two.catch_up()
    assert store.state(module.NAME)[1]["paired"] == 300
    store.close()


def test_a_closed_alarm_lets_the_next_one_come_and_a_replay_knows_it(tmp_path: Path) -> None:
    store = Store.open(f"sqlite:///{tmp_path / 'w.db'}")
    watching = Watching(store, (ERRORS,), begun=NOW)
    store.append(events(300, 0.5, seed=8), now=NOW)
    raised = watching.catch_up()
    rises = next(alarm for alarm in raised if alarm["detector"] == "rises")
    closed = watching.close(rises, by="olga", now=NOW)
    assert closed is not None
    assert closed["state"] == "closed"
    watching.catch_up()
    store.append(events(300, 0.5, seed=9, first=300), now=NOW)
    again = [alarm for alarm in watching.catch_up() if alarm["detector"] == "rises"]
    assert len(again) == 1
    assert again[0]["id"] != rises["id"]
    state = store.state(module.NAME)[1]
    replayed = Watching(store, (ERRORS,), begun=NOW)
    store.advance(module.NAME, before=store.state(module.NAME)[0], cursor=0, state={}, alarms=[])
    replayed.catch_up()
    assert store.state(module.NAME)[1] == state
    store.close()


@pytest.mark.parametrize("said", [None, "2027-01-11T08:00:00+00:00"])
def test_silence_is_an_alarm_and_ends_when_it_is_over(tmp_path: Path, said: str | None) -> None:
    store = Store.open(f"sqlite:///{tmp_path / 'w.db'}")
    last = None if said is None else datetime.fromisoformat(said).timestamp()
    heard = {"last": last}
    awaited = Awaited(name="heartbeat", words="predictions", last=lambda: heard["last"], within_s=60.0)
    watching = Watching(store, (), (awaited,), begun=NOW)
    assert watching.listen(NOW + timedelta(seconds=59)) == []
    raised = watching.listen(NOW + timedelta(seconds=61))
    assert [alarm["monitor"] for alarm in raised] == ["heartbeat"]
    assert "nothing for 61 s" in raised[0]["summary"]
    assert watching.listen(NOW + timedelta(seconds=90)) == []
    heard["last"] = (NOW + timedelta(seconds=95)).timestamp()
    assert watching.listen(NOW + timedelta(seconds=100)) == []
    assert [alarm["state"] for alarm in store.alarms()] == ["closed"]
    store.close()


def daily(n: int, rate: float, spread: float, *, seed: int, first: int) -> list[WatchEvent]:
    """Rows of `n` days, 40 a day, whose error rate is the day's own."""
    rng = np.random.default_rng(seed)
    found = []
    for day in range(first, first + n):
        own = float(np.clip(rng.choice([rate - spread, rate + spread]), 0.0, 1.0))
        for row in range(40):
            at = NOW + timedelta(days=day - 1000, minutes=row)
            label = int(rng.random() < 0.4)
            said = 1 - label if rng.random() < own else label
            name = f"d{day}-{row}"
            found.append(WatchEvent(kind=Kind.PREDICTION, id=name, at=at, content={"prediction": said}))
            found.append(WatchEvent(kind=Kind.OUTCOME, id=name, at=at, content={"label": label}))
    return found


@pytest.mark.parametrize("by_day", [True, False])
def test_good_and_bad_days_are_no_alarm_where_days_are_judged(tmp_path: Path, by_day: bool) -> None:
    rises = Detector(name="rises", asks="rises", mark=0.25, line=9.0, level=Level.PAGE, says="worse")
    stream = Stream(name="errors", words="errors", take=wrong, by_day=by_day, labelled=True, detectors=(rises,))
    store = Store.open(f"sqlite:///{tmp_path / 'w.db'}")
    watching = Watching(store, (stream,), begun=NOW)
    store.append(daily(60, 0.22, 0.2, seed=11, first=0), now=NOW)
    assert bool(watching.catch_up()) is not by_day, "row by row such days look like a change; day by day they do not"
    store.append(daily(40, 0.6, 0.2, seed=12, first=60), now=NOW)
    raised = watching.catch_up()
    assert bool(raised) is by_day
    store.close()


def on_day(day: int, wrongs: int, rights: int) -> list[WatchEvent]:
    found = []
    for n in range(wrongs + rights):
        at, name = NOW - timedelta(days=100 - day, minutes=-n), f"c{day}-{n}"
        found.append(WatchEvent(kind=Kind.PREDICTION, id=name, at=at, content={"prediction": int(n < wrongs)}))
        found.append(WatchEvent(kind=Kind.OUTCOME, id=name, at=NOW, content={"label": 0}))
    return found


def test_more_than_so_many_in_a_day_are_counted_by_the_day_however_late_their_outcomes_are(tmp_path: Path) -> None:
    rule = Detector(name="offline", asks="counts", mark=3.0, line=4.0, level=Level.OFFLINE, says="more than 3 a day")
    stream = Stream(name="misses", words="misses", take=wrong, labelled=True, detectors=(rule,))
    store = Store.open(f"sqlite:///{tmp_path / 'w.db'}")
    watching = Watching(store, (stream,), begun=NOW)
    days = [event for day in range(20) for event in on_day(day, 3, 30)]
    random.Random(7).shuffle(days)
    store.append(days, now=NOW)
    assert watching.catch_up() == [], "three a day are allowed, also on twenty days"
    late = WatchEvent(kind=Kind.PREDICTION, id="late", at=NOW - timedelta(days=90), content={"prediction": 1})
    store.append([late, WatchEvent(kind=Kind.OUTCOME, id="late", at=NOW, content={"label": 0})], now=NOW)
    (alarm,) = watching.catch_up()
    assert (alarm["level"], alarm["now"]) == ("offline", 4.0)
    assert alarm["sure"].startswith("certain")
    assert alarm["since"].startswith((NOW - timedelta(days=90)).date().isoformat())
    store.close()


@pytest.mark.parametrize("jump", [timedelta(hours=-5), timedelta(hours=5)])
def test_a_clock_that_jumps_neither_hides_nor_invents_a_silence(tmp_path: Path, jump: timedelta) -> None:
    store = Store.open(f"sqlite:///{tmp_path / 'w.db'}")
    heard = {"last": NOW.timestamp()}
    awaited = Awaited(name="heartbeat", words="predictions", last=lambda: heard["last"], within_s=60.0)
    watching = Watching(store, (), (awaited,), begun=NOW)
    assert watching.listen(NOW, monotonic=1000.0) == []
    jumped = NOW + jump
    assert watching.listen(jumped + timedelta(seconds=30), monotonic=1030.0) == [], "30 s are no silence"
    heard["last"] = (jumped + timedelta(seconds=40)).timestamp()
    assert watching.listen(jumped + timedelta(seconds=40), monotonic=1040.0) == []
    (raised,) = watching.listen(jumped + timedelta(seconds=105), monotonic=1105.0)
    assert "nothing for 65 s" in raised["summary"]
    store.close()
