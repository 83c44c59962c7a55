"""Documents on the site: handed in, compared, answered for; and everything that must not get in stays out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from plants.server import Asked, Said, Server
from plants.site_world import PASSWORD, World, invite, plant_site, visiting
from plants.word_file import process, said, word_file
from seatrial.app.folder.ledgers import read_ledger
from seatrial.app.folder.workspace import open_workspace
from seatrial.app.people.papers import slot_of, unsaid, versions
from seatrial.core.vocabulary import RecordType

PROCESS = "# Role\nIt suggests.\n# Limits\nIt knows no strikes.\n# Fallback\nBy hand.\n"
MORE = """\
# The docks read this file too.
workflows:
  docks:   # the only one
    role: It suggests docks.   # the planner decides
compliance: {who: lena}
change: {who: sven}
"""


@pytest.fixture
def world(prepared: Path, tmp_path: Path) -> World:
    from seatrial.web.models import Account, Registered

    Account.objects.filter(email__endswith="@papers.example").delete()
    Registered.objects.filter(slug="papers").delete()
    return plant_site(tmp_path / "papers", "papers", more=MORE)


def _somebody(world: World, person: str = "olga", *, signs: bool = False) -> Any:
    return visiting(invite(world, f"{person}@papers.example", person=person, password=PASSWORD if signs else ""))


def _file(name: str, content: str | bytes) -> Any:
    from django.core.files.uploadedfile import SimpleUploadedFile

    return SimpleUploadedFile(name, content.encode() if isinstance(content, str) else content)


def _put(client: Any, world: World, content: str | bytes, **given: Any) -> Any:
    field = given.pop("field", "workflows.docks.process")
    name = given.pop("name", "docks.md")
    form = {"do": "put", "seen": "", "file": _file(name, content), **given}
    return client.post(world.url(f"documents/{field}/"), form)


def _versions(world: World, field: str = "workflows.docks.process") -> Any:
    workspace = open_workspace(world.folder)
    slot = slot_of(workspace.system, field)
    assert slot is not None
    return versions(workspace, slot)


def _records(world: World, kind: RecordType) -> list[Any]:
    evidence = read_ledger(open_workspace(world.folder), quick=False).evidence
    return [e for e in evidence if e.record.type is kind and not e.problem]


def test_a_document_is_handed_in_and_named_in_the_system_file_which_keeps_its_comments(world: World) -> None:
    before = (world.folder / "seatrial.yaml").read_text()
    client = _somebody(world)
    answer = _put(client, world, PROCESS, link="https://example.com/docks.md")
    assert answer.status_code == 302
    after = (world.folder / "seatrial.yaml").read_text()
    assert [line for line in after.splitlines() if line not in before.splitlines()] == [
        '    process: "docs/workflows-docks-process.md"'
    ]
    assert open_workspace(world.folder).system.workflows["docks"].process == "docs/workflows-docks-process.md"
    assert (world.folder / "docs/workflows-docks-process.md").read_text() == PROCESS
    (version,) = _versions(world)
    assert (version.current, version.by, version.name) == (True, "olga", "docks.md")
    page = client.get(answer["Location"]).content.decode()
    assert 'href="https://example.com/docks.md" rel="noreferrer noopener"' in page
    assert "does not state" not in page


def test_somebody_answers_for_a_version_and_a_new_one_asks_anew(world: World) -> None:
    client = _somebody(world, signs=True)
    first = _put(client, world, PROCESS, do="answer", password=PASSWORD, statement="As we work since May.")
    assert first.status_code == 302
    (attested,) = _records(world, RecordType.ATTESTATION)
    (version,) = _versions(world)
    assert attested.record.by == "person:olga"
    assert attested.record.body["digest"] == version.digest
    assert [(a.person, a.moved) for a in version.approvals] == [("olga", ())]
    _put(client, world, PROCESS.replace("suggests", "decides"), seen=version.digest)
    newer, older = _versions(world)
    assert (newer.current, newer.approvals, older.digest) == (True, [], version.digest)
    page = client.get(world.url("documents/workflows.docks.process/")).content.decode()
    assert '− removed</td><td class="mono">It suggests.' in page
    assert '+ added</td><td class="mono">It decides.' in page
    saved = client.get(world.url(f"documents/workflows.docks.process/{older.digest}/"))
    assert saved.content.decode() == PROCESS, "the older version is kept"
    assert saved["Content-Disposition"].startswith("attachment; ")
    assert saved["X-Content-Type-Options"] == "nosniff"
    assert "sandbox" in saved["Content-Security-Policy"]
    assert client.get(world.url(f"documents/workflows.docks.process/{'0' * 64}/")).status_code == 404


def test_a_word_from_before_what_the_document_describes_changed_is_shown_as_such(world: World) -> None:
    client = _somebody(world, signs=True)
    _put(client, world, PROCESS, do="answer", password=PASSWORD)
    register = world.folder / "failure-modes.yaml"
    register.write_text(register.read_text().replace("wind > 60", "wind > 50"))
    (version,) = _versions(world)
    assert version.approvals[0].moved == ("failure-modes",)
    assert (
        "before failure-modes changed" in client.get(world.url("documents/workflows.docks.process/")).content.decode()
    )


def test_a_version_that_was_changed_past_the_site_is_listed(world: World) -> None:
    client = _somebody(world)
    _put(client, world, PROCESS)
    (world.folder / "docs/workflows-docks-process.md").write_text("# Role\nNone.\n")
    newer, older = _versions(world)
    assert (newer.current, newer.by, older.by) == (True, "", "olga")
    page = client.get(world.url("documents/workflows.docks.process/")).content.decode()
    assert "does not state its limits, the fallback" in page


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("docks.pdf", b"%PDF-1.7 %%EOF", "not of a kind that is taken here"),
        ("docks.md", b"MZ\x90\0", "no UTF-8 text"),
        ("docks.md", b"a" * (21 * 1024 * 1024), "larger than 20 MB"),
        ("docks.md", b"", "is empty"),
    ],
)
def test_what_is_refused_is_refused_at_its_field_and_nothing_typed_is_lost(
    world: World, name: str, content: bytes, said: str
) -> None:
    answer = _put(_somebody(world), world, content, name=name, statement="As we work.", link="https://example.com/a")
    assert answer.status_code == 422
    page = answer.content.decode()
    assert said in page.partition("docks-process-file-problem")[2]
    assert "As we work." in page
    assert 'value="https://example.com/a"' in page
    assert _versions(world) == ()
    assert not (world.folder / "docs").exists()


def test_a_file_that_would_never_end_is_cut_off(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    from seatrial.web import uploading

    monkeypatch.setattr(uploading, "MOST_RECEIVED", 100_000)
    answer = _put(_somebody(world), world, b"a" * 300_000, statement="As we work.")
    assert answer.status_code == 422
    assert "larger than" in answer.content.decode()
    assert "As we work." in answer.content.decode()


def test_a_path_in_a_files_name_leads_nowhere(world: World) -> None:
    _put(_somebody(world), world, PROCESS, name="../../../outside.md")
    assert sorted(p.name for p in world.folder.rglob("*.md")) == ["limits.md", "workflows-docks-process.md"]
    assert not list(world.folder.parent.rglob("outside.md"))


def test_a_wrong_password_costs_neither_the_file_nor_the_text(world: World) -> None:
    client = _somebody(world, signs=True)
    wrong = _put(client, world, PROCESS, do="answer", password="not it at all", statement="As we work.")
    assert wrong.status_code == 422
    assert "that is not your password" in wrong.content.decode()
    assert "docks.md is kept from your last try" in wrong.content.decode()
    assert _versions(world) == ()
    again = {"do": "answer", "seen": "", "password": PASSWORD, "statement": "As we work."}
    assert client.post(world.url("documents/workflows.docks.process/"), again).status_code == 302
    assert [a.person for a in _versions(world)[0].approvals] == ["olga"]
    assert (
        "is kept from your last try" not in client.get(world.url("documents/workflows.docks.process/")).content.decode()
    )


def test_two_at_once_the_second_sees_what_the_first_put_there(world: World) -> None:
    olga, amir = _somebody(world), _somebody(world, "amir")
    assert _put(olga, world, PROCESS).status_code == 302
    late = _put(amir, world, PROCESS + "# More\nAnd more.\n")
    assert late.status_code == 422
    assert "Another version has been put there" in late.content.decode()
    assert len(_versions(world)) == 1


@pytest.mark.parametrize(
    "link", ["javascript:alert(1)", "example.com/a", "https://olga:secret@example.com/a", "https://"]
)
def test_an_address_that_is_none_or_holds_a_password_is_refused(world: World, link: str) -> None:
    answer = _put(_somebody(world), world, PROCESS, link=link)
    assert answer.status_code == 422
    assert "docks-process-link-problem" in answer.content.decode()
    assert _versions(world) == ()


def test_whose_word_does_not_count_is_told_before_they_give_it(world: World) -> None:
    sven = _somebody(world, "sven", signs=True)
    page = sven.get(world.url("documents/change.plan/")).content.decode()
    assert "Your word does not count" in page
    answer = _put(sven, world, PROCESS, field="change.plan", do="answer", password=PASSWORD)
    assert answer.status_code == 422
    assert "takes another person" in answer.content.decode()
    assert _records(world, RecordType.ATTESTATION) == []


def test_a_signer_of_the_domain_is_told_that_they_will_not_sign_it(world: World) -> None:
    sven = _somebody(world, "sven", signs=True)
    assert "you cannot sign" in sven.get(world.url("documents/workflows.docks.process/")).content.decode()
    _put(sven, world, PROCESS, do="answer", password=PASSWORD)
    page = sven.get(world.url("review/operations/")).content.decode()
    assert "attested evidence of what they would sign: organization.process-documents" in page


def test_the_requirement_page_takes_the_document_and_ones_word_for_it(world: World) -> None:
    client = _somebody(world)
    page = client.get(world.url("requirements/organization.process-documents/")).content.decode()
    assert f'action="{world.url("documents/workflows.docks.process/")}"' in page
    assert "I answer for it" in page
    lena = _somebody(world, "lena").get(world.url("requirements/governance.compliance/")).content.decode()
    assert "The review by legal and compliance" in lena


def test_another_ending_is_another_file_and_the_old_one_stays(world: World) -> None:
    client = _somebody(world, "lena")
    assert _put(client, world, "Reviewed.\n", field="compliance.review", name="review.md").status_code == 302
    (first,) = _versions(world, "compliance.review")
    pdf = b"%PDF-1.7\n%%EOF\n"
    put = _put(client, world, pdf, field="compliance.review", name="review.pdf", seen=first.digest)
    assert put.status_code == 302
    assert open_workspace(world.folder).system.compliance.review == "docs/compliance-review.pdf"
    assert (world.folder / "docs/compliance-review.md").read_text() == "Reviewed.\n"
    assert [v.name for v in _versions(world, "compliance.review")] == ["review.pdf", "review.md"]
    page = client.get(world.url("documents/compliance.review/")).content.decode()
    assert "cannot be compared line by line" in page


def test_nothing_is_written_outside_of_the_systems_folder(world: World) -> None:
    file = world.folder / "seatrial.yaml"
    outside = world.folder.parent / "outside.md"
    outside.write_text("# Role\n")
    file.write_text(file.read_text().replace("    role: It", "    process: ../outside.md\n    role: It"))
    (version,) = _versions(world)
    answer = _put(_somebody(world), world, PROCESS, seen=version.digest)
    assert answer.status_code == 422
    assert "outside the system&#39;s folder" in answer.content.decode()
    assert outside.read_text() == "# Role\n"


def test_an_administrator_and_a_user_hand_nothing_in(world: World) -> None:
    admin = visiting(invite(world, "ada@papers.example", admin=True))
    assert _put(admin, world, PROCESS).status_code == 403
    user = visiting(invite(world, "uma@papers.example", person="u1", listed=True))
    assert _put(user, world, PROCESS).status_code == 403
    assert _versions(world) == ()


def test_an_original_is_read_from_where_the_site_may_read_and_compared_with_what_stands_here(world: World) -> None:
    originals = {"/docs/docks.md": PROCESS}

    def answer(asked: Asked) -> Said:
        text = originals.get(asked.path)
        return Said(status=404) if text is None else Said(body=text.encode(), headers={"Content-Type": "text/plain"})

    client = _somebody(world)
    page = world.url("documents/workflows.docks.process/")
    with Server(answer) as git:
        form = {"do": "read", "seen": "", "link": f"{git.url}/docs/docks.md"}
        refused = client.post(page, form)
        assert refused.status_code == 422
        assert "does not read documents from there" in refused.content.decode()
        assert not git.asked, "an address that nobody allowed is never called"
        (world.folder / ".env").write_text(f"SEATRIAL_DOCUMENTS={git.url}\n")
        assert client.post(page, form).status_code == 302
        (version,) = _versions(world)
        assert (version.name, version.link) == ("docks.md", form["link"])
        same = client.post(page, {**form, "seen": version.digest}, follow=True)
        assert "Its original says the same" in same.content.decode()
        assert len(_versions(world)) == 1
        originals["/docs/docks.md"] = PROCESS + "# More\nAnd more.\n"
        assert client.post(page, {**form, "seen": version.digest}).status_code == 302
        assert [v.current for v in _versions(world)] == [True, False]
        gone = client.post(page, {**form, "seen": _versions(world)[0].digest, "link": f"{git.url}/docs/gone.md"})
        assert "the original answers with 404" in gone.content.decode()
        program = client.post(page, {**form, "seen": _versions(world)[0].digest, "link": f"{git.url}/docs/run.exe"})
        assert program.status_code == 422
        elsewhere = client.post(page, {**form, "seen": "", "link": "http://169.254.169.254/latest/meta-data.md"})
        assert "does not read documents from there" in elsewhere.content.decode()


def test_a_word_document_is_read_for_what_it_must_state_and_compared_line_by_line(world: World) -> None:
    client = _somebody(world)
    assert _put(client, world, process(limits=False), name="docks.docx").status_code == 302
    (first,) = _versions(world)
    system = open_workspace(world.folder).system
    assert system.workflows["docks"].process == "docs/workflows-docks-process.docx"
    slot = slot_of(system, "workflows.docks.process")
    assert slot is not None
    assert unsaid(open_workspace(world.folder), slot) == ("its limits",)
    assert _put(client, world, process(), name="docks.docx", seen=first.digest).status_code == 302
    assert unsaid(open_workspace(world.folder), slot) == ()
    page = client.get(world.url("documents/workflows.docks.process/")).content.decode()
    assert '<tr class="added"><td class="n"></td>' in page
    assert "It knows no strikes." in page
    spoilt = word_file(said("x"), before='<!DOCTYPE d [<!ENTITY a "b">]>')
    assert _put(client, world, spoilt, name="docks.docx", seen=_versions(world)[0].digest).status_code == 302
    (problem,) = unsaid(open_workspace(world.folder), slot)
    assert "declares a document type" in problem, "what cannot be read states nothing"


def test_whoever_would_accept_a_duty_before_its_document_is_told_what_comes_first(world: World) -> None:
    sven = _somebody(world, "sven")
    assert "first the document: change.plan" in sven.get(world.url("people/")).content.decode()
    assert _firsts(sven, world)["change"] == ["change.plan"]
    early = sven.get(world.url("duties/change/")).content.decode()
    assert "let the document come first" in early
    assert f'href="{world.url("documents/change.plan/")}"' in early
    assert _put(sven, world, "# Plan\nAs we go.\n", field="change.plan", name="plan.md").status_code == 302
    assert "let the document come first" not in sven.get(world.url("duties/change/")).content.decode()
    assert "first the document" not in sven.get(world.url("people/")).content.decode()
    assert _firsts(sven, world)["change"] == []


def _firsts(client: Any, world: World) -> dict[str, list[str]]:
    told = client.get(f"/api/v1/systems/{world.slug}/people/").json()
    return {item["duty"]: item["first"] for item in told["items"]}
