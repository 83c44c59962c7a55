"""No page shows a verdict that is older than the record, the files or the clock allow; one that still holds is kept."""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from plants.site_world import World, invite, plant_site, visiting
from seatrial.adapters.signers.keystore import Keystore
from seatrial.app.deciding import deciding
from seatrial.app.folder.clock import SystemClock
from seatrial.app.folder.ledgers import keystore, open_ledger, record
from seatrial.app.folder.subject import Identities
from seatrial.app.folder.workspace import open_workspace
from seatrial.app.people.people import depart
from seatrial.core.vocabulary import Answer, RecordType

LONG_AGO = 1_700_000_000


@pytest.fixture
def decided(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The system file of every verdict that is decided, in order."""
    pytest.importorskip("django", reason="the site is the extra `web`, which is not installed")
    from seatrial.web import fleet

    found: list[Path] = []
    decide = deciding.decided_now

    def decided_now(workspace: Any) -> Any:
        found.append(workspace.file)
        return decide(workspace)

    monkeypatch.setattr(fleet, "decided_now", decided_now)
    return found


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> Callable[[timedelta], None]:
    """Moves the clock of the site."""
    now, monotonic = SystemClock.now, time.monotonic

    def move(by: timedelta) -> None:
        monkeypatch.setattr(SystemClock, "now", lambda clock: now(clock) + by)
        monkeypatch.setattr(time, "monotonic", lambda: monotonic() + by.total_seconds())

    return move


def planted(tmp_path: Path, slug: str) -> tuple[World, Any]:
    """A system that was written a while ago, and somebody who sees it."""
    world = plant_site(tmp_path / slug, slug)
    somebody = visiting(invite(world, f"olga-{slug}@example.com", person="olga"))
    settled(world)
    return world, somebody


def settled(world: World) -> None:
    """As if nothing was written in the last tenth of a second; what was is asked for again."""
    time.sleep(0.12)
    os.utime(world.folder / ".seatrial" / "ledger.db", (LONG_AGO, LONG_AGO))
    time.sleep(0.12)


def shown(somebody: Any, world: World) -> Any:
    answer = somebody.get(f"/api/v1/systems/{world.slug}/gaps/")
    assert answer.status_code == 200
    return answer.json()


def to_midnight() -> timedelta:
    now = datetime.now(UTC)
    return timedelta(days=1) - (now - now.replace(hour=0, minute=0, second=0, microsecond=0))


def test_what_holds_is_not_decided_again(
    prepared: Path, tmp_path: Path, decided: list[Path], later: Callable[[timedelta], None]
) -> None:
    world, somebody = planted(tmp_path, "holds")
    before = shown(somebody, world)
    assert len(decided) == 1
    later(min(timedelta(hours=1), to_midnight() / 2))
    assert shown(somebody, world) == before
    assert len(decided) == 1


def test_an_entry_is_seen_by_the_next_view(prepared: Path, tmp_path: Path, decided: list[Path]) -> None:
    world, somebody = planted(tmp_path, "appended")
    shown(somebody, world)
    depart(open_workspace(world.folder), "carl", by="olga")
    shown(somebody, world)
    assert len(decided) == 2


def test_another_day_is_seen_by_the_next_view(
    prepared: Path, tmp_path: Path, decided: list[Path], later: Callable[[timedelta], None]
) -> None:
    world, somebody = planted(tmp_path, "midnight")
    shown(somebody, world)
    later(to_midnight() + timedelta(seconds=1))
    shown(somebody, world)
    assert len(decided) == 2


def test_a_lease_that_ends_is_seen_by_the_next_view(
    prepared: Path, tmp_path: Path, decided: list[Path], later: Callable[[timedelta], None]
) -> None:
    world, somebody = planted(tmp_path, "lease")
    workspace = open_workspace(world.folder)
    with open_ledger(workspace) as ledger:
        record(
            ledger, keystore(workspace).worker(), workspace, RecordType.EVENT, Identities(found={"model": "1"}).body()
        )
    settled(world)
    shown(somebody, world)
    later(timedelta(hours=23, minutes=59))
    shown(somebody, world)
    before = len(decided)
    later(timedelta(hours=24, seconds=1))
    shown(somebody, world)
    assert len(decided) == before + 1


def test_a_clock_that_was_set_back_shows_nothing_of_later(
    prepared: Path, tmp_path: Path, decided: list[Path], later: Callable[[timedelta], None]
) -> None:
    world, somebody = planted(tmp_path, "back")
    later(timedelta(minutes=2))
    shown(somebody, world)
    later(timedelta(minutes=1))
    shown(somebody, world)
    assert len(decided) == 2


@pytest.mark.parametrize("named", ["seatrial.yaml", "limits.md", "users.csv", ".env"])
def test_a_file_that_is_written_to_is_seen_by_the_next_view(
    prepared: Path, tmp_path: Path, decided: list[Path], named: str
) -> None:
    world, somebody = planted(tmp_path, f"wrote-{named.partition('.')[0] or 'env'}")
    shown(somebody, world)
    assert len(decided) == 1
    with (world.folder / named).open("a", encoding="utf-8") as file:
        file.write("\n")
    shown(somebody, world)
    assert len(decided) == 2
    settled(world)
    shown(somebody, world)
    before = len(decided)
    shown(somebody, world)
    assert len(decided) == before


def test_a_key_that_is_added_is_seen_by_the_next_view(prepared: Path, tmp_path: Path, decided: list[Path]) -> None:
    world, somebody = planted(tmp_path, "keyed")
    shown(somebody, world)
    Keystore(world.folder / ".seatrial" / "keys").person("lena")
    shown(somebody, world)
    assert len(decided) == 2


def test_a_file_that_is_tampered_with_is_told_after_five_minutes_although_the_head_stands(
    prepared: Path, tmp_path: Path, later: Callable[[timedelta], None]
) -> None:
    world, somebody = planted(tmp_path, "tampers")
    depart(open_workspace(world.folder), "carl", by="olga")
    settled(world)
    assert "altered-record" not in str(shown(somebody, world))
    with sqlite3.connect(world.folder / ".seatrial" / "ledger.db") as database:
        database.execute("DROP TRIGGER seatrial_no_update")
        database.execute("UPDATE seatrial_entries SET envelope = x'7b7d' WHERE sequence = 1")
    database.close()
    later(timedelta(minutes=5, seconds=1))
    assert "altered-record" in str(shown(somebody, world))


def test_a_model_that_was_rolled_back_is_seen_by_the_next_view(
    prepared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On record everything holds, and a NO-GO hangs on what is served alone: no entry tells when that is mended."""
    from seatrial.web import fleet

    world = plant_site(tmp_path / "rolled-back", "rolled-back")
    system, workspace = fleet.registered("rolled-back"), open_workspace(world.folder)
    settled(world)
    open_verdict = deciding.decide_now(workspace)
    serving = {"model": "another"}

    def served(_: Any, recorded: Identities) -> Identities:
        return replace(recorded, found={**recorded.found, **serving})

    def decide(inputs: Any) -> Any:
        other = inputs.subject.digest != open_verdict.subject and serving["model"] == "another"
        answer = Answer.NO_GO if other else Answer.GO
        return replace(open_verdict, verdict=answer, decided_at=inputs.now)

    monkeypatch.setattr(deciding, "served_now", served)
    monkeypatch.setattr(deciding, "decide", decide)
    assert fleet.verdict_of(system, workspace).verdict is Answer.NO_GO
    serving["model"] = "the approved one"
    assert fleet.verdict_of(system, workspace).verdict is Answer.GO
