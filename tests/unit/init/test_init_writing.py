"""Proposed files are written whole or not at all, and never over what somebody wrote."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from seatrial.app.proposing.initiate import Proposal, refuse_existing, write
from seatrial.core.errors import Refused, Unreachable


def _proposal(folder: Path) -> Proposal:
    return Proposal(
        file=folder / "seatrial.yaml",
        text="system: new\n",
        inputs_file=folder / "inputs.json",
        inputs="{}\n",
        task="binary",
        way="endpoint",
        rows=1,
        columns=("a",),
        notes=(),
        todos=(),
    )


def _files(folder: Path) -> dict[str, str]:
    return {path.name: path.read_text() for path in folder.iterdir()}


def test_both_files_are_written_and_nothing_else(tmp_path: Path) -> None:
    assert write(_proposal(tmp_path)) == ()
    assert _files(tmp_path) == {"seatrial.yaml": "system: new\n", "inputs.json": "{}\n"}


def test_a_folder_that_is_not_there_is_made_and_left_only_with_what_was_written(tmp_path: Path) -> None:
    write(_proposal(tmp_path / "new"))
    assert set(_files(tmp_path / "new")) == {"seatrial.yaml", "inputs.json"}
    too_long = replace(_proposal(tmp_path / "other"), file=tmp_path / "other" / f"{'long' * 70}.yaml")
    with pytest.raises(Unreachable, match="cannot be written"):
        write(too_long)
    assert not (tmp_path / "other").exists()


@pytest.mark.parametrize("there", ["seatrial.yaml", "inputs.json"])
def test_a_file_that_is_there_is_left_alone(there: str, tmp_path: Path) -> None:
    (tmp_path / there).write_text("mine")
    with pytest.raises(Refused, match=there):
        write(_proposal(tmp_path))
    assert _files(tmp_path) == {there: "mine"}


def test_a_link_to_nowhere_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "seatrial.yaml").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(Refused):
        refuse_existing(tmp_path / "seatrial.yaml")


def test_force_keeps_a_backup_of_each_time(tmp_path: Path) -> None:
    (tmp_path / "seatrial.yaml").write_text("first")
    assert write(_proposal(tmp_path), force=True) == (tmp_path / "seatrial.yaml.1.bak",)
    assert len(write(_proposal(tmp_path), force=True)) == 2
    assert _files(tmp_path) == {
        "seatrial.yaml": "system: new\n",
        "seatrial.yaml.1.bak": "first",
        "seatrial.yaml.2.bak": "system: new\n",
        "inputs.json": "{}\n",
        "inputs.json.1.bak": "{}\n",
    }


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(Unreachable, match="no folder"):
        write(_proposal(tmp_path / "nowhere" / "new"))


def test_when_the_second_cannot_be_written_the_first_is_taken_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "seatrial.yaml").write_text("mine")
    real = os.link

    def failing(draft: Path, target: Path) -> None:
        if target.name == "seatrial.yaml":
            raise OSError(28, "No space left on device")
        real(draft, target)

    monkeypatch.setattr(os, "link", failing)
    with pytest.raises(Unreachable, match="No space left"):
        write(_proposal(tmp_path), force=True)
    assert _files(tmp_path) == {"seatrial.yaml": "mine"}
