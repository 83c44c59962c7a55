"""Requests a few at the same time, so that what a look at the first ones settles is not asked of all."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from queue import SimpleQueue
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")


def few_at_once(
    ask: Callable[[T], R], items: Sequence[T], *, first: int, most: int
) -> Generator[tuple[int, R], None, None]:
    """Each item's place and answer, as the answers come: `first` of them to begin with, then `most` at the same time.

    None is begun while whoever takes the answers looks at one. When it is closed early, at most `most - 1` were under
    way in vain, and they are waited for. What `ask` raises ends it.
    """
    upcoming = iter(range(len(items)))
    flying: dict[Future[R], int] = {}
    done: SimpleQueue[Future[R]] = SimpleQueue()
    begun = taken = 0
    with ThreadPoolExecutor(most) as pool:
        while True:
            for at in islice(upcoming, first - begun if taken < first else most - len(flying)):
                begun += 1
                asked = pool.submit(ask, items[at])
                flying[asked] = at
                asked.add_done_callback(done.put)
            if not flying:
                return
            answered = done.get()
            taken += 1
            yield flying.pop(answered), answered.result()
