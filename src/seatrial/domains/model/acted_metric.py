"""Whether governed metrics are about what is acted on: at the score from which it is, and of every class there is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

import numpy as np

from seatrial.core.observation import Finding
from seatrial.core.vocabulary import Weight
from seatrial.core.wording import percent
from seatrial.domains.scored.metrics import Governed, decides_at
from seatrial.domains.scored.outcomes import Outcomes, class_name
from seatrial.spec.system import System
from seatrial.stats import proportions

CODES: Final[Mapping[str, str]] = {
    "class-not-evaluated": "A metric counts every class alike, and a declared class has no evaluation row.",
    "metric-elsewhere": "No governed metric is about the outputs that are acted on: each is at another score.",
}
_MOST_DIFFERING: Final = 0.01
_ALPHA: Final = 0.05
_NEAR: Final = 1e-9
_OVER_CLASSES: Final = ("macro-", "balanced-accuracy")


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


def class_not_evaluated(system: System, metrics: Sequence[Governed], found: Outcomes) -> Iterator[Finding]:
    """Open where a mean over the classes leaves out a declared one, because no evaluation row is of it."""
    output = system.model.output
    declared = {class_name(label) for label in output.labels or output.classes or ()}
    absent = sorted(declared - set(found.classes))
    names = [m.name for m in metrics if m.limit is not None and m.name.startswith(_OVER_CLASSES)]
    if found.task == "multiclass" and names and absent:
        yield Finding(
            code="class-not-evaluated",
            weight=Weight.OPEN,
            summary=f"{', '.join(names)} counts every class alike, and no evaluation row is {', '.join(absent[:5])}",
            fields=tuple(names),
            remedy="Label rows of each declared class, or take it out of model.output where it is no longer given.",
            why="A class that nobody measured may be always wrong.",
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
