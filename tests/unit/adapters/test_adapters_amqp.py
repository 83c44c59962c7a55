"""What can be wrong with an AMQP broker, whose queues are never emptied, against a real one."""

from __future__ import annotations

import json
import secrets
from typing import Any

import pytest
from broker_scene import SECRET, _heard, failing, integration_of, uses

from plants import brokers
from seatrial.core.errors import Malformed, Refused


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
