"""The search for weak slices by means: of errors that have a unit, and over rows that do not count the same.

The counterpart of `slice_search`, which counts right and wrong rows. Groups of one and two conditions are all looked
at; threes are those that the pairs that stand out most are a part of. What a group taken before explains is taken away
from its rows.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from seatrial.domains.model.grid import Grid, Members, least_rows, most_rows, together
from seatrial.domains.model.loss import Loss
from seatrial.domains.model.slice_search import LEAST_Z, MOST_CANDIDATES, best_of_groups
from seatrial.domains.scored.rows import Floats, Ints, Mask

_SIMPLER = 1.0
"""A group must say clearly more than each wider one: people understand one condition better than two."""
_PER_FACETS, _MOST_PAIRS = 5, 400
_WIDENED, _PER_PAIR, _MOST_THREES = 60, 3, 200
_CHOSEN_ON = 32_768


@dataclass(frozen=True, slots=True, kw_only=True)
class Pulls:
    """What the first half loses: row by row, and for every two conditions together, by the rows' weights."""

    losses: Floats
    together: Floats
    mean: float
    variance: float


class MeanSearch:
    """The first half of a grid with its weights, counted once; what is lost there is handed in, and may be changed."""

    def __init__(self, grid: Grid, loss: Loss) -> None:
        self.grid = grid
        half = loss.at(grid.find.rows)
        self._weights = np.ones(grid.find.n) if half.weights is None else half.weights
        self._n = grid.together
        plain = half.weights is None
        self._weight = self._n.astype(np.float64) if plain else together(grid.facets, values=self._weights)
        self._squares = self._weight if plain else together(grid.facets, values=self._weights**2)
        self._fits = (self._n >= least_rows(grid)) & (self._n <= most_rows(grid))
        self._sources = np.unique(grid.sources, return_inverse=True)[1]
        starts = np.cumsum([0, *(facet.cells.size for facet in grid.facets)])
        self._codes = np.column_stack(
            [facet.cells.codes.astype(np.int32) + start for facet, start in zip(grid.facets, starts[:-1], strict=True)]
        )
        self._holds = np.zeros((len(grid.conditions), int(starts[-1])), dtype=np.float32)
        ends = np.searchsorted(grid.facet_at, np.arange(len(grid.facets) + 1))
        for facet, (a, b), start in zip(grid.facets, pairwise(ends), starts[:-1], strict=True):
            self._holds[int(a) : int(b), int(start) : int(start) + facet.cells.size] = facet.holds
        self.pulls = self._pulls(half.values, together(grid.facets, values=self._weights * half.values))

    def with_more(self, places: Ints, more: Floats) -> Pulls:
        """The losses with more on some of the rows, given by their places in the first half."""
        losses = self.pulls.losses.copy()
        losses[places] += more
        added = together(self.grid.facets, places, self._weights[places] * more)
        return self._pulls(losses, self.pulls.together + added)

    def candidates(self, pulls: Pulls, *, rise: float) -> list[Members]:
        """At most 24 groups, each of which stands out most of what the ones before do not explain.

        Those whose mean loss is above the overall one by half of `rise` come first.
        """
        if not pulls.variance > 0.0:
            return []
        pool = list(dict.fromkeys(self._pool(pulls)))
        return self._chosen(pool, pulls, rise / 2.0) if pool else []

    def _pulls(self, losses: Floats, table: Floats) -> Pulls:
        mean = float(np.average(losses, weights=self._weights))
        variance = float(np.average((losses - mean) ** 2, weights=self._weights))
        return Pulls(losses=losses, together=table, mean=mean, variance=variance)

    def _pool(self, pulls: Pulls) -> Iterator[Members]:
        z = np.where(self._fits, _deviations(self._weight, self._squares, pulls.together, pulls), -np.inf)
        alone = np.diag(z)
        yield from ((i,) for i in np.flatnonzero(alone >= LEAST_Z).tolist())
        with np.errstate(divide="ignore", invalid="ignore"):
            means = np.nan_to_num(pulls.together.diagonal() / self._weight.diagonal())
        wider = np.maximum(means[:, None], means[None, :])
        worse = _deviations(self._weight, self._squares, pulls.together, pulls, wider) >= LEAST_Z
        more = worse | (z > np.maximum(alone[:, None], alone[None, :]) + _SIMPLER)
        worth = np.triu((z >= LEAST_Z) & more & (self._sources[:, None] != self._sources[None, :]), 1)
        pairs = self._best_pairs(z, worth, _MOST_PAIRS)
        yield from pairs
        # Three conditions need not show in any two of them by so much: whatever pair stands out most is widened.
        open_ = np.triu(np.isfinite(z) & (self._sources[:, None] != self._sources[None, :]), 1)
        yield from self._threes(pulls, z, self._best_pairs(z, open_, _WIDENED))

    def _best_pairs(self, z: Floats, worth: Mask, most: int) -> list[Members]:
        first, second = np.nonzero(worth)
        if not first.size:
            return []
        of_facets = self.grid.facet_at[first] * len(self.grid.facets) + self.grid.facet_at[second]
        best = best_of_groups(z[first, second], of_facets, per_group=_PER_FACETS, most=max(most, 1) * 4)
        ranked = best[np.argsort(-z[first[best], second[best]], kind="stable")][:most]
        return [(int(first[i]), int(second[i])) for i in ranked]

    def _threes(self, pulls: Pulls, z: Floats, pairs: Sequence[Members]) -> Iterator[Members]:
        found: list[tuple[float, Members]] = []
        for i, j in pairs:
            n, weight, squares, lost = self._alongside((i, j), pulls)
            of_three = _deviations(weight, squares, lost, pulls)
            pairs_z = np.maximum(np.maximum(z[i], z[j]), z[i, j])
            fits = (n >= least_rows(self.grid)) & ~np.isin(self._sources, self._sources[[i, j]])
            worth = fits & (of_three >= LEAST_Z) & (of_three > pairs_z + _SIMPLER)
            of_three = np.where(worth, of_three, -np.inf)
            for k in np.argsort(-of_three, kind="stable")[:_PER_PAIR].tolist():
                if of_three[k] > -np.inf:
                    found.append((float(of_three[k]), tuple(sorted((i, j, int(k))))))
        found.sort(key=lambda each: (-each[0], each[1]))
        yield from (members for _, members in found[:_MOST_THREES])

    def _alongside(self, pair: Members, pulls: Pulls) -> tuple[Floats, Floats, Floats, Floats]:
        """Rows, weight, squared weight and losses of the pair together with every condition."""
        places = self.grid.find.places(self.grid.find.inside(pair))
        codes, size = self._codes[places].ravel(), self._holds.shape[1]
        w, many = self._weights[places], self._codes.shape[1]
        rows, weight, squares, lost = (
            np.asarray(self._holds @ np.bincount(codes, weights=np.repeat(each, many), minlength=size), np.float64)
            for each in (np.ones(places.size), w, w * w, w * pulls.losses[places])
        )
        return np.rint(rows), weight, squares, lost

    def _chosen(self, pool: Sequence[Members], pulls: Pulls, rise: float) -> list[Members]:
        n = min(self.grid.find.n, _CHOSEN_ON)
        words = -(-n // 64)
        bits = np.stack([np.bitwise_and.reduce(self.grid.find.bits[list(m), :words], axis=0) for m in pool])
        inside = np.unpackbits(bits.view(np.uint8), axis=1, count=n)
        w, losses = self._weights[:n], pulls.losses[:n]
        weight, squares = (_dot(inside, each) for each in (w, w * w))
        excess = _dot(inside, w * (losses - pulls.mean))
        left = np.ones(len(pool), dtype=bool)
        left[weight <= 0.0] = False
        residual = losses - pulls.mean
        found: list[Members] = []
        while len(found) < MOST_CANDIDATES and left.any():
            with np.errstate(divide="ignore", invalid="ignore"):
                z = np.where(left, excess / np.sqrt(pulls.variance * squares), -np.inf)
                large = np.where(excess >= rise * weight, z, -np.inf)
            best = int(np.argmax(large if large.max() >= LEAST_Z else z))
            if not z[best] >= LEAST_Z:
                break
            found.append(pool[best])
            left[best] = False
            rows = np.flatnonzero(inside[best])
            taken = float(np.average(residual[rows], weights=w[rows]))
            residual[rows] -= taken
            excess -= taken * _dot(inside[:, rows], w[rows])
        return found


def _deviations(weight: Floats, squares: Floats, lost: Floats, pulls: Pulls, mean: Floats | None = None) -> Floats:
    """How far the losses exceed those of a mean row, in standard deviations; minus infinity for no rows."""
    with np.errstate(divide="ignore", invalid="ignore"):
        z = (lost - weight * (pulls.mean if mean is None else mean)) / np.sqrt(pulls.variance * squares)
    return np.where(np.isnan(z), -np.inf, z)


def _dot(inside: np.ndarray, values: Floats) -> Floats:
    """The sums of the values over each group's rows, some groups at a time."""
    step = max(1, (1 << 24) // max(1, values.size))
    parts = [inside[i : i + step].astype(np.float32) @ values for i in range(0, inside.shape[0], step)]
    return np.asarray(np.concatenate(parts), dtype=np.float64)
