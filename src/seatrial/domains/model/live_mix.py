"""How much the evaluation rows resemble live traffic, and the weights that turn the one mix into the other.

A classifier learns to tell evaluation from live rows; each row is judged by a classifier that has not seen it. If it
cannot tell, the two look alike in every way it can see, joint ones included. Its odds are the weights. Live regions
where no evaluation row stands are found apart, since no weight can make up for rows that are not there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise
from typing import Any

import numpy as np

from seatrial.domains.model.field_crosses import changed_pairs
from seatrial.domains.scored.rows import Feature, Floats, Ints, Mask, aligned
from seatrial.stats import auc, proportions
from seatrial.stats.interval import Interval
from seatrial.stats.weights import Spread, spread

MOST_ROWS = 12_000
"""Rows of each side that the classifier learns from: enough to bound its AUC to within one point."""
_FOLDS = 3
_CLIP = 0.999
_LEAST_LOSS = 0.005
_TOO_FAR = 0.9
_MOST_CODES = 254
_FEWEST = 10
_SMALLEST_REGION = 0.005
_FEWEST_EVALUATED = 5
_REGION_ALPHA = 0.01
_PAIR_BINS = 5
_MOST_PAIRED = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Region:
    """Part of the live traffic for which there are hardly any evaluation rows."""

    words: str
    fields: tuple[str, ...]
    live_share: float
    evaluated: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveMix:
    """How alike the two sides are.

    `weights` has one entry for every evaluation row that was handed in. `separating` are the features by which the
    classifier tells the sides apart, strongest first, with what it loses without them. `unsupported` is the share of
    live rows in `regions`.
    """

    auc: Interval
    weights: Floats
    spread: Spread
    separating: tuple[tuple[str, float], ...]
    regions: tuple[Region, ...]
    unsupported: float
    features: tuple[str, ...]

    @property
    def usable(self) -> bool:
        """Whether the weights can carry a bound. Sides that hardly overlap saturate the odds, which hides it."""
        return not self.spread.problems() and self.auc.lower <= _TOO_FAR


class NoMix(ValueError):
    """The two sides cannot be compared; the message says why."""


def live_mix(
    evaluation: Sequence[Feature],
    live: Sequence[Feature],
    *,
    alpha: float,
    seed: int,
    stands_for: Floats | None = None,
) -> LiveMix:
    """Compare two tables by the features that both have. Raises NoMix for too few rows or no common feature.

    Where evaluation rows were drawn with unequal chances, `stands_for` tells for each how much of the traffic it stands
    for. The sides are then compared on rows that are left as if all had had the same chance, and the weights hold both:
    how a row was drawn, and how the traffic has changed since.
    """
    pairs = aligned(evaluation, live)
    if not pairs:
        raise NoMix("evaluation and live data have no input in common")
    n, m = pairs[0][0].missing.size, pairs[0][1].missing.size
    if min(n, m) < _FEWEST * _FOLDS:
        raise NoMix(f"{n} evaluation rows and {m} live rows are too few to compare, {_FEWEST * _FOLDS} are the least")
    rng = np.random.default_rng(seed)
    rows, others = _some(np.arange(n), rng), _some(np.arange(m), rng)
    if stands_for is not None:
        rows = _some(evenly_drawn(stands_for, seed), rng)
        if rows.size < _FEWEST * _FOLDS:
            raise NoMix(
                f"few evaluation rows stand for nearly all of the traffic, by what data.evaluation says: "
                f"{rows.size} are left as if all had had the same chance"
            )
    kept = [(a, b) for a, b in pairs if not (a.missing.all() and b.missing.all())]
    if not kept:
        raise NoMix("every common input is empty")
    told = _told_apart([*kept, *changed_pairs(kept, rows, others)], rows, others, seed)
    odds = _calibrated_odds(told)
    clipped = np.minimum(odds, np.quantile(odds, _CLIP))
    if stands_for is not None:
        clipped = clipped * stands_for / stands_for.mean()
    regions, unsupported = _unsupported([(a.at(rows), b.at(others)) for a, b in kept])
    return LiveMix(
        auc=_at_least_half(auc.interval(told.met, told.seen, alpha)),
        weights=clipped,
        spread=spread(clipped),
        separating=told.separating,
        regions=regions,
        unsupported=unsupported,
        features=tuple(a.name for a, _ in kept),
    )


def evenly_drawn(stands_for: Floats, seed: int) -> Ints:
    """Places of the rows that are left when each is kept with a chance in proportion to what it stands for.

    What is left is distributed as the traffic is (rejection sampling), so that what knows no weights can look at it.
    """
    chance = np.random.default_rng(seed).random(stands_for.size)
    return np.flatnonzero(chance * float(stands_for.max(initial=0.0)) < stands_for).astype(np.int64)


def _some(places: Ints, rng: np.random.Generator) -> Ints:
    if places.size <= MOST_ROWS:
        return places.astype(np.int64)
    return np.sort(rng.choice(places, MOST_ROWS, replace=False)).astype(np.int64)


def _at_least_half(found: Interval) -> Interval:
    """A classifier below one half has learned nothing; the sides are then as alike as one half says."""
    if found.value >= 0.5:
        return found
    return Interval(
        value=found.value,
        lower=found.lower,
        upper=max(0.5, found.upper),
        n=found.n,
        n_effective=found.n_effective,
        method=found.method,
        approximate=found.approximate,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Told:
    """Chances of being live: of the sampled evaluation and live rows, by classifiers that have not seen them.

    `everyone` has the chance of every evaluation row.
    """

    seen: Floats
    met: Floats
    everyone: Floats
    separating: tuple[tuple[str, float], ...]


def _told_apart(pairs: Sequence[tuple[Feature, Feature]], rows: Ints, others: Ints, seed: int) -> _Told:
    from sklearn.model_selection import StratifiedKFold
    from threadpoolctl import threadpool_limits

    plain = [_plain(a, b) for a, b in pairs]
    whole = np.column_stack([here for here, _ in plain])
    table = np.concatenate([whole[rows], np.column_stack([there[others] for _, there in plain])])
    side = np.concatenate([np.zeros(rows.size), np.ones(others.size)])
    unsampled = np.ones(whole.shape[0], dtype=bool)
    unsampled[rows] = False
    chances, rest = np.empty(side.size), np.zeros(int(unsampled.sum()))
    losses: dict[str, float] = {}
    # On a busy machine two spinning threads take ten times as long as one.
    with threadpool_limits(limits=1):
        folds = list(StratifiedKFold(_FOLDS, shuffle=True, random_state=seed % 2**32).split(table, side))
        for fold, (learn, judge) in enumerate(folds):
            fitted = _classifier(pairs, seed).fit(table[learn], side[learn])
            chances[judge] = fitted.predict_proba(table[judge])[:, 1]
            if rest.size:
                rest += fitted.predict_proba(whole[unsampled])[:, 1] / _FOLDS
            if fold == 0:
                losses = _losses(fitted, table[judge][:4000], side[judge][:4000], [a.name for a, _ in pairs], seed)
    everyone = np.empty(whole.shape[0])
    everyone[rows], everyone[unsampled] = chances[: rows.size], rest
    ranked = sorted(losses.items(), key=lambda item: (-item[1], item[0]))
    return _Told(
        seen=chances[: rows.size],
        met=chances[rows.size :],
        everyone=everyone,
        separating=tuple((name, loss) for name, loss in ranked if loss > _LEAST_LOSS),
    )


def _plain(a: Feature, b: Feature) -> tuple[Floats, Floats]:
    """Both sides as numbers, missing as a value of its own: a column that is all missing cannot be binned."""
    if a.numbers is not None and b.numbers is not None:
        given = np.concatenate([side[np.isfinite(side)] for side in (a.numbers, b.numbers)])
        low, high = (float(given.min()), float(given.max())) if given.size else (0.0, 1.0)
        missing = low - (high - low) - 1.0
        first, second = (np.where(np.isfinite(side), side, missing) for side in (a.numbers, b.numbers))
        return first, second
    first, second = (np.clip(_as_codes(side) + 1, 0, _MOST_CODES).astype(np.float64) for side in (a, b))
    return first, second


def _classifier(pairs: Sequence[tuple[Feature, Feature]], seed: int) -> Any:
    from sklearn.ensemble import HistGradientBoostingClassifier

    return HistGradientBoostingClassifier(
        max_iter=40,
        learning_rate=0.1,
        max_leaf_nodes=15,
        min_samples_leaf=30,
        l2_regularization=1.0,
        early_stopping=False,
        categorical_features=[a.codes is not None and b.codes is not None for a, b in pairs],
        random_state=seed % 2**32,
    )


def _losses(fitted: Any, table: Floats, side: Floats, names: Sequence[str], seed: int) -> dict[str, float]:
    rng = np.random.default_rng(seed)
    live = side > 0
    if not live.any() or live.all():
        return {}
    whole = fitted.predict_proba(table)[:, 1]
    base = auc.interval(whole[live], whole[~live]).value
    losses = {}
    for i, name in enumerate(names):
        shuffled = table.copy()
        shuffled[:, i] = rng.permutation(shuffled[:, i])
        chance = fitted.predict_proba(shuffled)[:, 1]
        losses[name] = base - auc.interval(chance[live], chance[~live]).value
    return losses


def _calibrated_odds(told: _Told) -> Floats:
    """The odds of being live, drawn to what held on rows that the classifier had not seen (Platt 1999)."""
    from sklearn.linear_model import LogisticRegression

    logit = _logit(np.concatenate([told.seen, told.met]))[:, None]
    side = np.concatenate([np.zeros(told.seen.size), np.ones(told.met.size)])
    fitted = LogisticRegression(C=1e3).fit(logit, side)
    slope = max(0.0, float(fitted.coef_[0, 0]))
    shift = float(fitted.intercept_[0]) if slope > 0.0 else float(np.log(told.met.size / told.seen.size))
    odds: Floats = np.exp(np.clip(slope * _logit(told.everyone) + shift, -12.0, 12.0))
    return odds


def _logit(chance: Floats) -> Floats:
    inside = np.clip(chance, 1e-6, 1.0 - 1e-6)
    logit: Floats = np.log(inside / (1.0 - inside))
    return logit


def _unsupported(pairs: Sequence[tuple[Feature, Feature]]) -> tuple[tuple[Region, ...], float]:
    """Regions of one and two features that live traffic has and evaluation has not, and the live share of them all."""
    m = pairs[0][1].missing.size
    found: list[Region] = []
    covered = np.zeros(m, dtype=bool)
    for a, b in pairs:
        binned = _binned(a, b, bins=10)
        covered |= _regions([binned], [a], covered, found)
    coarse = [(a, _binned(a, b, bins=_PAIR_BINS)) for a, b in pairs[:_MOST_PAIRED]]
    for (a, first), (b, second) in combinations(coarse, 2):
        if a.source != b.source:
            covered |= _regions([first, second], [a, b], covered, found)
    found.sort(key=lambda r: (-r.live_share, r.words))
    return tuple(found), float(covered.mean())


@dataclass(frozen=True, slots=True, kw_only=True)
class _Binned:
    seen: Ints
    met: Ints
    words: tuple[str, ...]


def _binned(a: Feature, b: Feature, *, bins: int) -> _Binned:
    """Both sides in the same bins, "missing" last. Numbers below and above all evaluated ones stand apart."""
    if (a.numbers is None) is not (b.numbers is None):
        return _Binned(
            seen=a.missing.astype(np.int64),
            met=b.missing.astype(np.int64),
            words=(f"{a.name} has a value", f"{a.name} is missing"),
        )
    if a.numbers is None or b.numbers is None:
        levels = tuple(f"{a.name} is {level}" for level in a.levels)
        return _Binned(
            seen=_last_if_missing(_as_codes(a), len(levels)),
            met=_last_if_missing(_as_codes(b), len(levels)),
            words=(*levels, f"{a.name} is missing"),
        )
    given = a.numbers[np.isfinite(a.numbers)]
    if not given.size:
        return _Binned(
            seen=np.ones(a.numbers.size, dtype=np.int64),
            met=np.where(np.isnan(b.numbers), 1, 0),
            words=(f"{a.name} has a value", f"{a.name} is missing"),
        )
    low, high = float(given.min()), float(given.max())
    inner = np.unique(np.quantile(given, np.arange(1, bins) / bins))
    edges = np.concatenate([inner[(inner > low) & (inner <= high)]])
    reach = (high - low) * 0.01
    cuts = np.concatenate([[low - reach], edges, [np.nextafter(high + reach, np.inf)]])
    words = (f"{a.name} is below {low:g}", *_between(a.name, low, edges, high), f"{a.name} is above {high:g}")
    return _Binned(
        seen=_placed(a.numbers, cuts),
        met=_placed(b.numbers, cuts),
        words=(*words, f"{a.name} is missing"),
    )


def _between(name: str, low: float, edges: Floats, high: float) -> list[str]:
    ends = [low, *(float(e) for e in edges), high]
    return [f"{name} is from {a:g} to {b:g}" for a, b in pairwise(ends)]


def _placed(numbers: Floats, cuts: Floats) -> Ints:
    return np.where(np.isnan(numbers), cuts.size + 1, np.searchsorted(cuts, numbers, side="right")).astype(np.int64)


def _as_codes(feature: Feature) -> Ints:
    if feature.codes is None:
        return np.full(feature.missing.size, -1, dtype=np.int64)
    return feature.codes.astype(np.int64)


def _last_if_missing(codes: Ints, last: int) -> Ints:
    return np.where(codes < 0, last, codes)


def _regions(binned: list[_Binned], features: list[Feature], known: Mask, found: list[Region]) -> Mask:
    """Live rows in cells that evaluation hardly has; new regions are appended to `found`."""
    width = len(binned[-1].words)
    seen = binned[0].seen if len(binned) == 1 else binned[0].seen * width + binned[1].seen
    met = binned[0].met if len(binned) == 1 else binned[0].met * width + binned[1].met
    cells = width if len(binned) == 1 else len(binned[0].words) * width
    have, meet = np.bincount(seen, minlength=cells), np.bincount(met[~known], minlength=cells)
    n, m = seen.size, met.size
    covered = np.zeros(m, dtype=bool)
    for cell in np.flatnonzero((have < _FEWEST_EVALUATED) & (meet >= max(_FEWEST, _SMALLEST_REGION * m))):
        least = proportions.lower(int(meet[cell]), m, _REGION_ALPHA)
        if least <= proportions.upper(int(have[cell]), n, _REGION_ALPHA):
            continue
        words = (
            binned[0].words[cell]
            if len(binned) == 1
            else f"{binned[0].words[cell // width]} and {binned[1].words[cell % width]}"
        )
        found.append(
            Region(
                words=words,
                fields=tuple(dict.fromkeys(f.source for f in features)),
                live_share=float(meet[cell]) / m,
                evaluated=int(have[cell]),
            )
        )
        covered |= met == cell
    return covered
