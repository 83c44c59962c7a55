"""Getting in: the first account, wrong passwords, and what an administrator can and cannot do about them."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from plants.site_world import PASSWORD, World, invite, plant_site, visiting

WRONG = "guessing guessing 1"


@pytest.fixture
def world(prepared: Path, tmp_path: Path) -> World:
    from seatrial.web.models import Account, Deed, Registered, Tries

    for model in (Tries, Deed):
        model.objects.all().delete()
    Account.objects.filter(email__endswith="@entering.example").delete()
    Registered.objects.filter(slug="entering").delete()
    world = plant_site(tmp_path / "entering", "entering")
    # Where nobody has an account yet there is no sign-in.
    invite(world, "somebody@entering.example")
    return world


def _try(email: str, password: str, *, address: str = "10.1.1.1", client: Any = None, via: str = "") -> Any:
    client = client or visiting(None)
    client.get("/sign-in/")
    more = {"HTTP_X_FORWARDED_FOR": via} if via else {}
    return client.post("/sign-in/", {"email": email, "password": password}, REMOTE_ADDR=address, **more)


def _deeds(**about: Any) -> list[tuple[str, bool, str]]:
    from seatrial.web.models import Deed

    return [(d.action, d.allowed, d.reason) for d in Deed.objects.filter(**about)]


def test_too_many_wrong_passwords_wait_whether_the_account_exists_or_not(world: World) -> None:
    invite(world, "olga@entering.example", person="olga", password=PASSWORD)
    told = {}
    for email in ("olga@entering.example", "nobody@entering.example"):
        answers = [_try(email, WRONG).content.decode() for _ in range(8)]
        assert all("do not go together" in answer for answer in answers[:-1])
        told[email] = re.findall(r"wait until [^,]+", answers[-1])
        assert _try(email, PASSWORD).status_code == 422, "the right one waits too"
    assert told["olga@entering.example"]
    assert len(told["nobody@entering.example"]) == len(told["olga@entering.example"])
    refused = _deeds(account__email="olga@entering.example", action="sign-in")
    assert refused[0] == ("sign-in", False, "it waits")
    assert refused[1] == ("sign-in", False, "the password was wrong; it waits now")
    assert len(refused) == 9


def test_one_network_address_cannot_try_many_accounts(world: World) -> None:
    for number in range(40):
        _try(f"n{number}@entering.example", WRONG, address="2001:db8:1:2::1")
    invite(world, "olga@entering.example", person="olga", password=PASSWORD)
    assert "wait until" in _try("olga@entering.example", PASSWORD, address="2001:db8:1:2::99").content.decode()
    assert _try("olga@entering.example", PASSWORD, address="2001:db8:1:3::1").status_code == 302


def test_a_forwarded_address_is_believed_of_the_declared_proxy_alone(world: World) -> None:
    from django.test import override_settings

    from seatrial.web.models import Deed

    _try("a@entering.example", WRONG, address="10.9.9.9", via="198.51.100.7")
    with override_settings(SITE_PROXIES=frozenset({"10.9.9.9"})):
        _try("b@entering.example", WRONG, address="10.9.9.9", via="203.0.113.1, 198.51.100.8")
    assert [d.about for d in Deed.objects.order_by("id")] == ["from 10.9.9.9", "from 198.51.100.8"]


def test_right_after_wrong_is_forgiven_and_told(world: World) -> None:
    from seatrial.web.models import Tries

    invite(world, "olga@entering.example", person="olga", password=PASSWORD)
    client = visiting(None)
    assert _try("olga@entering.example", PASSWORD, client=client).status_code == 302
    for _ in range(3):
        _try("OLGA@entering.example ", WRONG)
    assert _try("olga@entering.example", PASSWORD, client=client).status_code == 302
    assert "tried to get into your account 3 times" in client.get("/").content.decode()
    assert not Tries.objects.filter(key__startswith="enter:").exists()


def test_a_wait_ends_by_itself_or_by_an_administrator(world: World) -> None:
    from django.utils import timezone

    from seatrial.web.models import Tries

    olga = invite(world, "olga@entering.example", person="olga", password=PASSWORD)
    admin = visiting(invite(world, "ada@entering.example", admin=True))
    for _ in range(8):
        _try("olga@entering.example", WRONG)
    assert "waits until" in admin.get("/accounts/").content.decode()
    assert admin.post(f"/accounts/{olga.pk}/", {"do": "lift"}).status_code == 302
    assert ("administer", True, "") in _deeds(about__contains="lifted the wait of olga@")
    assert _try("olga@entering.example", PASSWORD).status_code == 302
    for _ in range(8):
        _try("olga@entering.example", WRONG)
    assert _try("olga@entering.example", PASSWORD).status_code == 422
    Tries.objects.update(locked_until=timezone.now() - timedelta(seconds=1))
    assert _try("olga@entering.example", PASSWORD).status_code == 302


def test_who_guesses_outside_keeps_no_signer_from_signing(world: World) -> None:
    olga = invite(world, "olga@entering.example", person="olga", password=PASSWORD)
    client = visiting(olga)
    for _ in range(8):
        _try("olga@entering.example", WRONG)
    page = client.get(world.url("duties/owner/")).content.decode()
    seen = re.findall(r'name="seen" value="(\w+)"', page)[0]
    for _ in range(8):
        wrong = client.post(world.url("duties/owner/"), {"seen": seen, "password": WRONG})
        assert "that is not your password" in wrong.content.decode()
    right = client.post(world.url("duties/owner/"), {"seen": seen, "password": PASSWORD})
    assert "too many were wrong" in right.content.decode(), "who sits at an open session guesses no better"
    visiting(invite(world, "ada@entering.example", admin=True)).post(f"/accounts/{olga.pk}/", {"do": "lift"})
    assert client.post(world.url("duties/owner/"), {"seen": seen, "password": PASSWORD}).status_code == 302


@pytest.mark.parametrize(
    ("password", "said"),
    [
        ("short", "too short"),
        ("password1234", "too common"),
        ("20261127202611", "entirely numeric"),
        ("uma-dahl@entering", "similar to the email"),
        ("Uma Katarina Dahl", "similar to the name"),
    ],
)
def test_a_weak_password_is_refused_at_its_field(world: World, password: str, said: str) -> None:
    admin = visiting(invite(world, "ada@entering.example", admin=True))
    page = admin.post(world.url("people/invite/"), {"person": "olga", "email": "uma-dahl@entering.example"})
    path = re.findall(r"/invitations/[\w-]+/", page.content.decode())[0]
    answer = visiting(None).post(path, {"name": "Uma Katarina Dahl", "password": password})
    assert answer.status_code == 422
    assert said in answer.content.decode()


def test_an_expired_or_used_link_opens_nothing_and_is_on_record(world: World) -> None:
    from django.utils import timezone

    from seatrial.web.models import Account, Invitation, ResetLink

    admin = visiting(invite(world, "ada@entering.example", admin=True))
    page = admin.post(world.url("people/invite/"), {"person": "olga", "email": "o@entering.example"}).content.decode()
    path = re.findall(r"/invitations/[\w-]+/", page)[0]
    Invitation.objects.update(until=timezone.now() - timedelta(seconds=1))
    assert visiting(None).post(path, {"name": "Olga", "password": PASSWORD}).status_code == 410
    assert not Account.objects.filter(email="o@entering.example").exists()
    olga = invite(world, "olga@entering.example", person="olga", password=PASSWORD)
    link = re.findall(r"/reset/[\w-]+/", admin.post(f"/accounts/{olga.pk}/", {"do": "reset"}).content.decode())[0]
    again = re.findall(r"/reset/[\w-]+/", admin.post(f"/accounts/{olga.pk}/", {"do": "reset"}).content.decode())[0]
    assert visiting(None).get(link).status_code == 410, "a newer link ends the older one"
    ResetLink.objects.update(until=timezone.now() - timedelta(seconds=1))
    assert visiting(None).post(again, {"password": "another long phrase 8"}).status_code == 410
    assert {action for action, fine, _ in _deeds() if not fine} == {"open-invitation", "reset-password"}


def test_a_new_password_by_a_link_makes_a_new_key_and_ends_all_sessions(world: World) -> None:
    from seatrial.web.keys import make_key
    from seatrial.web.models import SigningKey

    olga = invite(world, "olga@entering.example", person="olga", password=PASSWORD)
    before = bytes(make_key(olga, PASSWORD).public)
    client = visiting(olga)
    admin = visiting(invite(world, "ada@entering.example", admin=True))
    page = admin.post(f"/accounts/{olga.pk}/", {"do": "reset"}).content.decode()
    link = re.findall(r"/reset/[\w-]+/", page)[0]
    weak = visiting(None).post(link, {"password": "short"})
    assert "too short" in weak.content.decode()
    assert visiting(None).post(link, {"password": "another long phrase 8"}).status_code == 302
    assert visiting(None).post(link, {"password": "a third long phrase 9"}).status_code == 410
    assert client.get("/")["Location"].startswith("/sign-in/")
    assert _try("olga@entering.example", PASSWORD).status_code == 422
    assert _try("olga@entering.example", "another long phrase 8").status_code == 302
    assert bytes(SigningKey.objects.get(account=olga).public) != before
    assert ("reset-password", True, "") in _deeds(about__contains="let in by Ada")


def test_who_has_the_machine_lets_the_last_administrator_in(world: World) -> None:
    from seatrial.core.errors import Refused
    from seatrial.web.models import Passkey
    from seatrial.web.resets import let_in

    ada = invite(world, "ada@entering.example", admin=True, password=PASSWORD)
    Passkey.objects.create(account=ada, credential="CCCC", public=b"none", name="lost")
    for _ in range(8):
        _try("ada@entering.example", WRONG)
    assert (
        visiting(None).post(let_in("Ada@entering.example", without_factor=False), {"password": PASSWORD}).status_code
        == 422
    )
    link = let_in("ada@entering.example", without_factor=True)
    assert visiting(None).post(link, {"password": "another long phrase 8"}).status_code == 302
    assert _try("ada@entering.example", "another long phrase 8").status_code == 302
    assert ("reset-password", True, "") in _deeds(about__contains="on the site's machine, the second factor was taken")
    with pytest.raises(Refused, match="no account with a password"):
        let_in("nobody@entering.example", without_factor=False)


def test_an_administrator_closes_accounts_but_not_their_own(world: World) -> None:
    olga = invite(world, "olga@entering.example", person="olga", password=PASSWORD)
    client = visiting(olga)
    ada = invite(world, "ada@entering.example", admin=True)
    admin = visiting(ada)
    admin.post(f"/accounts/{olga.pk}/", {"do": "close"})
    assert client.get("/")["Location"].startswith("/sign-in/")
    assert _try("olga@entering.example", PASSWORD).status_code == 422
    admin.post(f"/accounts/{ada.pk}/", {"do": "close"})
    assert admin.get("/").status_code == 200
    admin.post(f"/accounts/{olga.pk}/", {"do": "open"})
    assert _try("olga@entering.example", PASSWORD).status_code == 302
    assert "closed the account of olga@" in admin.get("/log/?who=ada").content.decode()
    assert "the account is closed" in admin.get("/log/?refused=1").content.decode()


def test_the_first_account_takes_the_secret_and_takes_it_once(prepared: Path, tmp_path: Path) -> None:
    from django.db import transaction
    from django.test import override_settings

    from seatrial.web.first import first_token
    from seatrial.web.models import Account, Deed, Tries

    form = {"name": "Mallory", "email": "m@first.example", "password": PASSWORD}
    with override_settings(SITE_FOLDER=tmp_path), transaction.atomic():
        Account.objects.all().delete()
        Tries.objects.all().delete()
        token = first_token()
        assert token is not None
        assert first_token() == token
        assert (tmp_path / "first-account").stat().st_mode & 0o777 == 0o600
        assert visiting(None).get("/")["Location"].startswith("/sign-in/")
        assert "<form" not in visiting(None).post("/begin/", form).content.decode()
        assert visiting(None).post("/begin/not-the-secret/", form).status_code == 403
        assert not Account.objects.exists()
        assert Deed.objects.filter(action="first-account", allowed=False).exists()
        assert visiting(None).post(f"/begin/{token}/", form).status_code == 302
        assert visiting(None).post(f"/begin/{token}/", {**form, "email": "n@first.example"}).status_code == 404
        assert Account.objects.get().admin
        assert not (tmp_path / "first-account").exists()
        assert first_token() is None
        transaction.set_rollback(True)
