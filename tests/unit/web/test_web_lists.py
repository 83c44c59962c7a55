"""Lists of systems: who sees which, and no verdict in them that the record, the files or the clock no longer allow."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from plants.site_world import World, invite, plant_site, visiting
from seatrial.app.deciding import deciding
from seatrial.app.folder.clock import SystemClock
from seatrial.app.folder.ledgers import KEEPING, keystore, open_ledger, record
from seatrial.app.folder.subject import Identities
from seatrial.app.folder.workspace import open_workspace
from seatrial.app.people.people import depart
from seatrial.core.vocabulary import Answer, Outcome, RecordType

_BEING_READ = "is being read and verified"
_SETTLED_S = 0.15
"""After so long a file that was written is believed by its times."""


@pytest.fixture
def beside(prepared: Path) -> Iterator[Any]:
    """Somebody reads and decides beside the pages."""
    from seatrial.web.keeping import Keeper

    del prepared
    with KEEPING.going_on():
        yield Keeper()
    while KEEPING.take() is not None:
        pass


@pytest.fixture
def decided(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The name of every system that is decided, in order."""
    pytest.importorskip("django", reason="the site is the extra `web`, which is not installed")
    from seatrial.web import fleet

    found: list[str] = []
    decide = deciding.decided_now

    def decided_now(workspace: Any) -> Any:
        found.append(workspace.system.system)
        return decide(workspace)

    monkeypatch.setattr(fleet, "decided_now", decided_now)
    return found


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> Callable[[timedelta], None]:
    """Moves the clock of the site."""
    now = SystemClock.now

    def move(by: timedelta) -> None:
        monkeypatch.setattr(SystemClock, "now", lambda clock: now(clock) + by)

    return move


@pytest.fixture
def go(monkeypatch: pytest.MonkeyPatch) -> Callable[[World], None]:
    """From then on every system comes to GO, as that of the world comes to what is open."""

    def come_to_go(world: World) -> None:
        found = deciding.decide_now(open_workspace(world.folder))

        def decide(inputs: Any) -> Any:
            return replace(found, verdict=Answer.GO, system=inputs.system.system, decided_at=inputs.now)

        monkeypatch.setattr(deciding, "served_now", lambda _, recorded: recorded)
        monkeypatch.setattr(deciding, "decide", decide)

    return come_to_go


def listed(somebody: Any) -> dict[str, Any]:
    """The systems by name, as the API lists them."""
    answer = somebody.get("/api/v1/systems/?per_page=200")
    assert answer.status_code == 200
    return {each["system"]: each for each in answer.json()["items"]}


def seated_in(name: str, worlds: list[World]) -> Any:
    """Somebody with a seat in each of them."""
    from seatrial.web.models import Account, Membership, Registered

    account = Account(email=f"{name}@example.com", name=name)
    account.set_password(None)
    account.save()
    for world in worlds:
        system = Registered.objects.get(slug=world.slug)
        Membership.objects.create(account=account, system=system, person="olga")
    return visiting(account)


def to_midnight() -> timedelta:
    now = datetime.now(UTC)
    return timedelta(days=1) - (now - now.replace(hour=0, minute=0, second=0, microsecond=0))


def test_a_seat_that_was_taken_away_shows_at_once(beside: Any, tmp_path: Path) -> None:
    from seatrial.web.models import Membership

    world = plant_site(tmp_path / "seat", "seat")
    account = invite(world, "olga-seat@example.com", person="olga")
    somebody = visiting(account)
    beside.round()
    assert set(listed(somebody)) == {"seat"}
    assert "/s/seat/" in somebody.get("/").content.decode()
    Membership.objects.filter(account=account).delete()
    assert listed(somebody) == {}
    assert "/s/seat/" not in somebody.get("/").content.decode()


def test_somebody_whom_the_file_no_longer_names_and_who_left_on_record_sees_it_no_more(
    beside: Any, tmp_path: Path
) -> None:
    world = plant_site(tmp_path / "gone", "gone")
    olga, ivo = (visiting(invite(world, f"{who}-gone@example.com", person=who)) for who in ("olga", "ivo"))
    beside.round()
    assert set(listed(olga)) == set(listed(ivo)) == {"gone"}
    depart(open_workspace(world.folder), "ivo", by="olga")
    assert listed(ivo) == {}
    assert set(listed(olga)) == {"gone"}
    file = world.folder / "seatrial.yaml"
    file.write_text(file.read_text().replace("olga", "oda"))
    assert listed(olga) == {}


def test_a_file_that_was_edited_shows_at_once(beside: Any, tmp_path: Path) -> None:
    world = plant_site(tmp_path / "edited", "edited")
    somebody = visiting(invite(world, "olga-edited@example.com", person="olga"))
    beside.round()
    time.sleep(_SETTLED_S)
    assert listed(somebody)["edited"]["verdict"] == "NO-GO"
    file = world.folder / "seatrial.yaml"
    text = file.read_text()
    file.write_text("people: [\n")
    assert listed(somebody)["edited"]["verdict"] is None
    assert "seatrial.yaml" in somebody.get("/").content.decode()
    file.write_text(text)
    assert listed(somebody)["edited"]["verdict"] == "NO-GO"


def test_a_key_that_was_added_and_one_that_was_changed_make_another_key_of_what_a_verdict_rests_on(
    prepared: Path, tmp_path: Path
) -> None:
    from seatrial.web.resting import key_of

    del prepared
    workspace = open_workspace(plant_site(tmp_path / "keys", "keys").folder)
    keys = workspace.folder / "keys"
    time.sleep(_SETTLED_S)
    before = key_of(workspace)
    assert key_of(workspace) == before
    (keys / "person-new.key").write_text("new")
    time.sleep(_SETTLED_S)
    added = key_of(workspace)
    assert added != before
    (keys / "person-new.key").write_text("another")
    time.sleep(_SETTLED_S)
    changed = key_of(workspace)
    assert changed not in (before, added)
    assert key_of(workspace) == changed
    (keys / "person-new.key").unlink()
    time.sleep(_SETTLED_S)
    assert key_of(workspace) not in (added, changed)


def test_every_go_of_many_systems_is_shown_and_none_that_is_older_than_it_may_be(
    beside: Any,
    tmp_path: Path,
    go: Callable[[World], None],
    decided: list[str],
    later: Callable[[timedelta], None],
) -> None:
    worlds = [plant_site(tmp_path / f"go-{number}", f"go-{number}") for number in range(5)]
    somebody = seated_in("go", worlds)
    time.sleep(_SETTLED_S)
    go(worlds[0])
    beside.round()

    def answers() -> list[str | None]:
        found = listed(somebody)
        return [found[world.slug]["verdict"] for world in worlds]

    for _ in range(2):
        answers()
        beside._guarded(beside._serve_asked)
    assert answers() == ["GO"] * 5
    assert somebody.get("/").content.decode().count(">GO</span>") == 5
    later(timedelta(seconds=31))
    assert answers().count(None) == 2, "what a page decides by itself, and for the rest what is served is asked for"
    beside._guarded(beside._serve_asked)
    assert answers() == ["GO"] * 5
    depart(open_workspace(worlds[1].folder), "carl", by="olga")
    (worlds[2].folder / "limits.md").write_text("Changed.\n")
    decided.clear()
    assert answers() == ["GO"] * 5
    assert decided == [worlds[1].slug, worlds[2].slug], "what moved is decided anew, and nothing else"


def test_a_go_is_in_no_list_once_its_lease_ended(
    beside: Any, tmp_path: Path, go: Callable[[World], None], later: Callable[[timedelta], None]
) -> None:
    from seatrial.web import fleet

    world = plant_site(tmp_path / "leased", "leased")
    somebody = seated_in("leased", [world])
    workspace = open_workspace(world.folder)
    with open_ledger(workspace) as ledger:
        body = Identities(found={"model": "1"}).body()
        record(ledger, keystore(workspace).worker(), workspace, RecordType.EVENT, body)
    time.sleep(_SETTLED_S)
    go(world)
    before_end = timedelta(hours=23, minutes=59, seconds=50)
    later(before_end)
    beside.round()
    assert listed(somebody)["leased"]["verdict"] == "GO"
    asked = next(each for (path, _), each in fleet._asked.items() if "leased" in path)
    assert asked.made.holds_until - asked.made.made_at < timedelta(seconds=11), "the probe's 24 hours end first"
    now = datetime.now(UTC)
    assert asked.made.holds(asked.made.key, now + before_end)
    assert not asked.made.holds(asked.made.key, asked.made.holds_until)


def test_what_nobody_decides_beside_is_asked_for_at_each_look(
    prepared: Path, tmp_path: Path, go: Callable[[World], None], decided: list[str]
) -> None:
    del prepared
    world = plant_site(tmp_path / "alone", "alone")
    somebody = visiting(invite(world, "olga-alone@example.com", person="olga"))
    go(world)
    for _ in range(3):
        assert listed(somebody)["alone"]["verdict"] == "GO"
    assert decided == ["alone"] * 3


def test_what_another_day_makes_of_it_is_decided_before_midnight(
    beside: Any, tmp_path: Path, decided: list[str], later: Callable[[timedelta], None]
) -> None:
    from seatrial.web.fleet import registered, verdict_of, workspace_of
    from seatrial.web.models import Glance

    world = plant_site(tmp_path / "ahead", "ahead")
    somebody = visiting(invite(world, "olga-ahead@example.com", person="olga"))
    time.sleep(_SETTLED_S)
    midnight, day = to_midnight(), datetime.now(UTC).date()
    system, workspace = registered("ahead"), workspace_of(registered("ahead"))
    later(midnight - timedelta(seconds=60))
    beside.round()
    beside.round()
    assert decided.count("ahead") == 1
    assert verdict_of(system, workspace).timeline.today == day, "what will be tomorrow is not shown as what is"
    later(midnight + timedelta(seconds=1))
    assert listed(somebody)["ahead"]["verdict"] == "NO-GO"
    tomorrow = verdict_of(system, workspace)
    assert decided.count("ahead") == 1, "it was decided already"
    assert tomorrow.timeline.today == day + timedelta(days=1)
    assert tomorrow == deciding.decide_now(workspace, tomorrow.decided_at), "as whoever asks now decides it"
    beside.round()
    assert Glance.objects.get(system=system).made_at.time() == datetime.min.time(), "kept for other processes"
    assert decided.count("ahead") == 1


def test_what_was_decided_ahead_is_not_shown_of_what_moved_meanwhile(
    beside: Any, tmp_path: Path, decided: list[str], later: Callable[[timedelta], None]
) -> None:
    world = plant_site(tmp_path / "moved-ahead", "moved-ahead")
    somebody = visiting(invite(world, "olga-moved-ahead@example.com", person="olga"))
    time.sleep(_SETTLED_S)
    midnight = to_midnight()
    later(midnight - timedelta(seconds=60))
    beside.round()
    depart(open_workspace(world.folder), "carl", by="olga")
    later(midnight + timedelta(seconds=1))
    assert listed(somebody)["moved-ahead"]["verdict"] == "NO-GO"
    assert decided.count("moved-ahead") == 2


def test_nothing_that_would_be_go_is_decided_ahead(
    prepared: Path, tmp_path: Path, go: Callable[[World], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    del prepared
    world = plant_site(tmp_path / "go-ahead", "go-ahead")
    workspace = open_workspace(world.folder)
    assert deciding.decided_ahead(workspace, workspace.clock.now() + timedelta(hours=1)) is not None
    go(world)
    monkeypatch.setattr(deciding, "served_now", lambda *_: pytest.fail("what is served is asked for too early"))
    assert deciding.decided_ahead(workspace, workspace.clock.now() + timedelta(hours=1)) is None


def test_what_a_page_decided_is_shown_at_once_and_kept_beside_it(
    beside: Any, tmp_path: Path, decided: list[str]
) -> None:
    from seatrial.web.models import Glance

    world = plant_site(tmp_path / "kept", "kept")
    somebody = visiting(invite(world, "olga-kept@example.com", person="olga"))
    beside.round()
    before = Glance.objects.get(system__slug="kept").key
    depart(open_workspace(world.folder), "carl", by="olga")
    time.sleep(_SETTLED_S)
    for _ in range(3):
        somebody.get("/api/v1/systems/kept/gaps/")
    assert decided.count("kept") == 2
    assert Glance.objects.get(system__slug="kept").key == before, "a page does not wait for that"
    beside._guarded(beside._serve_asked)
    assert Glance.objects.get(system__slug="kept").key != before
    assert decided.count("kept") == 2


def test_an_item_is_drawn_anew_for_another_verdict_and_language(beside: Any, tmp_path: Path) -> None:
    world = plant_site(tmp_path / "drawn", "drawn")
    account = invite(world, "olga-drawn@example.com", person="olga")
    somebody = visiting(account)
    beside.round()
    assert "earliest go-live" in somebody.get("/").content.decode()
    account.language = "de"
    account.save()
    assert "earliest go-live" not in somebody.get("/").content.decode()
    account.language = "en"
    account.save()
    file = world.folder / "seatrial.yaml"
    file.write_text(file.read_text().replace("go_live: 2027-03-01", "go_live: 2031-05-06"))
    beside.round()
    assert "6 May 2031" in somebody.get("/").content.decode()


def test_a_glimpse_says_of_a_verdict_what_the_verdict_says(prepared: Path, tmp_path: Path) -> None:
    from seatrial.web.glimpses import Glimpse

    del prepared
    verdict = deciding.decide_now(open_workspace(plant_site(tmp_path / "glimpse", "glimpse").folder))
    met = replace(verdict.requirements[0], outcome=Outcome.MET, valid_until=verdict.decided_at)
    given = replace(verdict, requirements=(met, *verdict.requirements[1:]))
    seen = Glimpse.of(given)
    assert (seen.answer, seen.sentence, seen.timeline) == (given.verdict, given.sentence, given.timeline)
    assert (seen.gaps, seen.first_gap, seen.ends) == (len(given.gaps), given.gaps[0], ((met.id, verdict.decided_at),))
    blocking = {Outcome.NOT_MET, Outcome.NOT_DETERMINED}
    assert seen.open_in == {each.domain for each in given.requirements if each.outcome in blocking}
