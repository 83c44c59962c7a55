"""Whether two sets of repeated answers to the same questions come from the same source.

Assumption: the answers to one question are exchangeable within each set. Guarantee: the p-value is valid for any
distances, because sets are dealt out anew within each question. Source: Szekely and Rizzo, J. Stat. Planning and
Inference 143 (2013) 1249, for the energy statistic; Phipson and Smyth, Stat. Appl. Genet. Mol. Biol. 9 (2010) 39, for
counting the observed deal among the permutations.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Distances = npt.NDArray[np.float64]


def energy_p(apart: Sequence[Distances], first: Sequence[int], *, draws: int = 4999, seed: int = 0) -> float:
    """The chance of sets as far apart as these when both come from one source.

    `apart[i]` holds the distances between all answers to question i, of which the first `first[i]` are the one set.
    A question with fewer than two answers in a set tells nothing and is left out; without any the result is 1.

    >>> import numpy as np
    >>> same = np.zeros((6, 6)); energy_p([same] * 5, [3] * 5, draws=99)
    1.0
    >>> halves = np.kron(np.array([[0.0, 1.0], [1.0, 0.0]]), np.ones((3, 3)))
    >>> energy_p([halves] * 20, [3] * 20, draws=999)
    0.001
    """
    rng = np.random.default_rng(seed)
    observed, dealt, used = 0.0, np.zeros(draws), False
    for distances, n in zip(apart, first, strict=True):
        size = distances.shape[0]
        if n < 2 or size - n < 2:
            continue
        used = True
        original = np.zeros((1, size))
        original[0, :n] = 1.0
        order = rng.random((draws, size)).argsort(axis=1)
        observed += float(_energy(distances, original)[0])
        dealt += _energy(distances, (order < n).astype(np.float64))
    if not used:
        return 1.0
    return float((1 + (dealt >= observed - 1e-12).sum()) / (draws + 1))


def _energy(distances: Distances, chosen: Distances) -> Distances:
    n = chosen.sum(axis=1)
    m = chosen.shape[1] - n
    rows = chosen @ distances
    inside = (rows * chosen).sum(axis=1)
    between = (rows * (1.0 - chosen)).sum(axis=1)
    outside = distances.sum() - inside - 2.0 * between
    energy: Distances = 2.0 * between / (n * m) - inside / (n * (n - 1)) - outside / (m * (m - 1))
    return energy
