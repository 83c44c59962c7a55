"""A check that says that it only reads gets tables, files and records, and can ask nobody."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from plants.tiny_system import SECRET, plant
from seatrial.app.folder.outside import Outside
from seatrial.app.folder.workspace import open_workspace
from seatrial.app.running.trial import InRun, OpenTrial
from seatrial.core.errors import Refused

ASKING: dict[str, Callable[[OpenTrial], object]] = {
    "model": lambda trial: trial.model,
    "judge": lambda trial: trial.judge,
    "load": lambda trial: trial.load,
    "pager": lambda trial: trial.pager,
    "steps": lambda trial: trial.steps,
    "integration": lambda trial: trial.integration("weather"),
    "production": lambda trial: trial.production("weather"),
    "line": lambda trial: trial.line("weather"),
    "scratch": lambda trial: trial.scratch("weather"),
}


def opened(folder: Path, *, only_reads: bool) -> OpenTrial:
    workspace = open_workspace(plant(folder, "http://127.0.0.1:9"), environment={"MODEL_KEY": SECRET})
    outside = Outside(workspace)
    return OpenTrial(
        workspace,
        outside,
        seed=1,
        say=lambda _doing, _share=None: None,
        work=folder,
        parts={},
        digests={},
        of=InRun(only_reads=only_reads),
    )


@pytest.mark.parametrize("asking", ASKING)
def test_who_only_reads_can_ask_nobody(asking: str, tmp_path: Path) -> None:
    trial = opened(tmp_path / "system", only_reads=True)
    assert trial.table("live").columns()
    with pytest.raises(Refused, match="only reads"):
        ASKING[asking](trial)


def test_any_other_check_can_ask(tmp_path: Path) -> None:
    trial = opened(tmp_path / "system", only_reads=False)
    assert trial.model.request([{"wind": 1.0}]) is not None
