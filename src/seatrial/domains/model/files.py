"""What a model that is declared as files consists of, and whether loading it runs code: looked at, never loaded."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from seatrial.core.check import Check, Trial
from seatrial.core.observation import Finding, Observation, Reason
from seatrial.core.ports import FileModel
from seatrial.core.vocabulary import Weight
from seatrial.core.wording import count
from seatrial.spec.system import System

_SHOWN: Final = 5
_CODE: Final = "Python code"
_CODES: Final[Mapping[str, str]] = {
    "pickled-model": "Files of the model are programs: whoever can write them runs code wherever they are loaded.",
    "no-model-files": "The model is declared as files, and there is no telling which.",
}


def _run(_: System, trial: Trial) -> Observation | Reason:
    model = trial.model
    if not isinstance(model, FileModel):
        return Reason(
            code="no-model-files",
            summary="The model is declared as files, and there is no telling which.",
            remedy="Declare model.onnx, model.mlflow or model.python with a path beside the system file.",
            fields=("model",),
        )
    files = model.model_files()
    programs = [file for file in files if file.runs_code and file.runs_code != _CODE]
    return Observation(
        done=f"Looked at {count(len(files), 'file')} of the model and took their digests, without loading any.",
        findings=(_pickled([file.path for file in programs]),) if programs else (),
        proof=len(files),
        facts={file.path: {"sha256": file.sha256, "runs_code": file.runs_code} for file in files},
    )


def _pickled(paths: list[str]) -> Finding:
    shown = ", ".join(paths[:_SHOWN]) + (f" and {len(paths) - _SHOWN} more" if len(paths) > _SHOWN else "")
    return Finding(
        code="pickled-model",
        summary=f"Loading the model runs code that is hidden in {shown}.",
        weight=Weight.NOTE,
        fields=("model",),
        why="Whoever can write a pickled file can run anything on the machine that loads it.",
        remedy="Export the model to a format without code, such as ONNX or skops, or let few people write these files, "
        "and check their digests where they are loaded.",
    )


CHECK: Final[Check[System]] = Check(
    id="model.threshold.files",
    requirement="model.threshold",
    version=1,
    title="The files that were measured",
    run=_run,
    codes=_CODES,
    applies=lambda system: system.model.ours,
    supplements=True,
)
