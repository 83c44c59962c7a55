"""How a declared model is reached: one way per key of the `model` section."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final, Protocol

from seatrial.adapters.http import Http
from seatrial.core.errors import Malformed
from seatrial.core.ports import Model
from seatrial.spec.system import ModelSection, System


class OpenModel(Model, Protocol):
    """A model that holds connections or a process until it is closed."""

    def close(self) -> None:
        """Let go of everything."""


Factory = Callable[[ModelSection, Path, Http], OpenModel]


def _endpoint(section: ModelSection, _: Path, http: Http) -> OpenModel:
    from seatrial.adapters.models.http import RecordsModel

    return RecordsModel(section, url=section.endpoint or "", http=http)


def _mlflow(section: ModelSection, _: Path, http: Http) -> OpenModel:
    from seatrial.adapters.models.mlflow import MlflowModel

    return MlflowModel(section, url=section.mlflow or "", http=http)


def _python(section: ModelSection, base_dir: Path, http: Http) -> OpenModel:
    from seatrial.adapters.models.python import PythonModel

    return PythonModel(section, base_dir=base_dir, redact=http.redact)


FACTORIES: Final[Mapping[str, Factory]] = {"endpoint": _endpoint, "mlflow": _mlflow, "python": _python}


def open_model(system: System, *, base_dir: Path, http: Http) -> OpenModel:
    """The declared model; nothing is called yet. Raises Malformed unless exactly one way to reach it is declared."""
    section = system.model
    declared = [key for key in FACTORIES if getattr(section, key)]
    if len(declared) != 1:
        found = " and ".join(f"model.{key}" for key in declared) or "none"
        raise Malformed(
            f"the model must be reached in exactly one way; the system file declares {found}",
            remedy=f"Declare one of {', '.join(f'model.{key}' for key in FACTORIES)}.",
        )
    return FACTORIES[declared[0]](section, base_dir, http)
