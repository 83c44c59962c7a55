"""Appending: durable, idempotent, append-only; and every way in which the database can fail says what to do."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from ledger_scene import START, SYSTEM, Scene, SteppingClock, tamper
from sqlalchemy import Engine, event, text

from seatrial.core.errors import Malformed
from seatrial.core.record import RECORD_VERSION
from seatrial.evidence.failures import LedgerError
from seatrial.evidence.ledger import UNVERIFIED, Ledger, beside


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    return Scene(tmp_path)


def test_it_is_created_beside_the_system_file(tmp_path: Path) -> None:
    Ledger.open(beside(tmp_path / "seatrial.yaml"))
    assert (tmp_path / ".seatrial" / "ledger.db").is_file()


def test_evidence_comes_back_in_order_of_sequence_and_verified(scene: Scene) -> None:
    ledger = scene.open()
    appended = ledger.append_many(scene.story())
    evidence = ledger.evidence(SYSTEM, scene.trust())
    assert [e.sequence for e in evidence] == [e.sequence for e in appended] == list(range(1, 9))
    assert [e.digest for e in evidence] == [e.digest for e in appended]
    assert [e.problem for e in evidence] == [""] * 8
    assert [e.received_at for e in evidence] == sorted(e.received_at for e in evidence)
    assert {e.record.version for e in evidence} == {RECORD_VERSION}


def test_what_was_only_appended_is_not_called_verified(scene: Scene) -> None:
    entry = scene.open().append(scene.observed())
    assert (entry.signer, entry.problem) == (None, UNVERIFIED)


def test_the_same_envelope_again_adds_nothing(scene: Scene) -> None:
    ledger, envelope = scene.open(), scene.observed()
    first, again = ledger.append(envelope), ledger.append(envelope)
    assert (first.sequence, first.received_at) == (again.sequence, again.received_at)
    twice = ledger.append_many([scene.accepted(), envelope, envelope])
    assert [entry.sequence for entry in twice] == [2, 1, 1]
    assert ledger.state(SYSTEM, scene.trust()).entries == 2


def test_each_system_has_its_own_chain(scene: Scene) -> None:
    ledger = scene.open()
    for value in range(3):
        ledger.append(scene.observed(value))
        ledger.append(scene.observed(value, system="other"))
    assert ledger.systems() == (SYSTEM, "other")
    for system in ledger.systems():
        state = ledger.state(system, scene.trust())
        assert (state.entries, state.problems) == (3, ())


@pytest.mark.parametrize("system", ["", "two words", "a\nb", "a\0b", "x" * 201])
def test_a_name_that_no_checkpoint_could_carry_names_no_system(scene: Scene, system: str) -> None:
    with pytest.raises(Malformed, match="cannot name a system"):
        scene.open().append(scene.observed(system=system))


def test_a_chain_is_read_whole_over_many_pages(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    ledger = scene.open()
    ledger.append_many(scene.story())
    for page in (1, 3, 4, 8, 9):
        monkeypatch.setattr("seatrial.evidence.database._PAGE", page)
        assert [entry.sequence for entry in ledger.entries(SYSTEM)] == list(range(1, 9))


def test_an_empty_chain_is_no_problem_and_not_anchored(scene: Scene) -> None:
    ledger = scene.open()
    state = ledger.state(SYSTEM, scene.trust())
    assert (state.entries, state.problems, state.anchored, state.newest) == (0, (), False, None)
    assert ledger.checkpoint(SYSTEM) is None


def test_of_several_all_or_none_are_recorded(scene: Scene) -> None:
    ledger = scene.open()
    with pytest.raises(Malformed):
        ledger.append_many([scene.observed(), b"nonsense"])
    assert ledger.state(SYSTEM, scene.trust()).entries == 0


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE seatrial_entries SET received_at = 'x'",
        "DELETE FROM seatrial_entries",
        "INSERT OR REPLACE INTO seatrial_entries SELECT * FROM seatrial_entries",
        "REPLACE INTO seatrial_entries SELECT system, 9, previous, record, '', digest, envelope FROM seatrial_entries",
    ],
)
def test_the_database_itself_refuses_to_change_what_is_recorded(scene: Scene, statement: str) -> None:
    scene.open().append(scene.observed())
    connection = sqlite3.connect(scene.folder / "ledger.db")
    with pytest.raises(sqlite3.IntegrityError, match="append-only"):
        connection.execute(statement)
    connection.close()


def test_commits_are_synced_to_the_disk(scene: Scene) -> None:
    ledger = scene.open()
    with ledger._database.reading() as connection:
        assert connection.execute(text("PRAGMA synchronous")).scalar() == 3
        assert connection.execute(text("PRAGMA journal_mode")).scalar() == "delete"


def test_a_clock_that_stands_before_the_newest_entry_is_refused(scene: Scene) -> None:
    scene.open().append(scene.observed())
    behind = Ledger.open(scene.url, clock=SteppingClock(START - timedelta(days=1)))
    with pytest.raises(LedgerError) as caught:
        behind.append(scene.observed())
    assert caught.value.code == "clock"


def test_a_clock_a_little_behind_never_runs_backwards_on_record(scene: Scene) -> None:
    first = scene.open().append(scene.observed())
    behind = Ledger.open(scene.url, clock=SteppingClock(first.received_at - timedelta(seconds=90)))
    assert behind.append(scene.observed()).received_at == first.received_at
    assert scene.open().state(SYSTEM, scene.trust()).problems == ()


def failing(ledger: Ledger, envelope: bytes) -> LedgerError:
    with pytest.raises(LedgerError) as caught:
        ledger.append(envelope)
    assert caught.value.remedy
    return caught.value


def test_a_read_only_ledger_is_read_and_not_written(scene: Scene) -> None:
    scene.open().append(scene.observed())
    ledger = Ledger.open(f"sqlite:///file:{scene.folder / 'ledger.db'}?mode=ro&uri=true", create=False)
    assert ledger.state(SYSTEM, scene.trust()).entries == 1
    assert failing(ledger, scene.observed()).code == "read-only"


def test_a_locked_ledger_is_waited_for_and_then_named(scene: Scene) -> None:
    scene.open().append(scene.observed())
    holder = sqlite3.connect(scene.folder / "ledger.db", isolation_level=None)
    holder.execute("BEGIN EXCLUSIVE")
    with pytest.raises(LedgerError) as caught:
        Ledger.open(scene.url, wait_s=0.05).append(scene.observed())
    assert (caught.value.code, caught.value.permanent) == ("locked", False)
    holder.execute("ROLLBACK")
    assert scene.open().append(scene.observed()).sequence == 2
    holder.close()


@contextmanager
def pages_at_most(count: int) -> Iterator[None]:
    def limit(connection: sqlite3.Connection, _: object) -> None:
        connection.execute(f"PRAGMA max_page_count = {count}")

    event.listen(Engine, "connect", limit)
    try:
        yield
    finally:
        event.remove(Engine, "connect", limit)


def append_until_full(ledger: Ledger, scene: Scene) -> list[str]:
    """Append until the ledger refuses; the digests that it acknowledged."""
    acknowledged: list[str] = []
    for value in range(1000):
        try:
            acknowledged.append(ledger.append(scene.observed(value)).digest)
        except LedgerError as error:
            if (error.code, error.permanent) == ("full", False):
                return acknowledged
            raise
    raise AssertionError("it never became full")


def test_a_full_disk_loses_nothing_that_was_acknowledged(scene: Scene) -> None:
    with pages_at_most(16):
        acknowledged = append_until_full(scene.open(), scene)
    reading = scene.open().read(SYSTEM, scene.trust())
    assert reading.report.intact
    assert [e.digest for e in reading.evidence] == acknowledged
    clock = SteppingClock(reading.evidence[-1].received_at)
    assert Ledger.open(scene.url, clock=clock).append(scene.observed()).sequence == len(acknowledged) + 1


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="mounting a small disk needs root")
def test_a_disk_that_is_really_full_loses_nothing_that_was_acknowledged(scene: Scene) -> None:
    disk = scene.folder / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=96k", "tmpfs", disk], check=False, capture_output=True
    )
    if mounted.returncode != 0:
        pytest.skip("mounting a small disk is not allowed here")
    try:
        ledger = scene.open(f"sqlite:///{disk / 'ledger.db'}")
        acknowledged = append_until_full(ledger, scene)
        reading = ledger.read(SYSTEM, scene.trust())
        assert reading.report.intact
        assert [e.digest for e in reading.evidence] == acknowledged
    finally:
        subprocess.run(["umount", disk], check=True)


def test_a_ledger_of_another_schema_version_is_left_alone(scene: Scene) -> None:
    scene.open().append(scene.observed())
    tamper(scene.folder / "ledger.db", "UPDATE seatrial_format SET version = 2")
    with pytest.raises(LedgerError, match="found 2, expected 1") as caught:
        scene.open()
    assert caught.value.code == "other-version"


@pytest.mark.parametrize(
    "content", [b"not a database, but long enough to look at " * 100, b"SQLite format 3\0" + b"\xff" * 4096]
)
def test_a_file_that_is_no_database_is_left_as_it_is(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "ledger.db"
    file.write_bytes(content)
    with pytest.raises(LedgerError) as caught:
        Ledger.open(f"sqlite:///{file}")
    assert caught.value.code == "not-a-ledger"
    assert file.read_bytes() == content


def test_another_programs_database_is_left_as_it_is(tmp_path: Path) -> None:
    file = tmp_path / "accounts.db"
    connection = sqlite3.connect(file)
    connection.execute("CREATE TABLE accounts (name TEXT)")
    connection.close()
    with pytest.raises(LedgerError) as caught:
        Ledger.open(f"sqlite:///{file}")
    assert caught.value.code == "not-a-ledger"


def test_a_damaged_file_is_named_and_is_no_empty_ledger(scene: Scene) -> None:
    ledger = scene.open()
    ledger.append_many([scene.observed("x" * 3000) for _ in range(20)])
    file = scene.folder / "ledger.db"
    content = bytearray(file.read_bytes())
    content[8192 : 8192 + 20_000] = b"\x5a" * 20_000
    file.write_bytes(content)
    with pytest.raises(LedgerError) as caught:
        scene.open().state(SYSTEM, scene.trust())
    assert caught.value.code == "damaged"


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("sqlite:///{folder}/none.db", "absent"),
        ("sqlite:///{folder}", "not-a-ledger"),
        ("sqlite://", "unreachable"),
        ("mysql://olga:secret@localhost/x", "unreachable"),
        ("not a url", "unreachable"),
        ("postgresql://olga:secret@127.0.0.1:9/x?password=secret", "unreachable"),
    ],
)
def test_a_ledger_that_cannot_be_reached_is_named_without_its_secrets(tmp_path: Path, url: str, code: str) -> None:
    with pytest.raises(LedgerError) as caught:
        Ledger.open(url.format(folder=tmp_path), create=False, wait_s=1)
    assert caught.value.code == code
    assert "secret" not in str(caught.value)


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(LedgerError, match="file"):
        Ledger.open(f"sqlite:///{tmp_path / 'file' / 'ledger.db'}")


def test_opening_loads_neither_keys_nor_frameworks() -> None:
    code = "import sys, seatrial.evidence.report, seatrial.evidence.trust; print('sqlalchemy' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
