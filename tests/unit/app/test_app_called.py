"""Scripts that procedures call belong to them: a changed script voids what was drilled with the one before."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from seatrial.app.folder.called import called_files
from seatrial.app.folder.subject import Identities, digest_files, subject
from seatrial.app.folder.workspace import Workspace, open_workspace

PART = "procedure.back.yaml"


def workspace(folder: Path, run: list[str], **step: Any) -> Workspace:
    (folder / "scripts" / "tools").mkdir(parents=True, exist_ok=True)
    for name in (
        "rollback.py",
        "x.sh",
        "plan.txt",
        "config.yaml",
        "run.log",
        "version",
        "tools/__init__.py",
        "tools/again.py",
    ):
        (folder / "scripts" / name).write_text(f"# {name}\n")
    look = {"name": "look", "kind": "http", "with": {"url": "http://127.0.0.1:1/is"}, "deadline": "1s"}
    steps = [{"name": "go", "kind": "command", "with": {"run": run}, "deadline": "1s", **step}]
    (folder / "back.yaml").write_text(
        json.dumps({"procedure": "back", "before": [look], "steps": steps, "target": [look]})
    )
    file = folder / "seatrial.yaml"
    file.write_text(
        "system: a\nversion: '1'\nmodel: {endpoint: 'http://127.0.0.1:1/p', task: binary}\n"
        "rollback: {procedure: back.yaml, within: 1h}\n"
    )
    (folder / ".env").write_text("SCRIPTS=scripts\n")
    return open_workspace(file)


def parts(opened: Workspace) -> dict[str, str]:
    return dict(subject(opened, digest_files(opened), Identities()).parts)


@pytest.mark.parametrize(
    ("run", "script"),
    [
        (["python", "scripts/rollback.py"], "rollback.py"),
        (["python3.11", "-u", "./scripts/rollback.py", "--now"], "rollback.py"),
        (["bash", "scripts/x.sh"], "x.sh"),
        (["bash", "scripts/plan.txt"], "plan.txt"),
        (["bash", "scripts/version"], "version"),
        (["scripts/x.sh"], "x.sh"),
        (["bash", "-c", "cd . && scripts/x.sh --now"], "x.sh"),
        (["/bin/true", "--with=scripts/config.yaml"], "config.yaml"),
        (["python", "-m", "scripts.rollback"], "rollback.py"),
        (["python", "-m", "scripts.tools"], "tools/__init__.py"),
        (["python", "${SCRIPTS}/rollback.py"], "rollback.py"),
        (["env", "A=1", "python", "scripts/rollback.py", "scripts/run.log"], "rollback.py"),
    ],
)
def test_a_changed_script_is_another_procedure(tmp_path: Path, run: list[str], script: str) -> None:
    opened = workspace(tmp_path, run)
    before = parts(opened)
    (tmp_path / "scripts" / script).write_text("exit 0\n")
    after = parts(opened)
    assert {part for part in before if before[part] != after[part]} == {PART}
    (tmp_path / "scripts" / script).unlink()
    assert parts(opened)[PART] not in {before[PART], after[PART]}


def test_scripts_of_an_undo_and_within_a_wait_are_found_too(tmp_path: Path) -> None:
    undo = {"name": "undo", "kind": "command", "with": {"run": ["sh", "scripts/x.sh"]}, "deadline": "1s"}
    opened = workspace(tmp_path, ["true"], undo=undo)
    assert called_files(opened) == {"back.yaml": ("scripts/x.sh",)}


@pytest.mark.parametrize(
    "run",
    [
        ["python", "scripts/rollback.py", "scripts/run.log"],
        ["true", "scripts/plan.txt"],
        ["grep", "-qx", "2", "scripts/version"],
        ["python", "-m", "json.tool", "scripts/run.log"],
        ["python", "-c", "print('a \\'b')"],
    ],
)
def test_what_a_step_writes_and_what_nobody_calls_voids_nothing(tmp_path: Path, run: list[str]) -> None:
    opened = workspace(tmp_path, run)
    before = parts(opened)
    for name in ("run.log", "plan.txt", "version", "x.sh", "tools/again.py"):
        (tmp_path / "scripts" / name).write_text("another day\n")
    assert parts(opened) == before


def test_what_lies_outside_the_systems_folder_is_not_looked_at(tmp_path: Path) -> None:
    (tmp_path / "elsewhere.sh").write_text("true\n")
    (tmp_path / "system").mkdir()
    opened = workspace(tmp_path / "system", ["bash", "../elsewhere.sh", str(tmp_path / "elsewhere.sh"), "/bin/true"])
    assert called_files(opened) == {}


def test_a_procedure_that_cannot_be_read_calls_nothing_and_keeps_nobody_from_the_subject(tmp_path: Path) -> None:
    opened = workspace(tmp_path, ["bash", "scripts/x.sh"])
    (tmp_path / "back.yaml").write_text("steps: [\n")
    assert called_files(opened) == {}
    assert parts(opened)


def test_a_procedure_that_changes_while_the_process_runs_is_read_anew(tmp_path: Path) -> None:
    before = workspace(tmp_path, ["sh", "scripts/x.sh"])
    assert called_files(before)["back.yaml"] == ("scripts/x.sh",)
    after = workspace(tmp_path, ["python", "scripts/tools/again.py"])
    assert called_files(after)["back.yaml"] == ("scripts/tools/again.py",)
