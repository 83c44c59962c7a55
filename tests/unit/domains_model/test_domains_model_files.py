"""A model of files is looked at, digested, and never loaded; what runs code is told."""

from __future__ import annotations

import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from power.family import judged
from seatrial.adapters.http import Http
from seatrial.adapters.models.catalogue import open_model
from seatrial.core.check import Trial
from seatrial.core.observation import Observation, Reason
from seatrial.core.vocabulary import Outcome
from seatrial.domains.model.files import CHECK
from seatrial.spec.system import System

ASSETS = Path(__file__).parents[2] / "assets" / "models"


def system(**model: Any) -> System:
    return System.model_validate({"system": "s", "version": "1", "model": {"task": "binary", **model}})


def looked(base_dir: Path, **model: Any) -> Observation | Reason:
    declared = system(**model)
    opened = open_model(declared, base_dir=base_dir, http=Http(origins=[]))
    return CHECK.run(declared, cast("Trial", SimpleNamespace(model=opened)))


@pytest.mark.parametrize("folder", ["mlflow-sklearn", "mlflow-pyfunc"])
def test_a_pickled_model_is_a_note_that_names_the_file(folder: str) -> None:
    found = looked(ASSETS, mlflow=folder)
    assert isinstance(found, Observation)
    assert [f.code for f in found.findings] == ["pickled-model"]
    assert ".pkl" in found.findings[0].summary
    assert judged(CHECK, system(mlflow=folder), found) is Outcome.MET


def test_a_model_without_code_is_no_finding(tmp_path: Path) -> None:
    shutil.copy(ASSETS / "wind.onnx", tmp_path / "m.onnx")
    found = looked(tmp_path, onnx="m.onnx")
    assert isinstance(found, Observation)
    assert (found.findings, found.proof) == ((), 1)


def test_it_applies_to_files_alone() -> None:
    assert CHECK.applies(system(onnx="m.onnx"))
    assert CHECK.applies(system(mlflow="models/m"))
    assert not CHECK.applies(system(mlflow="http://h/"))
    assert not CHECK.applies(system(endpoint="http://h/"))
    assert isinstance(looked(ASSETS, endpoint="http://h/"), Reason)
