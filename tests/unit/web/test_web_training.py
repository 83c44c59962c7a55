"""The training room: answers are marked and go on record under the user's id, and what was wrong is told."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from plants.site_world import PASSWORD, World, invite, plant_site, visiting
from seatrial.app.folder.ledgers import read_ledger
from seatrial.app.folder.workspace import open_workspace
from seatrial.app.people.quiz import questions_of
from seatrial.app.people.training import coverage, passes
from seatrial.core.vocabulary import RecordType
from seatrial.domains.organization.questions import digest


@pytest.fixture
def world(prepared: Path, tmp_path: Path) -> World:
    from seatrial.web.models import Account, Registered

    Account.objects.filter(email__endswith="@trained.example").delete()
    Registered.objects.filter(slug="trained").delete()
    return plant_site(tmp_path / "trained", "trained")


def _user(world: World, **place: Any) -> Any:
    where = place or {"person": "u1", "listed": True}
    return visiting(invite(world, "uma@trained.example", password=PASSWORD, **where))


def _answers(world: World, *, wrong: int = 0) -> dict[str, str]:
    asked = questions_of(open_workspace(world.folder))
    given = {f"q{i}": str(q.right) for i, q in enumerate(asked)}
    given |= {f"q{i}": str((asked[i].right + 1) % len(asked[i].options)) for i in range(wrong)}
    return {**given, "seen": digest(asked), "password": PASSWORD}


def _records(world: World) -> list[Any]:
    evidence = read_ledger(open_workspace(world.folder), quick=False).evidence
    return [e for e in evidence if e.record.type is RecordType.COMPREHENSION]


def test_a_user_passes_and_gets_a_certificate(world: World) -> None:
    client = _user(world)
    before = client.get(world.url("training/")).content.decode()
    assert "It knows no strikes." in before
    assert "You have not passed" in before
    assert "/s/trained/gaps/" not in before, "a user sees no room that is closed to them"
    answer = client.post(world.url("training/"), _answers(world), follow=True)
    assert "You passed the questions of this version" in answer.content.decode()
    (record,) = _records(world)
    assert not record.problem
    assert record.record.body["user"] == "u1"
    assert record.record.by.startswith("worker:"), "nobody marks their own answers"
    assert {team.name: (team.passed, team.users) for team in coverage(open_workspace(world.folder))} == {
        "docks": (1, 2),
        "office": (0, 2),
    }
    certificate = client.get(world.url("training/certificate/")).content.decode()
    assert "Certificate of comprehension" in certificate
    assert record.digest[:16] in certificate


def test_what_was_wrong_is_told_and_who_failed_is_not_told_the_right_answers(world: World) -> None:
    client = _user(world)
    asked = questions_of(open_workspace(world.folder))
    told = client.post(world.url("training/"), _answers(world, wrong=len(asked)), follow=True).content.decode()
    assert f"0 of {len(asked)} right: not passed" in told
    assert "Right: <strong>" not in told
    again = client.get(world.url("training/")).content.decode()
    assert "0 of" not in again, "a page that is loaded again tells nothing twice"
    assert client.get(world.url("training/certificate/")).status_code == 302
    assert passes(open_workspace(world.folder)) == {}
    assert "You may answer again from" in again
    assert "These are my answers" not in again
    at_once = client.post(world.url("training/"), _answers(world))
    assert at_once.status_code == 422
    assert "may answer again at" in at_once.content.decode()
    assert passes(open_workspace(world.folder)) == {}
    assert len(_records(world)) == 1, "the attempt that failed is kept, and none that came too early"


def test_passing_does_not_carry_over_to_a_version_with_new_questions(world: World) -> None:
    client = _user(world)
    stale = _answers(world)
    client.post(world.url("training/"), stale)
    register = world.folder / "failure-modes.yaml"
    more = "  - id: fog\n    when: wind < 2\n    consequence: Late.\n    handling: Ask the tower\n    owner: olga\n"
    register.write_text(register.read_text() + more)
    page = client.get(world.url("training/")).content.decode()
    assert "You have not passed" in page
    assert "Ask the tower" in page
    moved = client.post(world.url("training/"), stale)
    assert moved.status_code == 422
    assert "have changed while you were reading" in moved.content.decode()
    assert len(_records(world)) == 1


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"q0": ""}, "Choose one of the answers."),
        ({"q0": "77"}, "Choose one of the answers."),
        ({"password": "not it at all"}, "that is not your password"),
    ],
)
def test_what_is_wrong_stands_at_its_field_and_the_rest_is_kept(
    world: World, changed: dict[str, str], said: str
) -> None:
    answers = _answers(world)
    answer = _user(world).post(world.url("training/"), {**answers, **changed})
    assert answer.status_code == 422
    page = answer.content.decode()
    assert said in page
    assert f'name="q1" value="{answers["q1"]}" checked' in page
    assert _records(world) == []


def test_who_is_taken_off_the_list_is_nobody_and_a_declared_person_on_it_answers(world: World) -> None:
    client = _user(world)
    users = world.folder / "users.csv"
    users.write_text(users.read_text().replace("u1,docks,Uma Dahl\n", ""))
    assert client.get(world.url("training/")).status_code == 403
    assert client.post(world.url("training/"), _answers(world)).status_code == 403
    olga = visiting(invite(world, "olga@trained.example", person="olga", password=PASSWORD))
    olga.post(world.url("training/"), _answers(world))
    assert list(passes(open_workspace(world.folder))) == ["olga"]


def test_an_invited_user_is_a_user_and_nobody_else(world: World) -> None:
    from seatrial.web.models import Membership

    admin = visiting(invite(world, "ada@trained.example", admin=True))
    for wrong in ({"user": "nobody", "email": "v@trained.example"}, {"user": "olga", "email": "v@trained.example"}):
        refused = admin.post(world.url("training/invite/"), wrong)
        assert refused.status_code == 422
        assert 'value="v@trained.example"' in refused.content.decode()
    page = admin.post(world.url("training/invite/"), {"user": "u2", "email": "v@trained.example"}).content.decode()
    path = "/invitations/" + page.partition("/invitations/")[2].partition("/")[0] + "/"
    newcomer = visiting(None)
    joined = newcomer.post(path, {"name": "Vera Holt", "password": PASSWORD})
    assert joined["Location"] == world.url("training/")
    assert newcomer.get(world.url()).status_code == 403
    assert newcomer.get(world.url("training/")).status_code == 200
    seat = Membership.objects.get(account__email="v@trained.example")
    assert (seat.person, seat.listed) == ("u2", True)
