"""Where the harm lies: what the rows since a change have in common, in words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from seatrial.app.watched.confidence import EXPECTED, doubts
from seatrial.app.watched.frames import batch, column, inputs_of
from seatrial.app.watched.performance import Labelled
from seatrial.app.watched.reference import Reference
from seatrial.core.errors import SeatrialError
from seatrial.core.wording import percent
from seatrial.domains.condition_words import readable, spoken_text
from seatrial.domains.model.acted import acted_on
from seatrial.domains.model.field_drift import drifts
from seatrial.domains.model.label_plan import choose
from seatrial.domains.scored.rows import REST, Feature, Rows, features_of
from seatrial.measure.columns import Columns
from seatrial.spec.conditions import field_name, quoted
from seatrial.spec.system import System
from seatrial.stats.contingency import fisher_more
from seatrial.watch.batch import Batch, batch_of
from seatrial.watch.store import Store, Stored

_BINS = 4
_FEWEST = 20
_MOST_P = 0.001
_SHIFT = 0.5
"""Standard deviations by which an input must have moved to be named."""
_EVENTS = 20_000
_TO_LABEL = 20
"""So many predictions are named of which an outcome would tell most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Explained:
    """What the rows of an alarm have in common, in words; and the condition under which it concentrates, if any."""

    says: str = ""
    where: str = ""


class Explaining:
    """Explains alarms from the events that the store holds."""

    def __init__(self, system: System, reference: Reference, store: Store) -> None:
        self._system = system
        self._reference = reference
        self._store = store
        self._labelled = Labelled(system, reference)

    def explain(self, alarm: Mapping[str, Any]) -> str:
        """Which rows it concerns and what moved with them; empty where nothing stands out, or nothing can be told."""
        return self.explained(alarm).says

    def explained(self, alarm: Mapping[str, Any]) -> Explained:
        """The same with the condition.

        An alarm never waits for its explanation: whatever the rows hold, it goes on without one.
        """
        if not alarm["newest"]:
            return Explained()
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
            return Explained()

    def _explained(self, alarm: Mapping[str, Any]) -> Explained:
        first, last = min(alarm["newest"]), max(alarm["newest"])
        events = self._store.between(first, last, most=_EVENTS)
        seen = batch_of(self._store, events)
        concentrates, where = self._slice(seen)
        parts = [concentrates, self._moved([pair.prediction for pair in seen.pairs] or list(seen.predictions))]
        if alarm["monitor"] == EXPECTED:
            parts.append(self._to_label(seen))
        return Explained(says=" ".join(part for part in parts if part), where=where)

    def _to_label(self, seen: Batch) -> str:
        """The predictions of which an outcome would tell most, drawn by how doubtful each is; any may be among them."""
        doubt = doubts(self._system, self._reference)
        known = {pair.prediction.id for pair in seen.pairs}
        scored = [p for p in seen.predictions if p.id not in known and p.content.get("score") is not None]
        if doubt is None or not scored:
            return ""
        chances = doubt(np.array([float(each.content["score"]) for each in scored]))
        rows, _ = choose(chances, min(_TO_LABEL, len(scored)), seed=1)
        return "Find out first what became of " + ", ".join(scored[row].id for row in rows) + "."

    def _slice(self, seen: Batch) -> tuple[str, str]:
        """The condition under which answers are wrong most remarkably often: in words, and as it is written."""
        found = self._labelled.outcomes(seen.pairs)
        if found is None:
            return "", ""
        outcomes, pairs = found
        wrong = acted_on(self._system, outcomes).wrong
        features = self._features([pair.prediction for pair in pairs])
        best: tuple[float, str, str] | None = None
        tests = 0
        for feature in features:
            for when, held in _conditions(feature):
                inside, total = int(held.sum()), held.size
                if inside < _FEWEST or total - inside < _FEWEST:
                    continue
                tests += 1
                p = float(fisher_more(int((wrong & held).sum()), inside, int(wrong.sum()), total))
                words, shares = spoken_text(when, self._reference.inputs), (wrong[held].mean(), wrong[~held].mean())
                said = f"when {words}, {percent(shares[0])} are wrong, elsewhere {percent(shares[1])}"
                if best is None or p < best[0]:
                    best = (p, said, when)
        if best is None or best[0] * tests > _MOST_P:
            return "", ""
        return f"It concentrates: {best[1]}.", best[2]

    def _moved(self, predictions: list[Stored]) -> str:
        """The inputs that look unlike those that GO was given for."""
        known = self._reference.compared
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
    name = field_name(feature.name)
    if feature.numbers is not None:
        known = feature.numbers[np.isfinite(feature.numbers)]
        found = [(f"{name} is null", feature.missing)]
        with np.errstate(invalid="ignore"):
            cuts = np.quantile(known, np.arange(1, _BINS) / _BINS) if known.size else ()
            for cut in sorted({readable(float(q)) for q in cuts}):
                found += [
                    (f"{name} > {quoted(cut)}", feature.numbers > cut),
                    (f"{name} <= {quoted(cut)}", feature.numbers <= cut),
                ]
        return found
    codes = np.asarray(feature.codes)
    return [(f"{name} == {quoted(level)}", codes == code) for code, level in enumerate(feature.levels) if level != REST]
