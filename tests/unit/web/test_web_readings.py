"""How often a page reads the ledger: once, for it verifies all of it each time."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from plants.site_world import invite, plant_site, visiting
from seatrial.app.ledgers import read_ledger, read_once
from seatrial.app.people import depart
from seatrial.app.workspace import open_workspace
from seatrial.evidence.database import Database


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The system of every chain that is read, in order."""
    found: list[str] = []
    reading = Database.entries

    def entries(database: Database, system: str) -> Iterator[Any]:
        found.append(system)
        return reading(database, system)

    monkeypatch.setattr(Database, "entries", entries)
    return found


@pytest.mark.parametrize("room", ["", "people/", "training/", "documents/", "drills/", "review/", "history/"])
def test_a_page_reads_the_chain_once(prepared: Path, tmp_path: Path, read: list[str], room: str) -> None:
    slug = f"read-{room.strip('/') or 'board'}"
    world = plant_site(tmp_path / slug, slug)
    somebody = visiting(invite(world, f"olga-{slug}@example.com", person="olga"))
    read.clear()
    assert somebody.get(world.url(room)).status_code == 200
    assert read == [slug]


def test_what_is_put_on_record_meanwhile_is_read(prepared: Path, tmp_path: Path, read: list[str]) -> None:
    world = plant_site(tmp_path / "moves", "moves")
    workspace = open_workspace(world.folder)
    read.clear()
    with read_once():
        before = read_ledger(workspace, quick=True).evidence
        assert read_ledger(workspace, quick=True).evidence is before
        depart(workspace, "carl", by="olga")
        assert len(read_ledger(workspace, quick=True).evidence) == len(before) + 1
    assert len(read_ledger(workspace, quick=True).evidence) == len(before) + 1
    assert len(read) >= 3, "outside nothing is kept"
