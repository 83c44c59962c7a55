"""Whether answers stay right while a load runs: a few known rows, asked again and again beside it."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from types import TracebackType
from typing import Self

from seatrial.core.observation import Finding
from seatrial.core.ports import Model, ReplyKind, Row
from seatrial.core.vocabulary import Weight
from seatrial.domains.data.known_answers import KnownAnswers, answered

_EVERY_S = 0.25


class Watcher:
    """Asks on a thread of its own while the block runs; where an answer differed, the model is asked at rest after it.

    `wrong` counts the answers that differed where the model at rest does not explain them, `varied` where it does.
    """

    def __init__(self, known: KnownAnswers) -> None:
        self._known = known
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._ask, daemon=True)
        self._compared: Counter[int] = Counter()
        self._off: Counter[int] = Counter()
        self.asked = 0
        self.compared = 0
        self.wrong = 0
        self.varied = 0

    @classmethod
    def of(cls, model: Model, rows: Sequence[Row]) -> Self:
        """Asks what is right before anything runs."""
        return cls(KnownAnswers.asked(model, rows))

    def anew(self) -> Self:
        """For another block, by the same answers from before."""
        return type(self)(self._known)

    @property
    def alone_s(self) -> float:
        """The p95 of what each request took when one was sent after the other; NaN where few were answered."""
        return self._known.alone_s

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
        if kind is None and self._off:
            self._settle()

    def _ask(self) -> None:
        at = 0
        while self._known.rows and not self._stop.wait(_EVERY_S):
            number = at % len(self._known.rows)
            at += 1
            self.asked += 1
            reply = self._known.model.predict([self._known.rows[number]])
            # The generator takes any 200 for an answer: an error that comes as one is found here.
            if reply.kind in (ReplyKind.OK, ReplyKind.MALFORMED):
                self.compared += 1
                self._compared[number] += 1
                if self._known.off(number, answered(reply.kind, reply.predictions)):
                    self._off[number] += 1

    def _settle(self) -> None:
        """Hold what differed against what the model does at rest."""
        off = sum(self._off.values())
        lasting = any(self._known.lasting(number) for number in self._off)
        if not lasting:
            self._known.rest(self.compared)
        if lasting or not self._known.explains(off, self.compared):
            self.wrong = off
        else:
            self.varied = off

    def findings(self, when: str = "Under load") -> Iterator[Finding]:
        """A gap where an answer was not that of before; open where none was seen."""
        if self.asked and not self.compared:
            yield Finding(
                code="answers-not-seen",
                summary=f"{when} no known row was answered, so it is not known what the answers were.",
                weight=Weight.OPEN,
                remedy="See whether the endpoint answers single rows beside the load; then run the check again.",
            )
        rested = f"{self._known.rested_off} of {self._known.rested}"
        if self.wrong:
            alone = f"; at rest {rested} were" if self._known.rested else ""
            yield Finding(
                code="wrong-under-load",
                summary=f"{when} {self.wrong} of {self.compared} known rows were answered differently from before"
                f"{alone}.",
                why="A fast answer that belongs to somebody else's request is worse than none.",
                remedy="Look for state that requests share: a buffer, a cache without its key, a mixed-up batch.",
            )
        if self.varied:
            yield Finding(
                code="answers-vary",
                summary=f"{when} {self.varied} of {self.compared} known rows were answered differently from before, "
                f"and at rest {rested}: that is the model's own, and no more than it does alone.",
                weight=Weight.NOTE,
            )
