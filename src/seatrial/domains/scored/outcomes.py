"""What the model said about each evaluation row, held against what was true."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from seatrial.core.check import PREDICTION, PROBLEM, SCORE
from seatrial.core.observation import Finding, Reason
from seatrial.core.vocabulary import Weight
from seatrial.core.wording import percent
from seatrial.domains.scored.rows import Floats, Ints, Mask, Rows, numbers_of
from seatrial.measure.columns import plain_text
from seatrial.spec.system import System

CODES: Mapping[str, str] = {
    "no-evaluation-data": "No evaluation data with a label column is declared.",
    "no-rows": "The evaluation data has no rows.",
    "no-labels": "No evaluation row has a label.",
    "one-class": "All labelled rows have the same label, so nothing can be told apart.",
    "labels-outside-task": "The labels do not fit the declared task or the declared positive label.",
    "no-answers": "The model answered none of the rows.",
    "predictions-outside-task": "The model answers with something that is no label of the task.",
    "score-outside-range": "Scores are not numbers from 0 to 1.",
    "unlabelled-rows": "Some evaluation rows have no label and are left out.",
    "unanswered-rows": "The model did not answer some rows; they count as wrong.",
    "task-not-supported": "The check has no metric for this task yet.",
}
_MOST_CLASSES = 1000
_MOST_UNLABELLED = 0.1
_TASKS = frozenset({"binary", "multiclass", "regression"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcomes:
    """The labelled rows. `rows` are their places among the rows read; everything else has one entry for each.

    Classification: `truth` and `predicted` are codes into `classes`, `predicted` -1 where there is no usable answer.
    Regression: `truth` and `predicted` are numbers, NaN where there is no usable answer. `score` is NaN where there
    is none.
    """

    task: str
    rows: Ints
    truth: Floats
    predicted: Floats
    answered: Mask
    score: Floats
    classes: tuple[str, ...] = ()
    positive: int = -1
    findings: tuple[Finding, ...] = ()

    @property
    def n(self) -> int:
        """Labelled rows."""
        return int(self.rows.size)

    @property
    def wrong(self) -> Mask:
        """Classification: rows whose answer is not the truth, unanswered ones included."""
        return np.asarray(~self.answered | (self.predicted != self.truth), dtype=np.bool_)

    def at(self, chosen: Ints) -> Outcomes:
        """Some of the labelled rows."""
        return Outcomes(
            task=self.task,
            rows=self.rows[chosen],
            truth=self.truth[chosen],
            predicted=self.predicted[chosen],
            answered=self.answered[chosen],
            score=self.score[chosen],
            classes=self.classes,
            positive=self.positive,
        )


def columns_of(system: System) -> list[str]:
    """The columns beside the inputs that outcomes are read from."""
    source = system.data.evaluation
    own = [source.label, source.entity, source.time] if source else []
    return [*(c for c in own if c), PREDICTION, SCORE, PROBLEM]


def labelled_by(system: System) -> str | Reason:
    """The declared label column, or the reason why the declaration alone forbids measuring."""
    source, task = system.data.evaluation, system.model.task
    if task not in _TASKS:
        return _reason("task-not-supported", f"{task} outputs are not measured by this check yet")
    if source is None or source.label is None:
        return _reason("no-evaluation-data", "no evaluation data with a label column is declared")
    return source.label


def outcomes_of(system: System, rows: Rows) -> Outcomes | Reason:
    """The labelled rows with what the model said, or the reason why nothing can be measured on them."""
    label = labelled_by(system)
    if isinstance(label, Reason):
        return label
    if rows.total == 0:
        return _reason("no-rows", "the evaluation data has no rows", remedy="Give rows with their labels.")
    if label not in rows.columns:
        missing = f"the evaluation data has no column {label}"
        return _reason("no-labels", missing, remedy="Correct data.evaluation.label.", fields=(label,))
    found = _regression(label, rows) if system.model.task == "regression" else _classes(system, label, rows)
    if isinstance(found, Reason):
        return found
    if not found.answered.any():
        return _reason(
            "no-answers", f"the model answered none of {found.n} rows: {_why(rows)}", remedy="Look at the model's log."
        )
    return found


def _classes(system: System, label: str, rows: Rows) -> Outcomes | Reason:
    texts, codes = _texts(rows, label)
    labelled = np.flatnonzero(codes >= 0)
    occurring = np.unique(codes[labelled])
    classes = tuple(texts[i] for i in occurring)
    reason = _class_problem(system, label, classes, int(labelled.size))
    if reason is not None:
        return reason
    truth = np.searchsorted(occurring, codes[labelled])
    said, answers = _texts(rows, PREDICTION)
    place = {name: i for i, name in enumerate(classes)}
    meaning = np.array([place.get(name, -1) for name in said] + [-1], dtype=np.int64)
    predicted = meaning[answers[labelled]]
    foreign = (answers[labelled] >= 0) & (predicted < 0)
    silent = answers[labelled] < 0
    score, outside = _scores(system, rows, labelled)
    positive = place.get(_same(plain_text(system.model.output.positive)), -1)
    findings = [
        *_foreign_finding(foreign, [said[i] for i in np.unique(answers[labelled][foreign])], classes),
        *_unlabelled_finding(label, labelled, rows),
        *_silent_finding(silent, rows, labelled),
        *_outside_finding(outside, system),
    ]
    if foreign.any() and not (predicted >= 0).any():
        return _reason("predictions-outside-task", findings[0].summary, remedy=findings[0].remedy)
    return Outcomes(
        task=system.model.task,
        rows=labelled,
        truth=truth.astype(np.float64),
        predicted=predicted.astype(np.float64),
        answered=(predicted >= 0) & ~outside,
        score=score,
        classes=classes,
        positive=positive,
        findings=tuple(findings),
    )


def _class_problem(system: System, label: str, classes: Sequence[str], n: int) -> Reason | None:
    shown = ", ".join(classes[:5]) + (" …" if len(classes) > 5 else "")
    if not classes:
        return _reason("no-labels", f"no row has a value in {label}", remedy="Label rows.", fields=(label,))
    if len(classes) == 1:
        return _reason("one-class", f"all {n} labels are {shown}", remedy="Label rows of every class.", fields=(label,))
    if system.model.task == "binary":
        positive = _same(plain_text(system.model.output.positive))
        if len(classes) > 2 or positive not in classes:
            return _reason(
                "labels-outside-task",
                f"a binary task has two labels, one of them {positive}; {label} holds {shown}",
                remedy="Set model.output.positive to the label that is acted on, or correct model.task.",
                fields=(label,),
            )
    elif len(classes) > min(_MOST_CLASSES, max(2, n // 2)):
        return _reason(
            "labels-outside-task",
            f"{label} holds {len(classes)} different labels in {n} rows",
            remedy="Name the right label column, or set model.task to regression.",
            fields=(label,),
        )
    return None


def _regression(label: str, rows: Rows) -> Outcomes | Reason:
    column = rows.columns[label]
    truth = numbers_of(column)
    given = np.flatnonzero(column.valid)
    if not given.size:
        return _reason("no-labels", f"no row has a value in {label}", remedy="Label rows.", fields=(label,))
    if not np.isfinite(truth[given]).all():
        bad = int((~np.isfinite(truth[given])).sum())
        return _reason(
            "labels-outside-task",
            f"{bad} of {given.size} values of {label} are no finite numbers",
            remedy="Correct the labels, or set model.task to a classification.",
            fields=(label,),
        )
    if np.ptp(truth[given]) == 0.0:
        return _reason("one-class", f"all {given.size} values of {label} are the same", fields=(label,))
    said = numbers_of(rows.columns[PREDICTION]) if PREDICTION in rows.columns else np.full(rows.n, np.nan)
    predicted = said[given]
    answered = np.isfinite(predicted)
    return Outcomes(
        task="regression",
        rows=given,
        truth=truth[given],
        predicted=np.where(answered, predicted, np.nan),
        answered=answered,
        score=np.full(given.size, np.nan),
        findings=(*_unlabelled_finding(label, given, rows), *_silent_finding(~answered, rows, given)),
    )


def _texts(rows: Rows, name: str) -> tuple[list[str], Ints]:
    """The distinct values as text, true and false as 1 and 0, and each row's code, -1 for null and NaN."""
    if name not in rows.columns:
        return [], np.full(rows.n, -1, dtype=np.int64)
    column = rows.columns[name]
    texts, codes = column.names
    same = [_same(text) for text in texts]
    known = {text: i for i, text in enumerate(sorted(set(same)))}
    place = np.array([known[text] if text != "nan" else -1 for text in same] + [-1], dtype=np.int64)
    return list(known), place[codes]


def _same(text: str) -> str:
    return {"true": "1", "false": "0", "True": "1", "False": "0"}.get(text, text)


def _scores(system: System, rows: Rows, labelled: Ints) -> tuple[Floats, Mask]:
    """Scores from 0 to 1, and which rows have a score that is none."""
    nothing = np.full(labelled.size, np.nan)
    if system.model.output.score is None or SCORE not in rows.columns:
        return nothing, np.zeros(labelled.size, dtype=bool)
    column = rows.columns[SCORE]
    score = numbers_of(column)[labelled]
    with np.errstate(invalid="ignore"):
        inside = (score >= 0.0) & (score <= 1.0)
    outside = column.valid[labelled] & ~inside if system.model.task == "binary" else np.zeros(labelled.size, dtype=bool)
    return np.where(inside, score, np.nan), outside


def _foreign_finding(foreign: Mask, answers: Sequence[str], classes: Sequence[str]) -> list[Finding]:
    if not foreign.any():
        return []
    return [
        Finding(
            code="predictions-outside-task",
            summary=f"{int(foreign.sum())} answers are none of the labels {', '.join(classes[:5])}: "
            f"{', '.join(answers[:5])}",
            remedy="Let the model answer with the labels of the evaluation data, or name the right prediction field.",
            why="An answer that means nothing cannot be acted on.",
        )
    ]


def _unlabelled_finding(label: str, labelled: Ints, rows: Rows) -> list[Finding]:
    absent = rows.n - int(labelled.size)
    if not absent:
        return []
    share = absent / rows.n
    return [
        Finding(
            code="unlabelled-rows",
            weight=Weight.OPEN if share > _MOST_UNLABELLED else Weight.NOTE,
            summary=f"{percent(share)} of the evaluation rows have no value in {label} and are left out",
            fields=(label,),
            remedy="Label them, or give only rows that were drawn for labelling without regard to their outcome.",
            why="Which rows have a label may depend on how they came out.",
        )
    ]


def _silent_finding(silent: Mask, rows: Rows, labelled: Ints) -> list[Finding]:
    count = int(silent.sum())
    if not count:
        return []
    return [
        Finding(
            code="unanswered-rows",
            weight=Weight.NOTE,
            summary=f"the model did not answer {count} of {labelled.size} rows ({percent(count / labelled.size)}); "
            f"they count as wrong: {_why(rows)}",
            remedy="Look at why the model refused or failed on these rows.",
            why="In production these rows have no output.",
        )
    ]


def _outside_finding(outside: Mask, system: System) -> list[Finding]:
    if not outside.any():
        return []
    return [
        Finding(
            code="score-outside-range",
            summary=f"{int(outside.sum())} of {outside.size} scores are not from 0 to 1; these rows count as wrong",
            fields=(str(system.model.output.score),),
            remedy="Let the model give a probability in the field model.output.score names.",
            why="A threshold on something that is no probability decides anything.",
        )
    ]


def _why(rows: Rows) -> str:
    if PROBLEM not in rows.columns:
        return "no reason was recorded"
    texts, codes = rows.columns[PROBLEM].names
    given = codes[codes >= 0]
    if not given.size:
        return "no reason was recorded"
    return texts[int(np.bincount(given).argmax())][:200]


def _reason(code: str, summary: str, *, remedy: str = "", fields: tuple[str, ...] = ()) -> Reason:
    return Reason(code=code, summary=summary, remedy=remedy or "Correct data.evaluation.", fields=fields)
