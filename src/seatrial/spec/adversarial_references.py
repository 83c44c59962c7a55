"""What must agree in the section `adversarial`: it names inputs that exist, and says one thing of each thing."""

from __future__ import annotations

from collections.abc import Iterator

from seatrial.spec.conditions import ConditionError
from seatrial.spec.problem import Problem
from seatrial.spec.relations import parse_relation
from seatrial.spec.tree import Document, TreePath

_CHAT = ("adversarial", "chat")
_FIELDS = (("question",), ("reads", "*", "field"), ("tenants", "field"))


_LISTS = ("mutable", "immutable", "only_up", "only_down")
_APART = (("mutable", "immutable"), ("only_up", "only_down"), ("immutable", "only_up"), ("immutable", "only_down"))


def adversarial_disagreements(document: Document) -> Iterator[Problem]:
    """Everything in `adversarial` that names no input, contradicts itself, or cannot be read."""
    inputs = document.node(("model", "inputs"))
    names = tuple(inputs.value) if inputs is not None and isinstance(inputs.value, dict) else ()
    yield from _lists(document, names)
    for path, _ in document.match("adversarial", "cost", "*"):
        if names and path[-1] not in names:
            field = str(path[-1])
            expected = "an input of the model"
            found = f"'{field}'"
            yield document.problem(path, at_key=True, found=found, expected=expected, word=field, candidates=names)
    for path, node in document.match("adversarial", "relations", "*"):
        if isinstance(node.value, str):
            yield from _relation(document, path, node.value, names)


def _lists(document: Document, names: tuple[str, ...]) -> Iterator[Problem]:
    named: dict[str, set[str]] = {key: set() for key in _LISTS}
    for key in _LISTS:
        opposites = [a if key == b else b for a, b in _APART if key in (a, b)]
        for path, node in document.match("adversarial", key, "*"):
            if not isinstance(node.value, str):
                continue
            for other in opposites:
                if node.value in named[other]:
                    yield document.problem(path, expected=f"an input that '{other}' does not name")
            named[key].add(node.value)
            if names and node.value not in names:
                yield document.problem(path, expected="an input of the model", word=node.value, candidates=names)


def _relation(document: Document, path: TreePath, text: str, names: tuple[str, ...]) -> Iterator[Problem]:
    try:
        fields = parse_relation(text).fields
    except ConditionError as error:
        yield document.problem(path, expected=f"a relation; this one {error.what}. It has {error.remedy}".rstrip("."))
        return
    for field in fields if names else ():
        if field not in names:
            expected = f"inputs of the model, '{field}' is none"
            yield document.problem(path, expected=expected, word=field, candidates=names)


def chat_attack_disagreements(document: Document) -> Iterator[Problem]:
    """Everything in `adversarial.chat` that contradicts something else."""
    yield from _undeclared_inputs(document)
    yield from _reads(document)
    for path, node in document.match(*_CHAT, "tenants"):
        if isinstance(node.value, dict):
            own, other = node.value.get("own"), node.value.get("other")
            if own is not None and other is not None and own.value == other.value:
                yield document.problem((*path, "other"), expected="another tenant than 'own'")


def _undeclared_inputs(document: Document) -> Iterator[Problem]:
    inputs = document.node(("model", "inputs"))
    if inputs is None or not isinstance(inputs.value, dict):
        return
    names = tuple(inputs.value)
    for place in _FIELDS:
        for path, node in document.match(*_CHAT, *place):
            if isinstance(node.value, str) and node.value not in names:
                yield document.problem(path, expected="an input of the model", word=node.value, candidates=names)


def _reads(document: Document) -> Iterator[Problem]:
    question = document.node((*_CHAT, "question"))
    for path, node in document.match(*_CHAT, "reads", "*"):
        if not isinstance(node.value, dict):
            continue
        if len({"field", "tool"} & set(node.value)) != 1:
            yield document.problem(path, found="not exactly one thing", expected="either field or tool")
        field = node.value.get("field")
        if question is not None and field is not None and field.value == question.value:
            yield document.problem((*path, "field"), expected="another input than the question, which its user writes")
