"""data.interruption where a flow begins at a real broker: the consumer's own connection is what breaks."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from plants.broker_fed import AmqpFed, MqttFed, Shown, declared
from plants.brokers import AmqpPeer, amqp, mosquitto
from plants.pipeline_server import delivery
from plants.real_trial import RealTrial, codes, judged, observed
from plants.server import Server, unused_port
from seatrial.core.observation import Observation
from seatrial.core.vocabulary import Criticality, Outcome, Weight
from seatrial.domains.data.interruption import CHECK
from seatrial.domains.integration.isolation import CHECK as ISOLATION
from seatrial.spec.policy import short_demo
from seatrial.spec.system import System

pytestmark = [pytest.mark.timed, pytest.mark.slow]

RECORDS = "".join(f"{json.dumps(delivery(at))}\n" for at in range(30)).encode()
POLICY = short_demo(Criticality.OPERATIONAL).model_copy(update={"outage_duration": 0.7, "window_duration": 1.0})


def told(made: dict[str, Any], pipeline: Shown) -> tuple[Observation, Outcome]:
    system = System.model_validate(made).model_copy(update={"policy": POLICY})
    with RealTrial(system, files={"records.jsonl": RECORDS}) as trial:
        trial.line("deliveries").counts()
        assert pipeline.ready.wait(10.0), "the pipeline did not connect"
        found = observed(CHECK, system, trial)
    return found, judged(CHECK, system, found).outcome


def over_mqtt(tmp_path: Path, *, retain: bool = False, **faults: Any) -> tuple[Observation, Outcome]:
    via, name = unused_port(), f"pipeline-{secrets.token_hex(4)}"
    where = {"topic": "deliveries", **({"retain": True} if retain else {})}
    with (
        mosquitto(tmp_path, "allow_anonymous true") as broker,
        MqttFed(via, "deliveries", name, **faults) as pipeline,
        Server(pipeline) as server,
    ):
        return told(declared(server.url, broker, via, kind="mqtt", where=where), pipeline)


def over_amqp(**faults: Any) -> tuple[Observation, Outcome]:
    via, name = unused_port(), f"seatrial-plant-{secrets.token_hex(4)}"
    with amqp() as broker, AmqpPeer(broker) as peer:
        queue = peer.queue(name)
        try:
            with AmqpFed(via, name, **faults) as pipeline, Server(pipeline) as server:
                return told(declared(server.url, broker, via, kind="amqp", where={"queue": name}), pipeline)
        finally:
            peer.drained(queue)


@pytest.mark.parametrize("retain", [False, True])
def test_a_consumer_whose_session_is_kept_and_that_knows_what_comes_twice_passes(tmp_path: Path, retain: bool) -> None:
    found, outcome = over_mqtt(tmp_path, retain=retain)
    assert outcome is Outcome.MET, (found.findings, found.measures)


@pytest.mark.parametrize(
    ("faults", "code"),
    [
        ({"qos": 0, "forgets": True}, "records-lost"),
        ({"forgets": True}, "records-lost"),
        ({"retain": True, "repeats": True}, "records-doubled"),
    ],
    ids=["quality 0", "a session that is dropped", "what is retained is worked through again"],
)
def test_what_a_consumer_of_mqtt_loses_or_repeats_as_it_connects_again_is_a_gap(
    tmp_path: Path, faults: Mapping[str, Any], code: str
) -> None:
    found, outcome = over_mqtt(tmp_path, **faults)
    assert outcome is Outcome.NOT_MET
    assert code in codes(found), found.findings


def test_a_consumer_of_amqp_that_acknowledges_after_its_work_passes() -> None:
    found, outcome = over_amqp()
    assert outcome is Outcome.MET, (found.findings, found.measures)


@pytest.mark.parametrize(
    ("faults", "code"),
    [({"early": True}, "records-lost"), ({"repeats": True}, "records-doubled")],
    ids=["acknowledged before the work", "worked through again"],
)
def test_what_a_consumer_of_amqp_loses_or_repeats_as_it_is_cut_is_a_gap(faults: Mapping[str, Any], code: str) -> None:
    found, outcome = over_amqp(**faults)
    assert outcome is Outcome.NOT_MET
    assert code in codes(found), found.findings


@pytest.mark.parametrize("check", [CHECK, ISOLATION])
def test_a_broker_at_which_a_flow_begins_is_not_left_out_where_no_line_leads_to_it(check: Any) -> None:
    made = declared("http://127.0.0.1:1", "mqtt://127.0.0.1:1", 0, kind="mqtt", where={"topic": "deliveries"})
    made["integrations"]["weather"] = {"kind": "http", "test": {"url": "http://127.0.0.1:1", "via": "127.0.0.1:9"}}
    system = System.model_validate(made)
    with RealTrial(system, files={"records.jsonl": RECORDS}) as trial:
        found = observed(check, system, trial)
    lines = [f for f in found.findings if f.code == "no-line" and "deliveries" in f.summary]
    assert [f.weight for f in lines] == [Weight.OPEN], found.findings
    assert judged(check, system, found).outcome is Outcome.NOT_DETERMINED
