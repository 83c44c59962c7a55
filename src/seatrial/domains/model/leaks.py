"""What evaluation rows share with training rows, and features that know the answer.

Copies are counted by 64-bit hashes of rows. Coarse data have natural repetitions, so a copy counts only beyond the
rate at which the training rows repeat each other.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from seatrial.domains.scored.outcomes import Outcomes
from seatrial.domains.scored.rows import Feature, Floats, Ints, Mask
from seatrial.measure.columns import Columns
from seatrial.measure.hashing import mixed, row_hashes
from seatrial.stats import auc, proportions
from seatrial.stats.interval import Interval

Hashes = npt.NDArray[np.uint64]
MOST_HASHES = 8_000_000
"""Hashes that are kept: 64 MB. Beyond, the same rows by hash are left out on both sides."""
MOST_ROWS_OF_PARTS = 12_000
"""Rows on which parts of fields are looked at: what knows the answer shows on fewer."""
_BINS = 20
_FOLDS = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Overlap:
    """`copies` of `rows` evaluation rows stand in training; `natural` is the share of training rows with a twin."""

    rows: int
    copies: int
    natural: float

    def excess(self, alpha: float) -> float:
        """A lower bound on the share of copies beyond natural repetition."""
        return max(0.0, proportions.lower(self.copies, self.rows, alpha) - self.natural) if self.rows else 0.0


class Fingerprints:
    """Hashes of rows over fixed columns, thinned by hash so that both sides stay comparable."""

    def __init__(self, columns: Sequence[str]) -> None:
        self.columns = tuple(columns)
        self._kept: list[Hashes] = []
        self._size = 0
        self.shift = 0
        """Only hashes whose lowest `shift` bits are zero are kept."""

    def update(self, columns: Columns) -> None:
        """Add the rows of one batch."""
        self._kept.append(self._thinned(self.of(columns, self.columns)))
        self._size += self._kept[-1].size
        while self._size > MOST_HASHES:
            self.shift += 1
            self._kept = [self._thinned(part) for part in self._kept]
            self._size = sum(part.size for part in self._kept)

    def of(self, columns: Columns, names: Sequence[str]) -> Hashes:
        """One hash for each row over the columns of these names."""
        total = np.zeros(columns.rows, dtype=np.uint64)
        for name in names:
            total = mixed(total * np.uint64(3) + row_hashes(columns[name]))
        return total

    def _thinned(self, hashes: Hashes) -> Hashes:
        if not self.shift:
            return hashes
        kept: Hashes = hashes[(hashes & np.uint64((1 << self.shift) - 1)) == 0]
        return kept

    def all(self, shift: int) -> Hashes:
        """All hashes, thinned to at least `shift`."""
        self.shift = max(self.shift, shift)
        return np.concatenate([self._thinned(part) for part in self._kept] or [np.empty(0, dtype=np.uint64)])


def overlap(training: Fingerprints, evaluation: Fingerprints) -> Overlap:
    """How many evaluation rows have a copy in training, beside how often training rows repeat each other."""
    shift = max(training.shift, evaluation.shift)
    known, asked = training.all(shift), evaluation.all(shift)
    return Overlap(rows=int(asked.size), copies=int(occurring(known, asked).sum()), natural=twins(known))


def occurring(known: Hashes, asked: Hashes) -> Mask:
    """Which of the asked hashes are among the known ones."""
    if not known.size:
        return np.zeros(asked.size, dtype=np.bool_)
    ordered = np.sort(known)
    # Looking up in order is several times faster than at random.
    order = np.argsort(asked)
    place = np.minimum(np.searchsorted(ordered, asked[order]), known.size - 1)
    found = np.empty(asked.size, dtype=np.bool_)
    found[order] = ordered[place] == asked[order]
    return found


def twins(hashes: Hashes) -> float:
    """The share of hashes that occur more than once."""
    if hashes.size < 2:
        return 0.0
    ordered = np.sort(hashes)
    same = ordered[1:] == ordered[:-1]
    return float((np.append(same, False) | np.insert(same, 0, False)).mean())


@dataclass(frozen=True, slots=True, kw_only=True)
class Knowing:
    """How well one field alone tells the label; `scale` says in which figure, `name` which part of the field it is."""

    field: str
    name: str
    found: Interval
    scale: str


def knowing(features: Sequence[Feature], outcomes: Outcomes, *, alpha: float, seed: int) -> list[Knowing]:
    """Each feature's own knowledge of the label: AUC for two classes, else the share it gets right, or explains.

    A feature is cut into bins; what each bin says is learned on one half of the rows and judged on the other. Free
    answers have no label that a field could tell.
    """
    if outcomes.task not in {"binary", "multiclass", "regression"}:
        return []
    rng = np.random.default_rng(seed)
    fold = rng.integers(0, _FOLDS, outcomes.n)
    found = []
    for feature in features:
        codes = bins_of(feature.at(outcomes.rows))
        if outcomes.task == "binary":
            found.append(_by_auc(feature, codes, outcomes.truth == outcomes.positive, fold, alpha))
        elif outcomes.task == "multiclass":
            found.append(_by_share(feature, codes, outcomes.truth.astype(np.int64), fold, alpha))
        else:
            found.append(_by_spread(feature, codes, outcomes.truth, fold, alpha))
    return sorted(found, key=lambda k: (-k.found.lower, k.field))


def bins_of(feature: Feature) -> Ints:
    """For each row the bin of its value, from 0; 0 is for what is missing."""
    if feature.numbers is None:
        return np.asarray(feature.codes, dtype=np.int64) + 1
    numbers = np.where(np.isfinite(feature.numbers), feature.numbers, np.nan)
    given = numbers[~np.isnan(numbers)]
    if not given.size:
        return np.zeros(numbers.size, dtype=np.int64)
    values = np.unique(given)
    edges = values if values.size <= _BINS else np.unique(np.quantile(given, np.arange(1, _BINS * 5) / (_BINS * 5)))
    return np.where(np.isnan(numbers), 0, np.searchsorted(edges, numbers, side="right") + 1).astype(np.int64)


def _cross_fitted(codes: Ints, target: Floats, fold: Ints) -> Floats:
    """For each row the mean of the target in its bin, from the rows of the other half, drawn to the overall mean."""
    width = int(codes.max()) + 1
    guess = np.empty(target.size)
    for part in range(_FOLDS):
        learn = fold != part
        n = np.bincount(codes[learn], minlength=width)
        total = np.bincount(codes[learn], weights=target[learn], minlength=width)
        mean = float(target[learn].mean()) if learn.any() else 0.0
        guess[~learn] = ((total + mean) / (n + 1.0))[codes[~learn]]
    return guess


def _by_auc(feature: Feature, codes: Ints, positive: Mask, fold: Ints, alpha: float) -> Knowing:
    return Knowing(
        field=feature.source, name=feature.name, found=told_by_bins(codes, positive, fold, alpha), scale="AUC"
    )


def told_by_bins(codes: Ints, positive: Mask, fold: Ints, alpha: float) -> Interval:
    """The AUC at which the bins tell the positives, each row judged by what its bin says on the other half (`fold`)."""
    return _auc(_cross_fitted(codes, positive.astype(np.float64), fold), positive, alpha)


def _auc(guess: Floats, positive: Mask, alpha: float) -> Interval:
    """The AUC. Where a perfect or small sample leaves only Hoeffding's bound, one threshold may tell more.

    Any curve through a true and a false positive rate has at least the area tpr * (1 - fpr) below it. Guesses are
    drawn to the share of positives in the other half, which is where they are cut.
    """
    found = auc.interval(guess[positive], guess[~positive], alpha)
    if found.method != "Hoeffding":
        return found
    high = guess > positive.mean()
    hits = proportions.lower(int(high[positive].sum()), int(positive.sum()), alpha / 2.0)
    spared = proportions.lower(int((~high[~positive]).sum()), int((~positive).sum()), alpha / 2.0)
    return replace(found, lower=max(found.lower, hits * spared))


def strongest_parts(parts: Sequence[Feature], outcomes: Outcomes, *, alpha: float, seed: int) -> list[Knowing]:
    """Of each field the part that tells most of the label, at a level that allows for all parts that were looked at."""
    if not parts:
        return []
    rng = np.random.default_rng(seed)
    if outcomes.n > MOST_ROWS_OF_PARTS:
        outcomes = outcomes.at(np.sort(rng.choice(outcomes.n, MOST_ROWS_OF_PARTS, replace=False)).astype(np.int64))
    best: dict[str, Knowing] = {}
    for each in knowing(parts, outcomes, alpha=alpha / len(parts), seed=seed):
        best.setdefault(each.field, each)
    return list(best.values())


def _by_share(feature: Feature, codes: Ints, truth: Ints, fold: Ints, alpha: float) -> Knowing:
    classes = int(truth.max()) + 1
    right = 0
    for part in range(_FOLDS):
        learn = fold != part
        cells = np.bincount(codes[learn] * classes + truth[learn], minlength=(int(codes.max()) + 1) * classes)
        best = cells.reshape(-1, classes).argmax(axis=1)
        right += int((best[codes[~learn]] == truth[~learn]).sum())
    return Knowing(
        field=feature.source,
        name=feature.name,
        found=proportions.interval(right, truth.size, alpha),
        scale="share of labels told",
    )


def _by_spread(feature: Feature, codes: Ints, truth: Floats, fold: Ints, alpha: float) -> Knowing:
    return Knowing(
        field=feature.source,
        name=feature.name,
        found=explained(_cross_fitted(codes, truth, fold), truth, alpha),
        scale="share of the variance explained",
    )


def explained(guess: Floats, truth: Floats, alpha: float) -> Interval:
    """The share of the variance that cross-fitted guesses explain, with approximate bounds."""
    loss, base = (truth - guess) ** 2, (truth - truth.mean()) ** 2
    share = 1.0 - float(loss.sum() / base.sum())
    # Delta method for a ratio of means.
    error = float(np.std(loss - (1.0 - share) * base) / np.sqrt(truth.size) / base.mean())
    from scipy.special import ndtri

    reach = float(ndtri(1.0 - alpha)) * error
    return Interval(
        value=share,
        lower=share - reach,
        upper=share + reach,
        n=int(truth.size),
        n_effective=float(truth.size),
        method="explained variance, cross-fitted",
        approximate=True,
    )


def missing_shares(features: Sequence[Feature]) -> Mapping[str, float]:
    """The share of rows without a value, by field."""
    return {f.source: float(f.missing.mean()) if f.missing.size else 1.0 for f in features}
