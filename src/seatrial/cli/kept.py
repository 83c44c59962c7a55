"""What is kept beside the record, names and sample rows among it: list it, and erase it on record."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from seatrial.cli.console import HERE, As, AsJson, File, Yes, confirm, console, given, open_file, print_json

if TYPE_CHECKING:
    from seatrial.app.people.erasing import Kept

_SHOWN = 16


def artifacts(file: File = HERE, as_json: AsJson = False) -> None:
    """List what is kept beside the record: sample rows, answers, documents; what for, since when, and how much."""
    from seatrial.app.people.erasing import kept
    from seatrial.core.codec import to_data

    found = kept(open_file(file))
    if as_json:
        print_json([to_data(each) for each in found])
        return
    _table(found)
    total = sum(each.bytes for each in found)
    typer.echo(f"{len(found)} kept, {total:,} bytes; `seatrial erase` erases them, on record")


def erase(
    file: File = HERE,
    artifact: Annotated[
        list[str] | None, typer.Option(help="The digest, or its first digits, of what is to go; again and again.")
    ] = None,
    person: Annotated[str, typer.Option(help="The id of a user: their answers.")] = "",
    older_than: Annotated[
        str,
        typer.Option(help="Such as 400d: what no record since refers to, except what the newest evidence rests on."),
    ] = "",
    reason: Annotated[str, typer.Option(help="Why, in a sentence; it stays on record.")] = "",
    by: As = "",
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Erase sample rows, answers or documents; that they were kept beside the record, and why they went, stays."""
    from seatrial.app.people.erasing import chosen
    from seatrial.app.people.erasing import erase as put

    given(by)
    if not (artifact or person or older_than):
        raise typer.BadParameter("say what is to go: --artifact, --person or --older-than")
    workspace = open_file(file)
    these = chosen(workspace, digests=artifact or (), person=person, older_than=_age(older_than))
    if these and not as_json:
        _table(these)
    if these:
        confirm(f"Erase {len(these)} for good?", yes=yes)
    stated = put(workspace, by, these, reason=reason)
    if as_json:
        print_json([{"artifact": a.digest, "record": e.digest} for a, e in zip(these, stated, strict=True)])
        return
    typer.echo(f"{len(stated)} erased, on record" if stated else "nothing of this is kept")


def _age(text: str) -> timedelta | None:
    from seatrial.spec.quantities import duration_s

    if not text:
        return None
    try:
        return timedelta(seconds=duration_s(text))
    except ValueError as error:
        raise typer.BadParameter(f"--older-than {text}: {error}") from None


def _table(found: tuple[Kept, ...]) -> None:
    from rich.table import Table

    table = Table(box=None, header_style="bold", pad_edge=False)
    for name in ("artifact", "what for", "whose", "last referred to", "bytes"):
        table.add_column(name, justify="right" if name == "bytes" else "left", no_wrap=name == "artifact")
    for each in found:
        about = f"{each.about or 'no record refers to it'}{', in use' if each.in_use else ''}"
        when = f"{each.at:%Y-%m-%d}" if each.at else ""
        table.add_row(each.digest[:_SHOWN], about, each.person, when, f"{each.bytes:,}")
    console().print(table)


COMMANDS = (artifacts, erase)
