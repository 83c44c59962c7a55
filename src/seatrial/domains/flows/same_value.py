"""When a value that arrived is the one that was sent, however the other side spells it."""

from __future__ import annotations

import math
from datetime import datetime

from seatrial.core.observation import Json


def same(arrived: Json, sent: Json) -> bool:
    """Equal as they are, as numbers (12 and 12.0, never a text that reads like one), or as the same instant.

    What was sent as true or false may arrive as 1 or 0, since many databases have no other type for it.
    """
    if isinstance(sent, bool):
        return isinstance(arrived, int) and arrived == sent
    if isinstance(arrived, bool):
        return False
    if isinstance(arrived, int | float) and isinstance(sent, int | float):
        return math.isclose(arrived, sent, rel_tol=1e-9, abs_tol=1e-12)
    if arrived == sent:
        return True
    first, second = _instant(arrived), _instant(sent)
    return first is not None and first == second


def _instant(value: Json) -> datetime | None:
    if not isinstance(value, str) or len(value) < len("2027-01-11T10:00"):
        return None
    try:
        when = datetime.fromisoformat(value)
    except ValueError:
        return None
    return when if when.tzinfo is not None else None
