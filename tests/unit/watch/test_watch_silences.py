from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from seatrial.watch.database import Database
from seatrial.watch.outbox import Outbox
from seatrial.watch.silences import Silence, Silences
from seatrial.watch.store import Store

NOW = datetime(2027, 1, 11, 8, 0, tzinfo=UTC)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = Store.open(f"sqlite:///{tmp_path / 'w.db'}")
    yield opened
    opened.close()


def silence(monitor: str, *, hours: float) -> Silence:
    stamp = NOW.timestamp()
    return Silence(id=monitor, monitor=monitor, by="olga", why="works", since=stamp, until=stamp + hours * 3600)


def alarm(name: str, **changes: Any) -> dict[str, Any]:
    return {"id": name, "monitor": name, "state": "open", "opened_at": NOW.isoformat(), "trail": [], **changes}


def test_a_silence_covers_its_monitors_for_its_time_and_no_longer(store: Store) -> None:
    silences = Silences(store.database)
    silences.add(silence("metric", hours=4))
    assert silences.over("metric.recall", NOW) is not None
    assert silences.over("metrics", NOW) is None
    assert silences.over("metric.recall", NOW + timedelta(hours=4)) is None
    assert silences.over("metric.recall", NOW - timedelta(hours=1)) is None, "a clock put back makes none longer"
    ended = silences.end("metric", NOW + timedelta(hours=1))
    assert ended is not None
    assert silences.over("metric.recall", NOW + timedelta(hours=1)) is None
    assert silences.end("metric", NOW + timedelta(hours=1)) is None


def test_a_new_outlet_is_told_of_what_stands_and_comes_and_never_of_what_is_long_past(store: Store) -> None:
    for name, state in (("past", "closed"), ("standing", "open")):
        store.raise_alarm(alarm(name, state=state))
    outbox = Outbox(store.database, "pager")
    outbox.begin()
    assert [each["id"] for each in outbox.untold(most=10)] == ["standing"]
    outbox.told("standing", "open")
    store.raise_alarm(alarm("gone-again", state="closed"))
    outbox.begin()
    assert [each["id"] for each in outbox.untold(most=10)] == ["gone-again"], "what came and went is told too"
    store.change_alarm("standing", lambda current: {**current, "state": "closed"})
    assert {each["id"] for each in outbox.untold(most=10)} == {"gone-again", "standing"}
    assert Outbox(Database.open(f"sqlite:///{store.database.where}"), "other").untold(most=10)


def test_of_two_watches_one_raises_the_alarm_about_a_silence(store: Store) -> None:
    assert store.raise_alarm(alarm("one", monitor="heartbeat"))
    assert not store.raise_alarm(alarm("two", monitor="heartbeat"))
    store.change_alarm("one", lambda current: {**current, "state": "closed"})
    assert store.raise_alarm(alarm("three", monitor="heartbeat"))
