"""What must agree in the section `stress`: each relation has what its kind needs, and names fields that exist."""

from __future__ import annotations

from collections.abc import Iterator

from seatrial.spec.conditions import ConditionError, parse_condition
from seatrial.spec.problem import Problem
from seatrial.spec.tree import Document, TreePath

_BELONGS = {
    "invariance": ("change", "tolerance"),
    "direction": ("change", "score", "tolerance"),
    "must-answer": ("cases", "file", "answer", "contains", "lacks"),
}
_NEEDS = {"invariance": ("change",), "direction": ("change", "score"), "must-answer": ()}
_EVERY = ("name", "kind", "where", "at_most")
_ANSWERS = ("answer", "contains", "lacks")
_DOES = ("set", "each", "multiply", "add", "swap", "text", "paraphrases", "shuffle", "before", "after")


def stress_disagreements(document: Document) -> Iterator[Problem]:
    """Everything in `stress` that contradicts something else, or cannot be done."""
    yield from _relations(document)
    yield from _changed_fields(document)
    yield from _declared_fields(document)


def _relations(document: Document) -> Iterator[Problem]:
    seen: dict[str, int] = {}
    for path, node in document.match("stress", "relations", "*"):
        if not isinstance(node.value, dict):
            continue
        name, kind = node.value.get("name"), node.value.get("kind")
        if name is not None and isinstance(name.value, str):
            if name.value in seen:
                expected = f"another name: line {seen[name.value]} has it already"
                yield document.problem((*path, "name"), expected=expected)
            seen.setdefault(name.value, name.line)
        if kind is not None and isinstance(kind.value, str) and kind.value in _BELONGS:
            yield from _of_kind(document, path, kind.value, set(node.value))
        yield from _condition(document, (*path, "where"))


def _of_kind(document: Document, path: TreePath, kind: str, given: set[str]) -> Iterator[Problem]:
    allowed = (*_EVERY, *_BELONGS[kind])
    foreign = {key for keys in _BELONGS.values() for key in keys} - set(allowed)
    for key in sorted(given & foreign):
        expected = f"one of {', '.join(allowed)} in a relation of kind '{kind}'"
        yield document.problem((*path, key), at_key=True, found=f"the key '{key}'", expected=expected)
    for key in _NEEDS[kind]:
        if key not in given:
            expected = f"the key '{key}', which a relation of kind '{kind}' needs"
            yield document.problem(path, found="nothing", expected=expected)
    if kind == "must-answer":
        yield from _answered(document, path, given)


def _answered(document: Document, path: TreePath, given: set[str]) -> Iterator[Problem]:
    listed = bool(given & {"cases", "file"})
    if not listed and not ("where" in given and given & set(_ANSWERS)):
        expected = "cases, a file of cases, or a condition 'where' with an answer, contains or lacks"
        yield document.problem(path, found="nothing that must be answered", expected=expected)
    for inner, node in _cases(document, path):
        if isinstance(node, dict) and not set(node) & set(_ANSWERS):
            yield document.problem(inner, found="no answer", expected="an answer, contains or lacks")


def _cases(document: Document, path: TreePath) -> Iterator[tuple[TreePath, object]]:
    cases = document.node((*path, "cases"))
    if cases is None:
        return
    for key, node in cases.children():
        if document.present((*path, "cases", key)):
            yield (*path, "cases", key), node.value


def _condition(document: Document, path: TreePath) -> Iterator[Problem]:
    node = document.node(path)
    if node is None or not isinstance(node.value, str) or not document.present(path):
        return
    try:
        condition = parse_condition(node.value)
    except ConditionError as error:
        yield document.problem(path, expected=f"a condition; this one {error.what}. It has {error.remedy}".rstrip("."))
        return
    inputs = _inputs(document)
    for field in condition.fields if inputs else ():
        if field not in inputs:
            expected = f"inputs of the model, '{field}' is none"
            yield document.problem(path, expected=expected, word=field, candidates=inputs)


def _changed_fields(document: Document) -> Iterator[Problem]:
    immutable = {node.value for _, node in document.match("stress", "immutable", "*")}
    for path, node in document.match("stress", "relations", "*", "change"):
        if not isinstance(node.value, dict):
            continue
        if not set(node.value) & set(_DOES):
            yield document.problem(path, found="no change", expected=f"at least one of {', '.join(_DOES)}")
        swap = node.value.get("swap")
        if swap is not None and isinstance(swap.value, list) and len(swap.value) != 2:
            yield document.problem((*path, "swap"), expected="two fields")
        for place, field, at_key in _named_in(document, path):
            yield from _of_inputs(document, place, field, at_key=at_key)
            if field in immutable:
                expected = "a field that may change: stress.immutable names this one"
                yield document.problem(place, at_key=at_key, found=f"'{field}'", expected=expected)


def _named_in(document: Document, path: TreePath) -> Iterator[tuple[TreePath, str, bool]]:
    """Place, field, and whether it stands there as a key."""
    for key in ("set", "each", "multiply", "add"):
        node = document.node((*path, key))
        for field, _ in node.children() if node is not None and document.present((*path, key)) else ():
            if isinstance(field, str):
                yield (*path, key, field), field, True
    for key in ("swap", "fields"):
        node = document.node((*path, key))
        for at, inner in node.children() if node is not None and document.present((*path, key)) else ():
            if isinstance(inner.value, str) and document.present((*path, key, at)):
                yield (*path, key, at), inner.value, False


def _declared_fields(document: Document) -> Iterator[Problem]:
    for path, node in document.match("stress", "insensitive", "*"):
        if isinstance(node.value, str):
            yield from _of_inputs(document, path, node.value, at_key=False)
    for path, node in document.match("stress", "noise", "*"):
        yield from _of_inputs(document, path, str(path[-1]), at_key=True)
        if isinstance(node.value, int | float) and not isinstance(node.value, bool) and node.value <= 0:
            yield document.problem(path, expected="more than zero: how far the source may be off")


def _of_inputs(document: Document, path: TreePath, field: str, *, at_key: bool) -> Iterator[Problem]:
    inputs = _inputs(document)
    if inputs and field not in inputs:
        yield document.problem(
            path, at_key=at_key, found=f"'{field}'", expected="an input of the model", word=field, candidates=inputs
        )


def _inputs(document: Document) -> tuple[str, ...]:
    """The inputs that stand in the file itself; empty where they are in one of their own."""
    node = document.node(("model", "inputs"))
    return tuple(node.value) if node is not None and isinstance(node.value, dict) else ()
