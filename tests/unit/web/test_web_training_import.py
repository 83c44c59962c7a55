"""The user list and course results from elsewhere: looked through whole, every bad line told, never taken for more."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from plants.site_world import World, invite, plant_site, visiting
from seatrial.app.folder.ledgers import read_ledger
from seatrial.app.folder.workspace import open_workspace
from seatrial.app.people.training import coverage, elsewhere, users_of
from seatrial.core.vocabulary import RecordType

LIST = "Employee ID;Department;Full name\nu1;docks;Uma Dahl\nu3;yard;Nils Öst\n"
RESULTS = """\
User ID,Status,Completion date,Course version
u1,Failed,2026-01-05,2026.11.1
u1,Passed,2026-02-05T10:00:00,2026.11.1
u2,In progress,2026-02-05,2026.11.1
olga,Passed,2026-02-05,2025.1
stranger,Passed,2026-02-05,2026.11.1
"""
ABOUT = {"source": "Moodle", "about": "2026.11.1", "dates": "%Y-%m-%d"}


@pytest.fixture
def world(prepared: Path, tmp_path: Path) -> World:
    from seatrial.web.models import Account, Registered

    Account.objects.filter(email__endswith="@brought.example").delete()
    Registered.objects.filter(slug="brought").delete()
    return plant_site(tmp_path / "brought", "brought")


@pytest.fixture
def client(world: World) -> Any:
    return visiting(invite(world, "olga@brought.example", person="olga"))


def _bring(client: Any, world: World, what: str, content: str = "", **given: str) -> Any:
    from django.core.files.uploadedfile import SimpleUploadedFile

    file = {"file": SimpleUploadedFile("export.csv", content.encode())} if content else {}
    return client.post(world.url(f"training/import/{what}/"), {"do": "look", **file, **given})


def _taken(client: Any, world: World, what: str, looked: Any, **given: str) -> Any:
    page = looked.content.decode()
    (seen,) = re.findall(r'name="seen" value="(\w+)"', page)
    chosen = dict(re.findall(r'name="(map-\w+)".*?<option value="([^"]+)" selected', page))
    return _bring(client, world, what, do="take", seen=seen, **chosen, **given)


def test_a_user_list_is_mapped_shown_and_taken_over(world: World, client: Any) -> None:
    looked = _bring(client, world, "users", LIST)
    assert looked.status_code == 200
    page = looked.content.decode()
    assert '<option value="Employee ID" selected>' in page
    assert "2 users: 1 new, 3 no longer on it." in page
    assert len(users_of(open_workspace(world.folder))) == 4, "looking changes nothing"
    assert _taken(client, world, "users", looked).status_code == 302
    assert [(u.id, u.group, u.name) for u in users_of(open_workspace(world.folder))] == [
        ("u1", "docks", "Uma Dahl"),
        ("u3", "yard", "Nils Öst"),
    ]
    (event,) = [e for e in read_ledger(open_workspace(world.folder), quick=False).evidence if _is(e, "user-list")]
    assert "Uma" not in repr(event.record.body), "no name goes on record"


def _is(evidence: Any, kind: str) -> bool:
    return evidence.record.type is RecordType.EVENT and evidence.record.body["kind"] == kind


def test_results_are_observed_and_pass_nobody(world: World, client: Any) -> None:
    looked = _bring(client, world, "results", RESULTS, **ABOUT)
    assert looked.status_code == 200
    page = looked.content.decode()
    assert "1 users passed, 1 did not" in page
    assert "1 line is about another version." in page
    assert "1 line is not on the user list." in page
    assert "docks: 1 of 2" in page
    assert _taken(client, world, "results", looked, **ABOUT).status_code == 302
    workspace = open_workspace(world.folder)
    assert {team.name: team.passed for team in coverage(workspace)} == {"docks": 0, "office": 0}
    told = elsewhere(workspace)
    assert told is not None
    assert told.detail["teams"] == {"docks": [1, 2], "office": [0, 2]}
    assert "u1" not in repr(told.detail), "how each did is beside the ledger, where it can be erased"
    room = client.get(world.url("training/")).content.decode()
    assert "as Moodle reports" in room
    register = world.folder / "failure-modes.yaml"
    register.write_text(register.read_text().replace("wind > 60", "wind > 50"))
    assert elsewhere(open_workspace(world.folder)) is None, "results do not carry over to new questions"


def test_every_bad_line_is_told_at_once_and_nothing_is_taken_over(world: World, client: Any) -> None:
    bad = RESULTS + "u2,maybe,2026-02-05,2026.11.1\n,Passed,05.02.2026,2026.11.1\nu2,Passed,2999-01-01,x\nu1,Passed\n"
    answer = _bring(client, world, "results", bad, **ABOUT)
    assert answer.status_code == 422
    lines = re.findall(r"<li>line (\d+): ([^<]+)</li>", answer.content.decode())
    assert [(int(number), what) for number, what in lines] == [
        (7, "maybe says neither passed nor not passed"),
        (8, "there is no id"),
        (8, "05.02.2026 is no date such as 2026-11-27"),
        (9, "2999-01-01 lies in the future"),
        (10, "2 values where there are 4 columns"),
    ]
    assert "Take it over" not in answer.content.decode()
    assert "export.csv is kept" in answer.content.decode()
    taken = _taken(client, world, "results", answer, **ABOUT)
    assert taken.status_code == 422, "nobody gets round it"
    assert elsewhere(open_workspace(world.folder)) is None


@pytest.mark.parametrize(
    ("what", "content", "given", "said"),
    [
        ("users", "a,a\n1,2\n", {}, "more than once"),
        ("users", "id,group\n", {}, "no line below its heading"),
        ("users", "who,where\nu1,docks\n", {}, "Choose the column that tells it."),
        ("users", "id,group\nu1,docks\nu1,yard\nu2,\n", {}, "line 3: u1 again, after line 2"),
        ("users", "", {}, "Choose the file."),
        ("results", RESULTS, {**ABOUT, "about": "2025.1"}, "only results of a course on this version"),
        ("results", RESULTS, {**ABOUT, "source": ""}, "which tool they are from"),
        ("results", RESULTS, {**ABOUT, "dates": "%A"}, "Choose how the dates are written."),
        ("results", RESULTS, {**ABOUT, "passes_from": "eighty"}, "this is no score"),
    ],
)
def test_what_cannot_be_taken_over_says_why(
    world: World, client: Any, what: str, content: str, given: dict[str, str], said: str
) -> None:
    answer = _bring(client, world, what, content, **given)
    assert answer.status_code == 422
    assert said in answer.content.decode()


def test_scores_pass_from_the_mark_that_is_given(world: World, client: Any) -> None:
    scores = 'user,score,date\nu1,80 %,05.02.2026\nu2,"79,5",05.02.2026\n'
    given = {**ABOUT, "dates": "%d.%m.%Y", "passes_from": "80"}
    page = _bring(client, world, "results", scores, **given).content.decode()
    assert "1 users passed, 1 did not" in page


def test_another_file_than_the_one_that_was_looked_at_is_shown_first(world: World, client: Any) -> None:
    looked = _bring(client, world, "users", LIST)
    (seen,) = re.findall(r'name="seen" value="(\w+)"', looked.content.decode())
    answer = _bring(client, world, "users", LIST + "u9;yard;\n", do="take", seen=seen)
    assert answer.status_code == 422
    assert "This is not what you looked at" in answer.content.decode()
    assert len(users_of(open_workspace(world.folder))) == 4
