from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from seatrial.stats import change, exceedance

LINE = math.log(1 / 0.05)


def errors(rng: np.random.Generator, rows: int, rate: float) -> np.ndarray:
    return (rng.random(rows) < rate).astype(float)


def first_crossing(
    rate: float, *, limit: float, runs: int, rows: int, seed: int, history: tuple[int, int] = (0, 0)
) -> np.ndarray:
    values = np.random.default_rng(seed).random((runs, rows)) < rate
    ones = history[0] + np.cumsum(values, axis=1)
    taken = history[1] + np.arange(1.0, rows + 1.0)
    crossed = exceedance.log_evidence(ones.astype(float), np.broadcast_to(taken, ones.shape), limit) >= LINE
    return np.where(crossed.any(axis=1), crossed.argmax(axis=1) + 1.0, np.inf)


@pytest.mark.parametrize(("rate", "ideal"), [(0.13, 649), (0.15, 245), (0.20, 67), (0.30, 19)])
def test_a_rise_above_the_limit_is_noticed_almost_as_soon_as_can_be(rate: float, ideal: float) -> None:
    delay = float(np.median(first_crossing(rate, limit=0.1, runs=200, rows=3000, seed=1)))
    assert 0.75 * ideal <= delay <= 1.45 * ideal


@pytest.mark.parametrize("rate", [0.1, 0.05, 0.02])
def test_a_stream_within_its_limit_is_rarely_accused_however_often_one_looks(rate: float) -> None:
    alarms = np.isfinite(first_crossing(rate, limit=0.1, runs=400, rows=2000, seed=2)).mean()
    assert alarms <= 0.05 + 3 * math.sqrt(0.05 * 0.95 / 400)


def test_a_long_good_past_makes_the_cumulative_evidence_slow() -> None:
    fresh = np.median(first_crossing(0.2, limit=0.1, runs=60, rows=500, seed=3))
    late = np.median(first_crossing(0.2, limit=0.1, runs=60, rows=9000, seed=3, history=(500, 10_000)))
    assert late > 20 * fresh


@pytest.mark.parametrize("values", [[0.5], [math.nan], [2.0], [-1.0]])
def test_a_tally_takes_nothing_but_zeros_and_ones(values: list[float]) -> None:
    with pytest.raises(ValueError, match="zeros and ones"):
        exceedance.follow(exceedance.Tally(), np.array(values), 0.1)


@pytest.mark.parametrize("take", [exceedance.bet, change.follow])
@pytest.mark.parametrize("values", [[math.nan], [1.1], [-0.1], [math.inf]])
def test_a_value_that_is_no_share_is_refused(take: Callable[..., Any], values: list[float]) -> None:
    state = exceedance.Capital() if take is exceedance.bet else change.Suspicion()
    with pytest.raises(ValueError, match=r"\[0, 1\]"):
        take(state, np.array(values), 0.1)


@pytest.mark.parametrize("limit", [0.0, 1.0, -0.2, math.nan])
def test_a_limit_that_leaves_no_room_is_refused(limit: float) -> None:
    with pytest.raises(ValueError, match="between 0 and 1"):
        exceedance.log_evidence(np.ones(1), np.ones(1), limit)
    with pytest.raises(ValueError, match="between 0 and 1"):
        exceedance.bet(exceedance.Capital(), np.ones(1), limit)


def test_the_state_does_not_depend_on_how_the_stream_was_cut() -> None:
    rng = np.random.default_rng(4)
    wrong, losses = errors(rng, 1000, 0.2), rng.random(1000) ** 3
    whole = (
        exceedance.follow(exceedance.Tally(), wrong, 0.1)[0],
        exceedance.bet(exceedance.Capital(), losses, 0.3)[0],
        change.follow(change.Suspicion(), wrong, 0.1)[0],
    )
    tally, capital, suspicion = exceedance.Tally(), exceedance.Capital(), change.Suspicion()
    cuts = [0, 1, 2, 2, 17, 400, 999, 1000]
    for start, end in itertools.pairwise(cuts):
        tally, _ = exceedance.follow(tally, wrong[start:end], 0.1)
        capital, _ = exceedance.bet(capital, losses[start:end], 0.3)
        suspicion, _ = change.follow(suspicion, wrong[start:end], 0.1)
    assert (tally, capital, suspicion) == whole


def test_bets_on_bounded_losses_keep_their_error_rate_and_notice_a_rise() -> None:
    rng = np.random.default_rng(5)
    limit = 0.25
    good = [exceedance.bet(exceedance.Capital(), rng.beta(1, 3, 600), limit)[1].max() >= LINE for _ in range(300)]
    assert np.mean(good) <= 0.05 + 3 * math.sqrt(0.05 * 0.95 / 300)
    bad = [exceedance.bet(exceedance.Capital(), rng.beta(1.5, 3, 600), limit)[1].max() >= LINE for _ in range(50)]
    assert np.mean(bad) == 1.0


def test_the_detector_of_a_change_keeps_its_mean_run_and_is_near_the_ideal_delay() -> None:
    rng = np.random.default_rng(6)
    line = change.threshold(2000)
    quiet = [change.follow(change.Suspicion(), errors(rng, 2000, 0.1), 0.1)[1].max() >= line for _ in range(60)]
    assert np.mean(quiet) <= 0.1 + 3 * math.sqrt(0.1 * 0.9 / 60)
    delays = []
    for _ in range(40):
        before, _ = change.follow(change.Suspicion(), errors(rng, 1000, 0.1), 0.1)
        _, path = change.follow(before, errors(rng, 1000, 0.2), 0.1)
        delays.append(int(np.argmax(path >= line)) + 1)
    assert np.median(delays) <= 1.3 * change.ideal_delay(0.1, 0.2, line)


def test_an_improvement_is_no_alarm() -> None:
    rng = np.random.default_rng(7)
    better = [change.follow(change.Suspicion(), errors(rng, 3000, 0.05), 0.1)[1].max() >= 1e5 for _ in range(40)]
    assert not any(better)


def test_a_base_rate_of_nothing_still_notices_what_never_happened_before() -> None:
    assert change.follow(change.Suspicion(), np.ones(4), 0.0)[1].max() > 1e5


FOLLOWED: list[Any] = [
    (exceedance.Tally(), exceedance.follow, exceedance.cross, lambda path: path),
    (exceedance.Capital(), exceedance.bet, exceedance.cross_by_bets, lambda path: path),
    (change.Suspicion(), change.follow, change.cross, np.log),
]


@pytest.mark.parametrize(("start", "follow", "cross", "evidence"), FOLLOWED)
@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    kind=st.sampled_from(["counts", "values", "both"]),
    rates=st.tuples(st.sampled_from([0.0, 0.02, 0.1, 0.3]), st.sampled_from([0.02, 0.3, 0.6, 1.0])),
    mark=st.sampled_from([1e-6, 0.02, 0.1, 0.9]),
    line=st.floats(-3.0, 20.0),
    cuts=st.lists(st.integers(0, 700), max_size=12, unique=True),
)
@example(seed=0, kind="counts", rates=(0.1, 0.3), mark=1e-6, line=0.0, cuts=[48])
def test_a_crossing_is_where_the_whole_path_first_reaches_the_line_however_the_stream_was_cut(
    *,
    start: Any,
    follow: Any,
    cross: Any,
    evidence: Any,
    seed: int,
    kind: str,
    rates: Any,
    mark: float,
    line: float,
    cuts: Any,
) -> None:
    rng = np.random.default_rng(seed)
    values = np.concatenate([errors(rng, 400, rates[0]), errors(rng, 300, rates[1])])
    if kind != "counts" and follow is not exceedance.follow:
        soft = values * rng.random(values.size)
        values = soft if kind == "values" else np.where(np.arange(values.size) // 50 % 2, soft, values)
    whole, path = follow(start, values, mark)
    logs = evidence(path)
    reached = np.flatnonzero(logs >= line)
    state, found, last = start, [], None
    for first, until in itertools.pairwise(sorted({0, *cuts, values.size})):
        state, last, crossed = cross(state, values[first:until], mark, line)
        if crossed is not None:
            found.append((first + crossed[0], crossed[1]))
    assert state == whole
    assert last == pytest.approx(logs[-1], rel=1e-9, abs=1e-9)
    assert found[:1] == [(int(at), float(logs[at])) for at in reached[:1]]


@pytest.mark.parametrize("size", [1, 63, 64, 65, 128, 300])
def test_what_was_taken_is_left_as_it_was_and_every_row_follows_from_the_one_before(size: int) -> None:
    values = (np.random.default_rng(size).random(size) < 0.3).astype(np.float64)
    given = values.copy()
    _, path = change.follow(change.Suspicion(), values, 0.1)
    assert (values == given).all(), "other detectors take the same values"
    processes = np.zeros(len(change.RISES))
    for factor, mean in zip(change.factors(given, 0.1), path, strict=True):
        processes = (processes + 1.0) * factor
        assert mean == pytest.approx(processes.mean(), rel=1e-9)


def test_what_grows_without_bound_stays_a_number_and_goes_on() -> None:
    state, path = change.follow(change.Suspicion(), np.ones(5_000), 0.1)
    assert np.isfinite(path).all()
    assert path.max() > 1e280
    _, later = change.follow(state, np.zeros(100_000), 0.1)
    assert np.isfinite(later).all()
    assert later[-1] < 1e5
    after, last, crossed = change.cross(change.Suspicion(), np.ones(5_000), 0.0, 600.0)
    assert crossed is not None
    assert np.isfinite([last, *after.anchor]).all()
