"""Scores of several classes, brought down to the one score that the declaration means."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from seatrial.core.errors import Malformed
from seatrial.core.observation import Json
from seatrial.spec.model import ModelSection

_ONE: Final = frozenset({"1", "True", "true", "1.0"})


def score_of_class(
    predictions: Sequence[Json],
    scores: Sequence[Any],
    section: ModelSection,
    *,
    told_classes: Sequence[Json] | None = None,
) -> list[Json]:
    """For a binary task the score of `output.positive`, for several classes that of the predicted one.

    `scores` holds per row a list in the order of `output.classes`, or a mapping from class to score. Without classes,
    declared or told by the model, a list of two for a positive class of 1 is read as those of 0 and 1, and the highest
    one counts where there are several classes. Raises Malformed where it cannot be told which score is meant.
    """
    if section.task not in {"binary", "multiclass"}:
        raise Malformed(f"a model for {section.task} answers scores of several classes")
    declared = section.output.classes
    classes = _classes(section, told_classes if declared is None else declared)
    return [
        _one(score, prediction, at, section, classes)
        for at, (prediction, score) in enumerate(zip(predictions, scores, strict=True), start=1)
    ]


def _classes(section: ModelSection, known: Sequence[Json] | None) -> list[str] | None:
    """The names of the classes in the order of the scores, None where nobody tells."""
    if known is not None:
        return [_name(label) for label in known]
    if section.task == "binary" and _name(section.output.positive) in _ONE:
        return ["0", _name(section.output.positive)]
    return None


def _one(score: Any, prediction: Json, at: int, section: ModelSection, classes: list[str] | None) -> Json:
    wanted = _name(section.output.positive if section.task == "binary" else prediction)
    if isinstance(score, Mapping):
        named = {_name(label): value for label, value in score.items()}
        if wanted not in named:
            raise Malformed(f"answer {at} has no score for the class {wanted}")
        return named[wanted]  # type: ignore[no-any-return]
    if not isinstance(score, list) or not score:
        raise Malformed(f"answer {at} has no list of scores where the first one has")
    if len(score) == 1:
        return score[0]  # type: ignore[no-any-return]
    if classes is None:
        return _highest(score, at, section)
    if len(score) != len(classes):
        raise Malformed(f"answer {at} has scores of {len(score)} classes, where there are {len(classes)}")
    if wanted not in classes:
        raise Malformed(
            f"answer {at} is of the class {wanted}, which is not among {', '.join(classes)}",
            remedy="Declare model.output.classes in the order of the scores.",
        )
    return score[classes.index(wanted)]  # type: ignore[no-any-return]


def _highest(score: list[Any], at: int, section: ModelSection) -> Json:
    if section.task == "binary":
        raise Malformed(
            f"it is not declared which of the {len(score)} scores belongs to {section.output.positive!r}",
            remedy="Declare model.output.classes in the order of the scores.",
        )
    if not all(isinstance(value, int | float) for value in score):
        raise Malformed(f"answer {at} has scores that are no numbers")
    return max(score)  # type: ignore[no-any-return]


def _name(label: Json) -> str:
    if isinstance(label, float) and label.is_integer():
        return str(int(label))
    return str(label)
