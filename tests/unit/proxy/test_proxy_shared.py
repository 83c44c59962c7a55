"""Integrations that the tested system can only be led to together share one line; two servers never do."""

from __future__ import annotations

import http.client
from pathlib import Path
from typing import Any

import pytest

from plants.server import Server, said, unused_port
from seatrial.adapters.proxy.lines import Lines
from seatrial.app.folder.lines import sharing, wanted_lines
from seatrial.core.disturbing import LineMode
from seatrial.core.errors import Malformed
from seatrial.spec.system import System


def system(**tests: dict[str, Any]) -> System:
    integrations = {name: {"kind": test.pop("kind", "http"), "test": test} for name, test in tests.items()}
    model = {"endpoint": "http://127.0.0.1:1/predict", "task": "binary"}
    return System.model_validate({"system": "s", "version": "1", "model": model, "integrations": integrations})


def status(port: int) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.request("GET", "/")
        return connection.getresponse().status
    finally:
        connection.close()


def test_who_disturbs_one_of_those_that_share_a_line_disturbs_the_other() -> None:
    port = unused_port()
    with Server(lambda _: said([])) as server:
        via = {"url": server.url, "via": f"127.0.0.1:{port}"}
        apart = {"url": server.url, "via": "127.0.0.1:1"}
        wanted = wanted_lines(system(weather={**via}, tides={**via}, moon=apart), Path())
        assert set(sharing(wanted, "tides")) == {"weather", "tides"}
        with Lines(sharing(wanted, "tides")) as lines:
            assert status(port) == 200
            assert lines.line("weather").counts() == lines.line("tides").counts()
            lines.line("weather").set(LineMode.REFUSED)
            with pytest.raises(OSError, match="refused"):
                status(port)
            lines.line("tides").set(LineMode.PASS)
            assert status(port) == 200


def test_a_line_that_would_lead_to_two_servers_names_both() -> None:
    declared = system(
        weather={"url": "http://10.0.0.1", "via": "127.0.0.1:9"}, tides={"url": "http://[::1]", "via": "127.0.0.1:9"}
    )
    with pytest.raises(Malformed) as raised:
        wanted_lines(declared, Path())
    assert "integrations.weather.test.via and integrations.tides.test.via are both 127.0.0.1:9" in raised.value.what
    assert "10.0.0.1:80 and to [::1]:80" in raised.value.what


def test_two_lines_at_any_free_port_are_two() -> None:
    with Server(lambda _: said([])) as server:
        via = {"url": server.url, "via": "127.0.0.1:0"}
        with Lines(wanted_lines(system(weather={**via}, tides={**via}), Path())) as lines:
            assert lines.named("weather") is not lines.named("tides")


def test_a_server_behind_a_unix_socket_is_named_with_what_to_do() -> None:
    socket = {"kind": "postgresql", "url": "postgresql+psycopg:///works?host=/var/run", "via": "127.0.0.1:9"}
    with pytest.raises(Malformed) as raised:
        wanted_lines(system(weather=socket), Path())
    assert raised.value.what.startswith("no line leads to integrations.weather.test.url")
    assert "name its host and port" in raised.value.remedy
    with pytest.raises(Malformed, match=r"integrations\.weather\.test\.via"):
        wanted_lines(system(weather={"url": "http://[::1]:8", "via": "9310"}), Path())
