"""A watch that is killed, starved of disk, doubled and cut off from its database: what it said yes to is never lost.

Processes of its own, a sender that repeats and reorders what was not acknowledged, and at the end a replay.
"""

from __future__ import annotations

import json
import os
import random
import resource
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from plants.server import unused_port
from plants.watched_errors import ERRORS, NOW, events
from seatrial.watch import watching as module
from seatrial.watch.events import Kind, WatchEvent
from seatrial.watch.store import Store
from seatrial.watch.watching import Watching

POSTGRES = os.environ.get("SEATRIAL_TEST_POSTGRES", "postgresql://root@127.0.0.1:5432/postgres")
pytestmark = pytest.mark.slow


class Watch:
    """A watch process, which can be killed and started again on the same store."""

    def __init__(self, url: str, *, most_bytes: int | None = None) -> None:
        self.url = url
        self.port = unused_port()
        self._most = [] if most_bytes is None else [str(most_bytes)]
        self.start()

    def start(self) -> None:
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(["tests", *sys.path])}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "plants.watch_process", self.url, str(self.port), *self._most],
            cwd=Path(__file__).parents[2],
            env=environment,
        )

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()


@contextmanager
def watch(url: str, **more: Any) -> Iterator[Watch]:
    running = Watch(url, **more)
    try:
        yield running
    finally:
        running.kill()


def document(event: WatchEvent) -> dict[str, Any]:
    return {"kind": event.kind.name.lower(), "id": event.id, "at": "2026-01-11T08:00:00+00:00", **event.content}


def post(port: int, part: Sequence[WatchEvent]) -> int:
    """The status of the answer, 200 where the watch says that it keeps them; 0 for none."""
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/v1/events",
        data=json.dumps([document(each) for each in part]).encode(),
        headers={"Content-Type": "application/json"},
    )
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code
    except (OSError, ValueError):
        return 0


def parts_of(n: int, *, seed: int, size: int = 40) -> list[list[WatchEvent]]:
    """Events in parts, reordered, some of them in two parts."""
    sent = [*events(n // 2, 0.1, seed=seed), *events(n - n // 2, 0.5, seed=seed + 1, first=n // 2)]
    dice = random.Random(seed)
    dice.shuffle(sent)
    parts = [sent[start : start + size] for start in range(0, len(sent), size)]
    return [*parts, *dice.sample(parts, len(parts) // 4)]


def send(
    ports: Callable[[int], int],
    parts: Sequence[Sequence[WatchEvent]],
    during: Callable[[int], None] = lambda _: None,
    *,
    seconds: float = 60.0,
) -> set[tuple[int, str]]:
    """Send every part until it is acknowledged, each within so many seconds; what was."""
    kept: set[tuple[int, str]] = set()
    for number, part in enumerate(parts):
        during(number)
        end = time.monotonic() + seconds
        while post(ports(number), part) != 200:
            assert time.monotonic() < end, "it was never acknowledged"
            time.sleep(0.02)
        kept |= {(int(each.kind), each.id) for each in part}
    return kept


def caught_up(store: Store, *, seconds: float = 60.0) -> None:
    end = time.monotonic() + seconds
    while store.state(module.NAME)[0] < store.last():
        assert time.monotonic() < end, "the events were not looked at"
        time.sleep(0.05)


def none_lost_none_twice(url: str, kept: set[tuple[int, str]]) -> None:
    store = Store.open(url)
    caught_up(store)
    journal = store.after(0, 100_000)
    held = [(int(each.kind), each.id) for each in journal]
    assert len(held) == len(set(held)), "an event was counted twice"
    assert kept <= set(held), "an acknowledged event was lost"
    state, alarms = store.state(module.NAME)[1], store.alarms()
    replay = Store.open("sqlite://")
    for start in range(0, len(journal), 97):
        part = journal[start : start + 97]
        again = [WatchEvent(kind=Kind(e.kind), id=e.id, at=NOW, content=e.content) for e in part]
        replay.append(again, now=NOW)
        Watching(replay, (ERRORS,), begun=NOW).catch_up()
    replayed = replay.state(module.NAME)[1]
    assert plain(state) == plain(replayed), "the state is no replay of the journal"
    assert {each["detector"] for each in alarms} == {each["detector"] for each in replay.alarms()}
    assert alarms, "the drop was an alarm"
    store.close()
    replay.close()


def plain(state: Any) -> Any:
    """Without the times of arrival and the numbers that a database gave, which a replay gives anew."""
    streams = {
        name: {
            **stream,
            "newest": [value for _, _, value in stream["newest"]],
            "history": sum(rows for _, rows, _ in stream["history"]),
            "detectors": {
                key: {**each, "crossed": each["crossed"] is not None} for key, each in stream["detectors"].items()
            },
        }
        for name, stream in state["streams"].items()
    }
    return {**state, "streams": streams}


def test_killed_in_the_middle_again_and_again(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'w.db'}"
    with watch(url) as running:
        dice = random.Random(1)
        restarts: list[threading.Timer] = []

        def during(number: int) -> None:
            if number in (9, 29):
                # While a part is on its way.
                restarts.append(threading.Timer(dice.uniform(0.0, 0.02), restart))
                restarts[-1].start()

        def restart() -> None:
            running.kill()
            running.start()

        kept = send(lambda _: running.port, parts_of(1000, seed=1), during)
        for each in restarts:
            each.join()
        none_lost_none_twice(url, kept)


def test_two_watches_at_once(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'w.db'}"
    with watch(url) as one, watch(url) as two:
        parts = parts_of(800, seed=2)
        with ThreadPoolExecutor(1) as pool:
            other = pool.submit(send, lambda _: two.port, parts[::-1])
            kept = send(lambda _: one.port, parts) | other.result()
        for each in (one, two):
            assert each.process.poll() is None, "a watch ended because of the other"
        none_lost_none_twice(url, kept)


def test_a_full_disk_refuses_and_goes_on_when_there_is_room(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'w.db'}"
    Store.open(url).close()
    with watch(url, most_bytes=300_000) as running:
        refusals: list[int] = []

        def port(_: int) -> int:
            refusals.append(post(running.port, full))
            if refusals.count(503) == 3:
                unlimited = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
                resource.prlimit(running.process.pid, resource.RLIMIT_FSIZE, unlimited)
            return running.port

        (full, *_) = parts = parts_of(2000, seed=3, size=200)
        kept = send(port, parts)
        assert 503 in refusals, "the disk was never full"
        assert running.process.poll() is None, "a full disk ended the watch"
        none_lost_none_twice(url, kept)


@pytest.fixture
def database() -> Iterator[tuple[str, sa.Engine]]:
    name = f"watch_{uuid.uuid4().hex[:12]}"
    admin = sa.create_engine(POSTGRES.replace("postgresql://", "postgresql+psycopg://"), isolation_level="AUTOCOMMIT")
    try:
        with admin.connect() as connection:
            connection.exec_driver_sql(f"CREATE DATABASE {name}")
    except sa.exc.OperationalError as error:
        pytest.skip(f"no PostgreSQL on 127.0.0.1:5432: {error.orig}")
    yield f"{POSTGRES.rsplit('/', 1)[0]}/{name}", admin
    with admin.connect() as connection:
        connection.exec_driver_sql(f"DROP DATABASE {name} WITH (FORCE)")
    admin.dispose()


def test_a_database_that_cuts_everybody_off(database: tuple[str, sa.Engine]) -> None:
    url, admin = database
    name = url.rsplit("/", 1)[1]
    cuts: list[threading.Timer] = []

    def during(number: int) -> None:
        if number % 9 == 4:
            cuts.append(threading.Timer(0.005, cut))
            cuts[-1].start()

    def cut() -> None:
        with admin.connect() as connection:
            connection.exec_driver_sql(
                f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'"
            )

    with watch(url) as running:
        kept = send(lambda _: running.port, parts_of(800, seed=4), during)
        for each in cuts:
            each.join()
        none_lost_none_twice(url, kept)
