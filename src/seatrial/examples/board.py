"""A downstream system of an example: takes one record each, by its contract, and can work without the model."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aiohttp import web

from seatrial.examples import serving
from seatrial.examples.keyed import Keyed

MOST_KEPT = 50_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Downstream:
    """What the system is called, where it takes records, by which contract, and its modes of work, assisted first."""

    service: str
    version: str
    path: str
    key: str
    contract: str
    modes: tuple[str, str]


class Board:
    """The records of the day, each taken only when it keeps the contract."""

    def __init__(self, contract: dict[str, Any], key: str) -> None:
        from jsonschema_rs import validator_for

        self._validator = validator_for(contract)
        self.key = key
        self.records = Keyed(key, most=MOST_KEPT)

    def take(self, record: object) -> str | None:
        """Keeps the record; or says why it is not taken."""
        for error in self._validator.iter_errors(record):
            place = ".".join(map(str, error.instance_path)) or "the record"
            return f"{place}: {error.message}"
        if not isinstance(record, Mapping):
            return "the record is no object"
        self.records.add(record)
        return None


BOARD = web.AppKey("board", Board)


def build(directory: Path, system: Downstream) -> web.Application:
    """The downstream system as an application."""
    contract = json.loads((directory / "contracts" / system.contract).read_text(encoding="utf-8"))
    board = Board(contract, system.key)
    mode = system.modes[0]

    async def take(request: web.Request) -> web.Response:
        problem = board.take(await serving.body(request))
        return serving.refused(problem) if problem else web.json_response({"taken": True}, status=201)

    async def listed(request: web.Request) -> web.Response:
        return board.records.asked(request)

    async def status(_: web.Request) -> web.Response:
        return web.json_response({"mode": mode})

    async def switch(request: web.Request) -> web.Response:
        nonlocal mode
        wanted = (await serving.body(request)).get("mode")
        if wanted not in system.modes:
            return serving.refused(f"the mode must be one of {', '.join(system.modes)}")
        mode = wanted
        return await status(request)

    async def version(_: web.Request) -> web.Response:
        return web.json_response({"service": system.service, "version": system.version})

    app = serving.application(log=directory / "logs" / f"{system.service}.jsonl", logged=[system.path])
    app[BOARD] = board
    app.add_routes(
        [
            web.post(system.path, take),
            web.get(system.path, listed),
            web.get("/status", status),
            web.post("/mode", switch),
            web.get("/version", version),
            web.get("/health", version),
        ]
    )
    return app
