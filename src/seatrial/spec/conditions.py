"""Conditions over a model's inputs, as people write them: `visib < 1 and carrier in ["EV", "MQ"]`.

The language is comparisons (`==`, `!=`, `<`, `<=`, `>`, `>=`, chained like `1700 <= sched_dep < 1900`), `in` and `not
in` a list of constants, `is null`, `is not null`, and `and`, `or`, `not`; a name that is no plain word stands in
backticks. The text is parsed as Python and never
evaluated: a condition is a small tree of the nodes below, which callers run over rows or columns. A comparison with a
missing value is neither true nor false, and a condition holds only where it is true.
"""

from __future__ import annotations

import ast
import keyword
import math
import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from seatrial.core.errors import SeatrialError

Constant = str | int | float | bool
Operator = Literal["==", "!=", "<", "<=", ">", ">="]
LONGEST = 2000
"""Characters."""
_MOST_NODES = 300
_QUOTED = "`"
_NAMES = re.compile(r"""\"(?:\\.|[^\"\\])*\"|'(?:\\.|[^'\\])*'|`([^`]+)`""")
"""Texts, which stay as they are, and names in backticks."""
_NULLS = frozenset({"null", "None", "none", "NULL"})
_TRUTH = {"true": True, "false": False}
_LANGUAGE = 'comparisons, "in" a list, "is null", joined by and, or, not: visib < 1 and carrier in ["EV", "MQ"].'
_ORDERED: dict[type[ast.cmpop], Operator] = {
    ast.Eq: "==",
    ast.NotEq: "!=",
    ast.Lt: "<",
    ast.LtE: "<=",
    ast.Gt: ">",
    ast.GtE: ">=",
}
_MIRRORED: dict[Operator, Operator] = {"==": "==", "!=": "!=", "<": ">", "<=": ">=", ">": "<", ">=": "<="}


class ConditionError(SeatrialError):
    """A condition cannot be read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """`field operator value`. A missing or incomparable field value makes it unknown."""

    field: str
    operator: Operator
    value: Constant


@dataclass(frozen=True, slots=True, kw_only=True)
class Membership:
    """The field's value is one of `values`."""

    field: str
    values: tuple[Constant, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Missing:
    """The field has no value: null, not a number, or absent."""

    field: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Not:
    """The inner condition is false."""

    inner: Node


@dataclass(frozen=True, slots=True, kw_only=True)
class Every:
    """All inner conditions are true."""

    inner: tuple[Node, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Some:
    """At least one inner condition is true."""

    inner: tuple[Node, ...]


Node = Comparison | Membership | Missing | Not | Every | Some


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """A parsed condition: its text, its tree, and the fields that it looks at, in order of appearance."""

    text: str
    root: Node
    fields: tuple[str, ...]

    def holds(self, row: Mapping[str, object]) -> bool:
        """Whether it is true of one row."""
        return _truth(self.root, row) is True


def parse_condition(text: str) -> Condition:
    """The condition that `text` says. Raises ConditionError, which names what the language does not have."""
    if len(text) > LONGEST:
        raise ConditionError(f"has {len(text)} characters, {LONGEST} at most", remedy=_LANGUAGE)
    line, names = plain_names(re.sub(r"\s*\n\s*", " ", text).strip())
    try:
        tree = ast.parse(line, mode="eval")
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise ConditionError(f"cannot be read: {text[:80]!r}", remedy=_LANGUAGE) from None
    if sum(1 for _ in ast.walk(tree)) > _MOST_NODES:
        raise ConditionError("is too long to be understood by anybody", remedy=_LANGUAGE)
    for found in ast.walk(tree):
        if isinstance(found, ast.Name):
            found.id = names.get(found.id, found.id)
    root = _node(tree.body)
    return Condition(text=re.sub(r"\s*\n\s*", " ", text).strip(), root=root, fields=tuple(dict.fromkeys(_fields(root))))


def quoted(value: Constant) -> str:
    """A constant as it stands in a condition.

    A text with a double quote stands in single ones, and the other way round.
    """
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        escaped = value.replace("\\", "\\\\").replace("\n", "\\n").replace('"', '\\"')
        return f'"{escaped}"'
    return f"{value:.10g}" if isinstance(value, float) else str(value)


def field_name(name: str) -> str:
    """A field's name as it stands in a condition: in backticks where it is no plain word.

    >>> field_name("wind speed")
    '`wind speed`'
    """
    plain = name.isidentifier() and unicodedata.normalize("NFKC", name) == name
    taken = name in _NULLS or name in _TRUTH or keyword.iskeyword(name)
    return name if plain and not taken else f"`{name}`"


def plain_names(text: str) -> tuple[str, dict[str, str]]:
    """The text with every name in backticks replaced by a plain one, and what the plain ones stand for."""
    names: dict[str, str] = {}

    def replaced(match: re.Match[str]) -> str:
        if match[1] is None:
            return match[0]
        plain = f"_field_{len(names)}_"
        # The mark keeps a field that is called null from being taken for one.
        names[plain] = _QUOTED + match[1]
        return plain

    return _NAMES.sub(replaced, text), names


def _node(node: ast.expr) -> Node:
    if isinstance(node, ast.BoolOp):
        inner = tuple(_node(v) for v in node.values)
        return Every(inner=inner) if isinstance(node.op, ast.And) else Some(inner=inner)
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        return Not(inner=_node(node.operand))
    if isinstance(node, ast.Compare):
        return _compare(node)
    if isinstance(node, ast.Name):
        return Comparison(field=_name(node), operator="==", value=True)
    raise _foreign(node)


def _compare(node: ast.Compare) -> Node:
    sides = [node.left, *node.comparators]
    parts = [_pair(sides[i], op, sides[i + 1]) for i, op in enumerate(node.ops)]
    return parts[0] if len(parts) == 1 else Every(inner=tuple(parts))


def _pair(left: ast.expr, op: ast.cmpop, right: ast.expr) -> Node:
    if isinstance(op, ast.Is | ast.IsNot):
        if not (isinstance(left, ast.Name) and _is_null(right)):
            raise ConditionError("uses `is` with something else than null", remedy=_LANGUAGE)
        missing = Missing(field=_name(left))
        return missing if isinstance(op, ast.Is) else Not(inner=missing)
    if isinstance(op, ast.In | ast.NotIn):
        if not (isinstance(left, ast.Name) and isinstance(right, ast.List | ast.Tuple | ast.Set)):
            raise ConditionError("uses `in` without a field before and a list after it", remedy=_LANGUAGE)
        found = Membership(field=_name(left), values=tuple(_constant(v) for v in right.elts))
        return found if isinstance(op, ast.In) else Not(inner=found)
    operator = _ORDERED[type(op)]
    if _is_field(left):
        return _comparison(left, operator, right)
    if _is_field(right):
        return _comparison(right, _MIRRORED[operator], left)
    raise ConditionError("compares two constants", remedy=_LANGUAGE)


def _comparison(field: ast.expr, operator: Operator, value: ast.expr) -> Node:
    if not isinstance(field, ast.Name):
        raise _foreign(field)
    if _is_null(value):
        missing = Missing(field=_name(field))
        if operator not in {"==", "!="}:
            raise ConditionError("orders by null", remedy=_LANGUAGE)
        return missing if operator == "==" else Not(inner=missing)
    if _is_field(value):
        raise ConditionError("compares two fields", remedy=_LANGUAGE)
    return Comparison(field=_name(field), operator=operator, value=_constant(value))


def _name(node: ast.Name) -> str:
    return node.id.removeprefix(_QUOTED)


def _is_null(node: ast.expr) -> bool:
    return (isinstance(node, ast.Name) and node.id in _NULLS) or (isinstance(node, ast.Constant) and node.value is None)


def _is_field(node: ast.expr) -> bool:
    return isinstance(node, ast.Name) and node.id not in _NULLS and node.id not in _TRUTH


def _constant(node: ast.expr) -> Constant:
    if isinstance(node, ast.Name) and node.id in _TRUTH:
        return _TRUTH[node.id]
    sign = 1
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub | ast.UAdd):
        sign = -1 if isinstance(node.op, ast.USub) else 1
        node = node.operand
        if not (isinstance(node, ast.Constant) and isinstance(node.value, int | float)):
            raise _foreign(node)
    if isinstance(node, ast.Constant):
        value = node.value
        if isinstance(value, bool | str):
            return value
        if isinstance(value, int | float) and math.isfinite(value):
            return sign * value
    raise _foreign(node)


def _foreign(node: ast.AST) -> ConditionError:
    return ConditionError(f"contains what the language does not have ({type(node).__name__})", remedy=_LANGUAGE)


def _fields(node: Node) -> Iterator[str]:
    if isinstance(node, Comparison | Membership | Missing):
        yield node.field
    elif isinstance(node, Not):
        yield from _fields(node.inner)
    else:
        for inner in node.inner:
            yield from _fields(inner)


def _truth(node: Node, row: Mapping[str, object]) -> bool | None:
    if isinstance(node, Missing):
        return _absent(row.get(node.field))
    if isinstance(node, Not):
        inner = _truth(node.inner, row)
        return None if inner is None else not inner
    if isinstance(node, Every | Some):
        decides = isinstance(node, Some)
        found = [_truth(inner, row) for inner in node.inner]
        return decides if decides in found else (None if None in found else not decides)
    value = row.get(node.field)
    if _absent(value):
        return None
    if isinstance(node, Membership):
        return any(_equal(value, wanted) for wanted in node.values)
    return _compared(value, node.operator, node.value)


def _absent(value: object) -> bool:
    return value is None or (isinstance(value, float) and math.isnan(value))


def _equal(value: object, wanted: Constant) -> bool:
    return isinstance(value, str) == isinstance(wanted, str) and value == wanted


def _compared(value: object, operator: Operator, wanted: Constant) -> bool | None:
    if operator in {"==", "!="}:
        return _equal(value, wanted) is (operator == "==")
    if isinstance(value, str) and isinstance(wanted, str):
        return _ordered(value, operator, wanted)
    if isinstance(value, int | float) and isinstance(wanted, int | float):
        return _ordered(float(value), operator, float(wanted))
    return None


def _ordered(value: str | float, operator: Operator, wanted: str | float) -> bool:
    if value == wanted:
        return operator in {"<=", ">="}
    below = value < wanted  # type: ignore[operator]
    return below is (operator in {"<", "<="})
