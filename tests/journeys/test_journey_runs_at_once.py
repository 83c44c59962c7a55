"""A run that is started twice: one loads and changes the system, the other is told to wait."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from plants.server import Server
from plants.tiny_system import SECRET, plant, steady
from seatrial.app.folder.catalogue import check_by_id, checks
from seatrial.app.folder.workspace import Workspace, open_workspace
from seatrial.app.running.one_at_a_time import disturbs, one_at_a_time, under_way
from seatrial.app.running.run import run
from seatrial.core.errors import Refused
from seatrial.core.events import CheckFinished

_LOAD = [check_by_id("data.load")]
_HOLDS = """
import sys
from seatrial.app.folder.catalogue import check_by_id
from seatrial.app.folder.workspace import open_workspace
from seatrial.app.running.one_at_a_time import one_at_a_time
from pathlib import Path
with one_at_a_time(open_workspace(Path(sys.argv[1])), [check_by_id("data.load")]):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Workspace]:
    monkeypatch.setenv("MODEL_KEY", SECRET)
    with Server(steady) as served:
        yield open_workspace(plant(tmp_path / "system", served.url))


@pytest.fixture
def another(workspace: Workspace) -> Iterator[subprocess.Popen[bytes]]:
    holder = subprocess.Popen(
        [sys.executable, "-c", _HOLDS, str(workspace.file)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert holder.stdin is not None
    assert holder.stdout is not None
    try:
        assert holder.stdout.readline() == b"held\n"
        yield holder
    finally:
        holder.kill()
        holder.communicate(timeout=30)


def test_a_second_run_that_loads_or_changes_the_system_is_refused_in_words(
    workspace: Workspace, another: subprocess.Popen[bytes]
) -> None:
    assert under_way(workspace)
    with pytest.raises(Refused, match=f"under way here, process {another.pid} since 20"):
        list(run(workspace, only=["data.load"]))
    beside = [each.check for each in run(workspace, only=["ownership.monitor"]) if isinstance(each, CheckFinished)]
    assert beside == ["ownership.monitor"], "what disturbs nothing goes on beside it"


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_run_that_was_killed_keeps_nobody_out(
    workspace: Workspace, another: subprocess.Popen[bytes], number: signal.Signals
) -> None:
    os.kill(another.pid, number)
    another.communicate(timeout=30)
    assert not under_way(workspace)
    with one_at_a_time(workspace, _LOAD):
        assert under_way(workspace)
    assert not under_way(workspace)


def test_another_system_is_not_kept_waiting(workspace: Workspace, another: object, tmp_path: Path) -> None:
    elsewhere = open_workspace(plant(tmp_path / "elsewhere", "http://127.0.0.1:9"))
    with one_at_a_time(elsewhere, _LOAD):
        assert under_way(elsewhere)


def test_what_must_be_alone_in_a_run_is_alone_among_runs_and_the_daily_probe_is_not() -> None:
    alone = {check.id for check in checks() if disturbs(check)}
    assert {"data.load", "data.faults", "governance.rollback", "integration.isolation"} <= alone
    assert not {"governance.rollback-armed", "model.threshold", "ownership.monitor"} & alone
