"""What runs inside a child process: one check or one stage of a run, from plain data alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from seatrial.app.folder.catalogue import check_by_id
from seatrial.app.folder.outside import Outside
from seatrial.app.folder.stages import measure_tables, score_tables
from seatrial.app.folder.workspace import Workspace, open_workspace
from seatrial.app.running.trial import InRun, OpenTrial
from seatrial.core.check import MeasureRequest
from seatrial.core.codec import from_data
from seatrial.core.errors import SeatrialError
from seatrial.core.observation import Finding, Json, Observation, Reason
from seatrial.core.ports import Say
from seatrial.core.vocabulary import Weight

Arguments = Mapping[str, Any]
"""`file`, `expected`, `work`, `digests`, and for a check also `check`, `due`, `parts`, `served`."""


def run_check(arguments: Arguments, seed: int, say: Say) -> Observation | Reason:
    """Run one check of the catalogue in its trial."""
    workspace = _workspace(arguments)
    check = check_by_id(arguments["check"])
    with Outside(workspace) as outside:
        trial = OpenTrial(
            workspace,
            outside,
            seed=seed,
            say=say,
            work=Path(arguments["work"]),
            parts=arguments["parts"],
            digests=arguments["digests"],
            of=InRun(check=check.id, due=arguments["due"], only_reads=check.only_reads),
        )
        result = check.run(workspace.system, trial)
        if isinstance(result, Observation):
            return _still_the_same(result, outside, arguments["served"])
        return result


def run_scoring(arguments: Arguments, _seed: int, say: Say) -> Mapping[str, Json]:
    """Score the declared tables through the model."""
    workspace = _workspace(arguments)
    with Outside(workspace) as outside:
        return score_tables(
            workspace,
            outside,
            work=Path(arguments["work"]),
            digests=arguments["digests"],
            tables=arguments["tables"],
            say=say,
        )


def run_measuring(arguments: Arguments, _seed: int, say: Say) -> Mapping[str, Json]:
    """Read every table once for the measures of all checks."""
    requests = [from_data(MeasureRequest, request) for request in arguments["requests"]]
    with Outside(_workspace(arguments)) as outside:
        return measure_tables(outside, work=Path(arguments["work"]), requests=requests, say=say)


def _workspace(arguments: Arguments) -> Workspace:
    return open_workspace(Path(arguments["file"]), expected=arguments["expected"])


def _still_the_same(observation: Observation, outside: Outside, served: Mapping[str, str]) -> Observation:
    """The same observation; where another model is served now than when the run began, an open finding says so.

    What does not answer any more is no proof of a change; whatever the check itself found of it stands.
    """
    changed = []
    for part, before in served.items():
        try:
            now = outside.model.identity() if part == "model" else outside.integration(part.partition(".")[2]).version()
        except SeatrialError:
            continue
        if now != before:
            changed.append(part)
    if not changed:
        return observation
    finding = Finding(
        code="changed-meanwhile",
        summary=f"{', '.join(changed)}: another version is served now than when the run began.",
        weight=Weight.OPEN,
        fields=tuple(changed),
        remedy="Keep the versions still while checks run, then run again.",
        why="It is not known which version this was observed on.",
    )
    return replace(observation, findings=(*observation.findings, finding))
