"""A run that is killed while its test records are in production: the next command tells, and takes them away."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Self

import pytest
import yaml
from command_line import called, seatrial
from sqlalchemy import Engine, create_engine, text
from sqlalchemy.pool import NullPool

from plants.databases import server, table
from plants.pipeline_server import delivery
from seatrial.app.folder.ledgers import read_ledger
from seatrial.app.folder.processes import alive
from seatrial.app.folder.workspace import open_workspace
from seatrial.app.running.record_traces import left_behind
from seatrial.core.vocabulary import RecordType

pytestmark = pytest.mark.slow

COLUMNS = "id VARCHAR(80) PRIMARY KEY, planned_at VARCHAR(40), temp DOUBLE PRECISION, dock VARCHAR(8)"
REAL = "INSERT INTO {table} (id, planned_at, temp, dock) VALUES ('d1', 'now', 1.5, 'A')"
_WAIT_S = 120.0


class Works:
    """Production: two tables, and who passes on from the one to the other what is new in it."""

    def __init__(self, url: str, engine: Engine, inbox: str, outbox: str) -> None:
        self.url, self.engine, self.inbox, self.outbox = url, engine, inbox, outbox
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._pass_on, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _pass_on(self) -> None:
        columns = "id, planned_at, temp, dock"
        passed = (
            f"INSERT INTO {self.outbox} ({columns}) SELECT {columns} FROM {self.inbox} "
            f"WHERE id NOT IN (SELECT id FROM {self.outbox})"
        )
        while not self._stop.wait(0.05):
            # A row that is taken away at the same moment is not passed on; a busy table is looked at again.
            with suppress(Exception), self.engine.begin() as connection:
                connection.execute(text(passed))

    def keys(self, name: str) -> list[str]:
        with self.engine.connect() as connection:
            return [str(key) for key in connection.execute(text(f"SELECT id FROM {name} ORDER BY id")).scalars()]

    def ours(self) -> int:
        return sum(key != "d1" for name in (self.inbox, self.outbox) for key in self.keys(name))


@pytest.fixture(params=["sqlite", "postgresql"])
def works(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Works]:
    with ExitStack() as stack:
        if request.param == "sqlite":
            url = f"sqlite:///{tmp_path / 'works.db'}"
            engine = create_engine(url, connect_args={"timeout": 30}, poolclass=NullPool)
            with engine.begin() as connection:
                connection.execute(text("PRAGMA journal_mode=WAL"))
        else:
            url, engine = server(request.param)
        tables = [stack.enter_context(table(engine, COLUMNS, REAL)) for _ in range(2)]
        yield stack.enter_context(Works(url, engine, *tables))


@pytest.fixture
def place(tmp_path: Path, works: Works) -> Path:
    """A system without a staging: its two tables may be written to in an approved window that is open now."""
    now = datetime.now(UTC)
    kind = works.url.partition(":")[0].partition("+")[0]

    def end(name: str) -> dict[str, Any]:
        return {
            "url": works.url,
            "writable": True,
            "window": f"daily {now - timedelta(hours=1):%H:%M}-{now + timedelta(hours=3):%H:%M}",
            "approved_by": "ivo",
            "read": name,
            "write": name,
            "observe": name,
            "remove": name,
        }

    (tmp_path / "records.jsonl").write_text("".join(f"{json.dumps(delivery(at))}\n" for at in range(20)))
    plain = {
        "system": "dock-delay",
        "version": "1",
        "people": {"ivo": {"name": "Ivo", "email": "ivo@example.com"}},
        "model": {"endpoint": "http://127.0.0.1:9/predict", "task": "binary"},
        "integrations": {
            "deliveries": {"kind": kind, "production": end(works.inbox)},
            "planner": {"kind": kind, "direction": "out", "production": end(works.outbox)},
        },
        "flows": [
            {
                "name": "warn",
                "in": "deliveries",
                "out": "planner",
                "key": "id",
                "within": "3s",
                "peak": "20/s",
                "records": "records.jsonl",
                "expect": {"dock": "dock"},
            }
        ],
    }
    (tmp_path / "seatrial.yaml").write_text(yaml.safe_dump(plain))
    return tmp_path


def descendants(pid: int) -> list[int]:
    """The process and all that it started, the process itself first."""
    parents: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            with suppress(OSError):
                parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
                parents.setdefault(parent, []).append(int(entry.name))
    found = [pid]
    for each in found:
        found += parents.get(each, [])
    return found


def killed(place: Path, works: Works) -> None:
    """A run of the load on production, killed with all its processes while its records are there."""
    command = [sys.executable, "-m", "seatrial", "run", "--only", "integration.combined-load"]
    said = place / "run.log"
    with said.open("wb") as log:
        process = subprocess.Popen(command, cwd=place, stdout=log, stderr=log)
    deadline = time.monotonic() + _WAIT_S
    try:
        while works.ours() <= 20:
            assert process.poll() is None, said.read_text()
            assert time.monotonic() < deadline
            time.sleep(0.05)
    finally:
        family = descendants(process.pid)
        for pid in family:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        process.wait()
    while any(alive(str(pid)) for pid in family):
        time.sleep(0.01)
    assert works.ours() > 20


def test_the_next_command_tells_what_is_left_and_one_command_takes_it_away(place: Path, works: Works) -> None:
    killed(place, works)
    (left,) = left_behind(open_workspace(place))
    told = called("verdict", cwd=place).err
    assert "test records of a check of" in told, told
    for word in ("deliveries (production)", "planner (production)", "seatrial flows --clean", "seatrial-2"):
        assert word in told
    ended = called("flows", "--clean", cwd=place)
    assert ended.code == 0, ended
    assert ended.out.count("removed; 0 seen afterwards") == len(left.records)
    assert (works.keys(works.inbox), works.keys(works.outbox)) == (["d1"], ["d1"]), "what is real stays"
    assert left_behind(open_workspace(place)) == ()
    events = [
        e.record.body["kind"]
        for e in read_ledger(open_workspace(place), quick=False).evidence
        if e.record.type is RecordType.EVENT
    ]
    assert events[-1] == "test-records-removed"
    assert "nothing to take away" in called("flows", "--clean", cwd=place).out
    assert "may still be there" not in called("verdict", cwd=place).err


def test_the_next_run_takes_it_away_before_anything_else(place: Path, works: Works) -> None:
    killed(place, works)
    ended = seatrial("run", "--only", "integration.inventory", cwd=place)
    assert works.ours() == 0, ended
    assert left_behind(open_workspace(place)) == ()


def test_what_cannot_be_taken_away_is_named_by_its_keys_and_can_be_tried_again(place: Path, works: Works) -> None:
    killed(place, works)
    hidden = f"{works.outbox}_away"
    with works.engine.begin() as connection:
        connection.execute(text(f"ALTER TABLE {works.outbox} RENAME TO {hidden}"))
    failed = called("flows", "--clean", "--json", cwd=place)
    assert failed.code == 1
    states = {end["integration"]: end["state"] for end in failed.json["ends"]}
    assert (states["deliveries"], states["planner"][:11]) == ("removed; 0 seen afterwards", "not removed")
    assert all("seatrial-" in end["keys"] for end in failed.json["ends"])
    with works.engine.begin() as connection:
        connection.execute(text(f"ALTER TABLE {hidden} RENAME TO {works.outbox}"))
    assert called("flows", "--clean", cwd=place).code == 0
    assert works.ours() == 0


def test_an_end_that_is_declared_otherwise_by_now_is_not_taken_for_the_one_that_was_written_to(
    place: Path, works: Works
) -> None:
    killed(place, works)
    file = place / "seatrial.yaml"
    plain = yaml.safe_load(file.read_text())
    for section in plain["integrations"].values():
        section["test"] = {**section["production"], "url": f"sqlite:///{place / 'elsewhere.db'}"}
        for name in ("window", "approved_by"):
            del section["test"][name]
    file.write_text(yaml.safe_dump(plain))
    failed = called("flows", "--clean", cwd=place)
    assert failed.code == 1
    assert "another end of planner now" in failed.out
    assert works.ours() > 0
    assert left_behind(open_workspace(place))
