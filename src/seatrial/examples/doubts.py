"""The button beside each output: who does not trust it says so, and the system that shows it tells somebody."""

from __future__ import annotations

import os

import aiohttp
from aiohttp import web

from seatrial.examples import serving

_PATIENCE = aiohttp.ClientTimeout(total=5.0)


def doubt_routes(settings: serving.Settings, *, key: str, told: str, pager: str) -> list[web.RouteDef]:
    """POST `{<key>, text}` tells a person: `told`, where the settings name nobody else.

    GET and DELETE of one look at it and take it back. `pager` is the variable that holds the pager's address.
    """
    told = settings.own.get("doubts_to", told)
    address = os.environ.get(pager)
    doubts: dict[str, str] = {}

    async def doubt(request: web.Request) -> web.Response:
        content = await serving.body(request)
        if not isinstance(content, dict) or not all(isinstance(content.get(k), str) for k in (key, "text")):
            raise serving.BadRequest(f"expected {key} and text")
        doubts[content[key]] = content["text"]
        if told is not None and address is not None:
            async with (
                aiohttp.ClientSession(timeout=_PATIENCE) as session,
                session.post(f"{address}/message/{told}", json={"text": content["text"]}) as answer,
            ):
                if answer.status != 202:
                    raise serving.BadGateway(f"the pager answered {answer.status}")
        return web.json_response({"taken": True}, status=201)

    async def shown(request: web.Request) -> web.Response:
        return web.json_response({"open": request.match_info["id"] in doubts})

    async def taken_back(request: web.Request) -> web.Response:
        doubts.pop(request.match_info["id"], None)
        return await shown(request)

    return [
        web.post("/doubts", doubt),
        web.get("/doubts/{id}", shown),
        web.delete("/doubts/{id}", taken_back),
    ]
