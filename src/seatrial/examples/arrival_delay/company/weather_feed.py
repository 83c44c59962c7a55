"""The weather feed as a company has it: publishes what it observes to its MQTT broker."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path

from aiohttp import web

from seatrial.examples import serving
from seatrial.examples.arrival_delay.company.servers import MQTT, RUN
from seatrial.examples.arrival_delay.company.weather_topics import keep_publishing
from seatrial.examples.arrival_delay.weather_feed import REPLAY, build


async def _published(app: web.Application) -> AsyncIterator[None]:
    task = asyncio.create_task(keep_publishing(app[REPLAY], os.environ[MQTT], os.environ[RUN]))
    yield
    task.cancel()


def main() -> None:
    """`python -m seatrial.examples.arrival_delay.company.weather_feed DIRECTORY`, with broker and run set."""
    app = build(serving.Settings.of(Path(sys.argv[1]), "weather_feed"))
    app.cleanup_ctx.append(_published)
    serving.serve(app)


if __name__ == "__main__":
    main()
