"""The pages of what is computed: measures and statistics."""

from __future__ import annotations

import ast
import inspect
import re
import sys
from collections.abc import Iterator
from types import ModuleType

from docs.pages.blocks import cell, doc, modules, page, table

_DOC_PARTS = re.compile(r"\b(Assumption|Guarantee|Source): ")


def measures_page() -> str:
    """`measures.md`."""
    from seatrial.measure import accumulator, catalogue

    blocks = ["# Measures", doc(accumulator), doc(catalogue)]
    for name, measure in catalogue.CATALOGUE.items():
        blocks += [f"## {name}", doc(sys.modules[measure.__module__])]
    return page(*blocks)


def statistics_page() -> str:
    """`statistics.md`."""
    blocks = [
        "# Statistics",
        (
            "The mathematics under the checks. Every function that gives a bound says what it assumes, what it "
            "guarantees, and where it is from. Bounds are one-sided: each is valid on its own at its error rate."
        ),
    ]
    for module in modules("stats"):
        parts = _DOC_PARTS.split(doc(module))
        blocks += [f"## {module.__name__.rpartition('.')[2]}", parts[0]]
        named = [(parts[i].lower(), parts[i + 1].strip()) for i in range(1, len(parts), 2)]
        if named:
            blocks.append("\n".join(f"- **{name}**: {cell(text)}" for name, text in named))
        rows = [(f"`{name}`", first) for name, first in _functions(module)]
        if rows:
            blocks.append(table(("function", "what it gives"), rows))
    return page(*blocks)


def _functions(module: ModuleType) -> Iterator[tuple[str, str]]:
    for node in ast.parse(inspect.getsource(module)).body:
        if isinstance(node, ast.FunctionDef) and not node.name.startswith("_"):
            told = (ast.get_docstring(node) or "").partition("\n\n")[0]
            yield node.name, told
