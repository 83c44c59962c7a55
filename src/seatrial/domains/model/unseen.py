"""What evaluation rows share with the training data: copies, near copies, entities, and time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

import numpy as np

from seatrial.core.check import Trial
from seatrial.core.errors import SeatrialError
from seatrial.core.observation import Finding, Json, Measure
from seatrial.core.vocabulary import Weight
from seatrial.core.wording import percent
from seatrial.domains.model import copies, prompt_overlap
from seatrial.domains.model.leaks import Fingerprints, Overlap, occurring, overlap, twins
from seatrial.domains.scored.outcomes import Outcomes
from seatrial.domains.scored.rows import Rows, read_rows, times_of
from seatrial.domains.scored.text_features import is_free, texts_of
from seatrial.measure.columns import Columns
from seatrial.measure.hashing import row_hashes
from seatrial.spec.data import Source
from seatrial.spec.model import InputField
from seatrial.spec.system import System
from seatrial.stats import proportions
from seatrial.stats.contingency import fisher_more

CODES: Mapping[str, str] = {
    **copies.CODES,
    **prompt_overlap.CODES,
    "no-training-data": "No training data are declared, so nothing can be said about copies and time order.",
    "training-empty": "The training data have no rows.",
    "training-without-inputs": "The training data have none of the columns that the evaluation rows are compared in.",
    "time-overlap": "Evaluation rows are not later than the training rows.",
    "time-undeclared": "No time column is declared, so the order of training and evaluation is unknown.",
    "time-unreadable": "The time columns cannot be read or compared.",
    "time-in-future": "Evaluation rows lie in the future.",
    "live-is-evaluation": "The live sample is the evaluation data once more.",
    "shared-entities": "Entities occur in both training and evaluation.",
    "entities-all-known": "Live traffic brings entities that training never had, and the evaluation has none.",
    "entities-memorised": "The model is right far more often on entities that it was trained on.",
}
_ALPHA = 0.05
_NAMES = 0.9
_MOST_RECYCLED = 0.5
_MEMORISED_GAP, _MEMORISED_P, _FEWEST_NEW = 0.02, 0.01, 30
MOST_LIVE = 100_000
"""Live rows of which it is looked whether training knew whom they are about."""
_WHY = "Rows that the model was trained on say nothing about rows that it will meet."


@dataclass(frozen=True, slots=True, kw_only=True)
class Unseen:
    """`proof` counts what was positively established: no copies, no near copies, evaluation after training."""

    findings: tuple[Finding, ...]
    proof: int
    training_rows: int
    measures: tuple[Measure, ...] = ()
    facts: Mapping[str, Json] = field(default_factory=dict)


@dataclass(slots=True, kw_only=True)
class _Training:
    rows: int
    comparable: bool
    exact: Fingerprints
    telling: list[str]
    entities: Fingerprints | None
    latest: float
    zoned: bool | None
    time_problem: bool


def unseen(system: System, trial: Trial, inputs: Mapping[str, InputField], rows: Rows, found: Outcomes) -> Unseen:
    """Everything that evaluation shares with training. Raises what the training table raises."""
    searched = prompt_overlap.prompt_overlap(system, trial, inputs, rows)
    if system.data.training is None and searched is not None:
        return Unseen(findings=searched[0], proof=searched[1], training_rows=0)
    if system.data.training is None or system.data.evaluation is None:
        return Unseen(findings=(_no_training(),), proof=0, training_rows=0)
    training = _read(system, trial, inputs, rows)
    if training.rows == 0:
        empty = Finding(
            code="training-empty",
            weight=Weight.OPEN,
            summary="the training data have no rows",
            remedy="Correct data.training.",
            fields=("data.training",),
        )
        return Unseen(findings=(empty,), proof=0, training_rows=0)
    if not training.comparable:
        other = Finding(
            code="training-without-inputs",
            weight=Weight.OPEN,
            summary="the training data have none of the columns in which evaluation rows could be found again",
            remedy="Correct data.training: it has the rows that the model was trained on, with its inputs.",
            fields=("data.training",),
            why=_WHY,
        )
        return Unseen(findings=(other,), proof=0, training_rows=training.rows)
    judged = _judged(system, trial, training)
    near = copies.copies(system, trial, inputs, rows, judged.exact, telling=training.telling)
    findings = [
        *(() if searched is None else searched[0]),
        *near.findings,
        *_time(system, training, judged, trial),
        *_entities(system, trial, training, rows, found),
    ]
    proof = 3 - len({f.code for f in findings if f.weight is not Weight.NOTE})
    return Unseen(
        findings=tuple(findings),
        proof=max(0, proof),
        training_rows=training.rows,
        measures=near.measures,
        facts=near.facts,
    )


def recycled(inputs: Mapping[str, InputField], rows: Rows, live: Rows) -> Iterator[Finding]:
    """Whether the live sample is the evaluation data once more."""
    shared = telling_of(inputs, rows, live)
    if not shared or not rows.n or not live.n:
        return
    prints = Fingerprints(shared)
    known, asked = prints.of(rows.columns, shared), prints.of(live.columns, shared)
    found = Overlap(rows=live.n, copies=int(occurring(known, asked).sum()), natural=twins(known))
    # Of rows that are all evaluation rows, as many are found as evaluation rows were read.
    if found.excess(_ALPHA) > _MOST_RECYCLED * rows.n / rows.total:
        yield Finding(
            code="live-is-evaluation",
            weight=Weight.OPEN,
            summary=f"{found.copies} of {found.rows} live rows ({found.copies / found.rows:.1%}) are among "
            f"{rows.n} evaluation rows",
            remedy="Give in data.live what production really sent lately, apart from the evaluation rows.",
            fields=("data.live",),
            why="Rows that are compared with themselves are always alike, whatever production sends.",
            detail={"copies": found.copies, "rows": found.rows, "natural": found.natural},
        )


def telling_of(inputs: Mapping[str, InputField], rows: Rows, live: Rows) -> list[str]:
    """The inputs that both sides have and that do more than name a row."""
    return sorted(n for n in inputs if n in rows.columns and n in live.columns and not _only_names(rows, n))


def _no_training() -> Finding:
    return Finding(
        code="no-training-data",
        weight=Weight.OPEN,
        summary="no training data are declared, so copies, shared entities and time order could not be looked at",
        remedy="Declare data.training. For a vendor's model declare the accepted pilot data: they are the reference.",
        fields=("data.training",),
        why=_WHY,
    )


def _read(system: System, trial: Trial, inputs: Mapping[str, InputField], rows: Rows) -> _Training:
    """One pass over the training table."""
    table = trial.table("training")
    present = set(table.columns()) & set(trial.table("evaluation").columns())
    source, other = system.data.training, system.data.evaluation
    time, entity = _own(source, other, "time"), _own(source, other, "entity")
    keys = {entity, _own(other, source, "entity")}
    telling = [n for n, f in inputs.items() if f.type != "time" and n not in keys and not _only_names(rows, n)]
    whole = sorted(present) if not inputs else sorted(present & {*inputs, *_named(other)})
    training = _Training(
        rows=0,
        comparable=bool(present & set(inputs) if inputs else present - _named(other)),
        exact=Fingerprints(whole),
        telling=sorted(present & set(telling)),
        entities=None if entity is None or entity not in table.columns() else Fingerprints([entity]),
        latest=-np.inf,
        zoned=None,
        time_problem=False,
    )
    wanted = {*whole, *(training.entities.columns if training.entities else ())}
    if time is not None and time in table.columns():
        wanted.add(time)
    for batch in table.batches(sorted(wanted)):
        columns = Columns.of(batch)
        training.rows += columns.rows
        for prints in (training.exact, training.entities):
            if prints is not None and prints.columns:
                prints.update(columns)
        if time in wanted and time is not None and columns.rows:
            _note_time(training, columns, time)
    return training


def _own(source: Source | None, other: Source | None, what: str) -> str | None:
    """The column as the training source names it, else as the evaluation source does."""
    mine: str | None = getattr(source, what, None)
    return mine or getattr(other, what, None)


def _named(source: Source | None) -> set[str]:
    return set() if source is None else {c for c in (source.label, source.time, source.entity) if c}


def _only_names(rows: Rows, name: str) -> bool:
    """A time, or a text that is another one in nearly every row: it names a row, and a copy may go by another name.

    Prose names nothing.
    """
    if name not in rows.columns:
        return False
    column = rows.columns[name]
    texts = texts_of(column)
    if texts is not None and is_free(texts):
        return False
    if column.kind != "text":
        return column.kind == "time"
    return column.n > 0 and np.unique(row_hashes(column)[column.valid]).size > _NAMES * column.n


def _note_time(training: _Training, columns: Columns, name: str) -> None:
    seconds = times_of(columns[name])
    if seconds is None:
        training.time_problem = True
        return
    zoned = _zoned(columns, name)
    training.time_problem |= training.zoned not in {None, zoned}
    training.zoned = zoned
    if np.isfinite(seconds).any():
        training.latest = max(training.latest, float(np.nanmax(seconds)))


@dataclass(slots=True, kw_only=True)
class _Judged:
    """What one pass over the evaluation table found: copies, and how many of the timed rows are not later."""

    exact: Overlap
    timed: int
    early: int
    latest: float
    zones: set[bool]
    time_problem: bool


def _judged(system: System, trial: Trial, training: _Training) -> _Judged:
    table = trial.table("evaluation")
    exact = Fingerprints(training.exact.columns)
    name = system.data.evaluation.time if system.data.evaluation else None
    time = name if name in table.columns() else None
    nothing = Overlap(rows=0, copies=0, natural=0.0)
    found = _Judged(exact=nothing, timed=0, early=0, latest=-np.inf, zones=set(), time_problem=time is None)
    wanted = {*exact.columns, *([time] if time else [])}
    for batch in table.batches(sorted(wanted)) if wanted else ():
        columns = Columns.of(batch)
        exact.update(columns)
        if time is not None and columns.rows:
            _compare_time(found, columns, time, training.latest)
    found.exact = overlap(training.exact, exact)
    return found


def _compare_time(found: _Judged, columns: Columns, name: str, latest: float) -> None:
    seconds = times_of(columns[name])
    if seconds is None:
        found.time_problem = True
        return
    found.zones.add(_zoned(columns, name))
    given = seconds[np.isfinite(seconds)]
    if given.size:
        found.timed += int(given.size)
        found.early += int((given <= latest).sum())
        found.latest = max(found.latest, float(given.max()))


def _zoned(columns: Columns, name: str) -> bool:
    return columns[name].zone is not None or columns[name].kind == "text"


def _time(system: System, training: _Training, judged: _Judged, trial: Trial) -> Iterator[Finding]:
    name = system.data.evaluation.time if system.data.evaluation else None
    if name is None:
        yield _time_open(
            "time-undeclared", "no time column is declared, so the order of training and evaluation is unknown", ()
        )
        return
    if training.time_problem or judged.time_problem or not judged.timed or not np.isfinite(training.latest):
        yield _time_open("time-unreadable", f"the times in {name} cannot be read on both sides", (name,))
        return
    if judged.zones != {training.zoned}:
        yield _time_open("time-unreadable", f"the times in {name} have a zone on one side only", (name,))
        return
    if judged.early:
        until = datetime.fromtimestamp(training.latest, UTC)
        yield Finding(
            code="time-overlap",
            summary=f"{judged.early} of {judged.timed} evaluation rows ({percent(judged.early / judged.timed)}) are "
            f"not later than the newest training row of {until:%Y-%m-%d %H:%M}",
            fields=(name,),
            remedy="Train on the past and evaluate on what came after it.",
            why="Live, the model never knows the days around the one that it judges.",
        )
    if judged.latest > trial.clock.now().timestamp() + 86_400.0:
        yield Finding(
            code="time-in-future",
            weight=Weight.NOTE,
            summary=f"evaluation rows reach to {datetime.fromtimestamp(judged.latest, UTC):%Y-%m-%d}, after today",
            fields=(name,),
            remedy="Check the unit and the zone of the times.",
        )


def _time_open(code: str, summary: str, fields: tuple[str, ...]) -> Finding:
    return Finding(
        code=code,
        weight=Weight.OPEN,
        summary=summary,
        fields=fields or ("data.evaluation.time",),
        remedy="Declare data.evaluation.time and data.training.time, with the same zone on both sides.",
        why="A random split lets the model see the days around the one that it judges.",
    )


def _entities(system: System, trial: Trial, training: _Training, rows: Rows, found: Outcomes) -> Iterator[Finding]:
    name = system.data.evaluation.entity if system.data.evaluation else None
    if name is None or training.entities is None or name not in rows.columns:
        return
    known = occurring(training.entities.all(0), training.entities.of(rows.columns, [name])) & rows.columns[name].valid
    if not known.any():
        return
    share = float(known.mean())
    yield from _only_known(system, trial, training.entities, known, rows.columns[name].kind)
    yield Finding(
        code="shared-entities",
        weight=Weight.NOTE,
        summary=f"{percent(share)} of the evaluation rows belong to a {name} that also occurs in training",
        fields=(name,),
        remedy="Where live traffic brings new ones, evaluate on new ones.",
        why="A model can remember whom it has met.",
    )
    yield from _memorised(name, known, found, share, system.policy.smallest_rise)


def _only_known(
    system: System, trial: Trial, training: Fingerprints, known: np.ndarray, kind: str
) -> Iterator[Finding]:
    """Where live traffic brings entities that training never had, and hardly an evaluation row is of a new one.

    Names of another kind than those that training knows, such as texts where these are numbers, are never found again.
    """
    live, own = system.data.live, system.data.evaluation.entity if system.data.evaluation else None
    name = (live.entity if live else None) or own
    if live is None or name is None or int((~known).sum()) >= _FEWEST_NEW:
        return
    try:
        met = read_rows(trial.table("live"), [name], most=MOST_LIVE, seed=trial.seed)
    except SeatrialError:
        return
    if name not in met.columns or met.columns[name].kind != kind:
        return
    given = met.columns[name].valid
    new = given & ~occurring(training.all(0), training.of(met.columns, [name]))
    if proportions.lower(int(new.sum()), met.n, _ALPHA) < system.policy.smallest_slice:
        return
    yield Finding(
        code="entities-all-known",
        summary=f"{percent(float(new.mean()))} of the live rows are of a {name} that training never had, and "
        f"{int((~known).sum())} of {known.size} evaluation rows are",
        fields=(name,),
        remedy=f"Label rows of a new {name}: so far nothing says how the model does on them.",
        why="A model can remember whom it has met, and live it meets others.",
    )


def _memorised(name: str, known: np.ndarray, found: Outcomes, share: float, rise: float) -> Iterator[Finding]:
    of_labelled = known[found.rows]
    new = ~of_labelled
    if int(new.sum()) < _FEWEST_NEW or not of_labelled.any():
        return
    numbers = found.task == "regression"
    wrong = _far_off(found) if numbers else found.wrong
    gap = float(wrong[new].mean()) - float(wrong[of_labelled].mean())
    p = float(fisher_more(int(wrong[new].sum()), int(new.sum()), int(wrong.sum()), int(wrong.size)))
    if p < _MEMORISED_P and gap > (rise / 2.0 if numbers else _MEMORISED_GAP):
        what = "farther off than half of all its answers" if numbers else "wrong"
        yield Finding(
            code="entities-memorised",
            summary=f"the model is {what} in {percent(wrong[new].mean())} of the rows of a new {name}, and in "
            f"{percent(wrong[of_labelled].mean())} where the {name} occurs in training, as in {percent(share)} of them",
            fields=(name,),
            remedy=f"Split by {name}: keep every {name} on one side, and evaluate anew.",
            why="A model can remember whom it has met.",
        )


def _far_off(found: Outcomes) -> np.ndarray:
    """Rows whose number is farther off than half of all numbers are; what is not answered is."""
    error = np.where(found.answered, np.abs(found.predicted - found.truth), np.inf)
    return np.asarray(error > np.median(error))
