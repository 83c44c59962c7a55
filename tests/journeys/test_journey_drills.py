"""The plan of drills with a real ledger: who takes a slot holds it alone, and what was held is told with its times."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from command_line import called

from plants.server import Asked, Said, Server, said
from plants.tiny_system import SECRET, plant, steady
from seatrial.app.drilling.history import standings
from seatrial.app.drilling.schedule import Due, claim, due, hold
from seatrial.app.folder.workspace import Workspace, open_workspace
from seatrial.app.running.run import run
from seatrial.app.watched.armed import EVERY, DailyProbe
from seatrial.app.watched.place import store_url
from seatrial.app.watched.planned import PlannedDrills
from seatrial.core.errors import Refused
from seatrial.core.events import StageFinished
from seatrial.watch.store import Store

ALWAYS = '["daily 00:00-12:30", "daily 12:00-00:30"]'


class Model:
    """The tiny system's model, with a version that can be changed."""

    def __init__(self) -> None:
        self.version = "2"
        self.kept = "1"
        self.stuck = False

    def __call__(self, asked: Asked) -> Said:
        if asked.path == "/activate" and asked.method == "POST" and not self.stuck:
            self.version = asked.json()["version"]
        if asked.path in ("/activate", "/served", "/kept"):
            return said({"served": self.version, "kept": self.kept})
        return steady(asked)


def way_back(url: str) -> str:
    def step(name: str, path: str, **more: object) -> dict[str, object]:
        return {"name": name, "kind": "http", "with": {"url": url + path, **more}, "deadline": "5s"}

    return json.dumps(
        {
            "procedure": "back",
            "before": [step("2 is served", "/served", expect={"json": {"served": "2"}})],
            "steps": [step("activate 1", "/activate", json={"version": "1"})],
            "target": [step("1 is served", "/served", expect={"json": {"served": "1"}})],
            "restore": [step("activate 2", "/activate", json={"version": "2"})],
            "restored": [step("2 is served again", "/served", expect={"json": {"served": "2"}})],
            "armed": [step("1 is kept", "/kept", take='"kept": "(1)"')],
        }
    )


@pytest.fixture
def model() -> Model:
    return Model()


@pytest.fixture
def place(model: Model, tmp_path: Path) -> Iterator[Path]:
    with Server(model) as server:
        file = plant(tmp_path, server.url, count=300)
        (tmp_path / ".env").write_text(f"MODEL_KEY={SECRET}\n")
        (tmp_path / "back.yaml").write_text(way_back(server.url))
        file.write_text(file.read_text() + "rollback: {procedure: back.yaml, within: 1h}\n")
        yield tmp_path


def planned(place: Path, plan: str) -> Workspace:
    file = place / "seatrial.yaml"
    kept = [line for line in file.read_text().splitlines() if not line.startswith("drills:")]
    file.write_text("\n".join([*kept, f"drills: {plan}", ""]))
    return open_workspace(place)


@pytest.mark.slow
def test_a_planned_drill_is_held_once_and_is_not_due_again_until_its_time(place: Path, model: Model) -> None:
    workspace = planned(place, f"{{rollback: {{every: 30d, windows: {ALWAYS}}}}}")
    (wanted,) = due(workspace)
    assert wanted.kind == "rollback"
    assert [claim(workspace, wanted), claim(workspace, wanted)] == [True, False]
    assert due(open_workspace(place)) == ()
    list(hold(workspace, wanted.kind))
    assert model.version == "2"
    found = {each.kind: each for each in standings(workspace)}["rollback"]
    assert found.state == "holds"
    assert found.last is not None
    assert set(found.last.parts) == {"execute", "verify"}
    assert found.due_at == found.last.at + timedelta(days=30)
    assert due(workspace, found.due_at - timedelta(minutes=1)) == ()
    assert [each.kind for each in due(workspace, found.due_at + timedelta(minutes=1))] == ["rollback"]
    told = called("drills", "--json", cwd=place).json["drills"]
    assert [each["kind"] for each in told if each["state"] == "holds"] == ["rollback"]


@pytest.mark.slow
def test_the_stop_is_pulled_from_a_terminal_by_whoever_may_and_stays(place: Path, model: Model) -> None:
    file = place / "seatrial.yaml"
    file.write_text(file.read_text().replace("manager: carl}", "manager: carl, stop: back.yaml, may_pull: true}"))
    refused = called("stop", "--as", "ivo", cwd=place)
    assert refused.code == 2
    assert "neither own nor watch it" in refused.err
    assert model.version == "2"
    stopped = called("stop", "--as", "olga", "--why", "It misroutes.", "--json", cwd=place)
    assert (stopped.code, stopped.json["stopped"], model.version) == (0, True, "1")
    assert "stopped already" in called("stop", "--as", "sven", cwd=place).out
    told = called("verdict", "--json", cwd=place).json
    assert any("pulled the stop" in gap["summary"] for gap in told["gaps"])


def test_of_many_that_take_a_slot_at_once_one_has_it(place: Path) -> None:
    workspace = planned(place, f"{{rollback: {{every: 30d, windows: {ALWAYS}}}}}")
    wanted = Due(kind="rollback", slot="rollback 2026-11-29")
    claim(workspace, Due(kind="page", slot="page of another night"))
    taken: list[bool] = []
    trying = [threading.Thread(target=lambda: taken.append(claim(open_workspace(place), wanted))) for _ in range(4)]
    for thread in trying:
        thread.start()
    for thread in trying:
        thread.join()
    assert sorted(taken) == [False, False, False, True]


def test_nothing_runs_outside_of_its_window_and_the_next_one_is_named(place: Path, model: Model) -> None:
    closed = datetime.now(UTC) + timedelta(days=3)
    day = f"{closed:%a}"
    workspace = planned(place, f'{{rollback: {{windows: ["{day} 02:00-04:00"]}}}}')
    with pytest.raises(Refused, match="may next from"):
        list(hold(workspace, "rollback"))
    ended = called("drill", "rollback", cwd=place)
    assert ended.code == 2
    assert day in ended.err
    assert model.version == "2"
    events = run(workspace, only=["governance.rollback", "ownership.monitor"])
    first = [next(events) for _ in range(2)]
    events.close()
    assert isinstance(first[1], StageFinished)
    assert "is left out" in first[1].problem
    assert day in first[1].problem


@pytest.mark.slow
def test_the_watch_probes_daily_and_what_is_missing_is_an_alarm(place: Path, model: Model) -> None:
    workspace = open_workspace(place)
    list(hold(workspace, "rollback"))
    said: list[str] = []
    with closing(Store.open(store_url(workspace))) as store:
        due_at = workspace.clock.now() + EVERY
        probe = DailyProbe(replace(workspace, clock=At(due_at - timedelta(minutes=5))), store, say=said.append)
        looked(probe)
        assert (said, store.alarms()) == ([], []), "the drill's own probe still holds"
        model.kept = "another"
        later = DailyProbe(replace(workspace, clock=At(due_at + timedelta(minutes=5))), store, say=said.append)
        looked(later)
        (alarm,) = store.alarms()
        assert (alarm["monitor"], alarm["level"]) == ("arming", "page")
        assert "1 is kept" in alarm["summary"]
    assert model.version == "2"
    assert any(gap["requirement"] == "governance.rollback" for gap in called("gaps", "--json", cwd=place).json["gaps"])


@pytest.mark.slow
def test_the_watch_holds_a_planned_drill_and_one_that_fails_is_an_alarm(place: Path, model: Model) -> None:
    workspace = planned(place, f"{{rollback: {{every: 30d, windows: {ALWAYS}}}}}")
    said: list[str] = []
    with closing(Store.open(store_url(workspace))) as store:
        model.stuck = True
        drills = PlannedDrills(workspace, store, say=said.append)
        drills.look()
        drills.stop(within_s=120.0)
        (alarm,) = store.alarms()
        assert alarm["monitor"] == "drill.rollback"
        again = PlannedDrills(open_workspace(place), store, say=said.append)
        again.look()
        again.stop(within_s=120.0)
    assert [line for line in said if line.endswith("drill begins")] == ["the planned rollback drill begins"]
    assert model.version == "2"


@dataclass(frozen=True)
class At:
    """A clock that shows one time."""

    time: datetime

    def now(self) -> datetime:
        return self.time

    def monotonic(self) -> float:
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)


def looked(probe: DailyProbe) -> None:
    probe.look()
    probe.stop(within_s=120.0)
