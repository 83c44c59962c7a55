"""A pipeline that asks a weather source for every record, through a line that a check disturbs; one fault each."""

from __future__ import annotations

import http.client
import math
import queue
import threading
import time
from collections.abc import Mapping
from pathlib import Path
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

    The `risk` that it hands over goes by the temperature and the hour.

    `source` is where the line listens. `drops` loses what the source was away for, `repeats` passes it on twice,
    `stuck` waits for the source without any time-out, `silent` raises no alarm, `synchronous` answers 503 while it is
    away, `falls_back` passes on at once what it could not ask for. `breaker_s` asks no more for so long after it fell
    back, and infinite never asks again, with `breaks_late` only after it had waited in vain; `timeout_s` waits for
    it so long; what is planned at a time that holds `ruled` is passed on by the fallback as a rule; `doubles_after_s`
    passes everything on once more so much later.

    `direct` is where it asks while the line is away, `keeps` answers from what it read last and asks no more for
    `breaker_s`, `guesses` fills in a temperature, `again_s` passes on once more so long after it what was held up,
    `passes_anyway` passes on what it refuses, `clings` to what it filled in, although it asks again. `alarm_s` is how
    long the source must be away in all until the alarm is raised, which then stays up.
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
        breaker_s: float = 0.0,
        breaks_late: bool = False,
        timeout_s: float = 0.15,
        ruled: str = "",
        doubles_after_s: float = math.inf,
        direct: int | None = None,
        keeps: bool = False,
        guesses: bool = False,
        again_s: float = math.inf,
        passes_anyway: bool = False,
        clings: bool = False,
        alarm_s: float | None = None,
    ) -> None:
        self._source = source
        self._drops, self._repeats, self._silent = drops, repeats, silent
        self._timeout_s = 30.0 if stuck else timeout_s
        self._synchronous, self._always, self._asks = synchronous, always, asks
        self._falls_back = falls_back
        self._breaker_s, self._breaks_late, self._ruled = breaker_s, breaks_late, ruled
        self._doubles_after_s = doubles_after_s
        self._direct, self._keeps, self._guesses = direct, keeps, guesses
        self._again_s, self._passes_anyway, self._alarm_s = again_s, passes_anyway, alarm_s
        self._clings, self._clung = clings, False
        self._away_s, self._failed_at = 0.0, 0.0
        self._later: list[tuple[float, dict[str, Any]]] = []
        self._open_until = 0.0
        self._waiting: queue.Queue[dict[str, Any]] = queue.Queue()
        self._out: dict[str, list[tuple[float, dict[str, Any]]]] = {}
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
            if self._alarm_s is not None:
                up = self._away_s > self._alarm_s
            return said({"weather": up})
        if asked.path == "/out":
            with self._lock:
                return said([row for v in asked.query.get("value", []) for row in self._there(v)])
        if asked.method == "GET":
            return said({"records": []})
        record = asked.json()
        if self._synchronous:
            if not self._asked_source():
                if self._passes_anyway:
                    self._passed(record)
                return said({"error": "no weather"}, 503)
            self._passed(record)
        else:
            self._waiting.put(record)
        return said({"taken": True}, 201)

    def _asked_source(self) -> bool:
        if self._reads_source():
            self._away_since = None
            return True
        now = time.monotonic()
        with self._lock:
            self._away_s += min(0.2, now - self._failed_at)
            self._failed_at = now
        if self._away_since is None:
            self._away_since = now
        return self._direct is not None and self._answered_at(self._direct)

    def _reads_source(self) -> bool:
        return self._answered_at(self._source)

    def _answered_at(self, port: int) -> bool:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=self._timeout_s)
        try:
            connection.request("GET", "/observations")
            return connection.getresponse().read() == b'[{"temp": 12.5}]'
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    def _work(self) -> None:
        while not self._stop.is_set():
            try:
                record = self._waiting.get(timeout=0.05)
            except queue.Empty:
                self._once_more()
                continue
            troubled = False
            record["temp"] = 12.5
            self._once_more()
            if self._keeps and time.monotonic() < self._open_until:
                self._passed(record)
                continue
            ruled = bool(self._ruled) and self._ruled in str(record["planned_at"])
            if ruled or time.monotonic() < self._open_until:
                self._passed(self._without_asking(record))
                continue
            asked = time.monotonic()
            while self._asks and not self._asked_source() and not self._stop.is_set():
                troubled = True
                if not self._breaks_late or time.monotonic() - asked >= self._timeout_s:
                    self._open_until = time.monotonic() + self._breaker_s
                if self._falls_back:
                    record["source"] = "schedule"
                if self._guesses:
                    record["temp"] = 0.0
                    self._clung = self._clings
                if self._drops or self._falls_back or self._keeps or self._guesses:
                    break
                time.sleep(0.05)
            if not (troubled and self._drops):
                self._passed(record)
            if troubled and self._repeats:
                self._passed(record)
            if troubled and self._again_s < math.inf:
                self._later.append((time.monotonic() + self._again_s, record))

    def _without_asking(self, record: dict[str, Any]) -> Mapping[str, Any]:
        """The record as it is passed on while the source is not asked."""
        guessed = {"temp": 0.0} if self._guesses else {}
        said = {"source": "schedule"} if self._falls_back or not self._guesses else {}
        return {**record, **guessed, **said}

    def _once_more(self) -> None:
        """Pass on again what was held up and is due to be."""
        with self._lock:
            due = [record for at, record in self._later if at <= time.monotonic()]
            self._later = [each for each in self._later if each[0] > time.monotonic()]
        for record in due:
            self._passed(record)

    def _passed(self, record: Mapping[str, Any]) -> None:
        now = time.monotonic()
        record = {**record, "temp": 0.0} if self._clung else record
        worked_out = {"risk": record["temp"] + int(str(record["planned_at"])[11:13]), "passed_at": now}
        with self._lock:
            self._out.setdefault(str(record["id"]), []).append((now, {**record, **worked_out}))

    def _there(self, key: str) -> list[dict[str, Any]]:
        """The copies of a record that have arrived by now."""
        now = time.monotonic()
        copies = self._out.get(key, [])
        later = [record for at, record in copies if now - at > self._doubles_after_s]
        return [*(record for _, record in copies), *later]


class FolderFed(FedPipeline):
    """Reads the weather from a folder that it reaches through a path; with `open_once` it holds the folder open."""

    def __init__(self, folder: Path, *, open_once: bool = False, **faults: Any) -> None:
        super().__init__(0, **faults)
        self._folder = folder
        self._held = folder.resolve() if open_once else None

    def _reads_source(self) -> bool:
        try:
            return ((self._held or self._folder) / "weather.json").read_bytes() == b'[{"temp": 12.5}]'
        except OSError:
            return False


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
        "data": {
            "interruption": changes.pop("interruption", interruption),
            "freshness": changes.pop("freshness", []),
        },
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
