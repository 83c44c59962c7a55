"""Getting into the site and being kept out, in a real browser."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest

from plants.site_browser import PASSWORD, Site, follow, look, sign_in, site_in_browser

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def company() -> Iterator[str]:
    """The sign-in of a company: an OpenID provider that others made, in a process of its own."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    sven = {"sub": "sven-7", "email": "sven@example.com", "email_verified": True, "name": "Sven Holm"}
    command = [sys.executable, "-m", "oidc_provider_mock", "--port", str(port), "--user-claims", json.dumps(sven)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    issuer = f"http://localhost:{port}"
    try:
        for _ in range(300):
            try:
                with urllib.request.urlopen(f"{issuer}/.well-known/openid-configuration", timeout=5):
                    break
            except OSError:
                assert process.poll() is None
                time.sleep(0.1)
        yield issuer
    finally:
        process.terminate()
        process.wait(timeout=60)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, company: str) -> Iterator[Site]:
    environment = {
        "SEATRIAL_OIDC_ISSUER": company,
        "SEATRIAL_OIDC_CLIENT": "seatrial",
        "SEATRIAL_OIDC_SECRET": "what only the two know",
        "SEATRIAL_OIDC_NAME": "Harbour sign-in",
    }
    folder = tmp_path_factory.mktemp("access")
    with site_in_browser(folder, environment=environment) as site, site.somebody() as ada:
        new_account(ada, site.first, "Ada Min", "ada@example.com")
        yield site


def new_account(page: Any, link: str, name: str, email: str = "") -> None:
    page.goto(link)
    page.fill("#name", name)
    if email:
        page.fill("#email", email)
    page.fill("#password", PASSWORD)
    follow(page, "main button")
    page.wait_for_selector("text=Sign out")


def invited(site: Site, person: str, email: str) -> str:
    with site.somebody() as admin:
        sign_in(admin, site, "ada@example.com")
        admin.goto(f"{site.url}/s/arrival-delay/people/")
        admin.select_option("#person", person)
        admin.fill("#email", email)
        follow(admin, "form[action$='invite/'] button")
        return str(admin.text_content(".mono.box").strip())


def test_who_guessed_too_often_waits_until_an_administrator_lets_them_in(site: Site) -> None:
    link = invited(site, "olga", "olga@example.com")
    with site.somebody() as olga:
        new_account(olga, link, "Olga Brandt")
        follow(olga, "text=Sign out")
        for _ in range(8):
            olga.fill("#email", "olga@example.com")
            olga.fill("#password", "guessing guessing 1")
            follow(olga, "main button")
        assert "wait until" in olga.text_content("#password-problem")
        look(olga, "sign-in-waits")
        with site.somebody() as admin:
            sign_in(admin, site, "ada@example.com")
            follow(admin, "text=Accounts")
            assert "waits until" in admin.text_content("main")
            look(admin, "accounts")
            follow(admin, "main a:has-text('Olga Brandt')")
            look(admin, "an-account")
            follow(admin, "text=Let them try again now")
            assert "lifted the wait of" in admin.text_content("body")
            follow(admin, "text=Make a link for a new password")
            look(admin, "reset-link")
            reset = admin.text_content(".mono.box").strip()
            admin.goto(f"{site.url}/log/?refused=1")
            assert "the password was wrong; it waits now" in admin.text_content("main")
            look(admin, "site-log")
        sign_in(olga, site, "olga@example.com")
        assert "tried to get into your account 8 times" in olga.text_content("body")
        olga.goto(f"{site.url}/account/")
        look(olga, "account")
        follow(olga, "text=Where you are signed in")
        look(olga, "sessions")
        with site.somebody() as anew:
            anew.goto(reset)
            look(anew, "reset")
            anew.fill("#password", f"{PASSWORD} anew")
            anew.click("main button")
            anew.wait_for_url("**/sign-in/")
        olga.goto(site.url)
        assert "/sign-in/" in olga.url


def with_authenticator(page: Any) -> Any:
    """Gives the page's browser an authenticator such as a phone's, over the DevTools protocol."""
    devtools = page.context.new_cdp_session(page)
    devtools.send("WebAuthn.enable")
    options = {
        "protocol": "ctap2",
        "transport": "internal",
        "hasUserVerification": True,
        "isUserVerified": True,
        "automaticPresenceSimulation": True,
    }
    made = devtools.send("WebAuthn.addVirtualAuthenticator", {"options": options})
    return devtools, made["authenticatorId"]


def test_a_passkey_is_set_up_signs_in_and_signs(site: Site) -> None:
    link = invited(site, "ivo", "ivo@example.com").replace("127.0.0.1", "localhost")
    home = site.url.replace("127.0.0.1", "localhost")
    with site.somebody() as ivo:
        new_account(ivo, link, "Ivo Petrov")
        devtools, authenticator = with_authenticator(ivo)
        ivo.goto(f"{home}/account/second-factor/")
        look(ivo, "show-yourself")
        ivo.fill("#password", PASSWORD)
        follow(ivo, "text=Go on")
        follow(ivo, "text=Set up codes")
        ivo.wait_for_selector(".qr svg")
        look(ivo, "second-factor")
        ivo.fill("#name", "Ivo's phone")
        follow(ivo, "text=Set up a passkey")
        ivo.wait_for_selector("h2:has-text('Your recovery codes')")
        assert ivo.locator("ul.codes li").count() == 10
        look(ivo, "recovery-codes")
        ivo.reload()
        assert ivo.locator("ul.codes li").count() == 0, "they are shown once"
        follow(ivo, "text=Sign out")
        ivo.fill("#email", "ivo@example.com")
        ivo.fill("#password", PASSWORD)
        ivo.click("main button")
        ivo.wait_for_url("**/sign-in/second/")
        look(ivo, "second-step")
        ivo.click("text=Use a passkey instead")
        ivo.wait_for_url(f"{home}/")
        ivo.goto(f"{home}/s/arrival-delay/review/it/")
        look(ivo, "sign-with-second-factor")
        ivo.fill("#sign-password", PASSWORD)
        follow(ivo, "button[value=sign]")
        assert "second factor is missing" in ivo.text_content(".problem")
        ivo.fill("#sign-password", PASSWORD)
        ivo.click("text=Use a passkey instead")
        ivo.wait_for_selector("text=Your passkey answered.")
        answer = ivo.locator("input[name=assertion] >> nth=0").input_value()
        ivo.click("button[value=sign]")
        ivo.wait_for_url("**/review/")
        assert "You signed for it" in ivo.text_content("body")
        ivo.goto(f"{home}/s/arrival-delay/review/it/")
        ivo.evaluate("answer => { document.querySelector('input[name=assertion]').value = answer }", answer)
        ivo.fill("#sign-password", PASSWORD)
        follow(ivo, "button[value=sign]")
        assert "not to a question of now" in ivo.text_content(".problem"), "an answer is taken once"
        (credential,) = devtools.send("WebAuthn.getCredentials", {"authenticatorId": authenticator})["credentials"]
        devtools.send("WebAuthn.removeVirtualAuthenticator", {"authenticatorId": authenticator})
        devtools, authenticator = with_authenticator(ivo)
        copied = {**credential, "signCount": 0}
        devtools.send("WebAuthn.addCredential", {"authenticatorId": authenticator, "credential": copied})
        ivo.fill("#sign-password", PASSWORD)
        ivo.click("text=Use a passkey instead")
        ivo.wait_for_selector("text=Your passkey answered.")
        follow(ivo, "button[value=sign]")
        assert "sign count" in ivo.text_content(".problem"), "a copy of it is found out"
        ivo.goto(f"{home}/s/arrival-delay/deeds/")
        assert "not to a question of now" in ivo.text_content("main")
    with site.somebody() as admin:
        sign_in(admin, site, "ada@example.com")
        admin.goto(f"{site.url}/s/arrival-delay/people/")
        assert "with a second factor" in admin.text_content("main")
        follow(admin, "text=Demand a second factor for every statement")
        assert "Demand it no longer" in admin.text_content("main")
        look(admin, "people-demanding")
        admin.goto(f"{site.url}/groups/")
        admin.fill("#name", "IT team")
        follow(admin, "text=Make it")
        admin.fill("#email", "ivo@example.com")
        admin.fill("#person", "ivo")
        follow(admin, "text=Take them in")
        admin.select_option("#system", "arrival-delay")
        follow(admin, "text=Add it")
        assert "held" in admin.text_content("main")
        look(admin, "group")


def test_somebody_takes_part_over_the_companys_sign_in_and_signs_with_a_phrase(site: Site, company: str) -> None:
    link = invited(site, "sven", "sven@example.com")

    def over_the_company(page: Any) -> None:
        page.wait_for_url(f"{company}/**")
        page.fill("input[name=sub]", "sven-7")
        page.click("button:has-text('Authorize')")

    with site.somebody() as sven:
        sven.goto(link)
        look(sven, "invitation-sso")
        sven.click("text=Take part over Harbour sign-in")
        over_the_company(sven)
        sven.wait_for_url("**/s/arrival-delay/")
        sven.goto(f"{site.url}/account/")
        look(sven, "account-sso")
        follow(sven, "text=choose it")
        look(sven, "passphrase")
        sven.click("text=Show that it is you")
        over_the_company(sven)
        sven.wait_for_url("**/account/passphrase/")
        sven.fill("#password", PASSWORD)
        sven.click("main form button")
        sven.wait_for_url("**/account/")
        sven.goto(f"{site.url}/s/arrival-delay/review/operations/")
        sven.fill("#sign-password", "not the phrase at all")
        follow(sven, "button[value=sign]")
        assert "not your password" in sven.text_content(".problem")
        follow(sven, "text=Sign out")
        look(sven, "sign-in-sso")
        sven.click("text=Sign in over Harbour sign-in")
        over_the_company(sven)
        sven.wait_for_url(f"{site.url}/")
