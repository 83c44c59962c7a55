"""The model server: predicts, guards its input, takes deliveries to the planner, and can be switched back or off."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import aiohttp
import numpy as np
from aiohttp import web

from seatrial.examples import serving
from seatrial.examples.arrival_delay.guard import FIELDS, Problem, Routes, problems
from seatrial.examples.arrival_delay.pipeline import (
    ACT_AT,
    CODES,
    ENTRY,
    NUMBERS,
    TIMEOUT,
    Ask,
    Planning,
    Weather,
    asked_of,
    planned,
)
from seatrial.examples.arrival_delay.train import CURRENT
from seatrial.examples.arrival_delay.trees import Floats, Served
from seatrial.examples.connections import CONNECTIONS, write_connections
from seatrial.examples.control import control_routes
from seatrial.examples.keyed import Keyed
from seatrial.examples.pulling import reached

MOST_ROWS = 4096
MOST_DELIVERIES = 20_000


class Serving:
    """The state of the server: which model and encoder are loaded, and whether they may be used."""

    def __init__(self, settings: serving.Settings) -> None:
        self.own = settings.own
        self.models = settings.directory / "models"
        self.routes = Routes.read(settings.directory / "data" / "routes.csv")
        self.served = Served.load(self.models, CURRENT)
        self.online = True
        self.deliveries = Keyed("delivery_id", most=MOST_DELIVERIES)
        self.turn = asyncio.Lock()
        self.cache: dict[str, Floats] = {}
        self.guarded = bool(self.own.get("guard", True))
        self.act_at = float(self.own.get("act_at", ACT_AT))

    def activate(self, version: str) -> None:
        """Loads that version. Raises FileNotFoundError."""
        encoder = self.served.encoder_version if self.own.get("rollback_leaves_encoder") else None
        self.served = Served.load(self.models, version, encoder_version=encoder)

    def told(self) -> Mapping[str, Any]:
        """The identity of model and encoder, as digests of what was read."""
        served = self.served
        return {
            "service": "arrival-delay",
            "version": served.version,
            "model": served.model_digest,
            "encoder": served.encoder_digest,
            "encoder_version": served.encoder_version,
        }

    def wrong(self, rows: Sequence[Mapping[str, Any]]) -> list[Problem]:
        """What the guard says; the defects of a pilot's server switch parts of it off."""
        return problems(rows, self.routes) if self.guarded else []

    async def risks(self, rows: list[dict[str, Any]]) -> Floats:
        """The risk of each row. KeyError on a missing field where no guard stands before."""
        if self.own.get("nulls_become_zero"):
            rows = [{k: 0 if v is None else v for k, v in row.items()} for row in rows]
        await asyncio.sleep(self.own.get("extra_delay_s", 0.0))
        await self.taken_turn()
        risks = self.served.probability(rows)
        if self.own.get("overconfident"):
            risks = np.where(risks >= self.act_at, 1.0 - (1.0 - risks) * 0.3, risks)
        if self.own.get("scaled_over_batch"):
            risks = (risks - risks.min()) / max(float(np.ptp(risks)), 1e-9)
        if self.own.get("cache_forgets_order"):
            known = sorted(json.dumps(row, sort_keys=True) for row in rows)
            risks = self.cache.setdefault("".join(known), risks)
        if self.own.get("last_digit_counts"):
            odd = np.array([round(float(row.get("temp") or 0.0) * 10) % 2 for row in rows], dtype=bool)
            risks = np.where(odd, np.minimum(1.0, risks + 0.3), risks)
        return risks

    async def taken_turn(self) -> None:
        """Waits for the lock that a pilot put around the model; nothing where there is none."""
        if self.own.get("one_at_a_time_s"):
            async with self.turn:
                await asyncio.sleep(self.own["one_at_a_time_s"])


class Source(Protocol):
    """Something that is asked for data."""

    @property
    def away(self) -> bool:
        """Whether somebody must be told that it gives none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Around:
    """What the server works with. `plan` hands a planning record over, or raises BadGateway.

    `background` is what goes on as long as it serves; `sources` are those about which an alarm is raised.
    """

    weather: Weather
    plan: Callable[[Mapping[str, Any]], Awaitable[None]]
    background: Sequence[Callable[[], Awaitable[None]]]
    sources: Mapping[str, Source]


Connect = Callable[[web.Application], AbstractAsyncContextManager[Around]]
STATE = web.AppKey("state", Serving)
AROUND = web.AppKey("around", Around)


async def predict(request: web.Request) -> web.Response:
    """POST `{"rows": [{…}]}`: one `{late, risk}` per row, or 422 with everything that is wrong."""
    state = request.app[STATE]
    rows = serving.rows_of(await serving.body(request), most=MOST_ROWS)
    if not state.online:
        return serving.refused("the model was taken offline", status=503)
    wrong = state.wrong(_as_the_guard_sees(rows, state.own))
    if wrong:
        told = [{"row": p.row, "field": p.field, "message": p.message} for p in wrong[:20]]
        return serving.refused(f"{wrong[0].field} {wrong[0].message} (row {wrong[0].row})", problems=told)
    risks = await state.risks(rows)
    answers = [{"late": int(risk >= state.act_at), "risk": round(float(risk), 6)} for risk in risks]
    return web.json_response({"predictions": answers})


def _as_the_guard_sees(rows: list[dict[str, Any]], own: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The rows, after a defect hid its fault from the guard: a filled null, a row that lacks a field."""
    if own.get("nulls_become_zero"):
        rows = [row for row in rows if all(row.get(field, 0) is not None for field in FIELDS)]
    if own.get("missing_field_crashes"):
        rows = [row for row in rows if all(field in row for field in FIELDS)]
    return rows


async def deliver(request: web.Request) -> web.Response:
    """POST one keyed delivery: its planning record goes to the planner before this answers."""
    return web.json_response(await take_in(request.app, await serving.body(request)), status=201)


async def take_in(app: web.Application, content: object) -> dict[str, Any]:
    """The planning record of one keyed delivery, which the planner has taken. Raises BadRequest and BadGateway."""
    entry = _entry(content, checked=app[STATE].guarded)
    await app[STATE].taken_turn()
    return await _passed_on(app, entry)


async def deliver_all(request: web.Request) -> web.Response:
    """POST a list of keyed deliveries, as the carriers' schedule of the day comes: like each of them alone."""
    content = await serving.body(request)
    if not isinstance(content, list):
        raise serving.BadRequest("expected a list of deliveries")
    entries = [_entry(each, checked=request.app[STATE].guarded) for each in content]
    await request.app[STATE].taken_turn()
    for entry in entries:
        await _passed_on(request.app, entry)
    return web.json_response({"taken": len(entries)}, status=201)


def _entry(content: object, *, checked: bool) -> dict[str, Any]:
    if not isinstance(content, dict):
        raise serving.BadRequest("expected one delivery")
    absent = [field for field in ENTRY if content.get(field) is None]
    if absent or not isinstance(content["delivery_id"], str):
        raise serving.BadRequest(f"{', '.join(absent) or 'delivery_id'} missing or of another type")
    wrong = [field for field in ENTRY if isinstance(content[field], str) == (field in NUMBERS)]
    wrong += [field for field, code in CODES.items() if field not in wrong and not code.fullmatch(content[field])]
    if wrong and checked:
        raise serving.BadRequest(f"{', '.join(wrong)} of another type or no such code")
    return content


async def _passed_on(app: web.Application, entry: dict[str, Any]) -> dict[str, Any]:
    """The delivery's planning record, which the planner has taken. Raises BadGateway."""
    state, around = app[STATE], app[AROUND]
    state.deliveries.add(entry)
    planning = Planning(
        served=state.served if state.online else None,
        weather=around.weather,
        routes=state.routes,
        guarded=state.guarded,
        act_at=state.act_at,
    )
    record = await planned(entry, planning)
    if not (around.weather.failing and state.own.get("drops_without_weather")):
        await around.plan(record)
    return record


async def delivered(request: web.Request) -> web.Response:
    """GET the newest deliveries, or those whose key is a `value`."""
    return request.app[STATE].deliveries.asked(request)


async def alarms(request: web.Request) -> web.Response:
    """GET which sources have not answered for so long that somebody must be told."""
    return web.json_response({name: source.away for name, source in request.app[AROUND].sources.items()})


def weather_from(ask: Ask, state: Serving) -> Weather:
    """The weather as this server uses it; the defects of a pilot's server say how."""
    return Weather(
        ask,
        waits=state.own.get("waits_for_weather", False),
        checks=state.guarded,
        fills=state.own.get("fills_unknown_weather", False),
    )


def over_http(weather_url: str, planner_url: str) -> Connect:
    """The surroundings that are spoken to over HTTP."""

    @asynccontextmanager
    async def connected(app: web.Application) -> AsyncIterator[Around]:
        async with aiohttp.ClientSession(timeout=TIMEOUT, headers={serving.CALLER: "arrival-delay"}) as session:

            async def plan(record: Mapping[str, Any]) -> None:
                try:
                    async with session.post(f"{planner_url}/warnings", json=record) as answer:
                        await answer.read()
                        if answer.status != 201:
                            raise serving.BadGateway(f"the planner answered {answer.status}")
                except (aiohttp.ClientError, TimeoutError):
                    raise serving.BadGateway("the planner did not answer") from None

            weather = weather_from(asked_of(weather_url, session), app[STATE])
            yield Around(weather=weather, plan=plan, background=(weather.keep_asking,), sources={"weather": weather})

    return connected


def build(settings: serving.Settings, connect: Connect) -> web.Application:
    """The server as an application, in the surroundings to which it connects."""

    async def connected(app: web.Application) -> AsyncIterator[None]:
        async with connect(app) as around:
            app[AROUND] = around
            tasks = [asyncio.ensure_future(work()) for work in around.background]
            yield
            for task in tasks:
                task.cancel()

    log = settings.directory / "logs" / "model.jsonl"
    app = serving.application(log=log, logged=("/predict", "/deliveries", "/deliveries/list"))
    app[STATE] = Serving(settings)
    app.cleanup_ctx.append(connected)
    app.add_routes(
        [
            web.post("/predict", predict),
            web.post("/deliveries", deliver),
            web.post("/deliveries/list", deliver_all),
            web.get("/deliveries", delivered),
            web.get("/alarms", alarms),
            *control_routes(app[STATE]),
        ]
    )
    return app


def main() -> None:
    """`python -m seatrial.examples.arrival_delay.model_server DIRECTORY`, with the other services' addresses set."""
    settings = serving.Settings.of(Path(sys.argv[1]), "model_server")
    write_connections(settings.directory / "logs" / CONNECTIONS)
    weather, planner = (reached(name) for name in ("ARRIVAL_WEATHER", "ARRIVAL_PLANNER"))
    serving.serve(build(settings, over_http(weather, planner)))


if __name__ == "__main__":
    main()
