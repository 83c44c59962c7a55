"""A doubted output: reported on the page or by a program, answered by the escalation point alone, timed."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from plants.site_world import World, invite, plant_site, visiting
from seatrial.app.folder.ledgers import read_ledger
from seatrial.app.folder.workspace import open_workspace


@pytest.fixture(scope="module")
def world(prepared: Path, tmp_path_factory: pytest.TempPathFactory) -> World:
    return plant_site(tmp_path_factory.mktemp("systems") / "doubted", "doubted")


@pytest.fixture(scope="module")
def people(world: World) -> dict[str, Any]:
    places = {"olga": False, "sven": False, "carl": False, "u1": True, "u2": True}
    found = {
        p: visiting(invite(world, f"{p}@doubted.example", person=p, listed=listed)) for p, listed in places.items()
    }
    found["admin"] = visiting(invite(world, "ada@doubted.example", admin=True))
    return found


@pytest.fixture(autouse=True)
def _nothing_reported(world: World) -> None:
    from seatrial.web.models import Doubt

    Doubt.objects.all().delete()


def _reported(client: Any, world: World, output: str, why: str = "The truck is here.", condition: str = "") -> str:
    answer = client.post(world.url("doubts/"), {"output": output, "why": why, "condition": condition})
    assert answer.status_code == 302, answer.content.decode()
    return str(answer["Location"])


def test_a_report_is_answered_once_and_timed(world: World, people: dict[str, Any]) -> None:
    where = _reported(people["u1"], world, "F00123")
    assert "It waits for Olga Brandt, who answers within 30 min" in people["u1"].get(where).content.decode()
    assert people["u2"].get(where).status_code == 404, "users see their own reports"
    assert "1 report of an output" in people["olga"].get(world.url()).content.decode()
    assert people["carl"].post(where, {"stands": "no", "answer": "Call."}).status_code == 403
    unsaid = people["olga"].post(where, {"stands": "", "answer": "Unload it by hand."})
    assert unsaid.status_code == 422
    assert "Unload it by hand." in unsaid.content.decode(), "nothing that was typed is lost"
    assert people["olga"].post(where, {"stands": "no", "answer": "Unload it by hand."}).status_code == 302
    late = people["sven"].post(where, {"stands": "yes", "answer": "Use it."}, follow=True).content.decode()
    assert "It was answered meanwhile" in late
    seen = people["u1"].get(where).content.decode()
    assert "Do not use this output" in seen
    assert "Unload it by hand." in seen


def test_a_double_click_reports_once_and_an_answered_output_can_be_doubted_again(
    world: World, people: dict[str, Any]
) -> None:
    where = _reported(people["u1"], world, "F1")
    assert _reported(people["u1"], world, "F1") == where
    assert _reported(people["u2"], world, "F1") != where
    people["olga"].post(where, {"stands": "yes", "answer": "It is right."})
    assert _reported(people["u1"], world, "F1") != where


def test_who_waits_longer_than_declared_is_shown_as_overdue(world: World, people: dict[str, Any]) -> None:
    from seatrial.web.models import Doubt

    _reported(people["u1"], world, "F1")
    assert "overdue" not in people["olga"].get(world.url("doubts/")).content.decode()
    Doubt.objects.update(at=Doubt.objects.get().at - timedelta(minutes=31))
    assert "overdue" in people["olga"].get(world.url("doubts/")).content.decode()


def test_what_repeats_becomes_a_candidate_and_what_the_register_answers_does_not(
    world: World, people: dict[str, Any]
) -> None:
    for output in ("F1", "F2"):
        _reported(people["u1"], world, output, condition="wind < 3")
        _reported(people["u1"], world, output, condition="wind  >  60")
    page = people["carl"].get(world.url("doubts/")).content.decode()
    assert "candidates for the failure-mode register" in page
    assert "- id: wind-3" in page
    assert "wind-60" not in page, "the register answers it already"
    assert "candidates" not in people["u1"].get(world.url("doubts/")).content.decode()


def test_reports_are_no_evidence(world: World, people: dict[str, Any]) -> None:
    before = len(read_ledger(open_workspace(world.folder), quick=True).evidence)
    where = _reported(people["u1"], world, "F1")
    people["olga"].post(where, {"stands": "no", "answer": "Call the gate."})
    assert len(read_ledger(open_workspace(world.folder), quick=True).evidence) == before


@pytest.mark.parametrize("given", [{}, {"output": "x" * 201, "why": "w"}, {"output": "F1", "why": "w" * 2001}])
def test_what_is_missing_or_too_long_stands_at_its_field(
    world: World, people: dict[str, Any], given: dict[str, str]
) -> None:
    from seatrial.web.models import Doubt

    answer = people["u1"].post(world.url("doubts/"), given)
    assert answer.status_code == 422
    assert "-problem" in answer.content.decode()
    assert not Doubt.objects.exists()


def _token(world: World, people: dict[str, Any], label: str = "dock screens") -> str:
    form = {"label": label, "scopes": ["doubts"], "days": ""}
    page = people["admin"].post(world.url("tokens/"), form).content.decode()
    return str(page.partition('<p class="mono box">')[2].partition("</p>")[0])


def _sent(world: World, token: str, body: object, *, slug: str = "") -> Any:
    client = visiting(None, checks_csrf=True)
    url = f"/api/v1/systems/{slug or world.slug}/doubts/"
    text = body if isinstance(body, str | bytes) else json.dumps(body)
    return client.post(url, text, content_type="application/json", headers={"Authorization": f"Bearer {token}"})


def test_a_program_reports_with_a_token_of_this_system_and_can_do_nothing_else(
    world: World, people: dict[str, Any], prepared: Path, tmp_path: Path
) -> None:
    from seatrial.web.models import AccessToken, Doubt

    token = _token(world, people)
    assert token not in str(list(AccessToken.objects.values())), "the token itself is not kept"
    answer = _sent(world, token, {"output": "F9", "why": "no truck", "condition": "wind < 3"})
    assert answer.status_code == 201
    told = json.loads(answer.content)
    assert (told["reaches"], told["answer_within_s"]) == ("Olga Brandt", 1800.0)
    assert Doubt.objects.get(pk=told["id"]).reporter == "through dock screens"
    plant_site(tmp_path / "another", "another")
    report = {"output": "F9", "why": "no truck"}
    assert _sent(world, token, report, slug="another").status_code == 401
    assert _sent(world, token, report, slug="no-such-system").status_code == 401
    assert _sent(world, "guessed", report).status_code == 401
    reader = visiting(None)
    for url in ("/api/v1/systems/", f"/api/v1/systems/{world.slug}/", f"/api/v1/systems/{world.slug}/doubts/"):
        assert reader.get(url, headers={"Authorization": f"Bearer {token}"}).status_code == 403
    number = AccessToken.objects.latest("pk").pk
    people["admin"].post(world.url("tokens/"), {"end": str(number)})
    assert _sent(world, token, report).status_code == 401


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ("{", 400),
        ("[]", 400),
        (b"\xff", 400),
        ("[" * 5000, 400),
        ({"output": "F1"}, 422),
        ({"output": 7, "why": "w"}, 422),
        ({"output": "F1", "why": "w", "verdict": "GO"}, 422),
        ({"output": "F1", "why": "a\x00b"}, 422),
        ({"output": "F1", "why": "w" * 20_000}, 413),
    ],
)
def test_a_report_that_cannot_be_taken_is_refused_with_its_reason(
    world: World, people: dict[str, Any], body: object, status: int
) -> None:
    from seatrial.web.models import Doubt

    answer = _sent(world, _token(world, people), body)
    assert answer.status_code == status
    assert json.loads(answer.content)
    assert not Doubt.objects.exists()


def test_the_watchs_page_is_on_the_board_where_a_watch_is_declared(
    world: World, people: dict[str, Any], tmp_path: Path
) -> None:
    assert "The watch's page" not in people["admin"].get(world.url()).content.decode()
    for slug, listen, address in (
        ("watched", "10.1.2.3:8750", "http://10.1.2.3:8750/"),
        ("watched-wide", "0.0.0.0:8751", "http://127.0.0.1:8751/"),
    ):
        watched = plant_site(tmp_path / slug, slug, more=f'watch: {{listen: "{listen}", token: t}}\n')
        assert f'href="{address}"' in people["admin"].get(watched.url()).content.decode()
