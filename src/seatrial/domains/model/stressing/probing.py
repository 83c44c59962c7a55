"""Rows at each edge, sent to the model, and how each edge ended."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from seatrial.core.ports import Prediction, Reply, ReplyKind, Row
from seatrial.domains.model.stressing.asking import answer_of, told
from seatrial.domains.model.stressing.baseline import Baseline
from seatrial.domains.model.stressing.edges import Edge
from seatrial.stats.detection import seen_at_least_once

_FAILURES = frozenset({ReplyKind.CRASHED, ReplyKind.TIMED_OUT, ReplyKind.MALFORMED})
_CRASHES = 2


class Ending(StrEnum):
    """How an edge ended, the worst of its rows."""

    REFUSED = "refused"
    HANDLED = "handled"
    CRASH = "crash"


@dataclass(frozen=True, slots=True, kw_only=True)
class Probed:
    """One edge: `asked` distinct rows of the share `applies` of all; `settled` where every row becomes the same one.

    At an edge many rows become the same: those that were answered or failed stand for `stand_for` rows of the data.
    """

    edge: Edge
    asked: int
    stand_for: int
    applies: float
    settled: bool
    failed: tuple[tuple[Row, Row, str], ...] = ()
    """Base row, row at the edge, what came instead of an answer: twice in a row."""
    unsteady: int = 0
    wordless: int = 0
    silent: int = 0
    refused: int = 0
    killed: bool = False
    answers: tuple[Prediction, ...] = ()

    @property
    def ending(self) -> Ending:
        """The worst."""
        if self.failed or self.unsteady:
            return Ending.CRASH
        return Ending.HANDLED if self.answers else Ending.REFUSED

    def power(self, smallest: float) -> float:
        """The probability that these rows met a failure on the smallest share of all rows that matters."""
        if self.failed or (self.settled and self.asked > self.silent):
            return 1.0
        return seen_at_least_once(min(1.0, smallest / self.applies), self.stand_for) if self.stand_for else 0.0


def probed(base: Baseline, edge: Edge, *, wanted: int) -> Probed | None:
    """The edge with up to `wanted` answered rows; None where no row can stand there."""
    rows: dict[str, tuple[Row, Row]] = {}
    alike: Counter[str] = Counter()
    tried = fitting = 0
    for i in base.known:
        tried += 1
        made = edge.make(base.rows[i])
        if made is not None and made != base.rows[i]:
            fitting += 1
            key = repr(sorted(made.items(), key=lambda item: item[0]))
            rows.setdefault(key, (base.rows[i], made))
            alike[key] += 1
        if len(rows) == wanted:
            break
    if not rows:
        return None
    pairs = list(rows.values())
    settled = len(pairs) == 1 and fitting > 1
    replies = base.asker.whole([row for _, row in pairs]) if len(pairs) > 1 and base.asker.batch > 1 else []
    if not replies or any(answer_of(reply) is None for reply in replies):
        counts = [alike[key] for key in rows]
        return _singly(base, edge, pairs, counts, applies=fitting / tried, settled=settled)
    answers = tuple(a for reply in replies if (a := answer_of(reply)) is not None)
    return Probed(
        edge=edge, asked=len(pairs), stand_for=fitting, applies=fitting / tried, settled=settled, answers=answers
    )


def _singly(
    base: Baseline,
    edge: Edge,
    pairs: Sequence[tuple[Row, Row]],
    counts: Sequence[int],
    *,
    applies: float,
    settled: bool,
) -> Probed:
    failed: list[tuple[Row, Row, str]] = []
    answers: list[Prediction] = []
    unsteady = wordless = silent = asked = refused = stand_for = 0
    for (clean, row), many in zip(pairs, counts, strict=True):
        reply = base.asker.alone(row)
        if reply is None and not base.asker.dead:
            break
        asked += 1
        stand_for += 0 if reply is not None and reply.kind is ReplyKind.UNREACHABLE else many
        if reply is None or base.asker.dead:
            failed.append((clean, row, "afterwards nothing was answered any more"))
            break
        if reply.kind in _FAILURES:
            again = base.asker.alone(row)
            if base.asker.dead or (again is not None and again.kind in _FAILURES):
                failed.append((clean, row, told(reply)))
            else:
                unsteady += 1
        elif reply.kind is ReplyKind.UNREACHABLE:
            silent += 1
        elif reply.kind is ReplyKind.REFUSED:
            refused += 1
            wordless += not _words(reply)
        else:
            answers += reply.predictions
        if base.asker.dead or len(failed) == _CRASHES:
            break
    return Probed(
        edge=edge,
        asked=asked,
        stand_for=stand_for,
        applies=applies,
        settled=settled,
        failed=tuple(failed),
        unsteady=unsteady,
        wordless=wordless,
        silent=silent,
        refused=refused,
        killed=base.asker.dead,
        answers=tuple(answers),
    )


def _words(reply: Reply) -> str:
    return reply.error.partition(":")[2].strip() if reply.error.startswith("status ") else reply.error
