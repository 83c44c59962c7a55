"""A verdict as an in-toto statement that a deployment pipeline can require, signed by a worker's key in DSSE.

- `seal_statement(verdict, subject_name=…, subject_digest=…, signer=…) -> bytes`
- `verify_statement(content, trust, subject_digest=…, now=…) -> Statement`

A pipeline MUST still look at the verdict, as `app.pipeline.verify_stated` does: that it is about the same subject, of
the gate that is asked for, `predicate["verdict"] == "GO"`, no rehearsal or demonstration, and `valid_until` not passed.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from seatrial.core.errors import Malformed, Refused
from seatrial.core.observation import Json
from seatrial.core.ports import Signer
from seatrial.evidence.envelope import canonical, parse, read_canonical, seal_payload
from seatrial.evidence.trust import Keyring, TrustedKey, TrustRoot

STATEMENT_TYPE = "https://in-toto.io/Statement/v1"
PAYLOAD_TYPE = "application/vnd.in-toto+json"
PREDICATE_TYPE = "urn:seatrial:verdict:v1"
_DIGEST = re.compile(r"[0-9a-f]{64}")
_MADE_BY = "Give the file that `seatrial gate --statement` wrote in the pipeline."
_EARLY = "See that the clock of this machine is right, or wait."
_ANEW = "Do not deploy on it; decide anew, with a key that holds."


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """A verified statement: which subject, what verdict, and whose key signed it."""

    subject_name: str
    subject_digest: str
    predicate: Mapping[str, Json]
    signer: TrustedKey


def seal_statement(verdict: Mapping[str, Json], *, subject_name: str, subject_digest: str, signer: Signer) -> bytes:
    """The statement about a verdict (its JSON as plain data) in a signed envelope. Raises Malformed, Refused."""
    if not _DIGEST.fullmatch(subject_digest):
        raise Malformed(f"not a SHA-256 digest in hex: {subject_digest[:80]!r}")
    if not signer.holder.startswith("worker:"):
        raise Refused(f"a statement is signed by a worker's key, not by {signer.holder}")
    statement: Mapping[str, Json] = {
        "_type": STATEMENT_TYPE,
        "subject": [{"name": subject_name, "digest": {"sha256": subject_digest}}],
        "predicateType": PREDICATE_TYPE,
        "predicate": verdict,
    }
    return seal_payload(PAYLOAD_TYPE, canonical(statement), signer)


def verify_statement(content: bytes, trust: TrustRoot, *, subject_digest: str | None, now: datetime) -> Statement:
    """The statement, when a trusted worker's key that is valid now signed it about exactly this subject.

    Without `subject_digest` the caller MUST compare the statement's own with what it deploys.

    Raises Malformed for what is no such statement, Refused where signature, key or subject do not hold.
    """
    # 1. The envelope parses and says that it holds a statement.
    envelope = parse(content)
    if envelope.payload_type != PAYLOAD_TYPE:
        raise Malformed(f"not an in-toto statement but {envelope.payload_type[:80]!r}", remedy=_MADE_BY)
    # 2. A known key signed it.
    keys = Keyring(trust)
    key = keys.get(envelope.key_id)
    if key is None:
        raise Refused(
            f"the statement is signed with key {envelope.key_id[:16]}, which the trust root does not know",
            remedy="If you know whose key it is, have the keeper of the trust root add it; else do not deploy.",
        )
    if not keys.holds(envelope):
        raise Refused("the statement's signature does not fit what is signed", remedy=_ANEW)
    # 3. It is a worker's, valid now and not revoked.
    if key.kind != "worker":
        raise Refused(f"the statement is signed by {key.holder}; only a worker's key states verdicts", remedy=_MADE_BY)
    _in_time(key, now)
    # 4. It is about this subject.
    statement = _read(envelope.payload, key)
    if subject_digest is not None and statement.subject_digest != subject_digest:
        raise Refused(
            f"the statement is about subject {statement.subject_digest[:16]}, not about {subject_digest[:16]}",
            remedy="decide anew for what is to be deployed",
        )
    return statement


def _in_time(key: TrustedKey, now: datetime) -> None:
    if key.revoked_at is not None:
        raise Refused(f"the key of {key.holder} was revoked", remedy=_ANEW)
    if key.valid_from is not None and now < key.valid_from:
        raise Refused(f"the key of {key.holder} is not valid yet", remedy=_EARLY)
    if key.valid_until is not None and now >= key.valid_until:
        raise Refused(f"the key of {key.holder} is no longer valid", remedy=_ANEW)


def _read(payload: bytes, key: TrustedKey) -> Statement:
    try:
        data: Any = read_canonical(payload)
        (subject,) = data["subject"]
        known = data["_type"] == STATEMENT_TYPE and data["predicateType"] == PREDICATE_TYPE
        name, digest, predicate = subject["name"], subject["digest"]["sha256"], data["predicate"]
    except (ValueError, KeyError, TypeError, RecursionError):
        raise Malformed("the payload is not an in-toto statement about one subject", remedy=_MADE_BY) from None
    if not known or not isinstance(predicate, dict) or not isinstance(name, str) or not isinstance(digest, str):
        raise Malformed("the statement is of another type than a verdict's", remedy=_MADE_BY)
    return Statement(subject_name=name, subject_digest=digest, predicate=predicate, signer=key)
