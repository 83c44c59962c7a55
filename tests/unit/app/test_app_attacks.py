"""Attempts to bend what a verdict rests on from around the gate: keys, files, statements, what is served."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from plants.server import Asked, Said, Server, said
from plants.tiny_system import SECRET, plant, steady
from seatrial.adapters.signers.keystore import Keystore
from seatrial.app.deciding.deciding import decide_now, served_now
from seatrial.app.folder.files import stamp
from seatrial.app.folder.ledgers import keystore, open_ledger, read_ledger, record, trust
from seatrial.app.folder.probing import probe
from seatrial.app.folder.subject import Identities, digest_files, identities_on_record, subject
from seatrial.app.folder.workspace import TRUST, Workspace, open_workspace
from seatrial.app.people import people
from seatrial.core.bodies import SignOffBody
from seatrial.core.codec import from_data
from seatrial.core.errors import Refused
from seatrial.core.record import Subject
from seatrial.core.records import Records
from seatrial.core.vocabulary import RecordType, Role
from seatrial.evidence.trust import TrustRoot

MORE = """\
failure_modes: failure-modes.yaml
workflows:
  docks: {process: docks.md, role: Warns}
  gates: {process: gates.md, role: Warns}
"""


@pytest.fixture
def place(tmp_path: Path) -> Path:
    place = plant(tmp_path / "system", "http://127.0.0.1:9")
    place.write_text(place.read_text() + MORE)
    (place.parent / "failure-modes.yaml").write_text("failure_modes: []\n")
    for name in ("docks.md", "gates.md"):
        (place.parent / name).write_text("# The work\n")
    return place


def opened(place: Path, **environment: str) -> Workspace:
    return open_workspace(place, environment={"MODEL_KEY": SECRET, **environment})


def pinned(place: Path, workspace: Workspace, **changes: bool) -> Workspace:
    """The workspace under a trust root from outside that knows today's keys."""
    root = place.parent.parent / "trust.json"
    known = keystore(workspace).trust().keys
    root.write_bytes(TrustRoot(keys=tuple(replace(key, local=changes.get(key.name, False)) for key in known)).spell())
    return opened(place, **{TRUST: str(root)})


def test_an_approved_process_document_rests_on_what_it_describes(place: Path) -> None:
    workspace = opened(place)
    approved = people.attest(workspace, "sven", "process", "docks.md")
    rests_on = set(approved.record.depends)
    assert {"document.docks.md", "person.sven", "failure-modes", "do-not-trust", "workflow.docks"} == rests_on
    other = people.attest(workspace, "sven", "governance-plan", "docks.md")
    assert set(other.record.depends) == {"document.docks.md", "person.sven"}


def test_nobody_approves_an_exemption_that_nobody_else_asked_for(place: Path) -> None:
    workspace = opened(place)
    with pytest.raises(Refused, match="amir has not asked"):
        people.exempt(workspace, "lena", "model.adversarial", requested_by="amir", reason="nobody profits")
    people.request_exemption(workspace, "lena", "model.adversarial", reason="nobody profits")
    with pytest.raises(Refused, match="nobody approves their own request"):
        people.exempt(workspace, "lena", "model.adversarial", requested_by="lena", reason="nobody profits")
    people.request_exemption(workspace, "amir", "model.adversarial", reason="nobody profits")
    approved = people.exempt(workspace, "lena", "model.adversarial", requested_by="amir", reason="nobody profits")
    assert approved.record.type is RecordType.EXEMPTION


def test_a_signature_says_what_of_the_own_domain_was_not_established_when_it_was_given(place: Path) -> None:
    workspace = opened(place)
    signed = people.sign(workspace, "ivo", Role.IT, decide_now(workspace), shown="the screen")
    unmet = from_data(SignOffBody, signed.record.body).open
    assert "data.load" in unmet
    assert not [requirement for requirement in unmet if requirement.startswith("model.")]


def test_keys_of_two_people_on_one_machine_are_local_whatever_the_trust_root_says(place: Path) -> None:
    workspace = opened(place)
    signers = keystore(workspace)
    for who in ("worker", "person"):
        getattr(signers, who)("ivo")
    alone = {key.holder: key.local for key in trust(pinned(place, workspace)).keys}
    assert alone == {"worker:ivo": False, "person:ivo": False}
    signers.person("lena")
    together = {key.holder: key.local for key in trust(pinned(place, workspace)).keys}
    assert together == {"worker:ivo": False, "person:ivo": True, "person:lena": True}


def test_a_key_that_the_trust_root_does_not_know_states_nothing_and_spoils_no_ledger(place: Path) -> None:
    workspace = opened(place)
    people.accept(workspace, "olga", "owner", shown="the duty")
    outside = pinned(place, workspace)
    with pytest.raises(Refused, match="does not know the key of person:sven") as refused:
        people.accept(outside, "sven", "owner.deputy", shown="the duty")
    assert "public key" in refused.value.remedy
    assert read_ledger(outside, quick=False).state.problems == ()


def test_a_trust_root_of_ones_own_making_does_not_make_ones_own_ledger_verify(place: Path) -> None:
    workspace = opened(place)
    people.accept(workspace, "olga", "owner", shown="the duty")
    forged = place.parent.parent / "forged.json"
    forger = Keystore(place.parent.parent / "forger")
    forger.person("olga")
    forged.write_bytes(forger.trust().spell())
    state = read_ledger(opened(place, **{TRUST: str(forged)}), quick=False).state
    assert state.problems
    assert not state.anchored


def test_a_file_that_was_changed_and_dated_back_is_another_file(tmp_path: Path) -> None:
    file = tmp_path / "holdout.csv"
    file.write_text("late\n1\n")
    before, dates = stamp(file), file.stat()
    file.write_text("late\n0\n")
    os.utime(file, ns=(dates.st_atime_ns, dates.st_mtime_ns))
    assert stamp(file) != before


def test_a_link_that_was_turned_away_and_back_is_noticed(tmp_path: Path) -> None:
    link = tmp_path / "holdout.csv"
    for name in ("honest.csv", "easy.csv"):
        (tmp_path / name).write_text("late\n1\n")
    link.symlink_to("honest.csv")
    before = stamp(link)
    for target in ("easy.csv", "honest.csv"):
        turned = tmp_path / "turned"
        turned.symlink_to(target)
        turned.replace(link)
    assert stamp(link) != before


VERSION = {"now": "v1"}


def changing(asked: Asked) -> Said:
    return said({"version": VERSION["now"]}) if asked.path == "/version" else steady(asked)


@pytest.fixture
def served(tmp_path: Path) -> Iterator[tuple[Workspace, Server, Records]]:
    VERSION["now"] = "v1"
    with Server(changing) as server:
        workspace = opened(plant(tmp_path / "served", server.url))
        with open_ledger(workspace) as ledger:
            record(ledger, keystore(workspace).worker(), workspace, RecordType.EVENT, probe(workspace).body())
        yield workspace, server, read_ledger(workspace, quick=True).evidence


def test_a_model_that_was_exchanged_after_the_run_is_another_subject(
    served: tuple[Workspace, Server, Records],
) -> None:
    workspace, _, evidence = served

    def about() -> Subject:
        return subject(workspace, digest_files(workspace), served_now(workspace, identities_on_record(evidence)))

    before = about()
    assert before.probed_at is not None
    assert about() == before
    VERSION["now"] = "v2"
    after = about()
    assert {part for part in before.parts if before.parts[part] != after.parts[part]} == {"model"}


def test_data_that_could_not_be_identified_are_never_the_same_data(place: Path) -> None:
    workspace = opened(place)
    files = digest_files(workspace)
    times = [datetime(2026, 11, 23, hour, tzinfo=UTC) for hour in (1, 2)]
    then, now = (subject(workspace, files, Identities(unknown={"data.live": "no answer"}, at=at)) for at in times)
    assert {part for part in then.parts if then.parts[part] != now.parts[part]} == {"data.live"}
