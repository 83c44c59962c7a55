"""The site in a real browser: from the first account to signatures, with distinct people, on a real system."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator

import pytest

from plants.site_browser import PASSWORD, Site, follow, look, sign_in, site_in_browser
from seatrial.app.folder.ledgers import read_ledger
from seatrial.app.folder.workspace import open_workspace
from seatrial.app.people.quiz import questions_of
from seatrial.app.running.verify import verify_ledger
from seatrial.core.vocabulary import RecordType

pytestmark = pytest.mark.slow
_STOP = """\
procedure: stop
before: [{name: online, kind: command, with: {run: [grep, -qx, online, state]}, deadline: 5s}]
steps: [{name: off, kind: command, with: {run: [sh, -c, "printf offline > state"]}, deadline: 5s}]
target: [{name: offline, kind: command, with: {run: [grep, -qx, offline, state]}, deadline: 5s}]
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with site_in_browser(tmp_path_factory.mktemp("site")) as site:
        yield site


def test_from_the_first_account_to_a_signature(site: Site) -> None:
    people = {"olga": "olga@example.com", "ivo": "ivo@example.com"}
    links = {}
    with site.somebody() as admin:
        admin.goto(site.url)
        assert admin.url.endswith("/begin/")
        assert admin.locator("main input").count() == 0, "a first visitor is nobody yet"
        look(admin, "not-begun")
        admin.goto(site.first)
        admin.fill("#name", "Ada Min")
        admin.fill("#email", "ada@example.com")
        admin.fill("#password", "short")
        follow(admin, "main button")
        assert "too short" in admin.text_content("#password-problem")
        assert admin.input_value("#name") == "Ada Min", "what was typed is not lost"
        look(admin, "begin")
        admin.fill("#password", PASSWORD)
        admin.click("main button")
        admin.wait_for_url(f"{site.url}/")
        assert "NO-GO" in admin.text_content("main")
        look(admin, "fleet")
        for person, email in people.items():
            admin.goto(f"{site.url}/s/arrival-delay/people/")
            admin.select_option("#person", person)
            admin.fill("#email", email)
            follow(admin, "form[action$='invite/'] button")
            links[person] = admin.text_content(".mono.box").strip()
        admin.goto(f"{site.url}/s/arrival-delay/review/it/")
        assert "You cannot sign this" in admin.text_content("main")
        assert admin.goto(f"{site.url}/s/nothing/").status == 404
        assert admin.goto(f"{site.url}/begin/").status == 404, "there is one first account"
    with site.somebody() as olga:
        olga.goto(links["olga"])
        olga.fill("#password", PASSWORD)
        look(olga, "invitation")
        olga.click("main button")
        olga.wait_for_url("**/s/arrival-delay/")
        assert olga.goto(links["olga"]).status == 410, "an invitation works once"
        olga.goto(f"{site.url}/s/arrival-delay/documents/compliance.review/")
        for version in ("# Review\n\nNothing was found.\n", "# Review\n\nTwo things were found.\n"):
            olga.set_input_files(
                "input[type=file]", {"name": "review.md", "mimeType": "text/markdown", "buffer": version.encode()}
            )
            follow(olga, "text=Only hand it in")
        assert "Two things were found." in olga.text_content("tr.added")
        look(olga, "document")
        olga.goto(f"{site.url}/s/arrival-delay/labels/")
        look(olga, "labels")
        olga.fill("#rows", "3")
        follow(olga, "text=Draw them")
        follow(olga, "a.button")
        look(olga, "label-row")
        for key, then in (("1", "Row 2"), ("u", "Row 1"), ("0", "Row 2"), ("s", "Row 3")):
            with olga.expect_navigation():
                olga.keyboard.press(key)
            assert then in olga.text_content("h2")
        with olga.expect_navigation():
            olga.keyboard.press("1")
        assert "Round" in olga.text_content("h2")
        look(olga, "label-round")
        olga.goto(f"{site.url}/s/arrival-delay/duties/owner/")
        look(olga, "accept")
        olga.fill("#password", "not the password at all")
        follow(olga, "main form button >> nth=0")
        assert "not your password" in olga.text_content(".problem")
        olga.fill("#password", PASSWORD)
        olga.click("main form button >> nth=0")
        olga.wait_for_url("**/people/")
        assert "You accepted: owner" in olga.text_content("body")
        assert olga.goto(f"{site.url}/s/arrival-delay/duties/retraining/").status == 403, "that duty is another's"
        olga.goto(f"{site.url}/s/arrival-delay/runs/")
        olga.select_option("#only", "ownership.monitor")
        olga.click("text=Start it")
        olga.wait_for_url("**/runs/*/")
        olga.wait_for_selector("#part strong:has-text('done')", timeout=60_000)
        look(olga, "run")
        olga.goto(f"{site.url}/s/arrival-delay/requirements/ownership.monitor/")
        look(olga, "requirement")
        olga.fill("#text", "Who takes over in my holidays?")
        follow(olga, "text=Send it")
        assert "in my holidays" in olga.text_content("main")
    with site.somebody() as ivo:
        ivo.goto(links["ivo"])
        ivo.fill("#password", PASSWORD)
        ivo.click("main button")
        ivo.wait_for_url("**/s/arrival-delay/")
        ivo.goto(f"{site.url}/s/arrival-delay/review/it/")
        look(ivo, "sign")
        ivo.fill("#sign-password", PASSWORD)
        ivo.click("button[value=sign]")
        ivo.wait_for_url("**/review/")
        assert "You signed for it" in ivo.text_content("body")
        assert ivo.goto(f"{site.url}/s/arrival-delay/review/legal/").status == 200
        assert "You cannot sign this" in ivo.text_content("main")
        ivo.goto(f"{site.url}/s/arrival-delay/deeds/")
        assert re.search(r"signit", ivo.text_content("main"))
        with ivo.expect_download() as dossier:
            ivo.evaluate("location.href = '/s/arrival-delay/dossier/'")
        assert "arrival-delay" in dossier.value.suggested_filename
    workspace = open_workspace(site.folder)
    assert verify_ledger(workspace).intact
    said = {e.record.type: e for e in read_ledger(workspace, quick=False).evidence if not e.problem}
    signed_with = said[RecordType.SIGN_OFF].signer
    assert signed_with is not None
    assert signed_with.holder == "person:ivo"
    assert said[RecordType.ACCEPTANCE].record.body["person"] == "olga"


def test_a_user_is_trained_and_a_doubt_is_answered(site: Site) -> None:
    with site.somebody() as admin:
        sign_in(admin, site, "ada@example.com")
        admin.goto(f"{site.url}/s/arrival-delay/training/")
        look(admin, "training-admin")
        admin.fill("#user", "nobody")
        admin.fill("#email", "uma@example.com")
        follow(admin, "form[action$='training/invite/'] button")
        assert "Nobody on the user list" in admin.text_content("#user-problem")
        assert admin.input_value("#email") == "uma@example.com"
        look(admin, "training-invite-error")
        admin.fill("#user", "u1")
        follow(admin, "form[action$='training/invite/'] button")
        link = admin.text_content(".mono.box").strip()
        admin.goto(f"{site.url}/api/")
        look(admin, "api")
        admin.goto(f"{site.url}/s/arrival-delay/doubts/")
        follow(admin, "text=a token of this system")
        admin.fill("#label", "dock screens")
        follow(admin, "text=Make a token")
        assert "Choose what it may do" in admin.text_content("#scopes-problem")
        look(admin, "tokens")
        admin.check("input[value=doubts]")
        follow(admin, "text=Make a token")
        look(admin, "token")
    asked = questions_of(open_workspace(site.folder))
    with site.somebody() as uma:
        uma.goto(link)
        uma.fill("#password", PASSWORD)
        uma.click("main button")
        uma.wait_for_url("**/training/")
        look(uma, "training")
        assert uma.goto(f"{site.url}/s/arrival-delay/").status == 403, "a user is nobody else"
        look(uma, "refused")
        uma.goto(f"{site.url}/s/arrival-delay/training/")
        for number, question in enumerate(asked):
            uma.check(f"input[name=q{number}][value='{question.right}']")
        uma.fill("#password", PASSWORD)
        follow(uma, "text=These are my answers")
        uma.wait_for_selector("text=You passed")
        follow(uma, "text=Your certificate")
        assert "Uma Dahl" in uma.text_content(".certificate")
        look(uma, "certificate")
        uma.goto(f"{site.url}/s/arrival-delay/training/")
        for number, question in enumerate(asked):
            uma.check(f"input[name=q{number}][value='{(question.right + 1) % len(question.options)}']")
        uma.fill("#password", PASSWORD)
        follow(uma, "text=These are my answers")
        uma.wait_for_selector("text=not passed")
        look(uma, "training-failed")
        assert "You may answer again from" in uma.text_content("main")
        began = time.monotonic()
        uma.goto(f"{site.url}/s/arrival-delay/doubts/?output=F00123")
        assert uma.input_value("#output") == "F00123"
        uma.fill("#why", "It says late, and the truck is here.")
        follow(uma, "text=Report it")
        uma.wait_for_selector("text=It waits for Olga Brandt")
        assert time.monotonic() - began < 20
        look(uma, "doubt-waits")
        report = uma.url
        uma.goto(site.url)
        look(uma, "fleet-user")
    with site.somebody() as olga:
        sign_in(olga, site, "olga@example.com")
        olga.goto(f"{site.url}/s/arrival-delay/")
        follow(olga, ".note a:has-text('look at it')")
        look(olga, "doubts")
        olga.goto(report)
        olga.fill("#answer", "Unload it by hand.")
        follow(olga, "main form button")
        assert "Choose one of the two" in olga.text_content("#stands-problem")
        look(olga, "doubt-error")
        olga.check("input[name=stands][value=no]")
        follow(olga, "main form button")
        olga.wait_for_selector("h3:has-text('Do not use this output')")
        look(olga, "doubt-answered")


def test_the_stop_is_pulled_from_a_phone_and_drills_and_events_are_shown(site: Site) -> None:
    file = site.folder / "seatrial.yaml"
    before = file.read_text()
    state = site.folder / "state"
    state.write_text("online")
    (site.folder / "stop.yaml").write_text(_STOP)
    file.write_text(before.replace("manager: carl}", "manager: carl, stop: stop.yaml, may_pull: true}"))
    try:
        with site.somebody() as olga:
            sign_in(olga, site, "olga@example.com")
            olga.goto(f"{site.url}/s/arrival-delay/events/")
            look(olga, "events")
            olga.goto(f"{site.url}/s/arrival-delay/drills/")
            assert "never held" in olga.text_content("main")
            look(olga, "drills")
            olga.set_viewport_size({"width": 390, "height": 844})
            follow(olga, "text=Stop the system for real")
            look(olga, "stop")
            olga.set_viewport_size({"width": 390, "height": 844})
            olga.fill("#password", PASSWORD)
            follow(olga, "text=Stop it now")
            assert "It is stopped." in olga.text_content("main")
            look(olga, "stopped")
    finally:
        file.write_text(before)
    assert state.read_text() == "offline"


def test_wrong_passwords_and_strangers_get_nowhere(site: Site) -> None:
    with site.somebody() as page:
        page.goto(f"{site.url}/sign-in/")
        page.fill("#email", "olga@example.com")
        page.fill("#password", "guessing guessing 1")
        follow(page, "main button")
        assert "do not go together" in page.text_content(".problem")
        assert page.input_value("#email") == "olga@example.com"
        look(page, "sign-in")
        page.goto(f"{site.url}/s/arrival-delay/")
        assert "/sign-in/?next=/s/arrival-delay/" in page.url
        page.goto(f"{site.url}/sign-in/?next=https://elsewhere.example/")
        page.fill("#email", "olga@example.com")
        page.fill("#password", PASSWORD)
        page.click("main button")
        page.wait_for_url(f"{site.url}/")
        assert page.request.post(f"{site.url}/s/arrival-delay/runs/").status == 403, "no token, no deed"
