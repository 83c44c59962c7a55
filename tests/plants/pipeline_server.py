"""A pipeline in one server: deliveries go in, warnings come out; what happens between is the plant's one fault."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Mapping
from typing import Any, Final

from plants.server import Asked, Said, said

CONTRACT: Final[Mapping[str, Any]] = {
    "type": "object",
    "required": ["id", "planned_at", "temp", "dock"],
    "properties": {
        "id": {"type": "string", "minLength": 1},
        "planned_at": {"type": "string", "format": "date-time"},
        "temp": {"type": "number", "minimum": -30, "maximum": 45},
        "dock": {"enum": ["A", "B"]},
    },
}


def delivery(number: int) -> dict[str, Any]:
    """One record that keeps the contract."""
    return {
        "id": f"d{number}",
        "planned_at": f"2026-11-23T{number % 24:02}:00:00Z",
        "temp": 10.5 + number % 20,
        "dock": "AB"[number % 2],
    }


class Pipeline:
    """Sound unless told otherwise. `lose`, `twice` and `alter` hit every n-th record, `slow_s` delays what comes out.

    `hold` sends every n-th out 0.4 s after it; each has its `place` there, as it goes out. What comes `twice` comes the
    second time `twice_after_s` later.

    `lock_s` lets one record at a time through; `refuse` answers every n-th with 503; what should be removed it `keeps`.
    It `reads` what comes in as text in that encoding.
    """

    def __init__(
        self,
        *,
        shown: int = 400,
        lose: int = 0,
        twice: int = 0,
        twice_after_s: float = 0.0,
        alter: int = 0,
        refuse: int = 0,
        hold: int = 0,
        slow_s: float = 0.0,
        lock_s: float = 0.0,
        breaks: Mapping[str, Any] | None = None,
        every: int = 1,
        respells: bool = False,
        keeps: bool = False,
        reads: str = "utf-8",
    ) -> None:
        self.lose, self.twice, self.alter, self.refuse = lose, twice, alter, refuse
        self.hold, self.twice_after_s = hold, twice_after_s
        self.slow_s, self.lock_s, self.respells = slow_s, lock_s, respells
        self.shown = [
            {**delivery(at), **(breaks or {})} if breaks and at % every == 0 else delivery(at) for at in range(shown)
        ]
        self.keeps, self.reads = keeps, reads
        self.out: dict[str, list[tuple[float, dict[str, Any]]]] = {}
        self.taken = 0
        self._lock = threading.Lock()
        self._turn = threading.Lock()

    def __call__(self, asked: Asked) -> Said:
        if asked.path == "/out":
            now = time.monotonic()
            with self._lock:
                found = [row for v in asked.query.get("value", []) for at, row in self.out.get(v, []) if at <= now]
            return said(found)
        if asked.path == "/taken-back":
            with self._lock:
                for value in () if self.keeps else asked.query.get("value", []):
                    self.out.pop(value, None)
            return said({})
        if asked.method == "GET":
            return said({"records": self.shown})
        return self._take(json.loads(asked.body.decode(self.reads)))

    def _take(self, record: dict[str, Any]) -> Said:
        if self.lock_s:
            with self._turn:
                time.sleep(self.lock_s)
        with self._lock:
            self.taken += 1
            number = self.taken
            if self.refuse and number % self.refuse == 0:
                return said({"error": "busy"}, 503)
            out = dict(record)
            if self.alter and number % self.alter == 0:
                out["dock"] = "A" if out["dock"] == "B" else "B"
            if self.respells:
                out["planned_at"] = out["planned_at"].replace("Z", "+00:00")
            lost = self.lose and number % self.lose == 0
            again = self.twice and number % self.twice == 0
            at = time.monotonic() + self.slow_s + (0.4 if self.hold and number % self.hold == 0 else 0.0)
            out["place"] = at
            times = [*([] if lost else [at]), *([at + self.twice_after_s] if again else [])]
            self.out.setdefault(str(out["id"]), []).extend((when, out) for when in times)
        return said({"taken": True}, 201)


def declared(url: str, **changes: Any) -> dict[str, Any]:
    """A system whose deliveries come in and whose warnings go out at this server, as plain data."""
    test = {"url": url, "writable": True, "read": "/in", "write": "/in", "observe": "/out"}
    return {
        "system": "dock-delay",
        "version": "1",
        "model": {
            "endpoint": f"{url}/predict",
            "task": "binary",
            "inputs": {"temp": {"type": "number"}, "dock": {"type": "string"}},
        },
        "integrations": {
            "deliveries": {"kind": "http", "contract": "in.json", "feeds": ["temp", "dock"], "test": test},
            "planner": {"kind": "http", "direction": "out", "contract": "out.json", "test": test},
        },
        "flows": [
            {
                "name": "warn",
                "in": "deliveries",
                "out": "planner",
                "key": "id",
                "within": "1s",
                "peak": "100/s",
                "records": "records.jsonl",
                "expect": {"dock": "dock", "planned_at": "planned_at"},
            }
        ],
        **changes,
    }
