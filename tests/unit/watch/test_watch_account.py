from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from plants.memory_trial import FixedClock
from plants.tiny_system import plant
from plants.watched_errors import ERRORS, events
from seatrial.app.folder.ledgers import read_ledger
from seatrial.app.folder.workspace import open_workspace
from seatrial.app.running.verify import verify_ledger
from seatrial.app.watched.account import account
from seatrial.app.watched.record import DailyRecord, checked_days, file_record, summary_of
from seatrial.core.codec import to_data
from seatrial.core.errors import Refused
from seatrial.core.vocabulary import RecordType
from seatrial.domains.governance.watch_record import account_on_record
from seatrial.watch.presence import present, stretches
from seatrial.watch.store import Store
from seatrial.watch.watching import Watching

DAY = timedelta(days=1)
START = datetime(2027, 1, 1, tzinfo=UTC)
END = START + 31 * DAY


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = Store.open(f"sqlite:///{tmp_path / 'w.db'}")
    yield opened
    opened.close()


def watched(store: Store, since: datetime, until: datetime, identity: str = "m1") -> None:
    """As a watch that was there all the time leaves it, without its thousands of signs."""

    def change(kept: Any) -> Any:
        return [*(kept or ()), [since.timestamp(), until.timestamp(), identity]]

    store.revise("presence", change)


def test_signs_of_several_watches_are_one_stretch_and_a_pause_or_another_model_a_new_one(store: Store) -> None:
    for second, identity in ((0, "m1"), (30, "m1"), (25, "m1"), (90, "m1"), (900, "m1"), (930, "m2")):
        present(store, 1_000_000.0 + second, identity)
    assert [(s.since - 1e6, s.until - 1e6, s.identity) for s in stretches(store)] == [
        (0.0, 90.0, "m1"),
        (900.0, 900.0, "m1"),
        (930.0, 930.0, "m2"),
    ]


def test_an_account_tells_the_days_the_gaps_the_answers_and_what_is_certain(store: Store) -> None:
    watched(store, START, START + 10 * DAY)
    watched(store, START + 10.25 * DAY, START + 20 * DAY)
    watched(store, START + 21 * DAY, END)
    for day in range(30):
        store.append(events(40, 0.05, seed=day, first=40 * day), now=START + day * DAY)
        Watching(store, (ERRORS,), begun=START).catch_up()
    opened = {"opened_at": (START + DAY).isoformat(), "detector": "limit", "summary": "x", "trail": []}
    answered = {"acknowledged": {"by": "olga", "at": (START + DAY + timedelta(minutes=10)).isoformat()}}
    store.raise_alarm({**opened, **answered, "id": "a", "monitor": "a", "level": "page", "state": "closed"})
    store.raise_alarm({**opened, "id": "b", "monitor": "b", "level": "offline", "state": "open"})
    told = account(store, (ERRORS,), identity="m1", days=30, now=END)
    assert (told["days"], told["days_watched"], told["gaps_in_all"]) == (30, 29, 2)
    assert told["watched_share"] == pytest.approx(1 - 1.25 / 30)
    assert (told["answered"], told["unanswered"], told["breaches"]) == (1, 1, 2)
    assert told["mean_time_to_acknowledge_s"] == 600.0
    (errors,) = told["performance"]
    assert errors["rows"] == 29 * 40, "of the 31 days the newest 30, of which the last had no outcome"
    assert errors["loss"] < errors["loss_at_most"] < errors["limit"]
    assert errors["holds"]
    assert "29 of 30 days" in summary_of(told)
    strict = replace(ERRORS, detectors=(replace(ERRORS.detectors[0], mark=errors["loss"]),))
    assert not account(store, (strict,), identity="m1", days=30, now=END)["performance"][0]["holds"]


def test_what_was_never_watched_on_this_model_holds_nothing(store: Store) -> None:
    watched(store, START, END)
    told = account(store, (ERRORS,), identity="m2", days=30, now=END)
    assert (told["days"], told["days_watched"], told["watched_share"]) == (0, 0, 0.0)
    assert not told["performance"][0]["holds"]
    watched(store, END - 2 * DAY, END, "m2")
    assert account(store, (ERRORS,), identity="m2", days=30, now=END)["days"] == 2


@pytest.mark.parametrize("days", [0, 29, 91])
def test_a_record_of_too_few_or_too_many_days_is_refused(days: int) -> None:
    with pytest.raises(Refused):
        checked_days(days)


def test_the_record_is_signed_into_the_ledger_and_found_by_its_model(tmp_path: Path, store: Store) -> None:
    plant(tmp_path, "http://127.0.0.1:9", count=10)
    workspace = open_workspace(tmp_path, environment={"MODEL_KEY": "k"})
    watched(store, START, END)
    told = account(store, (ERRORS,), identity="m1", days=30, now=END)
    file_record(workspace, told)
    evidence = read_ledger(workspace, quick=False).evidence
    assert verify_ledger(workspace).intact
    records = [e.record for e in evidence if e.record.type is RecordType.EVENT]
    assert account_on_record(records, "m2") is None
    assert account_on_record(records, "m1") == to_data(told)


def test_a_running_watch_files_its_record_anew_after_every_day_and_no_sooner_than_the_policy_demands(
    tmp_path: Path, store: Store
) -> None:
    plant(tmp_path, "http://127.0.0.1:9", count=10)
    clock = FixedClock(START)
    workspace = replace(open_workspace(tmp_path, environment={"MODEL_KEY": "k"}), clock=clock)
    needed = workspace.system.policy.watched_days
    watched(store, START, START + 200 * DAY)

    def account_of(days: int) -> Any:
        return account(store, (ERRORS,), identity="m1", days=days, now=clock.now())

    def on_record() -> list[Any]:
        evidence = read_ledger(workspace, quick=False).evidence
        bodies: list[Any] = [e.record.body for e in evidence]
        return [body["detail"]["until"] for body in bodies if body.get("kind") == "watch-record"]

    def look(renewing: DailyRecord, days: float) -> None:
        clock.at = START + days * DAY
        renewing.look()
        renewing.stop(within_s=60.0)
        assert not renewing.problem

    one, two = DailyRecord(workspace, account_of), DailyRecord(workspace, account_of)
    look(one, needed - 0.5)
    assert on_record() == []
    for days in (needed + 0.01, needed + 0.4, needed + 0.9):
        look(one, days)
        look(two, days)
    assert len(on_record()) == 1, "one a day, however many watches there are"
    look(two, needed + 1.1)
    assert on_record() == [(START + days * DAY).isoformat() for days in (needed, needed + 1)]
    assert verify_ledger(workspace).intact


def test_an_answer_after_midnight_to_a_page_of_the_evening_is_in_the_record_within_hours(
    tmp_path: Path, store: Store
) -> None:
    plant(tmp_path, "http://127.0.0.1:9", count=10)
    clock = FixedClock(START)
    workspace = replace(open_workspace(tmp_path, environment={"MODEL_KEY": "k"}), clock=clock)
    midnight = START + workspace.system.policy.watched_days * DAY
    watched(store, START, START + 200 * DAY)
    alarm = {"id": "a", "monitor": "m", "detector": "change", "level": "page", "state": "open", "summary": "m rises"}
    store.raise_alarm({**alarm, "opened_at": (midnight - timedelta(minutes=2)).isoformat()})

    def account_of(days: int) -> Any:
        return account(store, (ERRORS,), identity="m1", days=days, now=clock.now())

    def unanswered() -> list[Any]:
        bodies: list[Any] = [e.record.body for e in read_ledger(workspace, quick=False).evidence]
        return [body["detail"]["unanswered"] for body in bodies if body.get("kind") == "watch-record"]

    def look(renewing: DailyRecord, hours: float) -> None:
        clock.at = midnight + timedelta(hours=hours)
        renewing.look()
        renewing.stop(within_s=60.0)
        assert not renewing.problem

    one, two = DailyRecord(workspace, account_of), DailyRecord(workspace, account_of)
    look(one, 0.01)
    answer = {"by": "amir", "at": (midnight + timedelta(minutes=3)).isoformat()}
    store.change_alarm("a", lambda current: {**current, "state": "acknowledged", "acknowledged": answer})
    assert unanswered() == [1]
    for hours in (1.5, 3.0, 4.5):
        look(one, hours)
        look(two, hours)
    assert unanswered() == [1, 0], "once more, however many watches there are"


def test_nothing_that_comes_in_waits_for_the_record_of_the_days(tmp_path: Path, store: Store) -> None:
    plant(tmp_path, "http://127.0.0.1:9", count=10)
    clock = FixedClock(START + 200 * DAY)
    workspace = replace(open_workspace(tmp_path, environment={"MODEL_KEY": "k"}), clock=clock)
    watched(store, START, START + 200 * DAY)
    asked, go_on = [], threading.Event()

    def account_of(days: int) -> Any:
        asked.append(days)
        if not go_on.wait(10.0):
            raise Refused("the look was waited for")
        return account(store, (ERRORS,), identity="m1", days=days, now=clock.now())

    renewing = DailyRecord(workspace, account_of)
    renewing.look()
    clock.at += timedelta(hours=2)
    renewing.look()
    go_on.set()
    renewing.stop(within_s=60.0)
    assert not renewing.problem
    assert len(asked) == 1, "one look at a time"
    assert [e.record.body.get("kind") for e in read_ledger(workspace, quick=False).evidence] == ["watch-record"]
    clock.at += timedelta(hours=2)
    renewing.look()
    renewing.stop(within_s=60.0)
    assert len(asked) == 2
