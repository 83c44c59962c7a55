"""Under which conditions the model is wrong, and what the register says to each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from seatrial.cli.console import HERE, AsJson, File, open_file, print_json, say

if TYPE_CHECKING:
    from collections.abc import Iterator

    from seatrial.app.watched.failure_modes import Comparison


def failure_modes(
    file: File = HERE,
    write: Annotated[
        bool, typer.Option("--write", help="Add an entry to complete for each confirmed weak slice without one.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Compare the failure-mode register with the weak slices found; propose the entries that it lacks."""
    from seatrial.app.watched.failure_modes import add_drafts, compare

    workspace = open_file(file)
    found = compare(workspace)
    added = add_drafts(workspace, found) if write else 0
    if as_json:
        print_json(
            {
                "register": found.path,
                "observed_at": found.observed_at.isoformat(),
                "entries": [
                    {
                        "id": each.mode.id,
                        "when": each.mode.when,
                        "state": each.state,
                        "seen": each.seen,
                        "slices": list(each.slices),
                        "absent": list(each.absent),
                        "owner": each.mode.owner,
                    }
                    for each in found.entries
                ],
                "unanswered": [
                    {"when": each.when, "summary": each.summary, "gap": each.gap} for each in found.unanswered
                ],
                "gone": list(found.gone),
                "added": added,
            }
        )
        return
    say(_lines(found))
    if added:
        typer.echo(f"\n{added} entries to complete were added to {found.path}. Complete them, have the register")
        typer.echo("attested (`seatrial attest failure-modes`), and run the check again.")
    elif found.unanswered and not write:
        typer.echo("\n`seatrial failure-modes --write` adds an entry to complete for each slice without one.")


def _lines(found: Comparison) -> Iterator[str]:
    yield f"weak slices as looked for on {found.observed_at:%Y-%m-%d %H:%M} UTC"
    if found.unanswered:
        yield f"\nwithout an entry ({len(found.unanswered)})"
        for weak in found.unanswered:
            yield f"  {'✗' if weak.gap else '·'} {weak.summary}"
            yield f"      when: {weak.when}"
    if found.entries:
        yield f"\nentries of {found.path} ({len(found.entries)})"
    for entry in found.entries:
        yield f"  {entry.mode.id}: {entry.state}{f', {entry.mode.owner} answers for it' if entry.mode.owner else ''}"
        yield f"      when: {entry.mode.when}"
        if entry.seen:
            yield f"      {entry.seen}"
        if entry.absent:
            yield f"      ✗ no {', no '.join(entry.absent)} yet"
    if found.gone:
        yield f"\nconfirmed before and no more ({len(found.gone)})"
        for when in found.gone:
            yield f"  {when}"


COMMANDS = (failure_modes,)
