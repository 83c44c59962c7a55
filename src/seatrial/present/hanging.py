"""Lines that are longer than a terminal go on below under their own text, so that columns stay columns."""

from __future__ import annotations

import re
from textwrap import wrap

_HEAD = re.compile(r"\s*(?:\S(?:.*?\S)??\s{2,}(?:[→✗✓✕·] )?|[→✗✓✕·] (?:\S+\s{2,})?)")
"""A first column, a mark, or both."""
_FURTHER = 2


def hung(line: str, width: int) -> list[str]:
    """The line in pieces of at most `width` characters, but for single words that are longer.

    What follows the first piece stands below the text behind the line's mark or its first column; without either,
    two characters farther in than the line.
    """
    if len(line) <= width:
        return [line]
    indent = line[: len(line) - len(line.lstrip())]
    head = _HEAD.match(line)
    first = head.group() if head is not None and head.end() <= width // 2 else indent
    return wrap(
        line[len(first) :],
        width,
        initial_indent=first,
        subsequent_indent=" " * (len(first) if first != indent else len(indent) + _FURTHER),
        break_long_words=False,
        break_on_hyphens=False,
    )
