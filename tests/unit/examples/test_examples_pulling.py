"""Sources that are asked what is new: nothing is lost when a side is away, and the defects lose what they say."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from seatrial.examples import pulling, serving
from seatrial.examples.inbox import DIGEST, Inbox
from seatrial.examples.pulling import Pull


def test_an_inbox_gives_out_what_came_after_a_number_in_order_and_forgets_the_oldest() -> None:
    inbox = Inbox("key", most=3)
    for number in range(5):
        inbox.add({"key": str(number)})
    assert inbox.since(0, 2) == (4, [{"key": "2"}, {"key": "3"}])
    assert inbox.since(4, 9) == (5, [{"key": "4"}])
    assert inbox.since(5, 9) == (5, [])


class Source:
    """A source over HTTP that can be away, and can damage what it says."""

    def __init__(self) -> None:
        self.inbox = Inbox("key", most=100)
        self.away = self.damages = False

    async def new(self, request: web.Request) -> web.StreamResponse:
        if self.away:
            raise web.HTTPServiceUnavailable
        answer = await self.inbox.new(request)
        if self.damages and isinstance(answer, web.Response) and isinstance(answer.body, bytes):
            assert hashlib.sha256(answer.body).hexdigest() == answer.headers[DIGEST]
            answer.body = answer.body.replace(b"key", b"kez")
        return answer


async def pulled(
    scene: Callable[[Source, Pull], Awaitable[None]],
    refuses: Mapping[str, list[Exception]],
    own: Mapping[str, Any],
) -> tuple[list[str], Pull]:
    """What was passed on in a scene; `refuses` holds what is raised for a key, one after the other."""
    source, done = Source(), []

    async def passed_on(record: dict[str, Any]) -> None:
        if problems := refuses.get(record["key"]):
            raise problems.pop(0)
        done.append(record["key"])

    app = web.Application()
    app.add_routes([web.get("/new", source.new)])
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port = runner.addresses[0][:2]
    async with aiohttp.ClientSession() as session:
        pull = Pull(f"http://{host}:{port}/new", session, passed_on, at_once=4, own=own, schema={"key": str})
        asking = asyncio.create_task(pull.keep_pulling())
        await scene(source, pull)
        asking.cancel()
    await runner.cleanup()
    return sorted(done), pull


async def _settled() -> None:
    await asyncio.sleep(0.3)


async def _away_and_back(source: Source, pull: Pull) -> None:
    source.inbox.add({"key": "a"})
    await _settled()
    source.away = True
    source.inbox.add({"key": "b"})
    await _settled()
    away = pull.away
    source.away = False
    source.inbox.add({"key": "c"})
    await _settled()
    assert (away, pull.away) == (True, False)
    source.inbox.add({"key": "d"})
    await _settled()


async def _plain(source: Source, _: Pull) -> None:
    for key in "abc":
        source.inbox.add({"key": key})
    await asyncio.sleep(0.6)


async def _damaging(source: Source, pull: Pull) -> None:
    source.damages = True
    source.inbox.add({"key": "a"})
    await _settled()
    assert pull.away
    source.damages = False
    await _settled()


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("PAUSE_S", "AGAIN_S", "ALARM_AFTER_S"):
        monkeypatch.setattr(pulling, name, 0.05)


@pytest.mark.parametrize(("own", "passed"), [({}, "abcd"), ({"forgets_position": True}, "ad")])
def test_what_came_while_the_source_was_away_is_made_up_for(own: Mapping[str, Any], passed: str) -> None:
    done, _ = asyncio.run(pulled(_away_and_back, {}, own))
    assert done == list(passed)


@pytest.mark.parametrize(("own", "passed"), [({}, "abc"), ({"tries_once": True}, "ac")])
def test_what_could_not_be_passed_on_is_tried_again(own: Mapping[str, Any], passed: str) -> None:
    done, _ = asyncio.run(pulled(_plain, {"b": [serving.BadGateway("away")] * 2}, own))
    assert done == list(passed)


def test_what_is_refused_for_what_it_is_is_set_aside_and_stops_nothing() -> None:
    done, pull = asyncio.run(pulled(_plain, {"b": [serving.BadRequest("too long")]}, {}))
    assert (done, pull.set_aside) == (["a", "c"], 1)


def test_an_answer_that_was_damaged_on_its_way_is_asked_for_again() -> None:
    done, _ = asyncio.run(pulled(_damaging, {}, {}))
    assert done == ["a"]
