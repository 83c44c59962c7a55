"""A model server that checks every row against its declaration before it scores, and the ways in which one does not.

`Guarded()` is sound. Each argument plants one defect or one harmless difference.
"""

from __future__ import annotations

import math
import random
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final

from plants.server import Asked, Said, said
from seatrial.core.observation import Observation

INPUTS: Final[dict[str, dict[str, Any]]] = {
    "temp": {"type": "number", "unit": "degC", "minimum": -30, "maximum": 45},
    "weight": {"type": "integer", "unit": "kg", "minimum": 1, "maximum": 2000},
    "carrier": {"type": "string", "values": ["DHL", "UPS", "GLS"]},
    "dock": {"type": "string"},
    "gusts": {"type": "number", "minimum": 0, "maximum": 40, "nullable": True},
    "planned_at": {"type": "time"},
}
_EFFECT: Final = {"DHL": 0.4, "UPS": -0.6, "GLS": 0.0}
_DOCKS: Final = tuple(f"Dock {letter}" for letter in "ABCDEF")


def rows(count: int, *, seed: int = 1) -> list[dict[str, Any]]:
    """Clean rows as the data hold them."""
    drawn = random.Random(seed)
    start = datetime.fromisoformat("2026-09-01T06:00:00+00:00")
    return [
        {
            "temp": round(drawn.uniform(5.0, 35.0), 1),
            "weight": drawn.randrange(100, 1500),
            "carrier": drawn.choice(tuple(_EFFECT)),
            "dock": drawn.choice(_DOCKS),
            "gusts": None if drawn.random() < 0.2 else round(drawn.uniform(0.0, 25.0), 1),
            "planned_at": start + timedelta(minutes=7 * at),
            "late": int(drawn.random() < 0.2),
        }
        for at in range(count)
    ]


class Guarded:
    """`off` names fields that the guard does not check at all; their rows reach the model as they are."""

    def __init__(
        self,
        *,
        off: tuple[str, ...] = (),
        missing_crashes: bool = False,
        nulls_become_zero: bool = False,
        ranges: bool = True,
        comma_cut: bool = False,
        strips_text: bool = False,
        refuses_more: bool = False,
        order_lost: bool = False,
        empty_crashes: bool = False,
        delay_s: float = 0.0,
        maximum: float = 45.0,
        wordless: bool = False,
        flips: bool = False,
    ) -> None:
        self.off = off
        self.missing_crashes = missing_crashes
        self.nulls_become_zero = nulls_become_zero
        self.ranges = ranges
        self.comma_cut = comma_cut
        self.strips_text = strips_text
        self.refuses_more = refuses_more
        self.order_lost = order_lost
        self.empty_crashes = empty_crashes
        self.delay_s = delay_s
        self.maximum = maximum
        self.wordless = wordless
        self.flips = flips
        self._count = 0

    def __call__(self, asked: Asked) -> Said:
        if asked.path == "/version":
            return said({"version": "1"})
        given = asked.json()["rows"]
        if not given:
            return said({"error": "Traceback"}, 500) if self.empty_crashes else said({"error": "no rows"}, 422)
        taken = []
        for row in given:
            if self.missing_crashes and any(name not in row for name in INPUTS):
                return said({"error": "KeyError"}, 500)
            mended = self._mended(row)
            problem = self._problem(mended)
            if problem:
                return Said(status=422) if self.wordless else said({"error": problem}, 422)
            taken.append(mended)
        if self.order_lost:
            taken.sort(key=lambda row: str(row["carrier"]))
        return said({"predictions": [self._answer(row) for row in taken]}, delay_s=self.delay_s)

    def _mended(self, row: Mapping[str, Any]) -> dict[str, Any]:
        mended = dict(row)
        for name, value in row.items():
            if self.nulls_become_zero and value is None:
                mended[name] = 0
            if self.comma_cut and isinstance(value, str) and name == "temp":
                mended[name] = float(value.split(",")[0]) if "," in value else value
            if self.strips_text and isinstance(value, str):
                mended[name] = next((v for v in (*_EFFECT, *_DOCKS) if v.lower() == value.strip().lower()), value)
        return mended

    def _problem(self, row: Mapping[str, Any]) -> str:
        if self.refuses_more and set(row) - set(INPUTS):
            return f"{min(set(row) - set(INPUTS))} is not known"
        for name, declared in INPUTS.items():
            if name in self.off:
                continue
            value = row.get(name)
            if value is None:
                if not declared.get("nullable"):
                    return f"{name} is missing"
                continue
            if problem := self._wrong(name, value, declared):
                return f"{name} {problem}"
        return ""

    def _wrong(self, name: str, value: Any, declared: Mapping[str, Any]) -> str:
        match declared["type"]:
            case "number" | "integer":
                if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
                    return "is no number"
                top = self.maximum if name == "temp" else declared["maximum"]
                if self.ranges and not declared["minimum"] <= value <= top:
                    return "is out of range"
            case "string":
                if not isinstance(value, str) or value not in declared.get("values", _DOCKS):
                    return "is not known"
            case "time":
                return "" if _zoned(value) else "is no time with a zone"
        return ""

    def _answer(self, row: Mapping[str, Any]) -> dict[str, Any]:
        self._count += 1
        temp, weight = _number(row.get("temp")), _number(row.get("weight"))
        dock = 0.15 * (_DOCKS.index(row["dock"]) if row.get("dock") in _DOCKS else 9)
        gusts = 0.02 * _number(row.get("gusts"))
        effect = _EFFECT.get(str(row.get("carrier")), 2.5)
        exponent = 0.12 * (temp - 20.0) + 0.002 * (weight - 800.0) + effect + dock + gusts
        score = 1.0 / (1.0 + math.exp(-max(-50.0, min(50.0, exponent))))
        if self.flips and self._count % 3 == 0:
            score = 1.0 - score
        return {"label": int(score >= 0.5), "probability": round(score, 6)}


def _number(value: Any) -> float:
    try:
        return float(value)
    except (TypeError, ValueError):
        return 0.0


def _zoned(value: Any) -> bool:
    try:
        return datetime.fromisoformat(value).tzinfo is not None
    except (TypeError, ValueError):
        return False


def declared(url: str, **changes: Any) -> dict[str, Any]:
    """The system file of this model, as plain data."""
    return {
        "system": "dock-delay",
        "version": "1",
        "model": {
            "endpoint": f"{url}/predict",
            "identity": f"{url}/version",
            "task": "binary",
            "timeout": "30s",
            "inputs": INPUTS,
            "output": {"prediction": "label", "score": "probability", "act_at": 0.5},
            "test_endpoint": True,
        },
        "data": {"evaluation": {"source": "evaluation.parquet", "label": "late", "time": "planned_at"}},
        **changes,
    }


def at_the_model(found: Observation) -> Observation:
    """What was seen at the model alone, where these tests put no pipeline before it: that stays open, and they know."""
    return replace(found, findings=tuple(f for f in found.findings if f.code != "no-entry"))
