"""What every reference page is made of: headings, tables, and the docstrings of the code."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable, Iterator, Sequence
from importlib import import_module
from pathlib import Path
from types import ModuleType

PACKAGE = Path(__file__).parents[2] / "src" / "seatrial"


def tidy(text: str) -> str:
    """At most one blank line in a row, and one line end at the end."""
    return re.sub(r"\n{3,}", "\n\n", text).strip("\n") + "\n"


def page(*blocks: str | Iterable[str]) -> str:
    """Blocks with a blank line between each; a block of several lines may be given as its lines."""
    return "\n\n".join(block if isinstance(block, str) else "\n".join(block) for block in blocks)


def cell(text: object) -> str:
    """Text as one cell of a table."""
    return " ".join(str(text).split()).replace("|", "\\|")


def table(heads: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A table in Markdown."""
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join("| " + " | ".join(cell(each) for each in line) + " |" for line in lines)


def anchor(name: str) -> str:
    """The anchor of a heading, as Git hosts make it."""
    return re.sub(r"[^\w\- ]", "", name.lower()).replace(" ", "-")


def modules(package: str) -> Iterator[ModuleType]:
    """The modules of a room of the package, by name."""
    folder = PACKAGE / package.replace(".", "/")
    for path in sorted(folder.glob("*.py")):
        if path.stem != "__init__" and not path.stem.endswith("_worker"):
            yield import_module(f"seatrial.{package}.{path.stem}")


def doc(module: ModuleType) -> str:
    """A module's docstring."""
    return inspect.cleandoc(module.__doc__ or "")
