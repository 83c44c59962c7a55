"""What the model answers before and after a way back: a version that is told is not yet a model that serves."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from seatrial.core.check import Trial
from seatrial.core.errors import SeatrialError
from seatrial.core.observation import Finding, Json
from seatrial.core.ports import LoadedModel, ReplyKind, Row
from seatrial.core.vocabulary import Weight
from seatrial.domains.sending import inputs_of, rows_to_send
from seatrial.domains.touching import host_of, targets_of
from seatrial.spec.procedure import Procedure
from seatrial.spec.system import System

_ROWS = 64
_FEWEST = 16
"""Of fewer answers that are all the same, nothing is said."""
_LABELS = ("binary", "multiclass")
_DISTINCT = 8
"""On answers of fewer kinds, such as a few whole numbers, two versions may well agree."""
CODES = {
    "served-model-unchanged": "After the way back the model's endpoint answers every row exactly as before.",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """The version that the model tells (empty where it tells none), and its answer to each row; None where none."""

    identity: str
    answers: tuple[Json, ...]


@dataclass(slots=True)
class Served:
    """Asks the model the same rows before the way back, and as soon as its target is proven."""

    system: System
    trial: Trial
    rows: list[Row]
    before: Sample
    after: list[Sample] = field(default_factory=list)

    @classmethod
    def now(cls, system: System, trial: Trial) -> Served:
        """Without rows to ask, or a model that can be asked, the samples are empty."""
        rows: list[Row] = []
        with suppress(SeatrialError):
            inputs = inputs_of(system, trial)
            rows = rows_to_send(trial, inputs, table="evaluation", most=_ROWS, seed=trial.seed) if inputs else []
        return cls(system, trial, rows, _sample(trial, rows))

    def look(self) -> None:
        """Called when the target is proven, before anything is restored.

        A model that we load ourselves is loaded for this look alone, or we would be told what it was before, and
        whoever asks next what it was meanwhile.
        """
        if not self.rows:
            return
        self._load_anew()
        self.after.append(_sample(self.trial, self.rows))
        self._load_anew()

    def _load_anew(self) -> None:
        if isinstance(self.trial.model, LoadedModel):
            self.trial.model.load_anew()

    def findings(self, procedure: Procedure, path: str) -> Iterator[Finding]:
        """Where every answer stayed what it was, to the last digit of its score."""
        before = self.before
        alike = [(s, len(both)) for s in self.after if (both := _answered(before, s)) and all(a == b for a, b in both)]
        same = [s for s, many in alike if many >= _FEWEST]
        if not same:
            return
        most = max(many for _, many in alike)
        renamed = [s for s in same if s.identity and s.identity != before.identity]
        if (not renamed and not _looks_at_the_model(self.system, procedure)) or self._may_agree():
            weight = Weight.NOTE
        else:
            weight = Weight.GAP if renamed else Weight.OPEN
        told = "tells another version and" if renamed else "tells the same version and"
        yield Finding(
            code="served-model-unchanged",
            summary=f"After {path} the model's endpoint {told} answers {most} of {most} rows exactly as before.",
            weight=weight,
            fields=("rollback.procedure",),
            why="A setting that names the old version, over a model that stays, looks like a way back and is none.",
            remedy=f"Make {path} load the previous model; where it leads work past a model that goes on, let `target` "
            "look at where the work is led, not at the model.",
        )

    def _may_agree(self) -> bool:
        """Two versions may well agree on labels and on few kinds of answers; on scores and texts not by chance."""
        labels = self.system.model.task in _LABELS and self.system.model.output.score is None
        return labels or len({repr(answer) for answer in self.before.answers if answer is not None}) < _DISTINCT


def _answered(before: Sample, after: Sample) -> list[tuple[Json, Json]]:
    """The two answers to each row that was answered both times."""
    pairs = zip(before.answers, after.answers, strict=False)
    return [(a, b) for a, b in pairs if a is not None and b is not None]


def _sample(trial: Trial, rows: list[Row]) -> Sample:
    identity = ""
    if not rows:
        return Sample(identity=identity, answers=())
    with suppress(SeatrialError):
        identity = trial.model.identity()
    answers = _answers(trial, rows)
    if not any(answers):
        # One row that the model refuses takes the others of its request with it.
        answers = []
        for row in rows:
            answers += _answers(trial, [row])
            if len(answers) == _FEWEST and not any(answers):
                break
    return Sample(identity=identity, answers=tuple(answers))


def _answers(trial: Trial, rows: list[Row]) -> list[Json]:
    """What the model says to each of the rows in one request; None for all where it says nothing."""
    with suppress(SeatrialError):
        reply = trial.model.predict(rows)
        if reply.kind is ReplyKind.OK:
            return [(p.prediction, p.score) for p in reply.predictions]
    return [None] * len(rows)


def _looks_at_the_model(system: System, procedure: Procedure) -> bool:
    """Whether the target is shown by the model's own server."""
    model = system.model
    urls = [url for url in (model.endpoint, model.mlflow, model.openai, model.identity) if url and urlsplit(url).netloc]
    own = {host_of(url) for url in urls}
    return any(own & set(targets_of(proof)) for proof in procedure.target)
