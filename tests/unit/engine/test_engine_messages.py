"""Messages between processes, however their bytes arrive; and stops, however they fall."""

from __future__ import annotations

import signal
import socket
import struct
import threading
from collections.abc import Iterator
from types import FrameType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial.core import stopping
from seatrial.core.stopping import Stopped, unstoppable
from seatrial.engine.frames import MOST_BYTES, Reader, Unframed, receive, send

MESSAGES = st.lists(st.dictionaries(st.text(max_size=5), st.integers() | st.text(max_size=20), max_size=3), max_size=5)


def _bytes(messages: list[dict[str, object]]) -> bytes:
    one, two = socket.socketpair()
    with one, two:
        for message in messages:
            send(one, message)
        one.shutdown(socket.SHUT_WR)
        received = bytearray()
        while part := two.recv(65_536):
            received += part
    return bytes(received)


@given(messages=MESSAGES, size=st.integers(min_value=1, max_value=50))
def test_messages_arrive_whole_whatever_the_pieces(messages: list[dict[str, object]], size: int) -> None:
    data = _bytes(messages)
    reader = Reader()
    read = [message for at in range(0, len(data), size) for message in reader.feed(data[at : at + size])]
    assert read == messages


@pytest.mark.parametrize(
    "data", [struct.pack("!I", MOST_BYTES + 1), struct.pack("!I", 3) + b"[1]", struct.pack("!I", 2) + b"{{"]
)
def test_what_is_no_message_is_refused(data: bytes) -> None:
    with pytest.raises(Unframed):
        Reader().feed(data)


def test_a_message_with_a_number_that_json_lacks_is_not_sent() -> None:
    one, two = socket.socketpair()
    with one, two, pytest.raises(ValueError, match="JSON compliant"):
        send(one, {"share": float("nan")})


def test_the_end_of_the_other_side_ends_the_waiting() -> None:
    one, two = socket.socketpair()
    one.close()
    with two, pytest.raises(EOFError):
        receive(two)


@pytest.fixture
def stoppable(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    def stop(_number: int, _frame: FrameType | None) -> None:
        stopping.stop()

    monkeypatch.setattr(stopping, "_state", stopping._State())
    before = signal.signal(signal.SIGUSR1, stop)
    yield
    signal.signal(signal.SIGUSR1, before)


@pytest.mark.usefixtures("stoppable")
def test_a_stop_is_raised_once() -> None:
    with pytest.raises(Stopped):
        signal.raise_signal(signal.SIGUSR1)
    signal.raise_signal(signal.SIGUSR1)


@pytest.mark.usefixtures("stoppable")
def test_a_stop_waits_for_the_end_of_the_outermost_block() -> None:
    done = []

    def restore() -> None:
        with unstoppable():
            with unstoppable():
                signal.raise_signal(signal.SIGUSR1)
                done.append("inner")
            done.append("outer")

    with pytest.raises(Stopped):
        restore()
    assert done == ["inner", "outer"]


@pytest.mark.usefixtures("stoppable")
def test_a_block_in_another_thread_holds_up_no_stop() -> None:
    entered, leave = threading.Event(), threading.Event()

    def hold() -> None:
        with unstoppable():
            entered.set()
            leave.wait()

    thread = threading.Thread(target=hold)
    thread.start()
    entered.wait()
    with pytest.raises(Stopped):
        signal.raise_signal(signal.SIGUSR1)
    leave.set()
    thread.join()
