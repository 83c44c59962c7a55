"""What the four services share: a small JSON server on a free port, which ends when whoever started it ends."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aiohttp import web

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
MOST_BYTES = 8 * 1024 * 1024


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


def refused(message: str, *, status: int = 422, **detail: object) -> web.Response:
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


def application() -> web.Application:
    """An application that answers bad requests with JSON."""
    return web.Application(middlewares=[_clear_errors], client_max_size=MOST_BYTES)


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
