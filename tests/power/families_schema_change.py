"""data.schema-change: a source that sends a code that the inputs do not list, and what the pipeline makes of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from plants.changed_schema import changed
from power.family import Family
from seatrial.core.vocabulary import Outcome

_WORLDS = 12
_DOCKS = ("A", "B")


def _caught(faults: dict[str, Any], values: list[str] | None) -> Callable[[int], bool]:
    numbers = {"temp": {"type": "number"}, "wind": {"type": "number"}}
    dock = {"type": "string"} | ({} if values is None else {"values": values})
    model = {"endpoint": "http://127.0.0.1:9/predict", "task": "binary", "inputs": {**numbers, "dock": dock}}

    def caught(seed: int) -> bool:
        return changed(faults, more={"model": model}, entry=True, seed=seed)[1] is not Outcome.MET

    return caught


def _family(
    name: str, *, docks: tuple[str, ...] = _DOCKS, unknown: str = "", listed: bool = True, harmful: bool = True
) -> Family:
    return Family(
        requirement="data.schema-change",
        name=name,
        harmful=harmful,
        caught=_caught({"docks": docks, "unknown": unknown}, list(_DOCKS) if listed else None),
        worlds=_WORLDS,
        times=True,
    )


FAMILIES = (
    _family("a code that is not listed is taken for the first one", unknown="first"),
    _family("a code that is not listed is passed on as if it were known", docks=()),
    _family("a code that is not listed is refused", harmful=False),
    _family("a code that is not listed is answered by the declared fallback", unknown="schedule", harmful=False),
    _family("any code may come, and none is listed", docks=(), listed=False, harmful=False),
)
