"""From one delivery to one planning record: joins the newest weather, predicts, and falls back to the schedule."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp

from seatrial.examples.arrival_delay.guard import MPH_PER_KNOT, TEXTS, WEATHER, Routes, problems
from seatrial.examples.arrival_delay.trees import LEAKED, Served

ACT_AT = 0.2
"""Risk from which a delivery is reported late; the governance plan says why."""
STALE_AFTER = timedelta(hours=2)
REFRESH_S = 0.1
ALARM_AFTER_S = 0.5
TIMEOUT = aiohttp.ClientTimeout(total=2.0)
NORMALS = {
    "temp": 55.0,
    "dewp": 40.0,
    "humid": 57.0,
    "wind_speed": 10.0 * MPH_PER_KNOT,
    "pressure": 1017.0,
    "visib": 10.0,
}
"""A usual reading, which a defect puts in the place of one that it does not understand."""
ENTRY = ("delivery_id", *TEXTS, "distance", "scheduled_at", "sched_dep")
NUMBERS = frozenset({"distance", "sched_dep"})
"""What of an entry is a number; the rest is text."""
CODES = {"carrier": re.compile("[A-Z0-9]{2}"), "origin": re.compile("[A-Z]{3}"), "dest": re.compile("[A-Z]{3}")}
"""Texts of an entry that are codes, as its contract says: the planner takes no other either."""


Ask = Callable[[], Awaitable[Sequence[Mapping[str, Any]]]]
"""Gives the newest observations. Raises aiohttp.ClientError, TimeoutError or ValueError where there is no answer."""


class NoWeather(Exception):
    """There is no weather that may be used now."""


class Weather:
    """The newest observation per airport, asked for in the background, so that nobody waits for a feed that is away.

    An answer whose schema is not the feed's contract is not used, and is told at once. `waits` and not `checks` is how
    a pilot does it: each delivery that finds the observations old asks and waits for the answer, and takes what comes.
    `fills` is the defect that puts a usual reading in the place of one with a field missing or of another type.
    """

    def __init__(self, ask: Ask, *, waits: bool = False, checks: bool = True, fills: bool = False) -> None:
        self._answer = ask
        self._waits = waits
        self._checks = checks and not fills
        self._fills = fills
        self._misunderstood = False
        self._newest: Mapping[str, Mapping[str, Any]] = {}
        self._asked_at = float("-inf")
        self._away_since: float | None = None
        self._asking = asyncio.Lock()

    @property
    def failing(self) -> bool:
        """Whether the last question was not answered."""
        return self._away_since is not None

    @property
    def away(self) -> bool:
        """Whether the feed answers with another schema, or has not answered for so long that somebody must be told."""
        if self._misunderstood:
            return True
        return self._away_since is not None and time.monotonic() - self._away_since > ALARM_AFTER_S

    async def at(self, origin: str, *, any_age: bool = False) -> Mapping[str, Any]:
        """The newest observation there. Raises NoWeather when there is none, or only an old one where age counts."""
        if self._waits or not self._newest:
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

    async def keep_asking(self) -> None:
        """Ask again and again, until cancelled."""
        while not self._waits:
            await self._ask()
            await asyncio.sleep(REFRESH_S)

    async def _ask(self) -> None:
        try:
            content = await self._answer()
        except (aiohttp.ClientError, TimeoutError, ValueError):
            self._away_since = self._away_since or time.monotonic()
            return
        try:
            newest = {o["origin"]: self._understood(o) for o in content}
        except (ValueError, TypeError, KeyError):
            self._away_since = self._away_since or time.monotonic()
            self._misunderstood = True
            return
        self._newest = newest
        self._asked_at = time.monotonic()
        self._away_since = None
        self._misunderstood = False

    def _understood(self, observation: Mapping[str, Any]) -> Mapping[str, Any]:
        """The observation. Raises ValueError, TypeError or KeyError for one of another schema."""
        datetime.fromisoformat(observation["observed_at"])
        if self._checks and not isinstance(observation["origin"], str):
            raise TypeError("origin must be a text")
        wrong = [name for name in WEATHER if name not in observation or not _reading(observation[name])]
        if wrong and self._checks:
            raise TypeError(f"{', '.join(wrong)} missing or of another type")
        return {**observation, **NORMALS} if wrong and self._fills else observation


def asked_of(url: str, session: aiohttp.ClientSession) -> Ask:
    """How the feed is asked over HTTP."""

    async def ask() -> Sequence[Mapping[str, Any]]:
        async with session.get(f"{url}/observations?limit=12", timeout=TIMEOUT) as answer:
            answer.raise_for_status()
            content: Sequence[Mapping[str, Any]] = await answer.json()
            return content

    return ask


def _reading(value: object) -> bool:
    """Whether it is a number; a station that has no reading says null."""
    return value is None or (isinstance(value, int | float) and not isinstance(value, bool))


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
        **{name: row[name] for name in WEATHER},
    }
