"""A desk that tells how long each order takes: it joins its customer's distance, and may keep answers that it gave."""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from plants.server import Asked, Said, said

CUSTOMERS: Mapping[str, float] = {f"C{at:03}": round(3.0 + at * 17.3 % 600, 1) for at in range(40)}
Joins = Callable[[int, str], Any]
"""The distance that is joined to the order of that number for that customer."""


def as_it_is(_: int, customer: str) -> float:
    """What the table of customers holds."""
    return CUSTOMERS[customer]


def orders(seed: int, count: int = 40) -> bytes:
    """Order records as JSON lines, one for each customer; no two agree in all but one input."""
    made = [
        {"id": "", "customer": f"C{(at + seed) % 40:03}", "pieces": at + 1, "kind": "nx"[at % 2 == 0]}
        for at in range(count)
    ]
    return "".join(f"{json.dumps(each)}\n" for each in made).encode()


def table_of_customers(folder: Path) -> str:
    """The address of a database file with the table `customers`."""
    file = folder / "erp.db"
    database = sqlite3.connect(file)
    with database:
        database.execute("CREATE TABLE customers (no TEXT, km REAL)")
        database.executemany("INSERT INTO customers VALUES (?, ?)", CUSTOMERS.items())
    database.close()
    return f"sqlite:///{file}"


def _minutes(row: Mapping[str, Any]) -> float:
    return 3.0 * float(row["pieces"]) + {"n": 0.0, "x": 40.0}[row["kind"]] + 0.1 * float(row["distance"])


class OrderDesk:
    """Sound unless told otherwise: its model answers at `/predict`, orders go in at `/in` and come out at `/out`.

    Answers are kept `by` these fields; what agrees in the fields of `known_by` with an earlier order is dropped behind
    the entry. `refuses` turns orders down that their customer would not send. `joins` gives each order its distance.
    """

    def __init__(
        self,
        *,
        by: tuple[str, ...] = ("id",),
        known_by: tuple[str, ...] = ("id",),
        refuses: bool = False,
        joins: Joins = as_it_is,
    ) -> None:
        self._by, self._known_by, self._refuses, self._joins = by, known_by, refuses, joins
        self._kept: dict[tuple[Any, ...], float] = {}
        self._known: set[tuple[Any, ...]] = set()
        self._out: dict[str, dict[str, Any]] = {}
        self._lock = threading.Lock()

    def __call__(self, asked: Asked) -> Said:
        if asked.path == "/predict":
            return said({"predictions": [{"minutes": _minutes(row)} for row in asked.json()["rows"]]})
        if asked.path == "/out":
            with self._lock:
                return said([self._out[v] for v in asked.query.get("value", []) if v in self._out])
        if asked.method == "GET":
            return said([])
        order = asked.json()
        usual = (order["pieces"] % 2 == 1) == (order["kind"] == "x")
        if self._refuses and not usual:
            return said({"error": "no such order"}, 422)
        with self._lock:
            self._take(order)
        return said({}, 201)

    def _take(self, order: dict[str, Any]) -> None:
        known = tuple(order[name] for name in self._known_by)
        if known in self._known:
            return
        self._known.add(known)
        row = {**order, "distance": self._joins(len(self._out), order["customer"])}
        kept = tuple(row[name] for name in self._by)
        told = self._kept.setdefault(kept, _minutes(row))
        self._out[str(order["id"])] = {"id": order["id"], "distance": row["distance"], "minutes": told}


def declared(url: str, customers: str) -> dict[str, Any]:
    """The system of the desk at that address as plain data, with the table of customers at the other one."""
    test = {"url": url, "writable": True, "read": "/in", "write": "/in", "observe": "/out"}
    return {
        "system": "order-desk",
        "version": "1",
        "model": {
            "endpoint": f"{url}/predict",
            "task": "regression",
            "inputs": {
                "pieces": {"type": "integer", "fed_by": "orders"},
                "kind": {"type": "string", "values": ["n", "x"], "fed_by": "orders"},
                "distance": {"type": "number", "fed_by": "customers"},
            },
            "output": {"prediction": "minutes"},
        },
        "integrations": {
            "orders": {"kind": "http", "test": test},
            "planner": {"kind": "http", "direction": "out", "test": test},
            "customers": {"kind": "sqlite", "test": {"url": customers, "read": "customers"}},
        },
        "flows": [
            {
                "name": "plan",
                "in": "orders",
                "out": "planner",
                "key": "id",
                "within": "2s",
                "peak": "100/s",
                "records": "orders.jsonl",
                "answers": {"minutes": "prediction"},
            }
        ],
    }
