"""What the examples' services share: a small JSON server on a free port, which ends when whoever started it ends."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TextIO

from aiohttp import web
from aiohttp.typedefs import Middleware

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
CALLER = "X-Caller"
"""Header in which the callers of the examples say who they are, as a login would."""
MOST_BYTES = 8 * 1024 * 1024
REFUSED = 422


@dataclass(frozen=True, slots=True)
class Settings:
    """How one service of a prepared directory behaves, from `services.json`."""

    directory: Path
    own: Mapping[str, Any]

    @classmethod
    def of(cls, directory: Path, service: str) -> Settings:
        """The settings of `service`; empty where the file says nothing."""
        everything = json.loads((directory / "services.json").read_text(encoding="utf-8"))
        return cls(directory, everything.get(service, {}))


class BadRequest(ValueError):
    """The body is not what this address takes."""


class BadGateway(RuntimeError):
    """A service behind this one did not do its part."""


async def body(request: web.Request) -> Any:
    """The body as JSON. Raises BadRequest."""
    try:
        return json.loads(await request.read())
    except ValueError:
        raise BadRequest("the body is no JSON") from None


def refused(message: str, *, status: int = REFUSED, **detail: object) -> web.Response:
    """An answer that says what was wrong with the request."""
    return web.json_response({"error": message, **detail}, status=status)


@web.middleware
async def _clear_errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        return await handler(request)
    except BadRequest as error:
        return refused(str(error))
    except BadGateway as error:
        return refused(str(error), status=502)


def application(*, log: Path | None = None, logged: Sequence[str] = ()) -> web.Application:
    """An application that answers bad requests with JSON.

    It writes who called one of the `logged` paths to `log`, a JSON line each.
    """
    if log is None:
        return web.Application(middlewares=[_clear_errors], client_max_size=MOST_BYTES)
    calls = _Calls(log, frozenset(logged))
    app = web.Application(middlewares=[calls.written, _clear_errors], client_max_size=MOST_BYTES)
    app.cleanup_ctx.append(calls.opened)
    return app


class _Calls:
    """The access log of a service, open while it serves."""

    def __init__(self, log: Path, logged: frozenset[str]) -> None:
        self._log = log
        self._logged = logged
        self._file: TextIO | None = None

    async def opened(self, _: web.Application) -> AsyncIterator[None]:
        """Open as long as the application runs."""
        self._log.parent.mkdir(exist_ok=True)
        with self._log.open("a", encoding="utf-8", buffering=1) as self._file:
            yield
        self._file = None

    @property
    def written(self) -> Middleware:
        """What writes a line for each call."""

        @web.middleware
        async def calls_written(request: web.Request, handler: Handler) -> web.StreamResponse:
            if self._file is not None and request.path in self._logged:
                caller = request.headers.get(CALLER) or request.headers.get("User-Agent", "")
                line = {"at": datetime.now(UTC).isoformat(), "caller": caller, "path": request.path}
                self._file.write(json.dumps(line) + "\n")
            return await handler(request)

        return calls_written


def serve(app: web.Application) -> None:
    """Serves on a free port of this machine, says where on standard output, and ends with its standard input."""
    asyncio.run(_serve(app))


async def _serve(app: web.Application) -> None:
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, backlog=1024)
    await site.start()
    host, port = runner.addresses[0][:2]
    sys.stdout.write(f"http://{host}:{port}\n")
    sys.stdout.flush()
    await asyncio.to_thread(sys.stdin.read)
    await runner.cleanup()


def rows_of(content: object, *, most: int) -> list[dict[str, Any]]:
    """The rows of `{"rows": [{…}, …]}`. Raises BadRequest."""
    rows = content.get("rows") if isinstance(content, dict) else None
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise BadRequest('expected {"rows": [{…}, …]}')
    if not 1 <= len(rows) <= most:
        raise BadRequest(f"expected 1 to {most} rows, found {len(rows)}")
    return rows
