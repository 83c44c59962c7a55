"""What the declared sources really deliver, and what a person must confirm of it."""

from __future__ import annotations

import sys
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from seatrial.cli.console import HERE, AsJson, open_file, print_json, say

if TYPE_CHECKING:
    from collections.abc import Iterator

    from seatrial.app.proposing.profiling import Profiled


def profile(
    names: Annotated[
        list[str] | None, typer.Argument(metavar="[NAME]...", help="Integrations, or data.live and the like; else all.")
    ] = None,
    file: Annotated[Path, typer.Option("--file", "-f", help="The system file, or the folder that holds it.")] = HERE,
    write: Annotated[
        bool, typer.Option("--write", help="Write the proposals, each as a TODO; a backup of the file is kept.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Look at every source, and propose contract and freshness: faults too; a person must confirm each."""
    from seatrial.app.proposing.profiling import profile_sources, write_proposals

    names, file = _place(names or [], file)
    tell = (lambda _: None) if as_json else partial(typer.echo, err=True)
    found = profile_sources(open_file(file), names, say=tell)
    written = write_proposals(found) if write else ()
    if as_json:
        print_json(_data(found, [str(path) for path in written]))
    else:
        from seatrial.present.source_lines import lines

        say(lines(_data(found, [str(path) for path in written])))
    sys.stdout.flush()
    raise typer.Exit(1 if any(source.problem for source in found.sources) else 0)


def _place(names: list[str], file: Path) -> tuple[list[str], Path]:
    """The names and the file; a first name that is a system's folder or file is that, as at every other command."""
    first = Path(names[0]) if names else None
    if first is None or file != HERE or not ((first / "seatrial.yaml").is_file() or first.suffix in {".yaml", ".yml"}):
        return names, file
    return names[1:], first


def _data(found: Profiled, written: list[str]) -> Any:
    return {
        "at": found.at.isoformat(),
        "sources": [_plain(source) for source in map(asdict, found.sources)],
        "patch": found.patch,
        "contracts": found.files,
        "no_place": [
            {"path": ".".join((*a.path, a.key)).strip("."), "value": a.value, "comment": a.comment} for a in found.left
        ],
        "written": written,
    }


def _plain(source: dict[str, Any]) -> dict[str, Any]:
    from seatrial.app.proposing.source_profile import FEWEST

    keys = source["keys"] if source["rows"] >= FEWEST else None
    return {**source, "at": source["at"].isoformat(), "keys": keys, "fields": list(_fields(source))}


def _fields(source: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for field in source["fields"]:
        column, cadence = field.pop("column"), field.pop("cadence")
        field |= {key: column[key] for key in ("type", "rows", "missing", "distinct", "smallest", "largest")}
        field["values"] = list(column["values"]) if "values" in field["proposed"] else None
        if cadence is not None:
            newest = cadence["newest"]
            age = (source["at"] - newest).total_seconds() if newest is not None and cadence["zoned"] else None
            field["times"] = {
                "zone": cadence["zone"],
                "new_every_s": cadence["gap_s"],
                "newest": None if newest is None else newest.isoformat(),
                "age_s": age,
            }
        yield field


COMMANDS = (profile,)
