"""What the model said about each evaluation row, held against what was true."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from seatrial.core.check import PREDICTION, PROBLEM, SCORE
from seatrial.core.observation import Finding, Reason
from seatrial.core.vocabulary import Weight
from seatrial.domains.scored.chat import of_chat
from seatrial.domains.scored.extraction import of_extraction
from seatrial.domains.scored.labelled import Outcomes, reason, silent_finding, unlabelled_finding, why_silent
from seatrial.domains.scored.rows import Floats, Ints, Mask, Rows, numbers_of
from seatrial.measure.columns import plain_text
from seatrial.spec.system import System

__all__ = ["CODES", "Outcomes", "class_name", "columns_of", "labelled_by", "outcomes_of"]
CODES: Mapping[str, str] = {
    "no-evaluation-data": "No evaluation data with a label column is declared.",
    "no-rows": "The evaluation data has no rows.",
    "no-labels": "No evaluation row has a label.",
    "one-class": "All labelled rows have the same label, so nothing can be told apart.",
    "labels-outside-task": "The labels do not fit the declared task or the declared positive label.",
    "no-answers": "The model answered none of the rows.",
    "predictions-outside-task": "The model answers with something that is no label of the task.",
    "label-not-evaluated": "The model gives declared labels that no evaluation row has.",
    "score-outside-range": "Scores are not numbers from 0 to 1.",
    "unlabelled-rows": "Some evaluation rows have no label and are left out.",
    "numbers-as-text": "An extraction writes numbers as text where numbers are expected; they are compared by value.",
    "fields-not-expected": "An extraction gives fields that no expected record names; they are not counted.",
    "unanswered-rows": "The model did not answer some rows; they count as wrong.",
}
_MOST_CLASSES = 1000


def columns_of(system: System) -> list[str]:
    """The columns beside the inputs that outcomes are read from."""
    source = system.data.evaluation
    return [*(source.columns.values() if source else ()), PREDICTION, SCORE, PROBLEM]


def labelled_by(system: System) -> str | Reason:
    """The declared label column, or the reason why the declaration alone forbids measuring."""
    source = system.data.evaluation
    if source is None or source.label is None:
        return reason("no-evaluation-data", "no evaluation data with a label column is declared")
    return source.label


def outcomes_of(system: System, rows: Rows) -> Outcomes | Reason:
    """The labelled rows with what the model said, or the reason why nothing can be measured on them."""
    label = labelled_by(system)
    if isinstance(label, Reason):
        return label
    if rows.total == 0:
        return reason("no-rows", "the evaluation data has no rows", remedy="Give rows with their labels.")
    if label not in rows.columns:
        missing = f"the evaluation data has no column {label}"
        return reason("no-labels", missing, remedy="Correct data.evaluation.label.", fields=(label,))
    found = _BUILDERS[system.model.task](system, label, rows)
    if isinstance(found, Reason):
        return found
    if not found.answered.any():
        return reason(
            "no-answers",
            f"the model answered none of {found.n} rows: {why_silent(rows)}",
            remedy="Send the model one evaluation row by hand with the declared headers, compare what comes back with "
            "model.output, and mend what its log names.",
        )
    return found


def _classes(system: System, label: str, rows: Rows) -> Outcomes | Reason:
    texts, codes = _texts(rows, label)
    labelled = np.flatnonzero(codes >= 0)
    occurring = np.unique(codes[labelled])
    classes = tuple(texts[i] for i in occurring)
    problem = _class_problem(system, label, classes, int(labelled.size))
    if problem is not None:
        return problem
    truth = np.searchsorted(occurring, codes[labelled])
    said, answers = _texts(rows, PREDICTION)
    place = {name: i for i, name in enumerate(classes)}
    listed = [_listed(name) for name in said]
    meaning = np.array([place.get(names[0], -1) for names in listed] + [-1], dtype=np.int64)
    predicted = meaning[answers[labelled]]
    unplaced = (answers[labelled] >= 0) & (predicted < 0)
    declared = {class_name(each) for each in system.model.output.labels or system.model.output.classes or ()}
    may_be = np.array([names[0] in declared for names in listed] + [False], dtype=bool)[answers[labelled]]
    foreign, unevaluated = unplaced & ~may_be, unplaced & may_be
    silent = answers[labelled] < 0
    score, outside = _scores(system, rows, labelled)
    positive = place.get(class_name(system.model.output.positive), -1)
    findings = [
        *_foreign_finding(foreign, [said[i] for i in np.unique(answers[labelled][foreign])], classes),
        *_unevaluated_finding(unevaluated, [said[i] for i in np.unique(answers[labelled][unevaluated])], label),
        *unlabelled_finding(label, labelled, rows),
        *silent_finding(silent, rows, labelled),
        *_outside_finding(outside, system),
    ]
    if unplaced.any() and not (predicted >= 0).any():
        return reason("predictions-outside-task", findings[0].summary, remedy=findings[0].remedy)
    return Outcomes(
        task="binary" if system.model.task == "binary" else "multiclass",
        rows=labelled,
        truth=truth.astype(np.float64),
        predicted=predicted.astype(np.float64),
        answered=(predicted >= 0) & ~outside,
        score=score,
        classes=classes,
        positive=positive,
        findings=tuple(findings),
        ranks=_ranks(listed, place, answers[labelled], truth) if any(len(names) > 1 for names in listed) else None,
    )


def _listed(answer: str) -> list[str]:
    """The labels of an answer that is a list, the likeliest first; else the answer alone."""
    if not answer.startswith("["):
        return [answer]
    try:
        names = json.loads(answer)
    except ValueError:
        return [answer]
    return [class_name(name) for name in names] or [answer]


def _ranks(listed: Sequence[Sequence[str]], place: Mapping[str, int], answers: Ints, truth: Ints) -> Ints:
    """At which place of its answer each row's truth stands, -1 for nowhere."""
    known = np.full((len(listed) + 1, len(place)), -1, dtype=np.int64)
    for i, names in enumerate(listed):
        for rank, name in reversed(list(enumerate(names))):
            if name in place:
                known[i, place[name]] = rank
    return known[answers, truth]


def _class_problem(system: System, label: str, classes: Sequence[str], n: int) -> Reason | None:
    shown = ", ".join(classes[:5]) + (" …" if len(classes) > 5 else "")
    if not classes:
        return reason("no-labels", f"no row has a value in {label}", remedy="Label rows.", fields=(label,))
    if len(classes) == 1:
        return reason("one-class", f"all {n} labels are {shown}", remedy="Label rows of every class.", fields=(label,))
    if system.model.task == "binary":
        positive = class_name(system.model.output.positive)
        if len(classes) > 2 or positive not in classes:
            return reason(
                "labels-outside-task",
                f"a binary task has two labels, one of them {positive}; {label} holds {shown}",
                remedy="Set model.output.positive to the label that is acted on, or correct model.task.",
                fields=(label,),
            )
    elif len(classes) > min(_MOST_CLASSES, max(2, n // 2)):
        return reason(
            "labels-outside-task",
            f"{label} holds {len(classes)} different labels in {n} rows",
            remedy="Name the right label column, or set model.task to regression.",
            fields=(label,),
        )
    return None


def _regression(_: System, label: str, rows: Rows) -> Outcomes | Reason:
    column = rows.columns[label]
    truth = numbers_of(column)
    given = np.flatnonzero(column.valid)
    if not given.size:
        return reason("no-labels", f"no row has a value in {label}", remedy="Label rows.", fields=(label,))
    if not np.isfinite(truth[given]).all():
        bad = int((~np.isfinite(truth[given])).sum())
        return reason(
            "labels-outside-task",
            f"{bad} of {given.size} values of {label} are no finite numbers",
            remedy="Correct the labels, or set model.task to a classification.",
            fields=(label,),
        )
    if np.ptp(truth[given]) == 0.0:
        return reason("one-class", f"all {given.size} values of {label} are the same", fields=(label,))
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
        findings=(*unlabelled_finding(label, given, rows), *silent_finding(~answered, rows, given)),
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


def class_name(label: object) -> str:
    """A label as `classes` names it: as text, true and false as 1 and 0."""
    return _same(plain_text(label))


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


def _unevaluated_finding(unevaluated: Mask, answers: Sequence[str], label: str) -> list[Finding]:
    if not unevaluated.any():
        return []
    shown = ", ".join(answers[:5]) + (" …" if len(answers) > 5 else "")
    return [
        Finding(
            code="label-not-evaluated",
            weight=Weight.NOTE,
            summary=f"{int(unevaluated.sum())} answers are {shown}, which no evaluation row has as its label; they "
            "count as wrong",
            fields=(label,),
            remedy="Label rows of these too: so far nothing says how often the model is right with them.",
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


_BUILDERS: Mapping[str, Callable[[System, str, Rows], Outcomes | Reason]] = {
    "binary": _classes,
    "multiclass": _classes,
    "text": _classes,
    "regression": _regression,
    "chat": of_chat,
    "extraction": of_extraction,
}
