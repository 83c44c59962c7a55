"""A violation rate as a measure: what broke, what stayed unanswered, and what the model does by itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from seatrial.core.observation import Measure
from seatrial.core.vocabulary import Sense
from seatrial.domains.scored.rows import Ints
from seatrial.stats import clusters, proportions
from seatrial.stats.interval import Interval


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """One entry for each row that was tried: True where it broke, None where that stayed unanswered.

    `by_itself` is True for rows whose answer differs as much when the very same row is asked again. `groups` number the
    entities that the rows belong to; empty where each stands for itself. `listed` are cases that people wrote down:
    all there is, not a sample.
    """

    broke: tuple[bool | None, ...]
    by_itself: tuple[bool, ...] = ()
    groups: tuple[int, ...] = ()
    listed: bool = False
    rows: tuple[int, ...] = field(default=())
    """Which of the base rows each entry is."""

    @property
    def n(self) -> int:
        """Rows tried."""
        return len(self.broke)

    @property
    def broken(self) -> int:
        """Rows that certainly broke."""
        return sum(b is True for b in self.broke)

    @property
    def unanswered(self) -> int:
        """Rows of which nobody knows."""
        return sum(b is None for b in self.broke)


def interval(tried: Tried, alpha: float) -> Interval | None:
    """The rate with both bounds; None where nothing was tried.

    What stayed unanswered counts as broken for the upper bound and as kept for the lower one. Where the model by itself
    answers differently, the rate is what comes on top of that: a difference of two bounds, each at half the error rate.
    """
    if not tried.n:
        return None
    if tried.listed:
        value = (tried.broken + tried.unanswered) / tried.n
        sure_share = tried.broken / tried.n
        return Interval(
            value=value, lower=sure_share, upper=value, n=tried.n, n_effective=tried.n, method="all listed cases"
        )
    noisy = sum(tried.by_itself)
    error = alpha / 2 if noisy else alpha
    sure = np.array([b is True for b in tried.broke], dtype=np.float64)
    open_ = np.array([b is not False for b in tried.broke], dtype=np.float64)
    groups = np.array(tried.groups, dtype=np.int64)
    low, high = _one(sure, groups, error), _one(open_, groups, error)
    if not noisy:
        return Interval(
            value=low.value,
            lower=low.lower,
            upper=high.upper,
            n=tried.n,
            n_effective=high.n_effective,
            method=high.method,
            approximate=high.approximate,
        )
    own = _one(np.array(tried.by_itself, dtype=np.float64), groups, error)
    return Interval(
        value=max(0.0, low.value - own.value),
        lower=max(0.0, low.lower - own.upper),
        upper=max(0.0, high.upper - own.lower),
        n=tried.n,
        n_effective=high.n_effective,
        method=f"{high.method}, beyond {own.value:.2g} of the rows that differ when asked again",
        approximate=high.approximate,
    )


def _one(hits: np.typing.NDArray[np.float64], groups: Ints, alpha: float) -> Interval:
    if groups.size == 0:
        return proportions.interval(int(hits.sum()), int(hits.size), alpha)
    if np.unique(groups).size < 2:
        n = int(hits.size)
        return Interval(value=float(hits.mean()), lower=0.0, upper=1.0, n=n, n_effective=1.0, method="one entity")
    return clusters.proportion_interval(hits, groups, alpha)


def measure(name: str, tried: Tried, *, limit: float, confidence: float) -> Measure:
    """The rate against its limit, with the number of further cases that would settle an open bound."""
    found = interval(tried, 1.0 - confidence)
    if found is None:
        return Measure(
            name=name,
            value=None,
            limit=limit,
            sense=Sense.AT_MOST,
            unit="share",
            confidence=confidence,
            method="no row to try",
        )
    short = found.upper > limit >= found.value
    return Measure(
        name=name,
        value=found.value,
        lower=found.lower,
        upper=found.upper,
        limit=limit,
        sense=Sense.AT_MOST,
        unit="share",
        n=found.n,
        method=found.method,
        confidence=confidence,
        needed=_more(tried, found, limit, 1.0 - confidence) if short else None,
        needed_unit="cases",
        approximate=found.approximate,
    )


def _more(tried: Tried, found: Interval, limit: float, alpha: float) -> int | None:
    if tried.listed or limit <= 0.0:
        return None
    broken = found.value * found.n_effective
    more = proportions.more_to_clear_ceiling(broken, int(found.n_effective), limit, alpha)
    return None if more is None else round(more * found.n / max(1.0, found.n_effective))


def groups_of(values: Sequence[object]) -> tuple[int, ...]:
    """Numbers of entities, in order of appearance; a missing one stands for itself."""
    numbers: dict[object, int] = {}
    return tuple(numbers.setdefault(at if v is None else ("known", v), len(numbers)) for at, v in enumerate(values))
