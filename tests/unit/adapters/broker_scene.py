"""Integrations of the three brokers, and how an error of theirs is looked at."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import pytest

from seatrial.adapters.integrations.amqp import AmqpIntegration
from seatrial.adapters.integrations.catalogue import OpenIntegration
from seatrial.adapters.integrations.kafka import KafkaIntegration
from seatrial.adapters.integrations.mqtt import MqttIntegration
from seatrial.adapters.integrations.place import Place
from seatrial.adapters.redaction import Redactor
from seatrial.core.errors import SeatrialError, Unreachable
from seatrial.spec.integration import End

SECRET: Final = "grey-pelican"


KINDS: Final = ("mqtt", "amqp", "kafka")


SECURE: Final = {"mqtt": "mqtts", "amqp": "amqps", "kafka": "kafka+ssl"}


def place_of(kind: str, url: str, *, writable: bool = True, **more: Any) -> Place:
    named = {"exchange": "amq.topic"} if kind == "amqp" and "queue" not in more else {}
    topic = {} if kind == "amqp" else {"topic": "seatrial/none" if kind == "mqtt" else "none"}
    end = End.model_validate({"url": url, "listen_for": "300ms", **named, **topic, **more})
    return Place(name="planner", kind=kind, end=end, which="test", writable=writable)


def integration_of(kind: str, url: str, *, timeout_s: float = 1.0, **more: Any) -> OpenIntegration:
    place, base, redact = place_of(kind, url, **more), Path(), Redactor()
    if kind == "mqtt":
        return MqttIntegration(place, topic=None, base_dir=base, redact=redact, timeout_s=timeout_s)
    if kind == "amqp":
        return AmqpIntegration(place, base_dir=base, redact=redact, timeout_s=timeout_s)
    return KafkaIntegration(place, topic=None, base_dir=base, redact=redact, timeout_s=timeout_s)


@contextmanager
def failing(integration: OpenIntegration, kind: type[SeatrialError], says: str = ".") -> Iterator[None]:
    """What is done in the block fails as that error, with a remedy and without a secret."""
    with pytest.raises(kind, match=says) as caught:
        yield
    assert caught.value.remedy
    assert "planner" in caught.value.what
    assert SECRET not in str(caught.value)


def uses(integration: OpenIntegration) -> Mapping[str, Callable[[], object]]:
    return {
        "health": integration.health,
        "listen": integration.listen,
        "read": lambda: integration.read(1),
        "write": lambda: integration.write({"id": "seatrial-1"}),
        "version": integration.version,
    }


@contextmanager
def silent() -> Iterator[int]:
    """A port at which connections are taken and nothing is ever said."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def _heard(integration: OpenIntegration, value: str, *, least: int = 1) -> int:
    found = 0
    for _ in range(100):
        found = len(integration.observe("id", [value]).get(value, ()))
        if found >= least:
            break
        time.sleep(0.02)
    return found


def _deaf(integration: OpenIntegration) -> None:
    with failing(integration, Unreachable, "is gone"):
        for _ in range(100):
            integration.observe("id", ["seatrial-1"])
            time.sleep(0.05)
