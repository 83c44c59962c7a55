from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from seatrial.watch import server
from seatrial.watch.server import Door
from seatrial.watch.store import Store

NOW = datetime(2027, 1, 11, 8, 0, tzinfo=UTC)
GOOD = [{"id": "a", "prediction": 1}]


def served(store: Store, use: Callable[[int, aiohttp.ClientSession], Awaitable[None]]) -> None:
    async def run() -> None:
        nobody: Any = None
        door = Door(store, now=lambda: NOW, standing=dict, page=lambda: "", people=nobody)
        runner = web.AppRunner(door.application())
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        try:
            async with aiohttp.ClientSession() as session:
                await use(runner.addresses[0][1], session)
        finally:
            await runner.cleanup()

    asyncio.run(run())


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store.open(f"sqlite:///{tmp_path / 'w.db'}")


async def hanging(port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A sender that promises more than it sends."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    head = "POST /v1/predictions HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n["
    writer.write(head.encode())
    await writer.drain()
    return reader, writer


def test_a_sender_that_never_sends_the_end_is_let_go_of_and_counted(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "MOST_WAIT_S", 0.2)

    async def use(port: int, session: aiohttp.ClientSession) -> None:
        reader, writer = await hanging(port)
        async with session.post(f"http://127.0.0.1:{port}/v1/predictions", json=GOOD) as answer:
            assert answer.status == 200, "nobody waits for somebody else's end"
        assert b" 408 " in await asyncio.wait_for(reader.readline(), 5)
        writer.close()

    served(store, use)
    assert store.counts() == {"prediction": 1, "refused unfinished": 1}
    store.close()


def test_a_flood_is_told_to_come_again_and_counted_and_what_was_taken_is_kept(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "MOST_WAIT_S", 1.0)
    monkeypatch.setattr(server, "MOST_HELD", 1000)

    async def use(port: int, session: aiohttp.ClientSession) -> None:
        _, writer = await hanging(port)
        await asyncio.sleep(0.2)
        async with session.post(f"http://127.0.0.1:{port}/v1/predictions", json=GOOD) as answer:
            assert (answer.status, answer.headers["Retry-After"]) == (503, "1")
        writer.close()
        await asyncio.sleep(0.2)
        async with session.post(f"http://127.0.0.1:{port}/v1/predictions", json=GOOD) as answer:
            assert answer.status == 200

    served(store, use)
    assert store.counts() == {"prediction": 1, "refused flood": 1}
    store.close()
