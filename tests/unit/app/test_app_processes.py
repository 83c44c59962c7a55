"""Whether a process runs is told from what the system knows of it."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from seatrial.app.folder.processes import alive


def test_this_one_runs_and_what_is_no_number_does_not() -> None:
    assert alive(str(os.getpid()))
    assert not alive("nobody")


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="states of processes are read from /proc")
def test_one_that_ended_runs_no_more_though_nobody_asked_how() -> None:
    process = subprocess.Popen([sys.executable, "-c", "pass"])
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    os.kill(process.pid, 0)
    assert not alive(str(process.pid)), "it has ended, and is kept until somebody asks"
    process.wait()
    assert not alive(str(process.pid))
