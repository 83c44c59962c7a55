"""One spelling of plain data, and its SHA-256: the same whatever the order of keys was."""

from __future__ import annotations

import hashlib
import json

from seatrial.core.codec import to_data


def canonical(value: object) -> bytes:
    """Canonical JSON: sorted keys, no white space, UTF-8, non-finite numbers spelled as text."""
    data = to_data(value)
    return json.dumps(data, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()


def digest(value: object) -> str:
    """Hex SHA-256 of the canonical JSON."""
    return hashlib.sha256(canonical(value)).hexdigest()
