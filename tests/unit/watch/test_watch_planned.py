from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from plants.memory_trial import FixedClock
from plants.tiny_system import plant
from seatrial.app.folder.workspace import Workspace, open_workspace
from seatrial.app.watched.planned import PlannedDrills
from seatrial.core.errors import Unreachable
from seatrial.watch.store import Store

WEDNESDAY = datetime(2027, 1, 6, 12, tzinfo=UTC)


class Slow(FixedClock):
    """Tells the time only after `before` has returned."""

    def __init__(self, before: Callable[[], None]) -> None:
        super().__init__(WEDNESDAY)
        self.before = before

    def now(self) -> datetime:
        self.before()
        return super().now()


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    file = plant(tmp_path, "http://127.0.0.1:9", count=10)
    with file.open("a") as more:
        more.write('drills: {time_zone: UTC, page: {every: 30d, windows: ["Mon 01:00-02:00"]}}\n')
    return open_workspace(tmp_path, environment={"MODEL_KEY": "k"})


def test_nothing_that_comes_in_waits_until_it_is_known_which_drill_is_due(workspace: Workspace, tmp_path: Path) -> None:
    asked, go_on, said = threading.Event(), threading.Event(), list[str]()

    def wait() -> None:
        asked.set()
        assert go_on.wait(10.0)

    with closing(Store.open(f"sqlite:///{tmp_path / 'w.db'}")) as store:
        drills = PlannedDrills(replace(workspace, clock=Slow(wait)), store, say=said.append)
        drills.look()
        assert not go_on.is_set()
        assert asked.wait(10.0)
        go_on.set()
        drills.stop(within_s=60.0)
        assert (said, store.alarms()) == ([], [])


def test_a_plan_that_cannot_be_seen_is_said(workspace: Workspace, tmp_path: Path) -> None:
    said: list[str] = []

    def fail() -> None:
        raise Unreachable("the ledger is away")

    with closing(Store.open(f"sqlite:///{tmp_path / 'w.db'}")) as store:
        drills = PlannedDrills(replace(workspace, clock=Slow(fail)), store, say=said.append)
        drills.look()
        drills.stop(within_s=60.0)
    assert said == ["what drill is due could not be seen: the ledger is away"]
