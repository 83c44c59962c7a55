"""Nodes of a real OPC UA server: quality, times and units are told, and only what is declared is written."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from asyncua import ua

from plants.opcua_server import Served, opcua_server
from seatrial.adapters.http import Http
from seatrial.adapters.integrations.catalogue import OpenIntegration, open_integration
from seatrial.core.errors import Malformed, Refused, SeatrialError, Unreachable
from seatrial.spec.integration import IntegrationSection

FIELDS = {"temp": 20.5, "count": 3, "name": "press", "on": True, "levels": [1.0, 2.0]}


@pytest.fixture(scope="module")
def server() -> Iterator[Served]:
    with opcua_server(FIELDS, writable=("temp", "count", "name", "on"), units={"temp": "°C"}) as told:
        yield told


def plant(server: Served, *fields: str, **more: Any) -> OpenIntegration:
    nodes = {field: server.nodes[field] for field in fields or server.nodes}
    end = {"url": server.url, "listen_for": "400ms", "opcua": {"nodes": nodes, **more}}
    section = IntegrationSection.model_validate({"kind": "opcua", "test": end})
    return open_integration("plant", section, http=Http(origins=[]))


def read(integration: OpenIntegration, most: int = 1) -> Any:
    try:
        return integration.read(most)
    finally:
        integration.close()


def test_types_units_and_ranges_are_told(server: Served) -> None:
    told = plant(server, times={"at": "temp"}, statuses={"quality": "temp"}).schema()
    assert told == {
        "temp": "double in °C from -40 to 80",
        "count": "int64",
        "name": "string",
        "on": "boolean",
        "levels": "double[]",
        "at": "datetime",
        "quality": "quality",
    }


def test_the_version_is_that_of_the_build(server: Served) -> None:
    integration = plant(server)
    integration.health()
    assert integration.version() == "PlantServer 3.4 77"


def test_a_record_holds_what_stands_there_with_its_source_time_and_quality(server: Served) -> None:
    at = datetime(2026, 7, 1, 12, 0, 0, 250_000, tzinfo=UTC)
    server.put({"temp": 21.25}, at=at)
    row = read(plant(server, times={"at": "temp"}, statuses={"quality": "temp"}))[0]
    assert row == {**FIELDS, "temp": 21.25, "at": "2026-07-01T12:00:00.250000+00:00", "quality": "Good"}


def test_values_that_are_written_together_are_one_record_and_again_another(server: Served) -> None:
    server.put({"temp": 0.0, "count": 0})
    integration = plant(server, "temp", "count")
    integration.listen()
    for at in range(1, 4):
        server.put({"temp": 5.0 * at, "count": at})
    server.put({"temp": 15.0, "count": 3})
    try:
        rows = integration.read(4)
        assert rows[0] == {"temp": 5.0, "count": 1}
        assert rows[-2:] == [{"temp": 15.0, "count": 3}] * 2
        assert len(integration.observe("count", ["3"])["3"]) == 2
    finally:
        integration.close()


@pytest.mark.parametrize("status", [ua.StatusCodes.BadSensorFailure, ua.StatusCodes.UncertainLastUsableValue])
def test_a_bad_quality_is_an_error_or_a_field_and_never_nothing(server: Served, status: int) -> None:
    name = ua.StatusCode(status).name
    server.put({"temp": 19.0}, status=status)
    try:
        with pytest.raises(Malformed, match=f"'temp'.*{name}"):
            read(plant(server, "temp"))
        row = read(plant(server, "temp", statuses={"quality": "temp"}))[0]
        assert row["quality"] == name
        assert row["temp"] == (19.0 if name.startswith("Uncertain") else None)
    finally:
        server.put({"temp": 20.5})


def test_a_quality_that_turns_bad_while_it_is_observed_is_told(server: Served) -> None:
    integration = plant(server, "temp")
    integration.listen()
    server.put({"temp": 1.0}, status=ua.StatusCodes.BadNoCommunication)
    try:
        with pytest.raises(Malformed, match="BadNoCommunication"):
            integration.read(50)
        with pytest.raises(Malformed, match="BadNoCommunication"):
            integration.observe("temp", ["1.0"])
    finally:
        server.put({"temp": 20.5})
        integration.close()


def test_only_declared_writable_nodes_are_written(server: Served) -> None:
    nodes = {field: server.nodes[field] for field in ("temp", "count", "name", "on")}
    end = {"url": server.url, "writable": True, "opcua": {"nodes": nodes, "writable": nodes}}
    section = IntegrationSection.model_validate({"kind": "opcua", "test": end})
    written = open_integration("plant", section, http=Http(origins=[]))
    written.write({"temp": 7, "count": 9, "name": "mill", "on": False})
    assert read(plant(server, *nodes))[0] == {"temp": 7.0, "count": 9, "name": "mill", "on": False}
    with pytest.raises(Refused, match="no writable node for levels"):
        written.write({"levels": [1]})
    wrong: list[dict[str, Any]] = [
        {"count": 1.5},
        {"count": 2**63},
        {"on": 1},
        {"name": 5},
        {"temp": "7"},
        {"temp": None},
    ]
    for record in wrong:
        with pytest.raises(Malformed, match="does not fit its node"):
            written.write(record)
    assert read(plant(server, "count"))[0] == {"count": 9}


def test_a_node_that_the_server_does_not_let_us_write_is_refused(server: Served) -> None:
    levels = {"levels": server.nodes["levels"], "count": "i=2256"}
    end = {"url": server.url, "writable": True, "opcua": {"nodes": levels, "writable": {"temp": "i=2259"}}}
    section = IntegrationSection.model_validate({"kind": "opcua", "test": end})
    with pytest.raises(SeatrialError):
        open_integration("plant", section, http=Http(origins=[])).write({"temp": 1})


@pytest.mark.parametrize(
    ("node", "said"),
    [("ns=2;s=Nowhere", "'temp'.*not there"), ("temp", "'temp' is no node id"), ("ns=2", "no node id")],
)
def test_a_node_that_is_not_there_is_named_with_its_field(server: Served, node: str, said: str) -> None:
    end = {"url": server.url, "listen_for": "200ms", "opcua": {"nodes": {"temp": node}}}
    section = IntegrationSection.model_validate({"kind": "opcua", "test": end})
    uses: tuple[Callable[[OpenIntegration], object], ...] = (
        lambda one: one.read(1),
        lambda one: one.health(),
    )
    for use in uses:
        integration = open_integration("plant", section, http=Http(origins=[]))
        with pytest.raises(Malformed, match=said):
            use(integration)
        integration.close()


@pytest.mark.slow
def test_a_wrong_password_is_refused_and_not_told() -> None:
    with opcua_server({"temp": 1.0}, password="right-harbour") as server:
        for password, fits in (("right-harbour", True), ("grey-pelican", False)):
            url = server.url.replace("://", f"://olga:{password}@")
            end = {"url": url, "opcua": {"nodes": dict(server.nodes)}}
            section = IntegrationSection.model_validate({"kind": "opcua", "test": end})
            integration = open_integration("plant", section, http=Http(origins=[]))
            if fits:
                integration.health()
                continue
            with pytest.raises(Unreachable, match="does not let this user in") as caught:
                integration.health()
            assert password not in str(caught.value)


@pytest.mark.slow
def test_a_server_that_goes_away_while_it_is_observed_is_unreachable() -> None:
    with opcua_server({"id": "start"}, own=True) as server:
        integration = plant(server)
        integration.listen()
    with pytest.raises(SeatrialError):
        integration.observe("id", ["k1"])
    integration.close()


def test_an_end_without_nodes_is_malformed() -> None:
    section = IntegrationSection.model_validate({"kind": "opcua", "test": {"url": "opc.tcp://127.0.0.1:1/"}})
    with pytest.raises(Malformed, match="declares no nodes"):
        open_integration("plant", section, http=Http(origins=[]))
