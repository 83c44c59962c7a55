"""An event loop on a thread of its own, for callers that are not asynchronous."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")
_ROUNDS, _QUIET_ROUNDS = 20, 4
_ROUND_S = 0.5


class Background:
    """Runs coroutines, one loop for all; `close` ends what is still running."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self.loop.run_forever, daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    @property
    def running(self) -> bool:
        """Whether it was started and not closed."""
        return self._thread.is_alive()

    def run(self, work: Coroutine[Any, Any, T], *, timeout_s: float) -> T:
        """Do it there, and wait for it. Raises TimeoutError when it does not end in time; it is cancelled then."""
        future = asyncio.run_coroutine_threadsafe(work, self.loop)
        try:
            return future.result(timeout_s)
        except TimeoutError:
            future.cancel()
            raise

    def close(self) -> None:
        """Cancel what is left, and end the thread. Closing again is nothing."""
        if self.loop.is_closed():
            return
        if self._thread.is_alive():
            asyncio.run_coroutine_threadsafe(_settled(), self.loop).result()
            self.loop.call_soon_threadsafe(self.loop.stop)
            self._thread.join()
        self.loop.close()


async def _settled() -> None:
    """Wait until what was closed is gone, so that nothing is left when the loop ends."""
    quiet = 0
    for _ in range(_ROUNDS):
        others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in others:
            task.cancel()
        # A task that was cancelled, or a connection that is gone, may make another task to clean up.
        if others:
            await asyncio.wait(others, timeout=_ROUND_S)
        await asyncio.sleep(0)
        quiet = 0 if others else quiet + 1
        if quiet == _QUIET_ROUNDS:
            return
