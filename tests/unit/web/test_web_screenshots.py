"""The command that makes the site's pictures says what it lacks, before it starts anything."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from plants.site_tour import cast_of
from plants.tiny_system import SECRET, plant
from seatrial.app.folder.workspace import open_workspace

_OWNER = "owner: {who: olga, deputy: sven, manager: carl}\n"
_COMMAND = Path(__file__).parents[2] / "screenshots.py"


def _without(folder: Path, text: str) -> Path:
    file = plant(folder, "http://127.0.0.1:9")
    file.write_text(file.read_text().replace(text, ""))
    (folder / ".env").write_text(f"MODEL_KEY={SECRET}\n")
    return folder


@pytest.mark.parametrize("lacks", [_OWNER, "signers: {it: ivo, operations: sven, legal: lena, ai-team: amir}\n"])
def test_a_system_whose_people_do_not_suffice_is_refused_with_what_to_declare(tmp_path: Path, lacks: str) -> None:
    done = subprocess.run(
        [sys.executable, str(_COMMAND), "--system", str(_without(tmp_path / "system", lacks))],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 1
    assert "owner.who" in done.stderr
    assert "→" in done.stderr
    assert "Traceback" not in done.stderr


def test_whoever_owns_or_signs_has_an_account_wherever_they_are_declared(tmp_path: Path) -> None:
    folder = _without(tmp_path, "  carl: {name: Carl Weiss}\n")
    file = folder / "seatrial.yaml"
    file.write_text(file.read_text().replace("manager: carl", "manager: ivo").replace("who: olga", "who: amir", 1))
    assert cast_of(open_workspace(file).system) == ("amir", "ivo", "lena")
