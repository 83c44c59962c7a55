"""An ONNX file as a model: onnxruntime runs it in a process of its own."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from seatrial.adapters.identity import digest_of
from seatrial.adapters.models.artefacts import examined
from seatrial.adapters.models.in_process import ProcessModel
from seatrial.adapters.models.process import ModelProcess, resolved
from seatrial.adapters.redaction import Redactor
from seatrial.core.ports import ModelFile
from seatrial.spec.model import ModelSection


class OnnxModel(ProcessModel):
    """`model.onnx: path/to/model.onnx`. `output` names the outputs of the graph; its identity is the file's digest."""

    columns_named = True

    def __init__(self, section: ModelSection, *, base_dir: Path, redact: Redactor) -> None:
        super().__init__(section, redact=redact)
        self._base_dir = base_dir

    def identity(self) -> str:
        """The digest of the file, and of what stands beside it and holds its weights. Raises Unreachable."""
        return digest_of({file.path: file.sha256 for file in self.model_files()})

    def model_files(self) -> Sequence[ModelFile]:
        """The file, and external weights beside it. Raises Unreachable."""
        path = resolved(self._base_dir, self._section.onnx or "")
        beside = sorted(p for p in path.parent.glob(f"{path.name}*") if p.is_file())
        return [examined(p, str(p.relative_to(path.parent))) for p in beside]

    def _process(self) -> ModelProcess:
        return self._once("", self._made)

    def _made(self) -> ModelProcess:
        path = resolved(self._base_dir, self._section.onnx or "")
        return ModelProcess("onnx", str(path), what=path.name, cwd=path.parent)
