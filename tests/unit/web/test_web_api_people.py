"""What people hand in and say, over the API: documents, the user list, results of a course, and uses of outputs."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from plants.server import Said, Server
from plants.site_world import World, invite, plant_site, visiting
from seatrial.app.folder.workspace import open_workspace
from seatrial.app.people.papers import slot_of, versions
from seatrial.app.people.training import users_of

MORE = """\
workflows:
  docking: {users: docks}
change: {who: sven}   # he leads it
"""
PROCESS = "# Role of the system\n\nIt warns.\n\n# Its limits\n\nNo strikes.\n\n# Fallback\n\nBy hand.\n"
FIELD = "workflows.docking.process"


@pytest.fixture
def world(prepared: Path, tmp_path: Path) -> World:
    from seatrial.web.models import Account, Registered

    Account.objects.filter(email__endswith="@handed.example").delete()
    Registered.objects.filter(slug="handed").delete()
    return plant_site(tmp_path / "handed", "handed", more=MORE)


@pytest.fixture
def sends(world: World) -> Callable[..., tuple[int, Any]]:
    who = {
        "sven": visiting(invite(world, "sven@handed.example", person="sven")),
        "u1": visiting(invite(world, "u1@handed.example", person="u1", listed=True)),
    }

    def sent(
        person: str, path: str, content: object = None, *, method: str = "post", kind: str = "application/json"
    ) -> tuple[int, Any]:
        body = content if isinstance(content, bytes) else "" if content is None else json.dumps(content)
        address = f"/api/v1/systems/{world.slug}/{path}"
        answer = who[person].get(address) if method == "get" else getattr(who[person], method)(address, body, kind)
        return answer.status_code, json.loads(answer.content)

    return sent


def _put(sends: Callable[..., tuple[int, Any]], text: str, **asked: str) -> tuple[int, Any]:
    path = f"documents/{FIELD}/?{urlencode({'name': 'docks.md', **asked})}"
    return sends("sven", path, text.encode(), method="put", kind="text/markdown")


def test_a_document_is_handed_in_compared_and_read_back(world: World, sends: Callable[..., tuple[int, Any]]) -> None:
    code, first = _put(sends, PROCESS.replace("# Its limits\n\nNo strikes.\n\n", ""), link="https://example.com/d.md")
    assert (code, first["does_not_state"]) == (201, ["its limits"])
    assert first["versions"][0]["link"] == "https://example.com/d.md"
    assert sends("sven", f"documents/{FIELD}/differences/", method="get")[0] == 404
    code, late = _put(sends, PROCESS)
    assert code == 409, "whoever has not seen what stands there replaces nothing"
    assert first["stands"] in late["detail"]
    code, second = _put(sends, PROCESS, seen=first["stands"])
    assert (code, second["does_not_state"], len(second["versions"])) == (201, [], 2)
    _, changed = sends("sven", f"documents/{FIELD}/differences/", method="get")
    assert (changed["from"], changed["to"]) == (first["stands"], second["stands"])
    assert "# Its limits" in {line["text"] for line in changed["lines"] if line["change"] == "added"}
    back = urlencode({"from": second["stands"], "to": first["stands"]})
    _, turned = sends("sven", f"documents/{FIELD}/differences/?{back}", method="get")
    assert "# Its limits" in {line["text"] for line in turned["lines"] if line["change"] == "removed"}
    _, old = sends("sven", f"documents/{FIELD}/versions/{first['stands']}/", method="get")
    assert (old["name"], old["media_type"]) == ("docks.md", "text/markdown")
    assert b"Its limits" not in base64.b64decode(old["content"])
    slot = slot_of(open_workspace(world.folder).system, FIELD)
    assert slot is not None
    assert not any(each.approvals for each in versions(open_workspace(world.folder), slot)), "nobody answered for it"


def test_a_file_that_is_not_what_it_is_called_is_refused_on_record(
    world: World, sends: Callable[..., tuple[int, Any]]
) -> None:
    from seatrial.web.models import Deed

    assert _put(sends, PROCESS, name="")[1]["errors"][0]["pointer"] == "?name"
    assert _put(sends, PROCESS, link="javascript:alert(1)")[1]["errors"][0]["pointer"] == "?link"
    assert _put(sends, "\0\1")[0] == 422
    assert _put(sends, PROCESS, name="../docks.md")[0] == 422
    assert Deed.objects.filter(system=world.slug, action="record-event", allowed=False).count() == 2
    assert sends("sven", "documents/no.such/", method="get")[0] == 404
    assert not (world.folder / "docs").exists()


def test_an_original_is_read_from_origins_that_the_site_names(
    world: World, sends: Callable[..., tuple[int, Any]]
) -> None:
    with Server(lambda _: Said(body=PROCESS.encode(), headers={"Content-Type": "text/plain"})) as git:
        asked = {"link": f"{git.url}/docks.md", "seen": ""}
        assert sends("sven", f"documents/{FIELD}/original/", asked)[0] == 422
        assert not git.asked, "an address that nobody allowed is never called"
        (world.folder / ".env").write_text(f"SEATRIAL_DOCUMENTS={git.url}\n")
        code, read = sends("sven", f"documents/{FIELD}/original/", asked)
        assert (code, read["versions"][0]["name"]) == (201, "docks.md")
        assert sends("sven", f"documents/{FIELD}/original/", {**asked, "seen": read["stands"]})[0] == 200


def test_a_user_list_is_taken_whole_or_not_at_all(world: World, sends: Callable[..., tuple[int, Any]]) -> None:
    _, before = sends("sven", "training/users/", method="get")
    assert {"id": "u1", "group": "docks"} in before["items"]
    twice = {"users": [{"id": "u1", "group": "docks"}, {"id": "u1", "group": "office"}]}
    code, wrong = sends("sven", "training/users/", twice, method="put")
    assert (code, [each["pointer"] for each in wrong["errors"]]) == (422, ["/users/1"])
    assert len(users_of(open_workspace(world.folder))) == before["total"]
    right = {"users": [{"id": "u1", "group": "docks", "name": "Uma Dahl"}, {"id": "u9", "group": "docks"}]}
    code, taken = sends("sven", "training/users/", right, method="put")
    assert (code, taken["added"], taken["teams"]) == (201, ["u9"], {"docks": 2})
    assert set(taken["removed"]) == {"u2", "olga", "greta"}
    assert [user.id for user in users_of(open_workspace(world.folder))] == ["u1", "u9"]


def test_results_of_a_course_are_observed_and_pass_nobody(world: World, sends: Callable[..., tuple[int, Any]]) -> None:
    outcomes = [
        {"user": "u1", "passed": True, "at": "2026-01-05"},
        {"user": "stranger", "passed": True, "at": "2026-01-05"},
    ]
    asked = {"source": "the LMS", "about": "2026.11.1", "results": outcomes}
    code, other = sends("sven", "training/results/", {**asked, "about": "2025.1"})
    assert code == 422
    assert "2025.1" in other["detail"]
    future = [{**outcomes[0], "at": "2199-01-01"}]
    code, late = sends("sven", "training/results/", {**asked, "results": future})
    assert (code, late["errors"][0]["pointer"]) == (422, "/results/0")
    code, taken = sends("sven", "training/results/", asked)
    assert (code, taken["passed"], taken["left_out"]) == (201, 1, {"not on the user list": 1})
    _, teams = sends("sven", "training/", method="get")
    assert {team["team"]: team["passed"] for team in teams["items"]}["docks"] == 0


def test_what_became_of_outputs_is_said_by_users_and_counted_for_people(
    world: World, sends: Callable[..., tuple[int, Any]]
) -> None:
    use = {"output": "F1", "response": "overridden", "workaround": "called the gate"}
    assert sends("u1", "uses/", use)[0] == 409, "the log is not begun"
    assert sends("u1", "uses/log/")[0] == 403
    assert sends("sven", "uses/log/") == (201, {"log": "responses.csv"})
    assert sends("sven", "uses/log/")[0] == 409
    shown = [
        {"output": name, "workflow": "docking", "team": "docks", "shown_at": "2026-11-01T08:00:00Z"}
        for name in ("F1", "F2")
    ]
    code, wrong = sends("sven", "uses/shown/", {"outputs": [*shown, {**shown[0], "team": "office"}]})
    assert (code, wrong["errors"][0]["pointer"]) == (422, "/outputs/2")
    assert sends("sven", "uses/shown/", {"outputs": shown}) == (201, {"new": 2, "known": 0})
    assert sends("sven", "uses/shown/", {"outputs": shown}) == (201, {"new": 0, "known": 2})
    code, kept = sends("u1", "uses/", use)
    assert (code, kept["workflow"]) == (201, "docking")
    assert sends("u1", "uses/", {**use, "workflow": "desk"})[1]["errors"][0]["pointer"] == "/workflow"
    _, mine = sends("u1", "uses/", method="get")
    assert (mine["counted"], [each["output"] for each in mine["mine"]]) == ([], ["F1"])
    _, counted = sends("sven", "uses/", method="get")
    assert counted["workarounds"] == [{"said": "called the gate", "times": 1}]
    (row,) = counted["counted"]
    assert (row["overridden"], row["ignored"], row["acted_on"], row["worked_around"]) == (1, 1, 0, 1)
