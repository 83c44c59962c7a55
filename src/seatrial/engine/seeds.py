"""Seeds that depend on the run's seed and the check's id alone, not on order, time or machine."""

from __future__ import annotations

import hashlib

_BYTES = 6
"""48 bits: every JSON reader holds such a number exactly."""


def derive(run_seed: int, check: str) -> int:
    """The seed of one check in one run: the first 48 bits of SHA-256 over both."""
    return int.from_bytes(hashlib.sha256(f"{run_seed}:{check}".encode()).digest()[:_BYTES], "big")
