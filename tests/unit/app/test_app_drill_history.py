"""Which drills on record are told: the newest of each requirement, oldest first, and every kind that there is."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from plants.planted_trial import PlantedClock
from plants.site_world import write_system
from seatrial.app.drilling import history as drill_history
from seatrial.app.drilling.history import history
from seatrial.app.folder.ledgers import keystore, known, open_ledger, record
from seatrial.app.folder.workspace import Workspace, open_workspace
from seatrial.core.bodies import ObservationBody
from seatrial.core.observation import Observation
from seatrial.core.vocabulary import RecordType


def _observed(workspace: Workspace, check: str, run: str) -> None:
    body = ObservationBody(
        requirement=check,
        check=check,
        check_version=1,
        product="0",
        run=run,
        seed=1,
        started_at=workspace.clock.now(),
        duration_s=1.0,
        observation=Observation(done=run),
    )
    with open_ledger(workspace) as ledger:
        record(ledger, known(workspace, keystore(workspace).worker()), workspace, RecordType.OBSERVATION, body)
    workspace.clock.sleep(60.0)


def test_of_many_drills_the_newest_are_told_and_a_busy_kind_hides_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(drill_history, "MOST", 2)
    workspace = replace(open_workspace(write_system(tmp_path / "drilled", "drilled")), clock=PlantedClock())
    _observed(workspace, "governance.fallback", "only")
    for run in ("first", "second", "third"):
        _observed(workspace, "governance.rollback", run)
    _observed(workspace, "model.threshold", "no drill")
    told = history(workspace)
    assert [each.requirement for each in told["rollback"]] == ["governance.rollback"] * 2
    assert [len(told[kind]) for kind in ("rollback", "fallback", "page")] == [2, 1, 0]
    ats = [each.at for each in told["rollback"]]
    assert ats == sorted(ats)
    assert told["fallback"][0].at < ats[0]
