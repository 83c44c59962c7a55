"""The door of a watch: predictions and outcomes come in over HTTP, and what is known goes out as JSON and metrics.

What is answered with 200 is durable. Requests that come at the same time are kept in one transaction, so that many
small ones cost little more than a large one.
"""

from __future__ import annotations

import asyncio
import hmac
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from aiohttp import web

from seatrial.core.errors import Malformed, Refused, SeatrialError
from seatrial.watch.events import Kind, Refusal, WatchEvent, parse, read_events
from seatrial.watch.metrics import exposition
from seatrial.watch.spans import events_of_spans
from seatrial.watch.store import Store, Taken

MOST_BODY = 16 * 1024 * 1024
MOST_HELD = 64 * 1024 * 1024
"""Bytes of bodies that are held at once; who brings more is told to come again."""
MOST_WAIT_S = 30.0
"""So long the end of a body is waited for."""
_FLOOD = '{"error": "more came at once than can be held", "remedy": "Send it again in a second."}'
_UNFINISHED = '{"error": "the end of the request never came", "remedy": "Send it again, whole."}'
_SPOKEN = ("json", "arrow")
_MOST_TOLD = 100
"""Refusals that an answer lists."""
_KINDS = {"predictions": Kind.PREDICTION, "outcomes": Kind.OUTCOME, "heartbeats": Kind.HEARTBEAT, "events": None}


@dataclass(slots=True, kw_only=True)
class _Delivery:
    events: list[WatchEvent]
    refused: list[Refusal]
    done: asyncio.Future[Taken]


class People(Protocol):
    """What declared people may do with alarms. Raises SeatrialError where they may not."""

    def alarms(self, *, everything: bool = False) -> Sequence[Mapping[str, Any]]:
        """The alarms that are not closed, or all."""

    def silences(self) -> Sequence[Mapping[str, Any]]:
        """The silences that hold now."""

    def acknowledge(self, alarm: str, *, person: str) -> Mapping[str, Any]:
        """The person is on it."""

    def close(self, alarm: str, *, person: str) -> Mapping[str, Any]:
        """The person has dealt with it."""

    def silence(self, monitor: str, *, person: str, why: str, for_s: float) -> Mapping[str, Any]:
        """Nobody is paged about the monitor for so long, in seconds."""

    def end_silences(self, monitor: str, *, person: str) -> Sequence[Mapping[str, Any]]:
        """Pages about this monitor go out again."""


class Door:
    """Serves one store. `standing` tells what the watch knows, as JSON; `page` is the page for people."""

    def __init__(
        self,
        store: Store,
        *,
        now: Callable[[], datetime],
        standing: Callable[[], Mapping[str, Any]],
        page: Callable[[], str],
        people: People,
        token: str | None = None,
        bounded: bool = True,
    ) -> None:
        self._store = store
        self._now = now
        self._standing = standing
        self._page = page
        self._people = people
        self._token = token or None
        self._bounded = bounded
        self._waiting: asyncio.Queue[_Delivery] = asyncio.Queue(maxsize=1000)
        self._held = 0
        self._turned_away = 0
        self.arrived = asyncio.Event()
        """Set when something new is in the store."""

    def application(self) -> web.Application:
        """The application; its writer lives as long as it is served."""
        application = web.Application(client_max_size=MOST_BODY, middlewares=[self._guard])
        application.router.add_post("/v1/traces", self._spans)
        for name, kind in _KINDS.items():
            application.router.add_post(f"/v1/{name}", self._taking(kind))
        application.router.add_get("/v1/status", self._status)
        application.router.add_get("/metrics", self._metrics)
        application.router.add_get("/", self._show)
        application.router.add_get("/v1/alarms", self._alarms)
        application.router.add_get("/v1/silences", self._silences)
        for path, deed in (
            ("/v1/alarms/{id}/acknowledge", self._acknowledge),
            ("/v1/alarms/{id}/close", self._close),
            ("/v1/silences", self._silence),
            ("/v1/silences/end", self._end_silences),
        ):
            application.router.add_post(path, self._deed(deed))
        application.cleanup_ctx.append(self._writer)
        return application

    @web.middleware
    async def _guard(self, request: web.Request, handler: Callable[[web.Request], Any]) -> web.StreamResponse:
        origin = request.headers.get("Origin")
        if origin is not None and origin.partition("://")[2] != request.host:
            return web.json_response({"error": "pages of other sites are not heard here"}, status=403)
        if request.method == "POST" and not any(kind in request.content_type for kind in _SPOKEN):
            said = "send application/json, application/x-ndjson or an Arrow stream"
            return web.json_response({"error": said}, status=415)
        if self._token is not None and not self._allowed(request):
            return web.json_response({"error": "a token is needed: Authorization: Bearer …"}, status=401)
        try:
            answer: web.StreamResponse = await handler(request)
        except SeatrialError as error:
            status = next((status for kind, status in _STATUS if isinstance(error, kind)), 503)
            return web.json_response({"error": error.what, "remedy": error.remedy}, status=status)
        return answer

    def _allowed(self, request: web.Request) -> bool:
        given = request.headers.get("Authorization", "").removeprefix("Bearer ").encode()
        return hmac.compare_digest(given, (self._token or "").encode())

    def _taking(self, kind: Kind | None) -> Callable[[web.Request], Any]:
        async def take(request: web.Request) -> web.Response:
            with self._room(request):
                documents = parse(await self._body(request), media_type=request.content_type)
                events, refused = read_events(documents, now=self._now(), kind=kind, bounded=self._bounded)
                return await self._keep(events, refused)

        return take

    async def _spans(self, request: web.Request) -> web.Response:
        with self._room(request):
            documents = events_of_spans(await self._body(request), media_type=request.content_type)
            events, refused = read_events(documents, now=self._now(), bounded=self._bounded)
            return await self._keep(events, refused)

    @contextmanager
    def _room(self, request: web.Request) -> Iterator[None]:
        """Room for a body until it is kept. Raises HTTPServiceUnavailable where there is none now, and counts it."""
        size = MOST_BODY if request.content_length is None else request.content_length
        if self._held and self._held + size > MOST_HELD:
            self._turned_away += 1
            raise web.HTTPServiceUnavailable(text=_FLOOD, headers={"Retry-After": "1"}, content_type="application/json")
        self._held += size
        try:
            yield
        finally:
            self._held -= size

    async def _body(self, request: web.Request) -> bytes:
        """The body. Raises HTTPRequestTimeout for a sender that does not come to its end, and counts it."""
        try:
            return await asyncio.wait_for(request.read(), MOST_WAIT_S)
        except TimeoutError:
            await self._keep([], [Refusal(index=0, code="unfinished", text="its end never came")])
            raise web.HTTPRequestTimeout(
                text=_UNFINISHED, headers={"Connection": "close"}, content_type="application/json"
            ) from None

    async def _keep(self, events: list[WatchEvent], refused: list[Refusal]) -> web.Response:
        delivery = _Delivery(events=events, refused=refused, done=asyncio.get_running_loop().create_future())
        await self._waiting.put(delivery)
        taken = await delivery.done
        told = [{"index": each.index, "code": each.code, "error": each.text} for each in refused[:_MOST_TOLD]]
        return web.json_response(
            {
                "new": taken.new,
                "known": taken.known,
                "contradicting": list(taken.contradicting[:_MOST_TOLD]),
                "refused": len(refused),
                "problems": told,
            },
            status=200 if events or not refused else 422,
        )

    async def _writer(self, _: web.Application) -> Any:
        task = asyncio.create_task(self._write())
        yield
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task

    async def _write(self) -> None:
        while True:
            together = [await self._waiting.get()]
            size = len(together[0].events)
            while size < _MOST_TOGETHER and not self._waiting.empty():
                together.append(self._waiting.get_nowait())
                size += len(together[-1].events)
            if self._turned_away:
                refused = [Refusal(index=0, code="flood", text="too much at once")] * self._turned_away
                self._turned_away = 0
                done = asyncio.get_running_loop().create_future()
                together.append(_Delivery(events=[], refused=refused, done=done))
            await asyncio.to_thread(self._commit, together, asyncio.get_running_loop())
            self.arrived.set()

    def _commit(self, together: list[_Delivery], loop: asyncio.AbstractEventLoop) -> None:
        """All of them in one transaction; where that fails, each alone, so that one harms no other."""
        try:
            taken = self._store.append_all([(d.events, _by_code(d.refused)) for d in together], now=self._now())
        except (SeatrialError, ValueError, TypeError, OverflowError) as error:
            if len(together) > 1:
                for delivery in together:
                    self._commit([delivery], loop)
            elif isinstance(error, SeatrialError):
                loop.call_soon_threadsafe(_failed, together[0].done, error)
            else:
                loop.call_soon_threadsafe(_failed, together[0].done, Malformed(f"it cannot be kept: {error}"))
            return
        for delivery, each in zip(together, taken, strict=True):
            loop.call_soon_threadsafe(_settled, delivery.done, each)

    async def _status(self, _: web.Request) -> web.Response:
        return web.json_response(await asyncio.to_thread(self._standing))

    async def _metrics(self, _: web.Request) -> web.Response:
        text = exposition(await asyncio.to_thread(self._standing))
        return web.Response(text=text, content_type="text/plain", charset="utf-8")

    async def _alarms(self, request: web.Request) -> web.Response:
        everything = request.query.get("all", "") not in ("", "0")
        found = await asyncio.to_thread(self._people.alarms, everything=everything)
        return web.json_response({"alarms": [dict(alarm) for alarm in found]})

    async def _silences(self, _: web.Request) -> web.Response:
        found = await asyncio.to_thread(self._people.silences)
        return web.json_response({"silences": [dict(silence) for silence in found]})

    def _deed(
        self, do: Callable[[str, str, Mapping[str, Any]], Mapping[str, Any]]
    ) -> Callable[[web.Request], Awaitable[web.Response]]:
        async def act(request: web.Request) -> web.Response:
            if self._token is None:
                raise Refused(
                    "without a token nobody over HTTP is known to speak for a person",
                    remedy="Declare watch.token, or use `seatrial alarms`.",
                )
            said = next(parse(await request.read(), media_type="application/json"), None)
            if not isinstance(said, Mapping) or not isinstance(said.get("person"), str):
                raise Malformed("it is not told who does this", remedy='Send {"person": "…"}, an id under people.')
            done = await asyncio.to_thread(do, request.match_info.get("id", ""), said["person"], said)
            return web.json_response(dict(done))

        return act

    def _acknowledge(self, alarm: str, person: str, _: Mapping[str, Any]) -> Mapping[str, Any]:
        return self._people.acknowledge(alarm, person=person)

    def _close(self, alarm: str, person: str, _: Mapping[str, Any]) -> Mapping[str, Any]:
        return self._people.close(alarm, person=person)

    def _silence(self, _: str, person: str, said: Mapping[str, Any]) -> Mapping[str, Any]:
        for_s = said.get("for_s")
        if not isinstance(for_s, int | float) or isinstance(for_s, bool):
            raise Malformed("it is not told for how long", remedy="Send for_s, a number of seconds.")
        monitor, why = str(said.get("monitor", "")), str(said.get("why", ""))
        return self._people.silence(monitor, person=person, why=why, for_s=float(for_s))

    def _end_silences(self, _: str, person: str, said: Mapping[str, Any]) -> Mapping[str, Any]:
        ended = self._people.end_silences(str(said.get("monitor", "")), person=person)
        return {"ended": [dict(each) for each in ended]}

    async def _show(self, _: web.Request) -> web.Response:
        return web.Response(text=await asyncio.to_thread(self._page), content_type="text/html")


_MOST_TOGETHER = 20_000
_STATUS = ((Malformed, 400), (Refused, 409))


def _settled(done: asyncio.Future[Taken], taken: Taken) -> None:
    if not done.done():
        done.set_result(taken)


def _failed(done: asyncio.Future[Taken], error: SeatrialError) -> None:
    if not done.done():
        done.set_exception(error)


def _by_code(refused: list[Refusal]) -> dict[str, int]:
    found: dict[str, int] = {}
    for each in refused:
        found[f"refused {each.code}"] = found.get(f"refused {each.code}", 0) + 1
    return found
