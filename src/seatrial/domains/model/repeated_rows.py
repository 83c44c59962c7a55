"""Evaluation rows that are copies of each other: every copy counts as a row of its own, and brings nothing new."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from seatrial.core.observation import Finding
from seatrial.core.wording import percent
from seatrial.domains.model.leaks import Fingerprints, Hashes, twins
from seatrial.domains.scored.rows import Rows
from seatrial.measure.hashing import mixed
from seatrial.spec.system import System
from seatrial.stats import proportions

CODES: Mapping[str, str] = {
    "repeated-rows": "Evaluation rows are copies of each other, far more often than live rows are.",
}
_ALPHA = 0.05
_MATERIAL = 0.05
"""Share of copies beyond what live rows have, from which bounds are noticeably too narrow."""


def repeated_rows(system: System, names: Sequence[str], rows: Rows, live: Rows, *, seed: int) -> Iterator[Finding]:
    """Whether rows agree in all of the columns `names` more often than as many live rows do.

    Coarse data repeat by nature. Repeated rows of one declared entity count together, and so do no harm.
    """
    source = system.data.evaluation
    prints = Fingerprints(names)
    asked, usual = prints.of(rows.columns, names), prints.of(live.columns, names)
    if source is not None and source.entity is not None and source.entity in rows.columns:
        of_entity = mixed(asked + np.uint64(3) * prints.of(rows.columns, [source.entity]))
        asked = asked[np.unique(of_entity, return_index=True)[1]]
    n = min(asked.size, usual.size)
    if not names or not n:
        return
    rng = np.random.default_rng(seed)
    found, natural = _twins(asked, n, rng), _twins(usual, n, rng)
    excess = proportions.lower(round(found * n), n, _ALPHA) - proportions.upper(round(natural * n), n, _ALPHA)
    if excess > _MATERIAL:
        yield Finding(
            code="repeated-rows",
            summary=f"{percent(found)} of {n} evaluation rows equal another one in every input, and {percent(natural)} "
            "of as many live rows do",
            fields=("data.evaluation",),
            remedy="Take the copies out. Where one thing is measured several times, name what it is in "
            "data.evaluation.entity, so that its rows count together.",
            why="A row that is counted ten times makes every figure look more certain than it is.",
            detail={"repeated": found, "natural": natural, "rows": int(n)},
        )


def _twins(hashes: Hashes, n: int, rng: np.random.Generator) -> float:
    return twins(hashes if hashes.size == n else rng.choice(hashes, n, replace=False))
