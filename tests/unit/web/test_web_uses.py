"""Two clicks an output: who says what became of it, what the check then reads, and how ignoring is not lost."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from plants.planted_trial import PlantedTrial
from plants.site_world import World, invite, plant_site, visiting
from seatrial.app.folder.outside import Outside
from seatrial.app.folder.workspace import open_workspace
from seatrial.core.errors import NoRows
from seatrial.domains.organization.responses import Responses, read_responses

MORE = """\
workflows:
  docking: {users: docks}
  desk: {users: office}
change: {who: sven}   # he leads it
"""


@pytest.fixture
def world(prepared: Path, tmp_path: Path) -> World:
    from seatrial.web.models import Account, Registered

    Account.objects.filter(email__endswith="@uses.example").delete()
    Registered.objects.filter(slug="used").delete()
    return plant_site(tmp_path / "used", "used", more=MORE)


def _somebody(world: World, person: str, *, listed: bool = False) -> Any:
    return visiting(invite(world, f"{person}@uses.example", person=person, listed=listed))


def _began(world: World) -> Any:
    amir = _somebody(world, "amir")
    assert amir.post(world.url("uses/log/"), {"do": "begin"}).status_code == 302
    return amir


def _read(world: World) -> Responses:
    workspace = open_workspace(world.folder)
    log = workspace.system.change.log
    assert log is not None
    planted = PlantedTrial()
    planted.clock.time = workspace.clock.now()
    with Outside(workspace) as outside:
        try:
            planted.tables["change.log"] = outside.table("change.log")
            return read_responses(planted, log)
        except NoRows:
            return Responses()


def _shown(client: Any, world: World, content: str) -> Any:
    from django.core.files.uploadedfile import SimpleUploadedFile

    file = SimpleUploadedFile("shown.csv", content.encode())
    return client.post(world.url("uses/log/"), {"do": "bring", "file": file})


def test_what_users_say_is_what_the_check_counts(world: World) -> None:
    _began(world)
    assert "change: {who: sven, log: {source: responses.csv" in (world.folder / "seatrial.yaml").read_text()
    assert "# he leads it" in (world.folder / "seatrial.yaml").read_text()
    uma, olga = _somebody(world, "u1", listed=True), _somebody(world, "olga")
    page = uma.get(world.url("uses/?output=F1")).content.decode()
    assert 'value="F1"' in page
    assert "I acted on it" in page
    assert uma.post(world.url("uses/"), {"output": "F1", "response": "acted on"}).status_code == 302
    uma.post(world.url("uses/"), {"output": "F2", "response": "overridden", "workaround": "called the gate"})
    olga.post(world.url("uses/"), {"output": "F1", "response": "ignored"})
    found = _read(world)
    assert {place: dict(counts) for place, counts in found.by.items()} == {
        ("docking", "docks"): {"acted on": 1, "overridden": 1},
        ("desk", "office"): {"ignored": 1},
    }
    assert dict(found.written) == {"called the gate": 1}
    assert not found.contradicting
    room = olga.get(world.url("uses/")).content.decode()
    assert "called the gate" in room
    assert "called the gate" not in _somebody(world, "u2", listed=True).get(world.url("uses/")).content.decode()


def test_who_changes_their_mind_counts_once_and_two_who_differ_contradict(world: World) -> None:
    _began(world)
    uma, vera = _somebody(world, "u1", listed=True), _somebody(world, "u2", listed=True)
    for response in ("ignored", "acted on"):
        uma.post(world.url("uses/"), {"output": "F1", "response": response})
    assert _read(world).of(workflow="docking") == {"acted on": 1}
    vera.post(world.url("uses/"), {"output": "F1", "response": "overridden"})
    assert _read(world).contradicting == 1


def test_what_was_shown_and_never_spoken_of_counts_as_ignored(world: World) -> None:
    amir = _began(world)
    uma = _somebody(world, "u1", listed=True)
    uma.post(world.url("uses/"), {"output": "F1", "response": "acted on"})
    late = "".join(f"{name},docking,docks,{_yesterday(world)}\n" for name in ("F1", "F2", "F3"))
    assert _shown(amir, world, "output,workflow,team,shown_at\n" + late).status_code == 302
    assert _read(world).of() == {"acted on": 1, "ignored": 2}
    uma.post(world.url("uses/"), {"output": "F2", "response": "overridden"})
    assert _read(world).of() == {"acted on": 1, "overridden": 1, "ignored": 1}
    shown = amir.get(world.url("uses/")).content.decode()
    for response in ("acted on", "overridden", "ignored"):
        assert f'<td data-label="{response}" class="n">1</td>' in shown


def _yesterday(world: World) -> str:
    from datetime import timedelta

    return (open_workspace(world.folder).clock.now() - timedelta(days=1)).isoformat()


def test_every_bad_line_of_what_was_shown_is_told_and_nothing_is_taken_over(world: World) -> None:
    amir = _began(world)
    bad = "F1,docking,docks,2999-01-01T00:00:00Z\nF2,nowhere,docks,2026-01-05\nF3,docking,office,2026-01-05\n,a,b,c\n"
    answer = _shown(amir, world, "output,workflow,team,shown_at\n" + bad)
    assert answer.status_code == 422
    page = answer.content.decode()
    for said in (
        "2: 2999-01-01",
        "3: nowhere is no",
        "4: office does not work",
        "5: an output needs",
    ):
        assert f"line {said}" in page
    assert not _read(world).of()
    assert "has no column workflow" in _shown(amir, world, "output\nF1\n").content.decode()


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"output": "", "response": "acted on"}, "Say which output it is"),
        ({"output": "F1", "response": "liked"}, "Choose what became of it."),
        ({"output": "F1\nF2", "response": "acted on"}, "Keep it to one line"),
    ],
)
def test_what_is_wrong_stands_at_its_field_and_what_was_typed_is_kept(
    world: World, given: dict[str, str], said: str
) -> None:
    _began(world)
    answer = _somebody(world, "u1", listed=True).post(world.url("uses/"), {**given, "workaround": "called the gate"})
    assert answer.status_code == 422
    assert said in answer.content.decode()
    assert 'value="called the gate"' in answer.content.decode()
    assert not _read(world).of()


def test_a_log_of_the_workflows_own_is_left_alone(world: World) -> None:
    file = world.folder / "seatrial.yaml"
    own = (
        "log: {source: own.csv, key: id, workflow: w, team: t, response: r, at: at, workaround: n, "
        "values: {acted_on: [a], overridden: [o]}}"
    )
    file.write_text(file.read_text().replace("change: {who: sven}", f"change: {{who: sven, {own}}}"))
    amir = _somebody(world, "amir")
    assert "own.csv" in amir.get(world.url("uses/")).content.decode()
    answer = amir.post(world.url("uses/log/"), {"do": "begin"})
    assert answer.status_code == 422
    refused = _somebody(world, "u1", listed=True).post(world.url("uses/"), {"output": "F1", "response": "acted on"})
    assert refused.status_code == 422
    assert not (world.folder / "responses.csv").exists()


def test_what_was_brought_past_the_site_stays_when_the_site_writes_its_log(world: World) -> None:
    from datetime import timedelta

    from seatrial.app.people.response_log import Response, add_to_log

    amir = _began(world)
    workspace = open_workspace(world.folder)
    at = workspace.clock.now() - timedelta(hours=1)
    brought = [
        Response(output=name, workflow="docking", team="docks", response="acted on", at=at) for name in ("B1", "F1")
    ]
    assert add_to_log(workspace, "sven", brought) == 2
    uma = _somebody(world, "u1", listed=True)
    said = {"output": "F1", "workflow": "docking", "response": "overridden", "workaround": ""}
    assert uma.post(world.url("uses/"), said).status_code == 302
    counts = _read(world).of(workflow="docking")
    assert (counts["acted on"], counts["overridden"]) == (1, 1), "of F1 the site knows more, of B1 nothing"
    page = amir.get(world.url("uses/")).content.decode()
    row = re.search(r"<tr><td[^>]*>docking</td>.*?</tr>", page, re.DOTALL)
    assert row is not None
    assert re.findall(r'class="n">(\d+)<', row[0]) == ["1", "1", "0", "0"], "the page counts what the check reads"


@pytest.mark.parametrize("content", [b"\x00\xffnonsense\n\n,,,,", b"", None])
def test_a_log_that_cannot_be_read_is_told_in_the_place_of_its_counts(world: World, content: bytes | None) -> None:
    amir = _began(world)
    log = world.folder / "responses.csv"
    log.unlink() if content is None else log.write_bytes(content)
    answer = amir.get(world.url("uses/"))
    assert answer.status_code == 200
    assert re.search(r'class="problem" role="alert">responses.csv: ', answer.content.decode())
