"""Labels that rows have and the model never answers: what a plan of accuracy alone does not see."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

import numpy as np

from seatrial.core.observation import Finding
from seatrial.core.wording import percent
from seatrial.domains.scored.metrics import Governed
from seatrial.domains.scored.outcomes import Outcomes
from seatrial.stats import proportions

CODES: Final[Mapping[str, str]] = {
    "label-never-given": "The model never answers a label that many evaluation rows have.",
}
_AS_GOOD_AS_NEVER = 0.05
"""A label counts where the model certainly (95 %, Clopper-Pearson) gives it to no more of its rows: from 59 rows on."""


def never_given(label: str, metrics: Sequence[Governed], found: Outcomes) -> Iterator[Finding]:
    """One finding with all labels that no answer is, but for those whose own recall or F1 has a limit.

    Of a binary task the label that is acted on may follow from the score, and an answer that is a list gives several
    at once: there nothing is said.
    """
    if found.task != "multiclass" or len(found.classes) < 2 or found.ranks is not None:
        return
    judged = {metric.name for metric in metrics if metric.limit is not None}
    truth, given = found.truth.astype(np.int64), found.predicted[found.answered].astype(np.int64)
    rows = np.bincount(truth, minlength=len(found.classes))
    missed = [
        k
        for k, name in enumerate(found.classes)
        if not (given == k).any()
        and proportions.upper(0, max(int(rows[k]), 1)) <= _AS_GOOD_AS_NEVER
        and not judged & {f"recall:{name}", f"f1:{name}"}
    ]
    if not missed:
        return
    names = ", ".join(found.classes[k] for k in missed)
    n = int(rows[missed].sum())
    yield Finding(
        code="label-never-given",
        summary=f"The model never answers {names}, though {n} of {found.n} rows ({percent(n / found.n)}) are that.",
        fields=(label,),
        remedy=f"See whether the model was trained on {names} and whether its answers are spelled as the labels are; "
        f"then let the plan govern recall:{found.classes[missed[0]]} with a minimum.",
        why="Whatever the accuracy says, what is rare and matters most is never announced.",
    )
