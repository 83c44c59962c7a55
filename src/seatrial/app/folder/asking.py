"""Rows put to the model: the next ones are on their way while earlier ones are answered, and each is answered once.

A batch that fails is halved until the row that fails is alone; that row keeps the problem, the others their
predictions. Answers are used in the order of the rows, whatever order they come in.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Self

from seatrial.core.errors import Malformed, Unreachable
from seatrial.core.ports import Answers, BatchModel, Model, ReplyKind, Row
from seatrial.domains.sending import as_sent, batch_as_sent
from seatrial.spec.model import InputField

_WAITS_S = (0.2, 0.8, 2.0)
"""Before each further attempt to reach a model that could not be reached."""
_MOST_IN_A_ROW = 100
"""So many rows without an answer one after the other: the model does not work, and the rest need not be tried."""
_TIME_OUT_WEIGHS = 10
"""A time-out counts like so many rows, since each one costs the whole declared time-out."""
_IN_FLIGHT = 2
"""Batches at the model at once: one that it works on, one that waits for it."""
_READ_AHEAD = 2
"""Batches that are encoded or decoded meanwhile."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """One stretch of rows: predictions and scores of `rows` rows, or the one problem that all of them have."""

    rows: int
    predictions: Any = None
    scores: Any = None
    problem: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class AnsweredBatch:
    """The answers to one batch, stretch after stretch."""

    parts: Sequence[Answered]

    @property
    def problem_count(self) -> int:
        """Rows without a prediction."""
        return sum(part.rows for part in self.parts if part.problem)


class Asker:
    """Asks the model, and knows how long it has not answered. `ahead` batches are asked before the first is used."""

    def __init__(self, model: BatchModel, *, ahead: int) -> None:
        self._model = model
        self._ahead = ahead
        self._pool = ThreadPoolExecutor(max_workers=_IN_FLIGHT, thread_name_prefix="scoring") if ahead else None
        self._silent = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)

    def answered(self, batches: Iterable[tuple[Any, Any]]) -> Iterator[tuple[Any, AnsweredBatch]]:
        """Every pair of rows and what the model gets of them, as rows and what it answered, in order."""
        waiting: deque[tuple[Any, Any, Future[Answers] | None]] = deque()
        for rows, sent in batches:
            waiting.append((rows, sent, self._pool.submit(self._model.answer, sent) if self._pool else None))
            if len(waiting) > self._ahead:
                yield self._next(waiting)
        while waiting:
            yield self._next(waiting)

    def _next(self, waiting: deque[tuple[Any, Any, Future[Answers] | None]]) -> tuple[Any, AnsweredBatch]:
        rows, sent, future = waiting.popleft()
        first = self._model.answer(sent) if future is None else future.result()
        return rows, AnsweredBatch(parts=tuple(self._parts(sent, first)))

    def _parts(self, sent: Any, first: Answers) -> Iterator[Answered]:
        reply = self._reached(sent, first)
        if reply.kind is ReplyKind.OK and len(reply.predictions) == sent.num_rows:
            self._silent = 0
            yield Answered(rows=sent.num_rows, predictions=reply.predictions, scores=reply.scores)
            return
        if reply.kind is ReplyKind.TIMED_OUT:
            self._count(_TIME_OUT_WEIGHS, reply)
        if sent.num_rows == 1:
            yield Answered(rows=1, problem=self._problem(reply))
            return
        half = sent.num_rows // 2
        for part in (sent.slice(0, half), sent.slice(half)):
            yield from self._parts(part, self._model.answer(part))

    def _reached(self, sent: Any, reply: Answers) -> Answers:
        for wait_s in _WAITS_S:
            if reply.kind is not ReplyKind.UNREACHABLE:
                return reply
            time.sleep(wait_s)
            reply = self._model.answer(sent)
        if reply.kind is ReplyKind.UNREACHABLE:
            raise Unreachable(
                f"the model could not be reached: {reply.error}",
                remedy="Start it, and see that it answers under the declared address.",
                permanent=False,
            )
        return reply

    def _problem(self, reply: Answers) -> str:
        if reply.kind is ReplyKind.REFUSED:
            # A guard that refuses is an answer, however often it does.
            self._silent = 0
        else:
            self._count(1, reply)
        return _spelled(reply)

    def _count(self, rows: int, reply: Answers) -> None:
        self._silent += rows
        if self._silent < _MOST_IN_A_ROW:
            return
        said = f"the model gave no usable answer time after time; the last problem: {_spelled(reply)}"
        if reply.kind is ReplyKind.TIMED_OUT:
            raise Unreachable(
                said,
                remedy="Find out why it is so slow; where it may be, declare a longer model.timeout or a smaller "
                "model.batch.",
                permanent=False,
            )
        if reply.kind is ReplyKind.CRASHED:
            raise Unreachable(
                said, remedy="Send it one of your rows by hand, and look into its log for what failed.", permanent=False
            )
        raise Malformed(
            said,
            remedy="Send it one of your rows by hand; compare where it is answered and how with model.endpoint and "
            "model.output.",
        )


def _spelled(reply: Answers) -> str:
    return f"{reply.kind.value}: {reply.error}" if reply.error else reply.kind.value


def asker(model: Model, inputs: Mapping[str, InputField]) -> Asker:
    """For a model that takes batches, several at once; any other one is asked row by row, one request at a time."""
    if isinstance(model, BatchModel):
        return Asker(_AsSent(model, inputs), ahead=_IN_FLIGHT + _READ_AHEAD)
    return Asker(_ByRows(model, inputs), ahead=0)


class _AsSent:
    """Batches with their cells as production sends them."""

    def __init__(self, model: BatchModel, inputs: Mapping[str, InputField]) -> None:
        self._model = model
        self._inputs = inputs

    def answer(self, batch: Any) -> Answers:
        return self._model.answer(batch_as_sent(batch, self._inputs))


class _ByRows:
    """A model that takes rows, asked for a batch."""

    def __init__(self, model: Model, inputs: Mapping[str, InputField]) -> None:
        self._model = model
        self._inputs = inputs

    def answer(self, batch: Any) -> Answers:
        rows: list[Row] = [
            {name: as_sent(value, self._inputs.get(name)) for name, value in row.items()} for row in batch.to_pylist()
        ]
        reply = self._model.predict(rows)
        if reply.kind is not ReplyKind.OK:
            return Answers(kind=reply.kind, latency_s=reply.latency_s, status=reply.status, error=reply.error)
        return Answers(
            kind=reply.kind,
            latency_s=reply.latency_s,
            predictions=[p.prediction for p in reply.predictions],
            scores=[p.score for p in reply.predictions],
        )
