"""From one delivery to one planning record: joins the newest weather, predicts, and falls back to the schedule."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp

from seatrial.examples.arrival_delay.guard import TEXTS, WEATHER, Routes, problems
from seatrial.examples.arrival_delay.trees import LEAKED, Served

ACT_AT = 0.2
"""Risk from which a delivery is reported late; the governance plan says why."""
STALE_AFTER = timedelta(hours=2)
REFRESH_S = 10.0
TIMEOUT = aiohttp.ClientTimeout(total=2.0)
ENTRY = ("delivery_id", *TEXTS, "distance", "scheduled_at", "sched_dep")


class NoWeather(Exception):
    """There is no weather that may be used now."""


class Weather:
    """The newest observation per airport, asked for at most every ten seconds."""

    def __init__(self, url: str, session: aiohttp.ClientSession) -> None:
        self._url = url
        self._session = session
        self._newest: Mapping[str, Mapping[str, Any]] = {}
        self._asked_at = float("-inf")
        self._asking = asyncio.Lock()

    async def at(self, origin: str, *, any_age: bool = False) -> Mapping[str, Any]:
        """The newest observation there. Raises NoWeather when there is none, or only an old one where age counts."""
        async with self._asking:
            if time.monotonic() - self._asked_at > REFRESH_S:
                await self._ask()
        observation = self._newest.get(origin)
        if observation is None:
            raise NoWeather(f"no observation for {origin}")
        age = datetime.now(UTC) - datetime.fromisoformat(observation["observed_at"])
        if age > STALE_AFTER and not any_age:
            raise NoWeather(f"the newest observation for {origin} is older than two hours")
        return observation

    async def _ask(self) -> None:
        try:
            async with self._session.get(f"{self._url}/observations?limit=12", timeout=TIMEOUT) as answer:
                answer.raise_for_status()
                observations = await answer.json()
        except (aiohttp.ClientError, TimeoutError):
            return
        self._newest = {o["origin"]: o for o in observations}
        self._asked_at = time.monotonic()


class Deliveries:
    """What entered the pipeline, newest last, by key; an entry that comes twice is kept once."""

    def __init__(self, most: int = 20_000) -> None:
        self._entries: OrderedDict[str, Mapping[str, Any]] = OrderedDict()
        self._most = most

    def add(self, entry: Mapping[str, Any]) -> None:
        """Keep it."""
        self._entries[entry["delivery_id"]] = entry
        while len(self._entries) > self._most:
            self._entries.popitem(last=False)

    def newest(self, most: int) -> list[Mapping[str, Any]]:
        """Oldest of them first."""
        return list(self._entries.values())[-most:]

    def of(self, keys: list[str]) -> list[Mapping[str, Any]]:
        """The entries with these keys; absent ones left out."""
        return [self._entries[key] for key in keys if key in self._entries]


@dataclass(frozen=True, slots=True, kw_only=True)
class Planning:
    """What a planning record is made with. `served` is None while the model is offline."""

    served: Served | None
    weather: Weather
    routes: Routes
    guarded: bool
    act_at: float


async def planned(entry: Mapping[str, Any], planning: Planning) -> dict[str, Any]:
    """The planning record of a delivery. Without a usable model or weather it says `schedule`, and no risk."""
    record = {
        "delivery_id": entry["delivery_id"],
        "scheduled_at": entry["scheduled_at"],
        "dest": entry["dest"],
        "planned_at": datetime.now(UTC).isoformat().replace("+00:00", "Z"),
        "source": "schedule",
        "late": 0,
        "risk": None,
        "version": None,
    }
    served = planning.served
    if served is None:
        return record | {"note": "the model is offline"}
    try:
        observation = await planning.weather.at(entry["origin"], any_age=not planning.guarded)
    except NoWeather as error:
        return record | {"note": str(error)}
    # What is only known after departure is not known here, even to a model that was trained with it.
    row = {LEAKED: None, **entry, **{name: observation.get(name) for name in WEATHER}}
    wrong = problems([row], planning.routes) if planning.guarded else []
    if wrong:
        return record | {"note": f"{wrong[0].field} {wrong[0].message}"}
    risk = float(served.probability([row])[0])
    return record | {
        "source": "model",
        "late": int(risk >= planning.act_at),
        "risk": round(risk, 6),
        "version": served.version,
    }
