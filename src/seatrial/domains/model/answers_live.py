"""How often each answer is given on evaluation rows and on live ones: rows that were drawn by their outcome show there.

Inputs need not tell: where late deliveries were labelled five times as often as others, every field may lie where it
lies live, and weights from the inputs cannot make up for it. What the model answers goes along with the outcome, and is
known of both sides. Declared weights are counted, so that rows which were rightly drawn so pass.

Assumption: rows of each side are independent. Guarantee: a difference is told where exact bounds of both shares lie so
far apart, at a level that allows for every answer.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

import numpy as np

from seatrial.core.check import PREDICTION, Trial
from seatrial.core.errors import SeatrialError
from seatrial.core.observation import Finding, Reason
from seatrial.core.vocabulary import Weight
from seatrial.core.wording import percent
from seatrial.domains.model.field_drift import drifts
from seatrial.domains.model.live_mix import evenly_drawn
from seatrial.domains.scored.drawing import drawing_of
from seatrial.domains.scored.outcomes import Outcomes, class_name
from seatrial.domains.scored.rows import Feature, Floats, Rows, numbers_of, read_rows
from seatrial.spec.system import System
from seatrial.stats import proportions
from seatrial.stats.drift import FAIL_D

CODES: Final[Mapping[str, str]] = {
    "answers-differ": "An answer is given much more often, or more rarely, on evaluation rows than on live ones.",
    "answers-not-compared": "The answers on live rows could not be compared with those on evaluation rows.",
}
TABLE: Final = "scored.live"
_TASKS: Final = frozenset({"binary", "multiclass", "text", "regression"})
_MOST_ROWS: Final = 60_000
_FEWEST: Final = 30
_TIMES: Final = 2.0
"""An answer that is so many times as frequent on one side moves every share of right alarms."""
_WHY: Final = "Shares of right answers hold for the mix of outcomes that they were measured on."
_REMEDY: Final = (
    "If some rows were likelier to be labelled than others, say how: data.evaluation.weight, strata or drawn. Else "
    "label rows from the time and the sources that production has now."
)


def table_of(system: System) -> tuple[str, ...]:
    """The scored live rows, where answers can be compared."""
    return (TABLE,) if system.model.task in _TASKS and system.data.live is not None else ()


def answers_live(system: System, trial: Trial, rows: Rows, found: Outcomes, *, alpha: float) -> Iterator[Finding]:
    """What answers on live rows say against those on evaluation rows; open where nothing is known of them."""
    if not table_of(system):
        return
    try:
        live = read_rows(trial.table(TABLE), [PREDICTION], most=_MOST_ROWS, seed=trial.seed)
    except SeatrialError as error:
        yield _not_compared(system, error.what)
        return
    drawing = drawing_of(system, rows, found)
    # What cannot be used of how rows were drawn is a reason elsewhere; here they are then taken as they are.
    each = None if isinstance(drawing, Reason) else drawing.of_table(rows, found)
    here = np.arange(rows.n) if each is None else evenly_drawn(each, trial.seed)
    if system.model.task == "regression":
        before, now = _numbers(rows)[here], _numbers(live)
        given = int(np.isfinite(before).sum()), int(np.isfinite(now).sum())
        if min(given) < _FEWEST:
            yield _not_compared(system, f"{given[0]} evaluation rows and {given[1]} live rows have an answer")
            return
        yield from _moved(before[np.isfinite(before)], now[np.isfinite(now)], alpha, trial.seed)
        return
    counted, met = _counts(rows, here), _counts(live, np.arange(live.n))
    if min(sum(counted.values()), sum(met.values())) < _FEWEST:
        yield _not_compared(
            system, f"{sum(counted.values())} evaluation rows and {sum(met.values())} live rows have an answer"
        )
        return
    yield from _differing(system, counted, met, alpha)


def _numbers(rows: Rows) -> Floats:
    return numbers_of(rows.columns[PREDICTION]) if PREDICTION in rows.columns else np.full(rows.n, np.nan)


def _moved(before: Floats, now: Floats, alpha: float, seed: int) -> Iterator[Finding]:
    name = "the model's answer"
    sides = [(Feature(name=name, source=PREDICTION, numbers=numbers),) for numbers in (before, now)]
    for drift in drifts(*sides, alpha=alpha, seed=seed):
        if drift.found.lower > FAIL_D:
            yield Finding(
                code="answers-differ",
                summary=f"what the model answers lies {drift.found.value:.2f} standard deviations apart between "
                f"evaluation and live rows: {float(np.median(before)):.4g} in the middle against "
                f"{float(np.median(now)):.4g}",
                fields=("data.evaluation",),
                remedy=_REMEDY,
                why=_WHY,
                detail={"distance": drift.found.value, "lower": drift.found.lower},
            )


def _counts(rows: Rows, places: np.ndarray) -> dict[str, int]:
    if PREDICTION not in rows.columns:
        return {}
    texts, codes = rows.columns[PREDICTION].names
    chosen = codes[places]
    found: dict[str, int] = {}
    for code, n in zip(*np.unique(chosen[chosen >= 0], return_counts=True), strict=True):
        name = class_name(texts[int(code)])
        found[name] = found.get(name, 0) + int(n)
    return found


def _differing(system: System, before: Mapping[str, int], now: Mapping[str, int], alpha: float) -> Iterator[Finding]:
    """The answers whose shares are certainly farther apart than the policy allows, or one a multiple of the other."""
    policy = system.policy
    n, m = sum(before.values()), sum(now.values())
    names = sorted({*before, *now})
    level = alpha / (2 * len(names))
    told: list[tuple[float, str, float, float]] = []
    for name in names:
        a, b = before.get(name, 0), now.get(name, 0)
        low, high = sorted(((a, n), (b, m)), key=lambda side: side[0] / side[1])
        most, least = proportions.upper(*low, level), proportions.lower(*high, level)
        apart = float(least - most)
        multiple = high[0] / high[1] >= policy.smallest_slice and least > _TIMES * most
        if apart > policy.decision_shift or multiple:
            told.append((apart, name, a / n, b / m))
    if not told:
        return
    told.sort(key=lambda each: (-each[0], each[1]))
    shares = "; ".join(
        f"{name} to {percent(a)} of the evaluation rows and {percent(b)} of the live rows" for _, name, a, b in told[:3]
    )
    yield Finding(
        code="answers-differ",
        summary=f"the model answers {shares}: the evaluation rows were not drawn as live rows come, or the traffic has "
        "changed since",
        fields=("data.evaluation",),
        remedy=_REMEDY,
        why=_WHY,
        detail={"answers": {name: [a, b] for _, name, a, b in told[:20]}},
    )


def _not_compared(system: System, what: str) -> Finding:
    recorded = system.model.recorded is not None
    return Finding(
        code="answers-not-compared",
        weight=Weight.NOTE if recorded else Weight.OPEN,
        summary=f"how often each answer is given live is not known: {what}",
        fields=("data.live",),
        remedy="Give past predictions of the live rows too."
        if recorded
        else "Let the model answer the live rows: `seatrial run` asks it about them.",
        why=_WHY,
    )
