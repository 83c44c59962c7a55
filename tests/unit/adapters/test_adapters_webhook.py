"""The listener that stands in for a receiver: when it is there, what it takes, and what it turns away."""

from __future__ import annotations

import http.client
import json
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit

import pytest

from plants.integration_server import Records
from plants.server import Server, unused_url
from seatrial.adapters.http import Http, declared_origins
from seatrial.adapters.integrations.catalogue import OpenIntegration, open_integration
from seatrial.adapters.integrations.place import Place
from seatrial.adapters.integrations.webhook import WebhookIntegration
from seatrial.core.errors import Malformed, Refused, Unreachable
from seatrial.spec.integration import End, IntegrationSection
from seatrial.spec.system import System


def listener(url: str, *, free_within_s: float = 1.0, **more: Any) -> WebhookIntegration:
    end = End.model_validate({"url": url, "listen_for": "200ms", **more})
    place = Place(name="planner", kind="webhook", end=end, which="test", writable=False)
    return WebhookIntegration(place, http=Http(origins=[]), free_within_s=free_within_s)


def post(
    url: str, body: bytes, *, method: str = "POST", headers: Mapping[str, str] | None = None, path: str | None = None
) -> int:
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=30)
    try:
        connection.request(method, parts.path if path is None else path, body, dict(headers or {}))
        return connection.getresponse().status
    finally:
        connection.close()


def record(key: str) -> bytes:
    return json.dumps({"id": key}).encode()


def test_it_is_there_from_listen_to_close_and_what_is_posted_again_counts_again() -> None:
    url = f"{unused_url()}/warnings"
    with pytest.raises(ConnectionRefusedError):
        post(url, record("seatrial-1"))
    integration = listener(url)
    with pytest.raises(Unreachable, match="nobody listened"):
        integration.observe("id", ["seatrial-1"])
    integration.listen()
    integration.listen()
    assert [post(url, record("seatrial-1")) for _ in range(2)] == [204, 204]
    assert integration.observe("id", ["seatrial-1", "absent"]) == {"seatrial-1": [{"id": "seatrial-1"}] * 2}
    integration.close()
    integration.close()
    with pytest.raises(ConnectionRefusedError):
        post(url, record("seatrial-1"))


def test_it_listens_again_at_once_where_it_just_stopped() -> None:
    url = f"{unused_url()}/warnings"
    for _ in range(5):
        integration = listener(url, free_within_s=0.0)
        integration.listen()
        assert post(url, record("seatrial-1")) == 204
        integration.close()


def test_a_second_listener_waits_for_the_first_and_never_takes_a_share() -> None:
    url = f"{unused_url()}/warnings"
    first, second = listener(url), listener(url, free_within_s=10.0)
    first.listen()
    waiting = threading.Thread(target=second.listen)
    waiting.start()
    assert post(url, record("seatrial-1")) == 204
    assert "seatrial-1" in first.observe("id", ["seatrial-1"])
    first.close()
    waiting.join(10)
    assert post(url, record("seatrial-2")) == 204
    assert set(second.observe("id", ["seatrial-1", "seatrial-2"])) == {"seatrial-2"}
    second.close()


def test_an_address_that_somebody_else_has_is_named() -> None:
    with Server(Records()) as server:
        integration = listener(server.url, free_within_s=0.2)
        with pytest.raises(Unreachable, match="in use") as caught:
            integration.listen()
        assert caught.value.remedy
        integration.close()


@pytest.mark.parametrize(
    "url", ["https://127.0.0.1:9/x", "127.0.0.1:9", "ftp://127.0.0.1/", "http://:9/", "http://a:b/"]
)
def test_an_address_at_which_nobody_can_listen_is_malformed(url: str) -> None:
    with pytest.raises(Malformed, match="no address at which can be listened"):
        listener(url).listen()


def test_another_machines_address_is_told_at_once() -> None:
    began = time.monotonic()
    with pytest.raises(Unreachable, match=r"203\.0\.113\.7"):
        listener("http://203.0.113.7:9400/x", free_within_s=60.0).listen()
    assert time.monotonic() - began < 5


def test_only_posts_to_its_own_path_with_the_declared_headers_count() -> None:
    url = f"{unused_url()}/warnings"
    integration = listener(url, headers={"X-Token": "grey-pelican"})
    integration.listen()
    token = {"X-Token": "grey-pelican"}
    assert post(url, record("seatrial-1")) == 401
    assert post(url, record("seatrial-1"), headers={"X-Token": "other"}) == 401
    assert post(url, record("seatrial-1"), headers=token, path="/other") == 404
    assert post(url, b"", method="GET", headers=token) == 405
    with suppress(ConnectionError):
        assert post(url, b"x" * 2_000_000, headers=token) == 413
    assert integration.observe("id", ["seatrial-1"]) == {}
    assert post(url, record("seatrial-1"), headers=token, method="PUT") == 204
    assert len(integration.observe("id", ["seatrial-1"])["seatrial-1"]) == 1
    integration.close()


def test_a_post_that_breaks_off_counts_for_nothing() -> None:
    url = f"{unused_url()}/warnings"
    integration = listener(url)
    integration.listen()
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=30)
    connection.putrequest("POST", parts.path)
    connection.putheader("Content-Length", "400")
    connection.endheaders(record("seatrial-1"))
    connection.close()
    assert post(url, record("seatrial-2")) == 204
    assert set(integration.observe("id", ["seatrial-1", "seatrial-2"])) == {"seatrial-2"}
    integration.close()


def test_a_sender_that_never_ends_does_not_hold_the_check_up() -> None:
    url = f"{unused_url()}/warnings"
    integration = listener(url)
    integration.listen()
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=30)
    connection.putrequest("POST", parts.path)
    connection.putheader("Content-Length", "400")
    connection.endheaders(b"{")
    # Answered on another connection, so that this one was taken before.
    assert post(url, record("seatrial-1")) == 204
    began = time.monotonic()
    integration.close()
    assert time.monotonic() - began < 5
    connection.close()


def test_what_is_no_record_is_told_when_it_is_read_and_zero_posts_are_zero_records() -> None:
    url = f"{unused_url()}/warnings"
    integration = listener(url)
    assert integration.read(5) == []
    assert post(url, b"<html>") == 204
    with pytest.raises(Malformed, match="HTML"):
        integration.read(5)
    integration.close()


def opened(end: str, **declared: Any) -> tuple[OpenIntegration, Http]:
    section = IntegrationSection.model_validate({"kind": "webhook", "direction": "out", end: declared})
    model = {"endpoint": "http://127.0.0.1:1/", "task": "binary"}
    system = System.model_validate({"system": "s", "version": "1", "model": model}).model_copy(
        update={"integrations": {"planner": section}}
    )
    http_door = Http(origins=declared_origins(system))
    which: Any = end
    return open_integration("planner", section, http=http_door, end=which), http_door


def test_nobody_takes_the_receivers_place_in_production_and_its_version_is_its_own() -> None:
    with Server(Records()) as receiver:
        integration, door = opened("production", url="http://127.0.0.1:9/x", version=f"{receiver.url}/version")
        assert integration.version() == "planner 4.2"
        for use in (integration.listen, integration.health, lambda: integration.read(1)):
            with pytest.raises(Refused, match="production"):
                use()
        door.close()


def test_a_stand_in_has_no_version_of_its_own() -> None:
    integration, door = opened("test", url=f"{unused_url()}/x")
    with pytest.raises(Malformed, match="declares no 'version'"):
        integration.version()
    door.close()
