"""The users, their training and what became of outputs: shown, and brought from other tools as CSV."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from seatrial.cli.console import HERE, As, AsJson, File, Yes, confirm, given, open_file, print_json

if TYPE_CHECKING:
    from collections.abc import Sequence

    from seatrial.app.folder.mapped_csv import MappedCsv, Wanted
    from seatrial.app.folder.uploads import Upload
    from seatrial.core.observation import Json

From = Annotated[Path | None, typer.Option("--from", help="A CSV file to take over, whole or not at all.")]
Columns = Annotated[
    list[str] | None,
    typer.Option("--column", help="Which column tells what, such as id='User ID'; may be repeated."),
]


def users(
    file: File = HERE,
    source: From = None,
    column: Columns = None,
    person: As = "",
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """List the users with who passed, or take in a CSV file of them."""
    from seatrial.app.folder.mapped_csv import taken_whole
    from seatrial.app.people.people import permitted
    from seatrial.app.people.training import passes, users_of
    from seatrial.app.people.training_import import USERS, new_list, take_list
    from seatrial.gate.permissions import Action

    workspace = open_file(file)
    if source is None:
        passed = passes(workspace)
        listed: list[dict[str, Json]] = [
            {"id": u.id, "group": u.group, "passed": u.id in passed} for u in users_of(workspace)
        ]
        if as_json:
            print_json({"users": listed})
            return
        for each in listed:
            typer.echo(f"{each['id']:<24} {each['group']:<24} {'passed' if each['passed'] else 'not yet'}")
        typer.echo(f"{len(listed)} users, {sum(bool(each['passed']) for each in listed)} passed")
        return
    permitted(workspace, given(person), Action.RECORD_EVENT)
    _, table, mapping = _read(source, USERS, column)
    found = new_list(workspace, table, mapping)
    taken_whole(found.bad)
    teams = ", ".join(f"{team} {count}" for team, count in found.teams.items())
    confirm(
        f"{len(found.users)} users ({teams}): {len(found.added)} new, {len(found.removed)} no longer listed. Take it?",
        yes=yes,
    )
    evidence = take_list(workspace, person, found)
    if as_json:
        told: dict[str, Json] = {"users": len(found.users), "added": list(found.added), "removed": list(found.removed)}
        print_json({**told, "record": evidence.digest})
        return
    typer.echo(f"the list of {len(found.users)} users stands now, on record as entry {evidence.sequence}")


def training(  # noqa: PLR0913, PLR0917 - one parameter is one option
    file: File = HERE,
    source: From = None,
    tool: Annotated[str, typer.Option("--source", help="Which tool the results are from.")] = "",
    about: Annotated[str, typer.Option("--about", help="The version of the system that the course was about.")] = "",
    dates: Annotated[str, typer.Option("--dates", help="How dates are written.")] = "%Y-%m-%d",
    passes_from: Annotated[str, typer.Option("--passes-from", help="The score that passes, for files of scores.")] = "",
    column: Columns = None,
    person: As = "",
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Show how many of each team passed, or file a course's results: observed, they pass nobody."""
    from seatrial.app.folder.mapped_csv import taken_whole
    from seatrial.app.people.people import permitted
    from seatrial.app.people.training import coverage
    from seatrial.app.people.training_import import DATES, OUTCOMES, passing_score, results, take_results
    from seatrial.gate.permissions import Action

    workspace = open_file(file)
    if source is None:
        teams = coverage(workspace)
        if as_json:
            print_json({"teams": [{"team": t.name, "users": t.users, "passed": t.passed} for t in teams]})
            return
        for team in teams:
            typer.echo(f"{team.name:<24} {team.passed} of {team.users} passed the questions of this version")
        return
    permitted(workspace, given(person), Action.RECORD_EVENT)
    if dates not in DATES:
        listed = ", ".join(f"{key} ({example})" for key, example in DATES.items())
        raise typer.BadParameter(f"dates are written as one of {listed}")
    if not tool:
        raise typer.BadParameter("say with --source which tool they are from")
    upload, table, mapping = _read(source, OUTCOMES, column)
    found = results(workspace, table, mapping, dates=dates, passes_from=passing_score(passes_from))
    taken_whole(found.bad)
    left = "".join(f", {count} {why}" for why, count in found.others.items())
    confirm(f"{len(found.passed)} passed, {len(found.not_passed)} did not{left}. File it as observed?", yes=yes)
    evidence = take_results(workspace, person, found, source=tool, about=about, file=upload.digest)
    if as_json:
        told: dict[str, Json] = {
            "passed": len(found.passed),
            "not_passed": len(found.not_passed),
            "left_out": dict(found.others),
        }
        print_json({**told, "record": evidence.digest})
        return
    typer.echo(f"{len(found.passed)} passes from {tool} are on record as entry {evidence.sequence}, as observed")


def uses(
    file: File = HERE,
    begin: Annotated[
        bool, typer.Option("--begin", help="Begin a log in the system's folder, where the workflow keeps none.")
    ] = False,
    source: From = None,
    person: As = "",
    as_json: AsJson = False,
) -> None:
    """Count what became of outputs, or bring it from a CSV file.

    Its columns: output, workflow, team, shown_at, response (acted on, overridden, ignored, or empty where it was only
    shown) and, where people wrote one, workaround.
    """
    from seatrial.app.folder.mapped_csv import read_csv, taken_whole
    from seatrial.app.people.people import permitted
    from seatrial.app.people.response_log import FILE, add_to_log, begin_log, brought
    from seatrial.app.people.used import counted
    from seatrial.gate.permissions import Action

    workspace = open_file(file)
    if begin:
        permitted(workspace, given(person), Action.RECORD_EVENT)
        begin_log(workspace)
        workspace = open_file(file)
        if source is None:
            if as_json:
                print_json({"log": FILE})
            else:
                typer.echo(f"{FILE} is begun, and the system file names it in change.log")
            return
    if source is None:
        rows = counted(workspace)
        if as_json:
            print_json({"uses": [dict(row) for row in rows]})
            return
        for row in rows:
            told = ", ".join(f"{row[key]} {key.replace('_', ' ')}" for key in row if key not in ("workflow", "team"))
            typer.echo(f"{row['workflow']}, {row['team']}: {told}")
        if not rows:
            typer.echo("no output counts in the log")
        return
    found, bad = brought(read_csv(_upload(source).content), workspace.system, workspace.clock.now())
    taken_whole(bad)
    new = add_to_log(workspace, given(person), found)
    if as_json:
        print_json({"new": new, "known": len(found) - new})
    else:
        typer.echo(f"{new} lines are new in {FILE}, {len(found) - new} stood there already")


def _upload(source: Path) -> Upload:
    from seatrial.app.folder.uploads import received
    from seatrial.core.errors import Unreachable

    try:
        content = source.read_bytes()
    except OSError as error:
        raise Unreachable(
            f"{source} cannot be read: {error.strerror or error}", remedy="Name a CSV file that can be read."
        ) from None
    return received(source.name, content, only=(".csv",))


def _read(
    source: Path, wanted: Sequence[Wanted], column: Sequence[str] | None
) -> tuple[Upload, MappedCsv, dict[str, str]]:
    from seatrial.app.folder.mapped_csv import mapped, read_csv

    pairs = [each.partition("=") for each in column or ()]
    if any(not equals for _, equals, _ in pairs):
        raise typer.BadParameter("say which column tells what as WHAT=COLUMN, such as --column id='User ID'")
    upload = _upload(source)
    table = read_csv(upload.content)
    return upload, table, mapped(table.columns, wanted, {what.strip(): name.strip() for what, _, name in pairs})


COMMANDS = (users, training, uses)
