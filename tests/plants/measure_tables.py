"""Tables, requests and tolerances for the laws of the measures."""

from __future__ import annotations

import json
import math
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa

ODD = [0.0, -0.0, math.nan, math.inf, -math.inf, 1e-320, 1.7e308, -1.7e308, 1e-45, 3.5e38]

OPTIONS: dict[str, dict[str, Any]] = {
    "counts": {},
    "range": {},
    "moments": {"columns": ["calm", "whole", "price", "wild"]},
    "quantiles": {},
    "histogram": {"edges": {"calm": [-1.0, 0.0, 1.0], "wild": [0.0, 1.0], "whole": [5.0]}},
    "categories": {"columns": ["word", "coded", "whole", "flag"]},
    "distinct": {"cap": 50},
    "confusion": {"label": "label", "prediction": "coded", "positive": "a"},
    "scores": {"score": "score", "label": "label", "positive": "a"},
    "calibration": {"score": "score", "label": "label", "positive": "a"},
    "decision-rate": {"score": "score", "threshold": 0.5},
    "contract": {
        "fields": {
            "calm": {"type": "number", "minimum": -1, "maximum": 1},
            "wild": {"type": "integer"},
            "word": {"type": "string", "pattern": "[a-z]+"},
            "coded": {"values": ["a", "b"], "nullable": True},
            "absent": {"type": "number"},
        }
    },
    "fingerprint": {},
    "sample": {"rows": 7, "key": "k"},
    "drift": {},
}
"""One way to ask for each measure; a measure without one fails the laws."""


def table(n: int, seed: int) -> pa.RecordBatch:
    """A batch with a column for every trouble."""
    rng = np.random.default_rng(seed)
    wild = rng.normal(0.0, 1e3, n)
    odd = rng.random(n) < 0.3
    wild[odd] = rng.choice(ODD, int(odd.sum()))
    words = rng.choice(["ab", "Ab ", "", "12,5", "7.25", "2013-01-05T07:00Z", "05.01.2013", "MÃ¼nchen", "ÿ東京"], n)
    start = datetime(2013, 1, 1, tzinfo=UTC)
    stamps = [start + timedelta(minutes=int(m)) for m in rng.integers(0, 500_000, n)]
    labels = rng.choice(["a", "b"], n)
    columns: dict[str, pa.Array] = {
        "calm": pa.array(rng.normal(size=n), mask=rng.random(n) < 0.2),
        "single": pa.array(rng.normal(900.0, 5.0, n).astype(np.float32)),
        "wild": pa.array(wild, from_pandas=False),
        "whole": pa.array(rng.integers(-3, 10, n), type=pa.int16()),
        "flag": pa.array(rng.random(n) < 0.5, mask=rng.random(n) < 0.1),
        "price": pa.array([Decimal(int(c)).scaleb(-2) for c in rng.integers(0, 99_999, n)], type=pa.decimal128(12, 2)),
        "word": pa.array([None if w == "" and i % 2 else w for i, w in enumerate(words)], type=pa.string()),
        "coded": pa.array(
            [None if i % 7 == 0 else c for i, c in enumerate(labels)], type=pa.string()
        ).dictionary_encode(),
        "label": pa.array(labels, type=pa.string()),
        "score": pa.array(np.round(rng.random(n), 3), mask=rng.random(n) < 0.1),
        "local": pa.array([s.replace(tzinfo=None) for s in stamps], type=pa.timestamp("us")),
        "zoned": pa.array(stamps, type=pa.timestamp("ms", tz="Europe/Berlin")),
        "day": pa.array([s.date() for s in stamps], type=pa.date32()),
        "nothing": pa.nulls(n),
        "unknown": pa.array([None] * n, type=pa.float64()),
        "nested": pa.array([[1]] * n, type=pa.list_(pa.int64())),
    }
    return pa.record_batch(columns)


def same(one: object, two: object) -> bool:
    """Equal plain data; floats up to rounding, packed arrays by their bytes."""
    if isinstance(one, float) and isinstance(two, float):
        return (math.isnan(one) and math.isnan(two)) or math.isclose(one, two, rel_tol=1e-6, abs_tol=1e-6)
    if isinstance(one, dict) and isinstance(two, dict):
        return one.keys() == two.keys() and all(same(one[k], two[k]) for k in one)
    if isinstance(one, list) and isinstance(two, list):
        return len(one) == len(two) and all(same(a, b) for a, b in zip(one, two, strict=True))
    return one == two


def text(plain: object) -> str:
    """Plain data as JSON; anything that is not plain raises."""
    return json.dumps(plain, sort_keys=True, allow_nan=False)
