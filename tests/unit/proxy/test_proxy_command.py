"""`seatrial proxy` in a process of its own: a check of another process holds its lines."""

from __future__ import annotations

import http.client
import subprocess
import sys
from pathlib import Path

import pytest

from plants.server import Server, said, unused_port
from seatrial.adapters.proxy.control import RemoteLine
from seatrial.app.folder.lines import wanted_lines
from seatrial.core.disturbing import LineMode
from seatrial.spec.system import System

_FILE = """\
system: s
version: "1"
model: {{endpoint: "http://127.0.0.1:1/predict", task: binary}}
integrations:
  weather: {{kind: http, test: {{url: "{url}", via: "127.0.0.1:{port}"}}}}
"""


def answered(port: int) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.request("GET", "/")
        return connection.getresponse().status
    finally:
        connection.close()


def test_the_command_holds_the_declared_lines_until_its_input_ends(tmp_path: Path) -> None:
    port = unused_port()
    with Server(lambda _: said([])) as server:
        (tmp_path / "seatrial.yaml").write_text(_FILE.format(url=server.url, port=port))
        command = [sys.executable, "-m", "seatrial", "proxy", str(tmp_path), "--with-input"]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            assert process.stdin is not None
            assert process.stdout.readline().startswith(f"weather: 127.0.0.1:{port} passes to ")
            assert answered(port) == 200
            line = RemoteLine("weather", tmp_path / ".seatrial" / "lines.json")
            line.set(LineMode.CUT)
            assert line.counts().connections == 1
            line.close()
            process.stdin.close()
            assert process.wait(10) == 0


def test_without_a_declared_line_it_says_what_to_declare(tmp_path: Path) -> None:
    text = _FILE.format(url="http://127.0.0.1:1", port=1).replace(', via: "127.0.0.1:1"', "")
    (tmp_path / "seatrial.yaml").write_text(text)
    command = [sys.executable, "-m", "seatrial", "proxy", str(tmp_path)]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert ended.returncode == 2
    assert "via: host:port" in ended.stderr


def test_the_line_to_a_mounted_folder_leads_to_the_server_of_its_share() -> None:
    test = {"url": "incoming", "share": "nas.example.com:445", "via": "127.0.0.1:9519"}
    content = {"system": "s", "version": "1", "model": {"endpoint": "http://127.0.0.1:1/predict", "task": "binary"}}
    system = System.model_validate({**content, "integrations": {"drop": {"kind": "files", "test": test}}})
    ((listen, target),) = wanted_lines(system, Path()).values()
    assert (listen.text, target.text) == ("127.0.0.1:9519", "nas.example.com:445")


@pytest.mark.parametrize(
    ("kind", "test", "said"),
    [
        ("files", 'url: incoming, via: "127.0.0.1:1"', "or the key 'share' beside it"),
        ("sqlite", 'url: "sqlite:///a.db", via: "127.0.0.1:1"', "a kind that is reached over TCP"),
        ("http", 'url: "http://127.0.0.1:1", share: "nas:445"', "share"),
        ("files", 'url: incoming, share: "nas:445", via: "127.0.0.1:1"', ""),
    ],
)
def test_a_line_to_what_has_no_server_is_refused(kind: str, test: str, said: str, tmp_path: Path) -> None:
    text = _FILE.format(url="http://127.0.0.1:1", port=1).partition("  weather")[0]
    (tmp_path / "seatrial.yaml").write_text(f"{text}  weather: {{kind: {kind}, test: {{{test}}}}}\n")
    command = [sys.executable, "-m", "seatrial", "validate", str(tmp_path)]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert (ended.returncode == 0) is (said == ""), ended.stderr
    assert said in ended.stdout + ended.stderr
