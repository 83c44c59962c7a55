"""An interview becomes a system file that loads; what is not right is told at its field."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from seatrial.app.folder.workspace import open_workspace
from seatrial.app.proposing.interview import FIELDS, heard, text_of, write
from seatrial.core.errors import Refused
from seatrial.core.vocabulary import Criticality, Role

TODAY = date(2026, 11, 27)
SAID = {
    "name": "Arrival delay",
    "purpose": "Warns the dock planner: late deliveries ${SECRET} # and more",
    "task": "binary",
    "wrong": "Trucks wait\nin the wrong lane.",
    "criticality": "operational",
    "go_live": "2027-03-01",
    "workflows": "Dock planning: dock planners\nNight shift\n",
    "feeds": "Weather service\nERP",
    "people": "Olga Brandt, olga@example.com\nSven Holm\nOlga Dahl, dahl@example.com\nNo Body\nIvo Ünal",
    "owner": "Olga Brandt",
    "owner-deputy": "sven",
    "it": "Ivo Ünal",
    "operations": "Sven Holm",
    "answer": "30",
}


def _file(tmp_path: Path, **other: str) -> Path:
    interview, errors = heard({**SAID, **other}, TODAY)
    assert interview is not None, errors
    return write(interview, tmp_path)


def test_what_was_said_is_in_the_file_and_the_rest_is_open(tmp_path: Path) -> None:
    workspace = open_workspace(_file(tmp_path), environment={})
    system = workspace.system
    assert system.system == "arrival-delay"
    assert system.purpose == SAID["purpose"]
    assert system.criticality is Criticality.OPERATIONAL
    assert system.go_live == date(2027, 3, 1)
    assert {person.name for person in system.people.values()} == {
        "Olga Brandt",
        "Sven Holm",
        "Olga Dahl",
        "No Body",
        "Ivo Ünal",
    }
    assert (system.owner.who, system.owner.deputy, system.owner.manager) == ("olga", "sven", None)
    assert system.signers[Role.IT] == "ivo"
    point = system.duties.escalation_point
    assert point is not None
    assert (point.who, point.answer_within) == (None, 1800.0)
    assert list(system.workflows) == ["dock-planning", "night-shift"]
    assert system.workflows["dock-planning"].users == "dock planners"
    assert {"integrations.erp.kind", "model.endpoint", "owner.manager", "version"} <= set(workspace.todos)
    assert "# When it is wrong: Trucks wait in the wrong lane." in workspace.file.read_text()


def test_a_minimal_interview_loads_too() -> None:
    said = {key: SAID[key] for key in ("name", "purpose", "task", "criticality")} | {"people": "Olga Brandt"}
    interview, errors = heard(said, TODAY)
    assert interview is not None, errors
    assert "integrations: TODO" in text_of(interview)


def test_a_folder_that_is_there_is_left_as_it_is(tmp_path: Path) -> None:
    file = _file(tmp_path)
    before = file.read_bytes()
    with pytest.raises(Refused, match="already"):
        _file(tmp_path, purpose="Something else.")
    assert file.read_bytes() == before
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "linked").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(Refused, match="already"):
        _file(tmp_path, name="linked")
    assert not any((tmp_path / "elsewhere").iterdir())


@pytest.mark.parametrize("name", ["../../etc/passwd", "/etc/passwd", "..", "a/../../b", "Ärger & Söhne", "null", "7"])
def test_no_name_leaves_the_folder(tmp_path: Path, name: str) -> None:
    root = tmp_path / "root"
    interview, errors = heard({**SAID, "name": name}, TODAY)
    if interview is None:
        assert set(errors) == {"name"}
        return
    assert write(interview, root).resolve().parents[1] == root.resolve()
    assert [path.name for path in tmp_path.iterdir()] == ["root"]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", "  "),
        ("name", "???"),
        ("purpose", ""),
        ("purpose", "bell \x07"),
        ("task", "guess"),
        ("criticality", ""),
        ("go_live", "2026-11-27"),
        ("go_live", "tomorrow"),
        ("people", ""),
        ("people", "Olga Brandt, nowhere"),
        ("people", "Olga Brandt\nolga brandt"),
        ("people", "\n".join(f"Person {i}" for i in range(61))),
        ("owner", "Nobody Here"),
        ("owner", "olga dahl brandt"),
        ("owner-deputy", "Olga Brandt"),
        ("operations", "Ivo Ünal"),
        ("workflows", "Dock planning: a\ndock  PLANNING: b"),
        ("feeds", "???"),
        ("answer", "soon"),
        ("acknowledge", "0"),
        ("wrong", "w" * 4001),
    ],
)
def test_what_is_not_right_is_told_at_its_field(field: str, value: str) -> None:
    interview, errors = heard({**SAID, field: value}, TODAY)
    assert interview is None
    assert field in errors
    assert set(errors) <= set(FIELDS)


def test_a_first_name_that_two_have_names_nobody() -> None:
    people = "Ola Brandt\nMona Brandt\nOla Dahl"
    interview, errors = heard(
        {**SAID, "people": people, "owner": "Ola", **dict.fromkeys(("it", "operations"), "")}, TODAY
    )
    assert interview is None
    assert "owner" in errors
