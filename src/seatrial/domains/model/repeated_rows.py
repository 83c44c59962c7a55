"""Evaluation rows that are copies of each other: every copy counts as a row of its own, and brings nothing new.

Copies in every input are found by hash. Copies that were rounded, shaken or changed in a few inputs are looked for
among 8,000 rows at most, drawn at random, as near copies of training rows are.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from seatrial.core.observation import Finding
from seatrial.core.wording import count, percent
from seatrial.domains.model.leaks import Fingerprints, Hashes, twins
from seatrial.domains.model.near_copies import Way, near_copies
from seatrial.domains.scored.rows import Ints, Rows, features_of
from seatrial.measure.hashing import mixed
from seatrial.spec.model import InputField
from seatrial.spec.system import System
from seatrial.stats import proportions

CODES: Mapping[str, str] = {
    "repeated-rows": "Evaluation rows are copies of each other, or nearly, far more often than live rows are.",
}
_ALPHA = 0.05
_MATERIAL = 0.05
"""Share of copies beyond what live rows have, from which bounds are noticeably too narrow."""
_MOST_NEAR = 8_000
_MOST_NATURAL = 0.2
_REMEDY = (
    "Take the copies out. Where one thing is measured several times, name what it is in data.evaluation.entity, so "
    "that its rows count together."
)
_WHY = "A row that is counted ten times makes every figure look more certain than it is."


def repeated_rows(
    system: System, inputs: Mapping[str, InputField], names: Sequence[str], rows: Rows, live: Rows, *, seed: int
) -> Iterator[Finding]:
    """Whether rows agree in all of the columns `names`, or nearly, more often than as many live rows do.

    Coarse data repeat by nature. Repeated rows of one declared entity count together, and so do no harm.
    """
    exact = next(_exact(system, names, rows, live, seed=seed), None)
    found = exact or next(_near(system, inputs, names, rows, live, seed=seed), None)
    if found is not None:
        yield found


def _exact(system: System, names: Sequence[str], rows: Rows, live: Rows, *, seed: int) -> Iterator[Finding]:
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
            remedy=_REMEDY,
            why=_WHY,
            detail={"repeated": found, "natural": natural, "rows": int(n)},
        )


def _twins(hashes: Hashes, n: int, rng: np.random.Generator) -> float:
    return twins(hashes if hashes.size == n else rng.choice(hashes, n, replace=False))


def _near(
    system: System, inputs: Mapping[str, InputField], names: Sequence[str], rows: Rows, live: Rows, *, seed: int
) -> Iterator[Finding]:
    of_entities, rng = _one_of_each(system, rows), np.random.default_rng(seed)
    n = min(of_entities.size, live.n, _MOST_NEAR)
    if not names or n < 2:
        return
    compared = {name: inputs[name] for name in names}
    here, there = (np.sort(rng.choice(side, n, replace=False)) for side in (of_entities, live.n))
    usual = _ways(system, compared, live, there, seed=seed)
    # Evaluation rows that are near each other would say themselves that near rows are nothing rare.
    changed = max((fields for fields, _ in usual), default=0)
    asked = _ways(system, compared, rows, here, seed=seed, changed=changed)
    alpha = _ALPHA / max(1, len(asked))
    for kind, way in sorted(asked.items()):
        natural = usual.get(kind)
        if natural is None or natural.natural_share > _MOST_NATURAL:
            continue
        excess = proportions.lower(way.natural, way.natural_rows, alpha) - proportions.upper(
            natural.natural, natural.natural_rows, alpha
        )
        if excess > _MATERIAL:
            but = f"in all but {count(way.changed, 'input')}" if way.changed else "in every input"
            yield Finding(
                code="repeated-rows",
                summary=f"{percent(way.natural_share)} of {n} evaluation rows equal another one {but}, for "
                f"{'noise' if way.noisy else 'rounding'}, and {percent(natural.natural_share)} of as many live rows do",
                fields=("data.evaluation",),
                remedy=_REMEDY,
                why=_WHY,
                detail={"repeated": way.natural_share, "natural": natural.natural_share, "rows": int(n)},
            )


def _one_of_each(system: System, rows: Rows) -> Ints:
    """The places of one row of each declared entity; all where none is declared."""
    source = system.data.evaluation
    if source is None or source.entity is None or source.entity not in rows.columns:
        return np.arange(rows.n, dtype=np.int64)
    prints = Fingerprints([source.entity])
    return np.unique(prints.of(rows.columns, [source.entity]), return_index=True)[1].astype(np.int64)


def _ways(
    system: System,
    inputs: Mapping[str, InputField],
    rows: Rows,
    chosen: Ints,
    *,
    seed: int,
    changed: int | None = None,
) -> dict[tuple[int, bool], Way]:
    """How often these rows have a near row among themselves, by the number of changed inputs and whether for noise.

    Up to `changed` inputs may differ; where None, as many as leave near rows rare among these.
    """
    features = [feature.at(chosen) for feature in features_of(rows, inputs)]
    noise = system.stress.noise
    search = near_copies(features, features, training_rows=chosen.size, noise=noise, seed=seed, changed=changed)
    return {} if search is None else {(way.changed, way.noisy): way for way in search.ways}
