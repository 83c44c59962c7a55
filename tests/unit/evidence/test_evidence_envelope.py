"""Records have one canonical spelling, and their bytes are never written anew."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ledger_scene import SYSTEM, Scene

from seatrial.adapters.signers.keystore import Keystore
from seatrial.core.bodies import ObservationBody
from seatrial.core.codec import CodecError, from_data, to_data
from seatrial.core.errors import Malformed, Refused
from seatrial.core.observation import Json, Measure, Observation
from seatrial.core.record import Record
from seatrial.core.vocabulary import RecordType
from seatrial.evidence.envelope import (
    Envelope,
    canonical,
    pae,
    parse,
    read_canonical,
    seal,
    seal_payload,
    sha256,
    spell,
)
from seatrial.evidence.upcast import UnknownFormat, read_record

_JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53) + 1, 2**53 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"]), max_size=8), inner, max_size=4)
    ),
    max_leaves=12,
)


@given(_JSON)
@settings(max_examples=60, deadline=None)
def test_canonical_json_is_read_back_and_spelled_the_same(data: Any) -> None:
    spelled = canonical(data)
    assert read_canonical(spelled) == data
    assert canonical(read_canonical(spelled)) == spelled


def test_canonical_json_follows_rfc_8785() -> None:
    data: Mapping[str, Json] = {"€": "Euro", "\r": 1, "1": [56.0, 1e30, 4.50, 2e-3, 1e-27], "ö": True, "a": None}
    assert canonical(data) == ('{"\\r":1,"1":[56,1e+30,4.5,0.002,1e-27],"a":null,"ö":true,"€":"Euro"}'.encode())


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 2**53, "\ud800"])
def test_what_json_cannot_hold_is_refused_and_never_rounded(value: Any) -> None:
    with pytest.raises(CodecError, match="canonical JSON"):
        canonical({"value": value})


def test_the_signed_bytes_are_dsse_pre_authentication_encoding() -> None:
    assert pae("application/x", b"hello") == b"DSSEv1 13 application/x 5 hello"


def test_a_sealed_record_is_read_back_whole(tmp_path: Path) -> None:
    signer = Keystore(tmp_path).worker()
    at = datetime(2026, 11, 2, 8, 0, 0, 123456, tzinfo=UTC)
    body = ObservationBody(
        requirement="model.threshold",
        check="model.threshold",
        check_version=1,
        product="0",
        run="r",
        seed=7,
        started_at=at,
        duration_s=2.0,
        observation=Observation(done="Counted.", measures=(Measure(name="recall", value=float("nan"), n=3),)),
    )
    record = Record(
        type=RecordType.OBSERVATION,
        id="r1",
        system=SYSTEM,
        at=at,
        by=signer.by,
        depends={"model": "0" * 64},
        body=to_data(body),  # type: ignore[arg-type]
    )
    envelope = parse(seal(record, signer))
    again = read_record(envelope)
    assert again == record
    assert envelope.payload_type == "application/vnd.seatrial.observation.v1+json"
    read_body = from_data(ObservationBody, again.body)
    assert read_body.observation is not None
    assert str(read_body.observation.measures[0].value) == "nan"


def test_nobody_seals_what_another_says(tmp_path: Path) -> None:
    scene = Scene(tmp_path)
    record = scene.record(RecordType.ACCEPTANCE, {"person": "olga"}, scene.keys.person("olga"))
    with pytest.raises(Refused, match="person:olga"):
        seal(record, scene.keys.person("sven"))


def test_the_stored_bytes_are_those_that_were_signed(tmp_path: Path) -> None:
    scene = Scene(tmp_path)
    story = scene.story()
    ledger = scene.open()
    for envelope in story:
        ledger.append(envelope)
    assert [entry.envelope for entry in ledger.entries(SYSTEM)] == story
    assert [entry.record for entry in ledger.entries(SYSTEM)] == [sha256(envelope) for envelope in story]


def test_another_spelling_of_the_same_envelope_is_not_taken(tmp_path: Path) -> None:
    scene = Scene(tmp_path)
    spelled = json.dumps(json.loads(scene.observed()), indent=1).encode()
    with pytest.raises(Malformed, match="canonical spelling"):
        scene.open().append(spelled)


@pytest.mark.parametrize(
    "change",
    [
        lambda payload: payload.replace(b":", b": ", 1),
        lambda payload: payload.replace(b'"id":', b'"id":"twice","id":', 1),
        lambda payload: payload.replace(b"0.81", b"0.810"),
        lambda payload: payload.replace(b"0.81", b'"\\ud800"'),
        lambda payload: payload.replace(b"0.81", b"[" * 5000 + b"]" * 5000),
        lambda payload: payload.replace(b"0.81", b"9" * 5000),
        lambda payload: payload.replace(b'"r1"', b'"\\ud800"'),
        lambda payload: payload.replace(b'"version":1', b'"version":"1"'),
        lambda payload: payload.replace(b"Z", b""),
        lambda payload: b"\xff" + payload,
    ],
)
def test_a_payload_that_is_not_canonical_is_not_taken_though_it_is_signed(
    tmp_path: Path, change: Callable[[bytes], bytes]
) -> None:
    scene = Scene(tmp_path)
    envelope = parse(scene.observed(0.81))
    payload = change(envelope.payload)
    assert payload != envelope.payload
    content = seal_payload(envelope.payload_type, payload, scene.keys.worker())
    with pytest.raises((Malformed, CodecError)):
        scene.open().append(content)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{}",
        b"[]",
        b"null",
        b"\xff",
        b"[" * 100_000,
        b'{"payload": 1, "payloadType": "x", "signatures": []}',
        b'{"payload":"!!","payloadType":"x","signatures":[{"keyid":"k","sig":"AA=="}]}',
        b'{"payload":"","payloadType":"x","signatures":[{"keyid":"k","sig":"AA=="}]}',
        b'{"payload":"","payloadType":"\\ud800","signatures":[{"keyid":"k","sig":"AA=="}]}',
        b"x" * (16 * 1024 * 1024 + 1),
    ],
    ids=[
        "empty",
        "no fields",
        "list",
        "null",
        "binary",
        "deep",
        "no signature",
        "no base64",
        "short",
        "surrogate",
        "huge",
    ],
)
def test_what_is_no_envelope_is_refused_in_one_sentence(content: bytes, tmp_path: Path) -> None:
    with pytest.raises(Malformed):
        Scene(tmp_path).open().append(content)


def old_and_new(version: int) -> Envelope:
    payload = canonical(
        {
            "type": "observation",
            "id": "r1",
            "system": SYSTEM,
            "at": "2026-11-02T08:00:00Z",
            "author": "worker:k",
            "depends": {},
            "body": {},
            "version": version,
        }
    )
    kind = f"application/vnd.seatrial.observation.v{version}+json"
    return Envelope(payload_type=kind, payload=payload, key_id="k", signature=b"s" * 64)


def test_an_older_format_is_lifted_step_by_step() -> None:
    def lift(data: Mapping[str, Any]) -> Mapping[str, Any]:
        return {**{k: v for k, v in data.items() if k != "author"}, "by": data["author"], "version": 1}

    record = read_record(old_and_new(0), {0: lift})
    assert (record.by, record.version) == ("worker:k", 1)


def test_an_older_format_without_its_upcaster_and_a_newer_one_are_unknown() -> None:
    for version in (0, 2, 999_999):
        with pytest.raises(UnknownFormat):
            read_record(old_and_new(version))


@pytest.mark.parametrize("kind", ["application/json", "application/vnd.seatrial.verdict.v1+json", ""])
def test_an_unknown_payload_type_is_not_guessed(kind: str) -> None:
    with pytest.raises(UnknownFormat):
        read_record(replace(old_and_new(1), payload_type=kind))


def test_spelling_an_envelope_is_what_parsing_reads() -> None:
    envelope = Envelope(payload_type="x", payload=b"\x00\xff", key_id="k", signature=b"s" * 64)
    assert parse(spell(envelope)) == envelope
    assert base64.b64encode(b"\x00\xff") in spell(envelope)
