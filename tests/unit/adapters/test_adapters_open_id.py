"""Signing in over an OpenID provider: what keeps to the standard comes in, and each way of breaking it is refused."""

from __future__ import annotations

import time
from urllib.parse import parse_qs, urlsplit

import pytest

from plants.open_id_provider import CLIENT, FAULTS, HARMLESS, SECRET, SIGNATURES, OpenIdProvider
from seatrial.adapters.open_id import Identity, OpenId, Provider, secure
from seatrial.core.errors import Refused, SeatrialError, Unreachable

pytest.importorskip("joserfc", reason="the extra `sso` is not installed")
BACK = "https://site.example/sso/back/"


def _through(provider: OpenIdProvider, *, secret: str = SECRET, more: dict[str, str] | None = None) -> Identity:
    site = OpenId(Provider(issuer=provider.issuer, client=CLIENT, secret=secret))
    url, asked = site.ask(BACK)
    return site.answered(asked, {**provider.authorize(url), **(more or {})}, now=time.time())


def test_who_comes_back_is_known_by_issuer_and_subject() -> None:
    with OpenIdProvider() as provider:
        identity = _through(provider, more={"iss": provider.issuer})
    assert (identity.subject, identity.issuer) == ("olga-1", provider.issuer)
    assert (identity.email, identity.verified, identity.name) == ("olga@example.com", True, "Olga Brandt")


def test_what_the_browser_takes_along_tells_no_secret() -> None:
    with OpenIdProvider() as provider:
        url, asked = OpenId(Provider(issuer=provider.issuer, client=CLIENT, secret=SECRET)).ask(BACK, anew=True)
    given = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
    assert (given["code_challenge_method"], given["redirect_uri"], given["prompt"]) == ("S256", BACK, "login")
    assert asked.verifier not in url
    assert "what+only" not in url
    assert "openid" in given["scope"].split()


@pytest.mark.parametrize("harmless", HARMLESS)
def test_what_differs_without_harm_comes_in(harmless: str) -> None:
    with OpenIdProvider(fault=harmless) as provider:
        assert _through(provider).subject == "olga-1"


@pytest.mark.parametrize("fault", [*FAULTS, *SIGNATURES, "describes another", "plain elsewhere"])
def test_each_way_of_breaking_it_is_refused(fault: str) -> None:
    with OpenIdProvider(fault=fault) as provider, pytest.raises(SeatrialError) as refused:
        _through(provider)
    assert isinstance(refused.value, Refused)
    assert refused.value.remedy


def test_an_address_beside_the_token_counts_only_for_the_same_person() -> None:
    with OpenIdProvider(email_in_token=False) as provider:
        assert _through(provider).email == "olga@example.com"
    with OpenIdProvider(email_in_token=False, fault="userinfo of another") as provider:
        assert _through(provider).email == ""


@pytest.mark.parametrize(
    "more",
    [
        {"state": "of another browser"},
        {"state": ""},
        {"iss": "https://elsewhere.example"},
        {"code": "code-77"},
        {"error": "access_denied"},
        {"code": ""},
    ],
)
def test_an_answer_that_was_not_asked_for_is_refused(more: dict[str, str]) -> None:
    with OpenIdProvider() as provider, pytest.raises(Refused):
        _through(provider, more=more)


def test_a_code_is_of_no_use_to_who_caught_it() -> None:
    with OpenIdProvider() as provider:
        site = OpenId(Provider(issuer=provider.issuer, client=CLIENT, secret=SECRET))
        caught = provider.authorize(site.ask(BACK)[0])
        _, mine = site.ask(BACK)
        with pytest.raises(Refused, match="no token"):
            site.answered(mine, {**caught, "state": mine.state}, now=time.time())


def test_a_wrong_secret_and_a_provider_that_is_away_are_told_without_the_secret() -> None:
    with OpenIdProvider() as provider, pytest.raises(Refused, match="no token") as refused:
        _through(provider, secret="guessed-guessed")
    assert "guessed-guessed" not in str(refused.value)
    with pytest.raises(Unreachable, match="cannot be asked"):
        OpenId(Provider(issuer=provider.issuer, client=CLIENT, secret=SECRET)).ask(BACK)


def test_a_new_key_of_the_provider_is_looked_up() -> None:
    from joserfc.jwk import RSAKey

    with OpenIdProvider() as provider:
        site = OpenId(Provider(issuer=provider.issuer, client=CLIENT, secret=SECRET))
        for _ in range(2):
            url, asked = site.ask(BACK)
            assert site.answered(asked, provider.authorize(url), now=time.time()).subject == "olga-1"
            provider.key = RSAKey.generate_key(2048, {"kid": "one", "use": "sig", "alg": "RS256"})


def test_plain_http_is_for_this_machine_alone() -> None:
    secure("https://login.example")
    secure("http://localhost:8080")
    with pytest.raises(Refused, match="plain HTTP"):
        secure("http://login.example")
