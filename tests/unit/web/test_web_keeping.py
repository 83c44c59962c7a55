"""What is read beside the pages: no page waits for it, and none says anything of a record that is not read yet."""

from __future__ import annotations

import gc
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import datetime
from pathlib import Path

import pytest

from plants.site_world import World, invite, plant_site, visiting
from seatrial.app.folder import ledgers
from seatrial.app.folder.keeping import NotReadYet
from seatrial.app.folder.ledgers import KEEPING, compared_now, following, keep_up, read_ledger
from seatrial.app.folder.workspace import open_workspace
from seatrial.app.people.people import depart
from seatrial.core.vocabulary import GateName
from seatrial.evidence import index
from seatrial.evidence.index import Indexes, Patience

_BEING_READ = "is being read and verified"


@pytest.fixture
def beside(prepared: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Somebody reads beside the pages, and every chain is as long to them as one of a hundred thousand records."""
    monkeypatch.setattr(ledgers, "_INDEXES", Indexes(at_once=0))
    monkeypatch.setattr(ledgers, "Patience", lambda: Patience(left=ledgers._CONNECTING + 0.25))
    with KEEPING.going_on():
        yield
    while KEEPING.take() is not None:
        pass


def tamper(world: World) -> None:
    with closing(sqlite3.connect(world.folder / ".seatrial" / "ledger.db")) as database, database:
        database.execute("DROP TRIGGER seatrial_no_update")
        database.execute("UPDATE seatrial_entries SET envelope = x'7b7d' WHERE sequence = 1")


@pytest.mark.usefixtures("beside")
def test_a_page_says_that_a_record_is_being_read_and_comes_again_until_it_is(tmp_path: Path) -> None:
    from seatrial.web.keeping import Keeper

    world = plant_site(tmp_path / "unread", "unread")
    somebody = visiting(invite(world, "olga-unread@example.com", person="olga"))
    early = somebody.get(world.url())
    assert (early.status_code, early["Refresh"], early["Retry-After"]) == (503, "2", "2")
    assert _BEING_READ in early.content.decode()
    told = somebody.get("/api/v1/systems/unread/")
    assert (told.status_code, told["Retry-After"]) == (503, "2")
    listed = somebody.get("/")
    assert (listed.status_code, _BEING_READ in listed.content.decode()) == (200, True)
    Keeper().round()
    assert somebody.get(world.url()).status_code == 200
    assert _BEING_READ not in somebody.get("/").content.decode()


@pytest.mark.usefixtures("beside")
def test_what_is_put_on_record_waits_for_all_of_it_instead_of_being_refused(tmp_path: Path) -> None:
    world = plant_site(tmp_path / "written", "written")
    with following(writes=True):
        assert len(read_ledger(open_workspace(world.folder), quick=True).evidence) == 1


def test_go_is_not_shown_before_all_of_a_long_record_was_compared(
    beside: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = plant_site(tmp_path / "compared", "compared")
    workspace = open_workspace(world.folder)
    keep_up(workspace, compared=True).is_sorted()
    depart(workspace, "carl", by="olga")
    time.sleep(0.2)  # what was written within the last tenth of a second is read again whatever its times say
    keep_up(workspace, compared=False).is_sorted()
    with following(writes=False):
        shown = read_ledger(workspace, quick=True)
        assert compared_now(workspace, shown) is shown, "it was compared a moment ago, and only appended to since"
    tamper(world)
    monkeypatch.setattr(index, "SHOWN_S", 0.0)
    with following(writes=False), pytest.raises(NotReadYet):
        compared_now(workspace, shown)
    assert KEEPING.take() == (workspace.file, GateName.PRODUCTION_READINESS, True)
    keep_up(workspace, compared=True).is_sorted()
    with following(writes=False):
        assert read_ledger(workspace, quick=True).state.problems


@pytest.mark.usefixtures("beside")
def test_the_api_says_up_to_when_the_record_is_known_to_stand(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from seatrial.web.keeping import Keeper

    decides = ledgers._CONNECTING + ledgers._DECISION + 0.25
    monkeypatch.setattr(ledgers, "Patience", lambda: Patience(left=decides))
    world = plant_site(tmp_path / "fresh", "fresh")
    workspace = open_workspace(world.folder)
    somebody = visiting(invite(world, "olga-fresh@example.com", person="olga"))
    Keeper().round()
    read = workspace.clock.now()
    depart(workspace, "carl", by="olga")
    time.sleep(0.2)  # what was written within the last tenth of a second is read again whatever its times say
    keep_up(workspace, compared=False).is_sorted()
    told = somebody.get("/api/v1/systems/fresh/").json()
    assert datetime.fromisoformat(told["record_stood_at"]) <= read, "only what was appended was read since"
    keep_up(workspace, compared=True).is_sorted()
    answer = somebody.get("/api/v1/systems/fresh/")
    assert datetime.fromisoformat(answer.json()["record_stood_at"]) > read
    again = somebody.get("/api/v1/systems/fresh/", headers={"If-None-Match": answer["ETag"]})
    assert again.status_code == 304, "how fresh it is makes no other verdict of it"


@pytest.mark.usefixtures("beside")
def test_a_no_go_is_shown_again_while_its_record_is_read_after_a_restart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from seatrial.web import fleet
    from seatrial.web.keeping import Keeper

    world = plant_site(tmp_path / "restarted", "restarted")
    system, workspace = fleet.registered("restarted"), fleet.workspace_of(fleet.registered("restarted"))
    Keeper().round()
    monkeypatch.setattr(ledgers, "_INDEXES", Indexes(at_once=0))
    monkeypatch.setattr(fleet, "_read_at", {})
    with following(writes=False):
        assert not fleet.see(system, workspace).problem
    depart(open_workspace(world.folder), "carl", by="olga")
    with following(writes=False):
        assert _BEING_READ in fleet.see(system, workspace).problem, "what was decided before is not shown of what moved"


def test_one_system_is_decided_before_the_first_page_and_a_broken_one_keeps_nobody_waiting(
    prepared: Path, tmp_path: Path
) -> None:
    del prepared
    from seatrial.web.keeping import Keeper
    from seatrial.web.models import Glance, Registered

    Registered.objects.create(slug="0-broken", path=str(tmp_path / "gone" / "seatrial.yaml"))
    plant_site(tmp_path / "0-first", "0-first")
    try:
        Keeper().begin()
        assert Glance.objects.filter(system__slug="0-first").exists()
        assert not KEEPING.goes_on, "nobody reads beside the pages yet"
    finally:
        Registered.objects.filter(slug__startswith="0-").delete()


def test_while_a_chain_is_read_no_full_garbage_collection_stops_the_pages() -> None:
    from seatrial.web.keeping import _without_full_collections

    def full() -> int:
        return int(gc.get_stats()[2]["collections"])

    def kept() -> list[list[int]]:
        return [[] for _ in range(1_500_000)]

    before, began = gc.get_threshold(), full()
    try:
        with _without_full_collections():
            much = kept()
            assert full() == began
        assert gc.get_threshold() == before
        assert gc.get_freeze_count() > len(much), "nor does the next one look through it"
        del much
        more = kept()
        assert full() > began, f"they come again, with {len(more)} objects more"
    finally:
        gc.unfreeze()
