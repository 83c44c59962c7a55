"""The labelled rows with what the model said about each: what every model check starts from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from seatrial.core.check import PROBLEM
from seatrial.core.observation import Finding, Reason
from seatrial.core.vocabulary import Weight
from seatrial.core.wording import percent
from seatrial.domains.scored.rows import Floats, Ints, Mask, Rows

HIT, EXTRA, MISSED = 0, 1, 2
_MOST_UNLABELLED = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Units:
    """The single fields of an extraction: which labelled row each belongs to, its name, and how it came out.

    `kinds` are `HIT` (expected and said), `EXTRA` (said, not expected) and `MISSED` (expected, not said).
    """

    rows: Ints
    names: Ints
    kinds: Ints
    labels: tuple[str, ...]

    def at(self, chosen: Ints, n: int) -> Units:
        """The fields of some of `n` rows, in the order of those rows; a row that is chosen twice brings them twice."""
        order = np.argsort(self.rows, kind="stable")
        starts = np.searchsorted(self.rows[order], np.arange(n + 1))
        sizes = np.diff(starts)[chosen]
        first = np.repeat(starts[:-1][chosen] - np.concatenate([[0], np.cumsum(sizes)[:-1]]), sizes)
        picked = order[first + np.arange(int(sizes.sum()))]
        return Units(
            rows=np.repeat(np.arange(chosen.size, dtype=np.int64), sizes),
            names=self.names[picked],
            kinds=self.kinds[picked],
            labels=self.labels,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcomes:
    """The labelled rows. `rows` are their places among the rows read; everything else has one entry for each.

    Classification: `truth` and `predicted` are codes into `classes`, `predicted` -1 where there is no usable answer.
    A text classification is a multiclass one. Regression: `truth` and `predicted` are numbers, NaN where there is no
    usable answer. Chat and extraction: `truth` is 1 throughout and `predicted` is 1 where the answer is right, else 0;
    `marks` hold what else is known of each answer by name, `units` the single fields of an extraction. `ranks` tell,
    where an answer is a list of labels with the likeliest first, at which place the truth stands, -1 for nowhere.
    `score` is NaN where there is none.
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
    marks: Mapping[str, Mask] = field(default_factory=dict)
    units: Units | None = None
    ranks: Ints | None = None

    @property
    def n(self) -> int:
        """Labelled rows."""
        return int(self.rows.size)

    @property
    def wrong(self) -> Mask:
        """Rows whose answer is not the truth, unanswered ones included; numbers must agree exactly."""
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
            marks={name: mark[chosen] for name, mark in self.marks.items()},
            units=None if self.units is None else self.units.at(chosen, self.n),
            ranks=None if self.ranks is None else self.ranks[chosen],
        )


def unlabelled_finding(label: str, labelled: Ints, rows: Rows) -> list[Finding]:
    """Rows without a label: open where they are many, since which ones they are may depend on the outcome."""
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


def silent_finding(silent: Mask, rows: Rows, labelled: Ints) -> list[Finding]:
    """A note of the rows that have no answer, with the commonest problem."""
    count = int(silent.sum())
    if not count:
        return []
    return [
        Finding(
            code="unanswered-rows",
            weight=Weight.NOTE,
            summary=f"the model did not answer {count} of {labelled.size} rows ({percent(count / labelled.size)}); "
            f"they count as wrong: {why_silent(rows)}",
            remedy="Send one of these rows by hand. If the model should have answered it, mend the model; if it is "
            "right to refuse it, say in the workflow who decides such cases by hand.",
            why="In production these rows have no output.",
        )
    ]


def why_silent(rows: Rows) -> str:
    """The commonest problem on record."""
    if PROBLEM not in rows.columns:
        return "no reason was recorded"
    texts, codes = rows.columns[PROBLEM].names
    given = codes[codes >= 0]
    if not given.size:
        return "no reason was recorded"
    return texts[int(np.bincount(given).argmax())][:200]


def reason(code: str, summary: str, *, remedy: str = "", fields: tuple[str, ...] = ()) -> Reason:
    """Why nothing can be measured on these rows."""
    return Reason(code=code, summary=summary, remedy=remedy or "Correct data.evaluation.", fields=fields)
