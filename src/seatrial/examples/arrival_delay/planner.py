"""The dock planner's system: takes one planning record per delivery, and can plan from the schedule alone."""

from __future__ import annotations

import json
import sys
from collections import OrderedDict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from aiohttp import web

from seatrial.examples.arrival_delay import serving

VERSION = "11.2"
MOST_KEPT = 50_000
MODES = ("assisted", "schedule-only")


class Board:
    """The planning records of the day by delivery, newest last."""

    def __init__(self, contract: dict[str, Any]) -> None:
        from jsonschema_rs import validator_for

        self._validator = validator_for(contract)
        self._records: OrderedDict[str, Mapping[str, Any]] = OrderedDict()
        self.mode = MODES[0]

    def take(self, record: object) -> str | None:
        """Keeps the record; or says why it is not taken."""
        for error in self._validator.iter_errors(record):
            place = ".".join(map(str, error.instance_path)) or "the record"
            return f"{place}: {error.message}"
        if not isinstance(record, Mapping):
            return "the record is no object"
        key = record["delivery_id"]
        self._records[key] = record
        self._records.move_to_end(key)
        while len(self._records) > MOST_KEPT:
            self._records.popitem(last=False)
        return None

    def newest(self, most: int) -> list[Mapping[str, Any]]:
        """Oldest of them first."""
        return list(self._records.values())[-most:]

    def of(self, keys: list[str]) -> list[Mapping[str, Any]]:
        """The records of these deliveries; absent ones left out."""
        return [self._records[key] for key in keys if key in self._records]


def build(settings: serving.Settings) -> web.Application:
    """The planner as an application."""
    contract = json.loads((settings.directory / "contracts" / "planner.json").read_text(encoding="utf-8"))
    board = Board(contract)

    async def take(request: web.Request) -> web.Response:
        problem = board.take(await serving.body(request))
        return serving.refused(problem) if problem else web.json_response({"taken": True}, status=201)

    async def listed(request: web.Request) -> web.Response:
        if "value" in request.query:
            return web.json_response(board.of(request.query.getall("value")))
        return web.json_response(board.newest(int(request.query.get("limit", 500))))

    async def status(_: web.Request) -> web.Response:
        return web.json_response({"mode": board.mode})

    async def switch(request: web.Request) -> web.Response:
        wanted = (await serving.body(request)).get("mode")
        if wanted not in MODES:
            return serving.refused(f"the mode must be one of {', '.join(MODES)}")
        board.mode = wanted
        return await status(request)

    async def version(_: web.Request) -> web.Response:
        return web.json_response({"service": "planner", "version": VERSION})

    app = serving.application()
    app.add_routes(
        [
            web.post("/warnings", take),
            web.get("/warnings", listed),
            web.get("/status", status),
            web.post("/mode", switch),
            web.get("/version", version),
            web.get("/health", version),
        ]
    )
    return app


def main() -> None:
    """`python -m seatrial.examples.arrival_delay.planner DIRECTORY`."""
    serving.serve(build(serving.Settings.of(Path(sys.argv[1]), "planner")))


if __name__ == "__main__":
    main()
