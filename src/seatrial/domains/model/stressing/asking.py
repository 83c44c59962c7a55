"""Asks the model about rows: many in one request, each answered once, at the declared rate, until the time is up."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from seatrial.core.check import Trial
from seatrial.core.ports import Prediction, Reply, ReplyKind, Row

_WAITS_S = (0.5, 1.0, 2.0)
"""Before a request is sent again that the endpoint would not take now (429, 503, no connection)."""
_FIRST = 16
_SAID = 120
_BUSY = frozenset({429, 503})


class Asker:
    """`asked` counts requests. `dead` is True once the endpoint answers nothing any more, not even `probe`.

    Until there is a `probe`, a row that it is known to answer, any row that cannot be delivered ends it.
    """

    def __init__(self, trial: Trial, *, batch: int, rate: float | None, time_s: float) -> None:
        self._trial = trial
        self._rate = rate
        self._deadline = trial.clock.monotonic() + time_s
        self._next = 0.0
        self.batch = batch
        self.asked = 0
        self.dead = False
        self.probe: Row | None = None

    @property
    def over(self) -> bool:
        """Nothing more is sent: the time is up, or the endpoint is gone."""
        return self.dead or self._trial.clock.monotonic() > self._deadline

    @property
    def left_s(self) -> float:
        """Seconds that may still be spent."""
        return 0.0 if self.dead else max(0.0, self._deadline - self._trial.clock.monotonic())

    def alone(self, row: Row) -> Reply | None:
        """The reply to one row in a request of its own; None when nothing is sent any more."""
        return None if self.over else self._send([row])

    def together(self, rows: Sequence[Row]) -> list[Reply | None]:
        """One reply for each row, in order; None for a row that was not sent.

        A request that fails as a whole is halved until the rows at fault stand alone. Where none of the first rows is
        answered, the others are not sent: they would not be either.
        """
        replies: list[Reply | None] = []
        for part in self.requests(len(rows)):
            if replies and not any(answered(reply) for reply in replies):
                return replies + [None] * (len(rows) - len(replies))
            replies += self._halved(rows[part])
        return replies

    def requests(self, n: int) -> list[slice]:
        """Which of `n` rows `together` puts into one request: few at first, then as many as the model takes."""
        ends = sorted({min(n, self.batch, _FIRST), *range(_FIRST, n, self.batch), n} - {0})
        return [slice(start, end) for start, end in zip([0, *ends[:-1]], ends, strict=True)] if n else []

    def whole(self, rows: Sequence[Row]) -> list[Reply | None]:
        """The same for one request that must stay whole; every row has its failure where it fails."""
        if self.over or not rows:
            return [None] * len(rows)
        return _each(self._send(rows), len(rows))

    def _halved(self, rows: Sequence[Row]) -> Iterator[Reply | None]:
        if len(rows) > self.batch:
            for start in range(0, len(rows), self.batch):
                yield from self._halved(rows[start : start + self.batch])
            return
        if self.over or not rows:
            yield from [None] * len(rows)
            return
        reply = self._send(rows)
        if len(rows) == 1 or reply.kind in (ReplyKind.OK, ReplyKind.UNREACHABLE):
            yield from _each(reply, len(rows))
            return
        middle = len(rows) // 2
        yield from self._halved(rows[:middle])
        yield from self._halved(rows[middle:])

    def _send(self, rows: Sequence[Row]) -> Reply:
        reply = self._sent(rows)
        for wait_s in _WAITS_S:
            if reply.kind is not ReplyKind.UNREACHABLE and reply.status not in _BUSY:
                return reply
            self._trial.clock.sleep(wait_s)
            reply = self._sent(rows)
        if reply.kind is ReplyKind.UNREACHABLE:
            self.dead = self.probe is None or self._sent([self.probe]).kind is ReplyKind.UNREACHABLE
        return reply

    def _sent(self, rows: Sequence[Row]) -> Reply:
        if self._rate is not None:
            now = self._trial.clock.monotonic()
            if self._next > now:
                self._trial.clock.sleep(self._next - now)
            self._next = max(now, self._next) + 1.0 / self._rate
        self.asked += 1
        return self._trial.model.predict(rows)


def answered(reply: Reply | None) -> bool:
    """Whether the reply holds the answer to its one row."""
    return reply is not None and reply.kind is ReplyKind.OK and len(reply.predictions) == 1


def answer_of(reply: Reply | None) -> Prediction | None:
    """The answer, None where there is none."""
    return reply.predictions[0] if reply is not None and answered(reply) else None


def told(reply: Reply | None) -> str:
    """What came instead of an answer, in words."""
    if reply is None:
        return "it was not asked: the time was up"
    error = reply.error if len(reply.error) <= _SAID else f"{reply.error[:_SAID]}…"
    return f"{_KINDS[reply.kind]}{f' ({error})' if error else ''}"


_KINDS: Mapping[ReplyKind, str] = {
    ReplyKind.OK: "an answer",
    ReplyKind.REFUSED: "a refusal",
    ReplyKind.CRASHED: "a crash",
    ReplyKind.TIMED_OUT: "a time-out",
    ReplyKind.UNREACHABLE: "no connection",
    ReplyKind.MALFORMED: "an answer of another shape",
}


def _each(reply: Reply, n: int) -> list[Reply | None]:
    if reply.kind is ReplyKind.OK and len(reply.predictions) == n:
        return [
            Reply(kind=ReplyKind.OK, latency_s=reply.latency_s, predictions=(answer,), status=reply.status)
            for answer in reply.predictions
        ]
    return [reply if reply.kind is not ReplyKind.OK else _short(reply, n)] * n


def _short(reply: Reply, n: int) -> Reply:
    error = f"{n} rows were asked for, {len(reply.predictions)} were answered"
    return Reply(kind=ReplyKind.MALFORMED, latency_s=reply.latency_s, status=reply.status, error=error)
