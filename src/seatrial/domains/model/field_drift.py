"""How far each input lies apart between evaluation and live rows, in one unit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from seatrial.domains.scored.rows import Feature, Floats, Ints, aligned
from seatrial.stats.drift import d_interval
from seatrial.stats.interval import Interval

_BINS = 10
_MOST_LEVELS = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Drift:
    """The shift of one feature, in standard deviations of a normal distribution that moved as far."""

    name: str
    field: str
    found: Interval
    missing: tuple[float, float]
    """The shares without a value, in evaluation and live."""


def drifts(evaluation: Sequence[Feature], live: Sequence[Feature], *, alpha: float, seed: int) -> list[Drift]:
    """All features that both sides have, the farthest first. A missing value is a value of its own."""
    found = [
        Drift(
            name=a.name,
            field=a.source,
            found=d_interval(
                *_counts(a, b),
                distance="psi" if a.numbers is not None and b.numbers is not None else "js",
                alpha=alpha,
                seed=seed,
            ),
            missing=(float(a.missing.mean()), float(b.missing.mean())),
        )
        for a, b in aligned(evaluation, live)
        if a.missing.size and b.missing.size
    ]
    return sorted(found, key=lambda d: (-d.found.value, d.name))


def _counts(a: Feature, b: Feature) -> tuple[Ints, Ints]:
    if a.numbers is None or b.numbers is None:
        return _of_levels(a, b)
    given = a.numbers[np.isfinite(a.numbers)]
    if not given.size:
        return _of_missing(a, b)
    values = np.unique(given)
    edges = values if values.size <= _BINS else np.unique(np.quantile(given, np.arange(1, _BINS) / _BINS))
    return _placed(a.numbers, edges), _placed(b.numbers, edges)


def _placed(numbers: Floats, edges: Floats) -> Ints:
    place = np.where(np.isnan(numbers), edges.size + 1, np.searchsorted(edges, numbers, side="right"))
    return np.bincount(place, minlength=edges.size + 2)


def _of_levels(a: Feature, b: Feature) -> tuple[Ints, Ints]:
    if a.codes is None or b.codes is None:
        return _of_missing(a, b)
    width = len(a.levels) + 1
    seen = np.bincount(np.where(a.codes < 0, width - 1, a.codes), minlength=width)
    met = np.bincount(np.where(b.codes < 0, width - 1, b.codes), minlength=width)
    order = np.argsort(-(seen + met), kind="stable")
    most, rest = order[:_MOST_LEVELS], order[_MOST_LEVELS:]
    return np.append(seen[most], seen[rest].sum()), np.append(met[most], met[rest].sum())


def _of_missing(a: Feature, b: Feature) -> tuple[Ints, Ints]:
    return np.bincount(a.missing.astype(np.int64), minlength=2), np.bincount(b.missing.astype(np.int64), minlength=2)
