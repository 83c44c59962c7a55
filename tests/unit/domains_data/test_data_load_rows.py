"""The rows of a load: each once as far as the data go, and a cache in front of the model is seen and not believed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pytest

from plants.guarded_model import Guarded, declared, rows
from plants.real_trial import RealTrial, codes, judged, observed
from plants.server import Server
from seatrial.adapters.load.schedule import arrivals
from seatrial.core.observation import Observation
from seatrial.core.ports import LoadResult, Request, Stream
from seatrial.core.vocabulary import Criticality, Outcome, Weight
from seatrial.domains.data.load import CHECK
from seatrial.domains.load.rows import in_turn
from seatrial.spec.policy import short_demo
from seatrial.spec.system import System


class Cached:
    """A load generator before a computed server: rows that were answered before take `again_s`, others `new_s`."""

    def __init__(self, new_s: float, again_s: float, *, spread: float = 0.0) -> None:
        self._new_s, self._again_s, self._spread = new_s, again_s, spread
        self._known: set[bytes] = set()
        self.sent: list[bytes] = []

    def run(self, streams: Sequence[Stream], *, duration_s: float, seed: int) -> Mapping[str, LoadResult]:
        (stream,) = streams
        due = arrivals(stream, duration_s=duration_s, seed=seed)
        drawn = np.random.default_rng(seed)
        latency = []
        for at in range(due.size):
            body = stream.requests[at % len(stream.requests)].body or b""
            latency.append((self._again_s if body in self._known else self._new_s) * drawn.uniform(1, 1 + self._spread))
            self._known.add(body)
            self.sent += [body] if stream.name == "predict" else []
        return {stream.name: _answered(due.tolist(), latency)}

    def calibrate(self, rate_per_s: float, *, seed: int) -> LoadResult:
        del rate_per_s, seed
        return _answered([0.0, 0.5], [0.001, 0.001])


def _answered(due: list[float], latency: list[float]) -> LoadResult:
    count = len(due)
    return LoadResult(planned=count, scheduled_s=due, latency_s=latency, lag_s=[0.0] * count, status=[200] * count)


class Planted(RealTrial):
    """Only the generator is computed."""

    queue: Cached

    @property
    def load(self) -> Any:
        return self.queue


def loaded(queue: Cached, count: int) -> tuple[Observation, Outcome]:
    load = {"peak": "80/s", "latency": {"p95": "200ms", "p99": "400ms"}, "headroom": 1.5}
    policy = short_demo(Criticality.OPERATIONAL).model_copy(update={"load_duration": 6.0})
    with Server(Guarded()) as server:
        system = System.model_validate(declared(server.url, load=load)).model_copy(update={"policy": policy})
        with Planted(system, tables={"evaluation": rows(count)}) as trial:
            trial.queue = queue
            found = observed(CHECK, system, trial)
    return found, judged(CHECK, system, found).outcome


def test_every_row_is_sent_once_as_far_as_the_data_have_them() -> None:
    queue = Cached(0.02, 0.02)
    found, outcome = loaded(queue, 3000)
    assert outcome is Outcome.MET, found.findings
    assert len(set(queue.sent)) >= 0.85 * len(queue.sent)


def test_a_cache_makes_a_slow_model_no_faster() -> None:
    found, outcome = loaded(Cached(0.6, 0.002), 3000)
    assert outcome is Outcome.NOT_MET
    assert "too-slow" in codes(found)
    found, outcome = loaded(Cached(0.6, 0.002), 60)
    assert outcome is not Outcome.MET, "most of the load was of rows that a cache knew"
    assert "rows-repeat" in {f.code for f in found.findings if f.weight is Weight.OPEN}


def test_a_cache_before_a_model_that_is_fast_enough_is_told_and_holds_nothing_back_where_the_data_suffice() -> None:
    found, outcome = loaded(Cached(0.05, 0.002), 3000)
    assert outcome is Outcome.MET, found.findings
    assert "rows-repeat" in {f.code for f in found.findings if f.weight is Weight.NOTE}
    found, outcome = loaded(Cached(0.05, 0.002), 60)
    assert outcome is Outcome.NOT_DETERMINED


@pytest.mark.parametrize("spread", [0.0, 3.0])
def test_without_a_cache_few_rows_are_enough(spread: float) -> None:
    found, outcome = loaded(Cached(0.03, 0.03, spread=spread), 60)
    assert outcome is Outcome.MET, found.findings
    assert "rows-repeat" not in codes(found)


def test_a_single_row_would_show_no_cache() -> None:
    found, outcome = loaded(Cached(0.03, 0.002), 1)
    assert outcome is Outcome.NOT_DETERMINED
    assert "too-few-rows" in codes(found)


def _request(at: int) -> Request:
    return Request(method="POST", url="http://127.0.0.1:1/", headers={}, body=str(at).encode())


@pytest.mark.parametrize(("count", "planned"), [(1, 50), (7, 100), (95, 100), (500, 100), (100, 100)])
def test_first_seen_rows_lie_at_even_distances_and_no_other_is_one(count: int, planned: int) -> None:
    sent = in_turn([{"x": at} for at in range(count)], [_request(at) for at in range(count)], planned, 7)
    assert len(sent.requests) == len(sent.rows) == planned
    seen: set[bytes] = set()
    for row, request, first in zip(sent.rows, sent.requests, sent.first.tolist(), strict=True):
        assert str(row["x"]).encode() == request.body
        assert first == (request.body not in seen)
        seen.add(request.body or b"")
    assert len(seen) == sent.different == min(count, 90)
    halves = [int(half.sum()) for half in np.split(sent.first, 2)]
    assert abs(halves[0] - halves[1]) <= 1
    assert sent.of(planned + 10).sum() == sent.different


def test_rows_that_are_the_same_count_once() -> None:
    sent = in_turn([{"x": 1}] * 5, [_request(1)] * 5, 20, 7)
    assert sent.different == 1


@pytest.mark.slow
def test_rows_that_the_model_never_takes_are_no_failure_of_the_load() -> None:
    table = [{**row, "temp": 99.0} if at % 20 == 7 else row for at, row in enumerate(rows(1500))]
    policy = short_demo(Criticality.OPERATIONAL).model_copy(update={"load_duration": 4.0})
    load = {"peak": "20/s", "latency": {"p50": "5s"}, "headroom": 1.5}
    with Server(Guarded()) as server:
        system = System.model_validate(declared(server.url, load=load)).model_copy(update={"policy": policy})
        with RealTrial(system, tables={"evaluation": table}) as trial:
            found = observed(CHECK, system, trial)
    assert "rows-not-clean" in {f.code for f in found.findings}
    assert "errors-under-load" not in codes(found)
    failed = next(m for m in found.measures if m.name == "share of requests that failed")
    assert failed.value == 0.0
