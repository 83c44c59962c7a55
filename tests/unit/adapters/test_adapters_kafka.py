"""What can be wrong with a Kafka cluster, against a real one or its protocol."""

from __future__ import annotations

import pytest
from broker_scene import SECRET, failing, integration_of, uses

from plants import brokers
from seatrial.adapters.http import Http
from seatrial.core.errors import Malformed, Refused, SeatrialError


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
