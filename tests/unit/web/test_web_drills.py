"""Drills on the site, the stop for real by whoever may pull it, and an event that ends GO."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from plants.site_world import PASSWORD, World, invite, plant_site, visiting
from seatrial.app.folder.ledgers import read_ledger
from seatrial.app.folder.workspace import open_workspace
from seatrial.core.vocabulary import RecordType


def command(name: str, *argv: str) -> dict[str, Any]:
    return {"name": name, "kind": "command", "with": {"run": list(argv)}, "deadline": "5s"}


STOP = {
    "procedure": "stop",
    "before": [command("it is online", "grep", "-qx", "online", "state")],
    "steps": [command("take it offline", "cp", "off", "state")],
    "target": [command("it is offline", "grep", "-qx", "offline", "state")],
    "restore": [command("bring it back", "cp", "on", "state")],
    "restored": [command("it is online again", "grep", "-qx", "online", "state")],
}


@pytest.fixture(scope="module")
def world(prepared: Path, tmp_path_factory: pytest.TempPathFactory) -> World:
    plan = 'drills: {time_zone: Europe/Berlin, stop: {windows: ["Mon 02:00-02:05"]}}\n'
    made = plant_site(tmp_path_factory.mktemp("systems") / "drilled", "drilled", more=plan)
    file = made.folder / "seatrial.yaml"
    text = file.read_text().replace("manager: amir}", "manager: amir, stop: stop.yaml, may_pull: true}")
    file.write_text(text.replace("minimum: 0.5}", "minimum: 0.5, offline_when: [{event: regulator-notice}]}"))
    (made.folder / "stop.yaml").write_text(json.dumps(STOP))
    for name, content in (("state", "online"), ("on", "online"), ("off", "offline")):
        (made.folder / name).write_text(f"{content}\n")
    return made


@pytest.fixture(scope="module")
def people(world: World) -> dict[str, Any]:
    names = {"olga": PASSWORD, "lena": PASSWORD, "carl": ""}
    return {p: visiting(invite(world, f"{p}@drilled.example", person=p, password=word)) for p, word in names.items()}


def state(world: World) -> str:
    return (world.folder / "state").read_text().strip()


def events(world: World) -> list[tuple[str, str, bool]]:
    return [
        (e.record.by, str(e.record.body["kind"]), bool(e.record.body["revokes"]))
        for e in read_ledger(open_workspace(world.folder), quick=False).evidence
        if e.record.type is RecordType.EVENT and not e.problem
    ]


def test_who_may_pull_it_stops_it_with_their_password_and_it_is_on_record(world: World, people: dict[str, Any]) -> None:
    assert "You may not stop it" in people["carl"].get(world.url("stop/")).content.decode()
    assert people["carl"].post(world.url("stop/"), {"password": "x"}).status_code == 403
    wrong = people["olga"].post(world.url("stop/"), {"password": "not hers", "why": "It misroutes."})
    assert wrong.status_code == 422
    assert "It misroutes." in wrong.content.decode(), "nothing that was typed is lost"
    assert state(world) == "online"
    stopped = people["olga"].post(world.url("stop/"), {"password": PASSWORD, "why": "It misroutes."})
    assert "It is stopped." in stopped.content.decode()
    assert state(world) == "offline"
    assert ("person:olga", "stopped", True) in events(world)
    again = people["olga"].post(world.url("stop/"), {"password": PASSWORD})
    assert "stopped already" in again.content.decode()
    from seatrial.web.models import Deed

    deeds = [(d.action, d.allowed) for d in Deed.objects.filter(system=world.slug, action="pull-stop").order_by("pk")]
    assert deeds.count(("pull-stop", True)) == 2
    assert deeds.count(("pull-stop", False)) == 2
    (world.folder / "state").write_text("online\n")


def test_a_stop_that_does_not_stop_says_so(world: World, people: dict[str, Any]) -> None:
    (world.folder / "off").write_text("half\n")
    try:
        answer = people["olga"].post(world.url("stop/"), {"password": PASSWORD}).content.decode()
    finally:
        (world.folder / "off").write_text("offline\n")
    assert "NOT proven that it stopped" in answer
    assert "Stop it by hand now" in answer
    (world.folder / "state").write_text("online\n")


def test_legal_raises_an_event_that_ends_go(world: World, people: dict[str, Any]) -> None:
    room = world.url("events/")
    assert "regulator-notice" in people["lena"].get(room).content.decode()
    empty = people["lena"].post(room, {"kind": "regulator-notice", "summary": "", "password": PASSWORD})
    assert empty.status_code == 422
    raised = (
        people["lena"]
        .post(room, {"kind": "regulator-notice", "summary": "A letter came.", "password": PASSWORD}, follow=True)
        .content.decode()
    )
    assert "GO is revoked" in raised
    assert "A letter came." in raised
    assert ("person:lena", "regulator-notice", True) in events(world)
    people["lena"].post(room, {"kind": "visit", "summary": "They will come.", "password": PASSWORD})
    assert ("person:lena", "visit", False) in events(world)


def test_drills_are_listed_with_when_they_may_be_held_and_begin_as_a_job(world: World, people: dict[str, Any]) -> None:
    from seatrial.web.models import Deed, Job

    shown = people["olga"].get(world.url("drills/")).content.decode()
    for word in ("never held", "Mon 02:00-02:05", "Europe/Berlin", "Olga Brandt", "Stop the system for real"):
        assert word in shown
    assert "Stop the system for real" not in people["carl"].get(world.url("drills/")).content.decode()
    refused = people["olga"].post(world.url("drills/"), {"kind": "stop"}, follow=True).content.decode()
    assert "Not now" in refused
    assert not Job.objects.filter(system__slug=world.slug).exists()
    address = f"/api/v1/systems/{world.slug}/drills/stop/"
    assert people["olga"].post(address, "", content_type="application/json").status_code == 409
    tried = Deed.objects.filter(system=world.slug, action="begin-drill", about="drill stop", allowed=False)
    assert ["Mon 02:00-02:05" in each.reason for each in tried] == [True, True], "by the page, and over the API"
    begun = people["olga"].post(world.url("drills/"), {"kind": "rollback"})
    assert begun.status_code == 302
    assert Job.objects.get(system__slug=world.slug).wanted == ["governance.rollback"]
    Job.objects.all().delete()
