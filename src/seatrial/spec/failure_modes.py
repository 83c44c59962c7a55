"""The failure-mode register: under which conditions the system is wrong, what that costs, and who handles it how."""

from __future__ import annotations

from pydantic import Field

from seatrial.spec.conditions import Condition, ConditionError, parse_condition
from seatrial.spec.problem import Problem, SpecErrors
from seatrial.spec.reading import read_yaml
from seatrial.spec.system import PersonId, Section
from seatrial.spec.tree import Document
from seatrial.spec.undecided import settle
from seatrial.spec.validation import validate

_KEY = "failure_modes"


class FailureMode(Section):
    """One way in which the system is wrong. `when` is a condition over its inputs, in the language of `conditions`.

    What only people can say (consequence, handling, owner) may still be missing; then the entry answers nothing.
    """

    id: str = Field(min_length=1)
    when: str = Field(min_length=1)
    consequence: str | None = None
    handling: str | None = None
    owner: PersonId | None = None
    status: str | None = None

    @property
    def condition(self) -> Condition:
        """The condition, parsed. Raises ConditionError; a register that was loaded never does."""
        return parse_condition(self.when)


class _Register(Section):
    failure_modes: tuple[FailureMode, ...]


def load_failure_modes(text: bytes, *, name: str) -> tuple[FailureMode, ...]:
    """The entries of a register: a YAML file with the list under `failure_modes`.

    Raises SpecErrors with all problems: shape, conditions that cannot be read, ids given twice.
    """
    settled = settle(read_yaml(text, name=name), {})
    problems = list(settled.problems)
    register, formal = validate(_Register, settled.document)
    problems += formal
    if register is None or problems:
        raise SpecErrors(problems)
    for i, mode in enumerate(register.failure_modes):
        problems += _problems(settled.document, register.failure_modes, i, mode)
    if problems:
        raise SpecErrors(problems)
    return register.failure_modes


def _problems(document: Document, modes: tuple[FailureMode, ...], i: int, mode: FailureMode) -> list[Problem]:
    found = []
    try:
        parse_condition(mode.when)
    except ConditionError as error:
        found.append(
            document.problem(
                (_KEY, i, "when"), found=f"a condition that {error.what}", expected=error.remedy.rstrip(".")
            )
        )
    if mode.id in {m.id for m in modes[:i]}:
        found.append(document.problem((_KEY, i, "id"), found=f"the id '{mode.id}' again", expected="each id once"))
    return found
