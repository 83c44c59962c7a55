"""The example among a company's servers: PostgreSQL as ERP, MQTT for the weather, RabbitMQ to the planner."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from seatrial.examples.arrival_delay.company import erp, planning_exchange, weather_topics
from seatrial.examples.arrival_delay.company.servers import AMQP, MQTT, POSTGRES, RUN, Servers, demand, user_of
from seatrial.examples.arrival_delay.prepare import HERE, entries
from seatrial.examples.draft import SYSTEM, Draft
from seatrial.examples.example import Profile, Service
from seatrial.examples.running import LINE, free_line, look, wait_for

STATIONS = ("EWR", "JFK", "LGA")
_ROOM = "seatrial.examples.arrival_delay.company"
_ALARM = """\
      deliveries:
        within: 2s
        alarm:
          name: The pipeline says that it gets no deliveries
          kind: http
          with: {url: "${ARRIVAL_MODEL}/alarms", expect: {json: {deliveries: true}}}
          deadline: 1s
"""
_AFTER_ALARM = "  faults:\n    tolerance:"
_CATCH_UP, _CATCH_UP_HERE = "    catch_up: 2s\n", "    catch_up: 4s        # the deliveries wait in the ERP meanwhile\n"
_PIPELINE = "    arrival-delay: The pipeline itself, which writes its warnings to the planner's system.\n"


def _plant(draft: Draft) -> None:
    """The system file with other integrations; what the pipeline asks for can be taken away, and its alarm be seen."""
    text = draft.texts[SYSTEM]
    start, end = text.index("integrations:\n"), text.index("\nflows:\n")
    block = (HERE / "files" / "company" / "integrations.yaml").read_text(encoding="utf-8")
    draft.replace(SYSTEM, text[start:end], block)
    if "  interruption:\n" in text:
        draft.replace(SYSTEM, _AFTER_ALARM, f"{_ALARM}{_AFTER_ALARM}")
        draft.replace(SYSTEM, _CATCH_UP, _CATCH_UP_HERE)
    if _PIPELINE in text:
        user = user_of(Servers.named().postgres)
        named = f'    "{user}/{erp.CLIENT}": The pipeline itself, which reads the deliveries in the ERP\'s database.\n'
        draft.replace(SYSTEM, _PIPELINE, named)


@contextmanager
def _around() -> Iterator[Mapping[str, str]]:
    demand()
    servers = Servers.named()
    run = f"arrival_{secrets.token_hex(4)}"
    with (
        erp.schema(servers.postgres, run),
        planning_exchange.exchange(servers.amqp, run),
        weather_topics.cleared(servers.mqtt, run, STATIONS),
    ):
        lines = {f"{name}{LINE}": free_line() for name in (POSTGRES, MQTT, AMQP)}
        yield {**servers.environment, RUN: run, **lines}


def company(services: tuple[Service, ...], *, planner: str, passing: int, readers: tuple[str, ...]) -> Profile:
    """The profile, from the embedded one's services. `passing` deliveries pass before `readers` look at `planner`."""
    ours = {name: f"{_ROOM}.{name}" for name in ("weather_feed", "planner", "model_server")}

    def traffic(environment: Mapping[str, str], directory: Path) -> None:
        """Writes the newest live deliveries into the ERP, and waits until they are planned."""
        import pyarrow.parquet as pq

        live = pq.read_table(directory / "data" / "live.parquet")
        erp.put(environment[POSTGRES], environment[RUN], entries(live, passing))
        wait_for(environment[planner], "/warnings", passing)
        settings = json.loads((directory / "services.json").read_text(encoding="utf-8"))
        for caller in (*readers, *settings.get("planner", {}).get("also_read_by", ())):
            look(environment[planner], "/warnings?limit=20", caller=caller)

    return Profile(
        name="company",
        services=tuple(replace(s, module=ours.get(s.name, s.module), line="") for s in services),
        plant=_plant,
        demanded=demand,
        around=_around,
        traffic=traffic,
        extra="amqp,mqtt,postgres",
        modules=("aio_pika", "paho", "psycopg"),
    )
