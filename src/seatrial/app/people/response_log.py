"""A log of what people did with the outputs, kept where the workflow has none of its own: two clicks an output.

The file in the system's folder is what the check reads. An output that was shown, and of which nobody says anything,
stands in it as ignored; so does one that somebody says they ignored.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Final

from seatrial.app.folder.mapped_csv import Bad, MappedCsv
from seatrial.app.folder.workspace import Workspace, reread
from seatrial.app.folder.yaml_edit import Addition, added
from seatrial.app.people.people import permitted
from seatrial.app.proposing.placing import replace_file
from seatrial.core.errors import Malformed, Refused, SeatrialError, Unreachable
from seatrial.domains.organization.responses import ACTED_ON, IGNORED, OVERRIDDEN, WAYS
from seatrial.gate.permissions import Action
from seatrial.spec.system import System

FILE: Final = "responses.csv"
COLUMNS: Final = ("use", "output", "workflow", "team", "response", "shown_at", "workaround")
SHOWN: Final = ("output", "workflow", "team", "shown_at")
"""The columns of a list of outputs that were shown."""
_DECLARE: Final = (
    f"{{source: {FILE}, key: use, workflow: workflow, team: team, response: response, "
    f"values: {{acted_on: [{ACTED_ON}], overridden: [{OVERRIDDEN}], ignored: [{IGNORED}]}}, "
    "at: shown_at, workaround: workaround}"
)
_LONGEST: Final = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """One output in one workflow and team: what somebody did with it, empty where it was only shown."""

    output: str
    workflow: str
    team: str
    response: str
    at: datetime
    workaround: str = ""


def recorded_here(system: System) -> bool:
    """Whether the log that the system file names is the one that is kept here."""
    return system.change.log is not None and system.change.log.source == FILE


def workflows_of(system: System, team: str) -> tuple[str, ...]:
    """The workflows in which a team works with the outputs."""
    return tuple(name for name, workflow in system.workflows.items() if workflow.users == team)


def begin_log(workspace: Workspace) -> None:
    """Name the log in the system file, and begin it empty. Raises Refused where another one is named, Unreachable."""
    if workspace.system.change.log is not None:
        raise Refused(
            f"what people do is written in {workspace.system.change.log.source}",
            remedy="Let the workflow write it there; a second log would tell another story.",
        )
    if (workspace.base / FILE).exists():
        raise Refused(f"{FILE} stands in the system's folder already", remedy="Move it away, or name it in change.log.")
    by_hand = Refused(
        "change.log has no place in the system file that can be written safely",
        remedy=f"Write there by hand, under change: log: {_DECLARE}",
    )
    text = workspace.file.read_text(encoding="utf-8")
    found = added(text, Addition(path=("change",), key="log", value=_DECLARE))
    if found is None:
        raise by_hand
    try:
        declared = reread(workspace, found).system
    except SeatrialError:
        raise by_hand from None
    change = workspace.system.change.model_copy(update={"log": declared.change.log})
    if declared.model_dump(mode="json") != workspace.system.model_copy(update={"change": change}).model_dump(
        mode="json"
    ):
        raise by_hand
    write_log(workspace, ())
    replace_file(workspace.file, found.encode())


def kept_log(workspace: Workspace) -> tuple[Response, ...]:
    """What stands in the log that is kept here. Raises Refused where none is, Malformed for a file that is no log."""
    if not recorded_here(workspace.system):
        raise Refused("nothing is recorded here", remedy="Begin the log first: seatrial uses --begin.")
    try:
        text = (workspace.base / FILE).read_text(encoding="utf-8")
    except OSError as error:
        raise Unreachable(
            f"{FILE} cannot be read: {error.strerror or error}", remedy="Let the file be read, or begin the log anew."
        ) from None
    reader = csv.DictReader(io.StringIO(text, newline=""))
    found = []
    for row in reader:
        at = _time(row.get("shown_at") or "")
        if at is None or any(row.get(name) is None for name in COLUMNS):
            raise Malformed(
                f"{FILE}, line {reader.line_num}: this is no line of the log", remedy="Correct or remove that line."
            )
        found.append(
            Response(
                output=row["output"],
                workflow=row["workflow"],
                team=row["team"],
                response=row["response"],
                at=at,
                workaround=row["workaround"],
            )
        )
    return tuple(found)


def brought(table: MappedCsv, system: System, now: datetime) -> tuple[tuple[Response, ...], tuple[Bad, ...]]:
    """What a file tells of outputs, and every line that cannot be taken; an empty response says: it was only shown."""
    if missing := [name for name in (*SHOWN, "response") if name not in table.columns]:
        wanted = ",".join((*SHOWN, "response"))
        raise Refused(
            f"it has no column {', '.join(missing)}",
            remedy=f"Let its first line be {wanted}, and workaround where people wrote one.",
        )
    shown, bad = shown_outputs(table, system, now)
    refused = {each.line for each in bad}
    lines = [line for line in table.lines if line.number not in refused]
    found = []
    wrong = list(bad)
    for response, line in zip(shown, lines, strict=True):
        said, workaround = line.cells["response"], line.cells.get("workaround", "")
        if said not in ("", *WAYS):
            wrong.append(Bad(line=line.number, what=f"{said[:40]} is none of {', '.join(WAYS)}, or empty"))
        elif len(workaround) > _LONGEST or not workaround.isprintable():
            wrong.append(Bad(line=line.number, what=f"a workaround is one line of {_LONGEST} characters"))
        else:
            found.append(replace(response, response=said, workaround=workaround))
    return tuple(found), tuple(sorted(wrong, key=lambda b: b.line))


def add_to_log(workspace: Workspace, person: str, new: Iterable[Response]) -> int:
    """Write what was brought into the log, each once; how many are new. Raises Refused, Malformed, Unreachable."""
    permitted(workspace, person, Action.RECORD_EVENT)
    before = kept_log(workspace)
    known = set(before)
    fresh = tuple(dict.fromkeys(each for each in new if each not in known))
    write_log(workspace, (*before, *fresh))
    return len(fresh)


def write_log(workspace: Workspace, responses: Iterable[Response]) -> None:
    """Write the file that the check reads. A row that says only that an output was shown gives way to what was done."""
    listed = list(responses)
    said = {(each.output, each.workflow, each.team) for each in listed if each.response}
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for each in listed:
        if each.response or (each.output, each.workflow, each.team) not in said:
            at = each.at.astimezone(UTC).isoformat(timespec="seconds")
            # An output that two teams work with is used twice.
            use = f"{each.output} in {each.workflow}, {each.team}"
            writer.writerow([use, each.output, each.workflow, each.team, each.response, at, each.workaround])
    replace_file(workspace.base / FILE, text.getvalue().encode())


def said_problems(given: Mapping[str, str], workflows: Sequence[str]) -> dict[str, str]:
    """What is wrong with what somebody says of an output, by field."""
    problems = {}
    if not given["output"]:
        problems["output"] = "Say which output it is: its number, or whatever names it where you work."
    if given["response"] not in WAYS:
        problems["response"] = "Choose what became of it."
    if given["workflow"] not in workflows:
        problems["workflow"] = "Choose the workflow in which you work with it."
    for key in ("output", "workaround"):
        if len(given[key]) > _LONGEST or not given[key].isprintable():
            problems[key] = f"Keep it to one line of {_LONGEST} characters."
    return problems


def shown_outputs(table: MappedCsv, system: System, now: datetime) -> tuple[tuple[Response, ...], tuple[Bad, ...]]:
    """The outputs of a list of what was shown, and every line that cannot be read. Raises Refused for other columns."""
    if missing := [name for name in SHOWN if name not in table.columns]:
        raise Refused(f"it has no column {', '.join(missing)}", remedy=f"Let its first line be {','.join(SHOWN)}.")
    found: list[Response] = []
    bad = list(table.bad)
    for line in table.lines:
        cells = line.cells
        at = _time(cells["shown_at"])
        problem = ""
        if not cells["output"] or len(cells["output"]) > _LONGEST or not cells["output"].isprintable():
            problem = f"an output needs a name of up to {_LONGEST} characters"
        elif cells["workflow"] not in system.workflows:
            problem = f"{cells['workflow'][:40] or 'nothing'} is no declared workflow"
        elif not cells["team"] or cells["workflow"] not in workflows_of(system, cells["team"]):
            problem = f"{cells['team'][:40] or 'nobody'} does not work in {cells['workflow']}"
        elif at is None:
            problem = f"{cells['shown_at'][:40] or 'nothing'} is no time such as 2026-11-27T14:05:00Z"
        elif at > now:
            problem = f"{cells['shown_at'][:40]} lies in the future"
        if problem or at is None:
            bad.append(Bad(line=line.number, what=problem))
            continue
        found.append(
            Response(output=cells["output"], workflow=cells["workflow"], team=cells["team"], response="", at=at)
        )
    return tuple(found), tuple(sorted(bad, key=lambda b: b.line))


def _time(text: str) -> datetime | None:
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return None
    return at if at.tzinfo is not None else at.replace(tzinfo=UTC)
