"""How often a page reads the ledger: every entry once in the life of the site, and what was appended since."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from plants.site_world import invite, plant_site, visiting
from seatrial.app.deciding import deciding
from seatrial.app.folder.ledgers import compared_now, following, keystore, open_ledger, read_ledger, record
from seatrial.app.folder.subject import Identities
from seatrial.app.folder.workspace import Workspace, open_workspace
from seatrial.app.people.people import depart
from seatrial.core.vocabulary import Answer, RecordType
from seatrial.evidence.database import Database
from seatrial.evidence.verification import Reading
from seatrial.gate.verdict import Verdict


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The place of every entry that is read, in order."""
    found: list[int] = []
    reading = Database.entries

    def entries(database: Database, system: str, since: int | None = None) -> Iterator[Any]:
        for entry in reading(database, system, since):
            found.append(entry.sequence)
            yield entry

    monkeypatch.setattr(Database, "entries", entries)
    return found


def settled(folder: Path) -> None:
    """As if the ledger had been written a while ago; what was written just now is asked for again."""
    os.utime(folder / ".seatrial" / "ledger.db", (1_700_000_000, 1_700_000_000))


@pytest.mark.parametrize("room", ["", "people/", "training/", "documents/", "drills/", "review/", "history/"])
def test_an_entry_is_read_once_by_all_pages(prepared: Path, tmp_path: Path, read: list[int], room: str) -> None:
    slug = f"read-{room.strip('/') or 'board'}"
    world = plant_site(tmp_path / slug, slug)
    somebody = visiting(invite(world, f"olga-{slug}@example.com", person="olga"))
    depart(open_workspace(world.folder), "carl", by="olga")
    settled(world.folder)
    read.clear()
    assert somebody.get(world.url(room)).status_code == 200
    assert read == sorted(set(read)) != []
    read.clear()
    assert somebody.get(world.url(room)).status_code == 200
    assert read == []


def test_what_is_put_on_record_meanwhile_is_read(prepared: Path, tmp_path: Path) -> None:
    world = plant_site(tmp_path / "moves", "moves")
    workspace = open_workspace(world.folder)
    with following(writes=False):
        before = read_ledger(workspace, quick=True).evidence
        assert read_ledger(workspace, quick=True).evidence == before
        depart(workspace, "carl", by="olga")
        assert len(read_ledger(workspace, quick=True).evidence) == len(before) + 1
    assert len(read_ledger(workspace, quick=True).evidence) == len(before) + 1


def test_a_page_tells_of_a_ledger_that_is_tampered_with_while_the_site_runs(prepared: Path, tmp_path: Path) -> None:
    world = plant_site(tmp_path / "tampered", "tampered")
    somebody = visiting(invite(world, "olga-tampered@example.com", person="olga"))
    depart(open_workspace(world.folder), "carl", by="olga")
    verdict = "/api/v1/systems/tampered/"
    assert "altered-record" not in somebody.get(verdict).content.decode()
    with sqlite3.connect(world.folder / ".seatrial" / "ledger.db") as database:
        database.execute("DROP TRIGGER seatrial_no_update")
        database.execute("UPDATE seatrial_entries SET envelope = x'7b7d' WHERE sequence = 1")
    database.close()
    depart(open_workspace(world.folder), "ivo", by="olga")
    assert "altered-record" in somebody.get(verdict).content.decode()


def test_a_verdict_that_was_decided_since_takes_the_place_of_the_one_shown_before(
    prepared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from seatrial.web import fleet
    from seatrial.web.models import Glance

    world = plant_site(tmp_path / "since", "since")
    system, workspace = fleet.registered("since"), open_workspace(world.folder)
    before = fleet.verdict_of(system, workspace)
    assert _without_time(fleet.verdict_of(system, workspace)) == _without_time(before)
    decided = replace(deciding.decided_now(workspace), verdict=replace(before, verdict=Answer.GO))
    monkeypatch.setattr(fleet, "decided_now", lambda _: decided)
    assert fleet.verdict_of(system, workspace, anew=True) is decided.verdict
    assert fleet.verdict_of(system, workspace) is decided.verdict, "the NO-GO before it is not shown again"
    # As another process decides it: what this one holds is no longer the newest.
    decided = replace(decided, verdict=before)
    fleet.verdict_of(system, workspace, anew=True)
    held = dict(fleet._shown)
    decided = replace(decided, verdict=replace(before, sentence="Another."))
    fleet.verdict_of(system, workspace, anew=True)
    Glance.objects.filter(system=system).update(made_at=before.decided_at + timedelta(microseconds=1))
    fleet._shown.update(held)
    assert fleet.verdict_of(system, workspace).sentence == "Another."


def _without_time(verdict: Verdict) -> Verdict:
    return replace(verdict, decided_at=datetime(2026, 1, 1, tzinfo=UTC))


def test_what_came_on_record_while_go_was_compared_says_what_is_served(
    prepared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = plant_site(tmp_path / "served", "served")
    workspace = open_workspace(world.folder)
    verdict = deciding.decide_now(workspace)
    compared = compared_now

    def meanwhile(there: Workspace, reading: Reading) -> Reading:
        with open_ledger(there) as ledger:
            body = Identities(found={"model": "another"}).body()
            record(ledger, keystore(there).worker(), there, RecordType.EVENT, body)
        return compared(there, reading)

    monkeypatch.setattr(deciding, "decide", lambda _: replace(verdict, verdict=Answer.GO))
    monkeypatch.setattr(deciding, "compared_now", meanwhile)
    with following(writes=False):
        decided = deciding.decided_now(workspace)
    assert decided.served == {"model": "another"}
