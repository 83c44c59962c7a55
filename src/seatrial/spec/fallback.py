"""How a workflow runs without the system, and where what is finished by hand lands."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from seatrial.spec.quantities import Rate
from seatrial.spec.section import Path, Section


class Landing(Section):
    """Where work that was finished by hand is seen: a declared integration, read at its test end, or a table.

    `integration` or `source` (with its `query` for a database), never both. `key` is the field that tells items apart.
    Where others put records at the same place, `matching` tells those that were made by hand: field to its value.
    """

    integration: str | None = None
    source: str | None = None
    query: str | None = None
    key: str
    matching: dict[str, Any] = Field(default_factory=dict)


class Fallback(Section):
    """How a workflow runs without the system: the procedure, the volume that it must carry, and where its work lands.

    In the rehearsal each item is counted that was not at `lands` before: what a step prints is believed by nobody.
    """

    procedure: Path
    needed: Rate
    lands: Landing | None = None
