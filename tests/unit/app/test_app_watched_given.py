"""The watch compares with the model of the GO on record, and starts with an alarm where that is not there."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from plants.server import Asked, Said, Server, said
from plants.tiny_system import SECRET, plant, steady
from seatrial.app.deciding.deciding import decide_now, record_decision
from seatrial.app.folder.probing import record_probe
from seatrial.app.folder.workspace import Workspace, open_workspace
from seatrial.app.watched import given
from seatrial.app.watched.given import SERVED, given_for
from seatrial.app.watched.watch import SystemWatch
from seatrial.core.vocabulary import Answer, GateName
from seatrial.watch.states import OPEN


class Served:
    """Tells `version`, or nothing while it is down."""

    def __init__(self) -> None:
        self.version = "1"
        self.down = False

    def __call__(self, asked: Asked) -> Said:
        if self.down:
            return said({"error": "no model is loaded"}, 503)
        return said({"version": self.version}) if asked.path == "/version" else steady(asked)


@pytest.fixture
def model() -> Served:
    return Served()


@pytest.fixture
def workspace(model: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Workspace]:
    monkeypatch.setattr(given, "_EVERY_S", 0.0)
    with Server(model) as server:
        yield open_workspace(plant(tmp_path / "system", server.url), environment={"MODEL_KEY": SECRET})


def alarms(watch: SystemWatch) -> list[str]:
    """The alarms about the model that are open after a look."""
    watch.watching.listen(watch.workspace.clock.now())
    return [alarm["summary"] for alarm in watch.store.alarms(OPEN) if alarm["monitor"] == SERVED]


def test_the_watch_starts_with_an_alarm_while_the_model_is_down_and_closes_it_when_it_is_back(
    workspace: Workspace, model: Served
) -> None:
    record_probe(workspace)
    model.down = True
    with SystemWatch(workspace) as watch:
        (summary,) = alarms(watch)
        assert "503" in summary
        model.down = False
        assert alarms(watch) == []


def test_one_miss_of_a_model_that_was_there_pages_nobody(workspace: Workspace, model: Served) -> None:
    record_probe(workspace)
    with SystemWatch(workspace) as watch:
        assert alarms(watch) == []
        model.down = True
        assert alarms(watch) == []
        assert alarms(watch) != []


def test_another_model_than_go_was_given_for_is_an_alarm_however_often_it_was_tried_since(
    workspace: Workspace, model: Served
) -> None:
    record_probe(workspace)
    record_decision(workspace, replace(decide_now(workspace), verdict=Answer.GO))
    decided_on = given_for(workspace)
    model.version = "2"
    record_probe(workspace)
    record_decision(workspace, replace(decide_now(workspace), verdict=Answer.GO, gate=GateName.PILOT_EXIT))
    record_decision(workspace, replace(decide_now(workspace), verdict=Answer.GO, rehearsal=True))
    assert given_for(workspace) == decided_on, "neither lets it carry operations"
    with SystemWatch(workspace) as watch:
        (summary,) = alarms(watch)
        assert "another model is served" in summary
        assert any("another model is served" in problem for problem in watch.reference.problems)
    record_decision(workspace, replace(decide_now(workspace), verdict=Answer.GO))
    with SystemWatch(workspace) as watch:
        assert alarms(watch) == []
