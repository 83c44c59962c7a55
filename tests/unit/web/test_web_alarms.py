"""Alarms and requests for retraining on the site and over the API: seen by all, dealt with by those who may."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from plants.site_world import PASSWORD, World, invite, plant_site, visiting
from plants.watched_alarm import plant_alarm, plant_request
from seatrial.app.folder.workspace import Workspace, open_workspace
from seatrial.app.people.retraining import on_record
from seatrial.app.watched.dealing import alarms_of


@pytest.fixture(scope="module")
def world(prepared: Path, tmp_path_factory: pytest.TempPathFactory) -> World:
    made = plant_site(tmp_path_factory.mktemp("systems") / "alarmed", "alarmed", more="watch: {}\n")
    file = made.folder / "seatrial.yaml"
    duty = "  retraining: {who: amir, deputy: ivo}\n  escalation-point:"
    file.write_text(file.read_text().replace("  escalation-point:", duty))
    return made


@pytest.fixture(scope="module")
def workspace(world: World) -> Workspace:
    return open_workspace(world.folder)


@pytest.fixture(scope="module")
def people(world: World) -> dict[str, Any]:
    names = {"amir": PASSWORD, "carl": ""}
    return {p: visiting(invite(world, f"{p}@alarmed.example", person=p, password=word)) for p, word in names.items()}


def test_who_is_on_an_alarm_says_so_with_one_press_and_it_is_recorded(
    world: World, workspace: Workspace, people: dict[str, Any]
) -> None:
    from seatrial.web.models import Deed

    name = plant_alarm(workspace)
    assert "metric.recall is worse" in people["carl"].get(world.url("alarms/")).content.decode()
    room = world.url(f"alarms/{name}/")
    said = people["carl"].post(room, {"do": "acknowledge"}, follow=True).content.decode()
    assert "nobody else is paged" in said
    assert "carl is on it, said over the site" in said
    (kept,) = alarms_of(workspace)
    assert kept["acknowledged"]["by"] == "carl"
    again = people["amir"].post(room, {"do": "acknowledge"})
    assert again.status_code == 422
    assert "acknowledged already" in again.content.decode()
    deeds = Deed.objects.filter(system=world.slug, about=f"acknowledge {name}")
    assert sorted(deeds.values_list("allowed", flat=True)) == [False, True]
    people["amir"].post(room, {"do": "close"})
    assert alarms_of(workspace) == []
    assert people["amir"].get(world.url("alarms/no-such-alarm/")).status_code == 404


def test_a_program_acknowledges_nothing_and_a_person_does_over_the_api(
    world: World, workspace: Workspace, people: dict[str, Any]
) -> None:
    from django.test import Client

    from seatrial.web.access import Scope
    from seatrial.web.models import Deed, Registered
    from seatrial.web.tokens import make

    name = plant_alarm(workspace, "metric.precision")
    address = f"/api/v1/systems/{world.slug}/alarms/{name}/acknowledge/"
    admin = invite(world, "admin@alarmed.example", admin=True)
    system = Registered.objects.get(slug=world.slug)
    token, _ = make(system, "ci", list(Scope), days=1, by=admin)
    refused = Client(SERVER_NAME="127.0.0.1").post(address, headers={"Authorization": f"Bearer {token}"})
    assert refused.status_code == 403
    answer = people["carl"].post(address)
    assert (answer.status_code, json.loads(answer.content)["state"]) == (200, "acknowledged")
    assert people["carl"].post(address).status_code == 409
    deeds = Deed.objects.filter(system=world.slug, about=f"acknowledge {name}", who__contains="carl@")
    assert sorted(deeds.values_list("allowed", flat=True)) == [False, True], "what was refused is on record too"


def test_the_person_named_answers_a_request_for_retraining_with_their_own_key(
    world: World, workspace: Workspace, people: dict[str, Any]
) -> None:
    name = plant_request(workspace, "amir")
    assert name in people["carl"].get(world.url("alarms/")).content.decode()
    room = world.url(f"retraining/{name}/")
    given = {"do": "approve", "because": "The docks moved.", "password": PASSWORD}
    assert people["carl"].post(room, given).status_code == 403
    empty = people["amir"].post(room, {"do": "", "because": "", "password": PASSWORD})
    assert empty.status_code == 422
    wrong = people["amir"].post(room, {**given, "password": "not his"})
    assert wrong.status_code == 422
    assert "The docks moved." in wrong.content.decode(), "nothing that was typed is lost"
    assert on_record(workspace)[0].request.state == "open"
    said = people["amir"].post(room, given, follow=True).content.decode()
    assert "The docks moved." in said
    (told,) = on_record(workspace)
    assert told.request.reply is not None
    assert (told.request.state, told.request.reply.by) == ("approved", "amir")
    assert people["amir"].post(room, {**given, "do": "decline"}).status_code == 422, "an answer stands"
    listed = json.loads(people["carl"].get(f"/api/v1/systems/{world.slug}/retraining/").content)["items"]
    assert [each["state"] for each in listed] == ["approved"]


def test_what_the_watch_says_is_marked_as_english_on_a_german_page(
    world: World, workspace: Workspace, people: dict[str, Any]
) -> None:
    alarm = plant_alarm(workspace, "metric.f1")
    plant_request(workspace, "amir")
    request = on_record(workspace)[0].request.id
    said = ("is worse than what the gate established", "1,000 to 1 against chance", "carl is on it")
    people["carl"].post(world.url(f"alarms/{alarm}/"), {"do": "acknowledge"})
    for room in ("alarms/", f"alarms/{alarm}/", f"retraining/{request}/"):
        shown = people["carl"].get(world.url(room), headers={"Accept-Language": "de"}).content.decode()
        assert '<html lang="de"' in shown
        assert said[0] in shown, room
        german = re.sub(r'<span lang="en">.*?</span>', "", shown, flags=re.DOTALL)
        assert not [text for text in said if text in german], room


def test_without_a_watch_the_page_says_how_to_begin(prepared: Path, tmp_path: Path) -> None:
    world = plant_site(tmp_path / "unwatched", "unwatched")
    somebody = visiting(invite(world, "olga@unwatched.example", person="olga"))
    assert "No watch is declared yet" in somebody.get(world.url("alarms/")).content.decode()
    assert not (world.folder / ".seatrial" / "watch").exists(), "looking makes no store"
