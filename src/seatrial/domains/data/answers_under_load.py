"""Whether answers stay right while a load runs: a few known rows, asked again and again beside it."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from types import TracebackType
from typing import Self

from seatrial.core.observation import Finding
from seatrial.core.ports import Model, Prediction, ReplyKind, Row
from seatrial.core.vocabulary import Weight

_ROWS = 20
_EVERY_S = 0.25


class Watcher:
    """Asks on a thread of its own while the block runs.

    Of rows that had two answers before the load, it is only seen whether they still have one.
    """

    def __init__(self, model: Model, known: Sequence[tuple[Row, Prediction | None]]) -> None:
        self._model = model
        self._known = known
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._ask, daemon=True)
        self.asked = 0
        self.compared = 0
        self.wrong = 0

    @classmethod
    def of(cls, model: Model, rows: Sequence[Row]) -> Self:
        """Asks what is right before anything runs."""
        known: list[tuple[Row, Prediction | None]] = []
        for row in rows[:_ROWS]:
            first, again = model.predict([row]), model.predict([row])
            same = first.kind is ReplyKind.OK and first.predictions == again.predictions
            known.append((row, first.predictions[0] if same else None))
        return cls(model, known)

    def anew(self) -> Self:
        """For another block, by the same answers from before."""
        return type(self)(self._model, self._known)

    @property
    def sound(self) -> bool:
        """Whether known rows were answered, all of them as before; also where the block was too short to ask one."""
        return not self.wrong and (self.compared > 0 or not self.asked)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self._stop.set()
        self._thread.join()

    def _ask(self) -> None:
        at = 0
        while self._known and not self._stop.wait(_EVERY_S):
            row, expected = self._known[at % len(self._known)]
            at += 1
            self.asked += 1
            reply = self._model.predict([row])
            if reply.kind is ReplyKind.OK:
                self.compared += 1
                self.wrong += expected is not None and reply.predictions[0] != expected
            elif reply.kind is ReplyKind.MALFORMED:
                # The generator takes any 200 for an answer: an error that comes as one is found here.
                self.compared += 1
                self.wrong += 1

    def findings(self, when: str = "Under load") -> Iterator[Finding]:
        """A gap where an answer was not that of before; open where none was seen."""
        if self.asked and not self.compared:
            yield Finding(
                code="answers-not-seen",
                summary=f"{when} no known row was answered, so it is not known what the answers were.",
                weight=Weight.OPEN,
                remedy="See whether the endpoint answers single rows beside the load; then run the check again.",
            )
        if self.wrong:
            yield Finding(
                code="wrong-under-load",
                summary=f"{when} {self.wrong} of {self.compared} known rows were answered differently from before.",
                why="A fast answer that belongs to somebody else's request is worse than none.",
                remedy="Look for state that requests share: a buffer, a cache without its key, a mixed-up batch.",
            )
