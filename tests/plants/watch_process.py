"""A watch in a process of its own, which tests kill: `python -m plants.watch_process URL PORT [BYTES OF A FILE]`."""

from __future__ import annotations

import asyncio
import resource
import signal
import sys
import threading
import time
from datetime import UTC, datetime

from plants.watched_errors import ERRORS
from seatrial.core.errors import SeatrialError
from seatrial.watch.server import Door, People
from seatrial.watch.store import Store
from seatrial.watch.watching import Watching


def now() -> datetime:
    return datetime.now(UTC)


def look(store: Store) -> None:
    watching = Watching(store, (ERRORS,), begun=now())
    while True:
        time.sleep(0.01)
        try:
            watching.step()
        except SeatrialError:
            time.sleep(0.1)


async def serve(store: Store, port: int, people: People) -> None:
    from aiohttp import web

    door = Door(store, now=now, standing=dict, page=lambda: "", people=people)
    runner = web.AppRunner(door.application(), access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    await asyncio.Event().wait()


class Nobody:
    """Nobody deals with alarms here."""

    def __getattr__(self, name: str) -> object:
        raise AttributeError(name)


if __name__ == "__main__":
    url, port_text, *most = sys.argv[1:]
    if most:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (int(most[0]), resource.RLIM_INFINITY))
    opened = Store.open(url)
    threading.Thread(target=look, args=(opened,), daemon=True).start()
    asyncio.run(serve(opened, int(port_text), Nobody()))  # type: ignore[arg-type]
