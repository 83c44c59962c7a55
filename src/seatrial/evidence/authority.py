"""What each kind of key may sign. One table; whatever it does not list is refused.

Whether a person may sign *this* role of *this* system, and separation of duties, is the gate's to say: here stands only
what no declaration can change, such as that a service token never signs off.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from seatrial.core.record import SKEW, Record
from seatrial.core.vocabulary import RecordType
from seatrial.evidence.report import Problem
from seatrial.evidence.trust import TrustedKey

MAY_SIGN: Mapping[str, frozenset[RecordType]] = {
    "worker": frozenset(
        {
            RecordType.OBSERVATION,
            RecordType.DRILL,
            RecordType.COMPREHENSION,
            RecordType.DEPARTURE,
            RecordType.EVENT,
            RecordType.IMPORT,
            RecordType.DECISION,
            RecordType.ERASURE,
        }
    ),
    "token": frozenset({RecordType.OBSERVATION, RecordType.DRILL, RecordType.EVENT}),
    "person": frozenset(
        {
            RecordType.ACCEPTANCE,
            RecordType.ATTESTATION,
            RecordType.COMPREHENSION,
            RecordType.SIGN_OFF,
            RecordType.WITHHOLDING,
            RecordType.EXEMPTION,
            RecordType.WAIVER,
            RecordType.DEPARTURE,
            RecordType.EVENT,
            RecordType.ERASURE,
        }
    ),
    "root": frozenset({RecordType.KEY}),
}
"""Kind of holder to the record types that its key may sign."""

_SPEAKER: Mapping[RecordType, str] = {
    RecordType.ACCEPTANCE: "person",
    RecordType.ATTESTATION: "person",
    RecordType.SIGN_OFF: "person",
    RecordType.WITHHOLDING: "person",
    RecordType.EXEMPTION: "approved_by",
    RecordType.WAIVER: "approved_by",
}
"""The field of the body that names the person whose statement it is: only that person's key makes it."""


def objection(key: TrustedKey, record: Record, *, received_at: datetime) -> Problem | None:
    """Why this key's signature does not make this record count, or None when it does."""
    return _out_of_time(key, record, received_at) or _out_of_place(key, record)


def _out_of_time(key: TrustedKey, record: Record, received_at: datetime) -> Problem | None:
    if record.at > received_at + SKEW:
        return Problem(code="from-the-future", message="its own time lies after the ledger received it")
    if key.revoked_at is not None and max(record.at, received_at) >= key.revoked_at:
        return Problem(code="key-revoked", message=f"the key of {key.holder} was revoked before the ledger received it")
    if key.valid_from is not None and record.at < key.valid_from:
        return Problem(code="key-not-yet-valid", message=f"the key of {key.holder} was not valid yet")
    if key.valid_until is not None and max(record.at, received_at) >= key.valid_until:
        return Problem(code="key-expired", message=f"the key of {key.holder} was no longer valid")
    return None


def _out_of_place(key: TrustedKey, record: Record) -> Problem | None:
    if record.type not in MAY_SIGN.get(key.kind, frozenset()):
        return _refused(f"a {key.kind}'s key cannot sign {_article(record.type)}")
    authors = {f"worker:{key.key}", key.holder} if key.kind == "worker" else {key.holder}
    if record.by not in authors:
        return _refused(f"it says it is by {record.by}, but the key belongs to {key.holder}")
    field = _SPEAKER.get(record.type)
    if field is not None and _field(record, field) != key.name:
        return _refused(f"it is a statement of {_field(record, field)!s}, but the key belongs to {key.holder}")
    if record.type is RecordType.COMPREHENSION and key.kind == "person" and _field(record, "user") != key.name:
        return _refused(f"it is the comprehension check of another than {key.holder}")
    if record.type is RecordType.SIGN_OFF and key.roles is not None and _field(record, "role") not in key.roles:
        return _refused(f"the trust root does not let {key.holder} sign for {_field(record, 'role')!s}")
    return None


def _field(record: Record, name: str) -> Any:
    return record.body.get(name)


def _article(kind: RecordType) -> str:
    return f"an {kind}" if kind[0] in "aeiou" else f"a {kind}"


def _refused(message: str) -> Problem:
    return Problem(code="not-authorised", message=message)
