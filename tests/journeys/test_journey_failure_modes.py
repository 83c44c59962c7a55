"""`seatrial failure-modes`: what was confirmed against what the register says, and the entries that it lacks."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest
from command_line import called

from seatrial.app.folder.ledgers import keystore, known, open_ledger, record
from seatrial.app.folder.workspace import open_workspace
from seatrial.core.bodies import EventBody, ObservationBody
from seatrial.core.observation import Finding, Json, Observation
from seatrial.core.vocabulary import RecordType, Weight
from seatrial.domains.model.failure_modes import REQUIREMENT
from seatrial.spec.failure_modes import load_failure_modes

SYSTEM = """
system: demo
version: "1"
people: {olga: {name: Olga Brandt}}
model:
  endpoint: http://127.0.0.1:9/predict
  task: binary
  inputs: {load: {type: number}}
  output: {prediction: late, positive: 1}
failure_modes: failure-modes.yaml
"""
REGISTER = """# What the docks must know.
failure_modes:
    # seen in September
    - id: red-long
      when: 'carrier == "red" and load > 0.5'
      consequence: the dock is blocked   # costs 200 an hour
      handling: the planner calls the carrier
      owner: olga
    - id: old
      when: wind > 20
      handling: TODO
"""


def slice_of(when: str, *fields: str, entry: str | None = None) -> Finding:
    return Finding(
        code="unanswered-failure-mode" if entry is None else "answered-failure-mode",
        weight=Weight.GAP if entry is None else Weight.NOTE,
        summary=f"When {when}, 41 % of the answers are wrong, against 12 % elsewhere.",
        fields=fields,
        detail={"when": when, "entry": entry},
    )


RED = slice_of('carrier == "red" and load > 0.6', "carrier", "load", entry="red-long")
COLD = slice_of("temp <= -3 and load > 0.5", "temp", "load")
FIXED = Finding(
    code="fixed-failure-mode",
    weight=Weight.NOTE,
    summary="the register's entry old is fixed: where it holds, the model is wrong in 9 % of the rows",
    fields=("old",),
    detail={"entry": "old"},
)


@pytest.fixture
def place(tmp_path: Path) -> Path:
    (tmp_path / "seatrial.yaml").write_text(SYSTEM)
    (tmp_path / "failure-modes.yaml").write_text(REGISTER)
    return tmp_path


def seen(place: Path, findings: Sequence[Finding]) -> None:
    """Put an observation on record."""
    workspace = open_workspace(place / "seatrial.yaml")
    body = ObservationBody(
        requirement=REQUIREMENT,
        check=REQUIREMENT,
        check_version=1,
        product="0",
        run="r",
        seed=1,
        started_at=datetime(2026, 11, 20, tzinfo=UTC),
        duration_s=1.0,
        observation=Observation(done="Looked.", findings=tuple(findings), proof=1),
    )
    with open_ledger(workspace) as ledger:
        record(ledger, known(workspace, keystore(workspace).worker()), workspace, RecordType.OBSERVATION, body)


def test_the_register_is_held_against_what_was_confirmed(place: Path) -> None:
    seen(place, [RED, COLD, FIXED])
    ended = called("failure-modes", "--json", cwd=place)
    assert ended.code == 0, ended.err
    assert [each["when"] for each in ended.json["unanswered"]] == ["temp <= -3 and load > 0.5"]
    states = {each["id"]: each for each in ended.json["entries"]}
    assert states["red-long"]["state"] == "answers"
    assert states["old"]["state"] == "fixed"
    assert states["old"]["absent"] == ["consequence", "handling", "owner"]
    told = called("failure-modes", cwd=place).out
    assert "41 % of the answers are wrong" in told
    assert "old: fixed" in told
    assert "no consequence, no handling, no owner yet" in told


def test_drafts_are_added_and_nothing_that_stood_there_is_lost(place: Path) -> None:
    seen(place, [RED, COLD])
    ended = called("failure-modes", "--write", "--json", cwd=place)
    assert ended.code == 0, ended.err
    assert ended.json["added"] == 1
    text = (place / "failure-modes.yaml").read_text()
    assert text.startswith(REGISTER.rstrip())
    modes = load_failure_modes(text.encode(), name="failure-modes.yaml")
    assert [mode.when for mode in modes][2:] == ["temp <= -3 and load > 0.5"]
    assert modes[2].consequence is None
    assert "# When temp <= -3 and load > 0.5, 41 %" in text
    again = called("failure-modes", "--write", "--json", cwd=place)
    assert again.json["added"] == 0
    assert (place / "failure-modes.yaml").read_text() == text


def alarmed(place: Path, **detail: Json) -> None:
    """Put an alarm of the watch on record."""
    workspace = open_workspace(place / "seatrial.yaml")
    body = EventBody(kind="watch-alarm", summary="recall: it is worse", revokes=False, detail=detail)
    with open_ledger(workspace) as ledger:
        record(ledger, known(workspace, keystore(workspace).worker()), workspace, RecordType.EVENT, body)


def test_where_an_alarm_concentrated_becomes_a_candidate_until_rows_were_searched_again(place: Path) -> None:
    seen(place, [RED])
    for where in ("load > 0.8", "load > 0.8", "wind > 20", "load >", 7):
        alarmed(place, where=where)
    ended = called("failure-modes", "--write", "--json", cwd=place)
    assert [(each["when"], each["gap"]) for each in ended.json["unanswered"]] == [("load > 0.8", False)]
    assert "After launch: recall: it is worse" in ended.json["unanswered"][0]["summary"]
    modes = load_failure_modes((place / "failure-modes.yaml").read_bytes(), name="failure-modes.yaml")
    assert modes[-1].when == "load > 0.8", "from now on every run holds it against the labelled rows"
    alarmed(place, where="load <= 0.1")
    seen(place, [RED])
    assert called("failure-modes", "--json", cwd=place).json["unanswered"] == []


@pytest.mark.parametrize("register", ["failure_modes: []\n", "failure_modes: []  # none yet\n", "", None])
def test_the_first_entries_go_into_an_empty_register(place: Path, register: str | None) -> None:
    file = place / "failure-modes.yaml"
    file.unlink() if register is None else file.write_text(register)
    seen(place, [COLD, slice_of("temp <= -3 and load > 0.5 ", "temp")])
    ended = called("failure-modes", "--write", "--json", cwd=place)
    assert ended.code == 0, ended.err
    modes = load_failure_modes(file.read_bytes(), name="failure-modes.yaml")
    assert [mode.id for mode in modes] == ["temp-3-and-load-0-5", "temp-3-and-load-0-5-2"]
    assert ("none yet" in file.read_text()) is ("none yet" in (register or ""))


def test_a_register_in_one_line_is_left_alone_and_the_place_named(place: Path) -> None:
    line = "failure_modes: [{id: a, when: x > 1}]\n"
    (place / "failure-modes.yaml").write_text(line)
    seen(place, [COLD])
    ended = called("failure-modes", "--write", cwd=place)
    assert ended.code == 2
    assert "failure-modes.yaml" in ended.err
    assert (place / "failure-modes.yaml").read_text() == line


@pytest.mark.slow
def test_what_is_confirmed_no_more_is_said(place: Path) -> None:
    seen(place, [COLD, slice_of("load > 0.7", "load")])
    seen(place, [slice_of("load > 0.69", "load")])
    ended = called("failure-modes", "--json", cwd=place)
    assert ended.json["gone"] == ["temp <= -3 and load > 0.5"]
    assert "confirmed before and no more" in called("failure-modes", cwd=place).out


def test_without_an_observation_it_says_what_to_run(place: Path) -> None:
    ended = called("failure-modes", cwd=place)
    assert ended.code == 2
    assert "seatrial run --only model.failure-modes" in ended.err


@pytest.mark.slow
def test_without_a_register_it_says_how_to_declare_one(place: Path) -> None:
    (place / "seatrial.yaml").write_text(SYSTEM.replace("failure_modes: failure-modes.yaml\n", ""))
    seen(place, [COLD])
    assert called("failure-modes", cwd=place).code == 0
    ended = called("failure-modes", "--write", cwd=place)
    assert ended.code != 0
    assert "failure_modes: failure-modes.yaml" in ended.err
