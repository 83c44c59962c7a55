"""Whether a governed metric is about what is acted on: a metric at another score says nothing of the operation."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

import numpy as np

from seatrial.core.observation import Finding
from seatrial.core.wording import percent
from seatrial.domains.scored.metrics import Governed, decides_at
from seatrial.domains.scored.outcomes import Outcomes
from seatrial.spec.system import System
from seatrial.stats import proportions

CODES: Final[Mapping[str, str]] = {
    "metric-elsewhere": "No governed metric is about the outputs that are acted on: each is at another score.",
}
_MOST_DIFFERING: Final = 0.01
_ALPHA: Final = 0.05
_NEAR: Final = 1e-9


def metric_elsewhere(system: System, metrics: Sequence[Governed], found: Outcomes) -> Iterator[Finding]:
    """A gap where outputs are acted on from a score at which no governed metric that decides looks.

    A metric without a score looks at the answer itself: it is about what is acted on where answers and scores agree.
    Areas and means over all scores decide nothing, and neither do metrics of a user's own.
    """
    act_at = system.model.output.act_at
    if system.model.task != "binary" or act_at is None:
        return
    places = [(metric.name, decides_at(metric.name)) for metric in metrics if metric.limit is not None]
    deciding = [(name, at) for name, at in places if at is not None]
    if not deciding or any(not isinstance(at, str) and abs(at - act_at) <= _NEAR for _, at in deciding):
        return
    differing = _differing(found, act_at)
    if any(at == "answer" for _, at in deciding) and differing <= _MOST_DIFFERING:
        return
    names = [name for name, _ in deciding]
    by_answer = f"; the answers themselves differ from that in {percent(differing)} of the rows" if differing else ""
    yield Finding(
        code="metric-elsewhere",
        summary=f"outputs are acted on from a score of {act_at:g}, and none of {', '.join(names)} is about that"
        f"{by_answer}",
        fields=("model.output.act_at", *names),
        remedy=f"Govern the metric where it is acted on, such as {names[0].partition('@')[0]}@{act_at:g}, as the plan "
        "states it; or correct model.output.act_at.",
        why="The figure is of decisions that nobody takes.",
    )


def _differing(found: Outcomes, act_at: float) -> float:
    """The share of rows, at least, whose answer is another one than the score gives from `act_at` on."""
    given = found.answered & ~np.isnan(found.score)
    if not given.any():
        return 0.0
    flagged = np.asarray(found.predicted == found.positive, dtype=bool)
    with np.errstate(invalid="ignore"):
        differ = given & (flagged != (found.score >= act_at))
    return proportions.lower(int(differ.sum()), int(given.sum()), _ALPHA)
