"""Can someone turn its answer cheaply: a search within declared limits, for whatever kind of model it is."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from seatrial.core.check import Check, Trial
from seatrial.core.observation import Finding, Observation, Reason, Threshold
from seatrial.core.vocabulary import Weight
from seatrial.domains.model import adversarial_chat, adversarial_records, adversarial_tabular, adversarial_text
from seatrial.spec.system import System

REQUIREMENT = "model.adversarial"

CODES = {
    **adversarial_tabular.CODES,
    **adversarial_text.CODES,
    **adversarial_chat.CODES,
    **adversarial_records.CODES,
    "not-a-test-endpoint": "The model's endpoint is not declared as one that may be given hostile input.",
    "task-not-supported": "Hostile input is not made for this task yet.",
}

_Part = Callable[[System, Trial], Observation | Reason]
_BY_TASK: Final[Mapping[str, _Part]] = {
    "binary": adversarial_tabular.run_tabular,
    "multiclass": adversarial_tabular.run_tabular,
    "regression": adversarial_tabular.run_tabular,
    "text": adversarial_text.run_text,
    "chat": adversarial_chat.run_chat,
    "extraction": adversarial_records.run_records,
}
_LIMITS_BY_TASK: Final[Mapping[str, Callable[[System], Sequence[Threshold]]]] = {
    "binary": adversarial_tabular.limits,
    "multiclass": adversarial_tabular.limits,
    "regression": adversarial_tabular.limits,
    "text": adversarial_text.limits,
    "chat": adversarial_chat.limits,
    "extraction": adversarial_records.limits,
}


_ON_ROWS = frozenset({"binary", "multiclass", "regression", "text", "extraction"})
"""Tasks whose rows are attacked where they are answered correctly, so that evaluation rows are scored first."""


def run(system: System, trial: Trial) -> Observation | Reason:
    """Attack the declared test endpoint, and nothing else, as the declared task asks."""
    attack = _BY_TASK.get(system.model.task)
    if attack is None:
        return Reason(
            code="task-not-supported",
            summary=f"hostile input is not made yet for a model whose task is {system.model.task}",
            fields=("model.task",),
        )
    if system.model.python is None and not system.model.test_endpoint:
        finding = Finding(
            code="not-a-test-endpoint",
            summary="the model's endpoint is not declared as one that may be given hostile input",
            weight=Weight.OPEN,
            fields=("model.test_endpoint",),
            why="Nobody knows what it takes to turn its answer until somebody tries.",
            remedy="Point model.endpoint at a copy of what production runs and declare model.test_endpoint: true.",
        )
        return Observation(done="Nothing was sent: the endpoint may not be given hostile input.", findings=(finding,))
    return attack(system, trial)


def limits(system: System) -> Sequence[Threshold]:
    """The limits of the part that this task has."""
    of_task = _LIMITS_BY_TASK.get(system.model.task)
    return () if of_task is None else of_task(system)


CHECK: Check[System] = Check(
    id=REQUIREMENT,
    requirement=REQUIREMENT,
    version=6,
    title="Turning its answer",
    run=run,
    codes=CODES,
    limits=limits,
    budget_s=lambda system: 900.0 + system.adversarial.time,
    tables=lambda system: ("scored.evaluation",) if system.model.task in _ON_ROWS else (),
)
