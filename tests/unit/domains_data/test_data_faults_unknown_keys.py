"""A key that the master data lack, put in at a flow's entry: what is then joined must not pass for known."""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from plants.real_trial import RealTrial
from plants.server import Asked, Said, Server, said
from seatrial.core.ports import Row
from seatrial.domains.data import fault_findings, faults
from seatrial.domains.data.campaign import Ending
from seatrial.domains.data.fault_flows import Entered, Entering, through_all_flows
from seatrial.domains.flows.master_data import Lookup, lookups
from seatrial.domains.sending import inputs_of
from seatrial.spec.system import System

CUSTOMERS = {f"C{at:03}": 12.5 * (at + 1) for at in range(30)}


class Pipeline:
    """Joins the distance of a record's customer and answers by it; `how` says what it does with one that it lacks."""

    def __init__(self, how: str) -> None:
        self.how = how
        self.out: dict[str, dict[str, Any]] = {}
        self._lock = threading.Lock()

    def __call__(self, asked: Asked) -> Said:
        if asked.path == "/out":
            with self._lock:
                return said([self.out[v] for v in asked.query.get("value", []) if v in self.out])
        if asked.method == "GET":
            return said([])
        record = asked.json()
        km = CUSTOMERS.get(record["customer"])
        if km is None and self.how == "refuses":
            return said({"error": "customer is not known"}, 422)
        if km is None and self.how == "loses":
            return said({}, 201)
        out = {"id": record["id"], "customer": record["customer"], "by": "model"}
        if self.how == "passes on":
            out |= {"by": "nobody"}
        elif self.how == "needs none":
            out["late"] = record["pieces"] * 0.5
        elif km is None and self.how == "falls back":
            out |= {"late": 7, "by": "rule"}
        else:
            out["late"] = (1000.0 if km is None else km) / 4.0
        with self._lock:
            self.out[str(record["id"])] = out
        return said({}, 201)


def entered(how: str, tmp_path: Path, *, first: str = "C", **skip: str) -> Entered:
    database = sqlite3.connect(tmp_path / "erp.db")
    with database:
        database.execute("CREATE TABLE customers (no TEXT, km REAL)")
        database.executemany("INSERT INTO customers VALUES (?, ?)", CUSTOMERS.items())
    database.close()
    records = [{"id": f"d{at}", "customer": f"{first}{at % 30:03}", "pieces": at % 9 + 1} for at in range(25)]
    lines = "".join(f"{json.dumps(each)}\n" for each in records).encode()
    with Server(Pipeline(how)) as server:
        test = {"url": server.url, "writable": True, "read": "/in", "write": "/in", "observe": "/out"}
        flow = {"name": "plan", "in": "orders", "out": "planner", "key": "id", "within": "300ms", "peak": "9/s"}
        system = System.model_validate(
            {
                "system": "s",
                "version": "1",
                "model": {
                    "endpoint": server.url,
                    "task": "regression",
                    "inputs": {"km": {"type": "number", "fed_by": "customers"}},
                },
                "data": {"faults": {"fields": {"customer": {"skip": {"unknown-key": skip["why"]}}} if skip else {}}},
                "integrations": {
                    "orders": {"kind": "http", "test": test},
                    "planner": {"kind": "http", "direction": "out", "test": test},
                    "customers": {
                        "kind": "sqlite",
                        "test": {"url": f"sqlite:///{tmp_path / 'erp.db'}", "read": "customers"},
                    },
                },
                "flows": [
                    {**flow, "records": "r.jsonl", "expect": {"customer": "customer"}, "fallback": {"by": "rule"}}
                ],
            }
        )
        how_entered = Entering(most=25, place=faults._place, faults=lambda *_, **__: iter(()), texts=False)
        with RealTrial(system, files={"r.jsonl": lines}) as trial:
            return through_all_flows(system, trial, inputs_of(system, trial), [], how_entered)


@pytest.mark.parametrize(
    ("how", "ending"),
    [
        ("takes a default", Ending.HARM),
        ("loses", Ending.HARM),
        ("refuses", Ending.REFUSED),
        ("falls back", Ending.HANDLED),
        ("needs none", Ending.HANDLED),
    ],
)
def test_a_key_that_the_master_data_lack_must_not_be_answered_as_if_they_had_it(
    how: str, ending: Ending, tmp_path: Path
) -> None:
    (probe,) = entered(how, tmp_path).probes
    assert (probe.fault.name, probe.applies) == ("orders.customer: unknown-key (customers)", 1.0)
    assert {told.ending for told in probe.told} == {ending}
    found = [f for f in fault_findings.findings([probe], {}) if f.code == "silent-harm"]
    assert len(found) == (ending is Ending.HARM)
    for finding in found:
        assert finding.summary.startswith("A key that the master data do not have in orders.customer")
        assert not any(key in finding.summary for key in CUSTOMERS)
        assert "declared fallback" in finding.remedy


def test_a_kind_that_is_declared_impossible_is_not_put_in(tmp_path: Path) -> None:
    assert entered("takes a default", tmp_path, why="orders are refused upstream").probes == []


def test_a_flow_that_has_nothing_to_do_with_the_model_need_not_show_its_answer(tmp_path: Path) -> None:
    apart = entered("passes on", tmp_path, first="D")
    assert (apart.findings, apart.tried) == ([], {"plan": ()})


def test_a_flow_that_looks_master_data_up_and_shows_nothing_of_them_is_blind(tmp_path: Path) -> None:
    (finding,) = entered("passes on", tmp_path).findings
    assert finding.code == "blind-exit"


ROWS: Sequence[Row] = [{"no": f"K-{at:02}", "size": at, "twice": f"T{at % 3}"} for at in range(20)]


def found(**columns: Sequence[str]) -> list[Lookup]:
    sent: list[Row] = [
        {"id": f"s{at}", **{name: values[at % len(values)] for name, values in columns.items()}} for at in range(20)
    ]
    return list(lookups("m", ROWS, sent, key="id"))


def test_a_lookup_is_a_field_whose_values_each_name_one_row() -> None:
    known = [f"K-{at:02}" for at in range(20)]
    (lookup,) = found(article=known)
    assert (lookup.field, lookup.column) == ("article", "no")
    assert [each.field for each in found(article=[*known[:19], "K-99"])] == ["article"]
    assert (
        found(article=["K-99", *known[:3]], code=["T0", "T1", "T2"], text=[f"free text {at}" for at in range(9)]) == []
    )


def test_an_unknown_key_has_the_form_of_a_known_one_and_names_no_row() -> None:
    (lookup,) = found(article=[f"K-{at:02}" for at in range(20)])
    made = [lookup.unknown(f"K-{at:02}") for at in range(20)]
    assert all(m is not None and m.startswith("K-") and len(m) == 4 and m not in lookup.rows for m in made)
    assert lookup.unknown("äöü") is None
