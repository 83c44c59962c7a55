"""A requirement that does not apply: one person asks on the site, another one approves, each with their own key."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from plants.site_world import PASSWORD, World, invite, plant_site, visiting
from seatrial.app.folder.ledgers import read_ledger
from seatrial.app.folder.workspace import open_workspace
from seatrial.core.vocabulary import RecordType

WHERE = "requirements/model.adversarial/exemption/"


@pytest.fixture(scope="module")
def world(prepared: Path, tmp_path_factory: pytest.TempPathFactory) -> World:
    return plant_site(tmp_path_factory.mktemp("exemptions") / "exempt", "exempt")


@pytest.fixture(scope="module")
def people(world: World) -> dict[str, Any]:
    return {
        person: visiting(invite(world, f"{person}@exempt.example", person=person, password=PASSWORD))
        for person in ("carl", "amir", "olga")
    }


def _exempted(world: World) -> list[str]:
    found = read_ledger(open_workspace(world.folder), quick=True).of(RecordType.EXEMPTION)
    return [str(each.record.body["approved_by"]) for each in found if not each.problem]


def test_two_people_are_needed_and_each_signs_with_their_own_key(world: World, people: dict[str, Any]) -> None:
    asks = {"reason": "Its inputs come from scales.", "password": PASSWORD}
    wrong = people["carl"].post(world.url(WHERE), {**asks, "password": "not mine at all"})
    assert wrong.status_code == 422
    assert "Its inputs come from scales." in wrong.content.decode(), "nothing that was typed is lost"
    assert people["carl"].post(world.url(WHERE), {**asks, "reason": " "}).status_code == 422
    alone = people["olga"].post(world.url(WHERE), {**asks, "asked_by": "carl"})
    assert alone.status_code == 422, "nobody has asked yet"
    assert people["carl"].post(world.url(WHERE), asks).status_code == 302
    own = people["carl"].post(world.url(WHERE), {**asks, "asked_by": "carl"})
    assert own.status_code == 403, "nobody approves what they asked for themselves"
    assert _exempted(world) == []
    shown = people["olga"].get(world.url(WHERE)).content.decode()
    assert "Carl Weiss asked that it does not apply" in shown
    assert people["olga"].post(world.url(WHERE), {**asks, "asked_by": "carl"}).status_code == 302
    assert _exempted(world) == ["olga"]


def test_what_always_applies_has_no_such_page(world: World, people: dict[str, Any]) -> None:
    assert people["carl"].get(world.url("requirements/model.threshold/exemption/")).status_code == 404
    assert "/exemption/" in people["carl"].get(world.url("requirements/model.adversarial/")).content.decode()
    assert "/exemption/" not in people["carl"].get(world.url("requirements/model.threshold/")).content.decode()
