"""Seeds that depend on the check and the run, or on what is judged, alone: not on order, time or machine."""

from __future__ import annotations

import hashlib

_BYTES = 6
"""48 bits: every JSON reader holds such a number exactly."""


def derive(source: int | str, check: str) -> int:
    """The seed of one check from that of the run, or from what else it has it: 48 bits of SHA-256 over both."""
    return int.from_bytes(hashlib.sha256(f"{source}:{check}".encode()).digest()[:_BYTES], "big")
