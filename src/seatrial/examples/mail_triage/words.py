"""The words of a mail, as training, serving and the guard count them."""

from __future__ import annotations

import re

_WORD = re.compile(r"[^\W\d_]{2,}")


def words_of(text: str) -> list[str]:
    """Runs of two letters or more, in lower case."""
    return _WORD.findall(text.lower())
