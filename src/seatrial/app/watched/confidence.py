"""What the model says of its own answers: whether it is as sure as it may be, and how many errors it lets expect."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from seatrial.app.watched.budget import Budget
from seatrial.app.watched.frames import Decoding
from seatrial.app.watched.performance import NOTHING, Labelled, Unwatched, of_pairs, whole_of
from seatrial.app.watched.reference import Reference
from seatrial.core.check import SCORE
from seatrial.domains.model.acted import acted_on
from seatrial.domains.model.confidence import expected
from seatrial.domains.scored.outcomes import Outcomes
from seatrial.domains.scored.rows import Floats, Ints, numbers_of
from seatrial.measure.columns import Columns
from seatrial.spec.system import System
from seatrial.stats.label_free import calibrated
from seatrial.watch.batch import Batch, Values
from seatrial.watch.stream import Stream

EXPECTED = "expected.wrong"
_NOTEWORTHY = 0.02
"""By how much the expected share of wrong answers must have grown to be worth a look, as in the review."""
_GRID = np.linspace(0.0, 1.0, 1_001)


def calibration(system: System, reference: Reference, budget: Budget) -> Iterator[Stream | Unwatched]:
    """Over-confidence where outputs are acted on, against the limit of the policy under which the gate judged it.

    A row's value is half of one more than what was said less what came true: 0.5 in the mean where both agree.
    """
    if not expected(system):
        return
    labelled, whole = Labelled(system, reference), whole_of(system, reference)
    known = None if whole is None else _excess(system, whole)
    if whole is None or known is None or not known[0].size:
        yield Unwatched(name="calibration", why="no reference row that is acted on has a score and an outcome")
        return
    values, places = known
    daily = reference.daily("labelled", whole.rows[places], values, a_day=reference.labels)
    limit = system.policy.overconfidence
    mark = max((1.0 + limit) / 2.0, 0.0 if daily is None else daily.high)

    def take(seen: Batch) -> Values:
        found = labelled.outcomes(seen.pairs)
        if found is None:
            return NOTHING
        values, places = _excess(system, found[0])
        return of_pairs([found[1][place] for place in places], values)

    yield Stream(
        name="calibration",
        words="confidence of outputs that are acted on, 0.5 where it comes true",
        take=take,
        detectors=budget.changes(
            "rises",
            mark,
            f"they are right less often than their scores say, by more than {limit:g}",
            units=budget.units(labelled=True, by_day=daily is not None),
        ),
        base=float(values.mean()),
        labelled=True,
        by_day=daily is not None,
    )


def _excess(system: System, found: Outcomes) -> tuple[Floats, Ints]:
    """The value of each row that is acted on and has a score, and its place."""
    acted = acted_on(system, found)
    places = np.flatnonzero(acted.region & ~np.isnan(acted.confidence))
    return (1.0 + acted.confidence[places] - acted.right[places]) / 2.0, places


def expected_wrong(system: System, reference: Reference, decoding: Decoding, budget: Budget) -> Iterator[Stream]:
    """The share of wrong answers that the scores alone let expect, for want of outcomes. It asks to look, and to label.

    Nothing is seen of a world in which scores mean something else: it never says that all is well.
    """
    doubt = doubts(system, reference)
    known = reference.compared
    if doubt is None or known is None or SCORE not in known.schema.names:
        return
    before = doubt(numbers_of(Columns(known)[SCORE]))
    places = np.flatnonzero(~np.isnan(before))
    if not places.size:
        return
    which = "live" if reference.live is not None else "labelled"
    daily = reference.daily(which, places, before[places], a_day=reference.predictions)
    base = float(before[places].mean())
    mark = min(0.99, max(base, 0.0 if daily is None else daily.high) + _NOTEWORTHY)

    def take(seen: Batch) -> Values:
        decoded = decoding(seen, needs_inputs=False)
        if decoded is None:
            return NOTHING
        found = doubt(numbers_of(decoded.columns[SCORE]))
        given = ~np.isnan(found)
        return decoded.values(found, given)

    units = budget.units(labelled=False, by_day=daily is not None)
    says = "by their scores alone more are to be expected than on the reference rows; label some to know"
    yield Stream(
        name=EXPECTED,
        words="share of wrong outputs that is to be expected",
        take=take,
        detectors=(budget.look("rises", mark, says, units=units, among=1),),
        base=base,
        by_day=daily is not None,
    )


def doubts(system: System, reference: Reference) -> Callable[[Floats], Floats] | None:
    """Gives for each score the chance that the output is wrong as people act on it, NaN without a score.

    By the scores and outcomes of the reference rows; None where they have none, or where scores say nothing. None for a
    chat too: the score of an answer that says it does not know means something else, and a score alone tells no such.
    """
    whole = whole_of(system, reference) if expected(system) and system.model.task != "chat" else None
    if whole is None:
        return None
    acted = acted_on(system, whole)
    usable = ~np.isnan(acted.confidence)
    if not usable.any() or np.ptp(acted.confidence[usable]) == 0.0:
        return None
    chance = calibrated(acted.confidence[usable], acted.right[usable], _GRID)
    act_at = system.model.output.act_at
    cut = 0.5 if act_at is None else act_at
    binary = system.model.task == "binary"

    def doubt(score: Floats) -> Floats:
        right = np.interp(score, _GRID, chance)
        right[np.isnan(score)] = np.nan
        with np.errstate(invalid="ignore"):
            return np.where(score < cut, right, 1.0 - right) if binary else 1.0 - right

    return doubt
