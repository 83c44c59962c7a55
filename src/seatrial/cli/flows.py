"""Before anything is written: what the flows would put where; and what a killed check left, taken away."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from seatrial.cli.console import HERE, AsJson, File, open_file, print_json, say

if TYPE_CHECKING:
    from pathlib import Path

    from seatrial.app.running.flow_preview import Preview

_NOT_ALL = 1


def flows(
    file: File = HERE,
    clean: Annotated[
        bool, typer.Option("--clean", help="Take away the test records of a check whose process was killed.")
    ] = False,
    as_json: AsJson = False,
) -> int:
    """Say which test records a run would write where: exactly, and what becomes of them; nothing is written."""
    if clean:
        return _clean(file, as_json=as_json)
    from seatrial.app.running.flow_preview import preview

    found = preview(open_file(file))
    if as_json:
        print_json([each.data() for each in found])
    elif not found:
        typer.echo("no flows are declared")
    else:
        for each in found:
            say(_lines(each))
        typer.echo(
            "\nNothing was written. integration.isolation, data.interruption and data.schema-change put in records of "
            "the same kind,\nat the same rate, for as long as they disturb something."
        )
    return _NOT_ALL if any(each.reasons for each in found) else 0


def _clean(file: Path, *, as_json: bool) -> int:
    from seatrial.app.folder.workspace import open_workspace
    from seatrial.app.running.record_cleaning import said, take_away
    from seatrial.app.running.record_traces import left_behind

    workspace = open_workspace(file)
    found = [remains for left in left_behind(workspace, everywhere=True) for remains in take_away(workspace, left)]
    if as_json:
        print_json({"ends": [remains.told() for remains in found]})
    elif not found:
        typer.echo("no check was killed while test records of its own were somewhere: there is nothing to take away")
    else:
        say(said(remains) for remains in found)
    return _NOT_ALL if any(remains.failed for remains in found) else 0


def _lines(each: Preview) -> Iterator[str]:
    yield each.flow
    for reason, remedy in zip(each.reasons, each.remedies, strict=True):
        yield f"  cannot be driven: {reason}"
        yield f"    → {remedy}"
    if each.record is None:
        return
    production = ", in PRODUCTION" if each.end == "production" else ""
    yield f"  writes      {each.where}{production}"
    yield f"  records     about {each.records:,} (never more than {each.most:,}) at {each.rate:g} a second"
    yield f"  the first   {json.dumps(dict(each.record), ensure_ascii=False)}"
    yield f"  looked for  {each.looked_for}"
    for name, how in each.removed.items():
        yield f"  afterwards  {name}: {how}"


COMMANDS = (flows,)
