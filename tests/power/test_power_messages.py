"""Flows over brokers and webhooks: what the pipeline between them loses, doubles or alters is counted as it is."""

from __future__ import annotations

import itertools
import json
import math
import secrets
import threading
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from plants import brokers
from plants.pipeline_server import delivery
from plants.real_trial import RealTrial, codes, judged, observed
from plants.relay import Relay
from plants.server import Asked, Said, Server, said, unused_port, unused_url
from seatrial.core.disturbing import LineMode
from seatrial.core.vocabulary import Criticality, Outcome
from seatrial.domains.flows.accounts import Account, account
from seatrial.domains.flows.disturbing import Disturbance, planned
from seatrial.domains.flows.driving import drive
from seatrial.domains.flows.lanes import lane_of
from seatrial.domains.flows.marking import marker
from seatrial.domains.integration.combined_load import CHECK
from seatrial.spec.policy import short_demo
from seatrial.spec.system import System

RECORDS = "".join(f"{json.dumps(delivery(at))}\n" for at in range(30)).encode()
PEAK = 120.0
pytestmark = [pytest.mark.slow, pytest.mark.timed]


class World:
    """Two brokers, the pipeline between them, and somebody else who takes what comes out."""

    def __init__(self, mqtt: str, amqp: str, peer: brokers.AmqpPeer, **faults: int) -> None:
        name = secrets.token_hex(6)
        self.topic, self.key = f"seatrial/power/{name}", f"power.{name}"
        self.client = f"relay-{name}"
        self.line = f"127.0.0.1:{unused_port()}"
        self._peer = peer
        self._queue = peer.queue(f"seatrial-power-{name}", exchange="amq.topic", key=self.key, own=True)
        self._settings = [
            *("--mqtt", mqtt, "--amqp", amqp, "--topic", self.topic, "--exchange", "amq.topic"),
            *("--key", self.key, "--name", self.client),
            *(part for fault, every in faults.items() for part in (f"--{fault}", str(every))),
        ]
        model = {"endpoint": "http://127.0.0.1:1/predict", "task": "binary"}
        sensors = {"kind": "mqtt", "topic": self.topic, "test": {"url": mqtt, "writable": True, "via": self.line}}
        planner = {"kind": "amqp", "direction": "out"}
        planner["test"] = {"url": amqp, "exchange": "amq.topic", "routing_key": self.key}  # type: ignore[assignment]
        flow = {"name": "warn", "in": "sensors", "out": "planner", "key": "id", "within": "2s", "peak": f"{PEAK:g}/s"}
        policy = short_demo(Criticality.OPERATIONAL).model_copy(update={"flow_duration": 3.0})
        self.system = System.model_validate(
            {
                "system": "dock-delay",
                "version": "1",
                "model": model,
                "integrations": {"sensors": sensors, "planner": planner},
                "flows": [{**flow, "records": "records.jsonl", "expect": {"dock": "dock", "temp": "temp"}}],
            }
        ).model_copy(update={"policy": policy})

    def relay(self, *, through_line: bool = False) -> Relay:
        """The pipeline; where it goes through the line, the line must stand before."""
        settings = list(self._settings)
        if through_line:
            settings[settings.index("--mqtt") + 1] = f"mqtt://{self.line}"
        return Relay(*settings)

    def taken(self) -> Counter[str]:
        """How often each record really came out, as somebody else counts it."""
        return Counter(json.loads(message.body)["id"] for message in self._peer.drained(self._queue))


@contextmanager
def world(**faults: int) -> Iterator[World]:
    with brokers.mqtt() as mqtt, brokers.amqp() as amqp, brokers.AmqpPeer(amqp) as peer:
        made = World(mqtt, amqp, peer, **faults)
        try:
            yield made
        finally:
            brokers.forget(mqtt, made.client)


def counted(observation: Any, what: str) -> float:
    (measure,) = (m for m in observation.measures if m.name == f"number of records of warn {what}")
    return measure.value if measure.value is not None else math.nan


def test_a_sound_pipeline_between_brokers_passes() -> None:
    with world() as made, made.relay(), RealTrial(made.system, files={"records.jsonl": RECORDS}) as trial:
        observation = observed(CHECK, made.system, trial)
        taken = made.taken()
    assert judged(CHECK, made.system, observation).outcome is Outcome.MET, observation
    assert set(taken.values()) == {1}


def test_what_is_lost_doubled_and_altered_between_brokers_is_counted_as_it_is() -> None:
    with (
        world(lose=31, twice=23, alter=29) as made,
        made.relay(),
        RealTrial(made.system, files={"records.jsonl": RECORDS}) as trial,
    ):
        observation = observed(CHECK, made.system, trial)
        taken = made.taken()
    assert judged(CHECK, made.system, observation).outcome is Outcome.NOT_MET
    assert codes(observation) >= {"records-lost", "records-doubled", "records-altered"}
    n = observation.measures[0].n or 0
    together = {key: count for key, count in taken.items() if "-b0-" in key}
    assert counted(observation, "lost") == n - len(together) > 0
    assert counted(observation, "doubled") == sum(count > 1 for count in together.values()) > 0
    assert counted(observation, "altered") == pytest.approx(n / 29, abs=2)


def driven(made: World, trial: RealTrial, *, duration_s: float, longer_s: float = 10.0) -> Account:
    flow = made.system.flows[0]
    # Behind a restart what waited is caught up with: it is late, and looked for as long as that takes.
    passages, _ = drive(
        trial, [lane_of(trial, flow, marker(trial), duration_s)], duration_s=duration_s, longer_s=longer_s
    )
    return account(passages["warn"])


def agrees(found: Account, taken: Counter[str]) -> None:
    """Every record is in the books once, and as somebody else saw it."""
    states = (found.delivered, found.late, found.lost, found.doubled, found.altered, found.refused)
    assert sum(states) == found.n > 0
    assert found.delivered + found.late == sum(count == 1 for count in taken.values())
    assert found.doubled == sum(count > 1 for count in taken.values())
    assert found.lost + found.refused == found.n - len(taken)


def test_killing_the_pipeline_leaves_no_record_unaccounted_and_none_falsely_delivered() -> None:
    with world() as made, made.relay() as relay, RealTrial(made.system, files={"records.jsonl": RECORDS}) as trial:
        kills = [threading.Timer(at_s, relay.kill) for at_s in (1.0, 3.0)]
        for kill in kills:
            kill.start()
        found = driven(made, trial, duration_s=5.0)
        taken = made.taken()
    assert relay.starts >= 3
    agrees(found, taken)
    # Its subscription outlives it, so that nothing is lost for good.
    assert found.lost == 0, found


def test_a_pipeline_that_never_comes_back_delivers_nothing_more() -> None:
    with world() as made, RealTrial(made.system, files={"records.jsonl": RECORDS}) as trial:
        with made.relay():
            began = driven(made, trial, duration_s=1.0)
        found = driven(made, trial, duration_s=1.0, longer_s=0.0)
        taken = made.taken()
    assert began.delivered + began.doubled == began.n
    assert found.lost == found.n
    assert len(taken) == began.n


def test_the_line_to_a_broker_is_cut_and_every_record_still_accounted_for() -> None:
    with world() as made, RealTrial(made.system, files={"records.jsonl": RECORDS}) as trial:
        line = trial.line("sensors")
        with made.relay(through_line=True) as relay:
            periods = planned([("cut", LineMode.CUT, 1.0), ("refused", LineMode.REFUSED, 1.0)], rest_s=1.0)
            with Disturbance(trial, line, periods, slow_s=0.5) as disturbance:
                found = driven(made, trial, duration_s=5.0)
            assert disturbance.problem is None
            assert disturbance.used
            assert relay.starts > 1
        taken = made.taken()
    agrees(found, taken)
    assert found.lost == 0, found


def test_what_a_system_posts_to_a_webhook_is_accounted_for_and_nobody_listens_afterwards() -> None:
    webhook = f"{unused_url()}/warnings"
    turn = itertools.count(1)
    again: list[bytes] = []

    def post(body: bytes) -> None:
        with urllib.request.urlopen(urllib.request.Request(webhook, body), timeout=5) as answer:
            assert answer.status == 204

    def pipeline(asked: Asked) -> Said:
        number = next(turn)
        if number % 10:
            post(asked.body)
        if number % 7 == 0 and number % 10:
            again.append(asked.body)
            post(asked.body)
        return said({"taken": True}, 201)

    with Server(pipeline) as server:
        entry = {"url": server.url, "writable": True, "write": "/in"}
        model = {"endpoint": f"{server.url}/predict", "task": "binary"}
        flow = {"name": "warn", "in": "orders", "out": "planner", "key": "id", "within": "1s", "peak": "60/s"}
        system = System.model_validate(
            {
                "system": "dock-delay",
                "version": "1",
                "model": model,
                "integrations": {
                    "orders": {"kind": "http", "test": entry},
                    "planner": {"kind": "webhook", "direction": "out", "test": {"url": webhook}},
                },
                "flows": [{**flow, "records": "records.jsonl", "expect": {"dock": "dock"}}],
            }
        )
        with RealTrial(system, files={"records.jsonl": RECORDS}) as trial:
            lane = lane_of(trial, system.flows[0], marker(trial), 2.0)
            passages, _ = drive(trial, [lane], duration_s=2.0)
            found = account(passages["warn"])
        with pytest.raises(urllib.error.URLError):
            post(b"{}")
    assert found.n > 60
    assert (found.lost, found.doubled) == (found.n // 10, len(again))
    assert found.delivered + found.late + found.lost + found.doubled == found.n
