"""Weak slices: groups of rows, described by one or two conditions, in which the model is wrong more often.

Found on one half of the rows, confirmed on the other half by Fisher's exact test with Holm's correction and a lower
bound on the error above the overall error. On null data this declares a slice in at most about one run of twenty; a
search that tests on the rows that it searched declares one in every run.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from seatrial.domains.model.condition_rows import RowConditions
from seatrial.domains.scored.rows import Feature, Floats, Ints, Mask
from seatrial.spec.conditions import Condition, field_name, parse_condition, quoted
from seatrial.stats import proportions
from seatrial.stats.contingency import fisher_more
from seatrial.stats.multiplicity import holm

FEWEST_ROWS = 20
SMALLEST_SHARE = 0.01
LARGEST_SHARE = 0.4
"""A group of more rows than this is no slice."""
_ROUNDS = 8
_PER_ROUND = 3
_RAKES = 2
_LOOKED_AT = 200
_PAIRED = 80
_LEAST_Z = 3.0
_APART = 0.3
_SIMPLER = 1.0
_FEW_VALUES = 12
_MOST_LEVELS = 40
_TAILS = (0.05, 0.1, 0.2, 1.0 / 3.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Grid:
    """All single conditions with the rows they hold for (one row of `masks` each), and the halves."""

    conditions: tuple[Condition, ...]
    sources: tuple[str, ...]
    masks: npt.NDArray[np.bool_]
    find: Ints
    confirm: Ints
    find_counts: npt.NDArray[np.float32]
    """How many rows of the first half two conditions share."""
    find_masks: npt.NDArray[np.float32]

    def rows(self, members: tuple[int, ...]) -> Mask:
        """The rows that all these conditions hold for."""
        return np.asarray(self.masks[list(members)].all(axis=0), dtype=bool)


@dataclass(frozen=True, slots=True, kw_only=True)
class Slice:
    """A confirmed slice. Figures are of the confirming half; `rows` of all rows."""

    members: tuple[int, ...]
    condition: Condition
    rows: Mask
    n: int
    error: float
    rest: float
    lower: float
    p: float

    @property
    def harm(self) -> float:
        """How much more often the model is wrong here than elsewhere."""
        return self.error - self.rest


def grid_of(features: Sequence[Feature], conditions: RowConditions, rows: Ints, names: Sequence[str]) -> Grid | None:
    """Every condition over these features that holds for enough rows; None where there is none.

    `rows` are the rows to look at among those of `conditions`. Where to cut is learned from the first half only. The
    halves follow from a hash of the columns `names`, so that neither the order of the rows nor another run draws them
    anew: who could draw again would find a split that confirms nothing.
    """
    order = np.argsort(conditions.hashes(names)[rows], kind="stable")
    find, confirm = np.sort(order[::2]), np.sort(order[1::2])
    least = max(FEWEST_ROWS, int(SMALLEST_SHARE * find.size))
    found: list[tuple[Condition, str, Mask]] = []
    for feature in features:
        for text in _texts(feature.at(rows[find])):
            condition = parse_condition(text)
            mask = conditions.holds(condition)[rows]
            inside = int(mask[find].sum())
            if least <= inside <= find.size - least:
                found.append((condition, feature.source, mask))
    if not found:
        return None
    masks = np.stack([mask for _, _, mask in found])
    find_masks = masks[:, find].astype(np.float32)
    return Grid(
        conditions=tuple(condition for condition, _, _ in found),
        sources=tuple(source for _, source, _ in found),
        masks=masks,
        find=find,
        confirm=confirm,
        find_counts=find_masks @ find_masks.T,
        find_masks=find_masks,
    )


def confirmed_slices(grid: Grid, wrong: Mask, *, alpha: float) -> list[Slice]:
    """Every confirmed slice, also those that a larger one explains (see `unexplained`)."""
    return _confirmed(grid, wrong, _candidates(grid, wrong[grid.find]), alpha)


def least_rows(grid: Grid) -> int:
    """The smallest group that the search looks at, in rows of one half."""
    return max(FEWEST_ROWS, int(SMALLEST_SHARE * grid.find.size))


def _texts(feature: Feature) -> list[str]:
    """Conditions over one feature, as text."""
    name = field_name(feature.name)
    texts = [f"{name} is null"]
    if feature.numbers is None:
        return [*texts, *(f"{name} == {quoted(level)}" for level in feature.levels[:_MOST_LEVELS])]
    given = feature.numbers[np.isfinite(feature.numbers)]
    if not given.size:
        return texts
    values = np.unique(given)
    if values.size <= _FEW_VALUES:
        return [*texts, *(f"{name} == {quoted(float(v))}" for v in values)]
    low, high = ([_round(float(np.quantile(given, q))) for q in qs] for qs in (_TAILS, [1 - t for t in _TAILS]))
    texts += [f"{name} <= {quoted(e)}" for e in dict.fromkeys(low)]
    texts += [f"{name} > {quoted(e)}" for e in dict.fromkeys(high)]
    inner = [low[-1], _round(float(np.median(given))), high[-1]]
    texts += [f"{quoted(a)} < {name} <= {quoted(b)}" for a, b in [*pairwise(inner), (low[-1], high[-1])] if a < b]
    return texts


def _round(value: float) -> float:
    """A number as people would write it: three significant digits."""
    return float(f"{value:.3g}") if abs(value) < 1e5 else float(f"{value:.6g}")


def _candidates(grid: Grid, wrong: Mask) -> list[tuple[int, ...]]:
    """At most 24 groups of the first half with a significant excess of errors, the strongest first.

    In rounds: once a group is found, its rows are expected to be wrong as often as they are, so that the next round
    looks for what the groups found before do not explain. Otherwise one strong effect hides every other one behind
    its variations.
    """
    errors = wrong.astype(np.float64)
    if errors.min() == errors.max():
        return []
    expected = np.full(wrong.size, float(errors.mean()))
    weak = _above_average(grid, errors)
    kept: list[tuple[int, ...]] = []
    masks: list[Mask] = []
    for _ in range(_ROUNDS):
        fresh: list[Mask] = []
        for members in _strongest(grid, errors, expected, weak):
            mask = grid.rows(members)[grid.find]
            if members in kept or any(_jaccard(mask, other) > _APART for other in fresh):
                continue
            kept.append(members)
            fresh.append(mask)
            if len(fresh) == _PER_ROUND:
                break
        if not fresh:
            break
        masks += fresh
        expected = _raked(expected, errors, masks)
    return kept


def _above_average(grid: Grid, errors: Floats) -> npt.NDArray[np.bool_]:
    """Which pairs of conditions (singles on the diagonal) are wrong clearly more often than the average row."""
    share = float(errors.mean())
    found = ((grid.find_masks * errors.astype(np.float32)) @ grid.find_masks.T).astype(np.float64)
    counts = grid.find_counts.astype(np.float64)
    return np.asarray(found - counts * share >= _LEAST_Z * np.sqrt(counts * share * (1.0 - share)), dtype=bool)


def _strongest(grid: Grid, errors: Floats, expected: Floats, weak: npt.NDArray[np.bool_]) -> list[tuple[int, ...]]:
    """Groups by how far their errors exceed what is expected of their rows, in standard deviations."""
    excess = (errors - expected).astype(np.float32)
    spread = (expected * (1.0 - expected)).astype(np.float32)
    single = _z(grid, np.diag(grid.find_counts), grid.find_masks @ excess, grid.find_masks @ spread)
    paired = np.sort(np.argsort(-single, kind="stable")[:_PAIRED])
    single = np.where(np.diag(weak), single, -np.inf)
    chosen = grid.find_masks[paired]
    both = _z(
        grid,
        grid.find_counts[np.ix_(paired, paired)],
        (chosen * excess) @ chosen.T,
        (chosen * spread) @ chosen.T,
    )
    same = np.array(grid.sources)[paired]
    # A pair must say clearly more than either of its conditions alone: people understand one condition better than two.
    alone = single[paired] + _SIMPLER
    both[(same[:, None] == same[None, :]) | (both <= alone[:, None]) | (both <= alone)] = -np.inf
    both[np.tril_indices(paired.size)] = -np.inf
    both[~weak[np.ix_(paired, paired)]] = -np.inf
    ranked: list[tuple[float, tuple[int, ...]]] = [(float(z), (int(i),)) for i, z in enumerate(single) if z >= _LEAST_Z]
    ranked += [
        (float(both[i, j]), tuple(sorted((int(paired[i]), int(paired[j])))))
        for i, j in zip(*np.nonzero(both >= _LEAST_Z), strict=True)
    ]
    ranked.sort(key=lambda item: (-item[0], len(item[1]), item[1]))
    return [members for _, members in ranked[:_LOOKED_AT]]


def _z(grid: Grid, counts: Any, excess: Any, spread: Any) -> Floats:
    least, most = least_rows(grid), LARGEST_SHARE * grid.find.size
    with np.errstate(divide="ignore", invalid="ignore"):
        z = excess.astype(np.float64) / np.sqrt(spread.astype(np.float64))
    return np.where((counts >= least) & (counts <= most) & np.isfinite(z), z, -np.inf)


def _raked(expected: Floats, errors: Floats, masks: Sequence[Mask]) -> Floats:
    """Expectations that agree with the errors inside and outside each group (iterative proportional fitting)."""
    for _ in range(_RAKES):
        for mask in masks:
            for part in (mask, ~mask):
                total = float(expected[part].sum())
                if total > 0.0:
                    expected = np.where(part, expected * (float(errors[part].sum()) / total), expected)
        expected = np.clip(expected, 0.002, 0.998)
    return expected


def _jaccard(a: Mask, b: Mask) -> float:
    union = int((a | b).sum())
    return int((a & b).sum()) / union if union else 0.0


def _confirmed(grid: Grid, wrong: Mask, candidates: Sequence[tuple[int, ...]], alpha: float) -> list[Slice]:
    judged = wrong[grid.confirm]
    n, total = judged.size, int(judged.sum())
    found: list[Slice] = []
    for members in candidates:
        rows = grid.rows(members)
        inside = rows[grid.confirm]
        size, errors = int(inside.sum()), int(judged[inside].sum())
        if size in {0, n}:
            continue
        found.append(
            Slice(
                members=members,
                condition=_joined([grid.conditions[i] for i in members]),
                rows=rows,
                n=size,
                error=errors / size,
                rest=(total - errors) / (n - size),
                lower=proportions.lower(errors, size, alpha),
                p=float(fisher_more(errors, size, total, n)),
            )
        )
    adjusted = holm([s.p for s in found])
    return [s for s, p in zip(found, adjusted, strict=True) if p <= alpha and s.lower > total / n]


def _joined(conditions: Sequence[Condition]) -> Condition:
    return parse_condition(" and ".join(c.text for c in conditions))


def unexplained(grid: Grid, wrong: Mask, confirmed: Sequence[Slice], *, known: Mask, alpha: float) -> list[Slice]:
    """Those that are worse than the rest even without `known` rows and those already kept, most excess errors first."""
    overall = float(wrong[grid.confirm].mean())
    ranked = sorted(confirmed, key=lambda s: (-s.n * (s.error - overall), len(s.members), s.members))
    kept: list[Slice] = []
    covered = known.copy()
    for each in ranked:
        if _still_weak(grid, wrong, each.rows & ~covered, covered, alpha=alpha):
            kept.append(each)
            covered |= each.rows
    return kept


def _still_weak(grid: Grid, wrong: Mask, rows: Mask, apart: Mask, *, alpha: float) -> bool:
    """Whether these rows are worse than the remaining ones, those `apart` left out, on the confirming half."""
    judged = wrong[grid.confirm]
    inside = rows[grid.confirm]
    others = ~apart[grid.confirm] & ~inside
    size, errors = int(inside.sum()), int(judged[inside].sum())
    if size < FEWEST_ROWS or not others.any():
        return False
    total, n = errors + int(judged[others].sum()), size + int(others.sum())
    return float(fisher_more(errors, size, total, n)) <= alpha and errors / size > total / n
