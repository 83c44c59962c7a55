"""Whose signature counts, for what, and when; and where keys are kept."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from ledger_scene import START, SYSTEM, Scene

from seatrial.adapters.signers.keystore import Ed25519Signer, Keystore
from seatrial.core.errors import Malformed, Refused, SeatrialError, Unreachable
from seatrial.core.observation import Json
from seatrial.core.record import Evidence
from seatrial.core.vocabulary import RecordType, Role
from seatrial.evidence.authority import MAY_SIGN
from seatrial.evidence.trust import TrustRoot
from seatrial.evidence.verification import Reading

HOUR = START + timedelta(hours=1)


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    return Scene(tmp_path)


def read(scene: Scene, *envelopes: bytes, trust: TrustRoot | None = None) -> Reading:
    ledger = scene.open()
    ledger.append_many(envelopes)
    return ledger.read(SYSTEM, trust or scene.trust())


def only(reading: Reading) -> Evidence:
    assert reading.report.intact
    (evidence,) = reading.evidence
    return evidence


def limited(scene: Scene, signer: Ed25519Signer, **limits: datetime | tuple[Role, ...]) -> TrustRoot:
    keys = tuple(replace(key, **limits) if key.key == signer.key_id else key for key in scene.trust().keys)  # type: ignore[arg-type]
    return TrustRoot(keys=keys, pinned=True)


def test_every_record_type_can_be_signed_by_somebody_and_a_token_signs_for_nobody() -> None:
    assert frozenset[RecordType]().union(*MAY_SIGN.values()) == set(RecordType)
    personal = {
        RecordType.SIGN_OFF,
        RecordType.ACCEPTANCE,
        RecordType.ATTESTATION,
        RecordType.WITHHOLDING,
        RecordType.WAIVER,
        RecordType.EXEMPTION,
    }
    assert not personal & (MAY_SIGN["token"] | MAY_SIGN["worker"])
    assert RecordType.KEY not in MAY_SIGN["token"] | MAY_SIGN["worker"] | MAY_SIGN["person"]


@pytest.mark.parametrize("kind", sorted(set(RecordType) - MAY_SIGN["token"]))
def test_a_token_can_file_evidence_and_nothing_else(scene: Scene, kind: RecordType) -> None:
    body: Mapping[str, Json] = {"person": "ci", "approved_by": "ci", "user": "ci"}
    evidence = only(read(scene, scene.sealed(kind, body, scene.keys.token("ci"))))
    assert "token's key cannot sign" in evidence.problem


@pytest.mark.parametrize("kind", [RecordType.WAIVER, RecordType.EXEMPTION])
def test_who_requests_a_waiver_cannot_sign_it_for_the_approver(scene: Scene, kind: RecordType) -> None:
    body: Mapping[str, Json] = {"requirement": "x", "requested_by": "olga", "approved_by": "lena"}
    reading = read(
        scene,
        scene.sealed(kind, body, scene.keys.person("olga")),
        scene.sealed(kind, body, scene.keys.person("lena")),
    )
    assert [bool(e.problem) for e in reading.evidence] == [True, False]


def test_nobody_passes_the_comprehension_check_for_another(scene: Scene) -> None:
    body: Mapping[str, Json] = {"user": "max"}
    kind = RecordType.COMPREHENSION
    reading = read(
        scene,
        scene.sealed(kind, body, scene.keys.person("olga")),
        scene.sealed(kind, body, scene.keys.person("max")),
        scene.sealed(kind, body, scene.keys.worker()),
    )
    assert [bool(e.problem) for e in reading.evidence] == [True, False, False]


def test_a_body_without_its_speaker_counts_for_nobody(scene: Scene) -> None:
    for body in ({}, {"person": None}, {"person": ["olga"]}):
        evidence = read(scene, scene.sealed(RecordType.ACCEPTANCE, body, scene.keys.person("olga"))).evidence[-1]
        assert evidence.problem


def test_the_trust_root_can_limit_the_roles_that_a_person_signs_for(scene: Scene) -> None:
    sven = scene.keys.person("sven")
    reading = read(
        scene,
        scene.signed_off("sven", role="operations"),
        scene.signed_off("sven", role="legal"),
        trust=limited(scene, sven, roles=(Role.OPERATIONS,)),
    )
    assert [bool(e.problem) for e in reading.evidence] == [False, True]


def test_a_key_counts_only_within_its_time(scene: Scene) -> None:
    worker, envelope = scene.keys.worker(), scene.observed()
    early, late = START - timedelta(days=1), START + timedelta(days=1)
    ledger = scene.open()
    ledger.append(envelope)
    for limits, problem in (
        ({"valid_from": early, "valid_until": late}, ""),
        ({"valid_from": late}, "not valid yet"),
        ({"valid_until": early}, "no longer valid"),
        ({"valid_until": HOUR}, "no longer valid"),
        ({"revoked_at": late}, ""),
        ({"revoked_at": HOUR}, "was revoked"),
    ):
        evidence = only(ledger.read(SYSTEM, limited(scene, worker, **limits)))
        assert problem in evidence.problem
        assert bool(problem) == bool(evidence.problem)


def test_a_revoked_key_cannot_date_its_records_back(scene: Scene) -> None:
    """Signed with a time before the revocation, received after it."""
    trust = limited(scene, scene.keys.worker(), revoked_at=START + timedelta(minutes=30))
    assert "revoked" in only(read(scene, scene.observed(), trust=trust)).problem


def test_a_key_added_by_the_root_counts_from_there_on(scene: Scene, tmp_path: Path) -> None:
    night = Keystore(tmp_path / "elsewhere").worker("night")
    before = scene.observed(signer=night)
    reading = read(scene, before, scene.key_added(night), scene.observed(signer=night))
    assert [p.code for p in reading.report.problems] == ["unknown-key"]
    assert [bool(e.problem) for e in reading.evidence] == [True, False, False]


@pytest.mark.parametrize("signer", ["worker", "person", "token"])
def test_nobody_but_the_root_changes_keys(scene: Scene, tmp_path: Path, signer: str) -> None:
    night = Keystore(tmp_path / "elsewhere").worker("night")
    own = {"worker": scene.keys.worker(), "person": scene.keys.person("ivo"), "token": scene.keys.token("ci")}[signer]
    reading = read(
        scene,
        scene.key_added(night, signer=own),
        scene.key_ended(scene.keys.worker(), START, signer=own),
        scene.observed(),
        scene.observed(signer=night),
    )
    assert [p.sequence for p in reading.report.problems] == [4]
    assert [bool(e.problem) for e in reading.evidence] == [True, True, False, True]


@pytest.mark.parametrize("action", ["revoke", "retire"])
def test_ending_a_key_reaches_back_to_its_time_and_no_further(scene: Scene, action: str) -> None:
    ledger = scene.open()
    ledger.append(scene.observed(1))
    then = ledger.append(scene.observed(2)).received_at
    ledger.append_many([scene.observed(3), scene.key_ended(scene.keys.worker(), then, action=action)])
    reading = ledger.read(SYSTEM, scene.trust())
    assert [bool(e.problem) for e in reading.evidence] == [False, True, True, False]
    assert reading.report.intact


def test_an_end_is_never_moved_later_or_lifted(scene: Scene) -> None:
    worker = scene.keys.worker()
    reading = read(
        scene,
        scene.observed(),
        scene.key_ended(worker, START),
        scene.key_ended(worker, START + timedelta(days=30)),
        scene.key_added(worker),
    )
    assert "revoked" in reading.evidence[0].problem
    assert {p.code for p in reading.report.void} == {"key-revoked", "bad-key-change"}


def test_a_key_revoked_before_it_is_added_never_counts(scene: Scene, tmp_path: Path) -> None:
    night = Keystore(tmp_path / "elsewhere").worker("night")
    reading = read(scene, scene.key_ended(night, START), scene.key_added(night), scene.observed(signer=night))
    assert "revoked" in reading.evidence[2].problem


def test_the_chain_cannot_make_a_root(scene: Scene, tmp_path: Path) -> None:
    other = Keystore(tmp_path / "elsewhere").root("other")
    reading = read(scene, scene.key_added(other), scene.key_ended(scene.keys.root(), START))
    assert [p.code for p in reading.report.void] == ["bad-key-change", "bad-key-change"]


@pytest.mark.parametrize(
    "change",
    [
        lambda d: d.update(format="other"),
        lambda d: d.update(extra=1),
        lambda d: d.update(keys={}),
        lambda d: d["keys"].append(d["keys"][0]),
        lambda d: d["keys"][0].update(key="0" * 64),
        lambda d: d["keys"][0].update(public="AAAA"),
        lambda d: d["keys"][0].update(public="!"),
        lambda d: d["keys"][0].update(holder="admin:max"),
        lambda d: d["keys"][0].update(holder="person:"),
        lambda d: d["keys"][0].update(valid_until="tomorrow"),
        lambda d: d["keys"][0].update(unknown=True),
        lambda d: d["keys"][0].pop("holder"),
    ],
)
def test_a_trust_root_that_is_not_exactly_one_is_refused(scene: Scene, change: object) -> None:
    scene.keys.worker()
    data = json.loads(scene.trust().spell())
    change(data)  # type: ignore[operator]
    file = scene.folder / "trust.json"
    file.write_text(json.dumps(data))
    with pytest.raises(Malformed, match=r"trust\.json"):
        TrustRoot.load(file)


@pytest.mark.parametrize("content", [b"", b"\xff\xfe", b"[" * 100_000, b"null", b"[]"])
def test_a_file_that_is_no_trust_root_is_named(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "trust.json"
    file.write_bytes(content)
    with pytest.raises(Malformed):
        TrustRoot.load(file)
    with pytest.raises(Unreachable):
        TrustRoot.load(tmp_path / "none.json")


def test_a_trust_root_is_read_as_it_was_written_and_only_a_given_one_is_pinned(scene: Scene) -> None:
    scene.keys.worker()
    file = scene.folder / "trust.json"
    file.write_bytes(scene.keys.trust().spell())
    loaded = TrustRoot.load(file)
    assert loaded.keys == scene.keys.trust().keys
    assert (loaded.pinned, scene.keys.trust().pinned) == (True, False)


def test_keys_are_made_once_and_belong_to_their_owner_alone(scene: Scene) -> None:
    with ThreadPoolExecutor(4) as pool:
        made = list(pool.map(lambda _: scene.keys.person("olga").key_id, range(8)))
    assert len(set(made)) == 1
    files = list((scene.folder / "keys").iterdir())
    assert [file.name for file in files] == ["person-olga.key"]
    assert files[0].stat().st_mode & 0o777 == 0o600
    assert (scene.folder / "keys").stat().st_mode & 0o777 == 0o700


def test_signers_say_whose_they_are_and_never_show_their_key(scene: Scene) -> None:
    worker, olga = scene.keys.worker(), scene.keys.person("olga")
    assert (worker.holder, worker.by) == ("worker:local", f"worker:{worker.key_id}")
    assert (olga.holder, olga.by) == ("person:olga", "person:olga")
    secret = json.loads((scene.folder / "keys" / "person-olga.key").read_text())["private"]
    assert secret not in repr(olga)
    assert base64.b64decode(secret).hex() not in repr(olga)
    assert all(key.local for key in scene.keys.trust().keys)


@pytest.mark.skipif(os.name != "posix", reason="file modes are a POSIX matter")
def test_a_key_that_others_can_read_is_not_used(scene: Scene) -> None:
    scene.keys.worker()
    (scene.folder / "keys" / "worker-local.key").chmod(0o644)
    with pytest.raises(Refused, match="read by others"):
        scene.keys.worker()


@pytest.mark.parametrize("name", ["", "../olga", "a/b", ".hidden", "x" * 101, "a\nb", "-"])
def test_a_name_that_is_no_file_name_names_no_key(scene: Scene, name: str) -> None:
    with pytest.raises(Refused):
        scene.keys.person(name)


@pytest.mark.parametrize("content", ["", "{}", "null", '{"format": "seatrial-key-1", "holder": "worker:local"}'])
def test_a_file_that_is_no_key_is_named(scene: Scene, content: str) -> None:
    scene.keys.worker()
    (scene.folder / "keys" / "worker-local.key").write_text(content)
    with pytest.raises(Malformed, match=r"worker-local\.key"):
        scene.keys.worker()


def test_one_persons_key_file_does_not_become_anothers(scene: Scene) -> None:
    scene.keys.person("sven")
    folder = scene.folder / "keys"
    (folder / "person-sven.key").rename(folder / "person-olga.key")
    with pytest.raises(Malformed, match="person:sven"):
        scene.keys.person("olga")


def test_a_keystore_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "keys").write_text("in the way")
    with pytest.raises(SeatrialError, match="keys"):
        Keystore(tmp_path / "keys").worker()


def test_a_keystore_is_read_by_another_process(scene: Scene) -> None:
    code = (
        "import sys, pathlib; from seatrial.adapters.signers.keystore import Keystore;"
        "print(Keystore(pathlib.Path(sys.argv[1])).worker().key_id)"
    )
    command = [sys.executable, "-c", code, str(scene.folder / "keys")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == scene.keys.worker().key_id
