"""What evaluation rows share with training rows, and features that know the answer.

Copies are counted by 64-bit hashes of rows. Coarse data have natural repetitions, so a copy counts only beyond the
rate at which the training rows repeat each other.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from seatrial.domains.scored.outcomes import Outcomes
from seatrial.domains.scored.rows import Feature, Floats, Ints, Mask
from seatrial.measure.columns import Column, Columns
from seatrial.measure.hashing import mixed, number_hashes, row_hashes
from seatrial.stats import auc, proportions
from seatrial.stats.interval import Interval

Hashes = npt.NDArray[np.uint64]
MOST_HASHES = 8_000_000
"""Hashes that are kept: 64 MB. Beyond, the same rows by hash are left out on both sides."""
_SIGNIFICANT = 3
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

    def __init__(self, columns: Sequence[str], *, coarse: bool) -> None:
        self.columns = tuple(columns)
        self._coarse = coarse
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
            total = mixed(total * np.uint64(3) + _hashes(columns[name], coarse=self._coarse))
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
    values, counts = np.unique(known, return_counts=True)
    natural = float(counts[counts > 1].sum() / known.size) if known.size else 0.0
    return Overlap(rows=int(asked.size), copies=int(np.isin(asked, values).sum()), natural=natural)


def _hashes(column: Column, *, coarse: bool) -> Hashes:
    if not coarse or column.kind not in {"number", "time"}:
        return row_hashes(column)
    numbers = column.rows_as_numbers
    with np.errstate(divide="ignore", invalid="ignore"):
        magnitude = np.floor(np.log10(np.abs(numbers)))
        unit = 10.0 ** (np.where(np.isfinite(magnitude), magnitude, 0.0) - _SIGNIFICANT + 1)
        rounded = np.round(numbers / unit) * unit
    return number_hashes(np.round(rounded, 12))


@dataclass(frozen=True, slots=True, kw_only=True)
class Knowing:
    """How well one field alone tells the label; `scale` says in which figure."""

    field: str
    found: Interval
    scale: str


def knowing(features: Sequence[Feature], outcomes: Outcomes, *, alpha: float, seed: int) -> list[Knowing]:
    """Each feature's own knowledge of the label: AUC for two classes, else the share it gets right, or explains.

    A feature is cut into bins; what each bin says is learned on one half of the rows and judged on the other.
    """
    rng = np.random.default_rng(seed)
    fold = rng.integers(0, _FOLDS, outcomes.n)
    found = []
    for feature in features:
        codes = _bins(feature.at(outcomes.rows))
        if outcomes.task == "binary":
            found.append(_by_auc(feature, codes, outcomes.truth == outcomes.positive, fold, alpha))
        elif outcomes.task == "multiclass":
            found.append(_by_share(feature, codes, outcomes.truth.astype(np.int64), fold, alpha))
        else:
            found.append(_by_spread(feature, codes, outcomes.truth, fold, alpha))
    return sorted(found, key=lambda k: (-k.found.lower, k.field))


def _bins(feature: Feature) -> Ints:
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
    guess = _cross_fitted(codes, positive.astype(np.float64), fold)
    return Knowing(field=feature.source, found=auc.interval(guess[positive], guess[~positive], alpha), scale="AUC")


def _by_share(feature: Feature, codes: Ints, truth: Ints, fold: Ints, alpha: float) -> Knowing:
    classes = int(truth.max()) + 1
    right = 0
    for part in range(_FOLDS):
        learn = fold != part
        cells = np.bincount(codes[learn] * classes + truth[learn], minlength=(int(codes.max()) + 1) * classes)
        best = cells.reshape(-1, classes).argmax(axis=1)
        right += int((best[codes[~learn]] == truth[~learn]).sum())
    return Knowing(
        field=feature.source, found=proportions.interval(right, truth.size, alpha), scale="share of labels told"
    )


def _by_spread(feature: Feature, codes: Ints, truth: Floats, fold: Ints, alpha: float) -> Knowing:
    guess = _cross_fitted(codes, truth, fold)
    loss, base = (truth - guess) ** 2, (truth - truth.mean()) ** 2
    share = 1.0 - float(loss.sum() / base.sum())
    # Delta method for a ratio of means.
    error = float(np.std(loss - (1.0 - share) * base) / np.sqrt(truth.size) / base.mean())
    from scipy.special import ndtri

    reach = float(ndtri(1.0 - alpha)) * error
    found = Interval(
        value=share,
        lower=share - reach,
        upper=share + reach,
        n=int(truth.size),
        n_effective=float(truth.size),
        method="explained variance, cross-fitted",
        approximate=True,
    )
    return Knowing(field=feature.source, found=found, scale="share of the variance explained")


def missing_shares(features: Sequence[Feature]) -> Mapping[str, float]:
    """The share of rows without a value, by field."""
    return {f.source: float(f.missing.mean()) if f.missing.size else 1.0 for f in features}
