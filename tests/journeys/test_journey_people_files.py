"""Over the command line: a user list, results of a course and uses of outputs are brought, shown, and refused whole."""

from __future__ import annotations

from pathlib import Path

import pytest
from command_line import called

from plants.site_world import write_system

MORE = """\
workflows:
  docking: {users: docks}
change: {who: sven}   # he leads it
"""
AT = "2026-01-05"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_system(tmp_path / "handed", "handed", more=MORE).parent


def test_a_user_list_of_another_tool_is_taken_over_with_its_own_column_names(folder: Path) -> None:
    before = called("users", "--json", cwd=folder).json["users"]
    assert {"id": "u1", "group": "docks", "passed": False} in before
    (folder / "hr.csv").write_text("Badge;Dept;Full name\n7;docks;Uma Dahl\n8;docks;\n")
    unnamed = called("users", "--from", "hr.csv", "--as", "sven", "--yes", cwd=folder)
    assert unnamed.code == 2
    assert "--column id=NAME" in unnamed.err
    assert called("users", "--from", "hr.csv", "--column", "id=Badge", "--yes", cwd=folder).code == 64
    stranger = called("users", "--from", "hr.csv", "--column", "id=Badge", "--as", "uma", "--yes", cwd=folder)
    assert (stranger.code, "not declared" in stranger.err) == (2, True)
    assert called("users", "--json", cwd=folder).json["users"] == before
    took = called("users", "--from", "hr.csv", "--column", "id=Badge", "--as", "sven", "--yes", "--json", cwd=folder)
    assert (took.code, took.json["users"], took.json["added"]) == (0, 2, ["7", "8"])
    assert [user["id"] for user in called("users", "--json", cwd=folder).json["users"]] == ["7", "8"]


def test_a_list_with_one_bad_line_is_refused_whole_and_every_bad_line_is_told(folder: Path) -> None:
    (folder / "hr.csv").write_text("id,group\na,docks\na,docks\n,docks\n")
    refused = called("users", "--from", "hr.csv", "--as", "sven", "--yes", cwd=folder)
    assert refused.code == 2
    assert "line 3" in refused.err
    assert "line 4" in refused.err
    assert called("users", "--from", "no.csv", "--as", "sven", "--yes", cwd=folder).code == 2


def test_results_of_a_course_are_observed_and_pass_nobody(folder: Path) -> None:
    (folder / "lms.csv").write_text(f"user,score,date\nu1,92 %,{AT}\nu2,40,{AT}\nx,99,{AT}\n")
    asked = ["training", "--from", "lms.csv", "--source", "the LMS", "--as", "sven", "--yes", "--json"]
    other = called(*asked, "--about", "2025.1", "--passes-from", "80", cwd=folder)
    assert (other.code, "2025.1" in other.json["error"]) == (2, True)
    words = called(*asked, "--about", "2026.11.1", cwd=folder)
    assert "says neither passed nor not passed" in words.json["error"]
    filed = called(*asked, "--about", "2026.11.1", "--passes-from", "80", cwd=folder)
    assert (filed.code, filed.json["passed"], filed.json["not_passed"]) == (0, 1, 1)
    assert filed.json["left_out"] == {"not on the user list": 1}
    teams = called("training", "--json", cwd=folder).json["teams"]
    assert {team["team"]: team["passed"] for team in teams}["docks"] == 0


def test_uses_are_brought_once_counted_and_refused_whole(folder: Path) -> None:
    none = called("uses", cwd=folder)
    assert (none.code, "seatrial uses --begin" in none.err) == (2, True)
    assert called("uses", "--begin", "--as", "sven", cwd=folder).code == 0
    assert called("uses", "--json", cwd=folder).json == {"uses": []}
    from datetime import UTC, datetime, timedelta

    at = (datetime.now(UTC) - timedelta(hours=2)).isoformat(timespec="seconds")
    lines = [f"F1,docking,docks,{at},acted on,", f"F2,docking,docks,{at},overridden,called", f"F3,docking,docks,{at},,"]
    heading = "output,workflow,team,shown_at,response,workaround"
    (folder / "used.csv").write_text("\n".join([heading, *lines, ""]))
    bring = ["uses", "--from", "used.csv", "--as", "sven", "--json"]
    assert called(*bring, cwd=folder).json == {"new": 3, "known": 0}
    assert called(*bring, cwd=folder).json == {"new": 0, "known": 3}
    (row,) = called("uses", "--json", cwd=folder).json["uses"]
    assert (row["acted_on"], row["overridden"], row["ignored"], row["worked_around"]) == (1, 1, 1, 1)
    (folder / "used.csv").write_text("\n".join([heading, lines[0].replace("F1", "F9"), f"F8,x,docks,{at},maybe,", ""]))
    wrong = called(*bring, cwd=folder)
    assert (wrong.code, "line 3" in wrong.json["error"]) == (2, True)
    assert called("uses", "--json", cwd=folder).json["uses"] == [row]
