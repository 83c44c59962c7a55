"""What a step may touch."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from seatrial.adapters.http import Http
from seatrial.adapters.redaction import Redactor
from seatrial.core.errors import Malformed
from seatrial.core.observation import Json
from seatrial.core.ports import Integration, Pager, StepResult

MOST_OUTPUT: Final = 32_768
"""Characters of a step's output that are kept: its beginning and its end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """The declared world of a procedure."""

    http: Http
    base_dir: Path
    pager: Callable[[], Pager] | None
    databases: frozenset[str]
    environment: Mapping[str, str]
    redact: Redactor
    readable: frozenset[str] = frozenset()
    """Databases that may be asked, never changed."""
    integrations: Callable[[str], Integration] | None = None
    """The declared integration of a name; it refuses itself what may not be written."""


Run = Callable[[Mapping[str, Json], Surroundings, float], StepResult]
"""Runs one kind of step: settings, surroundings, seconds allowed. Raises only SeatrialError."""


def only(settings: Mapping[str, Json], kind: str, *known: str) -> None:
    """Raises Malformed for a setting that this kind of step does not have: a misspelt proof must not pass."""
    unknown = sorted(set(settings) - set(known))
    if unknown:
        raise Malformed(f"a {kind!r} step has no setting {', '.join(unknown)}; known: {', '.join(known)}")


def text(settings: Mapping[str, Json], kind: str, key: str, default: str | None = None) -> str:
    """A setting that must be text. Raises Malformed."""
    value = settings.get(key, default)
    if not isinstance(value, str) or not value:
        raise Malformed(f"a {kind!r} step needs {key!r} as text")
    return value


def mapping(settings: Mapping[str, Json], kind: str, key: str) -> Mapping[str, Json]:
    """A setting that must be a mapping, empty when absent. Raises Malformed."""
    value = settings.get(key)
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise Malformed(f"a {kind!r} step needs {key!r} as a mapping")
    return value


def shortened(output: str) -> str:
    """The beginning and the end of a long output."""
    if len(output) <= MOST_OUTPUT:
        return output
    half = MOST_OUTPUT // 2
    return f"{output[:half]}\n… {len(output) - 2 * half} characters left out …\n{output[-half:]}"
