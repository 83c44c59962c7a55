"""An asynchronous server on a thread of its own, for as long as a test needs it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager, contextmanager
from typing import TypeVar

T = TypeVar("T")
Serving = Callable[[], AbstractAsyncContextManager[T]]


@contextmanager
def served(serving: Serving[T]) -> Iterator[T]:
    """What `serving` yields, while its loop runs in the background; its errors at the start are raised here."""
    ready = threading.Event()
    found: list[T] = []
    failed: list[BaseException] = []
    ends: list[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = []

    async def serve() -> None:
        end = asyncio.Event()
        ends.append((asyncio.get_running_loop(), end))
        async with serving() as told:
            found.append(told)
            ready.set()
            await end.wait()

    def run() -> None:
        try:
            asyncio.run(serve())
        except BaseException as error:  # noqa: BLE001 - raised again in the test's own thread
            failed.append(error)
        finally:
            ready.set()

    thread = threading.Thread(target=run)
    thread.start()
    ready.wait(30)
    try:
        if failed:
            raise failed[0]
        yield found[0]
    finally:
        for loop, end in ends:
            if not loop.is_closed():
                loop.call_soon_threadsafe(end.set)
        thread.join(30)
