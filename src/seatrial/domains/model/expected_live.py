"""What the scores alone let expect of live rows without labels. It may warn and never establishes anything."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from seatrial.core.check import PREDICTION, SCORE, Trial
from seatrial.core.errors import SeatrialError
from seatrial.core.observation import Finding, Measure
from seatrial.core.vocabulary import MeasureKind, Weight
from seatrial.core.wording import percent
from seatrial.domains.scored.outcomes import Outcomes
from seatrial.domains.scored.rows import numbers_of, read_rows
from seatrial.measure.columns import plain_text
from seatrial.spec.system import System
from seatrial.stats.label_free import calibrated, cbpe_accuracy, expected_counts

CODES: Mapping[str, str] = {
    "expected-to-fall": "The scores of live rows let expect fewer right answers than on the evaluation rows.",
}
_MOST_ROWS = 60_000
_FEWEST = 200
_NOTEWORTHY = 0.02
_METHOD = (
    "expected from calibrated scores (CBPE), for the case that the label depends on the inputs as before; it warns and "
    "establishes nothing"
)


def table_of(system: System) -> tuple[str, ...]:
    """The scored live rows, where they have scores and no labels."""
    live = system.data.live
    usable = system.model.task == "binary" and system.model.output.score is not None
    return ("scored.live",) if usable and live is not None and live.label is None else ()


def expected_live(system: System, trial: Trial, found: Outcomes) -> Iterator[Measure | Finding]:
    """The expected shares of right answers, of found positives and of right alarms among live rows."""
    scored = found.answered & ~np.isnan(found.score)
    if not table_of(system) or int(scored.sum()) < _FEWEST:
        return
    try:
        live = read_rows(trial.table("scored.live"), [PREDICTION, SCORE], most=_MOST_ROWS, seed=trial.seed)
    except SeatrialError:
        return
    if SCORE not in live.columns or PREDICTION not in live.columns:
        return
    score = numbers_of(live.columns[SCORE])
    texts, codes = live.columns[PREDICTION].names
    positive = {plain_text(system.model.output.positive), str(system.model.output.positive)}
    flagged = np.array([text in positive for text in texts] + [False])[codes]
    given = np.isfinite(score) & (codes >= 0)
    if int(given.sum()) < _FEWEST:
        return
    truth = found.truth == found.positive
    chance = calibrated(found.score[scored], truth[scored], score[given])
    accuracy = cbpe_accuracy(chance, flagged[given])
    hit, false, _, missed = expected_counts(chance, flagged[given])
    for name, value in (
        ("accuracy", accuracy),
        ("recall", hit / (hit + missed) if hit + missed else None),
        ("precision", hit / (hit + false) if hit + false else None),
    ):
        yield Measure(
            name=f"{name} to be expected live, without labels",
            value=value,
            unit="share",
            n=int(given.sum()),
            kind=MeasureKind.INFORMATIVE,
            method=_METHOD,
            approximate=True,
        )
    before = 1.0 - float(found.wrong[scored].mean())
    if accuracy < before - _NOTEWORTHY:
        yield Finding(
            code="expected-to-fall",
            weight=Weight.NOTE,
            summary=f"by their scores alone {percent(accuracy)} of the live answers are to be expected right, "
            f"{percent(before)} of the evaluation's were",
            remedy="Label some hundred live rows first; `seatrial plan-labels` says which.",
            why="Scores see that the mix moved, and never that the world did.",
        )
