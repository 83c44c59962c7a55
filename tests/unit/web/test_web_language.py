"""Pages in the reader's language: texts, dates and numbers; what is on record stays English and is marked as such."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from plants.site_world import PASSWORD, World, invite, plant_site, visiting

GERMAN = {"HTTP_ACCEPT_LANGUAGE": "de-AT,de;q=0.9,en;q=0.5"}


@pytest.fixture
def world(prepared: Path, tmp_path: Path) -> World:
    from seatrial.web.models import Account, Registered

    Account.objects.filter(email__endswith="@language.example").delete()
    Registered.objects.filter(slug="spoken").delete()
    return plant_site(tmp_path / "spoken", "spoken")


@pytest.fixture
def olga(world: World) -> Any:
    return invite(world, "olga@language.example", person="olga", password=PASSWORD)


def page(client: Any, address: str, **headers: str) -> str:
    answer = client.get(address, **headers)
    assert answer.status_code == 200, address
    return str(answer.content.decode())


def spoken_in(shown: str) -> str:
    found = re.search(r'<html lang="(\w+)"', shown)
    assert found is not None
    return found[1]


def outside_of_english(shown: str) -> str:
    """The page without what it marks as English."""
    return re.sub(r'<span lang="en">.*?</span>', "", shown, flags=re.DOTALL)


def test_a_page_is_in_the_language_that_the_browser_asks_for(olga: Any) -> None:
    for asked, language, said in (
        ("de-AT,de;q=0.9,en;q=0.5", "de", "Passwort ändern"),
        ("en-GB", "en", "Change the password"),
        ("fr", "en", "Change the password"),
        ("xx-nonsense;q=none", "en", "Change the password"),
    ):
        shown = page(visiting(olga), "/account/", HTTP_ACCEPT_LANGUAGE=asked)
        assert spoken_in(shown) == language, asked
        assert said in shown, asked


def test_a_persons_own_choice_goes_before_the_browsers(olga: Any) -> None:
    client = visiting(olga)
    client.post("/account/", {"do": "language", "language": "de"})
    assert spoken_in(page(client, "/account/", HTTP_ACCEPT_LANGUAGE="en")) == "de"
    client.post("/account/", {"do": "language", "language": "tlh"})
    assert spoken_in(page(client, "/account/", HTTP_ACCEPT_LANGUAGE="en")) == "en"


def test_dates_are_those_of_the_texts_around_them(olga: Any, world: World) -> None:
    client = visiting(olga)
    english, german = page(client, world.url()), page(client, world.url(), **GERMAN)
    assert "1 Mar 2027" in english
    assert "1. März 2027" in german
    assert "1. März 2027" not in english
    assert "1 Mar 2027" not in outside_of_english(german)


def test_every_room_of_a_german_page_marks_what_is_english(olga: Any, world: World) -> None:
    client = visiting(olga)
    shown = page(client, world.url(), **GERMAN)
    assert re.search(r'<p class="sentence"><span lang="en">NO-GO', shown), "the gate's own sentence"
    assert "Wer verantwortet" in shown or "Welche benannte Person" in shown, "questions of the catalogue are translated"
    gaps = page(client, world.url("gaps/"), **GERMAN)
    assert re.search(r'<span class="remedy">→ <span lang="en">', gaps) or re.search(
        r'class="remedy"><span lang="en">', gaps
    )


ROOMS = (
    "",
    "gaps/",
    "people/",
    "training/",
    "documents/",
    "runs/",
    "review/",
    "labels/",
    "uses/",
    "doubts/",
    "drills/",
    "events/",
    "alarms/",
    "frameworks/",
    "history/",
    "deeds/",
    "tokens/",
)


def test_no_placeholder_and_no_markup_is_left_in_the_text_of_any_room(olga: Any, world: World) -> None:
    client = visiting(olga)
    for room in ROOMS:
        shown = page(client, world.url(room), **GERMAN)
        assert spoken_in(shown) == "de", room
        assert not re.search(r"%\(\w+\)|\{\{|\{%", shown), room
        assert 'aria-label="Räume dieses Systems"' in shown, room
        assert not re.search(r'="[^"<>]*<span lang=', shown), f"{room}: markup inside an attribute"
        assert "&lt;span lang=" not in shown, f"{room}: markup shown as text"


def test_a_refusal_is_read_in_german_and_kept_in_english(olga: Any, world: World) -> None:
    from seatrial.web.models import Deed

    answer = visiting(olga).get("/accounts/", **GERMAN)
    assert answer.status_code == 403
    assert "das tut nur, wer die Website verwaltet" in answer.content.decode()
    kept = Deed.objects.filter(account=olga, allowed=False).latest("pk")
    assert kept.reason == "only an administrator of the site does this"


def test_what_is_wrong_is_said_at_its_field_and_nothing_typed_is_lost(olga: Any, world: World) -> None:
    sent = {"output": "", "why": "Der Lastwagen <ist> da"}
    answer = visiting(olga).post(world.url("doubts/"), sent, **GERMAN)
    shown = answer.content.decode()
    assert answer.status_code == 422
    assert "Sagen Sie, welche Ausgabe es ist" in shown
    assert "Der Lastwagen &lt;ist&gt; da" in shown


def test_the_api_speaks_english_whatever_is_asked_for(olga: Any) -> None:
    answer = visiting(olga).get("/api/v1/systems/nowhere/", **GERMAN)
    assert answer.status_code == 404
    assert answer.headers["Content-Language"] == "en"
    plain = visiting(olga).get("/api/v1/systems/nowhere/")
    assert answer.json()["detail"] == plain.json()["detail"]


def test_numbers_and_times_are_written_as_the_language_writes_them(prepared: Path) -> None:
    from seatrial.web import language

    when = datetime(2027, 3, 1, 14, 5, tzinfo=UTC)
    with language.speaking("en"):
        assert language.number(0.9134, "share") == "91.3 %"
        assert language.moment(when) == "1 Mar 2027, 14:05 UTC"
    with language.speaking("de"):
        assert language.number(0.9134, "share") == "91,3 %"
        assert language.number(1234567) == "1.234.567"
        assert language.number(None) == "nicht gemessen"
        assert language.number(float("inf")) == "unbeschränkt"
        assert language.span(5400.0) == "1,5 h"
        assert language.moment(when) == "1. März 2027, 14:05 UTC"
        assert language.day(date(2027, 3, 1)) == "1. März 2027"
        assert language.ngettext("Ended: %(n)s session.", "Ended: %(n)s sessions.", 1) == "Beendet: 1 Sitzung."


def test_a_text_knows_how_it_reads_on_record(prepared: Path) -> None:
    from seatrial.web import language

    with language.speaking("de"):
        inner = language._("another member of this group is %(person)s", person="olga")
        said = language._("you may not do this: %(reason)s", reason=inner)
        assert said == "das dürfen Sie nicht: ein anderes Mitglied dieser Gruppe ist olga"
        assert language.english(said) == "you may not do this: another member of this group is olga"
        assert language.english(language.sentences(said, "on record")) == f"{language.english(said)}. on record."
        assert language.worded("<b>") == '<span lang="en">&lt;b&gt;</span>'
        assert language.worded("not met") == "nicht erfüllt"
    with language.speaking("en"):
        assert language.worded("<b>") == "<b>", "the template escapes it"


def test_a_remedy_names_the_room_that_does_the_same(olga: Any, world: World) -> None:
    from jinja2 import Environment

    from seatrial.web.remedies import remedy

    class Visit:
        def url(self, room: str) -> str:
            return f"/s/spoken/{room}/"

    def said(text: str) -> str:
        return str(remedy(Environment(autoescape=True).from_string("").new_context({"visit": Visit()}), text))

    assert said("Run it again: seatrial run FILE --only a.b --only c.d.") == (
        'Run it again: <a href="/s/spoken/runs/">start a run on this site</a>, '
        "or <code>seatrial run FILE --only a.b --only c.d</code>."
    )
    assert said("Do `seatrial run` <now>") == (
        'Do <code>seatrial run</code> (<a href="/s/spoken/runs/">start a run on this site</a>) &lt;now&gt;'
    )
    assert said("Accept: seatrial accept --as ID inventory.").startswith('Accept: <a href="/s/spoken/people/">')
    assert said("It waits for Amir: seatrial retraining show 32d1.") == (
        'It waits for Amir: <a href="/s/spoken/alarms/">answer it on this site</a>, '
        "or <code>seatrial retraining show 32d1</code>."
    )
    assert said("Nothing to run") == "Nothing to run"


def test_material_is_shown_as_a_document_and_runs_nothing(olga: Any, world: World) -> None:
    (world.folder / "limits.md").write_text(
        "# What it cannot do\n\n- strikes\n- **storms**\n\n<script>alert(1)</script>\n\n[bad](javascript:alert(1)) "
        "[good](https://example.com/) ![pixel](https://example.com/p.png)\n\n| a | b |\n|---|---|\n| 1 | 2 |\n"
    )
    shown = page(visiting(olga), world.url("training/"))
    assert "<h4>What it cannot do</h4>" in shown
    assert "<li>strikes</li>" in shown
    assert "<strong>storms</strong>" in shown
    assert "<td>1</td>" in shown
    assert '<a href="https://example.com/" rel="noreferrer noopener">good</a>' in shown
    assert "&lt;script&gt;alert(1)" in shown
    assert 'href="javascript' not in shown
    assert "<img" not in shown
