"""How the examples' model servers are switched off, on, and to another version, and say what they serve."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

from aiohttp import web

from seatrial.examples import serving


class Controlled(Protocol):
    """A model server's state. `models` holds a folder for each version that can be activated."""

    online: bool
    models: Path
    own: Mapping[str, Any]

    def activate(self, version: str) -> None:
        """Loads that version. Raises FileNotFoundError."""

    def told(self) -> Mapping[str, Any]:
        """The identity of what is loaded now, as digests of what was read."""


def on_disk(folder: Path) -> dict[str, str]:
    """The files of a version as they stand on the disk: name to the digest of what is there now."""
    return {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(folder.iterdir()) if path.is_file()
    }


def control_routes(state: Controlled) -> list[web.RouteDef]:
    """`/version`, `/versions`, `/status`, `/health`, and under `/admin` the switches."""

    async def version(_: web.Request) -> web.Response:
        return web.json_response(state.told())

    async def versions(_: web.Request) -> web.Response:
        """What could be activated, read from the disk now."""
        return web.json_response({path.name: on_disk(path) for path in sorted(state.models.iterdir())})

    async def status(_: web.Request) -> web.Response:
        return web.json_response({"online": state.online})

    async def switch_off(request: web.Request) -> web.Response:
        state.online = False
        return await status(request)

    async def switch_on(request: web.Request) -> web.Response:
        state.online = True
        return await status(request)

    async def activate(request: web.Request) -> web.Response:
        content = await serving.body(request)
        wanted = content.get("version") if isinstance(content, dict) else None
        known = sorted(path.name for path in state.models.iterdir())
        if wanted not in known:
            return serving.refused(f"the version must be one of {', '.join(known)}")
        await asyncio.sleep(state.own.get("activation_s", 0.0))
        state.activate(wanted)
        return web.json_response({"activated": wanted})

    return [
        web.get("/version", version),
        web.get("/versions", versions),
        web.get("/status", status),
        web.get("/health", status),
        web.post("/admin/offline", switch_off),
        web.post("/admin/online", switch_on),
        web.post("/admin/activate", activate),
    ]
