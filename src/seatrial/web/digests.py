"""Secrets in addresses, as the site keeps them: their digest alone, which opens nothing."""

from __future__ import annotations

import hashlib


def digest_of(secret: str) -> str:
    """What is kept of a secret that has the strength of a key."""
    return hashlib.sha256(secret.encode()).hexdigest()
