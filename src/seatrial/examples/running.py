"""Starts an example's processes and stops them, whatever happens to whoever started them."""

from __future__ import annotations

import json
import os
import random
import secrets
import select
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path

from seatrial.core.errors import Malformed, SeatrialError, Unreachable
from seatrial.examples.example import Example, Service
from seatrial.examples.preparing import VARIANT
from seatrial.examples.serving import CALLER

START_S = 60.0
LINES = "lines"
LINE = "_LINE"
"""How the variables end that hold where a line listens."""
STOP_S = 5.0
PASS_ON_S = 300.0
WAIT_S = 0.1
PORTS = range(15_000, 32_000)
"""Where lines listen."""
SECRET = "EXAMPLE_PAGER_SECRET"  # noqa: S105 - the name of the variable, not its value
"""Environment variable that holds the secret with which pages are signed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """The running services. `environment` is what the system file's `${…}` stand for."""

    environment: Mapping[str, str]
    processes: Mapping[str, int]
    """Service to process id."""


@contextmanager
def running(example: Example, directory: Path) -> Iterator[Services]:
    """The services of a prepared directory, until the block is left.

    Each ends when its standard input closes, so that none outlives this process even when it is killed. Raises
    Unreachable, with what it said, for one that does not start.
    """
    started: dict[str, subprocess.Popen[str]] = {}
    secret = secrets.token_urlsafe(24)
    environment: dict[str, str] = {}
    services = example.of(json.loads((directory / VARIANT).read_text(encoding="utf-8")))
    outside = nullcontext({}) if example.profile is None else example.profile.around()
    with outside as found, _ended(started):
        environment |= found
        for number in sorted({service.wave for service in services}):
            wave = [service for service in services if service.wave == number]
            for service in wave:
                own = {SECRET: secret} if service.name == "pager" else {}
                started[service.name] = _begun(service, directory, environment | own)
            for service in wave:
                address = _address(service.name, started[service.name], directory)
                # Whoever reaches the pager is one of the company's own systems, and knows the secret.
                environment[service.variable] = (
                    address.replace("://", f"://{secret}@") if service.name == "pager" else address
                )
                if service.line:
                    environment[service.line] = free_line()
        environment[f"{example.prefix}_PYTHON"] = sys.executable
        if any(name.endswith(LINE) for name in environment):
            command = [sys.executable, "-m", "seatrial", "proxy", str(directory), "--with-input"]
            started[LINES] = _process(LINES, command, directory, environment)
            _line(LINES, started[LINES], directory, " passes to ")
        example.traffic(environment, directory)
        yield Services(environment=environment, processes={n: p.pid for n, p in started.items()})


@contextmanager
def _ended(started: Mapping[str, subprocess.Popen[str]]) -> Iterator[None]:
    """All processes that were started ended with the block."""
    try:
        yield
    finally:
        _stop(started)


def free_line() -> str:
    """`host:port` at which nobody listens yet, for a line. Raises Unreachable where there is none.

    Below the ports that the system gives to connections by itself: one of those could be taken until the line begins.
    """
    for port in random.SystemRandom().sample(PORTS, k=200):
        with suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return f"127.0.0.1:{port}"
    raise Unreachable(
        f"no port between {PORTS.start} and {PORTS.stop} is free here", remedy="End what holds them, and begin again."
    )


def _begun(service: Service, directory: Path, environment: Mapping[str, str]) -> subprocess.Popen[str]:
    return _process(service.name, [sys.executable, "-m", service.module, str(directory)], directory, environment)


def _process(
    name: str, command: Sequence[str], directory: Path, environment: Mapping[str, str]
) -> subprocess.Popen[str]:
    log = (directory / f"{name}.log").open("w", encoding="utf-8")
    try:
        return subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            env={**os.environ, **environment, "OMP_NUM_THREADS": "1"},
            # Ctrl-C belongs to whoever started us: the services end in order, after the run has been put away.
            start_new_session=True,
        )
    finally:
        log.close()


def _address(name: str, process: subprocess.Popen[str], directory: Path) -> str:
    return _line(name, process, directory, "http://")


def _line(name: str, process: subprocess.Popen[str], directory: Path, expected: str) -> str:
    """The first line that a process prints, when it serves. Raises Unreachable, with what it said."""
    if process.stdout is None:
        raise SeatrialError(f"{name} was started without an output")
    deadline = time.monotonic() + START_S
    ready, _, _ = select.select([process.stdout], [], [], max(0.0, deadline - time.monotonic()))
    line = process.stdout.readline().strip() if ready else ""
    if expected not in line:
        said = (directory / f"{name}.log").read_text(encoding="utf-8", errors="replace").strip().splitlines()
        raise Unreachable(
            f"the example's {name} did not start: {said[-1] if said else 'it said nothing'}",
            remedy=f"See {directory / f'{name}.log'}.",
        )
    return line


def look(address: str, path: str, *, caller: str) -> None:
    """Reads a service's page as somebody does who works with it. Raises Malformed when it does not show it."""
    connection = HTTPConnection(address.removeprefix("http://"), timeout=PASS_ON_S)
    try:
        connection.request("GET", path, headers={CALLER: caller})
        answer = connection.getresponse()
        answer.read()
        if answer.status != 200:
            raise Malformed(f"the example's service answered {answer.status} to {caller}")
    finally:
        connection.close()


def pass_on(address: str, path: str, entries: object, *, caller: str = "gateway") -> None:
    """Sends entries in one list to a service, as its day begins. Raises Malformed when it does not take them."""
    connection = HTTPConnection(address.removeprefix("http://"), timeout=PASS_ON_S)
    try:
        headers = {"Content-Type": "application/json", CALLER: caller}
        connection.request("POST", path, json.dumps(entries), headers)
        answer = connection.getresponse()
        answer.read()
        if answer.status != 201:
            raise Malformed(f"the example's pipeline answered {answer.status} to the day's entries")
    finally:
        connection.close()


def tell(address: str, path: str, content: object) -> None:
    """POSTs JSON to something of the demonstration. Raises Malformed when it is not taken."""
    connection = HTTPConnection(address, timeout=PASS_ON_S)
    try:
        connection.request("POST", path, json.dumps(content), {"Content-Type": "application/json"})
        answer = connection.getresponse()
        said = answer.read()
        if answer.status != 200:
            raise Malformed(f"{path} answered {answer.status}: {said[:200].decode(errors='replace')}")
    finally:
        connection.close()


def wait_for(address: str, path: str, count: int) -> None:
    """Until a service lists so many records: what was put in has passed. Raises Malformed when they stay out."""
    deadline, found = time.monotonic() + PASS_ON_S, 0
    while time.monotonic() < deadline:
        connection = HTTPConnection(address.removeprefix("http://"), timeout=PASS_ON_S)
        try:
            connection.request("GET", f"{path}?limit={count}", headers={CALLER: "gateway"})
            found = len(json.loads(connection.getresponse().read()))
        finally:
            connection.close()
        if found >= count:
            return
        time.sleep(WAIT_S)
    raise Malformed(f"of the day's {count} entries {found} have come through the example's pipeline")


def _stop(started: Mapping[str, subprocess.Popen[str]]) -> None:
    for process in started.values():
        if process.stdin is not None:
            process.stdin.close()
    deadline = time.monotonic() + STOP_S
    for process in started.values():
        try:
            process.wait(timeout=max(0.1, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if process.stdout is not None:
            process.stdout.close()
