"""Which rows to label when some tell more than others, and the estimate that stays unbiased all the same.

Assumption: the rows are drawn one after the other without replacement from a pool of `pool` rows, row i with the
probability that is written down with it, at least `FLOOR/(rows left)`; labels may depend on anything. Guarantee: `lure`
is unbiased for the pool's mean. `interval` rests on terms that each have the pool's mean as their conditional
expectation: with few labels or losses it bets on them and is wrong with probability at most `alpha`; from `FEWEST`
labels and `FEWEST_LOSSES` losses on it is approximate, by the central limit theorem for martingales, at half the error
rate because rare losses make the terms skew.
Source: Farquhar, Gal and Rainforth, ICLR 2021 (PURE and LURE); Kossen, Farquhar, Gal and Rainforth, ICML 2021;
Waudby-Smith and Ramdas, JRSS-B 86 (2024) 1.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from seatrial.stats import means
from seatrial.stats.interval import Interval

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
FEWEST, FEWEST_LOSSES = 200, 20
FLOOR = 0.1
"""The least probability of a row, as a part of what it would be if all rows that are left had the same."""


def lure_weights(probabilities: Floats, pool: int) -> Floats:
    """The weight of each drawn row in the LURE estimate, in the order in which they were drawn.

    >>> import numpy as np
    >>> lure_weights(np.array([1 / 4, 1 / 3]), 4).round(6).tolist()
    [1.0, 1.0]
    """
    q = _checked(probabilities, pool)
    drawn = q.size
    place = np.arange(1, drawn + 1)
    if drawn == pool:
        return np.ones(drawn)
    return np.asarray(1.0 + (pool - drawn) / (pool - place) * (1.0 / ((pool - place + 1) * q) - 1.0), dtype=np.float64)


def lure(values: Floats, probabilities: Floats, pool: int) -> float:
    """The unbiased estimate of the pool's mean. Raises ValueError for impossible probabilities.

    >>> import numpy as np
    >>> round(lure(np.array([1.0, 0.0]), np.array([0.5, 1 / 3]), 4), 4)
    0.3333
    """
    return float(np.mean(lure_weights(probabilities, pool) * np.asarray(values, dtype=np.float64)))


def interval(
    losses: Floats, probabilities: Floats, pool: int, alpha: float = 0.05, *, floor: float = FLOOR
) -> Interval:
    """The pool's mean of losses in [0, 1] with both bounds, for a number of labels that was fixed before.

    Tight where losses are rare and their rows were likely to be drawn; hand in 1 - value for what should be large.
    Raises ValueError for values outside [0, 1], or a probability below `floor` of an equal one.

    >>> import numpy as np
    >>> found = interval(np.zeros(200), 1.0 / (1000 - np.arange(200)), 1000, floor=0.5)
    >>> found.value, found.upper < 0.08
    (0.0, True)
    """
    x, q = np.asarray(losses, dtype=np.float64), _checked(probabilities, pool)
    if x.size and not (x.min() >= 0.0 and x.max() <= 1.0):
        raise ValueError("values must be finite and lie in [0, 1]")
    if float(np.min(q * (pool - np.arange(x.size)))) < floor - 1e-9:
        raise ValueError(f"a row was drawn with a probability below {floor:g} of an equal one")
    terms, most = _terms(x, q, pool), 1.0 / floor + 1.0
    value = float(np.clip(lure(x, q, pool), 0.0, 1.0))
    many = x.size >= FEWEST and int(np.count_nonzero(x)) >= FEWEST_LOSSES
    if many:
        from scipy.stats import t

        reach = float(t.ppf(1.0 - alpha / 2.0, x.size - 1) * terms.std(ddof=1) / np.sqrt(x.size))
        low, high = float(terms.mean()) - reach, float(terms.mean()) + reach
    else:
        low = most * _betting_lower(terms / most, alpha)
        high = most * (1.0 - _betting_lower(1.0 - terms / most, alpha))
    return Interval(
        value=value,
        lower=max(0.0, min(low, value)),
        upper=min(1.0, max(high, value)),
        n=int(x.size),
        n_effective=float(x.size),
        method="active testing (LURE), " + ("t over its terms" if many else "betting on its terms"),
        approximate=many,
    )


def draw(pull: Floats, labels: int, *, seed: int) -> tuple[Ints, Floats]:
    """`labels` rows drawn without replacement, likelier where `pull` is larger, and the probability of each then.

    Half of the chance is spread evenly, so that no weight grows above two and a row nobody suspects is met too.

    >>> import numpy as np
    >>> rows, chances = draw(np.array([0.0, 0.0, 1.0, 1.0]), 2, seed=1)
    >>> len(set(rows.tolist())), bool((chances > 0.1).all())
    (2, True)
    """
    weight = np.maximum(0.0, np.nan_to_num(np.asarray(pull, dtype=np.float64)))
    rng = np.random.default_rng(seed)
    left = np.ones(weight.size, dtype=bool)
    rows = np.empty(min(labels, weight.size), dtype=np.int64)
    chances = np.empty(rows.size)
    for m in range(rows.size):
        open_ = np.flatnonzero(left)
        pulled = weight[open_]
        total = float(pulled.sum())
        q = np.full(open_.size, 1.0 / open_.size)
        if total > 0.0:
            q = 0.5 * q + 0.5 * pulled / total
        at = int(rng.choice(open_.size, p=q))
        rows[m], chances[m] = open_[at], q[at]
        left[open_[at]] = False
    return rows, chances


def _terms(x: Floats, q: Floats, pool: int) -> Floats:
    """Terms whose conditional expectation, given the rows before, is the pool's mean (PURE)."""
    before = np.concatenate([[0.0], np.cumsum(x)[:-1]])
    return np.asarray(x / (pool * q) + before / pool, dtype=np.float64)


def _betting_lower(x: Floats, alpha: float) -> float:
    """As for independent values, but in the order in which the rows were drawn, on which the bound rests."""
    return means.largest_rejected_mean(x, means.fixed_size_bets(x, alpha), truncation=0.75, alpha=alpha)


def _checked(probabilities: Floats, pool: int) -> Floats:
    q = np.asarray(probabilities, dtype=np.float64)
    if q.size > pool or not (q.size and np.isfinite(q).all() and q.min() > 0.0 and q.max() <= 1.0):
        raise ValueError("each row of the pool is drawn at most once, with a probability above 0 and up to 1")
    return q
