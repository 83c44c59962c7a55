"""What a watch holds of a chat's confidence: its answers', and not what it says of not knowing."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from plants.watched_errors import NOW
from seatrial.app.watched.composed import composed
from seatrial.app.watched.reference import Reference
from seatrial.core.check import PREDICTION, PROBLEM, SCORE
from seatrial.core.observation import Observation
from seatrial.spec.loading import load_system
from seatrial.watch.events import Kind, WatchEvent
from seatrial.watch.store import Store
from seatrial.watch.watching import Watching

SYSTEM = """
system: a
version: "1"
model: {endpoint: "http://127.0.0.1:1/", task: chat, output: {prediction: reply, score: sure}}
data: {evaluation: {source: e.parquet, label: wanted, match: exact}}
watch: {predictions: 500/d}
"""
UNKNOWN = "I don't know."
Row = dict[str, Any]


def rows(n: int, *, seed: int, excess: float = 0.0) -> list[Row]:
    """Answers that come true as often as their scores say, less `excess`, and abstentions with modest scores."""
    rng = np.random.default_rng(seed)
    found = []
    for number in range(n):
        abstains, score = rng.random() < 0.2, float(rng.uniform(0.5, 1.0))
        right = rng.random() < score - excess
        found.append(
            {
                "id": f"r{number}",
                "wanted": "30 minutes",
                PREDICTION: UNKNOWN if abstains else "30 minutes" if right else "an hour",
                SCORE: 0.2 if abstains else score,
            }
        )
    return found


def told(found: list[Row]) -> list[WatchEvent]:
    events = []
    for row in found:
        said = {"prediction": row[PREDICTION], "score": row[SCORE], "inputs": {}}
        events.append(WatchEvent(kind=Kind.PREDICTION, id=row["id"], at=NOW, content=said))
        events.append(WatchEvent(kind=Kind.OUTCOME, id=row["id"], at=NOW, content={"label": row["wanted"]}))
    return events


@pytest.mark.parametrize(("excess", "alarm"), [(0.0, False), (0.3, True)])
def test_answers_that_promise_more_than_comes_true_are_an_alarm(*, excess: float, alarm: bool) -> None:
    known = rows(3_000, seed=1)
    labelled = pa.Table.from_pylist([{name: row[name] for name in ("wanted", PREDICTION, SCORE)} for row in known])
    labelled = labelled.append_column(PROBLEM, pa.nulls(len(known), pa.string()))
    reference = Reference(
        labelled=labelled.combine_chunks().to_batches()[0],
        live=None,
        inputs={},
        times={},
        predictions=500.0,
        labels=500.0,
    )
    system = load_system(SYSTEM.encode(), name="f", environment={}).system
    streams, _, _ = composed(system, reference, Observation(done="it was seen"), "")
    store = Store.open("sqlite://")
    store.append(told(rows(3_000, seed=2, excess=excess)), now=NOW)
    raised = {each["monitor"] for each in Watching(store, streams, begun=NOW).catch_up()}
    store.close()
    assert "calibration" in {stream.name for stream in streams}
    assert "expected.wrong" not in {stream.name for stream in streams}
    assert ("calibration" in raised) == alarm
