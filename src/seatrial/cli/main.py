"""The command line: one command is one call into `app` and a presenter."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from functools import cache
from typing import Annotated, cast

import typer

from seatrial import __version__
from seatrial.cli import (
    begin,
    catalogue,
    drills,
    evidence,
    failures,
    flows,
    kept,
    keys,
    labels,
    people,
    pipeline,
    retraining,
    review,
    show,
    site,
    sources,
    training,
    watch,
)
from seatrial.cli.console import show_error
from seatrial.cli.letters import in_utf8, spell_out
from seatrial.cli.sections import Sectioned
from seatrial.core.errors import SeatrialError
from seatrial.gate.encoding import EXIT_NO_REVIEW, EXIT_USAGE

_INTERRUPTED = 130
_UsageError = cast("type[typer.BadParameter]", typer.BadParameter.__bases__[0])
"""The error of every wrong option, command or argument; Typer names only its subclasses."""
_FROM_PYDANTIC = "Value error, "
"""What stands before the reason where Typer has pydantic look at a choice."""

_built = cache(typer.main.get_command)

app = typer.Typer(
    name="seatrial",
    cls=Sectioned,
    help="Sea trials for AI systems: executes what must be true before a pilot goes live, and answers GO or NO-GO.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    epilog="Exit codes: 0 GO or done; 1 NO-GO, a rehearsal, or anything not determined; 2 no review was possible; "
    "64 usage.",
)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"seatrial {__version__}")
        raise typer.Exit


@app.callback()
def _top(
    version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")] = (
        False
    ),
) -> None:
    del version


@cache
def _assemble() -> typer.Typer:
    sections = {
        "Begin": (show, begin, sources),
        "Review": (review, pipeline, flows, labels, failures),
        "People": (people, training),
        "Drills": (drills,),
        "Site": (site,),
        "After launch": (watch, retraining),
        "Record": (evidence, kept, keys),
        "Look up": (catalogue,),
    }
    for heading, rooms in sections.items():
        for command in (command for room in rooms for command in room.COMMANDS):
            app.command(command.__name__.rstrip("_").replace("_", "-"), rich_help_panel=heading)(command)
    return app


def main(arguments: Sequence[str] | None = None) -> None:
    """Run one command and leave with its exit code."""
    if arguments is None:
        in_utf8()
    spell_out()
    given = list(sys.argv[1:] if arguments is None else arguments)
    command = _built(_assemble())
    try:
        code = command.main(args=given, prog_name="seatrial", standalone_mode=False)
    except _UsageError as error:
        error.message = error.message.removeprefix(_FROM_PYDANTIC)
        error.show()
        sys.exit(EXIT_USAGE)
    except (typer.Abort, KeyboardInterrupt):
        sys.stderr.write("stopped; everything recorded so far is kept\n")
        sys.exit(_INTERRUPTED)
    except SeatrialError as error:
        show_error(error, as_json="--json" in given)
        sys.exit(EXIT_NO_REVIEW)
    sys.exit(code if isinstance(code, int) else 0)
