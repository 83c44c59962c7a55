"""How a declared model is reached: one way per key of the `model` section, one form per protocol."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final, Protocol

from seatrial.adapters.http import Http
from seatrial.core.errors import Malformed
from seatrial.core.ports import Model
from seatrial.spec.model import MODEL_ADDRESSES, ModelSection
from seatrial.spec.system import System


class OpenModel(Model, Protocol):
    """A model that holds connections or a process until it is closed."""

    def close(self) -> None:
        """Let go of everything."""


_FUNCTION_TIME_OUT: Final = "60s"
Factory = Callable[[ModelSection, Path, Http], OpenModel]


def _endpoint(section: ModelSection, _: Path, http: Http) -> OpenModel:
    from seatrial.adapters.models.forms import FORMS
    from seatrial.adapters.models.http import HttpModel

    url = section.endpoint or ""
    if section.protocol == "kserve-v2":
        from seatrial.adapters.models.open_inference import OpenInferenceModel

        return OpenInferenceModel(section, url=url, http=http)
    return HttpModel(section, url=url, http=http, form=FORMS[section.protocol or "records"](section))


def _mlflow(section: ModelSection, base_dir: Path, http: Http) -> OpenModel:
    from seatrial.adapters.models.mlflow import open_mlflow

    return open_mlflow(section, base_dir=base_dir, http=http)


def _python(section: ModelSection, base_dir: Path, http: Http) -> OpenModel:
    from seatrial.adapters.models.python import PythonModel

    return PythonModel(section, base_dir=base_dir, redact=http.redact)


def _openai(section: ModelSection, base_dir: Path, http: Http) -> OpenModel:
    from seatrial.adapters.models.chat import ChatModel

    return ChatModel(section, base_dir=base_dir, http=http)


def _onnx(section: ModelSection, base_dir: Path, http: Http) -> OpenModel:
    from seatrial.adapters.models.onnx import OnnxModel

    return OnnxModel(section, base_dir=base_dir, redact=http.redact)


def _recorded(section: ModelSection, base_dir: Path, http: Http) -> OpenModel:
    from seatrial.adapters.models.recorded import RecordedModel

    return RecordedModel(section, base_dir=base_dir, redact=http.redact)


FACTORIES: Final[Mapping[str, Factory]] = {
    "endpoint": _endpoint,
    "mlflow": _mlflow,
    "onnx": _onnx,
    "python": _python,
    "openai": _openai,
    "recorded": _recorded,
}


def open_function(reference: str, *, base_dir: Path, http: Http) -> OpenModel:
    """A Python function of the user's that gives one number a row, in a process of its own as a Python model is."""
    section = ModelSection.model_validate({"python": reference, "task": "regression", "timeout": _FUNCTION_TIME_OUT})
    return _python(section, base_dir, http)


def open_model(system: System, *, base_dir: Path, http: Http) -> OpenModel:
    """The declared model; nothing is called yet. Raises Malformed unless exactly one way to reach it is declared."""
    section = system.model
    declared = [key for key in MODEL_ADDRESSES if getattr(section, key)]
    if len(declared) != 1:
        found = " and ".join(f"model.{key}" for key in declared) or "none"
        raise Malformed(
            f"the model must be reached in exactly one way; the system file declares {found}",
            remedy=f"Declare one of {', '.join(f'model.{key}' for key in MODEL_ADDRESSES)}.",
        )
    return FACTORIES[declared[0]](section, base_dir, http)
