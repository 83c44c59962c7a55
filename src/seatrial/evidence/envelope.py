"""Sealing a record: canonical JSON (RFC 8785) in a DSSE envelope, signed once by its origin and never written anew.

`seal(record, signer) -> bytes` makes the envelope that `Ledger.append` takes. The digest of a record is the SHA-256 of
these very bytes, so each statement has exactly one spelling: `parse` accepts only the canonical one.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from dataclasses import dataclass
from typing import Any

from seatrial.core.codec import CodecError, to_data
from seatrial.core.errors import Malformed, Refused
from seatrial.core.observation import Json
from seatrial.core.ports import Signer
from seatrial.core.record import Record

MAX_ENVELOPE_BYTES = 16 * 1024 * 1024
_SIGNATURE_BYTES = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Envelope:
    """A parsed DSSE envelope with its one signature. Nothing in it is verified yet."""

    payload_type: str
    payload: bytes
    key_id: str
    signature: bytes


def canonical(data: Json) -> bytes:
    """The one canonical JSON spelling of plain data (RFC 8785).

    Raises CodecError for what it cannot hold: NaN, infinities, integers beyond 2^53, lone surrogates.
    """
    import rfc8785

    try:
        return rfc8785.dumps(data)
    except rfc8785.CanonicalizationError as error:
        raise CodecError(
            f"cannot be written as canonical JSON: {error}",
            remedy="write such numbers as text; `to_data` does so for NaN and infinities",
        ) from None
    except RecursionError:
        raise CodecError("cannot be written as canonical JSON: nested too deeply") from None


def read_canonical(content: bytes) -> Any:
    """The data that canonical JSON spells, floats beyond 2^53 as floats. Raises ValueError, RecursionError."""
    return json.loads(content, parse_int=_whole)


def _whole(digits: str) -> int | float:
    # RFC 8785 spells floats up to 1e21 without exponent; integers of that size it never spells.
    return int(digits) if len(digits) < 16 or abs(int(digits)) < 2**53 else float(digits)


def sha256(content: bytes) -> str:
    """SHA-256 as hex."""
    return hashlib.sha256(content).hexdigest()


def payload_type(kind: str, version: int) -> str:
    """What the signature says the payload is: record type and version."""
    return f"application/vnd.seatrial.{kind}.v{version}+json"


def pae(kind: str, payload: bytes) -> bytes:
    """DSSE's pre-authentication encoding: the bytes that are signed."""
    from securesystemslib.dsse import Envelope as DsseEnvelope

    return bytes(DsseEnvelope(payload, kind, {}).pae())


def seal(record: Record, signer: Signer) -> bytes:
    """The signed envelope of a record.

    Raises Refused when the record names another author than the signer, CodecError when it holds what JSON cannot.
    """
    if record.by != signer.by:
        raise Refused(
            f"record {record.id} says it is by {record.by}, but the key belongs to {signer.by}",
            remedy="set `by` to the signer's `by`, or sign with the author's own key",
        )
    return seal_payload(payload_type(record.type, record.version), canonical(to_data(record)), signer)


def seal_payload(kind: str, payload: bytes, signer: Signer) -> bytes:
    """The signed envelope of any payload, in its canonical spelling."""
    return spell(
        Envelope(payload_type=kind, payload=payload, key_id=signer.key_id, signature=signer.sign(pae(kind, payload)))
    )


def spell(envelope: Envelope) -> bytes:
    """The canonical bytes of an envelope."""
    return canonical(
        {
            "payload": base64.b64encode(envelope.payload).decode(),
            "payloadType": envelope.payload_type,
            "signatures": [{"keyid": envelope.key_id, "sig": base64.b64encode(envelope.signature).decode()}],
        }
    )


def parse(content: bytes) -> Envelope:
    """The envelope that these bytes spell, with exactly one signature. Raises Malformed."""
    if len(content) > MAX_ENVELOPE_BYTES:
        raise Malformed(f"the envelope has {len(content)} bytes; at most {MAX_ENVELOPE_BYTES} are read")
    try:
        data = json.loads(content)
        (signature,) = data["signatures"]
        envelope = Envelope(
            payload_type=_text(data["payloadType"]),
            payload=base64.b64decode(_text(data["payload"]), validate=True),
            key_id=_text(signature["keyid"]),
            signature=base64.b64decode(_text(signature["sig"]), validate=True),
        )
    except (ValueError, KeyError, TypeError, RecursionError, binascii.Error):
        raise Malformed("not a DSSE envelope with exactly one signature") from None
    if len(data) != 3 or len(signature) != 2 or len(envelope.signature) != _SIGNATURE_BYTES:
        raise Malformed("not a DSSE envelope with exactly one Ed25519 signature and nothing else")
    return envelope


def _text(value: object) -> str:
    if not isinstance(value, str) or not value.isascii():
        raise TypeError(value)
    return value
