"""How often a chat application says nothing: answers that are empty or missing, and questions that it refuses."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from seatrial.core.observation import Measure
from seatrial.core.vocabulary import Sense
from seatrial.domains.model.bounding import Setting, plain_measure
from seatrial.domains.scored.metric_rows import MetricRows
from seatrial.domains.scored.metrics import Governed
from seatrial.domains.scored.outcomes import Outcomes
from seatrial.domains.scored.rows import Mask

EMPTY = "answers that are empty or missing"
REFUSED = "answerable questions that it says it cannot answer"


def silences(found: Outcomes, setting: Setting) -> Iterator[Measure]:
    """Both shares with their bounds, to be shown; nothing for models that are no chat application."""
    if found.task != "chat":
        return
    can, abstained = found.marks["answerable"], found.marks["abstained"]
    for name, used, silent in (
        (EMPTY, np.ones(found.n, dtype=bool), ~found.answered),
        (REFUSED, can, found.answered & abstained),
    ):
        if used.any():
            yield _shown(name, used, silent, setting)


def _shown(name: str, used: Mask, silent: Mask, setting: Setting) -> Measure:
    rows = MetricRows(used=used, values=silent[used].astype(np.float64), scale="share")
    return replace(plain_measure(Governed(name=name, sense=Sense.AT_MOST, limit=None), rows, setting), unit="share")
