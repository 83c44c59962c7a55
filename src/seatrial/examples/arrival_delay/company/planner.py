"""The dock planner's system as a company has it: takes planning records out of its queue in RabbitMQ."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path

from aiohttp import web

from seatrial.examples import serving
from seatrial.examples.arrival_delay.company.planning_exchange import keep_taking
from seatrial.examples.arrival_delay.company.servers import AMQP, RUN
from seatrial.examples.arrival_delay.planner import application
from seatrial.examples.board import BOARD


async def _taking(app: web.Application) -> AsyncIterator[None]:
    task = asyncio.create_task(keep_taking(app[BOARD], os.environ[AMQP], os.environ[RUN]))
    yield
    task.cancel()


def main() -> None:
    """`python -m seatrial.examples.arrival_delay.company.planner DIRECTORY`, with broker and run set."""
    app = application(Path(sys.argv[1]))
    app.cleanup_ctx.append(_taking)
    serving.serve(app)


if __name__ == "__main__":
    main()
