"""A workspace is what its files say now, however often it is opened."""

from __future__ import annotations

from pathlib import Path

from plants.site_world import write_system
from seatrial.app.folder.workspace import open_workspace


def test_the_same_files_are_worked_through_once_and_changed_ones_again(tmp_path: Path) -> None:
    file = write_system(tmp_path / "one", "one")
    surroundings = {"MODEL": "http://127.0.0.1:9"}
    file.write_text(file.read_text().replace("http://127.0.0.1:9/", "${MODEL}/").replace("short-demo", "own.yaml"))
    (tmp_path / "one" / "own.yaml").write_text("name: own\nrecovery: 50s\n")
    first = open_workspace(file, environment=surroundings)
    assert open_workspace(file, environment=dict(surroundings)).loaded is first.loaded
    elsewhere = open_workspace(file, environment={"MODEL": "http://127.0.0.1:10"})
    assert str(elsewhere.system.model.endpoint).startswith("http://127.0.0.1:10/")
    (tmp_path / "one" / "own.yaml").write_text("name: own\nrecovery: 40s\n")
    tighter = open_workspace(file, environment=surroundings)
    assert (first.system.policy.recovery, tighter.system.policy.recovery) == (50.0, 40.0)
    file.write_text(file.read_text().replace("Olga Brandt", "Olga Brand"))
    assert open_workspace(file, environment=surroundings).system.people["olga"].name == "Olga Brand"
