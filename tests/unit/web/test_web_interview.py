"""The interview on the site: a new folder, a registered system, and who does what by when."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from plants.site_world import World, invite, visiting

SAID = {
    "name": "Yard helper",
    "purpose": "Tells the yard which gate is free.",
    "task": "binary",
    "criticality": "operational",
    "people": "Olga Brandt, olga@example.com\nSven Holm",
    "owner": "Olga Brandt",
    "workflows": "Yard: drivers",
}


@pytest.fixture(scope="module")
def admin(prepared: Path) -> Any:
    return visiting(invite(World(slug="", folder=prepared), "ada@interview.example", admin=True))


def test_it_ends_with_who_does_what_by_when(admin: Any, prepared: Path) -> None:
    from seatrial.web.models import Job, Registered

    answer = admin.post("/systems/new/", SAID)
    assert answer["Location"] == "/s/yard-helper/gaps/"
    file = prepared / "systems" / "yard-helper" / "seatrial.yaml"
    assert Registered.objects.get(slug="yard-helper").path == str(file.resolve())
    assert Job.objects.filter(system__slug="yard-helper", state=Job.QUEUED).exists(), "the first checks begin"
    page = admin.get("/s/yard-helper/gaps/").content.decode()
    assert "NO-GO" in page
    assert "Olga Brandt" in page
    before = file.read_bytes()
    again = admin.post("/systems/new/", {**SAID, "purpose": "Another one."})
    assert again.status_code == 422
    assert "Another one." in again.content.decode(), "nothing that was typed is lost"
    assert file.read_bytes() == before


def test_errors_stand_at_their_fields_and_nothing_is_written(admin: Any, prepared: Path) -> None:
    answer = admin.post("/systems/new/", {**SAID, "name": "Second", "owner": "Nobody Known", "task": ""})
    page = answer.content.decode()
    assert answer.status_code == 422
    assert 'id="owner-problem"' in page
    assert 'id="task-problem"' in page
    assert "Olga Brandt, olga@example.com" in page
    assert not (prepared / "systems" / "second").exists()


def test_a_folder_that_is_there_without_a_system_is_left_alone(admin: Any, prepared: Path) -> None:
    there = prepared / "systems" / "third"
    there.mkdir(parents=True)
    (there / "notes.txt").write_text("mine")
    answer = admin.post("/systems/new/", {**SAID, "name": "Third"})
    assert answer.status_code == 422
    assert "left as it is" in answer.content.decode()
    assert [path.name for path in there.iterdir()] == ["notes.txt"]


def test_it_completes_the_connections_there_or_in_the_file(admin: Any, prepared: Path) -> None:
    said = {
        **SAID,
        "name": "Gate helper",
        "wrong": "Trucks wait.",
        "people": "Olga Brandt\nIvo Maric",
        "it": "Ivo Maric",
    }
    assert admin.post("/systems/new/", said).status_code == 302
    file = prepared / "systems" / "gate-helper" / "seatrial.yaml"
    world = World(slug="gate-helper", folder=file.parent)
    ivo = visiting(invite(world, "ivo@interview.example", person="ivo"))
    olga = visiting(invite(world, "olga@interview.example", person="olga"))
    seen = _seen(ivo.get(world.url("connections/")))
    wrong = {"seen": seen, "version": "1.0", "model.endpoint": "file:///etc/passwd"}
    answer = ivo.post(world.url("connections/"), wrong)
    assert answer.status_code == 422
    assert "file:///etc/passwd" in answer.content.decode(), "nothing that was typed is lost"
    before = file.read_text()
    right = {**wrong, "model.endpoint": "https://model.example.com/predict"}
    assert olga.post(world.url("connections/"), right).status_code == 403, "olga does not sign for IT"
    assert file.read_text() == before
    assert ivo.post(world.url("connections/"), right).status_code == 302
    written = file.read_text()
    assert "endpoint: " in written
    assert (
        written.replace('"https://model.example.com/predict"', "TODO").replace('version: "1.0"', "version: TODO")
        == before
    )
    file.write_text(written.replace("identity: TODO", "identity: https://model.example.com/version  # by hand"))
    page = ivo.get(world.url("connections/"))
    assert "https://model.example.com/version" in page.content.decode()
    stale = ivo.post(world.url("connections/"), {**right, "version": "1.1"})
    assert stale.status_code == 422, "the file was written by hand meanwhile"
    assert ivo.post(world.url("connections/"), {**right, "seen": _seen(page), "version": "1.1"}).status_code == 302
    assert "# by hand" in file.read_text()


def _seen(answer: Any) -> str:
    found = re.search(r'name="seen" value="(\w+)"', answer.content.decode())
    assert found is not None
    return found[1]
