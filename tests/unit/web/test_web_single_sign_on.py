"""The company's own sign-in: who is let in, with which place, and that their key opens with their own phrase alone."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from plants.open_id_provider import CLIENT, SECRET, OpenIdProvider
from plants.site_world import PASSWORD, World, invite, plant_site, visiting

pytest.importorskip("joserfc", reason="the extra `sso` is not installed")
PHRASE = "a phrase for signing 3"


@pytest.fixture
def world(prepared: Path, tmp_path: Path) -> World:
    from seatrial.web.models import Account, Deed, Registered, Tries

    for model in (Tries, Deed):
        model.objects.all().delete()
    Account.objects.filter(email__in=("olga@example.com", "ada@sso.example", "sven@sso.example")).delete()
    Registered.objects.filter(slug="sso").delete()
    return plant_site(tmp_path / "sso", "sso")


@pytest.fixture
def provider(monkeypatch: pytest.MonkeyPatch) -> Iterator[OpenIdProvider]:
    with OpenIdProvider() as provider:
        monkeypatch.setenv("SEATRIAL_OIDC_ISSUER", provider.issuer)
        monkeypatch.setenv("SEATRIAL_OIDC_CLIENT", CLIENT)
        monkeypatch.setenv("SEATRIAL_OIDC_SECRET", SECRET)
        yield provider


def _over(provider: OpenIdProvider, client: Any, **query: str) -> Any:
    there = client.get("/sso/", query)
    assert there["Location"].startswith(provider.issuer), there["Location"]
    return client.get("/sso/back/", provider.authorize(there["Location"]))


def _invitation(world: World, email: str = "olga@example.com") -> str:
    admin = visiting(invite(world, "ada@sso.example", admin=True))
    page = admin.post(world.url("people/invite/"), {"person": "olga", "email": email}).content.decode()
    return str(re.findall(r"/invitations/([\w-]+)/", page)[0])


def _joined(world: World, provider: OpenIdProvider) -> Any:
    client = visiting(None)
    secret = _invitation(world)
    assert "for=join" in client.get(f"/invitations/{secret}/").content.decode()
    assert _over(provider, client, **{"for": "join", "invitation": secret})["Location"] == world.url()
    return client


def _refusals() -> set[str]:
    from seatrial.web.models import Deed

    return set(Deed.objects.filter(action="single-sign-on", allowed=False).values_list("reason", flat=True))


def test_an_invited_person_takes_part_signs_with_a_phrase_and_comes_back(
    world: World, provider: OpenIdProvider
) -> None:
    from seatrial.web.models import SigningKey

    client = _joined(world, provider)
    duty = client.get(world.url("duties/owner/")).content.decode()
    assert "You have no signing phrase yet" in duty
    seen = re.findall(r'name="seen" value="(\w+)"', duty)[0]
    without = client.post(world.url("duties/owner/"), {"seen": seen, "password": PHRASE})
    assert "no signing phrase yet" in without.content.decode()
    unshown = client.post("/account/passphrase/", {"password": PHRASE})
    assert unshown.status_code == 422, "an open screen chooses no phrase"
    back = _over(provider, client, **{"for": "show", "next": "/account/passphrase/"})
    assert back["Location"] == "/account/passphrase/"
    assert client.post("/account/passphrase/", {"password": "short"}).status_code == 422
    assert client.post("/account/passphrase/", {"password": PHRASE}).status_code == 302
    wrong = client.post(world.url("duties/owner/"), {"seen": seen, "password": "not the phrase at all"})
    assert "not your password" in wrong.content.decode()
    assert client.post(world.url("duties/owner/"), {"seen": seen, "password": PHRASE}).status_code == 302
    kept = bytes(SigningKey.objects.get(account__email="olga@example.com").public)
    client.post("/account/passphrase/", {"old": PHRASE, "password": "another phrase to sign 4"})
    assert bytes(SigningKey.objects.get(account__email="olga@example.com").public) == kept
    again = visiting(None)
    assert _over(provider, again, next="/account/")["Location"] == "/account/"
    assert again.get(world.url()).status_code == 200
    door = {"email": "olga@example.com", "password": PHRASE}
    assert visiting(None).post("/sign-in/", door).status_code == 422, "the phrase is no password"


def test_who_lost_the_phrase_gets_a_new_key_after_showing_themselves(world: World, provider: OpenIdProvider) -> None:
    from seatrial.web.models import Deed, SigningKey

    client = _joined(world, provider)
    _over(provider, client, **{"for": "show", "next": "/account/passphrase/"})
    client.post("/account/passphrase/", {"password": PHRASE})
    before = bytes(SigningKey.objects.get(account__email="olga@example.com").public)
    client.post("/account/passphrase/", {"password": "another phrase to sign 4"})
    assert bytes(SigningKey.objects.get(account__email="olga@example.com").public) != before
    assert Deed.objects.filter(action="change-signing-phrase", about="a new signing key").exists()


def test_nobody_comes_in_uninvited_or_on_anothers_invitation(world: World, provider: OpenIdProvider) -> None:
    from seatrial.web.models import Account

    stranger = _over(provider, visiting(None))
    assert stranger.status_code == 403
    assert "nobody here is olga@example.com" in stranger.content.decode()
    of_another = _over(provider, visiting(None), **{"for": "join", "invitation": _invitation(world, "eve@x.example")})
    assert "this invitation is for eve@x.example" in of_another.content.decode()
    invented = _over(provider, visiting(None), **{"for": "join", "invitation": "invented"})
    assert "was used already, or has ended" in invented.content.decode()
    assert not Account.objects.filter(email="olga@example.com").exists()
    assert len(_refusals()) == 3


def test_an_address_that_is_known_here_is_never_taken_over(world: World, provider: OpenIdProvider) -> None:
    olga = invite(world, "olga@example.com", person="sven", password=PASSWORD)
    assert _over(provider, visiting(None)).status_code == 403, "the same address is not the same person"
    client = visiting(olga)
    assert client.get("/sso/", {"for": "link"})["Location"] == "/account/second-factor/"
    client.post("/account/second-factor/", {"password": PASSWORD})
    assert _over(provider, client, **{"for": "link"})["Location"] == "/account/"
    assert _over(provider, visiting(None))["Location"] == "/"
    other = visiting(invite(world, "sven@sso.example", password=PASSWORD))
    other.post("/account/second-factor/", {"password": PASSWORD})
    assert "another account here belongs to them" in _over(provider, other, **{"for": "link"}).content.decode()


def test_an_answer_is_taken_once_and_by_the_browser_that_asked(world: World, provider: OpenIdProvider) -> None:
    _joined(world, provider)
    client = visiting(None)
    answer = provider.authorize(client.get("/sso/")["Location"])
    assert visiting(None).get("/sso/back/", answer).status_code == 403, "led there by somebody else's link"
    assert client.get("/sso/back/", answer).status_code == 302
    assert client.get("/sso/back/", answer).status_code == 403
    assert _refusals() == {"nobody here asked the provider"}


def test_a_closed_account_and_a_second_factor_hold_here_too(world: World, provider: OpenIdProvider) -> None:
    from seatrial.web.models import Account, Passkey

    _joined(world, provider)
    olga = Account.objects.get(email="olga@example.com")
    Passkey.objects.create(account=olga, credential="BBBB", public=b"none", name="hers")
    client = visiting(None)
    assert _over(provider, client)["Location"] == "/sign-in/second/"
    assert client.get("/account/").status_code == 302
    Account.objects.filter(pk=olga.pk).update(is_active=False)
    assert _over(provider, visiting(None)).status_code == 403


def test_without_a_provider_there_is_no_such_door_and_a_half_named_one_is_told(
    prepared: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from seatrial.core.errors import Malformed, Refused
    from seatrial.web.sso import provider

    assert visiting(None).get("/sso/").status_code == 404
    assert visiting(None).get("/sso/back/").status_code == 404
    monkeypatch.setenv("SEATRIAL_OIDC_ISSUER", "https://login.example")
    with pytest.raises(Malformed, match="SEATRIAL_OIDC_CLIENT is not"):
        provider()
    monkeypatch.setenv("SEATRIAL_OIDC_ISSUER", "http://login.example")
    monkeypatch.setenv("SEATRIAL_OIDC_CLIENT", "x")
    with pytest.raises(Refused, match="plain HTTP"):
        provider()
