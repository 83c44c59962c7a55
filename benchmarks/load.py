"""What the load generator holds, what it says of a server that freezes beside what other tools say, and the accounting.

    python -m benchmarks.load [--locust PROGRAM]

1. Against a server of its own process that does nothing: planned and issued requests, and the generator's own lag, on
   one process and shared by two. The target is 5,000 requests a second on one process with a p99 lag under 10 ms.
2. Against a server at 2 ms that freezes once for 2 s within 10 s of 100 requests a second. A fifth of the arrivals
   meet the freeze, so the truth is a p90 of about 1 s. Closed loops wait with the server and miss it, and of these wrk
   fills in what it missed: wrk, hey, ab and Locust are asked for the same where they are on the PATH, Locust also where
   the option names it; what is missing is said.
3. The same generators at one server that does nothing, for 5,000 requests a second: what each sends and what it says of
   the latency. wrk has no rate and shows what the server can take.
4. Records driven through a flow in memory and accounted for, each one, at 10,000 a second.

Exit code 1 when a target is missed. Load on the machine lies in the figures; read them beside `uptime`.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np

from seatrial.adapters.load import null_server as null_server_script
from seatrial.adapters.load.client import LoadClient
from seatrial.core.ports import LoadResult, Request, Row, Stream
from seatrial.domains.flows.accounts import account
from seatrial.domains.flows.driving import Lane, drive, spare
from seatrial.spec.integration import Flow

RATES = ((1000, 1), (2000, 1), (5000, 1), (5000, 2), (8000, 2))
TARGET_RATE, TARGET_LAG_S = 5000, 0.010
FREEZE_AT_S, FREEZE_S, TEST_S, RATE, SERVICE_S = 4.0, 2.0, 10.0, 100, 0.002
TRUE_P90_S = 1.0
RECORDS_PER_S, RECORDS_S = 10_000, 5.0
SAME_S = 5.0
ANSWER = b"HTTP/1.1 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\n{}"


class Freezing(asyncio.Protocol):
    """Answers after 2 ms; from `FREEZE_AT_S` after the first request on not at all for `FREEZE_S`."""

    began: float | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        self.buffer = b""

    def data_received(self, data: bytes) -> None:
        loop = asyncio.get_running_loop()
        if Freezing.began is None:
            Freezing.began = loop.time()
        self.buffer += data
        while (end := self.buffer.find(b"\r\n\r\n")) >= 0:
            self.buffer = self.buffer[end + 4 :]
            since = loop.time() - Freezing.began
            frozen = FREEZE_AT_S <= since < FREEZE_AT_S + FREEZE_S
            loop.call_later(FREEZE_AT_S + FREEZE_S - since if frozen else SERVICE_S, self.say)

    def say(self) -> None:
        if isinstance(self.transport, asyncio.WriteTransport) and not self.transport.is_closing():
            self.transport.write(ANSWER)


def serve(told: Connection) -> None:
    async def forever() -> None:
        server = await asyncio.get_running_loop().create_server(Freezing, "127.0.0.1", 0, backlog=1024)
        told.send(server.sockets[0].getsockname()[1])
        await asyncio.Event().wait()

    asyncio.run(forever())


@contextmanager
def freezing_server() -> Iterator[str]:
    context = get_context("spawn")
    mine, theirs = context.Pipe()
    process = context.Process(target=serve, args=(theirs,), daemon=True)
    process.start()
    try:
        yield f"http://127.0.0.1:{mine.recv()}/"
    finally:
        process.kill()
        process.join()


def held() -> bool:
    print(f"{'planned/s':>10} {'processes':>10} {'planned':>8} {'answered':>9} {'lag p50':>9} {'lag p99':>9}")
    met = False
    for rate, processes in RATES:
        result = LoadClient(origins=(), processes=processes).calibrate(rate, seed=1)
        lag = np.quantile(result.lag_s, [0.5, 0.99])
        answered = float(np.mean(np.asarray(result.status) == 200))
        met = met or ((rate, processes) == (TARGET_RATE, 1) and answered == 1.0 and lag[1] < TARGET_LAG_S)
        print(
            f"{rate:>10} {processes:>10} {result.planned:>8} {answered:>9.2%} {lag[0] * 1e3:>6.2f} ms "
            f"{lag[1] * 1e3:>6.2f} ms"
        )
    return met


def ours(url: str) -> tuple[int, float, float]:
    stream = Stream(name="s", requests=(Request(method="GET", url=url),), rate_per_s=RATE)
    result: LoadResult = LoadClient(origins=[url.rstrip("/")]).run([stream], duration_s=TEST_S, seed=1)["s"]
    p90, p99 = np.quantile(result.latency_s, [0.9, 0.99])
    return result.planned, float(p90), float(p99)


def said(command: Sequence[str]) -> str:
    return subprocess.run(command, capture_output=True, text=True, timeout=TEST_S * 6, check=False).stdout


def seconds(text: str) -> float:
    match = re.fullmatch(r"([\d.]+)(us|ms|s)", text)
    return float(match[1]) * {"us": 1e-6, "ms": 1e-3, "s": 1.0}[match[2]] if match else float("nan")


def found(pattern: str, text: str) -> str:
    match = re.search(pattern, text)
    return match[1] if match else "nan"


def wrk(url: str) -> tuple[int, float, float]:
    """Closed loop as fast as it goes, one connection: it has no rate."""
    told = said(["wrk", "-t1", "-c1", f"-d{TEST_S:g}s", "--latency", "--timeout", "10s", url])
    count = int(found(r"(\d+) requests in", told))
    return count, seconds(found(r"\n\s+90%\s+(\S+)", told)), seconds(found(r"\n\s+99%\s+(\S+)", told))


def hey(url: str) -> tuple[int, float, float]:
    """Ten workers of ten requests a second each."""
    told = said(["hey", "-z", f"{TEST_S:g}s", "-c", "10", "-q", str(RATE // 10), url])
    count = sum(int(n) for n in re.findall(r"\[\d+\]\s+(\d+) responses", told))
    return count, float(found(r"90%\S* in ([\d.]+) secs", told)), float(found(r"99%\S* in ([\d.]+) secs", told))


def ab(url: str) -> tuple[int, float, float]:
    """Closed loop as fast as it goes, one connection."""
    told = said(["ab", "-k", "-t", f"{TEST_S:g}", "-n", "1000000", "-c", "1", url])
    count = int(found(r"Complete requests:\s+(\d+)", told))
    return count, int(found(r"\s90%\s+(\d+)", told)) / 1e3, int(found(r"\s99%\s+(\d+)", told)) / 1e3


LOCUSTFILE = """
from locust import FastHttpUser, constant_throughput, task
class User(FastHttpUser):
    wait_time = constant_throughput(10)
    @task
    def ask(self):
        self.client.get("/")
"""


def locust_row(url: str, *, users: int, spawned_each_s: int, lasts_s: float) -> dict[str, str]:
    """What Locust tells of so many users of `constant_throughput(10)`."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "locustfile.py").write_text(LOCUSTFILE)
        program = PROGRAMS["locust"]
        command = [program, "-f", f"{folder}/locustfile.py", "--headless", "-u", str(users), "-r", str(spawned_each_s)]
        said([*command, "-H", url.rstrip("/"), "-t", f"{lasts_s:g}s", "--csv", f"{folder}/out"])
        header, row, *_ = (line.split(",") for line in (Path(folder) / "out_stats.csv").read_text().splitlines())
    return dict(zip(header, row, strict=False))


def locust(url: str) -> tuple[int, float, float]:
    """Ten users of `constant_throughput(10)`."""
    told = locust_row(url, users=10, spawned_each_s=10, lasts_s=TEST_S)
    return int(told["Request Count"]), float(told["90%"]) / 1e3, float(told["99%"]) / 1e3


PEERS: Mapping[str, Callable[[str], tuple[int, float, float]]] = {"wrk": wrk, "hey": hey, "ab": ab, "locust": locust}
PROGRAMS = {name: name for name in PEERS}


def side_by_side() -> bool:
    planned = int(RATE * TEST_S)
    print(
        f"\n{'tool':>10} {'requests':>9} {'p90':>10} {'p99':>10}   planned {planned}, true p90 about {TRUE_P90_S:g} s"
    )
    met = False
    for name, ask in {"seatrial": ours, **PEERS}.items():
        if name in PEERS and shutil.which(PROGRAMS[name]) is None:
            print(f"{name:>10} {'missing: not installed here':>9}")
            continue
        with freezing_server() as url:
            try:
                count, p90, p99 = ask(url)
            except (subprocess.TimeoutExpired, ValueError, OSError) as error:
                print(f"{name:>10} failed: {type(error).__name__}")
                continue
        met = met or (name == "seatrial" and abs(p90 - TRUE_P90_S) < 0.25 * TRUE_P90_S)
        print(f"{name:>10} {count:>9} {p90 * 1e3:>7.1f} ms {p99 * 1e3:>7.1f} ms")
    return met


@contextmanager
def null_server() -> Iterator[str]:
    command = [sys.executable, "-I", null_server_script.__file__]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield f"http://127.0.0.1:{process.stdout.readline().strip() if process.stdout else ''}/"
        finally:
            process.kill()


def ours_fast(url: str) -> tuple[float, float]:
    stream = Stream(name="s", requests=(Request(method="GET", url=url),), rate_per_s=TARGET_RATE)
    result = LoadClient(origins=[url.rstrip("/")], processes=1).run([stream], duration_s=SAME_S, seed=1)["s"]
    return float(np.sum(np.asarray(result.status) == 200)) / SAME_S, float(np.quantile(result.latency_s, 0.99))


def wrk_fast(url: str) -> tuple[float, float]:
    told = said(["wrk", "-t1", "-c50", f"-d{SAME_S:g}s", "--latency", url])
    return float(found(r"Requests/sec:\s+([\d.]+)", told)), seconds(found(r"\n\s+99%\s+(\S+)", told))


def hey_fast(url: str) -> tuple[float, float]:
    told = said(["hey", "-z", f"{SAME_S:g}s", "-c", "50", "-q", str(TARGET_RATE // 50), url])
    return float(found(r"Requests/sec:\s+([\d.]+)", told)), float(found(r"99%\S* in ([\d.]+) secs", told))


def locust_fast(url: str) -> tuple[float, float]:
    row = locust_row(url, users=TARGET_RATE // 10, spawned_each_s=TARGET_RATE, lasts_s=SAME_S)
    return float(row["Requests/s"]), float(row["99%"]) / 1e3


FAST: Mapping[str, Callable[[str], tuple[float, float]]] = {
    "seatrial": ours_fast,
    "wrk": wrk_fast,
    "hey": hey_fast,
    "locust": locust_fast,
}


def same_target() -> None:
    """Information: what each holds depends on what else runs here."""
    print(f"\n{'tool':>10} {'answered/s':>11} {'p99':>10}   planned {TARGET_RATE}/s for {SAME_S:g} s, one process each")
    for name, ask in FAST.items():
        if name in PEERS and shutil.which(PROGRAMS[name]) is None:
            print(f"{name:>10} missing: not installed here")
            continue
        with null_server() as url:
            try:
                rate, p99 = ask(url)
            except (subprocess.TimeoutExpired, ValueError, OSError, KeyError) as error:
                print(f"{name:>10} failed: {type(error).__name__}")
                continue
        print(f"{name:>10} {rate:>11,.0f} {p99 * 1e3:>7.1f} ms{'   closed loop, no rate' if name == 'wrk' else ''}")


class InMemory:
    """A flow whose entry is its exit."""

    def __init__(self) -> None:
        self.rows: dict[str, list[Row]] = {}

    def write(self, record: Row) -> None:
        self.rows.setdefault(str(record["id"]), []).append(record)

    def request(self, _: Row) -> None:
        return None

    def listen(self) -> None:
        return None

    def observe(self, _: str, values: Sequence[str]) -> Mapping[str, Sequence[Row]]:
        return {value: rows for value in values if (rows := self.rows.get(value))}


class Around:
    """As much of a trial as driving a flow touches."""

    seed = 1
    clock: Any = type("Clock", (), {"monotonic": staticmethod(time.monotonic), "sleep": staticmethod(time.sleep)})

    def __init__(self) -> None:
        self.memory = InMemory()

    def integration(self, _: str) -> InMemory:
        return self.memory


def accounted() -> bool:
    told = {"name": "f", "in": "a", "out": "b", "key": "id", "within": "1s", "expect": {"dock": "dock"}}
    flow = Flow.model_validate({**told, "peak": f"{RECORDS_PER_S}/s"})
    records = tuple({"id": f"k{at}", "dock": "A"} for at in range(spare(RECORDS_PER_S, RECORDS_S)))
    trial: Any = Around()
    began = time.process_time()
    passages, _ = drive(trial, [Lane(flow=flow, records=records, requests=None)], duration_s=RECORDS_S)
    result = account(passages["f"])
    cpu_s = time.process_time() - began
    print(
        f"\naccounting: {result.n:,} records at {RECORDS_PER_S:,}/s: {result.delivered:,} delivered once and in time, "
        f"{result.late} late, {result.lost} lost; {cpu_s / result.n * 1e6:.1f} us of one core a record"
    )
    return result.n == result.delivered


def main() -> None:
    asked = argparse.ArgumentParser(prog="python -m benchmarks.load")
    asked.add_argument("--locust", metavar="PROGRAM", default="locust", help="Locust, where it is not on the PATH")
    PROGRAMS["locust"] = asked.parse_args().locust
    print(f"load on this machine: {', '.join(f'{load:.2f}' for load in os.getloadavg())}\n")
    met = {"generator": held(), "freeze": side_by_side()}
    same_target()
    met["accounting"] = accounted()
    missed = [name for name, reached in met.items() if not reached]
    print(f"\ntargets missed: {', '.join(missed)}" if missed else "\nevery target reached")
    sys.exit(1 if missed else 0)


if __name__ == "__main__":
    main()
