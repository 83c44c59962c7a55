"""Starts the example's four processes and stops them, whatever happens to whoever started them."""

from __future__ import annotations

import json
import os
import secrets
import select
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path

from seatrial.core.errors import Malformed, SeatrialError, Unreachable
from seatrial.examples.arrival_delay.prepare import entries

START_S = 30.0
STOP_S = 5.0
MODEL, WEATHER, PLANNER, PAGER = "ARRIVAL_MODEL", "ARRIVAL_WEATHER", "ARRIVAL_PLANNER", "ARRIVAL_PAGER"
PYTHON = "ARRIVAL_PYTHON"
SECRET = "ARRIVAL_PAGER_SECRET"  # noqa: S105 - the name of the variable, not its value
"""Environment variable that holds the secret with which pages are signed."""
TRAFFIC = 320
"""Deliveries of the day that pass before anybody looks: there is real traffic to check contracts on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """The running services. `environment` is what the system file's `${…}` stand for."""

    environment: Mapping[str, str]
    processes: Mapping[str, int]
    """Service to process id."""


@contextmanager
def running(directory: Path) -> Iterator[Services]:
    """The four services of a prepared directory, until the block is left.

    Each ends when its standard input closes, so that none outlives this process even when it is killed. Raises
    Unreachable, with what it said, for one that does not start.
    """
    started: dict[str, subprocess.Popen[str]] = {}
    secret = secrets.token_urlsafe(24)
    environment: dict[str, str] = {}
    try:
        for name, variable in (("weather_feed", WEATHER), ("planner", PLANNER), ("pager", PAGER)):
            started[name] = _begun(name, directory, {SECRET: secret} if name == "pager" else {})
            environment[variable] = ""
        for name, variable in (("weather_feed", WEATHER), ("planner", PLANNER), ("pager", PAGER)):
            environment[variable] = _address(name, started[name], directory)
        started["model_server"] = _begun("model_server", directory, environment)
        environment[MODEL] = _address("model_server", started["model_server"], directory)
        environment[PAGER] = environment[PAGER].replace("://", f"://{secret}@")
        environment[PYTHON] = sys.executable
        _pass_traffic(environment[MODEL], directory)
        yield Services(environment=environment, processes={n: p.pid for n, p in started.items()})
    finally:
        _stop(started)


def _begun(name: str, directory: Path, environment: Mapping[str, str]) -> subprocess.Popen[str]:
    log = (directory / f"{name}.log").open("w", encoding="utf-8")
    try:
        return subprocess.Popen(
            [sys.executable, "-m", f"seatrial.examples.arrival_delay.{name}", str(directory)],
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
    if process.stdout is None:
        raise SeatrialError(f"{name} was started without an output")
    deadline = time.monotonic() + START_S
    ready, _, _ = select.select([process.stdout], [], [], max(0.0, deadline - time.monotonic()))
    line = process.stdout.readline().strip() if ready else ""
    if not line.startswith("http://"):
        said = (directory / f"{name}.log").read_text(encoding="utf-8", errors="replace").strip().splitlines()
        raise Unreachable(
            f"the example's {name} did not start: {said[-1] if said else 'it said nothing'}",
            remedy=f"See {directory / f'{name}.log'}.",
        )
    return line


def _pass_traffic(model: str, directory: Path) -> None:
    """Sends the newest live deliveries through the pipeline in one list, as the carriers' schedule of the day comes."""
    import pyarrow.parquet as pq

    connection = HTTPConnection(model.removeprefix("http://"), timeout=10)
    try:
        schedule = json.dumps(entries(pq.read_table(directory / "data" / "live.parquet"), TRAFFIC))
        connection.request("POST", "/deliveries/list", schedule, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        answer.read()
        if answer.status != 201:
            raise Malformed(f"the example's pipeline answered {answer.status} to the deliveries of the day")
    finally:
        connection.close()


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
