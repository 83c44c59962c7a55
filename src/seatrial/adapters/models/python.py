"""A Python callable, or an object with `predict`, as a model: in its own process, killed when it hangs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from seatrial.adapters.identity import digest_of
from seatrial.adapters.models.answers import fast_json
from seatrial.adapters.models.artefacts import examined
from seatrial.adapters.models.in_process import ProcessModel
from seatrial.adapters.models.process import Failed, ModelProcess, resolved
from seatrial.adapters.redaction import Redactor
from seatrial.core.errors import Malformed
from seatrial.core.ports import ModelFile
from seatrial.spec.model import ModelSection


class PythonModel(ProcessModel):
    """`path/to/file.py:name`: a callable that takes a list of dicts and returns one entry per row, or an object.

    An object with `predict` is asked with a table; where it has `predict_proba`, the score is that of the positive
    class among its `classes_`. The process is started with the first call, killed when a call exceeds its time, and
    started again afterwards. It sees our environment, since it is the user's own code.
    """

    def __init__(self, section: ModelSection, *, base_dir: Path, redact: Redactor) -> None:
        super().__init__(section, redact=redact)
        self._base_dir = base_dir

    def identity(self) -> str:
        """The digest of what the callable `model.identity` returns. Raises Unreachable, Malformed."""
        if not self._section.identity:
            raise Malformed(
                "the model's identity is not declared, so a change of the model could not be noticed",
                remedy="Declare model.identity: file.py:callable that tells the version that is served.",
            )
        try:
            process = self._of(self._section.identity)
            answers = [fast_json(process.call("none", b"", self._section.timeout).body) for _ in range(2)]
        except Failed as error:
            raise Malformed(self._redact(f"model.identity failed: {error.what}")) from None
        if any(answer in (None, "", [], {}) for answer in answers):
            raise Malformed("model.identity tells no version")
        if digest_of(answers[0]) != digest_of(answers[1]):
            raise Malformed(
                "model.identity answers differently from one call to the next", remedy="It must tell the version alone."
            )
        return digest_of(answers[0])

    def _process(self) -> ModelProcess:
        return self._of(self._section.python or "")

    def _of(self, reference: str) -> ModelProcess:
        return self._once(reference, lambda: self._made(reference))

    def _made(self, reference: str) -> ModelProcess:
        path, colon, name = reference.rpartition(":")
        if not colon or not name.isidentifier():
            raise Malformed(f"{reference!r} names no callable", remedy="Write it as path/to/file.py:callable.")
        file = resolved(self._base_dir, path)
        return ModelProcess("python", str(file), name, what=file.name, cwd=file.parent, environment=True)

    def model_files(self) -> Sequence[ModelFile]:
        """The Python file. Raises Unreachable."""
        path = (self._section.python or "").rpartition(":")[0]
        return [examined(resolved(self._base_dir, path), path)]
