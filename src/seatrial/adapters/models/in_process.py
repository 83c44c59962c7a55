"""What all models in a process of their own have in common: rows in, and whatever comes back reported."""

from __future__ import annotations

import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, Final

from seatrial.adapters.models.answers import Told, fast_json, predictions_of, told_of_json
from seatrial.adapters.models.arrow import records_of, stream_of, table_of, told_of_table
from seatrial.adapters.models.columns import batch_of, encoded, rows_of
from seatrial.adapters.models.process import Died, Failed, Frame, Hung, ModelProcess
from seatrial.adapters.redaction import Redactor
from seatrial.core.errors import Malformed, Refused, SeatrialError
from seatrial.core.observation import Json
from seatrial.core.ports import Answers, Reply, ReplyKind, Request, Row
from seatrial.spec.model import ModelSection

_KINDS: Final[Mapping[type[SeatrialError], ReplyKind]] = {
    Hung: ReplyKind.TIMED_OUT,
    Died: ReplyKind.CRASHED,
    Failed: ReplyKind.CRASHED,
    Refused: ReplyKind.REFUSED,
    Malformed: ReplyKind.MALFORMED,
}


class ProcessModel(ABC):
    """A model that `_process` runs. It tells whether it takes JSON rows or an Arrow table."""

    columns_named: ClassVar[bool] = False
    """True when the model names its outputs itself, so that `output` must name them too."""

    def __init__(self, section: ModelSection, *, redact: Redactor) -> None:
        self._section = section
        self._redact = redact
        self._opened: dict[str, ModelProcess] = {}
        self._opening = threading.Lock()

    @abstractmethod
    def _process(self) -> ModelProcess:
        """The one that predicts. Raises Unreachable, Malformed where what is declared is not there."""

    def _once(self, reference: str, make: Callable[[], ModelProcess]) -> ModelProcess:
        with self._opening:
            if reference not in self._opened:
                self._opened[reference] = make()
            return self._opened[reference]

    def close(self) -> None:
        """End its processes; the next call starts them again."""
        with self._opening:
            while self._opened:
                self._opened.popitem()[1].stop()

    def load_anew(self) -> None:
        """The next call starts new processes, which load what is there then."""
        self.close()

    def predict(self, rows: Sequence[Row]) -> Reply:
        """The answer for these rows; never raises for what the model does."""
        told, answers = self._asked(lambda: encoded(rows), lambda: stream_of(batch_of(rows)), len(rows))
        predictions = predictions_of(told) if told is not None else ()
        return Reply(kind=answers.kind, latency_s=answers.latency_s, predictions=predictions, error=answers.error)

    def input_names(self) -> list[str]:
        """The inputs that the model names itself, in its order; empty where it names none. Raises what a start does."""
        return [str(name) for name in self._process().ready().get("names", [])]

    def unread(self, rows: Sequence[Row]) -> list[Json]:
        """What it answered for each row, before `output` says what counts; scores of named classes as a mapping.

        Raises what a call raises, and Malformed for an answer that has no entry for each row.
        """
        process = self._process()
        form = process.ready().get("takes", "json")
        sent = encoded(rows) if form == "json" else stream_of(batch_of(rows))
        frame = process.call(form, sent, self._section.timeout)
        if frame.head.get("form") == "json":
            answer = fast_json(frame.body)
            entries = answer.get("predictions") if isinstance(answer, Mapping) else answer
        else:
            entries = records_of(table_of(frame.body))
        if not isinstance(entries, list) or len(entries) != len(rows):
            raise Malformed(f"{len(rows)} rows were asked for, and the answer is no list of as many")
        return entries

    def answer(self, batch: Any) -> Answers:
        """The answer for these rows; never raises for what the model does."""
        return self._asked(lambda: encoded(rows_of(batch)), lambda: stream_of(batch), batch.num_rows)[1]

    def request(self, rows: Sequence[Row]) -> Request | None:
        """None: it is not called over HTTP."""
        del rows
        return None

    def _asked(
        self, as_rows: Callable[[], bytes], as_table: Callable[[], bytes], asked: int
    ) -> tuple[Told | None, Answers]:
        started = time.monotonic()
        try:
            process = self._process()
            form = process.ready().get("takes", "json")
            frame = process.call(form, as_rows() if form == "json" else as_table(), self._section.timeout)
            told = self._told(frame, asked)
        except SeatrialError as error:
            kind = _KINDS.get(type(error), ReplyKind.UNREACHABLE)
            latency_s = time.monotonic() - started
            return None, Answers(kind=kind, latency_s=latency_s, error=self._redact(error.what))
        return told, Answers(
            kind=ReplyKind.OK, latency_s=frame.latency_s, predictions=told.predictions, scores=told.scores
        )

    def _told(self, frame: Frame, asked: int) -> Told:
        if frame.head.get("form") == "json":
            return told_of_json(fast_json(frame.body), asked, self._section)
        return told_of_table(table_of(frame.body), asked, self._section, own_names=self.columns_named)
