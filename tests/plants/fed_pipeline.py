"""A pipeline that asks a weather source for every record, through a line that a check disturbs; one fault each."""

from __future__ import annotations

import http.client
import queue
import threading
import time
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self

from plants.server import Asked, Said, said


def weather(asked: Asked) -> Said:
    """The source: one reading."""
    if asked.path == "/version":
        return said({"version": "3.4"})
    return said([{"temp": 12.5}])


class FedPipeline:
    """Takes deliveries at once and works through them behind; what the weather source does not give is waited for.

    `source` is where the line listens. `drops` loses what the source was away for, `repeats` passes it on twice,
    `stuck` waits for the source without any time-out, `silent` raises no alarm, `synchronous` answers 503 while it is
    away, `falls_back` passes on at once what it could not ask for.
    """

    def __init__(
        self,
        source: int,
        *,
        drops: bool = False,
        repeats: bool = False,
        stuck: bool = False,
        silent: bool = False,
        synchronous: bool = False,
        always: bool = False,
        asks: bool = True,
        falls_back: bool = False,
    ) -> None:
        self._source = source
        self._drops, self._repeats, self._silent = drops, repeats, silent
        self._timeout_s = 30.0 if stuck else 0.15
        self._synchronous, self._always, self._asks = synchronous, always, asks
        self._falls_back = falls_back
        self._waiting: queue.Queue[dict[str, Any]] = queue.Queue()
        self._out: dict[str, list[dict[str, Any]]] = {}
        self._away_since: float | None = None
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._workers = [threading.Thread(target=self._work, daemon=True) for _ in range(4)]

    def __enter__(self) -> Self:
        for worker in self._workers:
            worker.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self._stop.set()
        for worker in self._workers:
            worker.join()

    def __call__(self, asked: Asked) -> Said:
        if asked.path == "/alarm":
            since = self._away_since
            up = self._always or (not self._silent and since is not None and time.monotonic() - since > 0.2)
            return said({"weather": up})
        if asked.path == "/out":
            with self._lock:
                return said([row for v in asked.query.get("value", []) for row in self._out.get(v, [])])
        if asked.method == "GET":
            return said({"records": []})
        record = asked.json()
        if self._synchronous:
            if not self._asked_source():
                return said({"error": "no weather"}, 503)
            self._passed(record)
        else:
            self._waiting.put(record)
        return said({"taken": True}, 201)

    def _asked_source(self) -> bool:
        connection = http.client.HTTPConnection("127.0.0.1", self._source, timeout=self._timeout_s)
        try:
            connection.request("GET", "/observations")
            good = connection.getresponse().read() == b'[{"temp": 12.5}]'
        except (OSError, http.client.HTTPException):
            good = False
        finally:
            connection.close()
        if good:
            self._away_since = None
        elif self._away_since is None:
            self._away_since = time.monotonic()
        return good

    def _work(self) -> None:
        while not self._stop.is_set():
            try:
                record = self._waiting.get(timeout=0.05)
            except queue.Empty:
                continue
            troubled = False
            while self._asks and not self._asked_source() and not self._stop.is_set():
                troubled = True
                if self._falls_back:
                    record["source"] = "schedule"
                if self._drops or self._falls_back:
                    break
                time.sleep(0.05)
            if not (troubled and self._drops):
                self._passed(record)
            if troubled and self._repeats:
                self._passed(record)

    def _passed(self, record: Mapping[str, Any]) -> None:
        with self._lock:
            self._out.setdefault(str(record["id"]), []).append(dict(record))


def declared(pipeline: str, source: str, via: int, **changes: Any) -> dict[str, Any]:
    """The system as plain data: deliveries in, warnings out, weather asked through the line at port `via`."""
    test = {"url": pipeline, "writable": True, "read": "/in", "write": "/in", "observe": "/out"}
    alarm = {
        "name": "The pipeline says that the weather is missing",
        "kind": "http",
        "with": {"url": f"{pipeline}/alarm", "expect": {"json": {"weather": True}}},
        "deadline": "1s",
    }
    interruption = {
        "window": "1s",
        "catch_up": "4s",
        "sources": {"weather": {"alarm": alarm, "within": "2s"}},
    }
    return {
        "system": "dock-delay",
        "version": "1",
        "model": {"endpoint": f"{pipeline}/predict", "task": "binary"},
        "data": {"interruption": changes.pop("interruption", interruption)},
        "integrations": {
            "deliveries": {"kind": "http", "test": test},
            "planner": {"kind": "http", "direction": "out", "test": test},
            "weather": {"kind": "http", "test": {"url": source, "read": "/observations", "via": f"127.0.0.1:{via}"}},
        },
        "flows": [
            {
                "name": "warn",
                "in": "deliveries",
                "out": "planner",
                "key": "id",
                "within": "2s",
                "peak": "40/s",
                "records": "records.jsonl",
                "expect": {"dock": "dock"},
                **changes.pop("flow", {}),
            }
        ],
        **changes,
    }
