"""Fields that the model has when it is evaluated and does not have when it predicts live."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from seatrial.core.observation import Finding
from seatrial.core.vocabulary import Weight
from seatrial.core.wording import percent
from seatrial.domains.model.leaks import missing_shares
from seatrial.domains.scored.outcomes import Outcomes
from seatrial.domains.scored.rows import Feature, Mask, Rows, aligned, times_of
from seatrial.spec.model import InputField
from seatrial.stats import proportions

CODES: Mapping[str, str] = {
    "not-known-live": "A field has values in the evaluation data and none live: it is not known when predicting.",
    "constant-live": "A field has one and the same value in nearly all live rows, and many in the evaluation data.",
    "only-with-label": "A field has values only where the label is known.",
    "later-than-prediction": "A time that the model is given lies after the row's own time.",
}
_ALWAYS, _MOSTLY, _RARELY = 0.99, 0.5, 0.1
_FEWEST = 30
_ALPHA = 0.01
_SOME_LATE = 0.01
_WHY = "The model was evaluated with knowledge that it does not have live."


def unknown_live(
    here: Sequence[Feature], there: Sequence[Feature], inputs: Mapping[str, InputField], live: Rows
) -> Iterator[Finding]:
    """Inputs that are absent, missing or at one value live, though the evaluation rows have them."""
    if not live.total:
        return
    given, met = missing_shares(here), missing_shares(there)
    for name in inputs:
        absent = name not in live.columns
        if not absent and not (met.get(name, 0.0) > _ALWAYS and given.get(name, 1.0) < _MOSTLY):
            continue
        how = "is no column of the live sample" if absent else f"is missing in {percent(met[name])} of the live rows"
        yield Finding(
            code="not-known-live",
            summary=f"{name} {how}, though the evaluation data have it: it is not known at prediction time",
            fields=(name,),
            remedy=f"Feed {name} live, or drop it, train and evaluate anew.",
            why=_WHY,
        )
    for a, b in aligned(here, there):
        yield from _constant(a, b)


def _constant(a: Feature, b: Feature) -> Iterator[Finding]:
    """A default in nearly all live rows, where the evaluation rows hold many values."""
    if a.name != a.source or (a.numbers is None) != (b.numbers is None):
        return
    value, rows = _commonest(b)
    if value is None or rows < _ALWAYS * b.missing.size or b.missing.size < _FEWEST:
        return
    same = float((_values(a) == value).mean()) if a.missing.size else 1.0
    if same > _MOSTLY:
        return
    shown = a.levels[int(value)] if a.numbers is None else f"{value:g}"
    yield Finding(
        code="constant-live",
        summary=f"{a.source} is {shown} in {percent(rows / b.missing.size)} of the live rows and in "
        f"{percent(same)} of the evaluation rows: live it looks like a default, not like what is known",
        fields=(a.source,),
        remedy=f"Find out whether {a.source} is known when the model is asked; if not, drop it, train and evaluate "
        "anew.",
        why=_WHY,
    )


def _values(feature: Feature) -> np.ndarray:
    if feature.numbers is not None:
        return feature.numbers
    return np.asarray(feature.codes, dtype=np.float64)


def _commonest(feature: Feature) -> tuple[float | None, int]:
    values = _values(feature)[~feature.missing]
    if not values.size:
        return None, 0
    distinct, counts = np.unique(values, return_counts=True)
    return float(distinct[counts.argmax()]), int(counts.max())


def only_with_label(features: Sequence[Feature], found: Outcomes, rows: Rows) -> Iterator[Finding]:
    """Inputs that rows without a label do not have: what fills them in is the outcome itself."""
    labelled = np.zeros(rows.n, dtype=bool)
    labelled[found.rows] = True
    if int((~labelled).sum()) < _FEWEST or int(labelled.sum()) < _FEWEST:
        return
    for feature in features:
        with_label, without = (_least_and_most(~feature.missing[side]) for side in (labelled, ~labelled))
        if feature.name == feature.source and with_label[0] > 1.0 - _RARELY * 2 and without[1] < _RARELY * 2:
            yield Finding(
                code="only-with-label",
                summary=f"{feature.source} has a value in {percent(1.0 - float(feature.missing[labelled].mean()))} of "
                "the rows whose label is known and in "
                f"{percent(1.0 - float(feature.missing[~labelled].mean()))} of the others",
                fields=(feature.source,),
                remedy=f"Find out what fills {feature.source}; if it comes with the outcome, drop it, train and "
                "evaluate anew.",
                why=_WHY,
            )


def _least_and_most(given: Mask) -> tuple[float, float]:
    hits, n = int(given.sum()), int(given.size)
    return float(proportions.lower(hits, n, _ALPHA)), float(proportions.upper(hits, n, _ALPHA))


def time_features(rows: Rows, inputs: Mapping[str, InputField], own: str | None) -> tuple[Feature, ...]:
    """For each input that is a time the hours by which it lies after the row's own time, as a feature."""
    if own is None or own not in rows.columns:
        return ()
    start = times_of(rows.columns[own])
    if start is None:
        return ()
    found = []
    for name in inputs:
        if name == own or name not in rows.columns:
            continue
        moment = times_of(rows.columns[name])
        if moment is not None and np.isfinite(moment).any():
            found.append(Feature(name=name, source=name, numbers=(moment - start) / 3600.0))
    return tuple(found)


def late_times(features: Sequence[Feature], own: str) -> Iterator[Finding]:
    """Times of `time_features` that lie after the row's own: plans may, what really happened may not."""
    for feature in features:
        hours = feature.numbers
        if hours is None:
            continue
        given = hours[np.isfinite(hours)]
        late = int((given > 0).sum())
        if given.size and proportions.lower(late, int(given.size), _ALPHA) > _SOME_LATE:
            yield Finding(
                code="later-than-prediction",
                weight=Weight.NOTE,
                summary=f"{feature.source} lies after {own} in {percent(late / given.size)} of the evaluation rows, by "
                f"{float(np.median(given[given > 0])):.1f} h in half of them; a planned time may, one that is measured "
                "is not known yet",
                fields=(feature.source, own),
                remedy=f"Make sure that {feature.source} is a plan that stands when the model is asked.",
                why=_WHY,
            )
