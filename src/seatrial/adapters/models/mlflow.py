"""MLflow: a model behind its scoring server, or a model directory that its own process loads."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from seatrial.adapters.http import Http
from seatrial.adapters.identity import digest_of
from seatrial.adapters.models.artefacts import files_of
from seatrial.adapters.models.forms import ColumnsForm, Form, RecordsForm
from seatrial.adapters.models.http import HttpModel
from seatrial.adapters.models.in_process import ProcessModel
from seatrial.adapters.models.process import ModelProcess, resolved
from seatrial.adapters.redaction import Redactor
from seatrial.core.errors import Malformed
from seatrial.core.ports import ModelFile
from seatrial.spec.model import ModelSection


def open_mlflow(section: ModelSection, *, base_dir: Path, http: Http) -> HttpModel | MlflowModel:
    """The scoring server where `model.mlflow` is a URL, else the directory. Raises Malformed for another protocol."""
    where = section.mlflow or ""
    if "://" not in where:
        return MlflowModel(section, base_dir=base_dir, redact=http.redact)
    bare = where.rstrip("/")
    url = bare if bare.endswith("/invocations") else f"{bare}/invocations"
    return HttpModel(section, url=url, http=http, form=_form(section))


def _form(section: ModelSection) -> Form:
    """`dataframe_records`, `dataframe_split` or `inputs`, in MLflow's own words."""
    if section.protocol in (None, "records"):
        return RecordsForm(section=section, key="dataframe_records")
    if section.protocol == "split":
        return ColumnsForm(section=section, key="dataframe_split", split=True)
    if section.protocol == "columns":
        return ColumnsForm(section=section, key="inputs")
    raise Malformed(
        f"MLflow's scoring server does not speak {section.protocol}",
        remedy="Declare model.protocol as records, split or columns.",
    )


class MlflowModel(ProcessModel):
    """A directory with an `MLmodel` file, loaded as `python_function` in its own process; identity is its digest.

    A model that returns a table has its columns named by `output`; one that returns a bare array gives predictions
    alone.
    """

    columns_named = True

    def __init__(self, section: ModelSection, *, base_dir: Path, redact: Redactor) -> None:
        super().__init__(section, redact=redact)
        self._base_dir = base_dir

    def identity(self) -> str:
        """The digest of every file in the directory. Raises Unreachable, Malformed."""
        return digest_of({file.path: file.sha256 for file in self.model_files()})

    def model_files(self) -> Sequence[ModelFile]:
        """Every file in the directory. Raises Unreachable, or Malformed when it is no MLflow model."""
        folder = self._folder()
        return files_of(folder)

    def _folder(self) -> Path:
        folder = resolved(self._base_dir, self._section.mlflow or "", folder=True)
        if not (folder / "MLmodel").is_file():
            raise Malformed(
                f"{self._section.mlflow} holds no MLmodel file",
                remedy="Name the folder that mlflow saved the model to.",
            )
        return folder

    def _process(self) -> ModelProcess:
        return self._once("", self._made)

    def _made(self) -> ModelProcess:
        folder = self._folder()
        return ModelProcess("mlflow", str(folder), what=folder.name, cwd=folder)
