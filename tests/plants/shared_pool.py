"""Two flows and the model behind one pool of connections: each alone finds a free one, all at once they queue."""

from __future__ import annotations

import threading
import time
from dataclasses import replace
from typing import Any, Final

from plants.guarded_model import INPUTS, Guarded
from plants.pipeline_server import Pipeline, declared
from plants.server import Asked, Said

ENTRIES: Final = ("orders", "returns")


class SharedPool:
    """`size` connections, each held for `work_s`."""

    def __init__(self, size: int, *, work_s: float = 0.016) -> None:
        self._pool = threading.Semaphore(size)
        self._work_s = work_s
        self._flows = {name: Pipeline() for name in ENTRIES}
        self._model = Guarded()

    def __call__(self, asked: Asked) -> Said:
        name = asked.path.strip("/").split("/")[0]
        through = self._model if name in ("predict", "version") else self._flows[name]
        if asked.method == "GET":
            return through(
                replace(asked, path=asked.path.removeprefix(f"/{name}")) if through is not self._model else asked
            )
        with self._pool:
            time.sleep(self._work_s)
        return through(asked)


def declared_pool(url: str, **changes: Any) -> dict[str, Any]:
    """The system of both flows and the model, as plain data."""
    plain = declared(url)
    (flow,) = plain["flows"]
    inputs, outputs = plain["integrations"]["deliveries"], plain["integrations"]["planner"]
    integrations = {}
    for name in ENTRIES:
        test = {**inputs["test"], "read": f"/{name}/in", "write": f"/{name}/in", "observe": f"/{name}/out"}
        integrations[f"{name}-in"] = {**inputs, "test": test}
        integrations[f"{name}-out"] = {**outputs, "test": test}
    return {
        **plain,
        "model": {
            **plain["model"],
            "endpoint": f"{url}/predict",
            "inputs": INPUTS,
            "output": {"prediction": "label", "score": "probability", "act_at": 0.5},
            "test_endpoint": True,
        },
        "data": {"evaluation": {"source": "evaluation.parquet", "label": "late", "time": "planned_at"}},
        "load": {"peak": "30/s", "latency": {"p90": "300ms"}},
        "integrations": integrations,
        "flows": [{**flow, "name": name, "in": f"{name}-in", "out": f"{name}-out", "peak": "40/s"} for name in ENTRIES],
        **changes,
    }
