"""Keys that are reserved for tests must be a range, and each flow's its own."""

from __future__ import annotations

import json
from typing import Any

import pytest

from seatrial.spec.loading import load_system
from seatrial.spec.problem import SpecErrors


def _load(*keys: dict[str, Any]) -> None:
    flows = [
        {"name": f"f{at}", "in": "erp", "out": "erp", "key": "id", "keys": each, "within": "1s", "peak": "1/s"}
        for at, each in enumerate(keys)
    ]
    content = {
        "system": "orders",
        "version": "1",
        "model": {"endpoint": "http://127.0.0.1:1/p", "task": "binary"},
        "integrations": {"erp": {"kind": "http", "test": {"url": "http://127.0.0.1:2"}}},
        "flows": flows,
    }
    load_system(json.dumps(content).encode(), name="seatrial.yaml", environment={})


@pytest.mark.parametrize(
    ("first", "last"),
    [(10, 9), (5, 5), (-3, 9), ("T01", "T1"), ("T00", "U99"), ("A", "B"), (1, "9"), ("T09", "T00"), ("T00", "T0x")],
)
def test_what_is_no_range_is_told_at_its_place(first: object, last: object) -> None:
    with pytest.raises(SpecErrors, match=r"flows\[0\]\.keys\.last"):
        _load({"first": first, "last": last})


def test_ranges_of_flows_into_one_place_must_not_meet() -> None:
    with pytest.raises(SpecErrors, match="other keys than those of the flow f0"):
        _load({"first": 100, "last": 200}, {"first": 200, "last": 300})
    _load({"first": 100, "last": 199}, {"first": 200, "last": 300}, {"first": "100", "last": "199"})
