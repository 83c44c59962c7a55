"""Where the harm lies: what the rows since a change have in common, in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from seatrial.app.watched.frames import batch, column, inputs_of
from seatrial.app.watched.performance import Labelled
from seatrial.app.watched.reference import Reference
from seatrial.core.errors import SeatrialError
from seatrial.core.wording import percent
from seatrial.domains.model.acted import acted_on
from seatrial.domains.model.field_drift import drifts
from seatrial.domains.scored.rows import Feature, Rows, features_of
from seatrial.measure.columns import Columns
from seatrial.spec.system import System
from seatrial.stats.contingency import fisher_more
from seatrial.watch.batch import batch_of
from seatrial.watch.store import Store, Stored

_BINS = 4
_FEWEST = 20
_MOST_P = 0.001
_SHIFT = 0.5
"""Standard deviations by which an input must have moved to be named."""
_EVENTS = 20_000


class Explaining:
    """Explains alarms from the events that the store holds."""

    def __init__(self, system: System, reference: Reference, store: Store) -> None:
        self._system = system
        self._reference = reference
        self._store = store
        self._labelled = Labelled(system, reference)

    def explain(self, alarm: Mapping[str, Any]) -> str:
        """Which rows it concerns and what moved with them; empty where nothing stands out, or nothing can be told.

        An alarm never waits for its explanation: whatever the rows hold, it goes on without one.
        """
        if not alarm["newest"]:
            return ""
        try:
            return self._explained(alarm)
        except (
            SeatrialError,
            ValueError,
            LookupError,
            TypeError,
            ArithmeticError,
            AttributeError,
            NotImplementedError,
        ):
            return ""

    def _explained(self, alarm: Mapping[str, Any]) -> str:
        first, last = min(alarm["newest"]), max(alarm["newest"])
        events = self._store.between(first, last, most=_EVENTS)
        seen = batch_of(self._store, events)
        parts = [self._slice(seen), self._moved([pair.prediction for pair in seen.pairs] or list(seen.predictions))]
        return " ".join(part for part in parts if part)

    def _slice(self, seen: Any) -> str:
        """The condition under which answers are wrong most remarkably often."""
        found = self._labelled.outcomes(seen.pairs)
        if found is None:
            return ""
        outcomes, pairs = found
        wrong = acted_on(self._system, outcomes).wrong
        features = self._features([pair.prediction for pair in pairs])
        best: tuple[float, str] | None = None
        tests = 0
        for feature in features:
            for words, held in _conditions(feature):
                inside, total = int(held.sum()), held.size
                if inside < _FEWEST or total - inside < _FEWEST:
                    continue
                tests += 1
                p = float(fisher_more(int((wrong & held).sum()), inside, int(wrong.sum()), total))
                said = (
                    f"when {words}, {percent(wrong[held].mean())} are wrong, elsewhere {percent(wrong[~held].mean())}"
                )
                if best is None or p < best[0]:
                    best = (p, said)
        return "" if best is None or best[0] * tests > _MOST_P else f"It concentrates: {best[1]}."

    def _moved(self, predictions: list[Stored]) -> str:
        """The inputs that look unlike those that GO was given for."""
        known = self._reference.live if self._reference.live is not None else self._reference.labelled
        if known is None or len(predictions) < _FEWEST:
            return ""
        before = features_of(Rows(columns=Columns(known), total=known.num_rows), self._reference.inputs)
        moved = [
            d for d in drifts(before, self._features(predictions), alpha=_MOST_P, seed=1) if d.found.lower > _SHIFT
        ]
        if not moved:
            return ""
        return (
            "Likely cause: these inputs have moved: "
            + ", ".join(
                f"{d.field} by {d.found.value:.1f} sd"
                + (f" ({percent(d.missing[1])} missing)" if d.missing[1] > d.missing[0] + 0.05 else "")
                for d in moved[:3]
            )
            + "."
        )

    def _features(self, predictions: list[Stored]) -> tuple[Feature, ...]:
        names = tuple(self._reference.inputs)
        columns = Columns(batch({**inputs_of(predictions, names), "seatrial.row": column(range(len(predictions)))}))
        return features_of(Rows(columns=columns, total=columns.rows), self._reference.inputs)


def _conditions(feature: Feature) -> list[tuple[str, Any]]:
    if feature.numbers is not None:
        known = feature.numbers[np.isfinite(feature.numbers)]
        found = [(f"{feature.name} is missing", feature.missing)]
        with np.errstate(invalid="ignore"):
            for q in np.unique(np.quantile(known, np.arange(1, _BINS) / _BINS)) if known.size else ():
                found += [
                    (f"{feature.name} is above {q:.4g}", feature.numbers > q),
                    (f"{feature.name} is {q:.4g} or less", feature.numbers <= q),
                ]
        return found
    codes = np.asarray(feature.codes)
    return [(f"{feature.name} is {level}", codes == code) for code, level in enumerate(feature.levels)]
