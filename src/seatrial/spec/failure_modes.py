"""The failure-mode register: under which conditions the system is wrong, what that costs, and who handles it how."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence

from pydantic import Field

from seatrial.spec.conditions import Condition, ConditionError, parse_condition
from seatrial.spec.people import PersonId
from seatrial.spec.problem import Problem, SpecErrors
from seatrial.spec.reading import read_yaml
from seatrial.spec.section import Section
from seatrial.spec.tree import Document
from seatrial.spec.undecided import settle
from seatrial.spec.validation import validate

_KEY = "failure_modes"
_ITEM = re.compile(r"^([ ]*)- ", re.MULTILINE)
_EMPTY = re.compile(r"^failure_modes:[ ]*(?:\[[ ]*\]|null|~)?[ ]*(#.*)?$", re.MULTILINE)
_LONGEST_ID = 60


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


def draft_entry(when: str, *, remark: str = "", taken: Collection[str] = ()) -> str:
    """An entry as YAML, with what only people can say left as TODO, and an id that is not `taken`."""
    name = re.sub(r"[^a-z0-9]+", "-", when.lower()).strip("-")[:_LONGEST_ID].strip("-") or "weak-slice"
    free = next(each for each in (name, *(f"{name}-{i}" for i in range(2, len(taken) + 3))) if each not in taken)
    said = "".join(f"  # {line}\n" for line in remark.splitlines())
    quoted = when.replace("'", "''")
    return f"- id: {free}\n{said}  when: '{quoted}'\n  consequence: TODO\n  handling: TODO\n  owner: TODO\n"


def with_drafts(text: bytes, drafts: Sequence[str], *, name: str) -> bytes:
    """The register with entries added at its end; everything that stands in it stays as it is, comments included.

    Raises SpecErrors for a register that cannot be read, and one written so that nothing can be put at its end.
    """
    before = load_failure_modes(text, name=name) if text.strip() else ()
    written = text.decode("utf-8") if text.strip() else f"{_KEY}:\n"
    if not before:
        written = _EMPTY.sub(lambda match: f"{_KEY}:{f'  {match[1]}' if match[1] else ''}", written, count=1)
    item = _ITEM.search(written)
    indent = "  " if item is None else item[1]
    body = "".join(f"{indent}{line}\n" for draft in drafts for line in draft.splitlines())
    added = f"{written.rstrip()}\n{body}".encode()
    try:
        after = load_failure_modes(added, name=name)
    except SpecErrors:
        after = ()
    if after[: len(before)] != before or len(after) != len(before) + len(drafts):
        document = settle(read_yaml(text, name=name), {}).document
        problem = document.problem(
            (_KEY,), found="a list in one line", expected="one entry below the other, so that more can be added"
        )
        raise SpecErrors([problem])
    return added


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
