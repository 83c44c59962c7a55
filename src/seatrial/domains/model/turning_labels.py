"""Labels that turn exactly where the model's answer turns: wrong rows were left out, or the answer wrote the label.

Whatever the model is worth, how often an outcome comes true is a smooth function of its score: the world does not know
at which score the answer turns. Where a part of the wrong rows was dropped, or labels were written by somebody who saw
the answer, it jumps there. Assumption: no outcome follows from what was done about the answer.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

import numpy as np

from seatrial.core.observation import Finding
from seatrial.core.vocabulary import Weight
from seatrial.core.wording import percent
from seatrial.domains.scored.outcomes import Outcomes
from seatrial.domains.scored.rows import Floats, Ints, Mask
from seatrial.spec.system import System
from seatrial.stats.discontinuity import jump

CODES: Final[Mapping[str, str]] = {
    "labels-turn-with-answer": "Labels turn exactly where the answer turns, as if wrong rows had been left out.",
}
_CERTAIN, _TIMES = 4.0, 1.5
"""Standard errors of a jump that counts, and how many times as clear it is as any jump at another score."""
_MATERIAL = 0.05


def turning_labels(system: System, found: Outcomes, groups: Ints | None) -> Iterator[Finding]:
    """A finding where outcomes jump at a score where the answer turns. `groups` number the rows' entities."""
    given = found.answered & ~np.isnan(found.score)
    if found.task != "binary" or found.positive < 0 or not given.any():
        return
    if groups is not None:
        given &= _first_of_each(groups)
    score, true = found.score[given], (found.truth == found.positive)[given]
    flagged = (found.predicted == found.positive)[given]
    cuts = {system.model.output.act_at, _turns_at(score, flagged)} - {None}
    for cut in sorted(cut for cut in cuts if cut is not None):
        seen = jump(score, true, cut)
        if seen is None or seen.above - seen.below < _MATERIAL or seen.z < max(_CERTAIN, _TIMES * seen.elsewhere):
            continue
        below, above = (min(1.0, max(0.0, share)) for share in (seen.below, seen.above))
        yield Finding(
            code="labels-turn-with-answer",
            weight=Weight.OPEN,
            summary=f"just below a score of {cut:.4g}, where the answer turns, {percent(below)} come true, and just "
            f"above it {percent(above)}: the world cannot know where the answer turns",
            fields=("data.evaluation",),
            why="Either rows on which the model is wrong were left out, or the labels follow the answer; both make it "
            "look better than it is.",
            remedy="Give every row that the source holds for the time, with labels by people who did not see the "
            "answer. Where outcomes follow from what was done about it, evaluate on rows on which nobody acted.",
            detail={"cut": cut, "below": seen.below, "above": seen.above, "z": seen.z, "rows": seen.rows},
        )
        return


def _turns_at(score: Floats, flagged: Mask) -> float | None:
    """The lowest score of a positive answer; None where scores do not part the answers."""
    if not flagged.any() or flagged.all():
        return None
    lowest = float(score[flagged].min())
    return lowest if lowest > float(score[~flagged].max()) else None


def _first_of_each(groups: Ints) -> Mask:
    first = np.zeros(groups.size, dtype=bool)
    first[np.unique(groups, return_index=True)[1]] = True
    return first
