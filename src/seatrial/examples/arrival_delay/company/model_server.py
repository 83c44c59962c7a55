"""The model server as a company has it: works through the ERP's table, hears the weather, publishes to the planner."""

from __future__ import annotations

import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from aiohttp import web

from seatrial.examples import serving
from seatrial.examples.arrival_delay.company.erp import Worklist
from seatrial.examples.arrival_delay.company.planning_exchange import Publisher
from seatrial.examples.arrival_delay.company.servers import AMQP, MQTT, POSTGRES, RUN, led_through
from seatrial.examples.arrival_delay.company.weather_topics import Subscription
from seatrial.examples.arrival_delay.model_server import STATE, Around, build, take_in, weather_from
from seatrial.examples.connections import CONNECTIONS, write_connections
from seatrial.examples.running import LINE


@asynccontextmanager
async def _connected(app: web.Application) -> AsyncIterator[Around]:
    run = os.environ[RUN]
    postgres, mqtt, amqp = (led_through(os.environ[n], os.environ[f"{n}{LINE}"]) for n in (POSTGRES, MQTT, AMQP))
    deliveries = Worklist(postgres, run, lambda content: take_in(app, content))
    async with Subscription.open(mqtt, run) as heard, Publisher.open(amqp, run) as planner:
        weather = weather_from(heard.newest, app[STATE])
        yield Around(
            weather=weather,
            plan=planner.plan,
            background=(weather.keep_asking, deliveries.keep_working),
            sources={"weather": weather, "deliveries": deliveries},
        )


def main() -> None:
    """`python -m seatrial.examples.arrival_delay.company.model_server DIRECTORY`, with servers, lines and run set."""
    settings = serving.Settings.of(Path(sys.argv[1]), "model_server")
    write_connections(settings.directory / "logs" / CONNECTIONS)
    serving.serve(build(settings, _connected))


if __name__ == "__main__":
    main()
