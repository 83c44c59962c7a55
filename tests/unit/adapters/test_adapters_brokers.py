"""What can be wrong with any broker, against real ones: each is an error with a remedy, and none tells a secret."""

from __future__ import annotations

import secrets
import socket
import ssl
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from broker_scene import KINDS, SECRET, SECURE, _deaf, _heard, failing, integration_of, place_of, silent, uses

from plants import brokers
from plants.certificates import self_signed
from plants.server import unused_port
from seatrial.adapters.proxy.address import Address, address_of
from seatrial.adapters.proxy.lines import Lines
from seatrial.core.disturbing import LineMode
from seatrial.core.errors import Malformed, Unreachable


def test_an_ends_own_topic_goes_before_that_of_both_ends() -> None:
    url = "mqtt://127.0.0.1:1"
    apart = place_of("mqtt", url, topic="test/orders", write="test/in")
    assert (apart.topic("write", "orders"), apart.topic("read", "orders")) == ("test/in", "test/orders")
    assert place_of("mqtt", url, topic=None).topic("write", "orders") == "orders"
    with pytest.raises(Malformed, match="topic"):
        place_of("mqtt", url, topic=None).topic("write", None)


@pytest.mark.parametrize("kind", KINDS)
def test_a_broker_that_never_answers_is_given_up(kind: str) -> None:
    with silent() as port:
        integration = integration_of(kind, f"{kind}://olga:{SECRET}@127.0.0.1:{port}", timeout_s=0.5)
        for use in uses(integration).values():
            began = time.monotonic()
            with failing(integration, Unreachable):
                use()
            assert time.monotonic() - began < 4
        integration.close()


@pytest.mark.parametrize("kind", KINDS)
def test_a_certificate_that_does_not_verify_is_told_as_such(kind: str, tmp_path: Path) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate, key = self_signed(tmp_path)
    context.load_cert_chain(certificate, key)
    with socket.create_server(("127.0.0.1", 0)) as server:

        def shake_hands() -> None:
            while True:
                try:
                    taken, _ = server.accept()
                except OSError:
                    return
                with taken:
                    taken.settimeout(2)
                    try:
                        context.wrap_socket(taken, server_side=True).close()
                    except OSError:
                        continue

        thread = threading.Thread(target=shake_hands, daemon=True)
        thread.start()
        port = server.getsockname()[1]
        integration = integration_of(kind, f"{SECURE[kind]}://olga:{SECRET}@127.0.0.1:{port}")
        for use in uses(integration).values():
            with failing(integration, Unreachable, "certificate of integration 'planner' does not verify"):
                use()
        integration.close()
        server.shutdown(socket.SHUT_RDWR)
    thread.join(5)


@pytest.mark.parametrize("kind", KINDS)
def test_a_file_of_authorities_that_is_none_is_named(kind: str, tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("no certificate")
    for ca in ("nowhere.pem", str(tmp_path / "ca.pem")):
        integration = integration_of(kind, f"{SECURE[kind]}://127.0.0.1:{unused_port()}", ca=ca)
        with failing(integration, Unreachable, "holds no usable certificate"):
            integration.health()
        integration.close()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("url", ["http://127.0.0.1/", "KIND://", "KIND://127.0.0.1:x", "127.0.0.1", "KIND://a@:99"])
def test_an_address_of_another_kind_is_malformed(kind: str, url: str) -> None:
    with pytest.raises(Malformed, match="no address of kind") as caught:
        integration_of(kind, url.replace("KIND", kind))
    assert f"{kind}://" in caught.value.remedy


@pytest.mark.parametrize("kind", KINDS)
def test_something_else_behind_the_port_is_unreachable(kind: str) -> None:
    with brokers.amqp() as rabbit, brokers.mqtt() as mosquitto:
        other = mosquitto if kind == "amqp" else rabbit
        integration = integration_of(kind, f"{kind}://{other.rpartition('@')[2].rpartition('//')[2]}")
        with failing(integration, Unreachable):
            integration.health()
        integration.close()


@pytest.mark.parametrize("kind", KINDS)
def test_what_was_not_listened_to_cannot_be_observed(kind: str) -> None:
    integration = integration_of(kind, f"{kind}://127.0.0.1:{unused_port()}")
    with failing(integration, Unreachable, "nobody listened"):
        integration.observe("id", ["seatrial-1"])
    integration.close()


@pytest.mark.parametrize("kind", ["mqtt", "amqp"])
def test_a_connection_on_which_nothing_moves_any_more_is_not_taken_for_silence(kind: str) -> None:
    with (
        (brokers.mqtt if kind == "mqtt" else brokers.amqp)() as url,
        Lines({"planner": (Address(host="127.0.0.1", port=0), address_of(url))}) as line,
    ):
        integration = integration_of(kind, f"{kind}://{line.named('planner').listen.text}", timeout_s=0.5)
        integration.listen()
        assert integration.observe("id", ["seatrial-1"]) == {}
        line.line("planner").set(LineMode.BLACK_HOLE)
        time.sleep(0.3)
        with failing(integration, Unreachable):
            integration.observe("id", ["seatrial-1"])
        integration.close()


@pytest.mark.parametrize("kind", ["mqtt", "amqp"])
def test_a_connection_that_breaks_while_it_is_heard_leaves_nothing_to_tell_and_the_next_record_is_sent_anew(
    kind: str,
) -> None:
    with (brokers.mqtt if kind == "mqtt" else brokers.amqp)() as url:
        line = Lines({"planner": (Address(host="127.0.0.1", port=0), address_of(url))})
        with line:
            there = line.named("planner").listen.text
            topic = {"topic": f"seatrial/line/{secrets.token_hex(6)}"} if kind == "mqtt" else {}
            more: dict[str, Any] = topic or {"routing_key": f"line.{secrets.token_hex(6)}"}
            integration = integration_of(kind, f"{kind}://{there}", timeout_s=5.0, **more)
            integration.listen()
            integration.write({"id": "seatrial-1"})
            assert _heard(integration, "seatrial-1") == 1
            line.line("planner").set(LineMode.CUT)
            _deaf(integration)
            with failing(integration, Unreachable):
                integration.write({"id": "seatrial-2"})
            line.line("planner").set(LineMode.PASS)
            second = integration_of(kind, f"{kind}://{there}", timeout_s=5.0, **more)
            second.listen()
            integration.write({"id": "seatrial-3"})
            assert _heard(second, "seatrial-3") == 1
            with failing(integration, Unreachable, "is gone"):
                integration.observe("id", ["seatrial-3"])
            integration.close()
            second.close()
