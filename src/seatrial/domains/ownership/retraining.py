"""Who approves retraining when accuracy drifts: a named person and a deputy who accepted, and the written criteria."""

from __future__ import annotations

from seatrial.core.check import Check, Trial
from seatrial.core.errors import SeatrialError
from seatrial.core.observation import Finding, Observation, Reason
from seatrial.core.vocabulary import Assurance
from seatrial.domains.acceptance import CODES, Post, holding
from seatrial.spec.system import System

_POST = Post(duty="retraining", part="duty.retraining", field="duties.retraining.who", what="approves retraining")
_CODES = {
    **CODES,
    "no-criteria": "No document says by which criteria retraining is approved.",
}


def _criteria(system: System, trial: Trial) -> Finding | None:
    duty = system.duties.retraining
    path = duty.criteria if duty else None
    problem = "No criteria for retraining are declared."
    if path is not None:
        try:
            if trial.files.read(path).strip():
                return None
            problem = f"The criteria for retraining, {path}, are an empty file."
        except SeatrialError as error:
            problem = f"The criteria for retraining cannot be read: {error.what}"
    return Finding(
        code="no-criteria",
        summary=problem,
        fields=("duties.retraining.criteria",),
        why="Without criteria the first drift becomes a debate, while the model goes on being wrong.",
        remedy="Write down which drop, on which data, leads to retraining; name the file in "
        "duties.retraining.criteria.",
    )


def _run(system: System, trial: Trial) -> Observation | Reason:
    duty = system.duties.retraining
    found = holding(system, trial, _POST, duty.who if duty else None, duty.deputy if duty else None)
    criteria = _criteria(system, trial)
    return Observation(
        done="Looked up who approves retraining, their signed acceptances, and read the criteria.",
        findings=(*found.findings, *([criteria] if criteria else [])),
        proof=found.verified,
        assurance=Assurance.ATTESTED,
    )


CHECK: Check[System] = Check(
    id="ownership.retraining",
    requirement="ownership.retraining",
    version=1,
    title="Who approves retraining",
    run=_run,
    codes=_CODES,
)
