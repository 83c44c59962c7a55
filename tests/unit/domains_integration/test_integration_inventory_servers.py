"""Integrations that one server holds: a connection to it tells of all of them, and the inventory says so."""

from __future__ import annotations

from typing import Any

import pytest

from seatrial.domains.integration.inventory_seen import _shared, address_of
from seatrial.spec.system import System


def system(**integrations: Any) -> System:
    model = {"endpoint": "http://h/predict", "task": "binary"}
    return System.model_validate({"system": "s", "version": "1", "model": model, "integrations": integrations})


def queue(url: str) -> dict[str, Any]:
    return {"kind": "amqp", "test": {"url": url, "exchange": "e"}}


def test_two_queues_of_one_broker_are_told_to_be_at_one_server() -> None:
    made = system(orders=queue("amqp://me@broker/a"), bills=queue("amqp://you@broker:5672/b"), far=queue("amqp://far"))
    assert _shared(made, "orders") == ", at the server that holds bills too"
    assert _shared(made, "far") == ""


@pytest.mark.parametrize(
    ("url", "expected"),
    [("amqp://broker/x", "broker:5672"), ("mqtts://broker", "broker:8883"), ("opc.tcp://plant", "plant:4840")],
)
def test_a_broker_without_a_port_is_at_the_usual_one(url: str, expected: str) -> None:
    assert list(address_of(url)) == [expected]
