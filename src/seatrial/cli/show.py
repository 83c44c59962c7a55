"""The shipped example, live."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from seatrial.cli.console import AsJson, Plain, Quiet, end_with, show_verdict
from seatrial.cli.review import follow


def demo(
    ready: Annotated[bool, typer.Option("--ready", help="The repaired variant of the same system.")] = False,
    defect: Annotated[str | None, typer.Option(help="Plant one named defect alone into the repaired variant.")] = None,
    directory: Annotated[
        Path | None, typer.Option(help="A new folder for the example.", show_default="seatrial-demo")
    ] = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
    plain: Plain = False,
) -> None:
    """Start the shipped example with its real services, execute every check, and decide."""
    from seatrial.app.demo import Demo
    from seatrial.app.dossiers import write_dossier

    example = Demo(directory, ready=ready, defect=defect)
    follow(example.events(), quiet=quiet or as_json, plain=plain)
    verdict = example.verdict()
    dossier = example.directory / "dossier.html"
    write_dossier(verdict, dossier)
    show_verdict(verdict, as_json=as_json, plain=plain)
    if not as_json:
        typer.echo(f"dossier: {dossier}")
    end_with(verdict)


COMMANDS = (demo,)
