"""Capacity and soak on queues that are computed: the knee that theory knows is found, a leak is told from noise."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hdrh.histogram import HdrHistogram

from plants.guarded_model import declared
from plants.planted_trial import PlantedTrial
from plants.queue_load import QueueLoad
from plants.queueing_theory import knee as knee_of
from plants.queueing_theory import md1_within, mmc_within
from plants.server import Asked, Said, Server
from seatrial.adapters.http import Http
from seatrial.adapters.steps.runner import StepRunner
from seatrial.core.observation import Measure
from seatrial.core.ports import Request, Stream
from seatrial.core.vocabulary import Criticality, Outcome, Weight
from seatrial.domains.data import capacity, soak
from seatrial.domains.data.answers_under_load import Watcher
from seatrial.domains.data.known_answers import KnownAnswers
from seatrial.domains.data.latency_record import encoded
from seatrial.gate.judging import judge_measure
from seatrial.spec.load import Load, Memory
from seatrial.spec.policy import short_demo
from seatrial.spec.system import System

LATENCY = {"p95": "100ms"}
REQUESTS = (Request(method="GET", url="http://a:80"),)
NOBODY: Any = None
UNWATCHED = Watcher(KnownAnswers(NOBODY, (), ()))
"""Asks nothing: a computed queue takes no time in which it could."""


def system(*, peak: str = "60/s", level_s: float = 12.0, **load: Any) -> System:
    policy = short_demo(Criticality.OPERATIONAL).model_copy(
        update={"capacity_level": level_s, "soak_duration": 600.0, "soak_horizon": 3600.0}
    )
    plain = declared("http://127.0.0.1:1", load={"peak": peak, "latency": LATENCY, **load})
    return System.model_validate(plain).model_copy(update={"policy": policy})


def searched(queue: QueueLoad, *, watcher: Watcher | None = None, **load: Any) -> tuple[capacity.Search, System]:
    declared_system = system(**load)
    trial = PlantedTrial()
    trial.generator = queue
    assert declared_system.load is not None
    return capacity.search(
        declared_system, declared_system.load, trial, _stream(), watcher or UNWATCHED
    ), declared_system


def held(queue: QueueLoad, *, watcher: Watcher | None = None, **load: Any) -> tuple[soak.Soak, System]:
    declared_system = system(**load)
    trial = PlantedTrial()
    trial.generator = queue
    assert declared_system.load is not None
    return soak.hold(declared_system, declared_system.load, trial, _stream(), watcher or UNWATCHED), declared_system


def _stream() -> Stream:
    return Stream(name="predict", requests=REQUESTS, rate_per_s=60.0, timeout_s=2.0)


def load_of(declared_system: System) -> Load:
    assert declared_system.load is not None
    return declared_system.load


def outcome(declared_system: System, measure: Measure) -> Outcome:
    limits = {
        t.measure: t
        for t in (*capacity.limits(declared_system, "data.load"), *soak.limits(declared_system, "data.load"))
    }
    return judge_measure(measure, limits[measure.name]).outcome


def steady(seconds: float) -> Callable[[float], float]:
    return lambda _: seconds


@pytest.fixture(scope="module")
def knee() -> tuple[capacity.Search, System, QueueLoad]:
    queue = QueueLoad(service_s=steady(0.01))
    return (*searched(queue), queue)


Knee = tuple[capacity.Search, System, QueueLoad]


def test_the_knee_of_a_single_server_lies_where_queueing_theory_puts_it(knee: Knee) -> None:
    """M/D/1 with 10 ms of service: 95 % of the requests are done within 100 ms up to about 86 a second."""
    made, declared_system, _ = knee
    assert made.rate is not None
    assert made.broke is not None
    theory = knee_of(lambda rate: md1_within(0.1, rate, 0.01), 0.95, below=100.0)
    assert 0.8 * theory < made.rate < 1.04 * theory
    assert (made.broke - made.rate) / made.rate < 0.06
    found = capacity.measure(declared_system, load_of(declared_system), made)
    assert found.value == pytest.approx(made.rate / 60.0)
    assert outcome(declared_system, found) is (Outcome.MET if made.rate >= 78 else Outcome.NOT_MET)


@pytest.mark.parametrize(("servers", "service_s"), [(1, 0.01), (2, 0.02), (4, 0.03)])
def test_the_knee_of_workers_beside_each_other_lies_where_queueing_theory_puts_it(
    servers: int, service_s: float
) -> None:
    """M/M/c: what is found may be less by what the bounds cost, and more by no more than the search resolves."""
    drawn = np.random.default_rng(servers)
    limit_s = 6.0 * service_s
    made, _ = searched(
        QueueLoad(service_s=lambda _: float(drawn.exponential(service_s)), servers=servers),
        latency={"p95": f"{1000 * limit_s:g}ms"},
        peak="40/s",
        level_s=40.0,
    )
    most = servers / service_s
    theory = knee_of(lambda rate: mmc_within(limit_s, rate, service_s, servers), 0.95, below=most)
    assert made.rate is not None
    assert 0.8 * theory < made.rate < 1.06 * theory
    assert made.rate < most


def test_errors_that_come_fast_above_a_rate_are_no_capacity() -> None:
    queue = QueueLoad(service_s=steady(0.001), servers=8, fails=lambda at, rate, _: rate > 80 and at % 20 == 0)
    made, declared_system = searched(queue)
    assert made.rate is not None
    assert 74 < made.rate <= 80
    found = capacity.measure(declared_system, load_of(declared_system), made)
    assert outcome(declared_system, found) is (Outcome.MET if made.rate >= 78 else Outcome.NOT_MET)


def test_errors_that_come_fast_and_with_status_200_above_a_rate_are_no_capacity() -> None:
    queue = QueueLoad(service_s=steady(0.001), servers=8)

    class Shedding(Watcher):
        def __exit__(self, *_: object) -> None:
            super().__exit__(None, None, None)
            self.compared, self.wrong = 40, 3 if queue.rates[-1] > 80 else 0

    made, declared_system = searched(queue, watcher=Shedding(KnownAnswers(NOBODY, (), ())))
    assert made.rate is not None
    assert 74 < made.rate <= 80
    (finding,) = capacity.findings(load_of(declared_system), made)
    assert (finding.code, finding.explains) == ("wrong-above-peak", (capacity.CAPACITY,))


def test_the_last_good_rate_was_held_three_times_more(knee: Knee) -> None:
    made, _, queue = knee
    assert made.rate is not None
    assert queue.rates[-3:] == [made.rate] * 3
    assert [level.held for level in made.levels[-3:]] == [True] * 3


def test_rates_go_up_by_a_quarter_and_stop_at_the_first_that_breaks(knee: Knee) -> None:
    made, _, queue = knee
    up = queue.rates[: next(at for at, level in enumerate(made.levels) if not level.held) + 1]
    assert up[0] == 60.0
    assert np.diff(np.log(up)) == pytest.approx(np.log(1.25))


def test_too_little_capacity_is_not_met_and_plenty_is() -> None:
    scarce, declared_system = searched(QueueLoad(service_s=steady(0.0125)))
    assert outcome(declared_system, capacity.measure(declared_system, load_of(declared_system), scarce)) is (
        Outcome.NOT_MET
    )
    plenty, declared_system = searched(QueueLoad(service_s=steady(0.01), servers=2))
    assert outcome(declared_system, capacity.measure(declared_system, load_of(declared_system), plenty)) is Outcome.MET


def test_a_target_that_never_breaks_has_at_least_what_was_tried() -> None:
    made, declared_system = searched(QueueLoad(service_s=steady(0.001), servers=8))
    assert made.broke is None
    assert made.ended_by == "most"
    assert made.rate == pytest.approx(60.0 * 4, rel=0.26)
    (finding,) = capacity.findings(load_of(declared_system), made)
    assert (finding.code, finding.weight) == ("capacity-at-least", Weight.NOTE)
    assert "no retrograde point seen" in str(capacity.facts(made)["universal scalability law"])


def test_a_generator_that_cannot_go_on_ends_the_search_and_is_not_the_targets_limit() -> None:
    queue = QueueLoad(service_s=steady(0.001), servers=8, lag_s=lambda rate: 0.05 if rate > 100 else 0.0)
    made, declared_system = searched(queue)
    assert made.ended_by == "generator"
    assert made.broke is None
    assert made.rate is not None
    assert 90 < made.rate < 100
    (finding,) = capacity.findings(load_of(declared_system), made)
    assert "load generator" in finding.summary


def test_a_target_that_stays_down_after_a_burst_is_open_and_says_why() -> None:
    made, declared_system = searched(QueueLoad(service_s=steady(0.001), servers=4, dies_above=100.0))
    assert made.ended_by == "recovery"
    assert made.rate is None
    (finding,) = capacity.findings(load_of(declared_system), made)
    assert (finding.code, finding.weight) == ("does-not-recover", Weight.OPEN)
    assert outcome(declared_system, capacity.measure(declared_system, load_of(declared_system), made)) is (
        Outcome.NOT_DETERMINED
    )


def test_a_target_that_holds_no_rate_at_all_has_no_capacity() -> None:
    made, declared_system = searched(QueueLoad(service_s=lambda at: 0.2 if 6.0 < at < 9.0 else 0.01, servers=64))
    assert made.rate is None
    (finding,) = capacity.findings(load_of(declared_system), made)
    assert (finding.code, finding.weight) == ("no-rate-repeats", Weight.OPEN)
    assert outcome(declared_system, capacity.measure(declared_system, load_of(declared_system), made)) is (
        Outcome.NOT_DETERMINED
    )


def test_each_rate_is_driven_long_enough_to_bound_its_percentile_whatever_the_policy_says() -> None:
    declared_system = system(peak="2/s", latency={"p99": "100ms"})
    assert capacity.level_s(declared_system, load_of(declared_system), 1.0) * 0.9 >= 3 * 299


def test_without_a_search_the_policy_that_asks_for_one_is_not_satisfied() -> None:
    declared_system = system()
    found = capacity.measure(declared_system, load_of(declared_system), None)
    assert outcome(declared_system, found) is Outcome.NOT_DETERMINED
    short = short_demo(Criticality.OPERATIONAL)
    assert list(capacity.limits(declared_system.model_copy(update={"policy": short}), "data.load")) == []
    assert list(soak.limits(declared_system.model_copy(update={"policy": short}), "data.load")) == []


def test_a_steady_target_passes_the_soak() -> None:
    rng = np.random.default_rng(1)
    made, declared_system = held(QueueLoad(service_s=lambda _: float(rng.lognormal(-5.0, 0.4)), servers=4))
    found = next(soak.measures(declared_system, load_of(declared_system), made))
    assert outcome(declared_system, found) is Outcome.MET, found
    assert not list(soak.findings(declared_system, load_of(declared_system), made))


def test_answers_that_take_longer_and_longer_are_a_gap_before_they_pass_the_limit() -> None:
    """30 ms more within ten minutes keep the limit of 100 ms today; within another hour they would not."""
    rng = np.random.default_rng(2)
    queue = QueueLoad(service_s=lambda at: 0.02 + 0.03 * at / 600.0 + float(rng.exponential(0.002)), servers=16)
    made, declared_system = held(queue)
    assert made.latency is not None
    assert max(made.latency.levels) < 0.1
    found = next(soak.measures(declared_system, load_of(declared_system), made))
    assert outcome(declared_system, found) is Outcome.NOT_MET
    (finding,) = soak.findings(declared_system, load_of(declared_system), made)
    assert finding.code == "latency-grows"
    assert "an hour" in finding.summary


def test_noise_that_cannot_be_told_from_a_leak_asks_for_a_longer_soak() -> None:
    rng = np.random.default_rng(3)
    made, declared_system = held(QueueLoad(service_s=lambda _: float(rng.lognormal(-4.0, 1.0)), servers=64))
    found = next(soak.measures(declared_system, load_of(declared_system), made))
    if outcome(declared_system, found) is Outcome.NOT_DETERMINED:
        assert (found.needed or 0) > 0
    else:
        assert outcome(declared_system, found) is Outcome.MET


@pytest.mark.parametrize(
    ("fails", "of_all"),
    [
        (lambda at, _, __: at % 40 == 0, Outcome.NOT_MET),
        (lambda at, _, when: when > 550 and at % 20 == 0, Outcome.MET),
    ],
    ids=["all along", "at the end"],
)
def test_errors_that_leave_the_percentile_alone_are_a_gap_of_the_soak(
    fails: Callable[[int, float, float], bool], of_all: Outcome
) -> None:
    """A pool that is never given back begins to refuse: 5 % of fast errors are not in a p90."""
    made, declared_system = held(QueueLoad(service_s=steady(0.01), servers=8, fails=fails), latency={"p90": "100ms"})
    found = {m.name: m for m in soak.measures(declared_system, load_of(declared_system), made)}
    assert outcome(declared_system, found["p90 latency at the horizon, by its trend"]) is Outcome.MET
    assert outcome(declared_system, found[soak.FAILED]) is of_all
    (finding,) = soak.findings(declared_system, load_of(declared_system), made)
    assert (finding.code, finding.weight) == ("errors-in-soak", Weight.GAP)
    assert "503" in finding.summary


def test_a_few_errors_within_what_is_allowed_pass_the_soak() -> None:
    queue = QueueLoad(service_s=steady(0.01), servers=8, fails=lambda at, _, __: at % 400 == 0)
    made, declared_system = held(queue, latency={"p90": "100ms"})
    for found in soak.measures(declared_system, load_of(declared_system), made):
        assert outcome(declared_system, found) is Outcome.MET, found
    assert not list(soak.findings(declared_system, load_of(declared_system), made))


def test_a_trend_that_falls_is_no_credit() -> None:
    made, _ = held(QueueLoad(service_s=lambda at: 0.05 - 0.03 * at / 600.0, servers=16))
    assert made.latency is not None
    assert made.latency.slope < 0
    assert made.latency.then == pytest.approx(0.02, abs=0.01)


def test_declared_memory_that_nobody_can_see_stays_open() -> None:
    made, declared_system = held(
        QueueLoad(service_s=steady(0.01), servers=4), memory={"process": "no.pid", "at_most": "1GB"}
    )
    found = {m.name: m for m in soak.measures(declared_system, load_of(declared_system), made)}[soak.MEMORY]
    assert outcome(declared_system, found) is Outcome.NOT_DETERMINED
    assert "memory-not-seen" in [f.code for f in soak.findings(declared_system, load_of(declared_system), made)]


def test_the_histogram_of_the_evidence_is_within_three_digits_and_reads_elsewhere() -> None:
    rng = np.random.default_rng(4)
    latency = rng.lognormal(-4, 0.7, 20_000)
    found = HdrHistogram.decode(encoded(np.append(latency, np.inf), unanswered_s=5.0))
    assert found.get_total_count() == 20_001
    for share in (50.0, 90.0, 99.0, 99.9):
        assert found.get_value_at_percentile(share) / 1e6 == pytest.approx(np.percentile(latency, share), rel=0.01)
    assert found.get_max_value() / 1e6 == pytest.approx(5.0, rel=0.001)


def test_what_a_closed_loop_omits_is_what_the_known_correction_adds() -> None:
    """Tene's stall: 100 s at 1 ms, then one pause of 100 s, a request due every 10 ms. Raw it looks like 1 ms."""
    raw, corrected = HdrHistogram(1, 3_600_000_000, 3), HdrHistogram(1, 3_600_000_000, 3)
    for histogram in (raw, corrected):
        histogram.record_value(1_000, 9_999)
    for value in (1_000, 100_000_000):
        raw.record_value(value)
        corrected.record_corrected_value(value, 10_000)
    assert raw.get_total_count() == 10_001
    assert raw.get_value_at_percentile(99) / 1e3 == pytest.approx(1.0, rel=0.001)
    assert corrected.get_total_count() == 20_000
    told = {share: corrected.get_value_at_percentile(share) / 1e6 for share in (50, 75, 90, 99, 100)}
    assert told == pytest.approx({50: 0.001, 75: 50.0, 90: 80.0, 99: 98.0, 100: 100.0}, rel=0.002)
    assert corrected.get_mean_value() / 1e6 == pytest.approx(25.003, rel=0.001)


METRICS = b"""# HELP process_resident_memory_bytes Resident memory size in bytes.
# TYPE process_resident_memory_bytes gauge
process_resident_memory_bytes 1.2582912e+08
worker_memory_bytes{pid="7",kind="rss"} 4096
"""


def seen_at(tmp_path: Path, url: str, **memory: Any) -> float | None:
    trial: Any = PlantedTrial()
    with Http(origins=[url]) as http:
        trial.hands = StepRunner(http=http, base_dir=tmp_path)
        return soak.read_memory(trial, Memory.model_validate({**memory, "at_most": "1GB"}))[0]


def test_memory_is_read_from_metrics_and_from_a_process(tmp_path: Path) -> None:
    def answer(asked: Asked) -> Said:
        return Said(body=b"#" * 9000 + b"\n" + METRICS, headers={"Content-Type": "text/plain"})

    (tmp_path / "own.pid").write_text(f"{os.getpid()}\n")
    (tmp_path / "gone.pid").write_text("4194399")
    with Server(answer) as server:
        metrics = f"{server.url}/metrics"
        assert seen_at(tmp_path, server.url, metrics=metrics) == 125829120.0
        assert seen_at(tmp_path, server.url, metrics=metrics, name="worker_memory_bytes") == 4096.0
        assert seen_at(tmp_path, server.url, metrics=metrics, name="memory_bytes") is None
        assert 1e7 < (seen_at(tmp_path, server.url, process="own.pid") or 0.0) < 1e11
        assert seen_at(tmp_path, server.url, process="gone.pid") is None
        assert seen_at(tmp_path, server.url, process="none.pid") is None
