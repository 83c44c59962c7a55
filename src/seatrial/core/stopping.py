"""How a running check is asked to end, and how a restore is kept from being cut short by that.

The engine raises `Stopped` in the main thread of a check's process: at its time-out, or when a person interrupts the
run. `finally` blocks run. Code that brings a system back wraps itself in `unstoppable()`: a stop that arrives
meanwhile waits until the block ends.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass


class Stopped(SystemExit):
    """This check must end now. A SystemExit, so that event loops and thread pools let it through."""


@dataclass(slots=True)
class _State:
    depth: int = 0
    asked: bool = False
    raised: bool = False


_state = _State()


def stop() -> None:
    """Raise Stopped here, once; inside `unstoppable()` only when its block ends. For signal handlers."""
    _state.asked = True
    if _state.depth == 0 and not _state.raised:
        _state.raised = True
        raise Stopped


@contextmanager
def unstoppable() -> Iterator[None]:
    """Let the block run to its end, whatever asks to stop. Blocks may nest; each must be bounded in time by itself.

    Stops reach the main thread alone, so that in another thread this does nothing.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    _state.depth += 1
    try:
        yield
    finally:
        _state.depth -= 1
        if _state.asked:
            stop()
