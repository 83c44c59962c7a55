"""Relations between fields, as people write them: `arrives_at >= leaves_at`, `gross == net + tare`.

The language is comparisons of sums, differences, products and remainders (`quantity % pack == 0`) of fields and
numbers, joined by `and`, `or`, `not`; a name that is no plain word stands in backticks. The text is parsed as Python
and never evaluated by it. Where a field has no value, or none that can be compared, the relation is neither kept nor
broken.
"""

from __future__ import annotations

import ast
import math
from collections.abc import Mapping
from dataclasses import dataclass

from seatrial.spec.conditions import LONGEST, ConditionError, plain_names

_LANGUAGE = "comparisons of fields and numbers with +, -, * and %, joined by and, or, not: gross == net + tare."
_MOST_NODES = 100
_ALLOWED = (
    ast.BoolOp,
    ast.And,
    ast.Or,
    ast.UnaryOp,
    ast.Not,
    ast.USub,
    ast.Compare,
    ast.Eq,
    ast.NotEq,
    ast.Lt,
    ast.LtE,
    ast.Gt,
    ast.GtE,
    ast.BinOp,
    ast.Add,
    ast.Sub,
    ast.Mult,
    ast.Mod,
    ast.Name,
    ast.Load,
    ast.Constant,
)
_NEAR = 1e-9


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldRelation:
    """A parsed relation: its text, its fields in order of appearance, and its tree."""

    text: str
    fields: tuple[str, ...]
    tree: ast.expr

    def holds(self, row: Mapping[str, object]) -> bool | None:
        """Whether the row keeps it; None where that cannot be said."""
        return _truth(self.tree, row)

    @property
    def follower(self) -> str | None:
        """The field that follows from the others: alone on the left of an equality over other fields."""
        tree = self.tree
        if not isinstance(tree, ast.Compare) or len(tree.ops) != 1 or not isinstance(tree.ops[0], ast.Eq):
            return None
        left, right = tree.left, tree.comparators[0]
        others = {node.id for node in ast.walk(right) if isinstance(node, ast.Name)}
        return left.id if isinstance(left, ast.Name) and others and left.id not in others else None

    def followed(self, row: Mapping[str, object]) -> float | None:
        """What the follower must be in this row; None where that cannot be said."""
        if self.follower is None or not isinstance(self.tree, ast.Compare):
            return None
        value = _value(self.tree.comparators[0], row)
        return value if isinstance(value, float) else None


def parse_relation(text: str) -> FieldRelation:
    """The relation that `text` says. Raises ConditionError, which names what the language does not have."""
    if len(text) > LONGEST:
        raise ConditionError(f"has {len(text)} characters, {LONGEST} at most", remedy=_LANGUAGE)
    line, names = plain_names(text.strip())
    try:
        tree = ast.parse(line, mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise ConditionError(f"cannot be read: {text[:80]!r}", remedy=_LANGUAGE) from None
    nodes = list(ast.walk(tree))
    if len(nodes) > _MOST_NODES:
        raise ConditionError("is too long to be understood by anybody", remedy=_LANGUAGE)
    for node in nodes:
        if not isinstance(node, _ALLOWED) or (isinstance(node, ast.Constant) and not _plain(node.value)):
            raise ConditionError(f"contains what the language does not have ({type(node).__name__})", remedy=_LANGUAGE)
        if isinstance(node, ast.Name):
            node.id = names.get(node.id, node.id).removeprefix("`")
    if not isinstance(tree, ast.Compare | ast.BoolOp) and not (
        isinstance(tree, ast.UnaryOp) and isinstance(tree.op, ast.Not)
    ):
        raise ConditionError("compares nothing", remedy=_LANGUAGE)
    fields = tuple(dict.fromkeys(node.id for node in ast.walk(tree) if isinstance(node, ast.Name)))
    if not fields:
        raise ConditionError("names no field", remedy=_LANGUAGE)
    return FieldRelation(text=text.strip(), fields=fields, tree=tree)


def _plain(value: object) -> bool:
    return isinstance(value, str) or (isinstance(value, int | float) and math.isfinite(value))


def _truth(node: ast.expr, row: Mapping[str, object]) -> bool | None:
    if isinstance(node, ast.UnaryOp):
        inner = _truth(node.operand, row)
        return None if inner is None else not inner
    if isinstance(node, ast.BoolOp):
        decides = isinstance(node.op, ast.Or)
        found = [_truth(inner, row) for inner in node.values]
        return decides if decides in found else (None if None in found else not decides)
    if not isinstance(node, ast.Compare):
        return None
    sides = [_value(each, row) for each in (node.left, *node.comparators)]
    kept = [_compared(sides[i], op, sides[i + 1]) for i, op in enumerate(node.ops)]
    return None if None in kept else all(kept)


def _value(node: ast.expr, row: Mapping[str, object]) -> float | str | None:
    if isinstance(node, ast.Constant):
        return _number_or_text(node.value)
    if isinstance(node, ast.Name):
        return _number_or_text(row.get(node.id))
    if isinstance(node, ast.UnaryOp):
        inner = _value(node.operand, row)
        return -inner if isinstance(inner, float) else None
    return _combined(node, row) if isinstance(node, ast.BinOp) else None


def _combined(node: ast.BinOp, row: Mapping[str, object]) -> float | None:
    left, right = _value(node.left, row), _value(node.right, row)
    if not isinstance(left, float) or not isinstance(right, float):
        return None
    if isinstance(node.op, ast.Mult):
        return left * right
    if isinstance(node.op, ast.Mod):
        return _remainder(left, right)
    return left + right if isinstance(node.op, ast.Add) else left - right


def _remainder(left: float, right: float) -> float | None:
    """What is left of whole multiples, from 0 to below `right`; None where there are none. Rounding is no remainder."""
    if not right > 0.0:
        return None
    rest = left % right
    return 0.0 if right - rest <= _NEAR * max(1.0, abs(left), right) else rest


def _number_or_text(value: object) -> float | str | None:
    if isinstance(value, str):
        return value
    if isinstance(value, int | float) and math.isfinite(value):
        return float(value)
    return None


def _compared(left: float | str | None, op: ast.cmpop, right: float | str | None) -> bool | None:
    if isinstance(left, float) and isinstance(right, float):
        near = abs(left - right) <= _NEAR * max(1.0, abs(left), abs(right))
        less = left < right and not near
    elif isinstance(left, str) and isinstance(right, str):
        near, less = left == right, left < right
    else:
        return None
    if isinstance(op, ast.Eq | ast.NotEq):
        return near is isinstance(op, ast.Eq)
    if near:
        return isinstance(op, ast.LtE | ast.GtE)
    return less is isinstance(op, ast.Lt | ast.LtE)
