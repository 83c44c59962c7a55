"""The record: verify it, export it, keep its head elsewhere."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from seatrial.cli.console import HERE, AsJson, File, open_file, print_json

if TYPE_CHECKING:
    from seatrial.evidence.report import VerificationReport

_NOT_VERIFIED = 1


def verify(
    file: Annotated[Path, typer.Argument(help="A system file, its folder, or an exported bundle.")] = HERE,
    trust: Annotated[Path | None, typer.Option(help="The trust root that you keep outside.")] = None,
    checkpoint: Annotated[Path | None, typer.Option(help="Checkpoints that you keep outside, one a line.")] = None,
    as_json: AsJson = False,
) -> None:
    """Verify every digest and signature of a ledger, or of an exported bundle, offline."""
    from seatrial.app.verify import verify_exported, verify_ledger
    from seatrial.evidence.entry import Checkpoint

    pins = Checkpoint.load(checkpoint) if checkpoint else ()
    if file.is_file() and file.suffix not in {".yaml", ".yml"}:
        found = verify_exported(file, trust_file=trust, pin=pins)
    else:
        found = verify_ledger(open_file(file), trust_file=trust, pin=pins)
    _show(found, as_json=as_json)
    raise typer.Exit(0 if found.intact else _NOT_VERIFIED)


def export(
    target: Annotated[Path, typer.Argument(help="The bundle to write.")],
    file: File = HERE,
    artifacts: Annotated[bool, typer.Option("--artifacts", help="Take artifacts along; they may be personal.")] = False,
    as_json: AsJson = False,
) -> None:
    """Write the whole record as one bundle that verifies without a server."""
    from seatrial.app.export import export as write

    found = write(open_file(file), target, with_artifacts=artifacts)
    if not as_json:
        typer.echo(f"bundle: {target}")
    _show(found, as_json=as_json)


def checkpoint(file: File = HERE) -> None:
    """Print the head of the record; kept elsewhere, it shows later that nothing was dropped."""
    from seatrial.app.verify import checkpoint as head

    typer.echo(str(head(open_file(file))))


def _show(found: VerificationReport, *, as_json: bool) -> None:
    if as_json:
        from seatrial.core.codec import to_data

        print_json({"intact": found.intact, "anchored": found.anchored, "report": to_data(found)})
        return
    typer.echo(found.sentence)
    if found.entries and found.intact:
        typer.echo(f"  checkpoint: {found.system} {found.entries} {found.head}")
    for problem in (*found.problems, *found.void):
        typer.echo(f"  {problem}")


COMMANDS = (verify, export, checkpoint)
