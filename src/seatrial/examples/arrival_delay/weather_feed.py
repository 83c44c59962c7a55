"""The weather feed: the newest hourly observations of three airports. It replays 2013's weather under today's dates."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from aiohttp import web

from seatrial.examples import serving

VERSION = "3.4.0"
HISTORY_HOURS = 120


class Replay:
    """Observations hour by hour. `age` shifts how old they are, `unit` names one that the contract does not know."""

    def __init__(self, hours: Sequence[Sequence[Mapping[str, Any]]], *, age: timedelta, unit: str | None) -> None:
        self._hours = hours
        self._age = age
        self._unit = unit

    def grow_old(self, age: timedelta) -> None:
        """From now on the newest observation is so old."""
        self._age = age

    @classmethod
    def read(cls, path: Path, *, age: timedelta, unit: str | None) -> Replay:
        """From `weather.parquet`, hours in order."""
        import pyarrow.parquet as pq

        by_hour: dict[datetime, list[Mapping[str, Any]]] = {}
        for row in pq.read_table(path).to_pylist():
            by_hour.setdefault(row.pop("observed_at"), []).append(row)
        return cls([by_hour[hour] for hour in sorted(by_hour)], age=age, unit=unit)

    def newest(self, now: datetime, most: int) -> list[dict[str, Any]]:
        """The newest `most` observations as of `now`, oldest first."""
        hour = now.replace(minute=0, second=0, microsecond=0)
        found: list[dict[str, Any]] = []
        for back in range(HISTORY_HOURS):
            at = hour - timedelta(hours=back)
            readings = self._hours[int(at.timestamp() // 3600) % len(self._hours)]
            observed = (at - self._age).isoformat().replace("+00:00", "Z")
            found += [{"observed_at": observed, **self._told(reading)} for reading in readings]
        return found[:most][::-1]

    def _told(self, reading: Mapping[str, Any]) -> Mapping[str, Any]:
        match self._unit:
            case "celsius":
                return {**reading, **{name: round((reading[name] - 32.0) / 1.8, 1) for name in ("temp", "dewp")}}
            case "pascal":
                return {**reading, "pressure": reading["pressure"] * 100.0}
        return reading


REPLAY = web.AppKey("replay", Replay)


def build(settings: serving.Settings) -> web.Application:
    """The feed as an application."""
    replay = Replay.read(
        settings.directory / "data" / "weather.parquet",
        age=timedelta(hours=settings.own.get("age_hours", 0)),
        unit=settings.own.get("unit"),
    )

    async def observations(request: web.Request) -> web.Response:
        most = int(request.query.get("limit", 3 * HISTORY_HOURS))
        return web.json_response(replay.newest(datetime.now(UTC), most))

    async def age(request: web.Request) -> web.Response:
        """POST `{"hours": 9}`: the feed stalls as it would behind a stuck collector, and goes on answering."""
        content = await serving.body(request)
        hours = content.get("hours") if isinstance(content, dict) else None
        if not isinstance(hours, int | float) or isinstance(hours, bool) or hours < 0:
            return serving.refused("hours must be a number of at least 0")
        replay.grow_old(timedelta(hours=hours))
        return web.json_response({"hours": hours})

    async def version(_: web.Request) -> web.Response:
        return web.json_response({"service": "weather-feed", "version": VERSION})

    app = serving.application()
    app[REPLAY] = replay
    app.add_routes(
        [
            web.get("/observations", observations),
            web.post("/admin/age", age),
            web.get("/version", version),
            web.get("/health", version),
        ]
    )
    return app


def main() -> None:
    """`python -m seatrial.examples.arrival_delay.weather_feed DIRECTORY`."""
    serving.serve(build(serving.Settings.of(Path(sys.argv[1]), "weather_feed")))


if __name__ == "__main__":
    main()
