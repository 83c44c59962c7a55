"""What scoring a table costs beside the model's own batch scoring, per protocol, in one run on this machine.

    python -m benchmarks.scoring [ROWS]

The model is a small network in numpy behind a server of its own process; `served` is the time of the same requests,
encoded beforehand and sent one after the other by a client that reads nothing out of the answers. `product` is all of
the product's scoring: reading, encoding, checking every answer, writing. The limit is 1.10 for Arrow, on a machine
with a core for the model and one for the product; exit code 1 when it is missed.
"""

from __future__ import annotations

import sys
import tempfile
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np

FIELDS = 29
BATCH = 8192
MOST_RATIO = 1.10
ROWS = 1_000_000
HIDDEN = 1200
PROTOCOLS = ("arrow", "columns", "records")


def model() -> Callable[[Any], Any]:
    """A small network: about as slow a row as a boosted model of a few hundred trees."""
    rng = np.random.default_rng(3)
    first, second = rng.normal(size=(FIELDS, HIDDEN)), rng.normal(size=HIDDEN) / HIDDEN
    return lambda rows: 1 / (1 + np.exp(-(np.tanh(rows @ first) @ second)))


def serve(told: Connection) -> None:
    """The model's server: one request after the other on one core, as a single worker serves them."""
    import orjson
    import pyarrow as pa
    from threadpoolctl import threadpool_limits

    threadpool_limits(limits=1)
    predict = model()
    turn = threading.Lock()

    def rows_of(kind: str, body: bytes) -> Any:
        if kind.startswith("application/vnd"):
            return np.column_stack([c.to_numpy() for c in pa.ipc.open_stream(body).read_all().columns])
        content = orjson.loads(body)
        if "rows" in content:
            return np.array([list(row.values()) for row in content["rows"]])
        return np.column_stack([np.asarray(values) for values in content.values()])

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            kind = self.headers["Content-Type"]
            with turn:
                scores = predict(rows_of(kind, body))
            labels = (scores >= 0.5).astype(np.int64)
            if kind.startswith("application/vnd"):
                table = pa.table({"prediction": labels, "score": scores})
                sink = pa.BufferOutputStream()
                with pa.ipc.new_stream(sink, table.schema) as writer:
                    writer.write_table(table)
                answer = bytes(sink.getvalue())
            else:
                answer = orjson.dumps({"prediction": labels.tolist(), "score": scores.tolist()})
                kind = "application/json"
            self.send_response(200)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    told.send(server.server_address[1])
    server.serve_forever()


def table(folder: Path, rows: int) -> Path:
    """Standard normal numbers, as Parquet."""
    import pyarrow as pa
    from pyarrow import parquet

    rng = np.random.default_rng(5)
    path = folder / "rows.parquet"
    columns = {f"f{at}": rng.normal(size=rows) for at in range(FIELDS)}
    parquet.write_table(pa.table(columns), path, row_group_size=65_536)
    return path


def timed(protocol: str, url: str, file: Path, folder: Path) -> tuple[float, float]:
    """Seconds of the served requests alone, and of the product's whole scoring."""
    from seatrial.adapters.http import Http, declared_origins
    from seatrial.adapters.models.catalogue import open_model
    from seatrial.adapters.models.forms import FORMS
    from seatrial.adapters.tables.parquet import ParquetTable
    from seatrial.app.folder.scoring import Given, score
    from seatrial.core.ports import Request
    from seatrial.spec.system import System

    declared = {"endpoint": url, "protocol": protocol, "task": "binary", "output": {"score": "score"}, "timeout": "60s"}
    system = System.model_validate({"system": "s", "version": "1", "model": declared})
    source = ParquetTable(file, file.name)
    form = FORMS[protocol](system.model)
    parts = [rows.slice(at, BATCH) for rows in source.batches() for at in range(0, rows.num_rows, BATCH)]
    sent = [Request(method="POST", url=url, headers=form.headers, body=form.of_batch(part)) for part in parts]
    with Http(origins=declared_origins(system)) as http:
        began = time.perf_counter()
        for request in sent:
            http.send(request, timeout_s=60, repeatable=True)
        served = time.perf_counter() - began
        del sent
        opened = open_model(system, base_dir=folder, http=http)
        began = time.perf_counter()
        given = Given(name="evaluation", inputs=None)
        score(source, opened, given=given, batch=BATCH, target=folder / "s.parquet", say=lambda *_: None)
        return served, time.perf_counter() - began


def main() -> int:
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else ROWS
    here, there = get_context("spawn").Pipe()
    server = get_context("spawn").Process(target=serve, args=(there,), daemon=True)
    server.start()
    url = f"http://127.0.0.1:{here.recv()}/"
    missed = False
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        file = table(folder, rows)
        print(f"{rows:,} rows x {FIELDS}, batches of {BATCH}")
        for protocol in PROTOCOLS:
            served, product = timed(protocol, url, file, folder)
            print(
                f"{protocol:8} served {served:6.1f} s  product {product:6.1f} s  ratio {product / served:.2f}",
                flush=True,
            )
            missed |= protocol == "arrow" and product / served > MOST_RATIO
    server.terminate()
    server.join()
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
