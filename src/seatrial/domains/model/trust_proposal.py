"""The smallest set of do-not-trust rules that brings what is left to its minimum.

Found on one half of the rows, confirmed on the other. Candidates are single conditions over the inputs, bands of the
score, and pairs of both. Sets of one and of two are searched exactly over the strongest candidates; from three on, one
more is added at a time. Of the sets that suffice the smallest counts, then the one that holds back the fewest good
outputs.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np
import numpy.typing as npt

from seatrial.core.vocabulary import Sense
from seatrial.domains.condition_words import readable
from seatrial.domains.scored.metrics import Governed, MetricRows
from seatrial.domains.scored.rows import Feature, Floats, Ints, Mask
from seatrial.spec.conditions import field_name, quoted
from seatrial.stats import proportions
from seatrial.stats.contingency import fisher_more
from seatrial.stats.multiplicity import holm

_TAILS = (0.05, 0.1, 0.2)
_FEW_VALUES = 12
_MOST_LEVELS = 40
_BANDS = 10
_SMALLEST, _LARGEST = 0.005, 0.5
_SINGLES, _CANDIDATES = 60, 90
_MOST_RULES = 4
_LEAST_Z = 2.0
_MARGIN_Z = 1.6449
_SIMPLER = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Goal:
    """A governed metric as a mean over rows that has a limit: `used` and `value` from 0 to 1, one for each row.

    A percentile of errors keeps its limit where enough errors do, and errors keep their ratio to the amounts where the
    mean of what they exceed it by is not above 0; a root of squares keeps it where their mean keeps its square. Of
    those `shown` is False: the mean is no figure of the metric.
    """

    metric: Governed
    used: Floats
    value: Floats
    limit: float
    sense: Sense
    shown: bool = True

    @staticmethod
    def of(metric: Governed, rows: MetricRows) -> Goal | None:
        """The goal, or None for a metric that no mean over rows stands for."""
        if metric.limit is None or rows.units is not None:
            return None
        values, limit, sense = rows.values, rows.raw(metric.limit), metric.sense
        if rows.scale == "quantile" and sense is Sense.AT_MOST:
            values, limit, sense = (values <= metric.limit).astype(np.float64), rows.share, Sense.AT_LEAST
        elif rows.scale == "ratio" and sense is Sense.AT_MOST:
            amounts = np.asarray(rows.amounts, dtype=np.float64)
            values, limit = (values - limit * amounts + limit) / (1.0 + limit), limit / (1.0 + limit)
        elif rows.scale not in {"share", "mean", "root"}:
            return None
        value = np.zeros(rows.used.size)
        value[rows.used] = values
        plain = rows.scale in {"share", "mean"} and rows.cap == 1.0
        return Goal(
            metric=metric, used=rows.used.astype(np.float64), value=value, limit=limit, sense=sense, shown=plain
        )

    def reached(self, used: Floats, value: Floats) -> npt.NDArray[np.bool_]:
        """Whether the sums over trusted rows clear the limit with room for chance (a normal bound; a search only)."""
        with np.errstate(divide="ignore", invalid="ignore"):
            at = value / used
            room = _MARGIN_Z * np.sqrt(np.maximum(at * (1.0 - at), 0.0) / used)
        clears = at - room >= self.limit if self.sense is Sense.AT_LEAST else at + room <= self.limit
        return np.asarray((used > 0) & clears, dtype=bool)

    def confirmed(self, trusted: Mask, alpha: float) -> tuple[float, float]:
        """The metric on these rows and its exact bound, on the scale of shares; NaN where no row bears on it."""
        n = int(self.used[trusted].sum())
        if not n:
            return float("nan"), float("nan")
        hits = float((self.used * self.value)[trusted].sum())
        if self.sense is Sense.AT_LEAST:
            return hits / n, proportions.lower(int(np.floor(hits)), n, alpha)
        return hits / n, proportions.upper(int(np.ceil(hits)), n, alpha)


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A condition as text, with the rows that it holds for; `source` are the fields that it looks at."""

    text: str
    source: frozenset[str]
    rows: Mask


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """Confirmed rules. Figures are of the confirming half; `reached` when every goal's bound clears its limit there.

    `goals` holds for each goal that is shown its name, its figure and its bound on what the rules leave; `aimed` is
    False where there was no goal.
    """

    conditions: tuple[str, ...]
    caught: float
    good: float
    reached: bool
    goals: tuple[tuple[str, float, float], ...]
    aimed: bool

    def yaml(self) -> str:
        """The rules to paste into the system file."""
        lines = [f"  - {{when: '{text.replace(chr(39), chr(39) * 2)}', handling: TODO}}" for text in self.conditions]
        return "\n".join(["do_not_trust:", *lines])


def texts_of(feature: Feature) -> Iterator[str]:
    """Conditions over one input, as text."""
    name = field_name(feature.name)
    if feature.missing.any():
        yield f"{name} is null"
    if feature.numbers is None:
        yield from (f"{name} == {quoted(level)}" for level in feature.levels[:_MOST_LEVELS])
        return
    given = feature.numbers[np.isfinite(feature.numbers)]
    if not given.size:
        return
    values = np.unique(given)
    if values.size <= _FEW_VALUES:
        yield from (f"{name} == {quoted(float(v))}" for v in values)
        return
    yield from (f"{name} <= {quoted(readable(q))}" for q in np.unique(np.quantile(given, _TAILS)))
    yield from (f"{name} > {quoted(readable(q))}" for q in np.unique(np.quantile(given, [1.0 - t for t in _TAILS])))


def bands_of(name: str, score: Floats) -> Iterator[str]:
    """Bands of the score between any two of its deciles."""
    given = score[np.isfinite(score)]
    if np.unique(given).size <= 1:
        return
    edges = [readable(float(q)) for q in np.unique(np.quantile(given, np.arange(_BANDS + 1) / _BANDS))]
    field = field_name(name)
    yield from (f"{quoted(a)} <= {field} < {quoted(b)}" for a, b in combinations(edges, 2) if a < b)


def proposal(
    candidates: Sequence[Candidate], wrong: Mask, goals: Sequence[Goal], halves: tuple[Ints, Ints], *, alpha: float
) -> Proposal | None:
    """The smallest confirmed set, or None where no condition is confirmed to be worse than the rest."""
    find, confirm = halves
    pool = _strongest([*candidates], wrong, find)
    if not pool:
        return None
    chosen = _smallest_set([c.rows[find] for c in pool], wrong[find], [_at(g, find) for g in goals])
    kept = _confirmed([pool[i] for i in chosen], wrong, confirm, alpha)
    if not kept:
        return None
    held = np.any([c.rows[confirm] for c in kept], axis=0)
    judged = wrong[confirm]
    told = [(g, *_at(g, confirm).confirmed(~held, alpha)) for g in goals]
    return Proposal(
        conditions=tuple(c.text for c in kept),
        caught=float(held[judged].mean()) if judged.any() else 0.0,
        good=float(held[~judged].mean()) if (~judged).any() else 0.0,
        reached=all(bound >= g.limit if g.sense is Sense.AT_LEAST else bound <= g.limit for g, _, bound in told),
        goals=tuple((g.metric.name, value, bound) for g, value, bound in told if g.shown),
        aimed=bool(goals),
    )


def _at(goal: Goal, rows: Ints) -> Goal:
    return replace(goal, used=goal.used[rows], value=goal.value[rows])


def _z(masks: Floats, wrong: Mask) -> Floats:
    """By how many standard deviations each group is wrong more often than the average row."""
    share = float(wrong.mean())
    n = masks.sum(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        z = (masks @ wrong.astype(np.float64) - n * share) / np.sqrt(n * share * (1.0 - share))
    inside = (n >= _SMALLEST * wrong.size) & (n <= _LARGEST * wrong.size)
    return np.where(inside & np.isfinite(z), z, -np.inf)


def _strongest(candidates: Sequence[Candidate], wrong: Mask, find: Ints) -> list[Candidate]:
    """Single conditions and pairs of them that are wrong more often than the average row, the strongest first."""
    if not candidates:
        return []
    judged = wrong[find]
    masks = np.array([c.rows[find] for c in candidates], dtype=np.float64)
    z = _z(masks, judged)
    singles = np.argsort(-z, kind="stable")[:_SINGLES]
    pool = [(float(z[i]), candidates[i]) for i in singles if z[i] >= _LEAST_Z]
    for a, b in combinations(singles.tolist(), 2):
        first, second = candidates[a], candidates[b]
        if first.source & second.source:
            continue
        pair = float(_z((masks[a] * masks[b])[None, :], judged)[0])
        if pair >= max(_LEAST_Z, float(z[a]) + _SIMPLER, float(z[b]) + _SIMPLER):
            pool.append((pair, _joined(first, second)))
    pool.sort(key=lambda item: (-item[0], len(item[1].source), item[1].text))
    return [candidate for _, candidate in pool[:_CANDIDATES]]


def _joined(a: Candidate, b: Candidate) -> Candidate:
    return Candidate(text=f"{a.text} and {b.text}", source=a.source | b.source, rows=a.rows & b.rows)


def _smallest_set(rows: Sequence[Mask], wrong: Mask, goals: Sequence[Goal]) -> tuple[int, ...]:
    """The places in `rows` of the set to confirm; the strongest candidate alone where there is no goal."""
    if not goals:
        return (0,)
    masks = np.array(rows, dtype=np.float64)
    good = _overlap(masks, (~wrong).astype(np.float64))
    everything = [(float(g.used.sum()), float((g.used * g.value).sum())) for g in goals]
    used = [_overlap(masks, g.used) for g in goals]
    value = [_overlap(masks, g.used * g.value) for g in goals]
    reached = np.ones(good.shape, dtype=bool)
    for g, (n, hits), u, v in zip(goals, everything, used, value, strict=True):
        reached &= g.reached(n - _union(u), hits - _union(v))
    cost = _union(good)
    alone = np.flatnonzero(np.diag(reached))
    if alone.size:
        return (int(alone[np.argmin(np.diag(cost)[alone])]),)
    if reached.any():
        cost = np.where(reached, cost, np.inf)
        return tuple(int(i) for i in np.unravel_index(int(np.argmin(cost)), cost.shape))
    return _greedy(masks, wrong, goals)


def _overlap(masks: Floats, weights: Floats) -> Floats:
    return np.asarray((masks * weights) @ masks.T, dtype=np.float64)


def _union(overlap: Floats) -> Floats:
    """Of weights over the overlap of any two groups, the weights over their union."""
    alone = np.diag(overlap)
    return np.asarray(alone[:, None] + alone[None, :] - overlap, dtype=np.float64)


def _greedy(masks: Floats, wrong: Mask, goals: Sequence[Goal]) -> tuple[int, ...]:
    """One rule after the other, each the strongest on what is still trusted, until every goal is reached."""
    trusted = np.ones(wrong.size, dtype=bool)
    chosen: list[int] = []
    for _ in range(_MOST_RULES):
        z = _z(masks[:, trusted], wrong[trusted])
        best = int(np.argmax(z))
        if not z[best] >= _LEAST_Z:
            break
        chosen.append(best)
        trusted &= masks[best] == 0
        if all(
            bool(g.reached(np.array(g.used[trusted].sum()), np.array((g.used * g.value)[trusted].sum()))) for g in goals
        ):
            break
    return tuple(chosen)


def _confirmed(chosen: Sequence[Candidate], wrong: Mask, confirm: Ints, alpha: float) -> list[Candidate]:
    """Those that are wrong more often on the other half too, by Fisher's exact test with Holm's correction."""
    judged = wrong[confirm]
    n, total = int(judged.size), int(judged.sum())
    p: list[float] = []
    for candidate in chosen:
        inside = candidate.rows[confirm]
        size = int(inside.sum())
        p.append(float(fisher_more(int((inside & judged).sum()), size, total, n)) if 0 < size < n else 1.0)
    return [c for c, adjusted in zip(chosen, holm(p), strict=True) if adjusted <= alpha]
