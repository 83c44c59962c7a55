"""The interview on the site: a new folder, a registered system, and who does what by when."""

from __future__ import annotations

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
