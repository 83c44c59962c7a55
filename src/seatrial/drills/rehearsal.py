"""A procedure executed again and again, for a bound on how long it takes the next time."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from seatrial.core.ports import Clock, DrillTrace, Steps
from seatrial.drills.journal import Entry, Journal
from seatrial.drills.procedure import execute
from seatrial.spec.procedure import Procedure


def rehearse(
    procedure: Procedure,
    *,
    steps: Steps,
    clock: Clock,
    times: int,
    changes: bool = False,
    heard: Callable[[int, Entry], None] = lambda _, __: None,
    another: Callable[[], bool] = lambda: True,
    trace: DrillTrace | None = None,
) -> tuple[Journal, ...]:
    """Up to `times` drills, one after the other; `heard` gets the number of the drill (from 1) and each entry.

    With `changes`, a drill whose target holds before its first step has not succeeded.
    Before each but the first `another` is asked whether one more may begin.
    It stops after the first one that did not succeed or was not restored: the next would start from another state.
    """
    journals: list[Journal] = []
    for number in range(1, times + 1):
        journal = execute(
            procedure,
            steps=steps,
            clock=clock,
            changes=changes,
            heard=partial(heard, number),
            trace=trace,
        )
        journals.append(journal)
        if not journal.succeeded or journal.restored is False or (number < times and not another()):
            break
    return tuple(journals)
