"""What every importer reads out of another tool's file: which units were tried, and how each attempt ended."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Final

from seatrial.core.errors import Malformed


class Ending(StrEnum):
    """How one attempt ended. Only PASSED counts for the system."""

    PASSED = "passed"
    FAILED = "failed"
    INCONCLUSIVE = "inconclusive"
    ERRORED = "errored"


_WORST_FIRST: Final = (Ending.FAILED, Ending.ERRORED, Ending.INCONCLUSIVE, Ending.PASSED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One answer that was judged. Attempts on the same `unit` (a prompt, a sample) are no independent evidence."""

    unit: str
    group: str
    ending: Ending


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """A tool's result, without its own verdict. `problems` say why it is not the whole of what was planned."""

    tool: str
    version: str
    target: str
    started_at: datetime
    ended_at: datetime
    attempts: Sequence[Attempt]
    problems: Sequence[str] = ()


def counted(attempts: Iterable[Attempt]) -> dict[str, dict[str, int]]:
    """Group to the number of units by their worst ending, and `all` over every group.

    A unit that was tried several times passed only when each of its attempts did: counting attempts would take one
    prompt's repeats for as many independent prompts.
    """
    worst: dict[tuple[str, str], Ending] = {}
    for attempt in attempts:
        key = (attempt.group, attempt.unit)
        worst[key] = min(worst.get(key, Ending.PASSED), attempt.ending, key=_WORST_FIRST.index)
    counts = {"all": dict.fromkeys(map(str, Ending), 0)}
    for (group, _), ending in worst.items():
        counts.setdefault(f"{group} (group)" if group == "all" else group, dict.fromkeys(map(str, Ending), 0))[
            ending
        ] += 1
        counts["all"][ending] += 1
    return counts


def document(content: bytes, what: str) -> Mapping[str, Any]:
    """A JSON object. Raises Malformed."""
    try:
        read = json.loads(content)
    except (ValueError, RecursionError):
        raise Malformed(
            f"the {what} result is not JSON, or cut off in the middle", remedy="Give the file that the tool wrote."
        ) from None
    return section(read, f"the {what} result")


def section(value: object, where: str) -> Mapping[str, Any]:
    """An object. Raises Malformed, naming where it should stand."""
    if not isinstance(value, Mapping):
        raise Malformed(
            f"{where} is missing or holds no fields", remedy="Give the file that the tool wrote, unchanged."
        )
    return value


def entries(value: object, where: str) -> Sequence[Any]:
    """A list. Raises Malformed, naming where it should stand."""
    if not isinstance(value, list):
        raise Malformed(f"{where} is missing or is no list", remedy="Give the file that the tool wrote, unchanged.")
    return value


def text(fields: Mapping[str, Any], key: str, where: str) -> str:
    """A text that is not empty. Raises Malformed."""
    value = fields.get(key)
    if not isinstance(value, str) or not value.strip():
        raise Malformed(f"{where} has no {key}", remedy="Give the file that the tool wrote, unchanged.")
    return value


def moment(value: object, where: str) -> datetime:
    """A time; where it names no zone it is taken for one of this machine. Raises Malformed."""
    try:
        if isinstance(value, int | float) and not isinstance(value, bool):
            return datetime.fromtimestamp(value, UTC)
        read = datetime.fromisoformat(str(value))
    except (ValueError, OverflowError, OSError):
        raise Malformed(f"{where} tells no time", remedy="Give the file that the tool wrote, unchanged.") from None
    return read.astimezone(UTC)
