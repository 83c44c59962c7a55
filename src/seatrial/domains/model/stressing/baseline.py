"""The rows that are stressed, with what the model says to them as they are, once and once more."""

from __future__ import annotations

import math
import random
import re
from collections import Counter
from collections.abc import Collection, Mapping, Sequence

from seatrial.core.ports import Prediction, Reply, Row
from seatrial.domains.legality import Profile, profile_of
from seatrial.domains.model.stressing.asking import Asker, answer_of, told
from seatrial.domains.yardstick import ROUNDING, Yardstick, spread
from seatrial.spec.model import InputField
from seatrial.spec.system import System

_TESTED = 16
_MOST_DECIMALS = 9
_SAME_TEXT = 0.9
_REFUSAL = re.compile(
    r"\b(?:I(?:'m| am) (?:sorry|unable|not able)|I can(?:'t|not|not) (?:help|assist|answer)|as an AI)\b", re.IGNORECASE
)


class Baseline:
    """`rows` are inputs as production sends them, `rest` what stands beside them in the data."""

    def __init__(
        self,
        system: System,
        asker: Asker,
        inputs: Mapping[str, InputField],
        rows: Sequence[Row],
        rest: Sequence[Row],
    ) -> None:
        self.system = system
        self.asker = asker
        self.inputs = inputs
        self.rows = rows
        self.rest = rest
        self.profiles: Mapping[str, Profile] = {name: profile_of(rows, name) for name in inputs if name in rows[0]}
        self.prose = _prose(inputs, self.profiles, rows)
        self.problem = ""
        self.unanswered = 0
        self._calls: list[list[int]] = []
        self._first: dict[int, Prediction | None] = {}
        self._again: dict[int, Prediction | None] = {}

    def find_batches(self) -> None:
        """Learn whether the model takes several rows at once."""
        some = self.rows[:_TESTED]
        if self.asker.batch == 1 or len(some) < 2:
            return
        whole = self.asker.whole(some)
        self.problem = next((told(reply) for reply in whole if answer_of(reply) is None), "")
        if all(answer_of(reply) is None for reply in whole) and all(
            answer_of(self.asker.alone(row)) is not None for row in some
        ):
            self.asker.batch = 1

    def answers(self, at: Collection[int]) -> dict[int, Prediction]:
        """The answers to those of these rows that are answered; each row is asked once."""
        wanted = [i for i in at if i not in self._first]
        if wanted:
            self._calls.append(wanted)
        for i, reply in zip(wanted, self.asker.together([self.rows[i] for i in wanted]), strict=True):
            self._first[i] = answer_of(reply)
            if self._first[i] is None and reply is not None:
                self.unanswered += 1
                self.problem = self.problem or told(reply)
        found = {i: self._first[i] for i in at}
        return {i: answer for i, answer in found.items() if answer is not None}

    def again(self, at: Collection[int]) -> dict[int, Prediction | None]:
        """The answers to the same rows once more, in the very same requests; each row is asked once more only."""
        wanted = set(at)
        for call in self._calls:
            if any(i in wanted and i not in self._again for i in call):
                replies = self.asker.together([self.rows[i] for i in call])
                self._again.update(zip(call, (answer_of(reply) for reply in replies), strict=True))
        return {i: self._again[i] for i in at}

    def reordered(self, drawn: random.Random) -> dict[int, Reply | None]:
        """The replies to the same requests with the rows of each in another order."""
        found: dict[int, Reply | None] = {}
        for call in self._calls:
            order = [i for part in self.asker.requests(len(call)) for i in drawn.sample(call[part], len(call[part]))]
            replies = self.asker.together([self.rows[i] for i in order])
            found.update(zip(order, replies, strict=True))
        return found

    def in_place(self, variants: Mapping[int, Row]) -> dict[int, Reply | None]:
        """The replies to variants of rows, each in the request and at the place where its row was asked."""
        found: dict[int, Reply | None] = {}
        for call in self._calls:
            if any(i in variants for i in call):
                replies = self.asker.together([variants.get(i, self.rows[i]) for i in call])
                found.update(pair for pair in zip(call, replies, strict=True) if pair[0] in variants)
        return found

    def ask_singly(self) -> None:
        """Forget every answer, and from now on ask one row at a time: what else is asked must not matter."""
        self.asker.batch = 1
        self._calls.clear()
        self._first.clear()
        self._again.clear()

    @property
    def known(self) -> Mapping[int, Prediction]:
        """Every answer so far."""
        return {i: answer for i, answer in self._first.items() if answer is not None}

    @property
    def silent(self) -> frozenset[int]:
        """Rows that were asked and not answered."""
        return frozenset(i for i, answer in self._first.items() if answer is None)

    @property
    def scale(self) -> float:
        """What a number is measured in: 1 for a score, the spread of the answers for a regression."""
        return spread(list(self.known.values())) if self.system.model.task == "regression" else 1.0

    def exactly(self) -> Yardstick:
        """Equal but for rounding."""
        return self._stick(ROUNDING * self.scale)

    def decided(self) -> Yardstick:
        """Equal in what is acted on; a regression within the tolerance of faults."""
        regression = self.system.model.task == "regression"
        return self._stick(self.system.data.faults.tolerance * self.scale if regression else math.inf)

    def within(self, tolerance: float | None) -> Yardstick:
        """Equal within a declared tolerance; without one, in what is acted on."""
        return self.decided() if tolerance is None else self.decided().within(tolerance)

    def _stick(self, tolerance: float) -> Yardstick:
        return Yardstick(task=self.system.model.task, tolerance=tolerance, act_at=self.system.model.output.act_at)

    @property
    def constant(self) -> bool:
        """Whether the model says the same to whatever it is asked, so that nothing could move it."""
        answers = list(self.known.values())
        if len(answers) < 2:
            return False
        if self.system.model.task == "chat":
            texts = [" ".join(str(a.prediction).split()).casefold() for a in answers]
            phrases = [p.casefold() for p in self.system.model.output.abstains]
            refused = sum(
                not text or bool(_REFUSAL.search(text)) or any(phrase in text for phrase in phrases) for text in texts
            )
            most = Counter(texts).most_common(1)[0][1]
            return max(most, refused) >= _SAME_TEXT * len(answers)
        exactly = self.exactly()
        return not any(exactly.moved(answers[0], other) for other in answers[1:])


def decimals_of(rows: Sequence[Row], name: str) -> int:
    """With how many decimals the source gives the field: as many as any value has."""
    values = [row.get(name) for row in rows]
    return max(
        (
            len(f"{value:.{_MOST_DECIMALS}f}".rstrip("0").partition(".")[2])
            for value in values
            if isinstance(value, float) and math.isfinite(value)
        ),
        default=0,
    )


def _prose(inputs: Mapping[str, InputField], profiles: Mapping[str, Profile], rows: Sequence[Row]) -> tuple[str, ...]:
    """The inputs of free text: texts without a closed set of values."""
    texts = [n for n, f in inputs.items() if f.type == "string" and f.values is None and n in rows[0]]
    return tuple(n for n in texts if not profiles[n].levels) or tuple(texts)
