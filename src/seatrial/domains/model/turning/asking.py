"""Changed rows to the declared test endpoint: many in one request, at the declared rate, until the time is up."""

from __future__ import annotations

from collections.abc import Sequence

from seatrial.core.check import Trial
from seatrial.core.errors import Unreachable
from seatrial.core.ports import Prediction, Reply, ReplyKind, Row

_WAITS_S = (0.5, 1.0, 2.0)
_BUSY = frozenset({429, 503})


class Asking:
    """`requests` and `rows` count what was sent; `over` is True once the time was up and rows were left unasked."""

    def __init__(self, trial: Trial, *, batch: int, rate: float | None, time_s: float) -> None:
        self._trial = trial
        self._batch = batch
        self._rate = rate
        self._deadline = trial.clock.monotonic() + time_s
        self._next = 0.0
        self.requests = 0
        self.rows = 0
        self.over = False

    def __call__(self, rows: Sequence[Row]) -> list[Prediction | None]:
        """One answer for each row; None where it was refused, failed, or was not asked any more.

        A request that fails as a whole is halved until the rows at fault stand alone. Raises Unreachable where the
        endpoint is gone.
        """
        answers: list[Prediction | None] = []
        for start in range(0, len(rows), self._batch):
            part = rows[start : start + self._batch]
            self._trial.say(f"{self.rows:,} changed rows tried")
            answers += self._halved(part)
        return answers

    def _halved(self, rows: Sequence[Row]) -> list[Prediction | None]:
        if self._trial.clock.monotonic() > self._deadline:
            self.over = True
            return [None] * len(rows)
        reply = self._reply(rows)
        if reply.kind is ReplyKind.OK and len(reply.predictions) == len(rows):
            return list(reply.predictions)
        if len(rows) == 1:
            return [None]
        middle = len(rows) // 2
        return [*self._halved(rows[:middle]), *self._halved(rows[middle:])]

    def _reply(self, rows: Sequence[Row]) -> Reply:
        reply = self._sent(rows)
        for wait_s in _WAITS_S:
            if reply.kind is not ReplyKind.UNREACHABLE and reply.status not in _BUSY:
                break
            self._trial.clock.sleep(wait_s)
            reply = self._sent(rows)
        if reply.kind is ReplyKind.UNREACHABLE:
            raise Unreachable(
                f"the model could not be reached: {reply.error}",
                remedy="Start it, and see that it answers under the declared address.",
                permanent=False,
            )
        return reply

    def _sent(self, rows: Sequence[Row]) -> Reply:
        if self._rate is not None:
            now = self._trial.clock.monotonic()
            if self._next > now:
                self._trial.clock.sleep(self._next - now)
            self._next = max(now, self._next) + 1.0 / self._rate
        self.requests += 1
        self.rows += len(rows)
        return self._trial.model.predict(rows)
