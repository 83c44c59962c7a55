"""The example that ships complete: arrival delay, from New York's flights of 2013."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from seatrial.examples.arrival_delay.company.profile import company
from seatrial.examples.arrival_delay.defects import DEFECTS, celsius, random_split
from seatrial.examples.arrival_delay.prepare import HERE, TABLES, entries, finish
from seatrial.examples.example import Example, Service
from seatrial.examples.running import look, pass_on

MODEL, WEATHER, PLANNER, PAGER = "ARRIVAL_MODEL", "ARRIVAL_WEATHER", "ARRIVAL_PLANNER", "ARRIVAL_PAGER"
WEATHER_LINE, PLANNER_LINE = "ARRIVAL_WEATHER_LINE", "ARRIVAL_PLANNER_LINE"
TRAFFIC = 320
"""Deliveries of the day that pass before anybody looks: there is real traffic to check contracts on."""
READERS = ("u01", "u02", "u05", "u09", "u11")
"""Users who have looked at their list today."""
_ROOM = "seatrial.examples.arrival_delay"


def _traffic(environment: Mapping[str, str], directory: Path) -> None:
    """Sends the newest live deliveries through the pipeline in one list, as the carriers' schedule of the day comes.

    Then planners and shift leads look at their list.
    """
    import pyarrow.parquet as pq

    live = pq.read_table(directory / "data" / "live.parquet")
    pass_on(environment[MODEL], "/deliveries/list", entries(live, TRAFFIC))
    settings = json.loads((directory / "services.json").read_text(encoding="utf-8"))
    for caller in (*READERS, *settings.get("planner", {}).get("also_read_by", ())):
        look(environment[PLANNER], "/warnings?limit=20", caller=caller)


_SERVICES = (
    Service(
        name="weather_feed",
        module=f"{_ROOM}.weather_feed",
        variable=WEATHER,
        title="weather feed",
        line=WEATHER_LINE,
    ),
    Service(name="planner", module=f"{_ROOM}.planner", variable=PLANNER, title="planner", line=PLANNER_LINE, wave=1),
    Service(name="pager", module="seatrial.examples.pager", variable=PAGER, title="pager"),
    Service(name="model_server", module=f"{_ROOM}.model_server", variable=MODEL, title="model server", wave=2),
)

EXAMPLE = Example(
    name="arrival-delay",
    title="Warns the dock planner of late deliveries",
    folder=HERE,
    prefix="ARRIVAL",
    tables=TABLES,
    services=_SERVICES,
    defects=DEFECTS,
    finish=finish,
    traffic=_traffic,
    preparing="training both versions of the model",
    pilot=(random_split, celsius),
    profiles=(company(_SERVICES, planner=PLANNER, passing=TRAFFIC, readers=READERS),),
)
