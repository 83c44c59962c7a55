from __future__ import annotations

import time
from collections.abc import Sequence

import pytest

from seatrial.core.ports import Prediction, Reply, ReplyKind, Request, Row
from seatrial.core.vocabulary import Weight
from seatrial.domains.data.answers_under_load import Watcher

ROWS: Sequence[Row] = [{"x": n} for n in range(5)]


class Under:
    """A model that is right until the load begins, and then does as `then` says."""

    def __init__(self, then: str) -> None:
        self.then = then
        self.loaded = False
        self.asked = 0

    def identity(self) -> str:
        return "m"

    def request(self, rows: Sequence[Row]) -> Request | None:
        return None

    def predict(self, rows: Sequence[Row]) -> Reply:
        self.asked += 1
        if self.loaded and self.then in ("malformed", "timed-out"):
            return Reply(kind=ReplyKind(self.then), latency_s=0.0)
        shift = 1 if self.loaded and self.then == "another" else 0
        noise = self.asked if self.then == "noisy" else 0
        return Reply(kind=ReplyKind.OK, latency_s=0.0, predictions=(Prediction(prediction=shift, score=noise),))


@pytest.mark.parametrize(
    ("then", "codes"),
    [
        ("the-same", set()),
        ("noisy", set()),
        ("another", {"wrong-under-load"}),
        ("malformed", {"wrong-under-load"}),
        ("timed-out", {"answers-not-seen"}),
    ],
)
def test_answers_beside_a_load_are_seen_for_what_they_are(then: str, codes: set[str]) -> None:
    model = Under(then)
    watcher = Watcher.of(model, ROWS)
    model.loaded = True
    with watcher:
        time.sleep(0.6)
    found = list(watcher.findings())
    assert {finding.code for finding in found} == codes
    assert all(f.weight is (Weight.OPEN if f.code == "answers-not-seen" else Weight.GAP) for f in found)
