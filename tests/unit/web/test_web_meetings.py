"""The review as a meeting: called, invited to over real mail, written down, and its decision put on record."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from plants.mailbox import Mailbox
from plants.site_world import World, invite, plant_site, visiting
from seatrial.app.folder.ledgers import read_ledger
from seatrial.app.folder.workspace import open_workspace
from seatrial.core.vocabulary import RecordType


@pytest.fixture(scope="module")
def mailbox() -> Iterator[Mailbox]:
    with Mailbox() as box:
        yield box


@pytest.fixture(scope="module")
def world(prepared: Path, tmp_path_factory: pytest.TempPathFactory, mailbox: Mailbox) -> World:
    planted = plant_site(tmp_path_factory.mktemp("systems") / "meeting", "meeting")
    mailbox.declare(planted.folder / "seatrial.yaml", {"sven": "Sven Holm", "ivo": "Ivo Petrov"})
    return planted


@pytest.fixture(scope="module")
def sven(world: World) -> Any:
    return visiting(invite(world, "sven-meets@example.com", person="sven"))


def _posted(client: Any, world: World, page: str, form: dict[str, str]) -> str:
    answer = client.post(world.url(page), form, follow=True)
    return str(answer.content.decode())


def test_what_is_typed_wrongly_is_said_at_its_field_and_not_lost(sven: Any, world: World) -> None:
    told = _posted(sven, world, "review/meetings/", {"at": "2020-01-01T10:00", "place": ""})
    assert "This time has passed" in told
    assert "Say where" in told
    assert 'value="2020-01-01T10:00"' in told
    assert "No review has been called yet" in told
    assert "Give a day and a time" in _posted(sven, world, "review/meetings/", {"at": "soon", "place": "Dock"})


def test_a_review_is_called_invited_to_and_written_down(sven: Any, world: World, mailbox: Mailbox) -> None:
    at = datetime.now(UTC) + timedelta(days=3)
    told = _posted(sven, world, "review/meetings/", {"at": at.strftime("%Y-%m-%dT14:00"), "place": "Dock room <1>"})
    assert "2 of " in told, "those with a route"
    assert "Tell these yourself" in told
    assert "outside the window" in told
    assert "Dock room &lt;1&gt;" in told
    assert {mail["To"] for mail in mailbox.mails} == {"sven@example.com", "ivo@example.com"}
    assert "review/" in mailbox.texts()[0]
    number = int(told.partition("/review/meetings/")[2].partition(".ics")[0])
    calendar = sven.get(world.url(f"review/meetings/{number}.ics"))
    assert b"BEGIN:VEVENT" in calendar.content
    assert sven.get(world.url(f"review/meetings/{number}.ics?gate=pilot-exit")).status_code == 404
    for text in ("Agreed: three weeks more.", "Olga asks the vendor."):
        _posted(sven, world, f"review/meetings/{number}/", {"do": "minutes", "minutes": text})
    told = _posted(sven, world, f"review/meetings/{number}/", {"do": "minutes", "minutes": " "})
    assert "Write what was said" in told
    assert told.index("Agreed: three weeks more.") < told.index("Olga asks the vendor.")
    before = len(mailbox.mails)
    told = _posted(sven, world, f"review/meetings/{number}/", {"do": "call-off"})
    assert "called off" in told
    assert len(mailbox.mails) == before + 2
    _posted(sven, world, f"review/meetings/{number}/", {"do": "call-off"})
    assert len(mailbox.mails) == before + 2, "once"


def test_the_decision_of_now_goes_on_record_at_its_gate(sven: Any, world: World) -> None:
    told = _posted(sven, world, "review/decision/?gate=pilot-exit", {})
    assert "at pilot exit" in told
    assert "On record: NO-GO" in told
    assert sven.get(world.url("review/decision/")).status_code == 405
    decided = [
        e.record.body
        for e in read_ledger(open_workspace(world.folder), quick=True).evidence
        if e.record.type is RecordType.DECISION
    ]
    assert [(body["answer"], body["gate"]) for body in decided] == [("NO-GO", "pilot-exit")]


def test_the_agenda_names_every_gap_once_for_whom_it_concerns(sven: Any, world: World) -> None:
    told = sven.get(world.url("review/")).content.decode()
    agenda = told.partition("<h3>Agenda</h3>")[2].partition("<h3>The decision</h3>")[0]
    for role in ("IT", "Operations", "Legal and compliance", "AI team"):
        assert f"<h4>{role}</h4>" in agenda
    assert agenda.count("This has not been tested for this version yet.") == 4, "one line a cause and role"
