"""How the evaluation rows were drawn, where some were likelier than others, as the system file declares it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from seatrial.core.observation import Reason
from seatrial.domains.scored.labelled import Outcomes, reason
from seatrial.domains.scored.rows import Floats, Ints, Rows, numbers_of
from seatrial.spec.data import Drawn, Strata
from seatrial.spec.system import System
from seatrial.stats.active import lure_weights

CODES = {
    "drawing-unusable": "The column that says how the rows were drawn holds something that cannot be used.",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """Strata: `codes` number the one of every labelled row, `shares` are their parts of the live traffic."""

    names: tuple[str, ...]
    codes: Ints
    shares: Floats

    def of_row(self) -> Floats:
        """The share of the live traffic that each labelled row stands for."""
        sizes = np.bincount(self.codes, minlength=self.shares.size)
        each: Floats = np.where(sizes > 0, self.shares / np.maximum(1, sizes), 0.0)
        return each[self.codes]


@dataclass(frozen=True, slots=True, kw_only=True)
class Draws:
    """One after the other from `pool` rows: `order` has the labelled rows as they were drawn, `chances` theirs."""

    order: Ints
    chances: Floats
    pool: int
    floor: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawing:
    """At most one of `parts` and `draws`; `weights` tell for every labelled row what it stands for, None for the same.

    Rows that count for nothing have the weight 0.
    """

    weights: Floats | None = None
    parts: Parts | None = None
    draws: Draws | None = None

    def of_row(self) -> Floats | None:
        """How much of the live traffic each labelled row stands for, to a common factor; None for all the same."""
        return self.weights if self.parts is None else self.parts.of_row()

    def of_table(self, rows: Rows, outcomes: Outcomes) -> Floats | None:
        """The same for each of the rows: those without a label stand for nothing."""
        of_row = self.of_row()
        if of_row is None:
            return None
        found = np.zeros(rows.n)
        found[outcomes.rows] = of_row
        return found


def drawing_of(system: System, rows: Rows, outcomes: Outcomes) -> Drawing | Reason:
    """How the labelled rows were drawn, or the reason why what is declared cannot be used."""
    source = system.data.evaluation
    if source is None:
        return Drawing()
    if source.weight is not None:
        return _weighted(source.weight, rows, outcomes)
    if source.strata is not None:
        return _stratified(source.strata, rows, outcomes)
    if source.drawn is not None:
        return _drawn(source.drawn, rows, outcomes)
    return Drawing()


def _weighted(column: str, rows: Rows, outcomes: Outcomes) -> Drawing | Reason:
    found = _numbers(column, rows, outcomes)
    if isinstance(found, Reason):
        return found
    if not (np.isfinite(found).all() and found.min() >= 0.0 and found.any()):
        return _unusable(column, "weights must be numbers, not negative, and not all zero")
    return Drawing(weights=found)


def _stratified(declared: Strata, rows: Rows, outcomes: Outcomes) -> Drawing | Reason:
    column = declared.column
    if column not in rows.columns:
        return _unusable(column, "there is no such column")
    texts, codes = rows.columns[column].names
    names = tuple(declared.shares)
    place = {name: i for i, name in enumerate(names)}
    moved = np.array([place.get(text, -1) for text in texts] + [-1], dtype=np.int64)
    of_row = moved[codes[outcomes.rows]]
    if (of_row < 0).any():
        strange = sorted({texts[c] if c >= 0 else "(none)" for c in codes[outcomes.rows][of_row < 0]})[:5]
        return _unusable(column, f"{', '.join(strange)} has no share in data.evaluation.strata.shares")
    shares = np.array([declared.shares[name] for name in names], dtype=np.float64)
    return Drawing(parts=Parts(names=names, codes=of_row, shares=shares / shares.sum()))


def _drawn(declared: Drawn, rows: Rows, outcomes: Outcomes) -> Drawing | Reason:
    """The labelled rows up to the first one that was drawn and not labelled; what was drawn later says nothing then."""
    order = _numbers(declared.order, rows, outcomes)
    chances = _numbers(declared.probability, rows, outcomes)
    if isinstance(order, Reason):
        return order
    if isinstance(chances, Reason):
        return chances
    place = np.argsort(order, kind="stable")
    ordered = order[place]
    unbroken = ordered == np.arange(1, ordered.size + 1)
    count = int(unbroken.size if unbroken.all() else np.argmin(unbroken))
    if not np.isfinite(order).all() or np.unique(order).size != order.size:
        return _unusable(declared.order, "each row must have its own place, from 1")
    if count == 0 or count > declared.rows:
        return _unusable(declared.order, f"the rows drawn first have no label, or there are more than {declared.rows}")
    used = place[:count]
    q = chances[used]
    least = float(np.min(q * (declared.rows - np.arange(count)))) if np.isfinite(q).all() else 0.0
    if not (least >= declared.floor - 1e-9 and q.max() <= 1.0):
        return _unusable(
            declared.probability, f"probabilities must be up to 1, and at least {declared.floor:g} of an equal one"
        )
    weights = np.zeros(outcomes.n)
    weights[used] = np.maximum(0.0, lure_weights(q, declared.rows))
    return Drawing(weights=weights, draws=Draws(order=used, chances=q, pool=declared.rows, floor=float(declared.floor)))


def _numbers(column: str, rows: Rows, outcomes: Outcomes) -> Floats | Reason:
    if column not in rows.columns:
        return _unusable(column, "there is no such column")
    return numbers_of(rows.columns[column])[outcomes.rows]


def _unusable(column: str, why: str) -> Reason:
    return reason(
        "drawing-unusable",
        f"{column} cannot tell how the rows were drawn: {why}",
        remedy="Correct the column, or what data.evaluation declares of it.",
        fields=(column,),
    )
