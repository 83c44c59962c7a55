"""A condition as people say it: `1040 < sched_dep <= 1620` is "sched_dep is above 1040 and at most 1620".

Inputs go by the names that people have for them (`model.inputs.NAME.name`), also in fields that are derived from them:
the hour of a time, the language of a text, words that it mentions.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from itertools import groupby

from seatrial.spec.conditions import (
    Comparison,
    Condition,
    ConditionError,
    Constant,
    Every,
    Membership,
    Missing,
    Node,
    Not,
    Some,
    parse_condition,
)
from seatrial.spec.model import InputField

PART_OF = re.compile(r"(hour|weekday|length|language|script|opening|question word) of (.+?)( in words)?")
MENTIONS = re.compile(r"(.+?) mentions (.+)")

_OPERATORS = {"==": "", "!=": "not ", "<": "below ", "<=": "at most ", ">": "above ", ">=": "at least "}


def spoken(condition: Condition, inputs: Mapping[str, InputField]) -> str:
    """The condition in words, with the inputs as people call them."""
    return _said(renamed(condition.root, {name: called(name, inputs) for name in condition.fields}))


def spoken_text(when: str, inputs: Mapping[str, InputField]) -> str:
    """A declared condition in words; as it stands where it cannot be read."""
    try:
        return spoken(parse_condition(when), inputs)
    except ConditionError:
        return when


def called(field: str, inputs: Mapping[str, InputField]) -> str:
    """What people call an input, or a field that is derived from one; the field's own name where nothing is declared.

    >>> called("hour of planned_at", {"planned_at": InputField(type="time", name="planned arrival")})
    'hour of planned arrival'
    """
    start, end = (0, len(field)) if field in inputs else _place_of_source(field)
    declared = inputs.get(field[start:end])
    return field if declared is None or declared.name is None else f"{field[:start]}{declared.name}{field[end:]}"


def source_of(field: str) -> str | None:
    """The column that a field of this name is derived from; None where the name is none of these."""
    start, end = _place_of_source(field)
    return field[start:end] or None


def renamed(node: Node, names: Mapping[str, str]) -> Node:
    """The condition over fields of other names; what `names` leaves out keeps its own."""
    if isinstance(node, Comparison | Membership | Missing):
        return replace(node, field=names.get(node.field, node.field))
    if isinstance(node, Not):
        return Not(inner=renamed(node.inner, names))
    inner = tuple(renamed(each, names) for each in node.inner)
    return Every(inner=inner) if isinstance(node, Every) else Some(inner=inner)


def _place_of_source(field: str) -> tuple[int, int]:
    match = PART_OF.fullmatch(field)
    if match is not None and (match[1] == "length") is (match[3] is not None):
        return match.span(2)
    match = MENTIONS.fullmatch(field)
    return (0, 0) if match is None else match.span(1)


def readable(value: float) -> float:
    """A number as people would write it in a condition: three significant digits, six from 100,000 on."""
    return float(f"{value:.3g}") if abs(value) < 1e5 else float(f"{value:.6g}")


def _said(node: Node) -> str:
    if isinstance(node, Comparison):
        return _mentioned(node) or f"{node.field} is {_compared(node)}"
    if isinstance(node, Membership):
        return f"{node.field} is {' or '.join(map(_constant, node.values))}"
    if isinstance(node, Missing):
        return f"{node.field} is missing"
    if isinstance(node, Not):
        return f"{node.inner.field} is given" if isinstance(node.inner, Missing) else f"not ({_said(node.inner)})"
    if isinstance(node, Every):
        return " and ".join(_together(node))
    return " or ".join(f"({_said(each)})" if isinstance(each, Every) else _said(each) for each in node.inner)


def _mentioned(comparison: Comparison) -> str:
    """Of a field such as `body mentions refund` its name says it all; empty for any other field."""
    source, mentions, word = comparison.field.partition(" mentions ")
    if not mentions or comparison.operator != "==":
        return ""
    return comparison.field if comparison.value else f"{source} does not mention {word}"


def _together(node: Every) -> list[str]:
    """Each field's comparisons in one clause, where they stand beside each other."""
    clauses: list[str] = []
    for field, found in groupby(node.inner, key=lambda each: each.field if isinstance(each, Comparison) else ""):
        members = list(found)
        comparisons = [each for each in members if isinstance(each, Comparison)]
        if field and len(comparisons) > 1:
            clauses.append(f"{field} is {' and '.join(map(_compared, comparisons))}")
        else:
            clauses += [f"({_said(each)})" if isinstance(each, Some | Not) else _said(each) for each in members]
    return clauses


def _compared(comparison: Comparison) -> str:
    return f"{_OPERATORS[comparison.operator]}{_constant(comparison.value)}"


def _constant(value: Constant) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return f"{value:.10g}" if isinstance(value, float) else str(value) or "empty"
