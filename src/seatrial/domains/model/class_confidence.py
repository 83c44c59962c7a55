"""Confidence held to the truth for each answer by itself, where there are several that people act on differently.

Scores of one class may promise too much while the others promise too little: bands of the score mix them, and the
mean over all rows looks well.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

import numpy as np

from seatrial.core.observation import Finding
from seatrial.core.wording import percent
from seatrial.domains.model.acted import Acted
from seatrial.domains.scored.rows import Floats, Ints, Mask
from seatrial.spec.system import System
from seatrial.stats import calibration, clusters

CODES: Final[Mapping[str, str]] = {
    "overconfident-class": "Where it gives one of its answers, the model promises far more than comes true.",
}


def overconfident_classes(
    system: System, acted: Acted, relied_on: Mask, groups: Ints | None, alpha: float, *, stands_for: Floats | None
) -> Iterator[Finding]:
    """Answers whose confidence lies above the truth by the smallest harm, certainly, over all answers at once.

    `relied_on` are the rows that are acted on, have a score and are held back by no rule. Answers that come from fewer
    than 30 entities, where rows belong together, are too few to be certain of anything.
    """
    given = np.unique(acted.answer[relied_on & (acted.answer >= 0)])
    if given.size < 2:
        return
    for k in given:
        chosen = relied_on & (acted.answer == k)
        of = None if groups is None else groups[chosen]
        each = None if stands_for is None else stands_for[chosen]
        if (of is not None and np.unique(of).size < clusters.FEWEST) or (each is not None and not each.any()):
            continue
        found = calibration.excess(
            acted.confidence[chosen], acted.right[chosen], alpha / given.size, groups=of, stands_for=each
        )
        if found.lower <= system.policy.smallest_harm:
            continue
        said = float(np.average(acted.confidence[chosen], weights=each))
        label = acted.classes[int(k)]
        yield Finding(
            code="overconfident-class",
            summary=f"where it answers {label} it promises {percent(said)}, and {percent(said - found.value)} of "
            f"{int(chosen.sum())} come true",
            fields=(str(system.model.output.score),),
            remedy="Calibrate the score of each class on rows of its own, or hold such answers back by a do-not-trust "
            f'rule: {system.model.output.prediction} == "{label}" and a condition on {system.model.output.score}.',
            why="What is done with one answer is decided by its own confidence, not by that of all answers.",
            detail={"label": label, "said": said, "true": said - found.value, "n": int(chosen.sum())},
        )
