from __future__ import annotations

import json
import os
import threading
import time
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from seatrial.core.errors import Malformed, Unreachable
from seatrial.watch.events import Kind, WatchEvent, parse, read_events
from seatrial.watch.store import Store

NOW = datetime(2027, 1, 11, 8, 0, tzinfo=UTC)
POSTGRES = os.environ.get("SEATRIAL_TEST_POSTGRES", "postgresql://root@127.0.0.1:5432/postgres")


def prediction(name: str, *, score: float = 0.5) -> WatchEvent:
    return WatchEvent(kind=Kind.PREDICTION, id=name, at=NOW, content={"prediction": 1, "score": score})


def outcome(name: str, label: int = 1) -> WatchEvent:
    return WatchEvent(kind=Kind.OUTCOME, id=name, at=NOW, content={"label": label})


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'watch' / 'events.db'}"
        return
    name = f"watch_{uuid.uuid4().hex[:12]}"
    admin = sa.create_engine(POSTGRES.replace("postgresql://", "postgresql+psycopg://"), isolation_level="AUTOCOMMIT")
    try:
        with admin.connect() as connection:
            connection.exec_driver_sql(f"CREATE DATABASE {name}")
    except sa.exc.OperationalError as error:
        pytest.skip(f"no PostgreSQL on 127.0.0.1:5432: {error.orig}")
    yield f"{POSTGRES.rsplit('/', 1)[0]}/{name}"
    with admin.connect() as connection:
        connection.exec_driver_sql(f"DROP DATABASE {name} WITH (FORCE)")
    admin.dispose()


@pytest.fixture
def store(url: str) -> Iterator[Store]:
    opened = Store.open(url)
    yield opened
    opened.close()


def test_an_event_counts_once_and_a_contradiction_is_told(store: Store) -> None:
    first = store.append([prediction("a"), prediction("b"), prediction("a")], now=NOW)
    again = store.append([prediction("a"), prediction("b", score=0.9), outcome("a")], now=NOW)
    assert (first.new, first.known, first.contradicting) == (2, 1, ())
    assert (again.new, again.known, again.contradicting) == (1, 1, ("b",))
    assert store.counts() == {"prediction": 2, "outcome": 1, "known": 2, "contradicting": 1}
    assert [event.content["score"] for event in store.after(0, 10) if event.kind is Kind.PREDICTION] == [0.5, 0.5]


def test_events_come_back_in_the_order_of_their_arrival(store: Store) -> None:
    store.append([prediction(f"p{n}") for n in range(1200)], now=NOW)
    store.append([outcome(f"p{n}") for n in range(1200)], now=NOW + timedelta(seconds=1))
    seen = store.after(0, 5000)
    assert [event.id for event in seen] == [f"p{n}" for n in range(1200)] * 2
    assert store.last() == seen[-1].sequence
    assert [event.id for event in store.after(seen[9].sequence, 3)] == ["p10", "p11", "p12"]
    assert set(store.of_kind(Kind.PREDICTION, ["p3", "p999", "q"], until=seen[500].sequence)) == {"p3"}


def test_the_newest_of_a_kind_is_found_without_a_look_at_the_others(tmp_path: Path) -> None:
    looked = []
    for size in (200, 20_000):
        store = Store.open(f"sqlite:///{tmp_path / f'{size}.db'}")
        store.append([outcome("o"), *(prediction(f"p{n}") for n in range(size))], now=NOW)
        steps: list[None] = []
        with store.database.reading() as connection:
            driver: Any = connection.connection.driver_connection
            driver.set_progress_handler(lambda steps=steps: steps.append(None), 10)
        newest, first = store.newest(Kind.PREDICTION), store.newest(Kind.OUTCOME)
        assert newest is not None
        assert first is not None
        assert (newest.id, first.id, store.newest(Kind.CLOSING), store.last()) == (f"p{size - 1}", "o", None, size + 1)
        looked.append(len(steps))
        store.close()
    assert looked[1] <= 2 * looked[0], "in steps of SQLite's machine"


def test_state_and_place_move_together_and_only_from_where_they_are(store: Store) -> None:
    alarm = {"id": "x", "monitor": "m", "state": "open", "opened_at": "2027", "trail": []}
    assert store.state("streams") == (0, {})
    assert store.advance("streams", before=0, cursor=7, state={"a": 1.5}, alarms=[alarm])
    assert not store.advance("streams", before=0, cursor=9, state={"a": 9.9}, alarms=[{**alarm, "id": "y"}])
    assert store.state("streams") == (7, {"a": 1.5})
    assert [each["id"] for each in store.alarms()] == ["x"]


def test_signs_of_life_keep_the_newest_time(store: Store) -> None:
    beats = [WatchEvent(kind=Kind.HEARTBEAT, id="erp", at=NOW + timedelta(seconds=s), content={}) for s in (5, 1, 3)]
    store.append(beats, now=NOW)
    assert store.beats() == {"erp": (NOW + timedelta(seconds=5)).timestamp()}


def test_several_that_open_a_new_store_at_the_same_time_all_get_it(url: str) -> None:
    together = threading.Barrier(4)

    def opened(_: int) -> Store:
        together.wait(30)
        return Store.open(url)

    with ThreadPoolExecutor(4) as pool:
        stores = list(pool.map(opened, range(4)))
    for number, store in enumerate(stores):
        assert store.append([prediction(f"p{number}")], now=NOW).new == 1
        store.close()


def test_a_store_of_before_an_index_gets_it_and_keeps_its_events(url: str) -> None:
    old = Store.open(url)
    old.append([prediction("a"), prediction("b")], now=NOW)
    with old.database.writing() as connection:
        connection.exec_driver_sql("DROP INDEX watch_events_newest")
    old.close()
    new = Store.open(url)
    with new.database.reading() as connection:
        assert "watch_events_newest" in {each["name"] for each in sa.inspect(connection).get_indexes("watch_events")}
    newest = new.newest(Kind.PREDICTION)
    new.close()
    assert newest is not None
    assert newest.id == "b"


def test_the_file_of_turns_is_as_open_as_the_store(tmp_path: Path) -> None:
    file, turns = tmp_path / "w.db", tmp_path / "w.db-turn"
    Store.open(f"sqlite:///{file}").close()
    for mode in (0o600, 0o644):
        turns.unlink()
        file.chmod(mode)
        Store.open(f"sqlite:///{file}").close()
        assert turns.stat().st_mode & 0o777 == mode


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become two other users")
def test_what_root_opened_stays_its_owners(tmp_path: Path) -> None:
    file, turns = tmp_path / "w.db", tmp_path / "w.db-turn"
    Store.open(f"sqlite:///{file}").close()
    turns.unlink()
    os.chown(file, 65534, 65534)
    Store.open(f"sqlite:///{file}").close()
    assert (turns.stat().st_uid, turns.stat().st_gid) == (65534, 65534)


def test_of_two_that_write_without_a_pause_neither_keeps_the_other_out(url: str) -> None:
    busy, other = Store.open(url), Store.open(url)
    begun, stopped = threading.Event(), threading.Event()
    written = [0]

    def without_a_pause() -> None:
        while not stopped.is_set():
            with busy.database.writing():
                begun.set()
                time.sleep(0.05)
            written[0] += 1

    thread = threading.Thread(target=without_a_pause)
    thread.start()
    try:
        begun.wait(30)
        waited = []
        for number in range(10):
            before = written[0]
            other.append([prediction(f"p{number}")], now=NOW)
            waited.append(written[0] - before)
    finally:
        stopped.set()
        thread.join()
        busy.close()
        other.close()
    assert sorted(waited)[7] <= 2, f"so many times the other wrote before this one was let in: {waited}"
    assert sum(waited) >= 5, f"the other was hardly let in: {waited}"


def test_a_store_that_cannot_be_reached_is_named_without_its_password() -> None:
    with pytest.raises(Unreachable) as caught:
        Store.open("postgresql://watch:opensesame@127.0.0.1:1/none")
    assert "opensesame" not in str(caught.value)
    assert caught.value.remedy


@pytest.mark.parametrize(
    ("document", "code"),
    [
        (None, "no-event"),
        ([1], "no-event"),
        ({"kind": "guess", "id": "a"}, "no-event"),
        ({"prediction": 1}, "no-id"),
        ({"id": "", "prediction": 1}, "no-id"),
        ({"id": "x" * 201, "prediction": 1}, "no-id"),
        ({"id": True, "prediction": 1}, "no-id"),
        ({"id": "a", "at": "yesterday", "prediction": 1}, "no-time"),
        ({"id": "a", "at": "2027-01-11T08:00:00", "prediction": 1}, "no-time"),
        ({"id": "a", "at": "2027-01-11T09:00:00Z", "prediction": 1}, "in-the-future"),
        ({"id": "a"}, "no-prediction"),
        ({"id": "a", "prediction": 1, "score": 1.2}, "score-outside-range"),
        ({"id": "a", "prediction": 1, "score": "high"}, "score-outside-range"),
        ({"id": "a", "prediction": 1, "latency_s": -1}, "score-outside-range"),
        ({"id": "a", "prediction": 1, "inputs": [1]}, "no-event"),
        ({"kind": "outcome", "id": "a"}, "no-label"),
        ({"id": "a", "label": float("nan")}, "no-label"),
        ({"id": "a", "prediction": 1, "inputs": {"text": "x" * 300_000}}, "too-large"),
    ],
)
def test_what_is_no_event_is_refused_alone_and_with_its_reason(document: object, code: str) -> None:
    good = {"id": "fine", "prediction": 1}
    taken, refused = read_events([good, document, {"id": "too", "label": 0}], now=NOW)
    assert [event.id for event in taken] == ["fine", "too"]
    assert [(each.index, each.code) for each in refused] == [(1, code)]
    assert refused[0].text


def test_json_lines_and_arrow_say_the_same() -> None:
    import pyarrow as pa

    rows = [
        {"id": "a", "prediction": 1, "score": 0.7, "wind": 3.5},
        {"id": "b", "prediction": 0, "score": 0.1, "wind": 9.0},
    ]
    sink = pa.BufferOutputStream()
    table = pa.Table.from_pylist(rows)
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    lines = "\n\n".join(
        json.dumps({"id": r["id"], "prediction": r["prediction"], "score": r["score"], "inputs": {"wind": r["wind"]}})
        for r in rows
    ).encode()
    by_lines, _ = read_events(parse(lines, media_type="application/x-ndjson"), now=NOW)
    by_arrow, _ = read_events(
        parse(sink.getvalue().to_pybytes(), media_type="application/vnd.apache.arrow.stream"), now=NOW
    )
    assert by_lines == by_arrow
    for media_type in ("application/json", "application/vnd.apache.arrow.stream"):
        with pytest.raises(Malformed):
            list(parse(b"{not json", media_type=media_type))
