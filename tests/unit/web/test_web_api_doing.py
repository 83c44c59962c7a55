"""What the site does, done over its API: reviews, decisions, alarms, invitations and connections."""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from plants.site_world import World, invite, plant_site, visiting
from plants.watched_alarm import plant_alarm
from seatrial.app.folder.ledgers import read_ledger
from seatrial.app.folder.workspace import open_workspace
from seatrial.app.watched.dealing import alarms_of
from seatrial.app.watched.place import store_url
from seatrial.core.vocabulary import RecordType
from seatrial.watch.store import Store
from seatrial.watch.watching import Watching


@pytest.fixture(scope="module")
def world(prepared: Path, tmp_path_factory: pytest.TempPathFactory) -> World:
    return plant_site(tmp_path_factory.mktemp("doing") / "doing", "doing", more="watch: {}\n")


@pytest.fixture(scope="module")
def sends(world: World) -> Callable[..., tuple[int, Any]]:
    who = {
        "carl": visiting(invite(world, "carl@doing.example", person="carl")),
        "ivo": visiting(invite(world, "ivo@doing.example", person="ivo")),
        "ada": visiting(invite(world, "ada@doing.example", admin=True)),
    }

    def sent(person: str, path: str, content: object = None, *, method: str = "post") -> tuple[int, Any]:
        address = f"/api/v1/systems/{world.slug}/{path}"
        body = "" if content is None else json.dumps(content)
        answer = getattr(who[person], method)(address, body, content_type="application/json")
        return answer.status_code, json.loads(answer.content)

    return sent


def _at(answer: Any) -> list[str]:
    """The fields at which something is wrong."""
    return [each["pointer"] for each in answer["errors"]]


def test_a_review_is_called_minuted_called_off_and_decided(world: World, sends: Callable[..., tuple[int, Any]]) -> None:
    from django.utils import timezone

    soon = (timezone.now() + timedelta(days=9)).isoformat()
    code, wrong = sends("carl", "meetings/", {"at": "2020-01-01T10:00", "place": " x "})
    assert (code, _at(wrong)) == (422, ["/at"])
    assert sends("ada", "meetings/", {"at": soon, "place": "Dock room"})[0] == 403
    code, made = sends("carl", "meetings/", {"at": soon, "place": "Dock room"})
    assert code == 201
    assert made["told"] + len(made["not_told"]) == len(made["meeting"]["invited"]) > 0
    number = made["meeting"]["id"]
    for said in ("First we looked.", "Then we saw."):
        code, kept = sends("carl", f"meetings/{number}/minutes/", {"text": said})
        assert code == 201
    assert [note["text"] for note in kept["minutes"]] == ["First we looked.", "Then we saw."]
    assert sends("carl", f"meetings/{number}/call-off/")[1]["meeting"]["called_off"] is True
    assert sends("carl", f"meetings/{number}/call-off/")[0] == 409
    code, decided = sends("carl", "decisions/")
    assert (code, decided["verdict"]) == (201, "NO-GO"), "the answer is computed"
    found = read_ledger(open_workspace(world.folder), quick=True).of(RecordType.DECISION)
    assert [each.digest for each in found] == [decided["record"]]


def test_a_person_and_a_user_are_invited_once(world: World, sends: Callable[..., tuple[int, Any]]) -> None:
    from django.test import Client

    asked = {"person": "lena", "email": "lena@doing.example"}
    assert sends("carl", "people/invitations/", asked)[0] == 403
    assert _at(sends("ada", "people/invitations/", {**asked, "person": "nobody"})[1]) == ["/person"]
    assert _at(sends("ada", "people/invitations/", {**asked, "email": "ada@doing.example"})[1]) == ["/email"]
    assert _at(sends("ada", "people/invitations/", {**asked, "person": "ivo"})[1]) == ["/email"]
    code, made = sends("ada", "people/invitations/", asked)
    assert code == 201
    code, again = sends("ada", "people/invitations/", asked)
    there = [Client(SERVER_NAME="127.0.0.1").get(each["link"]).status_code for each in (made, again)]
    assert there == [410, 200], "an earlier link ends"
    user = {"user": "u1", "email": "uma@doing.example"}
    assert sends("ada", "training/invitations/", user)[0] == 201
    assert _at(sends("ada", "training/invitations/", {**user, "user": "olga"})[1]) == ["/user"]


def test_connections_are_written_over_what_was_seen(world: World, sends: Callable[..., tuple[int, Any]]) -> None:
    code, now = sends("carl", "connections/", method="get")
    assert (code, now["values"]["model.endpoint"]) == (200, "http://127.0.0.1:9/predict")
    change = {"seen": now["seen"], "values": {"model.identity": "http://127.0.0.1:9/version"}}
    assert sends("carl", "connections/", change, method="put")[0] == 403
    bad = {**change, "values": {**change["values"], "model.endpoint": "file:///etc/passwd"}}
    assert _at(sends("ivo", "connections/", bad, method="put")[1]) == ["/values/model.endpoint"]
    other = {**change, "values": {**change["values"], "owner.who": "ivo"}}
    assert _at(sends("ivo", "connections/", other, method="put")[1]) == ["/values/owner.who"]
    code, after = sends("ivo", "connections/", change, method="put")
    assert (code, after["values"]["model.identity"]) == (200, "http://127.0.0.1:9/version")
    assert sends("ivo", "connections/", change, method="put")[0] == 409, "the file is another one by now"


def test_an_alarm_is_closed_once_and_a_monitor_silenced_for_a_reason(
    world: World, sends: Callable[..., tuple[int, Any]]
) -> None:
    workspace = open_workspace(world.folder)
    name = plant_alarm(workspace)
    assert sends("ada", f"alarms/{name}/close/")[0] == 403
    assert sends("carl", f"alarms/{name}/close/")[0] == 200
    assert sends("ivo", f"alarms/{name}/close/")[0] == 409
    assert alarms_of(workspace) == []
    quiet = {"monitor": "no-such-monitor", "why": "planned work", "seconds": 60}
    assert sends("carl", "silences/", quiet)[0] == 409
    assert sends("carl", "silences/", {**quiet, "seconds": 0})[0] == 422
    assert sends("carl", "silences/", method="get")[1]["items"] == []


def test_two_people_who_close_an_alarm_at_once_leave_one_line(world: World) -> None:
    workspace = open_workspace(world.folder)
    plant_alarm(workspace, "metric.twice")
    store = Store.open(store_url(workspace))
    try:
        (found,) = (each for each in store.alarms() if each["monitor"] == "metric.twice")
        now = workspace.clock.now()

        def close(person: str) -> object:
            return Watching(store, (), begun=now).close(found, by=person, now=now)

        with ThreadPoolExecutor(2) as both:
            closed = list(both.map(close, ("carl", "ivo")))
        assert sum(each is not None for each in closed) == 1
        (after,) = (each for each in store.alarms() if each["monitor"] == "metric.twice")
    finally:
        store.close()
    assert [line["text"].partition(" by ")[0] for line in after["trail"]] == ["closed"]
