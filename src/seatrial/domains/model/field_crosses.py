"""Pairs of fields that go together otherwise live than in the evaluation, although each alone looks the same.

A tree that splits one field at a time gains nothing by its first split where only the pair has changed, and never comes
to the second. So pairs that have certainly changed are handed to the classifier as fields of their own.

Assumption: rows are independent. Guarantee: asymptotic, a likelihood ratio test of each pair's cells less those of its
two fields, at a level that allows for all pairs that are looked at.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from typing import Final

import numpy as np

from seatrial.domains.scored.rows import Feature, Floats, Ints

_BINS: Final = 5
_MOST_LEVELS: Final = 15
_MOST_FIELDS: Final = 20
_MOST_CROSSED: Final = 6
_ALPHA: Final = 0.001

Sides = tuple[Feature, Feature]


def changed_pairs(pairs: Sequence[Sides], rows: Ints, others: Ints) -> list[Sides]:
    """The pairs that have changed most, each as one field of both sides; judged on these rows of either side."""
    from scipy.stats import chi2

    coarse = [(pair, cells) for pair in pairs if (cells := _cells(*pair)) is not None][:_MOST_FIELDS]
    both = [(a, b) for a, b in combinations(coarse, 2) if a[0][0].source != b[0][0].source]
    found: list[tuple[float, Sides]] = []
    for (first, (here, there, wide)), (second, (here2, there2, wide2)) in both:
        seen, met = here * wide2 + here2, there * wide2 + there2
        joint = _apart(seen[rows], met[others], wide * wide2)
        alone = (_apart(here[rows], there[others], wide), _apart(here2[rows], there2[others], wide2))
        excess = joint[0] - alone[0][0] - alone[1][0]
        degrees = joint[1] - alone[0][1] - alone[1][1]
        if degrees > 0 and float(chi2.sf(excess, degrees)) < _ALPHA / len(both):
            name = f"{first[0].name} with {second[0].name}"
            levels = tuple(str(cell) for cell in range(wide * wide2))
            crossed = tuple(
                Feature(name=name, source=first[0].source, codes=codes, levels=levels) for codes in (seen, met)
            )
            found.append((excess, (crossed[0], crossed[1])))
    found.sort(key=lambda each: (-each[0], each[1][0].name))
    return [sides for _, sides in found[:_MOST_CROSSED]]


def _cells(here: Feature, there: Feature) -> tuple[Ints, Ints, int] | None:
    """Both sides in the same few cells, "missing" last; None where the sides differ in kind or have many levels."""
    if here.numbers is not None and there.numbers is not None:
        given = here.numbers[np.isfinite(here.numbers)]
        if not given.size:
            return None
        edges = np.unique(np.quantile(given, np.arange(1, _BINS) / _BINS))
        return _binned(here.numbers, edges), _binned(there.numbers, edges), edges.size + 2
    if here.codes is None or there.codes is None or len(here.levels) > _MOST_LEVELS:
        return None
    last = len(here.levels)
    return np.where(here.codes < 0, last, here.codes), np.where(there.codes < 0, last, there.codes), last + 1


def _binned(numbers: Floats, edges: Floats) -> Ints:
    places = np.searchsorted(edges, numbers, side="right")
    return np.where(np.isnan(numbers), edges.size + 1, places).astype(np.int64)


def _apart(here: Ints, there: Ints, wide: int) -> tuple[float, int]:
    """The likelihood ratio statistic of two counts over the same cells, and its degrees of freedom."""
    counts = np.stack([np.bincount(side, minlength=wide)[:wide] for side in (here, there)]).astype(np.float64)
    counts = counts[:, counts.sum(axis=0) > 0]
    expected = counts.sum(axis=1, keepdims=True) * counts.sum(axis=0, keepdims=True) / counts.sum()
    with np.errstate(divide="ignore", invalid="ignore"):
        parts = np.where(counts > 0, counts * np.log(counts / expected), 0.0)
    return 2.0 * float(parts.sum()), max(0, counts.shape[1] - 1)
