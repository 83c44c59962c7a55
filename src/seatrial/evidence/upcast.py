"""Reading records of every format that was ever written.

An upcaster lifts the plain data of one version to the next. A record keeps its signed bytes for ever; only what is read
from them is lifted. To add a version: raise `RECORD_VERSION`, add the upcaster of the version before, freeze a ledger.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from seatrial.core.codec import CodecError, from_data
from seatrial.core.errors import Malformed
from seatrial.core.record import RECORD_VERSION, Record
from seatrial.core.vocabulary import RecordType
from seatrial.evidence.envelope import Envelope, read_canonical

Upcaster: TypeAlias = Callable[[Mapping[str, Any]], Mapping[str, Any]]

UPCASTERS: Mapping[int, Upcaster] = {}
"""Version to the function that lifts its data by one version. Empty while only version 1 was ever written."""

_PAYLOAD_TYPE = re.compile(r"application/vnd\.seatrial\.([a-z-]{1,40})\.v([0-9]{1,6})\+json")


class UnknownFormat(Malformed):
    """A record type or version that this release does not know: written by a newer one, or by something else."""


def read_record(envelope: Envelope, upcasters: Mapping[int, Upcaster] = UPCASTERS) -> Record:
    """The record in an envelope, lifted to today's version; its signature is not looked at.

    Raises UnknownFormat for a type or version that is not known, Malformed for a payload that belies its type.
    """
    kind, version = _named(envelope.payload_type)
    if version > RECORD_VERSION or any(v not in upcasters for v in range(version, RECORD_VERSION)):
        raise UnknownFormat(
            f"record version {version} is not known; this release knows up to {RECORD_VERSION}",
            remedy="read this ledger with the release that wrote it, or a newer one",
        )
    try:
        data: Any = read_canonical(envelope.payload)
    except (ValueError, RecursionError):
        raise Malformed("the payload is not JSON") from None
    if not isinstance(data, dict) or data.get("type") != kind or data.get("version") != version:
        raise Malformed("the payload is of another type or version than the signature says")
    for step in range(version, RECORD_VERSION):
        data = upcasters[step](data)
    try:
        record = from_data(Record, data)
        f"{record.id}{record.system}{record.by}".encode()  # refuses lone surrogates
    except (CodecError, ValueError) as error:
        raise Malformed(f"the payload is no record: {error}") from None
    return record


def _named(payload_type: str) -> tuple[str, int]:
    match = _PAYLOAD_TYPE.fullmatch(payload_type)
    if match is None or match[1] not in set(RecordType):
        raise UnknownFormat(f"payload type {payload_type[:80]!r} is not known")
    return match[1], int(match[2])
