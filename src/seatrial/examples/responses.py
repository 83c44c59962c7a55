"""What became of an example's outputs in the weeks of shadow use: played, as the personas are, with a fixed seed."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

_WORKED_AROUND = 0.015
_SEED = 20261005


@dataclass(frozen=True, slots=True, kw_only=True)
class Shadow:
    """`count` outputs in one workflow; what acting on one is called there, and how people work around it."""

    workflow: str
    team: str
    count: int
    acted: str
    instead: str


def write_responses(path: Path, shadow: Sequence[Shadow], *, acted_on: float, otherwise: str) -> None:
    """Writes one row for each output: acted on in that share, half of the rest overridden, the others not looked at."""
    import numpy as np

    random = np.random.default_rng(_SEED)
    now = datetime.now(UTC)
    with path.open("w", encoding="utf-8", newline="") as handle:
        out = csv.writer(handle)
        out.writerow(["warning_id", "workflow", "team", "shown_at", "response", "note"])
        for each in shadow:
            for at, lot in enumerate(random.random(each.count)):
                response = each.acted if lot < acted_on else otherwise if lot < acted_on + (1 - acted_on) / 2 else ""
                note = each.instead if lot > 1.0 - _WORKED_AROUND else ""
                shown = (now - timedelta(hours=1 + 0.9 * at)).isoformat(timespec="seconds")
                out.writerow([f"{each.team}-{at}", each.workflow, each.team, shown, response, note])
