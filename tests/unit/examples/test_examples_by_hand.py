from __future__ import annotations

import csv
import itertools
import re
import subprocess
import sys
from pathlib import Path

import pytest

from seatrial.examples.arrival_delay.by_hand import DOCKS, docks, yard
from seatrial.spec.loading import load_system

SCHEDULE = [{"delivery_id": f"d{i}", "sched_dep": str(600 + i % 3)} for i in range(30)]


def test_no_dock_gets_two_deliveries_at_once() -> None:
    plans = [re.fullmatch(r"planned (\S+) at (\d\d):(\d\d) on dock (\d+)", line) for _, line in docks(SCHEDULE)]
    assert all(plans)
    used: dict[str, list[int]] = {}
    for plan in plans:
        assert plan is not None
        used.setdefault(plan[4], []).append(int(plan[2]) * 60 + int(plan[3]))
    assert len(used) == DOCKS
    assert all(b - a >= 40 for starts in used.values() for a, b in itertools.pairwise(starts))


def test_the_yard_is_staffed_for_every_hour() -> None:
    lines = [line for _, line in yard(SCHEDULE)]
    assert len(lines) == 24
    assert lines[6] == "staffed 06:00 with 8 people"
    assert lines[3] == "staffed 03:00 with 2 people"


@pytest.mark.slow
def test_every_item_of_a_rehearsal_lands_where_the_system_file_says(ready: Path) -> None:
    environment = {
        **{f"ARRIVAL_{name}": "http://127.0.0.1:1" for name in ("MODEL", "WEATHER", "PLANNER", "PAGER")},
        **{f"ARRIVAL_{name}_LINE": "127.0.0.1:1" for name in ("WEATHER", "PLANNER")},
    }
    system = load_system((ready / "seatrial.yaml").read_bytes(), name="seatrial.yaml", environment=environment).system
    command = [sys.executable, "-m", "seatrial.examples.arrival_delay.by_hand"]
    plans = (("dock-planning", "docks", 60), ("yard-staffing", "yard", 24))
    at_work = [
        subprocess.Popen([*command, plan, "records/schedule.csv", f"records/{plan}-by-hand.csv"], cwd=ready)
        for _, plan, _ in plans
    ]
    for process, (workflow, plan, items) in zip(at_work, plans, strict=True):
        assert process.wait(timeout=120) == 0
        fallback = system.workflows[workflow].fallback
        assert fallback is not None
        assert fallback.lands is not None
        assert fallback.lands.source == f"records/{plan}-by-hand.csv"
        with (ready / fallback.lands.source).open(newline="") as sheet:
            assert len({row[fallback.lands.key] for row in csv.DictReader(sheet)}) == items


@pytest.mark.slow
def test_an_empty_schedule_is_no_plan(tmp_path: Path) -> None:
    (tmp_path / "empty.csv").write_text("delivery_id,sched_dep\n", encoding="utf-8")
    command = [
        sys.executable,
        "-m",
        "seatrial.examples.arrival_delay.by_hand",
        "docks",
        str(tmp_path / "empty.csv"),
        str(tmp_path / "sheet.csv"),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert "nothing to plan" in done.stderr
