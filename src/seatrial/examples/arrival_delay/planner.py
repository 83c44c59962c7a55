"""The dock planner's system: takes one planning record per delivery, and can plan from the schedule alone."""

from __future__ import annotations

import sys
from pathlib import Path

from aiohttp import web

from seatrial.examples import serving
from seatrial.examples.board import Downstream, build
from seatrial.examples.doubts import doubt_routes

PLANNER = Downstream(
    service="planner",
    version="11.2",
    path="/warnings",
    key="delivery_id",
    contract="planner.json",
    modes=("assisted", "schedule-only"),
)


def application(directory: Path) -> web.Application:
    """The planner's system as an application."""
    settings = serving.Settings.of(directory, PLANNER.service)
    app = build(settings.directory, PLANNER)
    app.add_routes(doubt_routes(settings, key=PLANNER.key, told="olga", pager="ARRIVAL_PAGER"))
    return app


def main() -> None:
    """`python -m seatrial.examples.arrival_delay.planner DIRECTORY`."""
    serving.serve(application(Path(sys.argv[1])))


if __name__ == "__main__":
    main()
