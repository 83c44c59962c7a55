"""A stream of errors, as a watch holds it, and events that it is made of."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np

from seatrial.watch.batch import Batch, Values
from seatrial.watch.detectors import Detector, Level
from seatrial.watch.events import Kind, WatchEvent
from seatrial.watch.stream import Stream

NOW = datetime(2027, 1, 11, 8, 0, tzinfo=UTC)


def wrong(batch: Batch) -> Values:
    pairs = batch.pairs
    return Values(
        values=np.array([float(p.prediction.content["prediction"] != p.outcome.content["label"]) for p in pairs]),
        at=np.array([max(p.prediction.arrived, p.outcome.arrived) for p in pairs]),
        sequence=np.array([p.sequence for p in pairs], dtype=np.int64),
        made=np.array([p.prediction.at for p in pairs]),
    )


ERRORS = Stream(
    name="errors",
    words="error rate",
    take=wrong,
    base=0.1,
    labelled=True,
    detectors=(
        Detector(name="limit", asks="exceeds", mark=0.15, line=4.6, level=Level.PAGE, says="above the limit"),
        Detector(name="rises", asks="rises", mark=0.1, line=11.5, level=Level.PAGE, says="worse than established"),
        Detector(name="falls", asks="falls", mark=0.1, line=11.5, level=Level.LOOK, says="better than established"),
    ),
)


def events(n: int, rate: float, *, seed: int, first: int = 0) -> list[WatchEvent]:
    rng = np.random.default_rng(seed)
    found = []
    for i in range(first, first + n):
        label = int(rng.random() < 0.4)
        said = 1 - label if rng.random() < rate else label
        found.append(WatchEvent(kind=Kind.PREDICTION, id=f"p{i}", at=NOW, content={"prediction": said}))
        found.append(WatchEvent(kind=Kind.OUTCOME, id=f"p{i}", at=NOW, content={"label": label}))
    return found
