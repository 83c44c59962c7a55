"""From the text of a file to its model, or to everything that is wrong with it. Opens nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Generic, TypeVar

from pydantic import BaseModel

from seatrial.core.vocabulary import GateName
from seatrial.spec.json_reading import read_json
from seatrial.spec.model import InputField
from seatrial.spec.one_place import written_in_production
from seatrial.spec.problem import Problem, SpecErrors
from seatrial.spec.procedure import Procedure
from seatrial.spec.reading import read_yaml
from seatrial.spec.references import disagreements, empty_range, names_given_twice, undecided_references
from seatrial.spec.resolution import looser_than_policy, resolve_policy
from seatrial.spec.section import Section
from seatrial.spec.system import RESOLVED, System
from seatrial.spec.tree import Document, TreePath
from seatrial.spec.undecided import Settled, Todo, settle
from seatrial.spec.validation import missing, validate

M = TypeVar("M", bound=BaseModel)


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """A system as its file declares it.

    `todos` are the decisions that the file leaves open, each of which blocks GO; `secrets` the values that must not
    appear in anything written (longest first); `lines` the line of everything in the file by its path.
    """

    system: System
    todos: tuple[Todo, ...]
    secrets: tuple[str, ...]
    lines: Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Read(Generic[M]):
    """A file that belongs to a system (a procedure, a register), with the same beside it as a system has."""

    value: M
    todos: tuple[Todo, ...]
    secrets: tuple[str, ...]
    lines: Mapping[str, int]


class _Inputs(Section):
    inputs: dict[str, InputField]


def load_system(
    text: bytes,
    *,
    name: str,
    environment: Mapping[str, str],
    policy_text: bytes | None = None,
    leases: Mapping[str, float] | None = None,
    gates: Mapping[GateName, Mapping[str, float]] | None = None,
) -> Loaded:
    """The system that `seatrial.yaml` declares, with its policy resolved.

    `name` is how messages call the file. `policy_text` is the policy file that `governance.policy` names, where it
    names one. `leases` (requirement to seconds) and `gates` (gate to its limits) are the catalogue's: a policy may
    only tighten them.
    Raises SpecErrors with all problems: of the file, and, once the file is sound, of its policy.
    """
    settled = settle(read_yaml(text, name=name), environment)
    problems = [*settled.problems, *disagreements(settled.document)]
    document = _without_undecided(System, settled.document)
    system, formal = validate(System, _named(document), hidden=RESOLVED)
    problems += _first_at_each_place(formal, problems)
    if system is None or problems:
        raise SpecErrors(problems)
    policy = resolve_policy(system, policy_text, leases=leases, gates=gates)
    wrong = looser_than_policy(system, policy, document)
    if not policy.demonstration:
        # A demonstration has one set of services, which stands for both ends.
        wrong += written_in_production(system, document)
    if wrong:
        raise SpecErrors(wrong)
    return Loaded(
        system=system.model_copy(update={"policy": policy, "undecided": tuple(t.path for t in settled.todos)}),
        todos=settled.todos,
        secrets=_secrets(settled, system),
        lines=settled.document.lines(),
    )


def load_file(
    cls: type[M], text: bytes, *, name: str, environment: Mapping[str, str], may_wait: bool = False
) -> Read[M]:
    """Any YAML file whose top is a mapping, as the model `cls`.

    `may_wait` says whether a `TODO` is allowed, which then makes its value (or the smallest section that cannot do
    without it) absent. Raises SpecErrors with all problems.
    """
    settled = settle(read_yaml(text, name=name), environment)
    problems = list(settled.problems)
    document = settled.document
    if may_wait:
        document = _without_undecided(cls, document)
    else:
        problems += [_waiting(document, path) for path in document.absent]
    value, formal = validate(cls, document)
    problems += _first_at_each_place(formal, problems)
    if value is None or problems:
        raise SpecErrors(problems)
    return Read(value=value, todos=settled.todos, secrets=settled.secrets, lines=document.lines())


def load_procedure(text: bytes, *, name: str, environment: Mapping[str, str]) -> Read[Procedure]:
    """A procedure file. A step that is not decided is an error: half a procedure must not run."""
    return load_file(Procedure, text, name=name, environment=environment)


def load_inputs(text: bytes, *, name: str) -> dict[str, InputField]:
    """The model's inputs from a JSON file: field name to its declaration. Raises SpecErrors with all problems."""
    document = read_json(text, name=name)
    problems = [p for path, _ in document.match("*") for p in empty_range(document, path)]
    problems += names_given_twice(document)
    fields = _under(document, "inputs")
    value, formal = validate(_Inputs, fields)
    problems += [_outer(p) for p in formal]
    if value is None or problems:
        raise SpecErrors(problems)
    if not value.inputs:
        raise SpecErrors([document.problem((), found="no input", expected="at least one")])
    return value.inputs


def _without_undecided(cls: type[BaseModel], document: Document) -> Document:
    """The document where everything that cannot do without an undecided value is undecided too."""
    while True:
        more = undecided_references(document) - document.absent
        for path in _kept(document, missing(cls, document)):
            if len(path) > 1:
                more.add(path[:-1])
        if not more:
            return document
        document = document.without(more)


def _kept(document: Document, paths: list[TreePath]) -> list[TreePath]:
    return [p for p in paths if p in document.absent and not _stands_in(p)]


def _stands_in(path: TreePath) -> bool:
    return path == ("version",) or (len(path) == 3 and path[0] == "people" and path[2] == "name")


def _named(document: Document) -> Document:
    """The document where an undecided version or name of a person reads as such, so that the rest can be checked."""
    absent = {p for p in document.absent if not _stands_in(p)}
    return Document(name=document.name, root=document.root, absent=absent)


def _first_at_each_place(formal: list[Problem], known: list[Problem]) -> list[Problem]:
    told = {p.path for p in known if p.path}
    return [p for p in formal if p.path not in told]


def _waiting(document: Document, path: TreePath) -> Problem:
    return document.problem(path, expected="a decision: this file runs as it stands")


def _under(document: Document, key: str) -> Document:
    root = document.root
    outer = type(root)(line=root.line, column=root.column, value={key: root}, keys={key: (root.line, root.column)})
    return Document(name=document.name, root=outer)


def _outer(problem: Problem) -> Problem:
    return replace(problem, path=problem.path.removeprefix("inputs").removeprefix("."))


def _secrets(settled: Settled, system: System) -> tuple[str, ...]:
    routes = {route for p in system.people.values() for route in (p.page, p.test_page) if route}
    return tuple(sorted({*settled.secrets, *routes}, key=lambda s: (-len(s), s)))
