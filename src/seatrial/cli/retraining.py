"""Requests for retraining: look at them, and answer those that are yours."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from seatrial.cli.console import HERE, As, AsJson, Yes, given, open_file, print_json

if TYPE_CHECKING:
    from seatrial.app.folder.workspace import Workspace

_ACTIONS = ("list", "show", "approve", "decline")


def retraining(
    what: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[list | show ID | approve ID | decline ID] [FILE]",
            help="What to do, the id of the request (or how it begins), and the system file or its folder.",
            show_default="list",
        ),
    ] = None,
    person: As = "",
    because: Annotated[str, typer.Option(help="Why you approve or decline: others will read it.")] = "",
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """List what the watch asks to be trained anew; approve or decline it with your own key."""
    action, request, file = _parted(what or ["list"])
    workspace = open_file(file or HERE)
    if action == "list":
        _list(workspace, as_json=as_json)
    elif action == "show":
        _show(workspace, request, as_json=as_json)
    else:
        _answer(workspace, request, given(person), action, because, yes=yes, as_json=as_json)


def _list(workspace: Workspace, *, as_json: bool) -> None:
    from seatrial.app.people.retraining import line, on_record, told_data

    found = on_record(workspace)
    if as_json:
        print_json([told_data(each) for each in found])
        return
    for each in found:
        typer.echo(line(workspace, each))
    if not found:
        typer.echo("nothing was asked to be trained anew")


def _show(workspace: Workspace, request: str, *, as_json: bool) -> None:
    from seatrial.app.people.retraining import lines, one, told_data

    told = one(workspace, request)
    if as_json:
        print_json(told_data(told))
        return
    for text in lines(workspace, told):
        typer.echo(text)


def _answer(
    workspace: Workspace, request: str, person: str, action: str, because: str, *, yes: bool, as_json: bool
) -> None:
    from seatrial.app.people.retraining import answer, lines, one

    told = one(workspace, request)
    if not yes:
        for text in lines(workspace, told):
            typer.echo(text, err=True)
        typer.confirm(f"Do you, {person}, {action} this retraining: {because}?", abort=True, err=True)
    evidence = answer(workspace, person, told.request.digest, approved=action == "approve", because=because)
    if as_json:
        print_json({"record": evidence.digest, "sequence": evidence.sequence, "request": told.request.id})
        return
    typer.echo(f"on record as entry {evidence.sequence}, {evidence.digest[:16]}")


def _parted(words: list[str]) -> tuple[str, str, Path | None]:
    """The action, the request's id, and the system file."""
    action, rest = words[0], words[1:]
    if action not in _ACTIONS:
        raise typer.BadParameter(f"{action!r} is none of {', '.join(_ACTIONS)}")
    request = ""
    if action != "list":
        if not rest:
            raise typer.BadParameter(f"{action} what? `seatrial retraining list` tells the ids")
        request, rest = rest[0], rest[1:]
    if len(rest) > 1:
        raise typer.BadParameter(f"{' '.join(rest[1:])!r} is too much")
    return action, request, Path(rest[0]) if rest else None


COMMANDS = (retraining,)
