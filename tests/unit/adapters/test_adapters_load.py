from __future__ import annotations

import os
import signal
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from plants.certificates import self_signed
from plants.load_server import CHUNKED, OLD, LoadServer, frozen
from plants.server import unused_url
from seatrial.adapters.load.client import LoadClient
from seatrial.adapters.load.schedule import arrivals
from seatrial.core.errors import Malformed, Refused, Unreachable
from seatrial.core.ports import LoadResult, Request, Stream

pytestmark = pytest.mark.timed


def stream(url: str, *, rate: float, name: str = "s", timeout_s: float = 5.0, in_flight: int = 512) -> Stream:
    requests = tuple(Request(method="POST", url=f"{url}/predict", body=b'{"rows": [%d]}' % at) for at in range(3))
    return Stream(name=name, requests=requests, rate_per_s=rate, timeout_s=timeout_s, in_flight=in_flight)


def drive(one: Stream, *, duration_s: float, seed: int = 7) -> LoadResult:
    origin = one.requests[0].url.removesuffix("/predict")
    return LoadClient(origins=[origin]).run([one], duration_s=duration_s, seed=seed)[one.name]


def every_entry_is_there(result: LoadResult) -> bool:
    columns = (result.scheduled_s, result.latency_s, result.lag_s, result.status)
    return {len(column) for column in columns} == {result.planned}


def test_every_planned_request_is_sent_and_reported_in_order() -> None:
    with LoadServer() as server:
        result = drive(stream(server.url, rate=200), duration_s=1.0)
        assert server.count == result.planned > 100
    assert every_entry_is_there(result)
    assert set(result.status) == {200}
    assert list(result.scheduled_s) == sorted(result.scheduled_s)
    assert min(result.latency_s) > 0


@pytest.mark.parametrize("answer", [CHUNKED, OLD])
def test_chunked_and_http_1_0_answers_are_read(answer: bytes) -> None:
    with LoadServer(answer=answer, close_after=answer is OLD) as server:
        result = drive(stream(server.url, rate=100), duration_s=0.5)
    assert set(result.status) == {200}


def test_a_server_that_closes_every_connection_unannounced_loses_no_request() -> None:
    with LoadServer(close_after=True) as server:
        result = drive(stream(server.url, rate=200), duration_s=0.5)
    assert set(result.status) == {200}


def secured(folder: Path) -> tuple[ssl.SSLContext, Path]:
    """What a server over TLS needs, and the certificate that whoever asks it must trust."""
    certificate, key = self_signed(folder)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    return context, certificate


def test_over_tls_all_is_answered_in_pieces_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    context, certificate = secured(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    long = b"HTTP/1.1 200 OK\r\nContent-Length: 300000\r\n\r\n" + b" " * 300_000
    with LoadServer(secured=context, answer=long) as server:
        result = drive(stream(server.url, rate=60), duration_s=0.4)
        assert server.count == result.planned > 10
    assert set(result.status) == {200}


def test_over_tls_a_certificate_that_nobody_trusts_is_no_answer(tmp_path: Path) -> None:
    context, _ = secured(tmp_path)
    with LoadServer(secured=context) as server:
        result = drive(stream(server.url, rate=50), duration_s=0.2)
        assert server.count == 0
    assert set(result.status) == {0}


def test_a_name_is_asked_at_each_of_its_addresses_and_kept_alive() -> None:
    with LoadServer() as server:
        named = server.url.replace("127.0.0.1", "localhost")
        result = drive(stream(named, rate=100), duration_s=0.4)
        assert server.count == result.planned
        assert 0 < server.opened < result.planned / 2
    assert set(result.status) == {200}


def test_a_request_that_no_socket_takes_at_once_is_sent_to_its_end() -> None:
    with LoadServer() as server:
        request = Request(method="POST", url=f"{server.url}/predict", body=b"[" + b"1, " * 2_000_000 + b"1]")
        result = drive(Stream(name="s", requests=(request,), rate_per_s=20), duration_s=0.3)
        assert server.count == result.planned > 0
    assert set(result.status) == {200}


def test_a_plan_of_very_many_starts_as_punctually_as_one_of_few() -> None:
    with LoadServer(delay_s=lambda _, __: 60.0) as server:
        one = stream(server.url, rate=300_000, in_flight=1, timeout_s=0.1)
        result = LoadClient(origins=[server.url], processes=0).run([one], duration_s=1.0, seed=1)["s"]
    assert result.planned > 290_000
    assert max(result.lag_s[:100]) < 0.05


def test_a_freeze_is_seen_by_everybody_who_arrived_in_it() -> None:
    """Two seconds of ten: a closed loop reports a p90 of about 10 ms, the truth is about one second."""
    with LoadServer(delay_s=frozen(at_s=0.8, for_s=0.4, else_s=0.002)) as server:
        result = drive(stream(server.url, rate=100), duration_s=2.0)
    latency = np.asarray(result.latency_s)
    assert set(result.status) == {200}
    assert 0.14 < np.mean(latency > 0.02) < 0.26
    assert 0.12 < np.quantile(latency, 0.9) < 0.28
    assert 0.3 < latency.max() < 0.5


def test_the_mean_wait_before_one_server_is_what_queueing_theory_says() -> None:
    """M/D/1 at 60 % with 4 ms of service: the mean is s + rho s / (2 (1 - rho)) = 7 ms."""
    with LoadServer(delay_s=lambda _, __: 0.004, one_at_a_time=True) as server:
        result = drive(stream(server.url, rate=150), duration_s=2.5)
    expected = _lindley(np.asarray(result.scheduled_s), 0.004)
    assert set(result.status) == {200}
    assert np.mean(expected) == pytest.approx(0.007, rel=0.35)
    assert np.mean(expected) * 0.9 < np.mean(result.latency_s) < np.mean(expected) + 0.008


def _lindley(arrived: np.ndarray[tuple[int], np.dtype[np.float64]], service_s: float) -> list[float]:
    free, latency = 0.0, []
    for at in arrived:
        free = max(free, float(at)) + service_s
        latency.append(free - float(at))
    return latency


def test_too_many_in_flight_are_dropped_and_stand_at_the_time_out() -> None:
    with LoadServer(delay_s=lambda _, __: 0.5) as server:
        result = drive(stream(server.url, rate=100, in_flight=4, timeout_s=2.0), duration_s=0.5)
        assert server.count == 4
    status, latency = np.asarray(result.status), np.asarray(result.latency_s)
    assert (status == 200).sum() == 4
    assert (status == -1).sum() == result.planned - 4
    assert set(latency[status == -1]) == {2.0}


def test_what_is_never_answered_stands_at_its_time_out_and_the_run_ends() -> None:
    with LoadServer(delay_s=lambda _, __: 60.0) as server:
        started = time.monotonic()
        result = drive(stream(server.url, rate=50, timeout_s=0.3), duration_s=0.4)
        assert time.monotonic() - started < 30
    assert set(result.status) == {0}
    assert set(result.latency_s) == {0.3}


def test_an_answer_that_comes_too_late_is_no_answer() -> None:
    with LoadServer(delay_s=lambda at, _: 0.3 if at % 2 else 0.0) as server:
        result = drive(stream(server.url, rate=50, timeout_s=0.2), duration_s=0.6)
    assert set(result.status) == {0, 200}
    assert max(result.latency_s) <= 0.2


@pytest.mark.parametrize("answer", [b"SSH-2.0-OpenSSH_9.6\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{"])
def test_a_broken_or_cut_answer_is_no_answer(answer: bytes) -> None:
    with LoadServer(answer=answer, close_after=True) as server:
        result = drive(stream(server.url, rate=50), duration_s=0.3)
    assert set(result.status) == {0}
    assert set(result.latency_s) == {5.0}


def test_a_server_that_is_not_there_answers_nothing() -> None:
    result = drive(stream(unused_url(), rate=50, timeout_s=1.0), duration_s=0.3)
    assert set(result.status) == {0}
    assert every_entry_is_there(result)


def test_errors_are_reported_with_their_status() -> None:
    with LoadServer(answer=b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n") as server:
        result = drive(stream(server.url, rate=50), duration_s=0.3)
    assert set(result.status) == {503}


def test_a_generator_that_is_held_up_shows_its_own_lag() -> None:
    """While this process is busy elsewhere the generator is late; that must not pass for the target's latency."""

    def hog(until: float) -> None:
        while time.monotonic() < until:
            sum(range(20_000))

    with LoadServer() as server:
        threads = [threading.Thread(target=hog, args=(time.monotonic() + 1.0,)) for _ in range(4)]
        for thread in threads:
            thread.start()
        result = drive(stream(server.url, rate=300), duration_s=0.8)
        for thread in threads:
            thread.join()
    assert np.quantile(result.lag_s, 0.99) > 0.01
    assert all(latency >= lag for latency, lag in zip(result.latency_s, result.lag_s, strict=True))


def test_all_streams_run_at_once() -> None:
    with LoadServer() as one, LoadServer() as other:
        started = time.monotonic()
        results = LoadClient(origins=[one.url, other.url]).run(
            [stream(one.url, rate=100, name="a"), stream(other.url, rate=50, name="b")], duration_s=1.0, seed=1
        )
        assert time.monotonic() - started < 2.5
        assert (one.count, other.count) == (results["a"].planned, results["b"].planned)


def test_an_undeclared_target_is_refused_before_anything_is_sent() -> None:
    with LoadServer() as declared, LoadServer() as other:
        streams = [stream(declared.url, rate=50, name="a"), stream(other.url, rate=50, name="b")]
        with pytest.raises(Refused):
            LoadClient(origins=[declared.url]).run(streams, duration_s=0.2, seed=1)
        assert (declared.count, other.count) == (0, 0)


def test_calibration_drives_a_null_server_of_our_own() -> None:
    result = LoadClient(origins=()).calibrate(200, seed=3)
    assert set(result.status) == {200}
    assert every_entry_is_there(result)


@pytest.mark.parametrize("rate", [0.0, -1.0, float("nan"), float("inf")])
def test_a_rate_that_is_none_is_malformed(rate: float) -> None:
    with pytest.raises(Malformed):
        arrivals(stream("http://a", rate=rate), duration_s=1.0, seed=1)


def test_streams_without_requests_or_with_the_same_name_are_malformed() -> None:
    client = LoadClient(origins=["http://a:80"])
    with pytest.raises(Malformed):
        client.run([Stream(name="a", requests=(), rate_per_s=1.0)], duration_s=1.0, seed=1)
    with pytest.raises(Malformed):
        client.run([stream("http://a", rate=1.0)] * 2, duration_s=1.0, seed=1)
    with pytest.raises(Refused):
        client.run([stream("http://a", rate=1e9)], duration_s=1.0, seed=1)


@given(rate=st.floats(0.5, 500), seed=st.integers(0, 2**63), kind=st.sampled_from(["poisson", "constant"]))
def test_a_schedule_is_ordered_within_its_duration_and_the_same_for_the_same_seed(
    rate: float, seed: int, kind: str
) -> None:
    one = Stream(name="s", requests=(), rate_per_s=rate, arrivals=kind)
    times = arrivals(one, duration_s=3.0, seed=seed)
    assert np.array_equal(times, arrivals(one, duration_s=3.0, seed=seed))
    assert np.all(np.diff(times) >= 0)
    assert np.all((times >= 0) & (times < 3.0 + 1e-9))


def test_poisson_arrivals_have_the_mean_and_the_spread_of_a_poisson_process() -> None:
    counts = [
        len(arrivals(Stream(name="s", requests=(), rate_per_s=40), duration_s=5.0, seed=seed)) for seed in range(400)
    ]
    assert np.mean(counts) == pytest.approx(200, rel=0.02)
    assert np.var(counts) == pytest.approx(200, rel=0.25)


def shaped(shape: Sequence[tuple[float, float]], *, kind: str = "constant", rate: float = 100.0) -> Stream:
    return Stream(name="s", requests=(), rate_per_s=rate, arrivals=kind, shape=shape)


@pytest.mark.parametrize("kind", ["constant", "poisson"])
def test_a_ramp_and_a_step_put_requests_where_their_shape_says(kind: str) -> None:
    """From nothing to 100/s within 2 s, 100/s for 4 s, then 300/s at once for 4 s: 100, 400 and 1200 requests."""
    times = arrivals(shaped([(0, 0), (0.2, 1), (0.6, 1), (0.6, 3), (1, 3)], kind=kind), duration_s=10.0, seed=3)
    counts = np.histogram(times, bins=[0, 1, 2, 6, 10])[0]
    reach = 1.0 if kind == "constant" else 5.0
    for count, expected in zip(counts, (25, 75, 400, 1200), strict=True):
        assert abs(count - expected) <= reach * max(1.0, expected**0.5)
    assert np.all(np.diff(times) >= 0)
    assert 0 <= times[0] <= times[-1] < 10.0


def test_a_pause_within_a_shape_holds_no_request() -> None:
    times = arrivals(shaped([(0, 1), (0.3, 1), (0.3, 0), (0.7, 0), (0.7, 1), (1, 1)]), duration_s=10.0, seed=1)
    assert len(times) == 600
    assert not ((times > 3.0) & (times < 7.0)).any()


@pytest.mark.parametrize("shape", [[(0, 1), (0.5, 1)], [(0.5, 1), (0, 1), (1, 1)], [(0, 0), (1, 0)], [(0, -1), (1, 1)]])
def test_a_shape_that_is_none_is_malformed(shape: list[tuple[float, float]]) -> None:
    with pytest.raises(Malformed):
        arrivals(shaped(shape), duration_s=1.0, seed=1)


def traced(trace: Sequence[float], *, rate: float) -> Stream:
    return Stream(name="s", requests=(), rate_per_s=rate, arrivals="trace", trace=trace)


def test_the_busiest_stretch_of_a_trace_is_pressed_to_the_rate_and_keeps_its_bursts() -> None:
    quiet = np.arange(0.1, 100.0, 1.0)
    burst = 50.0 + np.arange(0.05, 5.0, 0.1)
    times = arrivals(traced([*quiet, *burst], rate=20.0), duration_s=2.0, seed=1)
    assert len(times) == 40
    assert 1.8 < times[-1] < 2.0
    plain = arrivals(traced(list(quiet), rate=20.0), duration_s=2.0, seed=1)
    assert np.diff(plain) == pytest.approx(2.0 / 40)


def test_a_trace_that_was_busier_than_the_rate_is_never_made_slower() -> None:
    trace = np.arange(0.005, 20.0, 0.01)
    times = arrivals(traced(list(trace), rate=10.0), duration_s=3.0, seed=1)
    assert len(times) == pytest.approx(300, abs=2)
    assert times[-1] < 3.0


def test_a_short_trace_is_repeated_and_whole_seconds_are_spread() -> None:
    times = arrivals(traced([0.0, 1.0, 2.0, 3.0], rate=100.0), duration_s=2.0, seed=1)
    assert len(times) == 200
    assert (np.diff(times) > 0).mean() > 0.9


@pytest.mark.parametrize("trace", [[], [1.0], [1.0, 1.0], [0.0, float("nan")]])
def test_a_trace_without_times_is_malformed(trace: list[float]) -> None:
    with pytest.raises(Malformed):
        arrivals(traced(trace, rate=1.0), duration_s=1.0, seed=1)


def test_processes_share_the_plan_and_nothing_is_lost_or_sent_twice() -> None:
    """What one process reports and what three report is the same plan, request by request; bodies take turns."""
    with LoadServer(delay_s=lambda _, __: 0.002) as server:
        one = stream(server.url, rate=300)
        result = LoadClient(origins=[server.url], processes=3).run([one], duration_s=0.7, seed=5)["s"]
        assert server.count == result.planned > 100
    assert every_entry_is_there(result)
    assert np.array_equal(result.scheduled_s, arrivals(one, duration_s=0.7, seed=5))
    assert set(result.status) == {200}
    assert min(result.latency_s) >= 0.002


def test_a_freeze_looks_the_same_to_several_processes() -> None:
    with LoadServer(delay_s=frozen(at_s=0.6, for_s=0.5, else_s=0.001)) as server:
        client = LoadClient(origins=[server.url], processes=2)
        latency = np.asarray(client.run([stream(server.url, rate=200)], duration_s=1.5, seed=2)["s"].latency_s)
    assert np.mean(latency > 0.05) > 0.2
    assert latency.max() > 0.4


def test_a_process_that_dies_takes_the_whole_result_with_it() -> None:
    """Half a result would hide whatever the dead half met."""
    killed: list[int] = []

    def kill_one() -> None:
        while not killed:
            time.sleep(0.2)
            for folder in Path("/proc").iterdir():
                if folder.name.isdecimal() and _is_worker_of_ours(folder):
                    os.kill(int(folder.name), signal.SIGKILL)
                    killed.append(int(folder.name))
                    return

    with LoadServer() as server:
        thread = threading.Thread(target=kill_one)
        thread.start()
        with pytest.raises(Unreachable, match="ended before its work was done"):
            LoadClient(origins=[server.url], processes=2).run([stream(server.url, rate=50)], duration_s=60.0, seed=2)
        thread.join()
        time.sleep(0.2)
        seen = server.count
        time.sleep(0.4)
        assert server.count == seen < 1000


def _is_worker_of_ours(folder: Path) -> bool:
    try:
        parent = (folder / "stat").read_text().rpartition(")")[2].split()[1]
        return parent == str(os.getpid()) and b"adapters.load.worker" in (folder / "cmdline").read_bytes()
    except OSError:
        return False


def test_a_generator_whose_master_is_gone_ends() -> None:
    script = (
        "from seatrial.adapters.load.client import LoadClient; from seatrial.core.ports import *; import sys\n"
        "s = Stream(name='s', requests=[Request(method='GET', url=sys.argv[1])], rate_per_s=50)\n"
        "LoadClient(origins=[sys.argv[1]], processes=1).run([s], duration_s=60.0, seed=1)"
    )
    with LoadServer() as server:
        with subprocess.Popen([sys.executable, "-c", script, server.url]) as master:
            while not server.count:
                time.sleep(0.02)
            master.kill()
        time.sleep(0.5)
        seen = server.count
        time.sleep(0.6)
        assert server.count == seen


@pytest.mark.parametrize("processes", [0, 2])
def test_after_too_many_failures_nothing_further_is_sent(processes: int) -> None:
    with LoadServer(answer=b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n") as server:
        one = replace(stream(server.url, rate=100), most_failed=10)
        result = LoadClient(origins=[server.url], processes=processes).run([one], duration_s=1.5, seed=1)["s"]
        assert 10 < server.count < 60
    status = np.asarray(result.status)
    assert (status == 503).sum() + (status == -1).sum() == result.planned
    assert (status[-20:] == -1).all()


@pytest.mark.slow
def test_the_time_in_the_system_before_one_exponential_server_is_what_queueing_theory_says() -> None:
    """M/M/1 at 50 %, 10 ms of mean service: exponential with mean 1/(mu - lambda) = 20 ms, p99 ln(100) times that."""
    service = np.random.default_rng(5).exponential(0.01, 4000).tolist()
    with LoadServer(delay_s=lambda at, _: service[at % len(service)], one_at_a_time=True) as server:
        result = drive(stream(server.url, rate=50), duration_s=24.0)
    latency = np.asarray(result.latency_s)
    due, free, expected = np.asarray(result.scheduled_s), 0.0, []
    for at, length in zip(due, service, strict=False):
        free = max(free, float(at)) + length
        expected.append(free - float(at))
    assert set(result.status) == {200}
    assert 0.012 < np.mean(expected) < 0.034
    # Upwards there is room for a busy machine; a generator that omits what it waits for would err downwards.
    assert np.mean(expected) * 0.9 < latency.mean() < np.mean(expected) * 1.5 + 0.02
    assert np.quantile(expected, 0.99) * 0.85 < np.quantile(latency, 0.99) < np.quantile(expected, 0.99) * 2 + 0.05


@pytest.mark.slow
def test_two_frozen_seconds_of_ten_give_the_p90_of_one_second_that_closed_loops_hide() -> None:
    with LoadServer(delay_s=frozen(at_s=4.0, for_s=2.0, else_s=0.002)) as server:
        result = drive(stream(server.url, rate=100), duration_s=10.0)
    assert 0.8 < np.quantile(result.latency_s, 0.9) < 1.3
    assert np.quantile(result.lag_s, 0.99) < 0.03
