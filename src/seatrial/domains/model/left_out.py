"""Whether rows on which the model is wrong were left out of the evaluation, by where live rows lie.

Where wrong rows are missing, rows of which the model has doubts are rarer among evaluation rows than live. Doubt is the
model's own score; without one it is learned from the inputs and the answer, on other evaluation rows. Both sides are
compared by the weights to the live mix, which hold how rows were drawn; doubt that was learned from inputs is compared
within strata of each of them, since a single input that has moved is no sign of rows that were left out.
A binary model's rows are looked at where its answer turns (`turning_labels`), which needs no live rows.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from seatrial.core.check import PREDICTION, SCORE, Trial
from seatrial.core.errors import SeatrialError
from seatrial.core.observation import Finding
from seatrial.core.vocabulary import Weight
from seatrial.core.wording import percent
from seatrial.domains.model.acted import acted_on
from seatrial.domains.model.live_mix import LiveMix
from seatrial.domains.scored.outcomes import Outcomes
from seatrial.domains.scored.rows import Feature, Floats, Ints, Mask, Rows, aligned, category, numbers_of, read_rows
from seatrial.domains.scored.text_features import comparable
from seatrial.spec.model import InputField
from seatrial.spec.system import System
from seatrial.stats.selection import Fold, LeftOut, left_out, within

CODES: Final[Mapping[str, str]] = {
    "wrong-rows-missing": "Evaluation rows lack cases that the model gets wrong, as if some had been left out.",
    "left-out-not-seen": "Whether wrong rows were left out of the evaluation could not be looked for.",
}
TABLE: Final = "scored.live"
_MOST_ROWS: Final = 60_000
_FEWEST, _FEWEST_WRONG = 200, 30
_FOLDS: Final = 2
_BINS: Final = 8
_MOST_CODES: Final = 254
_ALPHA: Final = 0.01
_MATERIAL: Final = 0.1
"""The share of the wrong rows that must certainly be missing, to count."""
_HALF: Final = 0.5
_WHY: Final = "A metric that is measured without the rows on which the model is wrong says too much."
_MORE: Final = (
    "Let somebody who did not build the model draw the rows to be labelled at random from the source itself, and give "
    "more rows, evaluation and live."
)


def table_of(system: System) -> tuple[str, ...]:
    """The scored live rows, where they are compared."""
    return (TABLE,) if system.data.live is not None and system.model.task != "binary" else ()


def wrong_rows_missing(
    system: System, trial: Trial, inputs: Mapping[str, InputField], rows: Rows, found: Outcomes, mix: LiveMix | None
) -> Iterator[Finding]:
    """Open where a tenth of the wrong rows is certainly missing; a note where not even a half of them would show.

    Nothing without a comparison with live rows, whose absence other findings say.
    """
    if not table_of(system) or mix is None:
        return
    if not mix.usable:
        told = mix.spread.problems() or ("live rows differ too much from evaluation rows",)
        yield _not_seen("; ".join(told))
        return
    source = system.data.evaluation
    entity = None if source is None else source.entity
    names = [PREDICTION, SCORE, *inputs, *([entity] if entity is not None else [])]
    try:
        live = read_rows(trial.table(TABLE), names, most=_MOST_ROWS, seed=trial.seed)
    except SeatrialError as error:
        yield _not_seen(f"the answers to live rows are not known ({error.what})")
        return
    sides = _sides(inputs, rows, live, found, mix.weights)
    if isinstance(sides, str):
        yield _not_seen(sides)
        return
    wrong = acted_on(system, found).wrong[sides.rows]
    if int(wrong.sum()) < _FEWEST_WRONG:
        yield _not_seen(f"{int(wrong.sum())} of {wrong.size} labelled rows are wrong")
        return
    seen = left_out(
        _folds(sides, wrong, trial.seed),
        wrong,
        weights=sides.weights,
        alpha=_ALPHA,
        groups=_entities(rows, entity, found.rows[sides.rows]),
        other_groups=_entities(live, entity, sides.live),
    )
    if seen.lower > _MATERIAL:
        yield _missing(seen, wrong.size, sides)
    elif seen.detectable + _MATERIAL > _HALF:
        yield _not_seen(
            f"among {wrong.size:,} labelled and {sides.live.size:,} live rows, not even a half of the wrong rows that "
            f"is missing would show by {sides.by}"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sides:
    """What doubt is learned from: columns of the chosen labelled `rows` (places in the outcomes) and `live` rows.

    `strata` are columns of ones and zeros of either side, none where doubt is the model's own score.
    """

    rows: Ints
    live: Ints
    weights: Floats
    here: Floats
    there: Floats
    by: str
    named: tuple[bool, ...] = ()
    strata: tuple[Floats, Floats] | None = None


def _sides(inputs: Mapping[str, InputField], rows: Rows, live: Rows, found: Outcomes, weights: Floats) -> _Sides | str:
    each = weights[found.rows]
    score, scored = found.score, _score(live)
    given, met = np.isfinite(score) & (each > 0.0), np.isfinite(scored)
    if min(int(given.sum()), int(met.sum())) >= _FEWEST and np.ptp(score[given]) > 0.0:
        chosen, others = np.flatnonzero(given), np.flatnonzero(met)
        return _Sides(
            rows=chosen,
            live=others,
            weights=each[chosen],
            here=score[chosen][:, None],
            there=scored[others][:, None],
            by="the score",
        )
    chosen = np.flatnonzero(found.answered & (each > 0.0))
    others = np.flatnonzero(live.columns[PREDICTION].valid) if PREDICTION in live.columns else np.empty(0, np.int64)
    if min(chosen.size, others.size) < _FEWEST:
        return f"{chosen.size} labelled rows and {others.size} live rows have an answer, {_FEWEST} are the least"
    compared = comparable(rows, live, inputs).without_times()
    pairs = [
        (a.at(found.rows[chosen]), b.at(others))
        for a, b in (*aligned(compared.evaluation, compared.live), *_answers(rows, live, found))
        if (a.numbers is None) is (b.numbers is None)
    ]
    if not pairs:
        return "it gives no score, and no input tells where it errs"
    return _Sides(
        rows=chosen,
        live=others,
        weights=each[chosen],
        here=np.column_stack([_plain(a) for a, _ in pairs]),
        there=np.column_stack([_plain(b) for _, b in pairs]),
        by="the inputs and the answer, since it gives no score",
        named=tuple(a.numbers is None for a, _ in pairs),
        strata=_strata(pairs),
    )


def _score(live: Rows) -> Floats:
    if SCORE not in live.columns:
        return np.full(live.n, np.nan)
    score = numbers_of(live.columns[SCORE])
    with np.errstate(invalid="ignore"):
        return np.where((score >= 0.0) & (score <= 1.0), score, np.nan)


def _answers(rows: Rows, live: Rows, found: Outcomes) -> list[tuple[Feature, Feature]]:
    """The answer of either side as a feature, where answers repeat."""
    if PREDICTION not in rows.columns:
        return []
    here, there = rows.columns[PREDICTION], live.columns[PREDICTION]
    if found.task == "regression":
        a, b = (Feature(name=PREDICTION, source=PREDICTION, numbers=numbers_of(side)) for side in (here, there))
        return [(a, b)]
    if found.task != "multiclass":
        return []
    first, second = category(PREDICTION, here), category(PREDICTION, there)
    return [] if first is None or second is None else aligned([first], [second])


def _plain(feature: Feature) -> Floats:
    if feature.numbers is not None:
        return np.where(np.isfinite(feature.numbers), feature.numbers, np.nan)
    codes = np.asarray(feature.codes, dtype=np.float64)
    return np.where(codes < 0, np.nan, np.minimum(codes, _MOST_CODES))


def _strata(pairs: Sequence[tuple[Feature, Feature]]) -> tuple[Floats, Floats]:
    """Bins of every number and the commonest levels of every category, of both sides alike."""
    here, there = [], []
    for a, b in pairs:
        first, second = _plain(a), _plain(b)
        if a.numbers is None:
            cells, others = first, second
            kept = np.unique(first[np.isfinite(first)])[:_BINS]
        else:
            given = first[np.isfinite(first)]
            edges = np.unique(np.quantile(given, np.arange(1, _BINS) / _BINS)) if given.size else np.empty(0)
            cells, others = (
                np.where(np.isfinite(side), np.searchsorted(edges, side, side="right"), np.nan)
                for side in (first, second)
            )
            kept = np.arange(1.0, edges.size + 1.0)
        for cell in kept:
            here.append(cells == cell)
            there.append(others == cell)
        here.append(np.isnan(cells))
        there.append(np.isnan(others))
    return np.column_stack(here).astype(np.float64), np.column_stack(there).astype(np.float64)


def _folds(sides: _Sides, wrong: Mask, seed: int) -> list[Fold]:
    """Doubt of each half of the rows, learned on the other."""
    half = np.random.default_rng(seed).permutation(wrong.size) % _FOLDS
    folds = []
    for number in range(_FOLDS):
        learn, judge = half != number, np.flatnonzero(half == number)
        doubt = _by_score(sides, wrong, learn) if sides.strata is None else _by_inputs(sides, wrong, learn, seed=seed)
        fold = Fold(places=judge, labelled=doubt(sides.here[judge]), unlabelled=doubt(sides.there))
        folds.append(fold if sides.strata is None else within(fold, *sides.strata, sides.weights))
    return folds


def _by_score(sides: _Sides, wrong: Mask, learn: Mask) -> Any:
    from sklearn.isotonic import IsotonicRegression

    fitted = IsotonicRegression(increasing=False, y_min=0.0, y_max=1.0, out_of_bounds="clip").fit(
        sides.here[learn, 0], wrong[learn].astype(np.float64), sample_weight=sides.weights[learn]
    )
    return lambda table: np.asarray(fitted.predict(table[:, 0]), dtype=np.float64)


def _by_inputs(sides: _Sides, wrong: Mask, learn: Mask, *, seed: int) -> Any:
    from sklearn.ensemble import HistGradientBoostingClassifier
    from threadpoolctl import threadpool_limits

    fitted = HistGradientBoostingClassifier(
        max_iter=40,
        learning_rate=0.1,
        max_leaf_nodes=8,
        min_samples_leaf=30,
        early_stopping=False,
        categorical_features=list(sides.named),
        random_state=seed % 2**32,
    )
    with threadpool_limits(limits=1):
        fitted.fit(sides.here[learn], wrong[learn])

    def doubt(table: Floats) -> Floats:
        with threadpool_limits(limits=1):
            return np.asarray(fitted.predict_proba(table)[:, 1], dtype=np.float64)

    return doubt


def _entities(rows: Rows, entity: str | None, places: Ints) -> Ints | None:
    """Numbers of the rows' entities, each row without one by itself; None where no column tells them."""
    if entity is None or entity not in rows.columns:
        return None
    values, codes = rows.columns[entity].codes
    alone = codes < 0
    numbered = np.where(alone, len(values) + np.cumsum(alone), codes)
    return np.asarray(numbered[places], dtype=np.int64)


def _missing(seen: LeftOut, n: int, sides: _Sides) -> Finding:
    return Finding(
        code="wrong-rows-missing",
        weight=Weight.OPEN,
        summary=f"by {sides.by}, live rows are more doubtful than evaluation rows that are alike, as if "
        f"{percent(seen.share)} of the wrong rows had been left out, at least {percent(seen.lower)}: "
        f"{percent(seen.error)} of {n:,} are wrong, {percent(seen.true_error)} would be",
        fields=("data.evaluation",),
        why=_WHY,
        remedy="Draw rows at random from the live traffic of now, label every one of them, and evaluate on these; or "
        "say how rows were drawn: data.evaluation.weight, strata or drawn. If the traffic has become harder since, new "
        "rows show that too.",
        detail={
            "left_out": seen.share,
            "at_least": seen.lower,
            "wrong": seen.error,
            "wrong_with_them": seen.true_error,
            "live_rows": int(sides.live.size),
        },
    )


def _not_seen(what: str) -> Finding:
    return Finding(
        code="left-out-not-seen",
        weight=Weight.NOTE,
        summary=f"whether wrong rows were left out of the evaluation could not be looked for: {what}",
        fields=("data.evaluation",),
        why=_WHY,
        remedy=_MORE,
    )
