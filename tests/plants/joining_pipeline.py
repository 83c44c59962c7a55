"""A pipeline that joins the newest reading of a source to every record, and reads the source in one of many ways."""

from __future__ import annotations

import http.client
import json
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import Any, Self

from plants.server import Asked, Said, said

READINGS = [{"station": "S1", "temp": 10.5 + 3.0 * at, "wind": 20 - at} for at in range(8)]


def source(asked: Asked) -> Said:
    """The source: its readings, oldest first."""
    if asked.path == "/version":
        return said({"version": "3.4"})
    return said(READINGS)


class Wrong(Exception):
    """The source is not understood."""


def _checked(rows: Sequence[Mapping[str, Any]]) -> tuple[float, float]:
    try:
        values = rows[-1]["temp"], rows[-1]["wind"]
        texts = [row["station"] for row in rows]
    except (KeyError, IndexError, TypeError):
        raise Wrong from None
    if not all(isinstance(v, int | float) for v in values) or not all(isinstance(t, str) for t in texts):
        raise Wrong
    return values


def _tolerant(rows: Sequence[Mapping[str, Any]]) -> tuple[float, float]:
    try:
        return float(rows[-1]["temp"]), float(rows[-1]["wind"])
    except (KeyError, ValueError):
        raise Wrong from None


def _defaulting(rows: Sequence[Mapping[str, Any]]) -> tuple[float, float]:
    def number(value: object) -> float:
        return float(value) if isinstance(value, int | float) else 0.0

    return number(rows[-1].get("temp")), number(rows[-1].get("wind"))


def _positional(rows: Sequence[Mapping[str, Any]]) -> tuple[float, float]:
    values = [v for v in rows[-1].values() if isinstance(v, int | float)]
    if len(values) != 2 or len(rows[-1]) != 3:
        raise Wrong
    return values[0], values[1]


def _strict(rows: Sequence[Mapping[str, Any]]) -> tuple[float, float]:
    if set(rows[-1]) != {"station", "temp", "wind"}:
        raise Wrong
    return _checked(rows)


def _half(rows: Sequence[Mapping[str, Any]]) -> tuple[float, float]:
    return _checked([{**row, "wind": 0} for row in rows])


READERS: Mapping[str, Callable[[Sequence[Mapping[str, Any]]], tuple[float, float]]] = {
    "checked": _checked,
    "tolerant": _tolerant,
    "defaulting": _defaulting,
    "positional": _positional,
    "strict": _strict,
    "half": _half,
}


class JoiningPipeline:
    """`reads` names how the source is read; `source` is the port of the line, `get` another way to have its rows.

    `silent` raises no alarm, `stops` passes nothing on while the source is not understood, `falls_back` passes it on
    marked, `busy` answers 503 meanwhile, `jumpy` rings for any reading that is another than its first one, `stuck`
    never understands again, `ignores` does not use what it read, `takes` accepts records of any shape. A dock that is
    not in `docks` is refused, taken for the first one (`unknown="first"`), or answered by the schedule (`"schedule"`).
    """

    def __init__(
        self,
        source: int = 0,
        *,
        reads: str = "checked",
        silent: bool = False,
        stops: bool = False,
        falls_back: bool = False,
        busy: bool = False,
        stuck: bool = False,
        ignores: bool = False,
        takes: bool = False,
        jumpy: bool = False,
        docks: tuple[str, ...] = (),
        unknown: str = "",
        asks: bool = True,
        get: Callable[[], Sequence[Mapping[str, Any]]] | None = None,
    ) -> None:
        self._port = source
        self._read = READERS[reads]
        self._silent, self._stops, self._falls_back, self._busy = silent, stops, falls_back, busy
        self._jumpy, self._first, self._now = jumpy, "", ""
        self._stuck, self._ignores, self._takes, self._asks = stuck, ignores, takes, asks
        self._docks, self._unknown = docks, unknown
        self._get = get or self._asked
        self._values: tuple[float, float] = (0.0, 0.0)
        self._wrong = False
        self._connection: http.client.HTTPConnection | None = None
        self._out: dict[str, dict[str, Any]] = {}
        self._stop = threading.Event()
        self.ready = threading.Event()
        """Set once the source was read for the first time."""
        self._asker = threading.Thread(target=self._keep_asking, daemon=True)

    def __enter__(self) -> Self:
        if self._asks:
            self._asker.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self._stop.set()
        if self._asks:
            self._asker.join()
        if self._connection is not None:
            self._connection.close()

    def __call__(self, asked: Asked) -> Said:
        if asked.path == "/alarm":
            jumps = self._jumpy and self._now != self._first
            return said({"source": jumps or (self._wrong and not self._silent)})
        if asked.path == "/out":
            return said([self._out[v] for v in asked.query.get("value", []) if v in self._out])
        if asked.method == "GET":
            return said([])
        record = asked.json()
        strange = bool(self._docks) and record.get("dock") not in self._docks
        if not self._takes and (not isinstance(record.get("dock"), str) or (strange and not self._unknown)):
            return said({"error": "dock is not as declared"}, 422)
        if strange and self._unknown == "first":
            record["dock"] = self._docks[0]
        if self._wrong and self._busy:
            return said({"error": "the source is not understood"}, 503)
        if not (self._wrong and self._stops):
            temp, wind = (0.0, 0.0) if self._ignores else self._values
            made = (self._wrong and self._falls_back) or (strange and self._unknown == "schedule")
            self._out[str(record["id"])] = {
                "id": record["id"],
                "dock": record.get("dock", "A"),
                "risk": None if made else round(0.01 * temp + 0.002 * wind, 6),
                "source": "schedule" if made else "model",
                "at": time.time(),
            }
        return said({"taken": True}, 201)

    def _asked(self) -> Sequence[Mapping[str, Any]]:
        # Kept alive, as real clients do.
        if self._connection is None:
            self._connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=1.0)
        try:
            self._connection.request("GET", "/readings")
            rows: Sequence[Mapping[str, Any]] = json.loads(self._connection.getresponse().read())
        except (OSError, http.client.HTTPException):
            self._connection.close()
            self._connection = None
            raise
        return rows

    def _keep_asking(self) -> None:
        while not self._stop.is_set():
            try:
                rows = self._get()
                self._now = json.dumps(rows)
                self._first = self._first or self._now
                values = self._read(rows)
            except Wrong:
                self._wrong = True
            except (OSError, ValueError, http.client.HTTPException):
                pass
            else:
                if not (self._stuck and self._wrong):
                    self._values, self._wrong = values, False
                    self.ready.set()
            self._stop.wait(0.05)


def declared(pipeline: str, *, weather: Mapping[str, Any], alarm: bool = True, **changes: Any) -> dict[str, Any]:
    """The system as plain data: deliveries in, warnings out, readings from `weather`, an integration's section."""
    test = {"url": pipeline, "writable": True, "read": "/in", "write": "/in", "observe": "/out"}
    told = {
        "alarm": {
            "name": "The pipeline says that it does not understand the source",
            "kind": "http",
            "with": {"url": f"{pipeline}/alarm", "expect": {"json": {"source": True}}},
            "deadline": "1s",
        },
        "within": "500ms",
    }
    changing = {**(told if alarm else {}), **changes.pop("changing", {})}
    return {
        "system": "dock-delay",
        "version": "1",
        "model": {
            "endpoint": f"{pipeline}/predict",
            "task": "binary",
            "inputs": {"temp": {"type": "number"}, "wind": {"type": "number"}, "dock": {"type": "string"}},
        },
        "data": {"schema_change": {"sources": {"weather": changing}}},
        "integrations": {
            "deliveries": {"kind": "http", "test": test, "feeds": ["dock"]},
            "planner": {"kind": "http", "direction": "out", "test": test},
            "weather": {"feeds": ["temp", "wind"], **weather},
        },
        "flows": [
            {
                "name": "warn",
                "in": "deliveries",
                "out": "planner",
                "key": "id",
                "within": "500ms",
                "peak": "40/s",
                "records": "records.jsonl",
                "fallback": {"source": "schedule"},
            }
        ],
        **changes,
    }


class TablePipeline:
    """Passes on what is new in the table of orders that `rows` gives, whatever it is called at the time.

    `guarded` passes nothing on and is up with its alarm where a row is not of the form that it knows; else it puts a
    usual value in the place of what is missing or of another type.
    """

    def __init__(self, rows: Callable[[], Sequence[Mapping[str, Any]]], *, guarded: bool) -> None:
        self._rows = rows
        self._guarded = guarded
        self._wrong = False
        self._out: dict[str, dict[str, Any]] = {}
        self._stop = threading.Event()
        self._asker = threading.Thread(target=self._keep_asking, daemon=True)

    def __enter__(self) -> Self:
        self._asker.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self._stop.set()
        self._asker.join()

    def __call__(self, asked: Asked) -> Said:
        if asked.path == "/alarm":
            return said({"source": self._wrong})
        return said([self._out[v] for v in asked.query.get("value", []) if v in self._out])

    def _keep_asking(self) -> None:
        while not self._stop.wait(0.02):
            try:
                rows = self._rows()
            except OSError:
                continue
            good = [isinstance(r.get("kg"), int | float) and isinstance(r.get("dock"), str) for r in rows]
            self._wrong = self._guarded and not all(good)
            if not self._wrong:
                self._out |= {str(r["id"]): self._passed_on(r) for r in rows}

    def _passed_on(self, row: Mapping[str, Any]) -> dict[str, Any]:
        kg = row.get("kg")
        late = 0.01 * kg if isinstance(kg, int | float) else 0.5
        return {"id": row["id"], "late": late + 0.1 * (row.get("dock") == "B")}
