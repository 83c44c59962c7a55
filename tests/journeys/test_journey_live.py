"""The shipped example after launch, as `seatrial demo --live` shows it."""

from __future__ import annotations

from pathlib import Path

import pytest

from seatrial.app.folder.ledgers import read_ledger
from seatrial.app.folder.workspace import open_workspace
from seatrial.app.live import ASLEEP, LiveDemo
from seatrial.app.running.verify import verify_ledger
from seatrial.app.watched.dealing import alarms_of
from seatrial.core.vocabulary import Answer, RecordType

pytestmark = pytest.mark.timed


@pytest.mark.slow
def test_months_pass_quietly_and_stale_weather_ends_in_a_verified_way_out(tmp_path: Path) -> None:
    told: list[str] = []
    demo = LiveDemo(tmp_path / "live", say=told.append)
    verdict = demo.run()
    months = [line for line in told if "flights passed" in line]
    assert len(months) == 4
    assert all(" 0 alarms" in month for month in months), months
    workspace = open_workspace(demo.directory)
    offline = next(a for a in alarms_of(workspace, everything=True) if a["level"] == "offline")
    trail = " ".join(line["text"] for line in offline["trail"])
    assert offline["monitor"] == "offline.weather"
    assert f"{ASLEEP[0]} did not answer" in trail
    assert "Take it offline" in trail
    assert "proven by what is served" in trail
    kinds = [
        e.record.body["kind"] for e in read_ledger(workspace, quick=False).evidence if e.record.type is RecordType.EVENT
    ]
    assert kinds.index("take-offline-rule") < kinds.index("taken-offline")
    assert verdict.verdict is Answer.NO_GO
    assert any("GO was revoked" in gap.summary for gap in verdict.gaps)
    assert verify_ledger(workspace).intact
