"""What can be wrong with a broker, against real ones: each is an error with a remedy, and none tells a secret."""

from __future__ import annotations

import json
import secrets
import shutil
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import pytest

from plants import brokers
from plants.certificates import self_signed
from plants.server import unused_port
from seatrial.adapters.http import Http
from seatrial.adapters.integrations.amqp import AmqpIntegration
from seatrial.adapters.integrations.catalogue import OpenIntegration
from seatrial.adapters.integrations.kafka import KafkaIntegration
from seatrial.adapters.integrations.mqtt import MqttIntegration
from seatrial.adapters.integrations.place import Place
from seatrial.adapters.proxy.address import Address, address_of
from seatrial.adapters.proxy.lines import Lines
from seatrial.adapters.redaction import Redactor
from seatrial.core.disturbing import LineMode
from seatrial.core.errors import Malformed, Refused, SeatrialError, Unreachable
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


@pytest.fixture
def guarded(tmp_path: Path) -> Iterator[str]:
    """A Mosquitto that knows olga, who may write to `allowed/#` only."""
    tool = shutil.which("mosquitto_passwd")
    if tool is None:
        pytest.skip("mosquitto_passwd is not installed")
    subprocess.run([tool, "-b", "-c", str(tmp_path / "users"), "olga", SECRET], check=True)
    (tmp_path / "acl").write_text("user olga\ntopic readwrite allowed/#\n")
    (tmp_path / "users").chmod(0o644)
    tmp_path.chmod(0o755)
    settings = [f"password_file {tmp_path / 'users'}", f"acl_file {tmp_path / 'acl'}", "user root"]
    with brokers.mosquitto(tmp_path, *settings) as url:
        yield url


def test_mqtt_with_wrong_credentials_is_refused(guarded: str) -> None:
    for user in (f"olga:{SECRET}x@", f"nobody:{SECRET}@", ""):
        integration = integration_of("mqtt", guarded.replace("://", f"://{user}"))
        for use in uses(integration).values():
            with failing(integration, Refused, "credentials"):
                use()
        integration.close()


def test_mqtt_where_writing_is_not_allowed_says_so_and_counts_nothing_as_sent(guarded: str) -> None:
    url = guarded.replace("://", f"://olga:{SECRET}@")
    integration = integration_of("mqtt", url, topic="forbidden/x")
    with failing(integration, Refused, "does not let this user publish"):
        integration.write({"id": "seatrial-1"})
    integration.close()
    integration = integration_of("mqtt", url, topic="allowed/x")
    integration.listen()
    integration.write({"id": "seatrial-1"})
    assert _heard(integration, "seatrial-1") == 1
    integration.close()


def _heard(integration: OpenIntegration, value: str, *, least: int = 1) -> int:
    found = 0
    for _ in range(100):
        found = len(integration.observe("id", [value]).get(value, ()))
        if found >= least:
            break
        time.sleep(0.02)
    return found


def test_mqtt_over_tls_verifies_with_the_declared_authority(tmp_path: Path) -> None:
    certificate, key = self_signed(tmp_path)
    tmp_path.chmod(0o755)
    settings = ["allow_anonymous true", f"certfile {certificate}", f"keyfile {key}", "user root"]
    with brokers.mosquitto(tmp_path, *settings, secure=True) as url:
        integration = integration_of("mqtt", url, ca=str(certificate))
        integration.listen()
        integration.write({"id": "seatrial-1"})
        assert _heard(integration, "seatrial-1") == 1
        integration.close()


def test_mqtt_takes_no_shared_subscription_and_no_wildcard_to_write_to() -> None:
    with brokers.mqtt() as url:
        integration = integration_of("mqtt", url, topic="$share/us/weather")
        for use in (integration.listen, lambda: integration.read(1)):
            with failing(integration, Refused, "shared subscription"):
                use()
        integration.close()
        integration = integration_of("mqtt", url, topic="weather/+")
        with failing(integration, Refused):
            integration.write({"id": "seatrial-1"})
        integration.close()


def test_an_mqtt_broker_that_goes_away_while_it_is_heard_leaves_nothing_to_tell(tmp_path: Path) -> None:
    with brokers.mosquitto(tmp_path, "allow_anonymous true") as url:
        integration = integration_of("mqtt", url)
        integration.listen()
        integration.write({"id": "seatrial-1"})
        assert _heard(integration, "seatrial-1") == 1
    _deaf(integration)
    with failing(integration, Unreachable):
        integration.write({"id": "seatrial-2"})
    integration.close()


def _deaf(integration: OpenIntegration) -> None:
    with failing(integration, Unreachable, "is gone"):
        for _ in range(100):
            integration.observe("id", ["seatrial-1"])
            time.sleep(0.05)


def test_an_older_mqtt_broker_is_spoken_to_in_its_version() -> None:
    with brokers.older_mqtt() as url:
        integration = integration_of("mqtt", url)
        integration.listen()
        integration.write({"id": "seatrial-1"})
        assert _heard(integration, "seatrial-1") == 1
        integration.close()


def test_records_of_others_are_neither_shown_nor_taken_for_ours() -> None:
    with brokers.mqtt() as url, brokers.MqttPeer(url) as peer:
        topic = f"seatrial/others/{secrets.token_hex(6)}"
        integration = integration_of("mqtt", url, topic=topic)
        integration.listen()
        for content in (b"", b"\xff", b"[1]", b"{half", b'{"name": "x"}', b'{"id": NaN}', b'{"id": 12}'):
            peer.publish(topic, content)
        integration.write({"id": "seatrial-1"})
        assert _heard(integration, "seatrial-1") == 1
        with failing(integration, Malformed):
            integration.read(1)
        integration.close()


@pytest.mark.parametrize("content", [b'{"id": "seatrial-1"', b'{"key": "seatrial-1"}'], ids=["half", "other-key"])
def test_a_record_of_ours_that_comes_in_another_form_is_not_taken_for_lost(content: bytes) -> None:
    with brokers.mqtt() as url, brokers.MqttPeer(url) as peer:
        topic = f"seatrial/form/{secrets.token_hex(6)}"
        integration = integration_of("mqtt", url, topic=topic)
        integration.listen()
        peer.publish(topic, content)
        with failing(integration, Malformed):
            _heard(integration, "seatrial-1")
        integration.close()


def test_what_is_retained_is_read_at_once_and_every_copy_counts() -> None:
    with brokers.mqtt() as url, brokers.MqttPeer(url) as peer:
        topic = f"seatrial/retained/{secrets.token_hex(6)}"
        peer.publish(topic, {"id": "r1", "temp": 10}, retain=True)
        integration = integration_of("mqtt", url, topic=topic, listen_for="5s")
        began = time.monotonic()
        assert integration.read(1) == [{"id": "r1", "temp": 10}]
        assert time.monotonic() - began < 2
        integration.listen()
        for _ in range(3):
            peer.publish(topic, {"id": "seatrial-1"})
        assert _heard(integration, "seatrial-1", least=3) == 3
        peer.publish(topic, b"", retain=True)
        integration.close()


def test_lists_and_lines_of_records_are_taken_apart() -> None:
    with brokers.mqtt() as url, brokers.MqttPeer(url) as peer:
        forms = {"json": b'[{"id": "a"}, {"id": "b"}]', "json-lines": b'{"id": "a"}\n\n{"id": "b"}\n'}
        for payload, content in forms.items():
            topic = f"seatrial/{payload}/{secrets.token_hex(6)}"
            integration = integration_of("mqtt", url, topic=topic, payload=payload)
            integration.listen()
            peer.publish(topic, content)
            assert [row["id"] for row in integration.read(2)] == ["a", "b"]
            integration.write({"id": "c"})
            assert _heard(integration, "c") == 1
            integration.close()


def test_amqp_with_wrong_credentials_or_virtual_host_is_refused() -> None:
    with brokers.amqp() as url:
        server = url.rpartition("@")[2].rstrip("/")
        for wrong in (f"guest:{SECRET}@{server}", f"nobody:{SECRET}@{server}"):
            integration = integration_of("amqp", f"amqp://{wrong}")
            for use in uses(integration).values():
                with failing(integration, Refused, "credentials"):
                    use()
            integration.close()
        integration = integration_of("amqp", f"{url}nowhere")
        with failing(integration, Refused, "virtual host 'nowhere'"):
            integration.health()
        integration.close()


def test_an_exchange_or_queue_that_is_not_there_is_malformed_and_is_not_made() -> None:
    with brokers.amqp() as url:
        name = f"seatrial-none-{secrets.token_hex(6)}"
        for key in ("exchange", "queue"):
            more: dict[str, Any] = {key: name}
            integration = integration_of("amqp", url, **more)
            for _ in range(2):
                with failing(integration, Malformed):
                    integration.health()
                with failing(integration, Malformed):
                    integration.write({"id": "seatrial-1"})
            with failing(integration, Malformed):
                integration.listen()
            integration.close()


def test_a_record_that_no_queue_would_get_is_not_taken_as_sent() -> None:
    with brokers.amqp() as url:
        integration = integration_of("amqp", url, routing_key=f"nobody.{secrets.token_hex(6)}")
        with failing(integration, Malformed, "no queue"):
            integration.write({"id": "seatrial-1"})
        integration.close()


def test_a_queue_that_holds_others_messages_is_written_to_and_never_read() -> None:
    with brokers.amqp() as url, brokers.AmqpPeer(url) as peer:
        name = f"seatrial-others-{secrets.token_hex(6)}"
        queue = peer.queue(name)
        for number in range(3):
            peer.publish("", name, {"id": f"order-{number}"})
        integration = integration_of("amqp", url, queue=name)
        integration.health()
        for use in (integration.listen, lambda: integration.read(10), integration.schema):
            with failing(integration, Malformed, "never read"):
                use()
        integration.write({"id": "seatrial-1"})
        integration.close()
        left = peer.drained(queue)
        assert [json.loads(m.body)["id"] for m in left] == ["order-0", "order-1", "order-2", "seatrial-1"]
        assert not any(m.redelivered for m in left)


def test_what_is_heard_at_an_exchange_still_reaches_the_queues_of_others() -> None:
    with brokers.amqp() as url, brokers.AmqpPeer(url) as peer:
        key = f"warn.{secrets.token_hex(6)}"
        queue = peer.queue(f"seatrial-bound-{key}", exchange="amq.topic", key="warn.*")
        integration = integration_of("amqp", url, routing_key=key, observe="warn.#")
        integration.listen()
        integration.write({"id": "seatrial-1"})
        integration.write({"id": "seatrial-1"})
        assert _heard(integration, "seatrial-1", least=2) == 2
        assert integration.observe("id", ["seatrial-1"])["seatrial-1"] == [{"id": "seatrial-1"}] * 2
        integration.close()
        assert len(peer.drained(queue)) == 2


@pytest.mark.slow
def test_an_amqp_user_who_may_not_do_it_is_told_what() -> None:
    with brokers.amqp() as url, brokers.rabbit_user(SECRET, configure="^$", write="^$", read="^$") as user:
        server = url.rpartition("@")[2]
        integration = integration_of("amqp", f"amqp://{user}:{SECRET}@{server}", timeout_s=5.0)
        integration.health()
        with failing(integration, Refused, "does not let this user hear the exchange"):
            integration.listen()
        with failing(integration, Refused, "does not let this user publish"):
            integration.write({"id": "seatrial-1"})
        integration.close()


@pytest.mark.slow
def test_an_amqp_user_needs_no_more_than_the_guide_says() -> None:
    rights = r"^(seatrial-.*|amq\.topic)$"
    with brokers.amqp() as url, brokers.rabbit_user(SECRET, configure="^seatrial-", write=rights, read=rights) as user:
        address = f"amqp://{user}:{SECRET}@{url.rpartition('@')[2]}"
        integration = integration_of("amqp", address, timeout_s=5.0, routing_key=f"law.{user}")
        integration.health()
        integration.listen()
        integration.write({"id": "seatrial-1"})
        assert _heard(integration, "seatrial-1") == 1
        integration.close()


def test_a_kafka_topic_that_is_not_there_is_malformed_and_is_not_made() -> None:
    with brokers.kafka() as cluster:
        integration = integration_of("kafka", cluster.url, topic="nowhere", timeout_s=5.0)
        for _ in range(2):
            for name, use in uses(integration).items():
                if name != "version":
                    with failing(integration, Malformed, "no topic 'nowhere'"):
                        use()
        integration.close()


def test_kafka_with_credentials_that_the_cluster_does_not_take_is_refused() -> None:
    with brokers.kafka() as cluster:
        url = cluster.url.replace("://", f"://olga:{SECRET}@")
        integration = integration_of("kafka", url)
        for name in ("health", "write"):
            with failing(integration, Refused, "credentials"):
                uses(integration)[name]()
        # Which requests it speaks a broker tells before anybody logs in.
        assert integration.version()
        integration.close()
        integration = integration_of("kafka", f"{url}?mechanism=PIGEON")
        with failing(integration, Malformed, "PIGEON"):
            integration.health()
        integration.close()


def test_an_empty_kafka_topic_has_no_records_and_old_ones_are_not_observed() -> None:
    with brokers.kafka() as cluster:
        topic = cluster.topic([{"id": "seatrial-0"}])
        integration = integration_of("kafka", cluster.url, topic=topic, timeout_s=5.0)
        integration.listen()
        assert integration.observe("id", ["seatrial-0"]) == {}
        cluster.put(topic, b'{"id": "seatrial-1"}')
        cluster.put(topic, b'{"id": "seatrial-1"}')
        integration.write({"id": "seatrial-1"})
        # All that is there is seen, whatever partition it is in, and each copy once however often is looked.
        for _ in range(3):
            assert {k: len(v) for k, v in integration.observe("id", ["seatrial-1"]).items()} == {"seatrial-1": 3}
        assert len(integration.read(100)) == 4
        integration.close()


def test_kafka_tells_by_its_protocol_what_it_is() -> None:
    with brokers.kafka() as cluster:
        integration = integration_of("kafka", cluster.url, topic="any")
        assert integration.version().startswith("Kafka protocol: Produce ")
        assert integration.version() == integration.version()
        integration.close()
    with Http(origins=[]), brokers.mqtt() as other:
        integration = integration_of("kafka", other.replace("mqtt", "kafka"))
        with pytest.raises(SeatrialError):
            integration.version()
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
