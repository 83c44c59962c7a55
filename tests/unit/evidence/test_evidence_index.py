"""A chain that is kept up with: what is appended is verified once, and tampering is found as by a full reading."""

from __future__ import annotations

import os
import shutil
import sqlite3
import time
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from ledger_scene import SYSTEM, Scene, tamper

from seatrial.core.observation import Json
from seatrial.core.vocabulary import RecordType
from seatrial.evidence.database import Database, mark_of
from seatrial.evidence.entry import Checkpoint
from seatrial.evidence.index import LONGEST_S, Index, Indexes, Patience
from seatrial.evidence.ledger import Ledger
from seatrial.evidence.trust import TrustRoot
from seatrial.evidence.verification import Reading

ASSETS = Path(__file__).parents[2] / "assets" / "ledger"
LEDGERS = sorted(path.stem for path in ASSETS.glob("*.db"))
TRUST = TrustRoot.load(ASSETS / "trust.json")
ANCHOR = Checkpoint.load(ASSETS / "checkpoint.txt")


@pytest.fixture
def rows(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The place of every entry that is read."""
    found: list[int] = []
    reading = Database.entries

    def entries(database: Database, system: str, since: int | None = None) -> Iterator[Any]:
        for entry in reading(database, system, since):
            found.append(entry.sequence)
            yield entry

    monkeypatch.setattr(Database, "entries", entries)
    return found


def settled(file: Path) -> None:
    """As if it had been written a while ago: what was written just now is read again whatever its times say."""
    os.utime(file, (1_700_000_000, 1_700_000_000))


def codes(reading: Reading) -> set[str]:
    return {problem.code for problem in reading.report.problems}


def open_asset(name: str, folder: Path) -> Ledger:
    shutil.copy(ASSETS / f"{name}.db", folder / "ledger.db")
    return Ledger.open(f"sqlite:///{folder / 'ledger.db'}", create=False)


@pytest.mark.parametrize("name", LEDGERS)
@pytest.mark.parametrize("pin", [(), ANCHOR], ids=["from within", "anchored"])
def test_an_index_says_what_a_full_reading_says(name: str, pin: tuple[Checkpoint, ...], tmp_path: Path) -> None:
    ledger = open_asset(name, tmp_path)
    kept, full = Index(SYSTEM, TRUST).read(ledger, pin), ledger.read(SYSTEM, TRUST, pin)
    assert (kept.evidence, kept.state, kept.report) == (full.evidence, full.state, full.report)


@pytest.mark.parametrize("name", sorted({*LEDGERS} - {"good"}))
def test_what_was_changed_after_it_was_read_is_found_at_the_next_reading(name: str, tmp_path: Path) -> None:
    index = Index(SYSTEM, TRUST)
    good = index.read(open_asset("good", tmp_path))
    assert not good.report.problems
    changed = open_asset(name, tmp_path)
    found, full = index.read(changed), changed.read(SYSTEM, TRUST)
    assert codes(full) <= codes(found)
    assert found.evidence == full.evidence


@pytest.mark.parametrize(("name", "code"), [("truncated", "truncated"), ("rewritten_by_key_holder", "rewritten")])
def test_what_only_a_checkpoint_finds_is_found_by_whoever_read_it_before(name: str, code: str, tmp_path: Path) -> None:
    kept = Indexes()
    place = str(tmp_path), SYSTEM
    kept.of(*place, TRUST).read(open_asset("good", tmp_path))
    changed = open_asset(name, tmp_path)
    assert code in codes(kept.of(*place, TRUST).read(changed))
    # Nor is it forgotten when the chain is read anew, for another trust root.
    other = replace(TRUST, pinned=False)
    assert code in codes(kept.of(*place, other).read(changed))
    assert not kept.of(*place, other).read(changed).state.anchored
    restored = kept.of(*place, other).read(open_asset("good", tmp_path))
    assert not restored.report.problems, "put back as it was, it verifies again"


def test_what_is_appended_is_read_and_nothing_else(tmp_path: Path, rows: list[int]) -> None:
    scene = Scene(tmp_path)
    ledger = filled(scene, 6)
    index = Index(SYSTEM, scene.keys.trust(), at_once=0)
    before = index.read(ledger)
    assert (len(before.evidence), rows) == (6, [1, 2, 3, 4, 5, 6])
    rows.clear()
    scene_append(scene, ledger)
    after = index.read(ledger)
    assert after.evidence[:-1] == tuple(before.evidence)
    assert rows == [6, 7], "the newest that was read, to be sure of it, and what follows"
    rows.clear()
    settled(tmp_path / "ledger.db")
    index.read(ledger)
    rows.clear()
    assert index.read(ledger) is index.current(mark_of(scene.url))
    assert rows == [], "a file that nobody wrote to is not opened"


def test_in_a_long_chain_an_old_change_is_found_before_anything_counts(tmp_path: Path) -> None:
    scene = Scene(tmp_path)
    ledger = filled(scene, 6)
    index = Index(SYSTEM, scene.keys.trust(), at_once=0)
    first = index.read(ledger)
    tamper(tmp_path / "ledger.db", "UPDATE seatrial_entries SET envelope = x'7b7d' WHERE sequence = 2")
    assert index.read(ledger).evidence == first.evidence, "what is shown is what was verified"
    assert "altered-record" in codes(index.read(ledger, compared=True))
    assert "altered-record" in codes(index.read(ledger)), "and it is not forgotten"


def test_an_index_says_up_to_when_what_it_holds_is_known_to_stand(tmp_path: Path) -> None:
    scene = Scene(tmp_path)
    ledger = filled(scene, 6)
    index = Index(SYSTEM, scene.keys.trust(), at_once=0)
    assert index.stood_at(mark_of(scene.url)) == -float("inf"), "nothing was read yet"
    settled(tmp_path / "ledger.db")
    index.read(ledger)
    first = index.compared_at
    read = time.monotonic()
    assert index.stood_at(mark_of(scene.url)) >= read, "nobody wrote to it since"
    scene_append(scene, ledger)
    index.read(ledger)
    assert index.stood_at(mark_of(scene.url)) == first, "what was appended was read, and the rest not compared"
    index.read(ledger, compared=True)
    assert index.stood_at(mark_of(scene.url)) >= read


def test_a_chain_to_which_nobody_wrote_stood_until_now_and_is_not_compared_for_the_next_entry(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rows: list[int]
) -> None:
    scene = Scene(tmp_path)
    ledger = filled(scene, 6)
    index = Index(SYSTEM, scene.keys.trust(), at_once=0)
    settled(tmp_path / "ledger.db")
    index.read(ledger)
    monotonic = time.monotonic
    monkeypatch.setattr(time, "monotonic", lambda: monotonic() + LONGEST_S + 1)
    at = time.monotonic()
    assert index.current(mark_of(scene.url), compared=True, at=at) is not None
    assert index.compared_at == at
    scene_append(scene, ledger)
    rows.clear()
    assert index.shortly(ledger, Patience(left=1)) is not None
    assert rows == [6, 7], "what was appended alone"
    assert index.current(mark_of(scene.url), at=time.monotonic()) is None or index.compared_at == at
    tamper(tmp_path / "ledger.db", "UPDATE seatrial_entries SET envelope = x'7b7d' WHERE sequence = 2")
    settled(tmp_path / "ledger.db")
    assert index.current(mark_of(scene.url), compared=True, at=time.monotonic()) is None, "it was written to since"
    monkeypatch.setattr(time, "monotonic", lambda: monotonic() + 2 * (LONGEST_S + 1))
    assert "altered-record" in codes(index.read(ledger)), "five minutes after it was found to stand it is compared"


def test_who_does_not_wait_gets_what_its_patience_reaches_for_and_else_nothing(tmp_path: Path) -> None:
    scene = Scene(tmp_path)
    ledger = filled(scene, 6)
    index = Index(SYSTEM, scene.keys.trust(), at_once=0)
    assert index.shortly(ledger, Patience(left=5)) is None, "six entries are to be verified"
    first = index.shortly(ledger, Patience(left=6))
    assert first is not None
    assert first.evidence == ledger.read(SYSTEM, scene.keys.trust()).evidence
    scene_append(scene, ledger)
    grown = index.shortly(ledger, Patience(left=1))
    assert grown is not None
    assert len(grown.evidence) == 7
    scene_append(scene, ledger)
    assert index.shortly(ledger, Patience(left=0.5)) is None


def test_who_does_not_wait_is_given_nothing_of_a_chain_that_was_changed(tmp_path: Path) -> None:
    scene = Scene(tmp_path)
    ledger = filled(scene, 6)
    index = Index(SYSTEM, scene.keys.trust())
    index.read(ledger)
    tamper(tmp_path / "ledger.db", "UPDATE seatrial_entries SET envelope = x'7b7d' WHERE sequence = 2")
    assert index.shortly(ledger, Patience()) is None, "so short a chain is compared at once"
    assert "altered-record" in codes(index.read(ledger))
    told = index.shortly(ledger, Patience())
    assert told is not None
    assert "altered-record" in codes(told)


def test_what_was_compared_for_this_page_is_not_compared_again(tmp_path: Path, rows: list[int]) -> None:
    scene = Scene(tmp_path)
    ledger = filled(scene, 3)
    index = Index(SYSTEM, scene.keys.trust())
    index.read(ledger)
    rows.clear()
    index.read(ledger, compared=True, since=0.0)
    assert rows == [3]


def test_what_was_changed_while_it_was_compared_is_compared_again_by_a_page_that_began_later(tmp_path: Path) -> None:
    scene = Scene(tmp_path)
    filled(scene, 3).close()
    index = Index(SYSTEM, scene.keys.trust())
    slow = Changed(scene.open()._database)
    assert not index.read(slow).report.problems, "it was read before it was changed"
    assert "altered-record" in codes(index.read(scene.open(), compared=True, since=slow.changed_at))


def test_a_write_beside_the_file_shows_through_a_link_too(tmp_path: Path) -> None:
    scene = Scene(tmp_path)
    filled(scene, 1).close()
    (tmp_path / "elsewhere").mkdir()
    (link := tmp_path / "elsewhere" / "linked.db").symlink_to(tmp_path / "ledger.db")
    with closing(sqlite3.connect(tmp_path / "ledger.db")) as held:
        held.execute("PRAGMA journal_mode = WAL")
        held.execute("SELECT count(*) FROM seatrial_entries").fetchall()
        for file in tmp_path.glob("ledger.db*"):
            settled(file)
        before = mark_of(f"sqlite:///{link}")
        assert before is not None
        with closing(scene.open()) as ledger:
            scene_append(scene, ledger)
            assert (tmp_path / "ledger.db-wal").stat().st_size > 0
            assert mark_of(f"sqlite:///{link}") != before


def test_a_journal_that_would_be_rolled_back_is_another_state(tmp_path: Path) -> None:
    filled(Scene(tmp_path), 1).close()
    settled(tmp_path / "ledger.db")
    before = mark_of(f"sqlite:///{tmp_path / 'ledger.db'}")
    (tmp_path / "ledger.db-journal").write_bytes(b"what the next one who opens it puts back")
    settled(tmp_path / "ledger.db-journal")
    assert mark_of(f"sqlite:///{tmp_path / 'ledger.db'}") not in (None, before)


def test_keys_that_change_change_what_stands_before(tmp_path: Path) -> None:
    index = Index(SYSTEM, TRUST)
    ledger = open_asset("revoked_key", tmp_path)
    assert index.read(ledger).report.void == ledger.read(SYSTEM, TRUST).report.void
    # As it grew: entry by entry, with a reading after each.
    grown = Index(SYSTEM, TRUST)
    for count in range(1, len(list(ledger.entries(SYSTEM))) + 1):
        part = grown.read(First(ledger, count))
    assert part.evidence == ledger.read(SYSTEM, TRUST).evidence


def test_what_was_read_longest_ago_is_let_go_but_for_its_head(tmp_path: Path) -> None:
    kept = Indexes(most_bytes=1)
    first = kept.of("one", SYSTEM, TRUST)
    good = first.read(open_asset("good", tmp_path))
    kept.of("two", SYSTEM, TRUST).read(open_asset("good", tmp_path))
    again = kept.of("one", SYSTEM, TRUST)
    assert again is not first
    assert again.known == Checkpoint(system=SYSTEM, sequence=good.state.entries, digest=good.state.head)


class First(Ledger):
    """The ledger as it was when it had so many entries."""

    def __init__(self, ledger: Ledger, count: int) -> None:
        super().__init__(ledger._database)
        self._first = count

    def mark(self) -> None:
        return None

    def entries(self, system: str, since: int | None = None) -> Iterator[Any]:
        return (entry for entry in super().entries(system, since) if entry.sequence <= self._first)


class Changed(Ledger):
    """A ledger that is changed after its last entry was read, before whoever reads it has ended."""

    changed_at = 0.0

    def entries(self, system: str, since: int | None = None) -> Iterator[Any]:
        yield from super().entries(system, since)
        self.changed_at = time.monotonic()
        tamper(Path(self.where), "UPDATE seatrial_entries SET envelope = x'7b7d' WHERE sequence = 2")


def filled(scene: Scene, count: int) -> Ledger:
    ledger = scene.open()
    for _ in range(count):
        scene_append(scene, ledger)
    return ledger


def scene_append(scene: Scene, ledger: Ledger) -> None:
    worker = scene.keys.worker()
    body: Mapping[str, Json] = {"kind": "note", "summary": "Something happened.", "revokes": False}
    ledger.append(scene.sealed(RecordType.EVENT, body, worker))
