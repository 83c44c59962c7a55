"""What reports say together: repeated conditions become candidates with a draft that the register takes."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from plants.tiny_system import SECRET, plant
from seatrial.app.folder.workspace import Workspace, open_workspace
from seatrial.app.people.doubting import Said, candidates, known_conditions
from seatrial.spec.failure_modes import load_failure_modes, with_drafts

REGISTER = b"failure_modes:\n  - id: storm\n    when: wind > 60\n    consequence: c\n    handling: h\n    owner: olga\n"


def _at(day: int) -> datetime:
    return datetime(2026, 11, day, tzinfo=UTC)


def _said(output: str, condition: str, day: int = 1) -> Said:
    return Said(output=output, condition=condition, at=_at(day))


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    file = plant(tmp_path, "http://127.0.0.1:9", count=3)
    (tmp_path / "register.yaml").write_bytes(REGISTER)
    file.write_text(file.read_text() + 'failure_modes: register.yaml\ndo_not_trust: [{when: "wind > 70"}]\n')
    return open_workspace(file, environment={"MODEL_KEY": SECRET})


def test_two_outputs_under_one_condition_are_a_candidate_that_the_register_takes(workspace: Workspace) -> None:
    (found,) = candidates(workspace, [_said("F1", "wind < 3", 2), _said("F2", "Wind  <  3", 5)])
    assert (found.outputs, found.first, found.last) == (2, _at(2), _at(5))
    grown = with_drafts(REGISTER, [found.draft], name="register.yaml")
    assert [mode.id for mode in load_failure_modes(grown, name="register.yaml")] == ["storm", "wind-3"]


@pytest.mark.parametrize(
    "reports",
    [
        [_said("F1", "wind < 3"), _said("F1", "wind < 3", 2)],
        [_said("F1", "wind < 3"), _said("F2", "wind < 4")],
        [_said("F1", ""), _said("F2", " ")],
        [_said("F1", "wind > 60"), _said("F2", "WIND >  60")],
    ],
    ids=["one output twice", "two conditions", "no condition", "in the register"],
)
def test_what_does_not_repeat_or_is_answered_is_none(workspace: Workspace, reports: list[Said]) -> None:
    assert candidates(workspace, reports) == ()


def test_words_that_are_no_condition_are_shown_without_a_draft(workspace: Workspace) -> None:
    (found,) = candidates(workspace, [_said("F1", "on Monday mornings"), _said("F2", "On Monday mornings")])
    assert found.draft == ""


def test_rules_and_register_are_the_known_conditions(workspace: Workspace) -> None:
    assert known_conditions(workspace) == ("wind is above 70", "wind is above 60")


def test_known_conditions_go_by_the_names_that_people_have_and_mean_what_is_declared(tmp_path: Path) -> None:
    file = plant(tmp_path, "http://127.0.0.1:9", count=3)
    (tmp_path / "register.yaml").write_bytes(REGISTER)
    text = file.read_text().replace("wind: {type: number", "wind: {type: number, name: wind at the runway")
    assert "wind at the runway" in text
    file.write_text(text + 'failure_modes: register.yaml\ndo_not_trust: [{when: "wind > 70"}]\n')
    workspace = open_workspace(file, environment={"MODEL_KEY": SECRET})
    rule, entry = known_conditions(workspace)
    assert (rule, entry) == ("wind at the runway is above 70", "wind at the runway is above 60")
    assert candidates(workspace, [_said("F1", entry), _said("F2", entry)]) == ()
    (found,) = candidates(workspace, [_said("F1", rule), _said("F2", "wind > 70")])
    assert (found.condition, found.outputs) == ("wind > 70", 2)
    assert load_failure_modes(with_drafts(REGISTER, [found.draft], name="r"), name="r")[-1].when == "wind > 70"
