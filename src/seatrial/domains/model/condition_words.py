"""A condition as people say it: `1040 < sched_dep <= 1620` is "sched_dep is above 1040 and at most 1620"."""

from __future__ import annotations

from itertools import groupby

from seatrial.spec.conditions import Comparison, Condition, Constant, Every, Membership, Missing, Node, Not, Some

_OPERATORS = {"==": "", "!=": "not ", "<": "below ", "<=": "at most ", ">": "above ", ">=": "at least "}


def spoken(condition: Condition) -> str:
    """The condition in words, with the names of its fields as they are."""
    return _said(condition.root)


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
