"""Where people begin: the shipped example, and a proposal for their own system."""

from __future__ import annotations

import os
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from seatrial.cli.console import AsJson, print_json

if TYPE_CHECKING:
    from collections.abc import Sequence

    from seatrial.app.proposing.initiate import Proposal

_SYSTEM_FILE = Path("seatrial.yaml")
_MODEL = (
    "The model: an address such as http://host:8800/predict, an OpenAI-compatible one such as http://host/v1, an ONNX "
    "file, a directory that MLflow saved, file.py:object, or a table of past predictions."
)


def init(  # noqa: PLR0913, PLR0917 - one parameter is one option
    model: Annotated[str, typer.Option("--model", help=_MODEL)] = "",
    data: Annotated[Path | None, typer.Option(help="Labelled rows: CSV, Parquet or JSON lines.")] = None,
    live: Annotated[Path | None, typer.Option(help="A recent sample of what production sends.")] = None,
    label: Annotated[str, typer.Option(help="The column that tells what was true.")] = "",
    time: Annotated[str, typer.Option(help="The column that tells when a row happened.")] = "",
    entity: Annotated[str, typer.Option(help="The column that tells whom or what a row is about.")] = "",
    header: Annotated[
        list[str] | None, typer.Option(help="A header for the model, 'Name: ${ENV}'; may be repeated.")
    ] = None,
    served: Annotated[str, typer.Option(help="The model's name, where a chat endpoint serves several.")] = "",
    question: Annotated[str, typer.Option(help="The column with the questions, of a chat.")] = "",
    context: Annotated[str, typer.Option(help="The column with what is retrieved for a question.")] = "",
    output: Annotated[
        Path, typer.Option("--output", "-o", help="The system file to write, or its folder, which may be new.")
    ] = _SYSTEM_FILE,
    force: Annotated[
        bool, typer.Option("--force", help="Replace files that are there; keep a backup of each.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Propose a system file from a model and a data file; what only people can decide stays TODO."""
    from seatrial.app.proposing.given import Asked
    from seatrial.app.proposing.initiate import propose, refuse_existing, write

    target = output if output.suffix in {".yaml", ".yml"} and not output.is_dir() else output / _SYSTEM_FILE
    if not force:
        refuse_existing(target)
    talking = sys.stdin.isatty() and sys.stderr.isatty() and not as_json
    url = model or _asked("The model's address", option="--model", talking=talking)
    rows = data or Path(_asked("A file with labelled rows", option="--data", talking=talking))
    proposal = propose(
        Asked(
            model=url,
            data=rows,
            live=live,
            label=label or _label(rows, talking=talking),
            time=time or None,
            entity=entity or None,
            headers=_headers(header or ()),
            served=served or None,
            question=question or None,
            context=context or None,
            output=target,
        ),
        os.environ,
        say=(lambda _: None) if as_json else partial(typer.echo, err=True),
    )
    backups = write(proposal, force=force)
    _show(proposal, backups, as_json=as_json)


def _asked(question: str, *, option: str, talking: bool) -> str:
    if not talking:
        raise typer.BadParameter(f"{option} is needed where nobody can be asked")
    return str(typer.prompt(question, err=True))


def _label(data: Path, *, talking: bool) -> str | None:
    """The label column that a person names, where no column's name says that it is one."""
    from seatrial.app.proposing.given import columns_of
    from seatrial.app.proposing.inputs import guessed_label

    if not talking:
        return None
    columns = columns_of(data)
    if guessed_label(columns) is not None:
        return None
    typer.echo(f"columns: {', '.join(columns)}", err=True)
    return str(typer.prompt("The column that tells what was true", err=True))


def _headers(given: Sequence[str]) -> dict[str, str]:
    headers = {}
    for each in given:
        name, colon, value = each.partition(":")
        if not colon or not name.strip() or not value.strip():
            raise typer.BadParameter(f"--header {name.strip()!r}: write it as 'Name: ${{ENV}}'")
        headers[name.strip()] = value.strip()
    return headers


def _show(proposal: Proposal, backups: Sequence[Path], *, as_json: bool) -> None:
    if as_json:
        print_json(
            {
                "file": str(proposal.file),
                "inputs": str(proposal.inputs_file),
                "task": proposal.task,
                "rows": proposal.rows,
                "columns": list(proposal.columns),
                "notes": list(proposal.notes),
                "todos": list(proposal.todos),
                "backups": [str(path) for path in backups],
            }
        )
        return
    for path in backups:
        typer.echo(f"kept: {path}")
    typer.echo(f"wrote {proposal.file} and {proposal.inputs_file}")
    typer.echo(
        f"  {proposal.task}, {len(proposal.columns)} inputs, from {proposal.rows:,} rows and the model's answers"
    )
    for note in proposal.notes:
        typer.echo(f"  look at: {note}")
    typer.echo(f"  {len(proposal.todos)} decisions are left as TODO; each one is a gap until somebody takes it")
    typer.echo(f"next: seatrial validate {proposal.file}, then seatrial run {proposal.file}")


COMMANDS = (init,)
