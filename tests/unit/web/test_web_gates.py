"""Three gates on the site: each with its own pages, and what is signed at one counts there alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from plants.site_world import World, invite, plant_site, visiting
from seatrial.app.deciding.deciding import decide_now, record_decision
from seatrial.app.folder.workspace import open_workspace
from seatrial.core.vocabulary import GateName


@pytest.fixture(scope="module")
def world(prepared: Path, tmp_path_factory: pytest.TempPathFactory) -> World:
    return plant_site(tmp_path_factory.mktemp("systems") / "gates", "gates")


@pytest.fixture(scope="module")
def carl(world: World) -> Any:
    return visiting(invite(world, "carl-gates@example.com", person="carl"))


def _read(client: Any, world: World, page: str) -> str:
    answer = client.get(world.url(page))
    assert answer.status_code == 200, page
    return str(answer.content.decode())


def test_each_gate_has_a_board_with_its_own_requirements(carl: Any, world: World) -> None:
    pilot, production = _read(carl, world, "?gate=pilot-exit"), _read(carl, world, "")
    assert "at pilot exit" in pilot
    assert "governance.rollback" in production
    assert "governance.rollback" not in pilot
    assert "governance.watch-record" in _read(carl, world, "?gate=enterprise-scale")
    for page in ("gaps/", "review/", "history/", "requirements/model.threshold/"):
        assert 'review/?gate=pilot-exit"' in _read(carl, world, f"{page}?gate=pilot-exit"), "one stays at the gate"
    assert carl.get(world.url("?gate=nowhere")).status_code == 404
    assert carl.get(world.url("requirements/governance.rollback/?gate=pilot-exit")).status_code == 404


def test_the_way_shows_what_is_on_record_at_each_gate(carl: Any, world: World) -> None:
    assert _read(carl, world, "").count("not decided yet") == 2
    workspace = open_workspace(world.folder, gate=GateName.PILOT_EXIT)
    record_decision(workspace, decide_now(workspace))
    board = _read(carl, world, "")
    assert board.count("not decided yet") == 1
    assert "NO-GO on " in board
    assert "NO-GO" in _read(carl, world, "history/?gate=pilot-exit")
    assert "No verdict is on record yet" in _read(carl, world, "history/")


def test_the_frameworks_page_says_supports_and_never_complies(carl: Any, world: World) -> None:
    told = _read(carl, world, "frameworks/")
    for wanted in ("EU", "NIST", "42001", "data version", "nothing supports it yet"):
        assert wanted in told
    assert told.count("complies") == 1, "only to say that nothing here says so"


def test_the_dossier_comes_as_a_pdf(carl: Any, world: World) -> None:
    answer = carl.get(world.url("dossier.pdf?gate=pilot-exit"))
    assert answer.content.startswith(b"%PDF-")
    assert "gates-pilot-exit-" in answer["Content-Disposition"]


def test_gaps_of_one_cause_are_one_line_and_can_be_put_together_otherwise(carl: Any, world: World) -> None:
    by_cause = _read(carl, world, "gaps/")
    assert by_cause.count('class="requirement gap-group"') < 8
    assert "This has not been tested for this version yet." in by_cause
    for way, title in (("owner", "Ivo Petrov"), ("domain", "Data pipeline"), ("each", "governance.rollback")):
        assert title in _read(carl, world, f"gaps/?by={way}")
    each = _read(carl, world, "gaps/?by=each&owner=olga").partition('class="requirement gap-group"')[2]
    assert "ownership" in each
    assert "model.threshold" not in each


def test_a_promise_is_kept_shown_and_moves_the_dates_at_once(carl: Any, world: World) -> None:
    from seatrial.web.models import Deed

    before = decide_now(open_workspace(world.folder)).timeline
    wrong = {"state": "nearly", "owner": "greta", "due": "2020-01-01", "note": "until the vendor answers"}
    refused = carl.post(world.url("gaps/data.load/"), wrong)
    assert refused.status_code == 422
    shown = refused.content.decode()
    for text in ("Choose how far it is", "who is still here", "This day has passed", "until the vendor answers"):
        assert text in shown
    kept = {"state": "waiting", "owner": "sven", "due": "2028-02-01", "note": "until the vendor answers"}
    assert carl.post(world.url("gaps/data.load/?gate=pilot-exit"), kept).status_code == 404, "not asked at that gate"
    assert carl.post(world.url("gaps/data.load/"), kept).status_code == 302
    assert "until the vendor answers" in _read(carl, world, "gaps/data.load/")
    told = _read(carl, world, "gaps/?by=each")
    for text in ("waiting for somebody", "until the vendor answers", "promised", "By what was promised", "2028"):
        assert text in told
    assert Deed.objects.filter(system=world.slug, action="undertake", allowed=True).count() == 1
    assert decide_now(open_workspace(world.folder)).timeline == before, "the verdict itself is the gate's"
