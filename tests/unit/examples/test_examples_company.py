"""The arrival-delay example among a company's servers: PostgreSQL, an MQTT broker and RabbitMQ, as they really are."""

from __future__ import annotations

import asyncio
import threading
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aio_pika
import psycopg
import pytest
from aio_pika.exceptions import ChannelNotFoundEntity

from plants import brokers
from plants.databases import server
from seatrial.app.demo import Demo
from seatrial.core.events import CheckFinished, Event, StageFinished
from seatrial.core.vocabulary import Outcome
from seatrial.examples.arrival_delay.company.profile import STATIONS
from seatrial.examples.arrival_delay.company.servers import AMQP, MQTT, POSTGRES, RUN, Servers
from seatrial.examples.arrival_delay.company.weather_topics import Subscription, client_of
from seatrial.examples.arrival_delay.weather_feed import Replay
from seatrial.gate.verdict import Assessment

pytestmark = pytest.mark.slow

CHECKED = (
    "integration.contracts",
    "integration.versions",
    "integration.combined-load",
    "integration.format",
    "data.freshness",
    "data.interruption",
)


@pytest.fixture(autouse=True)
def named(monkeypatch: pytest.MonkeyPatch) -> None:
    """The servers of the tests. Skips where one is not there."""
    url, engine = server("postgresql")
    engine.dispose()
    with brokers.mqtt() as mqtt, brokers.amqp() as amqp:
        for variable, address in ((POSTGRES, url), (MQTT, mqtt), (AMQP, amqp)):
            monkeypatch.setenv(variable, address)


def run(demo: Demo, only: tuple[str, ...]) -> dict[str, Assessment]:
    """What the executed checks led to; no stage may have a problem."""
    return judged(demo, list(demo.events(only)))


def judged(demo: Demo, events: list[Event]) -> dict[str, Assessment]:
    assert [e.problem for e in events if isinstance(e, StageFinished) and e.problem] == []
    checked = {e.requirement for e in events if isinstance(e, CheckFinished)}
    return {a.id: a for a in demo.verdict().requirements if a.id in checked}


@pytest.mark.timed
def test_the_ready_company_profile_has_the_outcomes_of_the_embedded_one(ready: Path, tmp_path: Path) -> None:
    demo = Demo(tmp_path / "ready", profile="company", ready=True, trained=ready)
    found = run(demo, CHECKED)
    assert {id_: (a.outcome, a.reason) for id_, a in found.items() if a.outcome is not Outcome.MET} == {}
    assert set(found) == set(CHECKED)
    name = demo.workspace.environment[RUN]
    assert left_in_postgres(name) == []
    assert asyncio.run(left_in_rabbitmq(name)) == []
    assert left_at_mqtt(name) == []


def test_celsius_in_the_weather_topics_is_caught_by_the_format_check(ready: Path, tmp_path: Path) -> None:
    demo = Demo(tmp_path / "celsius", profile="company", defect="celsius", trained=ready)
    events: list[Event] = []
    for event in demo.events(("integration.format",)):
        if isinstance(event, StageFinished) and event.stage == "paperwork":
            assert asyncio.run(published(demo.workspace.environment[RUN])) == in_celsius(ready)
        events.append(event)
    found = judged(demo, events)["integration.format"]
    assert found.outcome is Outcome.NOT_MET
    assert any({"temp", "dewp"} & set(finding.fields) for finding in found.findings)


async def published(name: str) -> dict[str, float]:
    """The temperature that each station's topic holds."""
    async with Subscription.open(Servers.named().mqtt, name) as heard:
        told: dict[str, float] = {}
        while len(told) < len(STATIONS):
            told = {each["origin"]: each["temp"] for each in await heard.newest()}
    return told


def in_celsius(ready: Path) -> dict[str, float]:
    """The newest temperature of each station in °C, from the table that the feed replays."""
    replay = Replay.read(ready / "data" / "weather.parquet", age=timedelta(0), unit=None)
    newest = {str(each["origin"]): each["temp"] for each in replay.newest(datetime.now(UTC), 12)}
    return {station: round((temp - 32.0) / 1.8, 1) for station, temp in newest.items()}


def left_in_postgres(name: str) -> list[str]:
    with psycopg.connect(Servers.named().postgres) as connection:
        found = connection.execute("SELECT nspname FROM pg_namespace WHERE nspname = %s", [name])
        return [row[0] for row in found]


async def left_in_rabbitmq(name: str) -> list[str]:
    """The exchange or the queue of that run, where it is still there."""
    left: list[str] = []
    async with await aio_pika.connect(Servers.named().amqp) as connection:
        with suppress(ChannelNotFoundEntity):
            await (await connection.channel()).get_exchange(name)
            left.append(name)
        with suppress(ChannelNotFoundEntity):
            await (await connection.channel()).get_queue(f"{name}.planner")
            left.append(f"{name}.planner")
    return left


def left_at_mqtt(name: str) -> list[str]:
    """The topics of that run under which something is retained."""
    kept: list[str] = []
    done = threading.Event()
    ended = f"{name}/looked"
    client, host, port = client_of(Servers.named().mqtt)

    def heard(_client: object, _user: object, message: Any) -> None:
        if message.topic == ended:
            done.set()
        else:
            kept.append(message.topic)

    def connected(*_: object) -> None:
        client.subscribe(f"{name}/#")

    def subscribed(*_: object) -> None:
        # What is retained comes with the subscription, and so before this.
        client.publish(ended, b"x")

    client.on_message = heard
    client.on_connect = connected
    client.on_subscribe = subscribed
    client.connect(host, port)
    client.loop_start()
    try:
        assert done.wait(5.0)
    finally:
        client.disconnect()
        client.loop_stop()
    return kept
