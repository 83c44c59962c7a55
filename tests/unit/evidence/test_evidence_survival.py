"""Processes that are killed, and processes that write at once: the ledger verifies and holds all it acknowledged."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from ledger_scene import SYSTEM, Scene
from sqlalchemy import create_engine, text
from sqlalchemy.exc import OperationalError

from seatrial.evidence.failures import LedgerError
from seatrial.evidence.ledger import Ledger

WRITER = Path(__file__).with_name("ledger_writer.py")
POSTGRES = os.environ.get("SEATRIAL_TEST_POSTGRES", "postgresql+psycopg://127.0.0.1:5432/test")


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    return Scene(tmp_path)


@pytest.fixture
def postgres() -> Iterator[str]:
    """The URL of a schema of our own on a real server."""
    pytest.importorskip("psycopg", reason="the PostgreSQL driver is not installed")
    engine = create_engine(POSTGRES, connect_args={"connect_timeout": 2})
    schema = f"seatrial_test_{os.getpid()}_{time.time_ns()}"
    try:
        with engine.begin() as connection:
            connection.execute(text(f"CREATE SCHEMA {schema}"))
    except OperationalError:
        pytest.skip("no PostgreSQL server answers at SEATRIAL_TEST_POSTGRES or 127.0.0.1:5432")
    yield f"{POSTGRES}?options=-csearch_path%3D{schema}"
    with engine.begin() as connection:
        connection.execute(text(f"DROP SCHEMA {schema} CASCADE"))
    engine.dispose()


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, scene: Scene) -> str:
    return scene.url if request.param == "sqlite" else str(request.getfixturevalue("postgres"))


def writer(url: str, scene: Scene, name: str, count: int) -> subprocess.Popen[str]:
    command = [sys.executable, str(WRITER), url, str(scene.folder), name, str(count)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def acknowledged_until_killed(process: subprocess.Popen[str], after_s: float, at_least: int) -> list[str]:
    """Kill the writer a moment after its first acknowledgements; all whole lines that it printed."""
    assert process.stdout is not None
    lines = [process.stdout.readline() for _ in range(at_least)]
    time.sleep(after_s)
    os.kill(process.pid, signal.SIGKILL)
    rest, _ = process.communicate()
    return [line.strip() for line in (*lines, *rest.splitlines(keepends=True)) if line.endswith("\n")]


def survives_kills(url: str, scene: Scene, kills: int) -> None:
    dice = random.Random(7)
    acknowledged: list[str] = []
    scene.keys.worker("local")
    for _ in range(kills):
        process = writer(url, scene, "local", 100_000)
        acknowledged += acknowledged_until_killed(process, dice.uniform(0.0, 0.05), dice.choice([0, 1, 1, 3]))
    ledger = Ledger.open(url)
    reading = ledger.read(SYSTEM, scene.trust())
    assert reading.report.problems == ()
    assert set(acknowledged) <= {evidence.digest for evidence in reading.evidence}
    assert acknowledged
    ledger.append(scene.observed("after"))
    ledger.close()


def test_a_ledger_survives_kill_9_at_any_moment(scene: Scene) -> None:
    survives_kills(scene.url, scene, kills=8)


def test_a_ledger_on_a_server_survives_kill_9_of_its_writer(scene: Scene, postgres: str) -> None:
    survives_kills(postgres, scene, kills=2)


@pytest.mark.slow
def test_a_ledger_survives_kill_9_at_any_moment_many_times(scene: Scene) -> None:
    survives_kills(scene.url, scene, kills=120)


def test_processes_that_write_at_once_share_one_chain(scene: Scene, url: str) -> None:
    names = ["one", "two", "three"]
    for name in names:
        scene.keys.worker(name)
    processes = [writer(url, scene, name, 12) for name in names]
    acknowledged = [line for process in processes for line in process.communicate()[0].split()]
    ledger = Ledger.open(url)
    reading = ledger.read(SYSTEM, scene.trust())
    ledger.close()
    assert [process.returncode for process in processes] == [0, 0, 0]
    assert len(acknowledged) == 36
    assert reading.report.problems == ()
    assert {evidence.digest for evidence in reading.evidence} == set(acknowledged)


def test_threads_share_one_ledger(scene: Scene, url: str) -> None:
    ledger = Ledger.open(url)
    envelopes = [scene.observed(number) for number in range(24)]
    with ThreadPoolExecutor(4) as pool:
        appended = list(pool.map(ledger.append, envelopes))
    assert sorted(entry.sequence for entry in appended) == list(range(1, 25))
    assert ledger.state(SYSTEM, scene.trust()).problems == ()
    ledger.close()


def test_one_envelope_from_many_threads_is_one_entry(scene: Scene, url: str) -> None:
    ledger, envelope = Ledger.open(url), scene.observed()
    with ThreadPoolExecutor(4) as pool:
        appended = list(pool.map(ledger.append, [envelope] * 8))
    assert {entry.sequence for entry in appended} == {1}
    ledger.close()


def test_a_ledger_is_created_once_by_many(scene: Scene, url: str) -> None:
    start = threading.Barrier(4)

    def first(_: int) -> int:
        start.wait()
        ledger = Ledger.open(url)
        ledger.close()
        return 1

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(first, range(4))) == 4
    ledger = Ledger.open(url)
    assert ledger.systems() == ()
    ledger.close()


def test_the_server_itself_refuses_to_change_what_is_recorded(scene: Scene, postgres: str) -> None:
    ledger = Ledger.open(postgres)
    ledger.append(scene.observed())
    for statement in (
        "UPDATE seatrial_entries SET sequence = 9",
        "DELETE FROM seatrial_entries",
        "TRUNCATE seatrial_entries",
    ):
        with pytest.raises(LedgerError) as caught, ledger._database.writing() as connection:
            connection.execute(text(statement))
        assert caught.value.code == "append-only"
    assert ledger.state(SYSTEM, scene.trust()).problems == ()
    ledger.close()


def test_tampering_in_a_servers_database_is_found(scene: Scene, postgres: str) -> None:
    ledger = Ledger.open(postgres)
    ledger.append_many(scene.story())
    with ledger._database.writing() as connection:
        connection.execute(text("DROP TRIGGER seatrial_no_change ON seatrial_entries"))
        connection.execute(text("DELETE FROM seatrial_entries WHERE sequence = 4"))
    assert [p.code for p in ledger.verify(SYSTEM, scene.trust()).problems] == ["missing"]
    ledger.close()
