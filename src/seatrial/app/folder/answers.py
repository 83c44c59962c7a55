"""Whether what is served answers as it did when it was tried: the same few rows are asked anew.

A version is what somebody wrote into a file. A model that was replaced under the version it had is another subject, and
nothing that was seen of the one before says anything of it. So each run keeps the answers to some evaluation rows, the
digest of both goes on record with what is served, and they are asked again at the run's end, at the next run's start
and before GO. A model whose answers vary when it is asked again is known by its version alone, and the verdict says so.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final, cast

import numpy as np
import rfc8785

from seatrial.adapters.models.replay import Answer, distance
from seatrial.adapters.store.artifacts import ArtifactFolder
from seatrial.app.folder.files import LocalFiles
from seatrial.app.folder.outside import Outside
from seatrial.app.folder.stages import inputs_of
from seatrial.app.folder.workspace import Workspace
from seatrial.core.errors import Malformed, SeatrialError
from seatrial.core.observation import Json
from seatrial.core.ports import ReplyKind, Row
from seatrial.domains.sending import as_sent, inputs_present

ROWS: Final = 24
ROWS_OF_CHAT: Final = 6
"""A language model takes seconds for each."""
TOLERANCE: Final = 1e-4
"""Relative to numbers above 1: what another batch or another processor changes in an answer."""
_DIGITS: Final = 6
_TIMES: Final = 3
"""How often a row must be answered otherwise before it counts."""
_SHARE_OF_CHAT: Final = 0.5
_DRAWN_FROM: Final = 4096
_SEED: Final = 20_261_127


class Silent(SeatrialError):
    """The model gave no usable answer to rows that it is to be known again by."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """Answers on record: `told` is the version that went with them, `rows` and `artifact` digests of what was kept."""

    told: str
    artifact: str
    rows: str
    varies: bool
    first: bool
    """Whether they were the first under this version, so that the version alone names the model."""

    @property
    def identity(self) -> str:
        """What the model is known as."""
        return self.told if self.first else hashlib.sha256(f"{self.told} {self.artifact}".encode()).hexdigest()

    def data(self) -> dict[str, Json]:
        """For the record."""
        return {
            "told": self.told,
            "artifact": self.artifact,
            "rows": self.rows,
            "varies": self.varies,
            "first": self.first,
        }


def kept_from(data: object) -> Kept | None:
    """What is on record, None where it is nothing of the kind."""
    if not isinstance(data, Mapping) or not all(isinstance(data.get(key), str) for key in ("told", "artifact", "rows")):
        return None
    return Kept(
        told=str(data["told"]),
        artifact=str(data["artifact"]),
        rows=str(data["rows"]),
        varies=data.get("varies") is True,
        first=data.get("first") is True,
    )


def recognised(workspace: Workspace, outside: Outside, told: str, known: Sequence[Kept], *, keep: bool) -> Kept | None:
    """Which kept answers the model gives now, new ones where it gives none of `known` (oldest first, of this version).

    None where it is known otherwise: a file, a vendor's model with probes, past predictions. Where it does not answer,
    what was known last stands. With `keep`, new answers are kept beside the ledger.
    """
    if not _is_asked(workspace):
        return None
    newest = known[-1] if known else None
    if newest is not None and newest.varies:
        return newest
    asking = _Asking(workspace, outside)
    try:
        for each in dict.fromkeys(reversed(known)):
            content = asking.kept(each)
            if content is not None and asking.still(content):
                return each
        rows = asking.drawn()
        answers = [asking.answers(rows), asking.answers(rows)] if rows else []
    except SeatrialError:
        return newest
    if not answers:
        return newest
    return _new(asking, told, rows, answers, known, keep=keep)


def _new(
    asking: _Asking,
    told: str,
    rows: Sequence[Row],
    answers: Sequence[Sequence[Answer]],
    known: Sequence[Kept],
    *,
    keep: bool,
) -> Kept:
    digest = _digest(list(rows))
    if known and all(each.rows != digest for each in known) and not any(asking.kept(each) for each in known):
        # What was kept is on another machine, and these are other rows: they cannot be compared.
        return known[-1]
    varies = any(distance(a, b, TOLERANCE) > 0.0 for a, b in zip(*answers, strict=True))
    content = _canonical({"rows": list(rows), "answers": [_rounded(answer) for answer in answers[0]]})
    artifact = hashlib.sha256(content).hexdigest()
    same = next((each for each in known if each.artifact == artifact), None)
    if same is not None:
        return same
    if keep:
        asking.folder.put(content, media_type="application/json")
    return Kept(told=told, artifact=artifact, rows=digest, varies=varies and not known, first=not known)


class _Asking:
    """Asks the model about few rows, of the declared inputs only."""

    def __init__(self, workspace: Workspace, outside: Outside) -> None:
        self._workspace = workspace
        self._outside = outside
        self._section = workspace.system.model
        self.folder = ArtifactFolder(workspace.folder / "artifacts")

    def kept(self, kept: Kept) -> bytes | None:
        """The rows and answers; None where they are not kept here, or are not what is on record any more."""
        with suppress(Malformed):
            return self.folder.get(kept.artifact)
        return None

    def drawn(self) -> list[Row]:
        """Some rows of the evaluation data, the same ones each time; none where inputs are not declared."""
        inputs = inputs_of(self._workspace, LocalFiles(self._workspace.base))
        if not inputs:
            return []
        table = self._outside.table("evaluation")
        names = inputs_present("evaluation", table.columns(), inputs)
        first: list[Mapping[str, object]] = []
        for batch in table.batches(names):
            first += batch.slice(0, _DRAWN_FROM - len(first)).to_pylist()
            if len(first) >= _DRAWN_FROM:
                break
        most = ROWS_OF_CHAT if self._section.openai else ROWS
        chosen = np.random.default_rng(_SEED).permutation(len(first))[:most]
        return [{name: as_sent(first[i][name], inputs[name]) for name in names} for i in sorted(chosen.tolist())]

    def still(self, content: bytes) -> bool:
        """Whether the model answers these rows as it did. One that it now answers otherwise is asked again."""
        kept = json.loads(content)
        rows, before = kept["rows"], kept["answers"]
        open_ = list(range(len(rows)))
        for _ in range(_TIMES):
            told = self.answers([rows[place] for place in open_])
            open_ = [
                place
                for place, answer in zip(open_, told, strict=True)
                if distance(before[place], answer, TOLERANCE) > 0.0
            ]
            if not open_:
                return True
        return bool(self._section.openai) and len(open_) < _SHARE_OF_CHAT * len(rows)

    def answers(self, rows: Sequence[Row]) -> list[Answer]:
        """One answer for each row. Raises Silent at the first request that fails."""
        told: list[Answer] = []
        for start in range(0, len(rows), self._section.batch):
            told += self._asked(rows[start : start + self._section.batch])
        return told

    def _asked(self, rows: Sequence[Row]) -> list[Answer]:
        reply = self._outside.model.predict(rows)
        if reply.kind is ReplyKind.OK and len(reply.predictions) == len(rows):
            return [{"prediction": p.prediction, "score": p.score} for p in reply.predictions]
        if reply.kind is not ReplyKind.REFUSED:
            raise Silent(f"the model gave no answer: {reply.kind.value} {reply.error}".strip())
        if len(rows) == 1:
            return [{"refused": True}]
        middle = len(rows) // 2
        return [*self._asked(rows[:middle]), *self._asked(rows[middle:])]


def _is_asked(workspace: Workspace) -> bool:
    """Whether the model is a served one that is known by the version that it tells."""
    model = workspace.system.model
    probed = model.vendor is not None and model.vendor.probes is not None
    return not (model.ours or model.recorded or probed) and workspace.system.data.evaluation is not None


def _rounded(answer: Answer) -> Answer:
    """Such that what another processor changes makes no other digest."""
    return {key: round(value, _DIGITS) if isinstance(value, float) else value for key, value in answer.items()}


def _canonical(content: object) -> bytes:
    return rfc8785.dumps(cast("Json", content))


def _digest(content: object) -> str:
    return hashlib.sha256(_canonical(content)).hexdigest()
