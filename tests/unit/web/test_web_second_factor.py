"""The second factor: set up, shown, used up, lost and taken away; and a system that demands it."""

from __future__ import annotations

import base64
import re
import time
from pathlib import Path
from typing import Any

import pytest

from plants.site_world import PASSWORD, World, invite, plant_site, visiting
from seatrial.adapters.signers.second_factor import code_at
from seatrial.app.folder.ledgers import read_ledger
from seatrial.app.folder.workspace import open_workspace
from seatrial.core.vocabulary import RecordType

PAGE = "/account/second-factor/"


class Phone:
    """An authenticator app, whose owner waits half a minute for the next code instead of us."""

    def __init__(self, page: str) -> None:
        self.secret = base64.b32decode(re.findall(r'"mono">([A-Z2-7 ]+)<', page)[0].replace(" ", ""))
        self._steps = -1

    def code(self) -> str:
        self._steps += 1
        assert self._steps <= 2, "the site takes codes of three steps"
        if (left := 30 - time.time() % 30) < 3:
            time.sleep(left)  # a step that ends before the code is there would make it too old
        return code_at(self.secret, time.time() + 30 * (self._steps - 1))


@pytest.fixture
def world(prepared: Path, tmp_path: Path) -> World:
    from seatrial.web.models import Account, Deed, Registered, Tries

    for model in (Tries, Deed):
        model.objects.all().delete()
    Account.objects.filter(email__endswith="@factor.example").delete()
    Registered.objects.filter(slug="factor").delete()
    return plant_site(tmp_path / "factor", "factor")


def _with_phone(account: Any) -> tuple[Any, Phone, list[str]]:
    """A client of somebody who has set up codes, and the recovery codes that they were shown."""
    client = visiting(account)
    assert client.post(PAGE, {"password": PASSWORD}).status_code == 302
    client.post(PAGE, {"do": "begin"})
    page = client.get(PAGE).content.decode()
    assert "<svg" in page
    assert "style=" not in page, "the content security policy forbids it"
    phone = Phone(page)
    shown = client.post(PAGE, {"do": "confirm", "code": phone.code()}).content.decode()
    return client, phone, re.findall(r"<li>(\w{5}-\w{5})</li>", shown)


def _olga(world: World) -> Any:
    return invite(world, "olga@factor.example", person="olga", password=PASSWORD)


def _sign_in(client: Any, *, code: str = "", password: str = PASSWORD) -> Any:
    client.post("/sign-in/", {"email": "olga@factor.example", "password": password, "next": "/account/"})
    return client.post("/sign-in/second/", {"code": code})


def _refusals() -> set[str]:
    from seatrial.web.models import Deed

    return set(Deed.objects.filter(allowed=False).values_list("reason", flat=True))


def test_codes_are_set_up_and_asked_for_at_the_door(world: World) -> None:
    _, phone, recovery = _with_phone(_olga(world))
    assert len(recovery) == 10
    client = visiting(None)
    first = client.post("/sign-in/", {"email": "olga@factor.example", "password": PASSWORD})
    assert first["Location"] == "/sign-in/second/"
    assert client.get("/account/").status_code == 302, "the password alone opens nothing"
    code = phone.code()
    assert client.post("/sign-in/second/", {"code": "000000"}).status_code == 422
    assert _sign_in(client, code=code)["Location"] == "/account/"
    assert client.get("/account/").status_code == 200


def test_a_code_works_once_at_every_door(world: World) -> None:
    _, phone, recovery = _with_phone(_olga(world))
    code = phone.code()
    assert _sign_in(visiting(None), code=code).status_code == 302
    assert _sign_in(visiting(None), code=code).status_code == 422
    assert _sign_in(visiting(None), code=recovery[0]).status_code == 302
    assert _sign_in(visiting(None), code=recovery[0]).status_code == 422
    assert "with a password, but that code is wrong, or was used already" in _refusals()


def test_guessed_codes_wait_although_the_password_was_right(world: World) -> None:
    _, phone, _ = _with_phone(_olga(world))
    client = visiting(None)
    for _ in range(8):
        assert _sign_in(client, code="123456").status_code == 422
    assert _sign_in(visiting(None), code=phone.code()).status_code != 200
    assert visiting(None).post("/sign-in/", {"email": "olga@factor.example", "password": PASSWORD}).status_code == 422


def test_the_second_step_takes_the_first_and_not_for_ever(world: World) -> None:
    _, phone, _ = _with_phone(_olga(world))
    assert visiting(None).get("/sign-in/second/")["Location"] == "/sign-in/"
    client = visiting(None)
    client.post("/sign-in/", {"email": "olga@factor.example", "password": PASSWORD})
    session = client.session
    session["half"] = {**session["half"], "at": time.time() - 301}
    session.save()
    assert client.post("/sign-in/second/", {"code": phone.code()})["Location"] == "/sign-in/"


def test_an_open_screen_changes_no_second_factor(world: World) -> None:
    olga = _olga(world)
    client, phone, _ = _with_phone(olga)
    stranger = visiting(olga)
    assert stranger.post(PAGE, {"do": "no-codes"}).status_code == 422
    assert stranger.post(PAGE, {"password": PASSWORD}).status_code == 422, "who has one shows it too"
    assert "Set up." in client.get(PAGE).content.decode()
    assert stranger.post(PAGE, {"password": PASSWORD, "code": phone.code()}).status_code == 302
    stranger.post(PAGE, {"do": "no-codes"})
    assert "Set up codes" in client.get(PAGE).content.decode()


def test_a_wrong_first_code_sets_up_nothing(world: World) -> None:
    client = visiting(_olga(world))
    client.post(PAGE, {"password": PASSWORD})
    client.post(PAGE, {"do": "begin"})
    assert "does not fit" in client.post(PAGE, {"do": "confirm", "code": "000000"}).content.decode()
    assert visiting(None).post("/sign-in/", {"email": "olga@factor.example", "password": PASSWORD})["Location"] == "/"


def test_a_system_can_demand_it_and_then_a_password_puts_nothing_on_record(world: World) -> None:
    olga = _olga(world)
    client = visiting(olga)
    admin = visiting(invite(world, "ada@factor.example", admin=True))
    url = world.url("duties/owner/")

    def accept(**form: str) -> str:
        page = client.get(url).content.decode()
        seen = re.findall(r'name="seen" value="(\w+)"', page)[0]
        return str(client.post(url, {"seen": seen, "password": PASSWORD, **form}, follow=True).content.decode())

    admin.post(world.url("people/second-factor/"), {"demand": "yes"})
    assert "set one up" in client.get(url).content.decode()
    assert "takes no statement without a second factor" in accept()
    assert not _acceptances(world)
    client, phone, _ = _with_phone(olga)
    assert "second factor is missing" in accept()
    code = phone.code()
    assert "You accepted: owner" in accept(code=code)
    assert "was used already" in accept(code=code), "a code signs once"
    assert len(_acceptances(world)) == 1
    assert {"your second factor is missing", "that code is wrong, or was used already"} <= _refusals()
    log = client.get(world.url("deeds/")).content.decode()
    assert "demand-second-factor" in log


def test_withholding_never_waits_for_a_phone(world: World) -> None:
    ivo = invite(world, "ivo@factor.example", person="ivo", password=PASSWORD)
    client, _, _ = _with_phone(ivo)
    answer = client.post(
        world.url("review/it/"), {"do": "withhold", "reason": "The ERP is down.", "password": PASSWORD}
    )
    assert answer.status_code == 302
    page = client.get(world.url("review/it/")).content.decode()
    seen = re.findall(r'name="seen" value="(\w+)"', page)[0]
    signed = client.post(world.url("review/it/"), {"do": "sign", "seen": seen, "password": PASSWORD})
    assert "second factor is missing" in signed.content.decode()


def test_an_administrator_takes_a_lost_one_away_and_gets_in_nowhere(world: World) -> None:
    olga = _olga(world)
    client, _, _ = _with_phone(olga)
    admin = visiting(invite(world, "ada@factor.example", admin=True))
    page = admin.post(f"/accounts/{olga.pk}/", {"do": "reset"}).content.decode()
    link = re.findall(r"/reset/[\w-]+/", page)[0]
    assert visiting(None).post(link, {"password": "another long phrase 8"}).status_code == 422, "the link is not enough"
    admin.post(f"/accounts/{olga.pk}/", {"do": "factor"})
    assert client.get("/").status_code == 302, "sessions end"
    assert visiting(None).post("/sign-in/", {"email": "olga@factor.example", "password": PASSWORD})["Location"] == "/"
    log = admin.get("/log/").content.decode()
    assert "took away the second factor of olga@factor.example" in log


def test_the_database_holds_neither_secret_nor_recovery_code(world: World) -> None:
    from django.conf import settings

    _, phone, recovery = _with_phone(_olga(world))
    for file in Path(settings.SITE_FOLDER).glob("site.db*"):
        content = file.read_bytes()
        assert phone.secret not in content
        assert base64.b32encode(phone.secret) not in content
        assert not [code for code in recovery if code.encode() in content]


def test_no_answer_of_a_passkey_is_taken_unasked(world: World) -> None:
    from seatrial.web.models import Passkey

    olga = _olga(world)
    Passkey.objects.create(account=olga, credential="AAAA", public=b"none", name="hers")
    client = visiting(None)
    client.post("/sign-in/", {"email": "olga@factor.example", "password": PASSWORD})
    for answer in ("{}", '{"id": "AAAA", "rawId": "AAAA", "type": "public-key", "response": {}}', "nonsense"):
        told = client.post("/sign-in/second/", {"assertion": answer})
        assert "not to a question of now" in told.content.decode()
        assert client.post("/passkey/").status_code == 200
        told = client.post("/sign-in/second/", {"assertion": answer})
        assert "does not hold" in told.content.decode()
    assert client.get("/account/").status_code == 302


def _acceptances(world: World) -> list[Any]:
    evidence = read_ledger(open_workspace(world.folder), quick=False).evidence
    return [e for e in evidence if e.record.type is RecordType.ACCEPTANCE]
