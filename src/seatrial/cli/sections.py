"""The list of commands that `seatrial --help` shows: under headings, each with the first clause of what it does."""

from __future__ import annotations

import re
from typing import Any

from typer.core import TyperGroup

_CLAUSE_ENDS = re.compile(r"[:;.](\s|$)")


class Sectioned(TyperGroup):
    """A group of commands, listed under the `rich_help_panel` of each, in the order in which they were added."""

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Write one section for each heading."""
        del ctx
        sections: dict[str, list[tuple[str, str]]] = {}
        for name, command in self.commands.items():
            heading = str(getattr(command, "rich_help_panel", None) or "Commands")
            sections.setdefault(heading, []).append((name, first_clause(command.help or "")))
        column = max((len(name) for name in self.commands), default=0)
        for heading, rows in sections.items():
            with formatter.section(heading):
                formatter.write_dl([(name.ljust(column), clause) for name, clause in rows])


def first_clause(text: str) -> str:
    """What stands before the first colon, semicolon or full stop of a command's description, on one line."""
    return " ".join(_CLAUSE_ENDS.split(text, maxsplit=1)[0].split())
