"""A shipped example, live."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from seatrial.cli.console import AsJson, Plain, Quiet, end_with, show_verdict
from seatrial.cli.review import follow
from seatrial.core.errors import SeatrialError


def demo(  # noqa: PLR0913, PLR0917 - one parameter is one option
    example: Annotated[str, typer.Option(help="Which example.")] = "arrival-delay",
    profile: Annotated[
        str,
        typer.Option(
            help="Its surroundings: `embedded` needs nothing else; `company` (arrival-delay) uses PostgreSQL, MQTT and "
            "RabbitMQ, where ARRIVAL_POSTGRES, ARRIVAL_MQTT and ARRIVAL_AMQP say."
        ),
    ] = "embedded",
    ready: Annotated[bool, typer.Option("--ready", help="The repaired variant of the same system.")] = False,
    defect: Annotated[str | None, typer.Option(help="Plant one named defect alone into the repaired variant.")] = None,
    live: Annotated[
        bool,
        typer.Option("--live", help="The same system after launch, in fast motion: months pass, then a bad night."),
    ] = False,
    directory: Annotated[
        Path | None, typer.Option(help="A new folder for the example.", show_default="seatrial-demo")
    ] = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
    plain: Plain = False,
) -> None:
    """Start a shipped example with its real services: execute every check, and decide."""
    from seatrial.app.deciding.dossiers import write_dossier
    from seatrial.app.demo import Demo

    if live:
        if profile != "embedded":
            raise SeatrialError("--live shows the embedded profile", remedy="Leave out --profile, or --live.")
        _live(directory, as_json=as_json, plain=plain)
    demonstration = Demo(directory, example=example, profile=profile, ready=ready, defect=defect)
    follow(demonstration.events(), quiet=quiet or as_json, plain=plain)
    verdict = demonstration.verdict()
    dossier = demonstration.directory / "dossier.html"
    write_dossier(verdict, dossier)
    show_verdict(verdict, demonstration.directory, as_json=as_json, plain=plain)
    if not as_json:
        typer.echo(f"dossier: {dossier}")
    end_with(verdict)


def _live(directory: Path | None, *, as_json: bool, plain: bool) -> None:
    from seatrial.app.live import LiveDemo

    demonstration = LiveDemo(directory, say=lambda text: typer.echo(text, err=as_json))
    verdict = demonstration.run()
    show_verdict(verdict, demonstration.directory, as_json=as_json, plain=plain)
    if not as_json:
        typer.echo(f"look at it again: seatrial alarms --all {demonstration.directory}")
    end_with(verdict)


COMMANDS = (demo,)
