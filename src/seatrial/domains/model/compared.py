"""The evaluation rows beside live ones: a bounded sample of both, and the metric as it would be on the live mix."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Self

import numpy as np

from seatrial.core.check import PREDICTION, SCORE, Trial
from seatrial.core.errors import SeatrialError
from seatrial.core.observation import Finding, Measure, Reason
from seatrial.core.vocabulary import Weight
from seatrial.domains.model.bounding import LIVE, Setting, clustered, interval_measure, live_measure
from seatrial.domains.model.live_mix import LiveMix, NoMix, live_mix
from seatrial.domains.scored.drawing import Drawing, drawing_of
from seatrial.domains.scored.metrics import Governed, MetricRows, governed
from seatrial.domains.scored.outcomes import Outcomes, columns_of, outcomes_of
from seatrial.domains.scored.own_metric import is_own
from seatrial.domains.scored.rows import Floats, Ints, Rows, numbers_of, read_rows
from seatrial.domains.scored.text_features import comparable
from seatrial.domains.sending import inputs_of
from seatrial.measure.columns import plain_text
from seatrial.spec.system import System
from seatrial.stats import prediction_powered

MOST_COMPARED = 30_000
"""Rows of each side that are compared: the metric on the live mix is bounded on them, to within half a point."""
_SAME = 0.55
CODES: Mapping[str, str] = {
    "no-live-sample": "No live sample is declared, so the metric cannot be re-weighted to the live mix.",
    "live-mix-unknown": "The live mix could not be compared with the evaluation rows.",
    "not-from-live": "The evaluation rows are declared to be a sample of live traffic, and differ from it.",
}


def tables(system: System) -> Sequence[str]:
    """The scored tables that are read: live ones too where their predictions sharpen the bound."""
    return ("scored.evaluation", "scored.live") if _sharpened(system) else ("scored.evaluation",)


def groups_of(system: System, rows: Rows, labelled: Ints) -> Ints | None:
    """The number of the entity of each labelled row, None where hardly any entity has several rows."""
    source = system.data.evaluation
    if source is None or source.entity is None or source.entity not in rows.columns:
        return None
    _, codes = rows.columns[source.entity].codes
    alone = np.flatnonzero(codes < 0)
    groups = codes.copy()
    groups[alone] = codes.max(initial=0) + 1 + np.arange(alone.size)
    chosen = groups[labelled]
    return chosen if clustered(chosen) else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """`rows` are those that are compared, whole, with their `outcomes`; `mix` is None where nothing can be said of it.

    `expected` are the chances that the model's answers are right, on the labelled rows and on live ones, where the
    labelled rows are a sample of live traffic and those chances may sharpen the bound.
    """

    rows: Rows
    outcomes: Outcomes
    setting: Setting
    mix: LiveMix | None
    findings: tuple[Finding, ...] = ()
    expected: tuple[Floats, Floats] | None = None

    @classmethod
    def of(cls, system: System, trial: Trial, setting: Setting, whole: Outcomes, all_rows: Rows) -> Self:
        """Read what is compared. What stands in the way becomes a finding."""
        inputs = inputs_of(system, trial)
        wanted = [*columns_of(system), *inputs]
        if any(is_own(metric.name) for metric in governed(system)):
            wanted += trial.table("scored.evaluation").columns()
        rows = read_rows(trial.table("scored.evaluation"), wanted, most=MOST_COMPARED, seed=trial.seed)
        outcomes, used = whole, setting
        if all_rows.n > rows.n:
            sampled = outcomes_of(system, rows)
            outcomes = whole if isinstance(sampled, Reason) else sampled
            drawing = drawing_of(system, rows, outcomes)
            used = replace(
                setting,
                groups=groups_of(system, rows, outcomes.rows),
                drawing=Drawing() if isinstance(drawing, Reason) else drawing,
            )
        mix, findings = _mix(system, trial, rows, (outcomes, used))
        made = cls(rows=rows, outcomes=outcomes, setting=used, mix=mix, findings=findings)
        return made._sharpened(system, trial) if mix is not None and _sharpened(system) else made

    def measure(self, metric: Governed, rows: MetricRows) -> Measure:
        """The metric on the live mix."""
        if self.mix is None:
            raise ValueError("nothing is known of the live mix")
        plain = rows.scale == "share" and bool(rows.used.all())
        alike = self.setting.groups is None and self.setting.drawing.of_row() is None
        if self.expected is None or not plain or not alike:
            return live_measure(metric, rows, self.mix, self.outcomes.rows, self.setting)
        right = 1.0 - self.outcomes.wrong
        sign = np.array_equal(rows.values, right)
        if not (sign or np.array_equal(rows.values, 1.0 - right)) or not prediction_powered.enough(rows.values):
            return live_measure(metric, rows, self.mix, self.outcomes.rows, self.setting)
        known, live = self.expected if sign else (1.0 - self.expected[0], 1.0 - self.expected[1])
        found = prediction_powered.interval(rows.values, known, live, self.setting.spent)
        return interval_measure(metric, rows, found, self.setting, name=metric.name + LIVE)

    def _sharpened(self, system: System, trial: Trial) -> Self:
        if self.mix is None or self.mix.auc.lower > _SAME:
            return replace(self, findings=(*self.findings, _differs()))
        try:
            live = read_rows(trial.table("scored.live"), [PREDICTION, SCORE], most=10 * MOST_COMPARED, seed=trial.seed)
        except SeatrialError:
            return self
        known, more = _chances(system, self.rows)[self.outcomes.rows], _chances(system, live)
        return replace(self, expected=(known, more)) if more.size >= known.size else self


def _sharpened(system: System) -> bool:
    """Whether live predictions can tell more about the labelled rows' mean."""
    source = system.data.evaluation
    known = source is not None and source.from_live and system.data.live is not None
    return known and system.model.output.score is not None and system.model.task in {"binary", "multiclass", "text"}


def _chances(system: System, rows: Rows) -> Floats:
    """How likely the model takes each of its answers to be right; 0 where there is none."""
    if SCORE not in rows.columns:
        return np.zeros(rows.n)
    score = numbers_of(rows.columns[SCORE])
    if system.model.task == "binary":
        texts, codes = rows.columns[PREDICTION].names
        positive = {plain_text(system.model.output.positive), *_booleans(system.model.output.positive)}
        flagged = np.array([text in positive for text in texts] + [False], dtype=bool)[codes]
        score = np.where(flagged, score, 1.0 - score)
    with np.errstate(invalid="ignore"):
        return np.where((score >= 0.0) & (score <= 1.0), score, 0.0)


def _booleans(positive: object) -> tuple[str, ...]:
    return {"1": ("true", "True"), "0": ("false", "False")}.get(plain_text(positive), ())


def _differs() -> Finding:
    return Finding(
        code="not-from-live",
        weight=Weight.NOTE,
        summary="the evaluation rows are declared to be a random sample of live traffic, and can be told apart from "
        "it; live predictions were not used to sharpen the bound",
        fields=("data.evaluation.from_live",),
        remedy="Draw rows for labelling from the traffic of the live sample, or take from_live away.",
    )


def _mix(
    system: System, trial: Trial, rows: Rows, known: tuple[Outcomes, Setting]
) -> tuple[LiveMix | None, tuple[Finding, ...]]:
    outcomes, setting = known
    if system.data.live is None:
        return None, (
            Finding(
                code="no-live-sample",
                weight=Weight.OPEN,
                summary="no recent live sample is declared, so the metric on the live mix is unknown",
                remedy="Declare data.live: a recent sample of what production sends; labels are not needed.",
                fields=("data.live",),
            ),
        )
    inputs = inputs_of(system, trial)
    try:
        live = read_rows(trial.table("live"), list(inputs), most=MOST_COMPARED, seed=trial.seed)
        sides = comparable(rows, live, inputs).called(inputs)
        each = setting.drawing.of_table(rows, outcomes)
        return live_mix(sides.evaluation, sides.live, alpha=setting.alpha, seed=trial.seed, stands_for=each), ()
    except NoMix as error:
        what = str(error) if inputs else "the model's inputs are not declared, so rows cannot be compared"
    except SeatrialError as error:
        what = error.what
    return None, (
        Finding(
            code="live-mix-unknown",
            weight=Weight.OPEN,
            summary=f"the live mix is unknown: {what}",
            remedy="Declare model.inputs, and give a live sample with the same fields.",
            fields=("data.live",),
        ),
    )
