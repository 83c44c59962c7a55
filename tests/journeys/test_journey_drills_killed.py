"""A drill whose process is killed at any step: what it changed is brought back afterwards, from its trace alone."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from command_line import called

from plants.tiny_system import SECRET, plant
from seatrial.app.folder.ledgers import read_ledger
from seatrial.app.folder.workspace import open_workspace
from seatrial.app.running.drill_traces import left_over
from seatrial.core.vocabulary import RecordType

pytestmark = pytest.mark.slow

HELD = """
import sys
from pathlib import Path
from seatrial.app.running.drill_traces import TraceFile
from seatrial.app.folder.outside import Outside
from seatrial.app.folder.workspace import open_workspace
from seatrial.drills.procedure import execute
from seatrial.spec.loading import load_procedure

workspace = open_workspace(Path(sys.argv[1]))
procedure = load_procedure(Path(sys.argv[1], "back.yaml").read_bytes(), name="back.yaml", environment={}).value
with Outside(workspace) as outside:
    trace = TraceFile(workspace, "rollback", procedure.procedure)
    execute(procedure, steps=outside.steps, clock=workspace.clock, changes=True, trace=trace)
print("home")
"""
PARTS = ("encoder", "model", "index")


def shell(name: str, command: str, *, undo: str = "") -> dict[str, Any]:
    step: dict[str, Any] = {"name": name, "kind": "command", "with": {"run": ["sh", "-c", command]}, "deadline": "20s"}
    if undo:
        step["undo"] = shell(f"undo {name}", undo)
    return step


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """Three parts of a version, each switched by a step of its own that stops half-way where it is told to."""
    file = plant(tmp_path, "http://127.0.0.1:1", count=50)
    (tmp_path / ".env").write_text(f"MODEL_KEY={SECRET}\n")
    for part in PARTS:
        (tmp_path / part).write_text("2")
    is_2 = " && ".join(f"grep -qx 2 {part}" for part in PARTS)
    is_1 = " && ".join(f"grep -qx 1 {part}" for part in PARTS)
    switch = "printf half > {0}; touch at-{0}; while [ -e hold-{0} ]; do sleep 0.02; done; printf 1 > {0}"
    procedure = {
        "procedure": "back",
        "before": [shell("2 is served", is_2)],
        "steps": [shell(part, switch.format(part), undo=f"printf 2 > {part}; touch undone-{part}") for part in PARTS],
        "target": [shell("1 is served", is_1)],
        "restored": [shell("2 is served again", is_2)],
    }
    (tmp_path / "back.yaml").write_text(json.dumps(procedure))
    file.write_text(file.read_text() + "rollback: {procedure: back.yaml, within: 1h}\n")
    return tmp_path


def served(place: Path) -> list[str]:
    return [(place / part).read_text() for part in PARTS]


def killed_at(place: Path, part: str) -> None:
    (place / f"hold-{part}").touch()
    process = subprocess.Popen(
        [sys.executable, "-c", HELD, str(place)], stdout=subprocess.DEVNULL, start_new_session=True
    )
    deadline = time.monotonic() + 60.0
    while not (place / f"at-{part}").exists():
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait()
    # The step's own process group outlives the kill, and ends by itself once nothing holds it; it is let go on first.
    (place / f"hold-{part}").unlink()
    while (place / part).read_text() != "1":
        time.sleep(0.02)


@pytest.mark.parametrize("part", PARTS)
def test_killed_at_any_step_it_is_brought_back_by_one_command(place: Path, part: str) -> None:
    killed_at(place, part)
    assert served(place) != ["2", "2", "2"]
    (left,) = left_over(open_workspace(place))
    assert left.begun == PARTS[: PARTS.index(part) + 1]
    ended = called("drill", "--restore", cwd=place)
    assert (ended.code, served(place)) == (0, ["2", "2", "2"]), ended
    assert not any((place / f"undone-{other}").exists() for other in PARTS[PARTS.index(part) + 1 :])
    assert left_over(open_workspace(place)) == ()
    kinds = [
        e.record.body["kind"]
        for e in read_ledger(open_workspace(place), quick=False).evidence
        if e.record.type is RecordType.EVENT
    ]
    assert kinds == ["drill-restored"]
    assert "nothing to restore" in called("drill", "--restore", cwd=place).out


def test_what_cannot_be_brought_back_says_so_and_can_be_tried_again(place: Path) -> None:
    killed_at(place, "model")
    (place / "model").unlink()
    (place / "model").mkdir()
    failed = called("drill", "--restore", "--json", cwd=place)
    assert failed.code == 1
    assert [each["restored"] for each in failed.json["restored"]] == [False]
    (place / "model").rmdir()
    assert called("drill", "--restore", cwd=place).code == 0
    assert served(place) == ["2", "2", "2"]


def test_a_drill_that_comes_home_leaves_nothing_and_a_dry_run_does_nothing(place: Path) -> None:
    shown = called("drill", "rollback", "--dry-run", cwd=place)
    assert shown.code == 0, shown
    for word in ("2 is served", "encoder", "undo encoder", "this machine", "at most 20 s", "nothing was done"):
        assert word in shown.out
    assert not any((place / f"at-{part}").exists() for part in PARTS)
    done = subprocess.run(
        [sys.executable, "-c", HELD, str(place)], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout == "home\n"
    assert served(place) == ["2", "2", "2"]
    assert left_over(open_workspace(place)) == ()
    assert called("drill", cwd=place).code == 64
