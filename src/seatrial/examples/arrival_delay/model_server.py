"""The model server: predicts, guards its input, takes deliveries to the planner, and can be switched back or off."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp import web

from seatrial.examples.arrival_delay import serving
from seatrial.examples.arrival_delay.guard import FIELDS, Problem, Routes, problems
from seatrial.examples.arrival_delay.pipeline import ACT_AT, ENTRY, TIMEOUT, Deliveries, Planning, Weather, planned
from seatrial.examples.arrival_delay.train import CURRENT
from seatrial.examples.arrival_delay.trees import Floats, Served

MOST_ROWS = 4096


class Serving:
    """The state of the server: which model and encoder are loaded, and whether they may be used."""

    def __init__(self, settings: serving.Settings) -> None:
        self.own = settings.own
        self.models = settings.directory / "models"
        self.routes = Routes.read(settings.directory / "data" / "routes.csv")
        self.served = Served.load(self.models, CURRENT)
        self.online = True
        self.deliveries = Deliveries()
        self.turn = asyncio.Lock()
        self.guarded = bool(self.own.get("guard", True))
        self.act_at = float(self.own.get("act_at", ACT_AT))

    def activate(self, version: str) -> None:
        """Loads that version. Raises FileNotFoundError."""
        encoder = self.served.encoder_version if self.own.get("rollback_leaves_encoder") else None
        self.served = Served.load(self.models, version, encoder_version=encoder)

    def wrong(self, rows: Sequence[Mapping[str, Any]]) -> list[Problem]:
        """What the guard says; the defects of a pilot's server switch parts of it off."""
        return problems(rows, self.routes) if self.guarded else []

    async def risks(self, rows: list[dict[str, Any]]) -> Floats:
        """The risk of each row. KeyError on a missing field where no guard stands before."""
        if self.own.get("nulls_become_zero"):
            rows = [{k: 0 if v is None else v for k, v in row.items()} for row in rows]
        await asyncio.sleep(self.own.get("extra_delay_s", 0.0))
        await self.taken_turn()
        return self.served.probability(rows)

    async def taken_turn(self) -> None:
        """Waits for the lock that a pilot put around the model; nothing where there is none."""
        if self.own.get("one_at_a_time_s"):
            async with self.turn:
                await asyncio.sleep(self.own["one_at_a_time_s"])


STATE = web.AppKey("state", Serving)


async def predict(request: web.Request) -> web.Response:
    """POST `{"rows": [{…}]}`: one `{late, risk}` per row, or 422 with everything that is wrong."""
    state = request.app[STATE]
    rows = _rows(await serving.body(request))
    if not state.online:
        return serving.refused("the model was taken offline", status=503)
    wrong = state.wrong(_as_the_guard_sees(rows, state.own))
    if wrong:
        told = [{"row": p.row, "field": p.field, "message": p.message} for p in wrong[:20]]
        return serving.refused(f"{wrong[0].field} {wrong[0].message} (row {wrong[0].row})", problems=told)
    risks = await state.risks(rows)
    answers = [{"late": int(risk >= state.act_at), "risk": round(float(risk), 6)} for risk in risks]
    return web.json_response({"predictions": answers})


def _rows(content: object) -> list[dict[str, Any]]:
    rows = content.get("rows") if isinstance(content, dict) else None
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise serving.BadRequest('expected {"rows": [{…}, …]}')
    if not 1 <= len(rows) <= MOST_ROWS:
        raise serving.BadRequest(f"expected 1 to {MOST_ROWS} rows, found {len(rows)}")
    return rows


def _as_the_guard_sees(rows: list[dict[str, Any]], own: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The rows, after a defect hid its fault from the guard: a filled null, a row that lacks a field."""
    if own.get("nulls_become_zero"):
        rows = [row for row in rows if all(row.get(field, 0) is not None for field in FIELDS)]
    if own.get("missing_field_crashes"):
        rows = [row for row in rows if all(field in row for field in FIELDS)]
    return rows


async def deliver(request: web.Request) -> web.Response:
    """POST one keyed delivery: its planning record goes to the planner before this answers."""
    entry = _entry(await serving.body(request))
    await request.app[STATE].taken_turn()
    return web.json_response(await _passed_on(request.app, entry), status=201)


async def deliver_all(request: web.Request) -> web.Response:
    """POST a list of keyed deliveries, as the carriers' schedule of the day comes: like each of them alone."""
    content = await serving.body(request)
    if not isinstance(content, list):
        raise serving.BadRequest("expected a list of deliveries")
    entries = [_entry(each) for each in content]
    await request.app[STATE].taken_turn()
    for entry in entries:
        await _passed_on(request.app, entry)
    return web.json_response({"taken": len(entries)}, status=201)


def _entry(content: object) -> dict[str, Any]:
    if not isinstance(content, dict):
        raise serving.BadRequest("expected one delivery")
    absent = [field for field in ENTRY if content.get(field) is None]
    if absent or not isinstance(content["delivery_id"], str):
        raise serving.BadRequest(f"{', '.join(absent) or 'delivery_id'} missing or of another type")
    return content


async def _passed_on(app: web.Application, entry: dict[str, Any]) -> dict[str, Any]:
    """The delivery's planning record, which the planner has taken. Raises BadGateway."""
    state = app[STATE]
    state.deliveries.add(entry)
    planning = Planning(
        served=state.served if state.online else None,
        weather=app[WEATHER],
        routes=state.routes,
        guarded=state.guarded,
        act_at=state.act_at,
    )
    record = await planned(entry, planning)
    try:
        async with app[SESSION].post(f"{app[PLANNER]}/warnings", json=record) as answer:
            await answer.read()
            if answer.status != 201:
                raise serving.BadGateway(f"the planner answered {answer.status}")
    except (aiohttp.ClientError, TimeoutError):
        raise serving.BadGateway("the planner did not answer") from None
    return record


async def delivered(request: web.Request) -> web.Response:
    """GET the newest deliveries, or those whose key is a `value`."""
    deliveries = request.app[STATE].deliveries
    if "value" in request.query:
        return web.json_response(deliveries.of(request.query.getall("value")))
    return web.json_response(deliveries.newest(int(request.query.get("limit", 500))))


async def version(request: web.Request) -> web.Response:
    """GET what is loaded now: the identity of model and encoder, as digests of what was read."""
    served = request.app[STATE].served
    return web.json_response(
        {
            "service": "arrival-delay",
            "version": served.version,
            "model": served.model_digest,
            "encoder": served.encoder_digest,
            "encoder_version": served.encoder_version,
        }
    )


async def status(request: web.Request) -> web.Response:
    """GET whether the model may be used."""
    return web.json_response({"online": request.app[STATE].online})


async def switch_off(request: web.Request) -> web.Response:
    """POST: from now on nothing is predicted, and planning records come from the schedule."""
    request.app[STATE].online = False
    return await status(request)


async def switch_on(request: web.Request) -> web.Response:
    """POST: the model may be used again."""
    request.app[STATE].online = True
    return await status(request)


async def activate(request: web.Request) -> web.Response:
    """POST `{"version": …}`: loads that version's model and encoder."""
    state, content = request.app[STATE], await serving.body(request)
    wanted = content.get("version") if isinstance(content, dict) else None
    known = sorted(path.name for path in state.models.iterdir())
    if wanted not in known:
        return serving.refused(f"the version must be one of {', '.join(known)}")
    await asyncio.sleep(state.own.get("activation_s", 0.0))
    state.activate(wanted)
    return web.json_response({"activated": wanted})


SESSION = web.AppKey("session", aiohttp.ClientSession)
WEATHER = web.AppKey("weather", Weather)
PLANNER = web.AppKey("planner", str)


def build(settings: serving.Settings, *, weather_url: str, planner_url: str) -> web.Application:
    """The server as an application."""

    async def connected(app: web.Application) -> AsyncIterator[None]:
        async with aiohttp.ClientSession(timeout=TIMEOUT) as session:
            app[SESSION] = session
            app[WEATHER] = Weather(weather_url, session)
            yield

    app = serving.application()
    app[STATE] = Serving(settings)
    app[PLANNER] = planner_url
    app.cleanup_ctx.append(connected)
    app.add_routes(
        [
            web.post("/predict", predict),
            web.post("/deliveries", deliver),
            web.post("/deliveries/list", deliver_all),
            web.get("/deliveries", delivered),
            web.get("/version", version),
            web.get("/status", status),
            web.get("/health", status),
            web.post("/admin/offline", switch_off),
            web.post("/admin/online", switch_on),
            web.post("/admin/activate", activate),
        ]
    )
    return app


def main() -> None:
    """`python -m seatrial.examples.arrival_delay.model_server DIRECTORY`, with the other services' addresses set."""
    settings = serving.Settings.of(Path(sys.argv[1]), "model_server")
    app = build(settings, weather_url=os.environ["ARRIVAL_WEATHER"], planner_url=os.environ["ARRIVAL_PLANNER"])
    serving.serve(app)


if __name__ == "__main__":
    main()
