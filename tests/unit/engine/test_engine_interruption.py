"""Ctrl-C, SIGTERM and kill -9 leave everything consistent and nothing running."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

_HERE = Path(__file__).parent


class _Run:
    """A run that a test may interrupt, with the processes that descend from it."""

    def __init__(self, changed: Path, name: str, *, grace_s: float) -> None:
        self.process = subprocess.Popen(
            [sys.executable, str(_HERE / "one_run.py"), str(changed), name, str(grace_s)],
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout is not None
        self._lines = self.process.stdout

    def until(self, kind: str, check: str) -> None:
        for line in self._lines:
            name, event = json.loads(line)
            if name == kind and event.get("check") == check:
                return
        pytest.fail(f"no {kind} of {check}")

    def rest(self) -> list[tuple[str, Any]]:
        events = [tuple(json.loads(line)) for line in self._lines]
        self.process.wait(timeout=45)
        return events

    def end(self) -> None:
        self.process.kill()
        self.process.wait()
        self._lines.close()

    def descendants(self) -> list[int]:
        found, new = [], [self.process.pid]
        while new:
            pid = new.pop()
            children = [int(c) for c in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
            found += children
            new += children
        return found


@pytest.fixture
def changed(tmp_path: Path) -> Path:
    return tmp_path / "changed"


@pytest.fixture
def start(changed: Path) -> Iterator[Callable[..., _Run]]:
    runs = []

    def started(name: str, *, grace_s: float = 10.0) -> _Run:
        run = _Run(changed, name, grace_s=grace_s)
        runs.append(run)
        run.until("CheckStarted", f"data.{name}")
        if name == "restores_when_stopped":
            run.until("CheckProgressed", f"data.{name}")
        else:
            time.sleep(0.3)
        return run

    yield started
    for run in runs:
        run.end()


def _all_end(pids: list[int]) -> bool:
    for _ in range(3000):
        if not any(Path(f"/proc/{pid}").exists() for pid in pids):
            return True
        time.sleep(0.02)
    return False


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_restores_says_so_and_starts_nothing_more(
    start: Callable[..., _Run], changed: Path, how: signal.Signals
) -> None:
    run = start("restores_when_stopped")
    assert changed.exists()
    started = run.descendants()
    run.process.send_signal(how)
    events = run.rest()
    assert [name for name, _ in events] == ["RunFinished"]
    assert events[-1][1]["interrupted"] is True
    assert not changed.exists()
    assert len(started) == 2
    assert _all_end(started)
    assert run.process.returncode == 0


def test_what_does_not_restore_in_time_is_killed_and_on_record(start: Callable[..., _Run]) -> None:
    run = start("hangs_and_will_not_stop", grace_s=0.5)
    started = run.descendants()
    run.process.send_signal(signal.SIGINT)
    events = run.rest()
    assert [name for name, _ in events] == ["CheckFinished", "RunFinished"]
    assert events[0][1]["result"]["code"] == "interrupted"
    assert "may not have been restored" in events[0][1]["result"]["summary"]
    assert _all_end(started)


def test_a_second_interruption_does_not_wait(start: Callable[..., _Run]) -> None:
    run = start("hangs_and_will_not_stop", grace_s=60.0)
    for _ in range(2):
        run.process.send_signal(signal.SIGINT)
        time.sleep(0.4)
    assert [name for name, _ in run.rest()] == ["CheckFinished", "RunFinished"]


def test_when_the_run_itself_is_killed_its_checks_restore_and_nobody_stays(
    start: Callable[..., _Run], changed: Path
) -> None:
    run = start("restores_when_stopped")
    started = run.descendants()
    assert len(started) == 2
    run.process.kill()
    run.process.wait()
    assert _all_end(started)
    assert not changed.exists()


def test_when_the_run_itself_is_killed_a_check_that_will_not_stop_is_killed_too(start: Callable[..., _Run]) -> None:
    run = start("hangs_and_will_not_stop", grace_s=0.5)
    started = run.descendants()
    run.process.kill()
    run.process.wait()
    assert _all_end(started)


def test_when_run_and_zygote_are_both_killed_the_checks_still_restore_and_end(
    start: Callable[..., _Run], changed: Path
) -> None:
    run = start("restores_when_stopped")
    zygote, check = run.descendants()
    run.process.kill()
    os.kill(zygote, signal.SIGKILL)
    run.process.wait()
    assert _all_end([check])
    assert not changed.exists()
