"""What can be wrong with an MQTT broker, and whose messages are whose, against real ones."""

from __future__ import annotations

import secrets
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from broker_scene import SECRET, _deaf, _heard, failing, integration_of, uses

from plants import brokers
from plants.certificates import self_signed
from seatrial.core.errors import Malformed, Refused, Unreachable


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


@pytest.mark.parametrize("retain", [False, True])
def test_what_we_retain_comes_to_who_subscribes_later_and_is_cleared_at_the_end(tmp_path: Path, retain: bool) -> None:
    with brokers.mosquitto(tmp_path, "allow_anonymous true") as url:
        integration = integration_of("mqtt", url, topic="deliveries", retain=retain)
        for number in (1, 2):
            integration.write({"id": f"seatrial-{number}"})
        with brokers.MqttPeer(url) as later:
            later.subscribe("deliveries")
            time.sleep(0.3)
            assert later.heard == ([b'{"id":"seatrial-2"}'] if retain else [])
        integration.close()
        with brokers.MqttPeer(url) as later:
            later.subscribe("deliveries")
            time.sleep(0.3)
            assert later.heard == []


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
