"""The fault line in front of a real server: what passes is untouched, and every disturbance is seen and ends."""

from __future__ import annotations

import gc
import http.client
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from plants.listening import listening
from plants.server import Asked, Said, Server
from seatrial.adapters.proxy.address import Address, address, address_of
from seatrial.adapters.proxy.control import RemoteLine, controllable, held_elsewhere
from seatrial.adapters.proxy.lines import Lines
from seatrial.core.disturbing import LineMode
from seatrial.core.errors import Malformed, Refused, SeatrialError, Unreachable

BODY = bytes(range(256)) * 2000
HERE = Address(host="127.0.0.1", port=0)


def whole(_: Asked) -> Said:
    return Said(body=BODY)


@contextmanager
def lines_to(url: str) -> Iterator[Lines]:
    with Lines({"weather": (HERE, address_of(url))}) as lines:
        yield lines


def fetched(lines: Lines, *, timeout_s: float = 3.0) -> bytes:
    listen = listening(lines, "weather")
    connection = http.client.HTTPConnection(listen.host, listen.port, timeout=timeout_s)
    try:
        connection.request("GET", "/")
        return connection.getresponse().read()
    finally:
        connection.close()


def fails(lines: Lines, *, timeout_s: float = 0.4) -> type[BaseException]:
    try:
        fetched(lines, timeout_s=timeout_s)
    except (OSError, http.client.HTTPException) as error:
        return type(error)
    raise AssertionError("an answer came through")


def test_what_passes_is_untouched_and_counted() -> None:
    with Server(whole) as server, lines_to(server.url) as lines:
        assert fetched(lines) == BODY
        counts = lines.line("weather").counts()
    assert counts.connections == 1
    assert counts.disturbed == 0
    assert counts.bytes_back > len(BODY)
    assert counts.bytes_there > 0


@pytest.mark.parametrize(
    ("mode", "seen"),
    [
        (LineMode.REFUSED, (ConnectionRefusedError,)),
        (LineMode.BLACK_HOLE, (TimeoutError,)),
        (LineMode.SLOW, (TimeoutError,)),
        (LineMode.RESET, (ConnectionResetError, http.client.BadStatusLine)),
        (LineMode.CUT, (http.client.RemoteDisconnected, ConnectionResetError, BrokenPipeError)),
    ],
)
def test_a_disturbed_line_fails_in_its_own_way_and_passes_again(
    mode: LineMode, seen: tuple[type[BaseException], ...]
) -> None:
    with Server(whole) as server, lines_to(server.url) as lines:
        line = lines.line("weather")
        line.set(mode, delay_s=2.0, after_bytes=10)
        assert issubclass(fails(lines), seen)
        line.set(LineMode.PASS)
        assert fetched(lines) == BODY
        disturbed = line.counts().disturbed
    assert disturbed == (0 if mode is LineMode.REFUSED else 1)


def test_a_corrupted_answer_keeps_its_length_and_differs_in_few_bits() -> None:
    with Server(lambda _: Said(raw=BODY, close=True)) as server, lines_to(server.url) as lines:
        lines.line("weather").set(LineMode.CORRUPT)
        listen = listening(lines, "weather")
        with socket.create_connection((listen.host, listen.port), timeout=30) as connection:
            connection.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            got = b"".join(iter(lambda: connection.recv(65536), b""))
    assert len(got) == len(BODY)
    wrong = [(a ^ b).bit_count() for a, b in zip(got, BODY, strict=True) if a != b]
    assert set(wrong) == {1}
    assert len(wrong) == len(BODY) // 64


def test_a_reset_lets_so_many_bytes_through() -> None:
    with Server(lambda _: Said(raw=BODY, close=True)) as server, lines_to(server.url) as lines:
        lines.line("weather").set(LineMode.RESET, after_bytes=100)
        listen = listening(lines, "weather")
        got = b""
        with socket.create_connection((listen.host, listen.port), timeout=30) as connection:
            connection.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            with suppress(ConnectionResetError):
                while part := connection.recv(65536):
                    got += part
                pytest.fail("the connection ended in order")
    assert BODY[:100].startswith(got)


def test_what_waited_in_a_black_hole_goes_on_when_the_line_passes() -> None:
    with Server(whole) as server, lines_to(server.url) as lines:
        line = lines.line("weather")
        line.set(LineMode.BLACK_HOLE)
        got: list[bytes] = []
        waiting = threading.Thread(target=lambda: got.append(fetched(lines, timeout_s=60.0)))
        waiting.start()
        time.sleep(0.2)
        assert not got
        line.set(LineMode.PASS)
        waiting.join(60)
    assert got == [BODY]


def test_a_slow_line_is_late_and_complete() -> None:
    with Server(lambda _: Said(body=b"x" * 100)) as server, lines_to(server.url) as lines:
        lines.line("weather").set(LineMode.SLOW, delay_s=0.3)
        began = time.monotonic()
        assert fetched(lines) == b"x" * 100
        assert time.monotonic() - began >= 0.3


def test_a_server_that_is_not_there_is_reset_and_the_line_lives_on() -> None:
    with Lines({"weather": (HERE, Address(host="127.0.0.1", port=1))}) as lines:
        assert issubclass(fails(lines), ConnectionResetError | http.client.RemoteDisconnected)
        assert lines.line("weather").counts().connections == 1


def test_a_taken_address_and_an_undeclared_line_are_told() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with (
            pytest.raises(Unreachable, match=r"nothing can listen at 127\.0\.0\.1"),
            Lines({"weather": (Address(host="127.0.0.1", port=port), HERE)}),
        ):
            pass
    with Server(whole) as server, lines_to(server.url) as lines, pytest.raises(Refused, match=r"test\.via"):
        lines.line("planner")


def test_another_process_holds_a_line_and_lets_go_when_it_dies(tmp_path: Path) -> None:
    control = tmp_path / "lines.json"
    with Server(whole) as server, lines_to(server.url) as lines:
        with controllable(lines, control):
            assert control.stat().st_mode & 0o077 == 0
            assert held_elsewhere(control)
            remote = RemoteLine("weather", control)
            remote.set(LineMode.REFUSED)
            assert fails(lines) is ConnectionRefusedError
            remote.close()
            _until(lambda: fetched(lines) == BODY)
            unknown = RemoteLine("planner", control)
            with pytest.raises(Unreachable):
                unknown.set(LineMode.CUT)
            unknown.close()
            copied = tmp_path / "copied.json"
            copied.write_bytes(control.read_bytes())
            assert not held_elsewhere(copied)
        assert not control.exists()
        assert not held_elsewhere(control)


def test_who_does_not_know_the_secret_is_not_obeyed(tmp_path: Path) -> None:
    control = tmp_path / "lines.json"
    with Server(whole) as server, lines_to(server.url) as lines, controllable(lines, control):
        import json

        told = json.loads(control.read_text())
        other = tmp_path / "other.json"
        other.write_text(json.dumps({**told, "token": "guessed", "file": str(other)}))
        stranger = RemoteLine("weather", other)
        with pytest.raises(SeatrialError, match="secret"):
            stranger.set(LineMode.REFUSED)
        stranger.close()
        assert fetched(lines) == BODY


def _until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60.0
    while True:
        try:
            if holds():
                return
        except OSError:
            pass
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.mark.parametrize("text", ["9310", "host:", ":9310", "host:99999", "host:a"])
def test_what_is_no_address_is_malformed(text: str) -> None:
    with pytest.raises(Malformed):
        address(text)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://a/", ("a", 80)),
        ("postgresql+psycopg://u:p@db/x", ("db", 5432)),
        ("mqtt://b:1884", ("b", 1884)),
        ("mqtts://u:p@b", ("b", 8883)),
        ("amqp://u:p@b/vhost", ("b", 5672)),
        ("kafka+ssl://b", ("b", 9093)),
        ("[::1]:80", None),
        ("sqlite:///x.db", None),
        ("folder", None),
    ],
)
def test_a_line_leads_where_the_url_says(url: str, expected: tuple[str, int] | None) -> None:
    if expected is None:
        with pytest.raises(Malformed):
            address_of(url)
    else:
        found = address_of(url)
        assert (found.host, found.port) == expected


def test_lines_leave_no_thread_behind() -> None:
    before = set(threading.enumerate())
    with Server(whole) as server, lines_to(server.url) as lines:
        fetched(lines)
    left = [t for t in threading.enumerate() if t not in before]
    assert not left


def test_a_connection_that_comes_in_while_the_line_begins_to_refuse_is_ended_by_it() -> None:
    over = threading.Event()

    def knocks(listen: Address) -> None:
        while not over.is_set():
            with suppress(OSError), socket.create_connection((listen.host, listen.port), timeout=5.0):
                pass

    with Server(whole) as server, lines_to(server.url) as lines:
        line, listen = lines.line("weather"), listening(lines, "weather")
        callers = [threading.Thread(target=knocks, args=(listen,)) for _ in range(4)]
        for caller in callers:
            caller.start()
        for _ in range(60):
            line.set(LineMode.REFUSED)
            line.set(LineMode.PASS)
        over.set()
        for caller in callers:
            caller.join()
    # A connection that nobody ended warns when it is collected, and warnings are errors.
    gc.collect()
