"""One file that verifies elsewhere, offline; and statements that a pipeline can require."""

from __future__ import annotations

import json
import shutil
import socket
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from ledger_scene import START, SYSTEM, Scene

from seatrial.adapters.signers.keystore import Keystore
from seatrial.adapters.store.artifacts import ArtifactFolder
from seatrial.core.errors import Malformed, Refused, SeatrialError, Unreachable
from seatrial.core.observation import Json
from seatrial.core.vocabulary import RecordType
from seatrial.evidence.bundle import export_bundle, import_bundle, verify_bundle
from seatrial.evidence.entry import Checkpoint
from seatrial.evidence.envelope import canonical, parse, spell
from seatrial.evidence.ledger import Ledger
from seatrial.evidence.statement import seal_statement, verify_statement
from seatrial.evidence.trust import TrustRoot


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    return Scene(tmp_path)


@pytest.fixture
def ledger(scene: Scene) -> Ledger:
    ledger = scene.open()
    ledger.append_many(scene.story())
    return ledger


@pytest.fixture
def bundle(scene: Scene, ledger: Ledger) -> Path:
    path = scene.folder / "system.seatrial"
    export_bundle(ledger, SYSTEM, path, trust=scene.trust())
    return path


def rewrite(path: Path, change: Callable[[dict[str, bytes]], object], *, compress: bool = False) -> None:
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    change(members)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED if compress else zipfile.ZIP_STORED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)


def test_a_bundle_verifies_with_no_ledger_and_no_network(
    scene: Scene, ledger: Ledger, bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pin = [Checkpoint.parse(str(ledger.checkpoint(SYSTEM)))]
    trust = scene.trust()
    (scene.folder / "ledger.db").unlink()
    monkeypatch.setattr(socket, "socket", lambda *_: pytest.fail("opened a socket"))
    report = verify_bundle(bundle, trust=trust, pin=pin)
    assert report.intact
    assert (report.entries, report.signatures, report.anchored_to) == (8, 8, 8)


def test_a_bundle_that_vouches_for_itself_is_not_anchored(ledger: Ledger, bundle: Path) -> None:
    checkpoint = ledger.checkpoint(SYSTEM)
    assert checkpoint is not None
    report = verify_bundle(bundle, pin=[checkpoint])
    assert report.intact
    assert not report.anchored


def test_the_same_chain_gives_the_same_bytes(scene: Scene, ledger: Ledger, bundle: Path) -> None:
    again = scene.folder / "again"
    export_bundle(ledger, SYSTEM, again, trust=scene.trust())
    assert again.read_bytes() == bundle.read_bytes()


def test_a_dropped_tail_is_found_against_the_checkpoint(scene: Scene, ledger: Ledger, bundle: Path) -> None:
    pin = ledger.checkpoint(SYSTEM)
    assert pin is not None
    ledger.append(scene.observed())
    older = scene.folder / "older"
    shutil.copy(bundle, older)
    newer = ledger.checkpoint(SYSTEM)
    assert newer is not None
    assert [p.code for p in verify_bundle(older, trust=scene.trust(), pin=[newer]).problems] == ["truncated"]
    assert verify_bundle(older, trust=scene.trust(), pin=[pin]).anchored


def test_a_changed_line_is_found(scene: Scene, bundle: Path) -> None:
    def change(members: dict[str, bytes]) -> None:
        lines = members["entries.jsonl"].splitlines(keepends=True)
        members["entries.jsonl"] = b"".join([*lines[:2], *lines[3:]])

    rewrite(bundle, change)
    report = verify_bundle(bundle, trust=scene.trust())
    assert {p.code for p in report.problems} == {"missing", "unreadable-bundle"}


@pytest.mark.parametrize(
    "change",
    [
        lambda m: m.update({"../../escape": b"x"}),
        lambda m: m.update({"/etc/passwd": b"x"}),
        lambda m: m.update({"artifacts/../x": b"x"}),
        lambda m: m.pop("entries.jsonl"),
        lambda m: m.pop("trust.json"),
        lambda m: m.update({"trust.json": b"{}"}),
        lambda m: m.update({"bundle.json": b"[]"}),
        lambda m: m.update({"bundle.json": m["bundle.json"].replace(b"seatrial-bundle-1", b"seatrial-bundle-9")}),
        lambda m: m.update({"entries.jsonl": m["entries.jsonl"] + b"{}\n"}),
        lambda m: m.update({"entries.jsonl": m["entries.jsonl"].replace(b'"sequence":1,', b'"sequence":true,')}),
        lambda m: m.update({"entries.jsonl": b"\xff\x00"}),
        lambda m: m.update({"entries.jsonl": m["entries.jsonl"].replace(b"arrival-delay", b"\\ud800")}),
    ],
)
def test_what_is_not_exactly_a_bundle_is_refused(bundle: Path, change: Callable[[dict[str, bytes]], object]) -> None:
    rewrite(bundle, change)
    with pytest.raises(Malformed, match="bundle"):
        verify_bundle(bundle)


def test_a_zip_bomb_is_refused_unread(bundle: Path) -> None:
    rewrite(bundle, lambda m: m.update({f"artifacts/{'0' * 64}": b"\0" * 50_000_000}), compress=True)
    with pytest.raises(Malformed, match="compressed"):
        verify_bundle(bundle)


def test_a_member_that_is_there_twice_is_refused(bundle: Path) -> None:
    with pytest.warns(UserWarning, match="Duplicate"), zipfile.ZipFile(bundle, "a") as archive:
        archive.writestr("trust.json", b"{}")
    with pytest.raises(Malformed, match="twice"):
        verify_bundle(bundle)


@pytest.mark.parametrize("cut", [0, 10, 1000, -1])
def test_a_bundle_cut_short_is_no_bundle(bundle: Path, cut: int) -> None:
    bundle.write_bytes(bundle.read_bytes()[:cut])
    with pytest.raises(Malformed):
        verify_bundle(bundle)


def test_a_flipped_bit_in_any_entry_is_found(scene: Scene, bundle: Path) -> None:
    content = bundle.read_bytes()
    with zipfile.ZipFile(bundle) as archive:
        entries = archive.read("entries.jsonl")
    for place in range(0, len(entries), len(entries) // 60):
        flipped = entries[:place] + bytes([entries[place] ^ 1]) + entries[place + 1 :]
        bundle.write_bytes(content)
        rewrite(bundle, lambda members, flipped=flipped: members.update({"entries.jsonl": flipped}))  # type: ignore[misc]
        try:
            assert not verify_bundle(bundle, trust=scene.trust()).intact, place
        except SeatrialError:
            continue


def test_a_bundle_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(Unreachable, match="none"):
        verify_bundle(tmp_path / "none")


def test_a_system_without_entries_is_not_exported(scene: Scene, ledger: Ledger) -> None:
    with pytest.raises(Refused, match="no entries"):
        export_bundle(ledger, "another", scene.folder / "x", trust=scene.trust())
    assert not (scene.folder / "x").exists()


def test_an_imported_bundle_keeps_its_signatures(scene: Scene, ledger: Ledger, bundle: Path) -> None:
    other = Ledger.open(f"sqlite:///{scene.folder / 'server.db'}")
    imported = import_bundle(other, bundle, scene.trust())
    import_bundle(other, bundle, scene.trust())
    assert [e.digest for e in imported] == [e.record for e in ledger.entries(SYSTEM)]
    assert other.state(SYSTEM, scene.trust()).entries == 8
    assert other.state(SYSTEM, scene.trust()).problems == ()


def test_a_bundle_of_strangers_is_not_imported(scene: Scene, bundle: Path) -> None:
    other = Ledger.open(f"sqlite:///{scene.folder / 'server.db'}")
    stranger = Keystore(scene.folder / "stranger")
    stranger.worker()
    with pytest.raises(Refused, match="does not verify"):
        import_bundle(other, bundle, replace(stranger.trust(), pinned=True))
    assert other.systems() == ()


def with_artifact(scene: Scene, ledger: Ledger, store: ArtifactFolder) -> str:
    digest = store.put(b"Olga's answers", media_type="text/plain")
    body: Mapping[str, Json] = {"user": "olga", "answers": digest}
    ledger.append(scene.sealed(RecordType.COMPREHENSION, body, scene.keys.worker()))
    return digest


def erasure(scene: Scene, digest: str) -> bytes:
    body: Mapping[str, Json] = {"artifact": digest, "reason": "retention", "person": "lena"}
    return scene.sealed(RecordType.ERASURE, body, scene.keys.person("lena"))


def test_artifacts_travel_along_and_are_checked(scene: Scene, ledger: Ledger) -> None:
    store, path = ArtifactFolder(scene.folder / "artifacts"), scene.folder / "b"
    digest = with_artifact(scene, ledger, store)
    assert export_bundle(ledger, SYSTEM, path, trust=scene.trust(), artifacts=store).artifacts == 1
    assert verify_bundle(path).intact
    elsewhere = ArtifactFolder(scene.folder / "elsewhere")
    server = Ledger.open(f"sqlite:///{scene.folder / 'server.db'}")
    import_bundle(server, path, scene.trust(), artifacts=elsewhere)
    assert elsewhere.get(digest) == b"Olga's answers"
    rewrite(path, lambda m: m.update({f"artifacts/{digest}": b"other answers"}))
    assert [p.code for p in verify_bundle(path).problems] == ["artifact-altered"]


def test_an_artifact_that_was_erased_on_record_verifies_as_erased(scene: Scene, ledger: Ledger) -> None:
    store, path = ArtifactFolder(scene.folder / "artifacts"), scene.folder / "b"
    digest = with_artifact(scene, ledger, store)
    store.erase(digest)
    export_bundle(ledger, SYSTEM, path, trust=scene.trust(), artifacts=store)
    assert [p.code for p in verify_bundle(path).problems] == ["artifact-missing"]
    ledger.append(erasure(scene, digest))
    export_bundle(ledger, SYSTEM, path, trust=scene.trust(), artifacts=store)
    assert verify_bundle(path).intact


VERDICT: Mapping[str, Json] = {"verdict": "NO-GO", "system": SYSTEM, "gaps": [1, 2.5, None]}
SUBJECT = "5" * 64


def stated(scene: Scene) -> bytes:
    return seal_statement(VERDICT, subject_name=SYSTEM, subject_digest=SUBJECT, signer=scene.keys.worker())


def test_a_verdict_is_stated_as_in_toto_and_read_back(scene: Scene) -> None:
    content = stated(scene)
    payload = json.loads(parse(content).payload)
    assert payload["_type"] == "https://in-toto.io/Statement/v1"
    assert payload["subject"] == [{"name": SYSTEM, "digest": {"sha256": SUBJECT}}]
    statement = verify_statement(content, scene.trust(), subject_digest=SUBJECT, now=START)
    assert statement.predicate == VERDICT
    assert statement.signer.holder == "worker:local"


def test_a_statement_about_another_subject_or_by_another_key_is_refused(scene: Scene) -> None:
    content = stated(scene)
    stranger = Keystore(scene.folder / "stranger")
    stranger.worker()
    with pytest.raises(Refused, match="about subject"):
        verify_statement(content, scene.trust(), subject_digest="6" * 64, now=START)
    with pytest.raises(Refused, match="does not know"):
        verify_statement(content, stranger.trust(), subject_digest=SUBJECT, now=START)
    with pytest.raises(Refused, match="worker's key"):
        seal_statement(VERDICT, subject_name="x", subject_digest=SUBJECT, signer=scene.keys.token("ci"))


def test_an_altered_statement_is_refused(scene: Scene) -> None:
    envelope = parse(stated(scene))
    altered = spell(replace(envelope, payload=envelope.payload.replace(b"NO-GO", b"GO")))
    with pytest.raises(Refused, match="signature"):
        verify_statement(altered, scene.trust(), subject_digest=SUBJECT, now=START)


@pytest.mark.parametrize("limit", ["revoked_at", "valid_until", "valid_from"])
def test_a_statement_of_a_key_that_is_not_valid_now_is_refused(scene: Scene, limit: str) -> None:
    content = stated(scene)
    when = START + timedelta(days=1) if limit == "valid_from" else START
    data = json.loads(scene.trust().spell())
    data["keys"][0][limit] = when.isoformat()
    trust = TrustRoot.parse(canonical(data), where="trust", pinned=True)
    with pytest.raises(Refused, match="key"):
        verify_statement(content, trust, subject_digest=SUBJECT, now=START)


def test_a_record_is_no_statement_and_a_statement_no_record(scene: Scene) -> None:
    with pytest.raises(Malformed, match="in-toto"):
        verify_statement(scene.observed(), scene.trust(), subject_digest=SUBJECT, now=START)
    with pytest.raises(Malformed):
        scene.open().append(stated(scene))


def test_a_statement_of_another_type_is_refused(scene: Scene) -> None:
    from seatrial.evidence.envelope import seal_payload
    from seatrial.evidence.statement import PAYLOAD_TYPE

    for payload in (canonical({}), b"nonsense", canonical({"_type": "x", "subject": []})):
        content = seal_payload(PAYLOAD_TYPE, payload, scene.keys.worker())
        with pytest.raises(Malformed):
            verify_statement(content, scene.trust(), subject_digest=SUBJECT, now=START)
