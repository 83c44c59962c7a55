"""A lender's rows and the model that scores them: nothing that the package has seen before."""

from __future__ import annotations

import math
import random
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
from pyarrow import csv as arrow_csv
from pyarrow import parquet

from plants.server import Answering, Asked, Said, said
from seatrial.app.proposing.given import Asked as InitAsked


def risk(row: Mapping[str, Any]) -> float:
    grade = {"A": -0.8, "B": -0.2, "C": 0.2, "D": 0.7, "E": 1.2}.get(str(row.get("grade")), 0.0)
    z = -1.2 + 0.00003 * float(row.get("amount") or 0) + grade - 0.03 * float(row.get("tenure") or 0)
    return 1 / (1 + math.exp(-z))


def loans(count: int = 600, *, seed: int = 3, without: tuple[str, ...] = ()) -> pa.Table:
    chance = random.Random(seed)
    rows = []
    for n in range(count):
        row: dict[str, Any] = {
            "loan_id": f"L-{n:06}",
            "decided_at": f"2026-{1 + n % 9:02}-{1 + n % 28:02}T10:{n % 60:02}:00Z",
            "amount": round(chance.lognormvariate(9.5, 0.5), 2),
            "months": chance.choice([12, 24, 36, 48]),
            "grade": chance.choice("ABCDE"),
            "tenure": chance.randint(0, 40),
            "income": None if chance.random() < 0.05 else chance.randint(15_000, 120_000),
            "employed": chance.random() < 0.8,
        }
        row["defaulted"] = "yes" if chance.random() < risk(row) else "no"
        rows.append({k: v for k, v in row.items() if k not in without})
    return pa.Table.from_pylist(rows)


def write(table: pa.Table, path: Path) -> Path:
    if path.suffix == ".parquet":
        parquet.write_table(table, path)
    else:
        arrow_csv.write_csv(table, path)
    return path


def lender(asked: Asked) -> Said:
    """Answers records under /api/score and tells its version beside it."""
    if asked.path == "/api/version":
        return said({"model": "lender", "version": "3.2"})
    if asked.path != "/api/score" or asked.method != "POST":
        return said({"error": "no such page"}, 404)
    rows = asked.json().get("rows")
    if rows is None:
        return said({"error": "rows are missing"}, 422)
    return said({"predictions": [{"decision": "yes" if risk(r) >= 0.5 else "no", "risk": risk(r)} for r in rows]})


def answering(predictions: object, *, path: str = "/predict", key: str = "rows") -> Answering:
    """A model that answers every row with `predictions(row)`."""

    def answer(asked: Asked) -> Said:
        if asked.method != "POST" or asked.path != path or key not in asked.json():
            return said({"error": "not here"}, 404)
        assert callable(predictions)
        return said({"predictions": [predictions(row) for row in asked.json()[key]]})

    return answer


def asked(folder: Path, url: str, data: Path, **more: Any) -> InitAsked:
    return InitAsked(**{"model": url, "data": data, "output": folder / "seatrial.yaml", "label": "defaulted", **more})
