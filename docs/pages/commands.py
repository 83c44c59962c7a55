"""The page of the commands: what each says of itself, and the exit codes."""

from __future__ import annotations

from typing import Any

from docs.pages.blocks import page, table

_WIDTH = 88


def commands_page() -> str:
    """`cli.md`."""
    import typer

    from seatrial.cli.main import _assemble

    group: Any = typer.main.get_command(_assemble())
    top = typer.Context(group, info_name="seatrial", terminal_width=_WIDTH, max_content_width=_WIDTH)
    blocks = [
        "# Commands",
        (
            "Results go to standard output, progress and errors to standard error. With `--json` an error is a JSON "
            "object with `error`, `remedy`, `kind` and, for a file with several of them, `problems`."
        ),
        table(
            ("exit code", "meaning"),
            (
                (0, "GO, or done"),
                (1, "NO-GO, a rehearsal, anything not determined, or a record that does not verify"),
                (2, "no review was possible: the error says why"),
                (64, "a wrong command, option or argument"),
                (130, "stopped by hand; everything recorded so far is kept"),
            ),
        ),
        _help("seatrial", group, top),
    ]
    for name, command in group.commands.items():
        context = typer.Context(command, info_name=name, parent=top, terminal_width=_WIDTH, max_content_width=_WIDTH)
        blocks.append(_help(f"seatrial {name}", command, context))
    return page(*blocks)


def _help(title: str, command: Any, context: Any) -> str:
    lines = [line.rstrip() for line in command.get_help(context).splitlines()]
    return "\n".join((f"## {title}", "", "```text", *lines, "```"))
