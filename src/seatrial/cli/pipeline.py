"""For deployment pipelines: the gate with its reports."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from seatrial.cli.console import HERE, PRODUCTION, AsJson, AtGate, File, Plain, end_with, open_file, show_verdict


def gate(
    file: File = HERE,
    at: AtGate = PRODUCTION,
    junit: Annotated[Path | None, typer.Option(help="Write a JUnit report there.")] = None,
    sarif: Annotated[Path | None, typer.Option(help="Write the gaps as SARIF there.")] = None,
    statement: Annotated[
        Path | None, typer.Option(help="Write the verdict as a signed in-toto statement (DSSE) there.")
    ] = None,
    as_json: AsJson = False,
    plain: Plain = False,
) -> None:
    """Decide for a deployment pipeline: exit code 0 only for GO, and reports in the formats that pipelines read."""
    from seatrial.app.running.pipeline import ask
    from seatrial.present.junit import junit as as_junit
    from seatrial.present.sarif import sarif as as_sarif

    workspace = open_file(file, gate=at)
    asked = ask(workspace)
    if junit is not None:
        _write(junit, as_junit(asked.verdict).encode())
    if sarif is not None:
        _write(sarif, json.dumps(as_sarif(asked.verdict, file=workspace.file.name), indent=2).encode())
    if statement is not None:
        _write(statement, asked.statement)
    show_verdict(asked.verdict, file, as_json=as_json, plain=plain)
    end_with(asked.verdict)


def _write(target: Path, content: bytes) -> None:
    from seatrial.core.errors import Unreachable

    try:
        target.write_bytes(content)
    except OSError as error:
        raise Unreachable(f"{target} cannot be written: {error.strerror}", remedy="Name another place.") from None


COMMANDS = (gate,)
