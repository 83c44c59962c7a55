"""How commands speak: results to standard output, progress and errors to standard error, JSON on request."""

from __future__ import annotations

import json
import os
import shlex
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from seatrial.core.errors import SeatrialError
from seatrial.core.observation import Json
from seatrial.core.vocabulary import GateName
from seatrial.present.hanging import hung

if TYPE_CHECKING:
    from rich.console import Console

    from seatrial.app.folder.workspace import Workspace
    from seatrial.gate.verdict import Verdict

_NARROW = 80

File = Annotated[
    Path, typer.Argument(help="The system file, or the folder that holds it.", show_default="seatrial.yaml")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print the result as JSON, for programs.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No progress; only the result.")]
Plain = Annotated[bool, typer.Option("--plain", help="One plain line an event; no colour, no redrawing.")]
AtGate = Annotated[
    GateName,
    typer.Option(
        "--gate",
        metavar="GATE",
        help=f"{', '.join(GateName)}: what is decided at one counts at no other.",
    ),
]
As = Annotated[str, typer.Option("--as", help="Your id in the system file.")]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask for confirmation.")]
HERE = Path()
PRODUCTION = GateName.PRODUCTION_READINESS


def console(*, error: bool = False, plain: bool = False) -> Console:
    """A console for people; without colour where the terminal, NO_COLOR or `plain` says so."""
    from rich.console import Console

    stream = sys.stderr if error else sys.stdout
    width = None if stream.isatty() else int(os.environ.get("COLUMNS", _NARROW))
    return Console(stderr=error, no_color=True if plain else None, highlight=False, width=width)


def print_json(data: Json) -> None:
    """One JSON document on standard output."""
    sys.stdout.write(json.dumps(data, indent=2, ensure_ascii=False) + "\n")


def say(lines: Iterable[str]) -> None:
    """Lines on standard output; on a terminal what is too long for it goes on below, under its own text."""
    width = os.get_terminal_size(sys.stdout.fileno()).columns if sys.stdout.isatty() else 0
    for line in lines:
        for part in line.split("\n"):
            typer.echo("\n".join(hung(part, width)) if width else part)


def open_file(file: Path, *, gate: GateName = PRODUCTION) -> Workspace:
    """The workspace of the system file that the person named, or of the one in this folder, at a gate."""
    from seatrial.app.folder.workspace import open_workspace
    from seatrial.app.running.record_traces import COMMAND, left_behind

    workspace = open_workspace(file, gate=gate)
    try:
        for left in left_behind(workspace):
            sys.stderr.write(f"{left.told}\n  → The next run takes them away, and so does: {COMMAND}\n")
    except SeatrialError as error:
        show_error(error, as_json=False)
    return workspace


def given(person: str) -> str:
    """Who speaks. Raises typer.BadParameter where they do not say so."""
    if not person:
        raise typer.BadParameter("name yourself with --as")
    return person


def confirm(question: str, *, yes: bool) -> None:
    """Ask, unless `yes` was said already. Raises typer.Abort when the person declines."""
    if not yes:
        typer.confirm(question, abort=True, err=True)


def show_error(error: SeatrialError, *, as_json: bool) -> None:
    """What failed, where, and what to do: as JSON on standard output, or as text on standard error."""
    if as_json:
        print_json({"error": error.what, "remedy": error.remedy, "kind": type(error).__name__, **_problems(error)})
        return
    sys.stderr.write(f"{error.what}\n")
    if error.remedy:
        sys.stderr.write(f"  → {error.remedy}\n")


def _problems(error: SeatrialError) -> Mapping[str, Json]:
    from seatrial.core.codec import to_data

    problems = getattr(error, "problems", None)
    return {} if problems is None else {"problems": [to_data(p) for p in problems]}


def show_verdict(verdict: Verdict, file: Path, *, as_json: bool, plain: bool = False) -> None:
    """The verdict on the system file, or the folder that holds it, as one screen or as JSON."""
    if as_json:
        from seatrial.gate.encoding import verdict_data

        print_json(verdict_data(verdict))
        return
    from seatrial.present.terminal import verdict_screen

    screen = console(plain=plain)
    screen.print(verdict_screen(verdict, width=screen.width, more=_gaps_of(verdict, file)))


def _gaps_of(verdict: Verdict, file: Path) -> str:
    """The command that lists every gap of the same file at the same gate."""
    place = file.absolute()
    if place.is_relative_to(Path.cwd()):
        place = place.relative_to(Path.cwd())
    named = [] if place == HERE else [str(place)]
    gate = [] if verdict.gate is PRODUCTION else ["--gate", verdict.gate]
    return shlex.join(["seatrial", "gaps", *named, *gate])


def end_with(verdict: Verdict) -> None:
    """Leave with the verdict's exit code."""
    from seatrial.gate.encoding import exit_code

    raise typer.Exit(exit_code(verdict))
