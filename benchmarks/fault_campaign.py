"""How fast faults are injected: 20,000 requests to a model that takes 5 ms and serves eight at once.

    python -m benchmarks.fault_campaign [REQUESTS]

The model is a server of its own process that refuses batches, so that every faulty row is a request of its own.
`bare` is the time of the same number of requests over eight kept-alive connections that look at nothing; `product` is
the campaign's own: making each row faulty, asking, reading and judging the answer. The limit is one minute for 20,000;
exit code 1 when it is missed.
"""

from __future__ import annotations

import http.client
import json
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from threading import BoundedSemaphore
from types import SimpleNamespace
from typing import Any, cast

from seatrial.adapters.http import Http, declared_origins
from seatrial.adapters.models.catalogue import open_model
from seatrial.core.check import Trial
from seatrial.core.ports import Row
from seatrial.domains.data.campaign import Campaign, answered_clean
from seatrial.domains.data.fault_kinds import Place, faults_of
from seatrial.domains.legality import profile_of
from seatrial.domains.yardstick import yardstick
from seatrial.spec.faults import FaultField
from seatrial.spec.model import InputField
from seatrial.spec.system import System

REQUESTS = 20_000
LIMIT_S = 60.0
ANSWERS_IN_S = 0.005
AT_ONCE = 8
FIELDS = 12


def serve(told: Connection) -> None:
    """The model's server."""
    turns = BoundedSemaphore(AT_ONCE)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_POST(self) -> None:
            rows = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["rows"]
            with turns:
                time.sleep(ANSWERS_IN_S)
            good = len(rows) == 1 and all(isinstance(v, float) and 0 <= v <= 100 for v in rows[0].values())
            score = sum(rows[0].values()) / (100 * FIELDS) if good else 0.0
            content = {"predictions": [{"label": int(score > 0.5), "p": score}]} if good else {"error": "refused"}
            body = json.dumps(content).encode()
            self.send_response(200 if good else 422)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    told.send(server.server_address[1])
    server.serve_forever()


@contextmanager
def running() -> Iterator[int]:
    """The port of the model's server."""
    context = get_context("spawn")
    mine, theirs = context.Pipe()
    process = context.Process(target=serve, args=(theirs,), daemon=True)
    process.start()
    try:
        yield mine.recv()
    finally:
        process.terminate()
        process.join()


def clean_rows(count: int) -> list[Row]:
    """Rows that the model answers."""
    return [{f"x{n}": float((at * 7 + n * 13) % 90 + 5) for n in range(FIELDS)} for at in range(count)]


def bare_s(port: int, requests: int) -> float:
    """Seconds for so many requests that nobody looks at."""
    body = json.dumps({"rows": clean_rows(1)}).encode()

    def some(count: int) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", port)
        for _ in range(count):
            connection.request("POST", "/predict", body)
            connection.getresponse().read()
        connection.close()

    began = time.perf_counter()
    with ThreadPoolExecutor(AT_ONCE) as pool:
        list(pool.map(some, [requests // AT_ONCE] * AT_ONCE))
    return time.perf_counter() - began


def product_s(port: int, requests: int) -> tuple[float, int]:
    """Seconds that the campaign takes for at least so many, and how many they were."""
    inputs = {f"x{n}": {"type": "number", "minimum": 0, "maximum": 100, "unit": "degC"} for n in range(FIELDS)}
    system = System.model_validate(
        {
            "system": "benchmark",
            "version": "1",
            "model": {
                "endpoint": f"http://127.0.0.1:{port}/predict",
                "task": "binary",
                "inputs": inputs,
                "output": {"prediction": "label", "score": "p"},
                "test_endpoint": True,
            },
        }
    )
    rows = clean_rows(400)
    declared = {name: InputField.model_validate(each) for name, each in inputs.items()}
    places = {
        name: Place(name=name, declared=each, profile=profile_of(rows, name), known=FaultField(), others=rows)
        for name, each in declared.items()
    }
    model: Any = open_model(system, base_dir=Path(), http=Http(origins=declared_origins(system)))
    clock = SimpleNamespace(monotonic=time.monotonic, sleep=time.sleep)
    trial = cast("Trial", SimpleNamespace(model=model, clock=clock))
    clean = answered_clean(trial, rows, most=400, batch=1)
    stick = yardstick(system, [answer for _, answer in clean.rows])
    campaign = Campaign(
        trial,
        places=places,
        moved=lambda _, before, after: stick.moved(before, after),
        clean=clean.rows,
        batches=clean.agree,
        deadline=time.monotonic() + 10 * LIMIT_S,
    )
    faults = [fault for place in places.values() for fault in faults_of(place)]
    began = time.perf_counter()
    while campaign.asked < requests:
        for fault in faults:
            campaign.probe(fault, wanted=37, smallest=0.05)
            if campaign.asked >= requests:
                break
    return time.perf_counter() - began, campaign.asked


def main() -> None:
    """Print both and judge."""
    requests = int(sys.argv[1]) if len(sys.argv) > 1 else REQUESTS
    with running() as port:
        bare = bare_s(port, requests)
        product, asked = product_s(port, requests)
    print(f"bare     {requests:,} requests in {bare:.1f} s: {requests / bare:,.0f} a second")
    print(
        f"product  {asked:,} requests in {product:.1f} s: {asked / product:,.0f} a second; {product / bare:.2f} of bare"
    )
    limit = LIMIT_S * requests / REQUESTS
    print(f"limit    {limit:.0f} s")
    sys.exit(product > limit)


if __name__ == "__main__":
    main()
