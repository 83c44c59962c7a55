"""What reports of outputs that users do not trust say together: conditions under which such outputs come up again.

A report is a record of use and no evidence: nothing here is written into the ledger.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from seatrial.app.folder.files import LocalFiles
from seatrial.app.folder.stages import inputs_of
from seatrial.app.folder.workspace import Workspace
from seatrial.core.errors import SeatrialError
from seatrial.domains.condition_words import spoken_text
from seatrial.spec.conditions import ConditionError, parse_condition
from seatrial.spec.failure_modes import FailureMode, draft_entry, load_failure_modes

REPEATED = 2
"""Different outputs under one condition that make it a candidate."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """One report: the output, and when such outputs come up, empty where the reporter did not say."""

    output: str
    condition: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A condition that was reported for several outputs and that no entry of the register answers.

    `draft` is the entry as YAML with what people must decide left open; empty where the words are no condition yet.
    """

    condition: str
    outputs: int
    first: datetime
    last: datetime
    draft: str


def known_conditions(workspace: Workspace) -> tuple[str, ...]:
    """The conditions that the system file and its register name already, in words, as a choice for the reporter.

    Inputs go by the names that people have for them. A report that takes one of these over means that condition.
    """
    return tuple(_in_words(workspace))


def _in_words(workspace: Workspace) -> Mapping[str, str]:
    """The known conditions, by how they are put in words."""
    declared = [*(rule.when for rule in workspace.system.do_not_trust), *(mode.when for mode in _register(workspace))]
    try:
        inputs = inputs_of(workspace, LocalFiles(workspace.base)) or {}
    except SeatrialError:
        # A file of inputs that cannot be read is for the checks to tell; conditions then keep the columns' names.
        inputs = {}
    found: dict[str, str] = {}
    for when in declared:
        found.setdefault(spoken_text(when, inputs), when)
    return found


def candidates(workspace: Workspace, reports: Iterable[Said]) -> tuple[Candidate, ...]:
    """What was reported for `REPEATED` outputs or more and is not in the register, the most reported first."""
    register = _register(workspace)
    answered = {_same(mode.when) for mode in register}
    taken = {mode.id for mode in register}
    meant = {_same(words): when for words, when in _in_words(workspace).items()}
    groups: dict[str, list[Said]] = {}
    for report in reports:
        condition = meant.get(_same(report.condition), report.condition)
        if condition.strip() and _same(condition) not in answered:
            groups.setdefault(_same(condition), []).append(replace(report, condition=condition))
    found = [_candidate(group, taken) for group in groups.values() if len(_outputs(group)) >= REPEATED]
    return tuple(sorted(found, key=lambda each: (-each.outputs, each.condition)))


def _candidate(group: Sequence[Said], taken: set[str]) -> Candidate:
    newest = max(group, key=lambda report: report.at)
    first, outputs = min(report.at for report in group), len(_outputs(group))
    draft = ""
    try:
        parse_condition(newest.condition)
    except ConditionError:
        pass
    else:
        remark = f"Reported by users for {outputs} outputs, {first:%Y-%m-%d} to {newest.at:%Y-%m-%d}."
        draft = draft_entry(newest.condition, remark=remark, taken=taken)
    return Candidate(condition=newest.condition, outputs=outputs, first=first, last=newest.at, draft=draft)


def _outputs(group: Sequence[Said]) -> set[str]:
    return {report.output for report in group}


def _same(condition: str) -> str:
    """What two conditions have in common that differ in spaces and case alone."""
    return " ".join(condition.split()).casefold()


def _register(workspace: Workspace) -> Sequence[FailureMode]:
    """The register's entries; none where it cannot be read, which is for the check of the register to tell."""
    path = workspace.system.failure_modes
    if path is None:
        return ()
    try:
        return load_failure_modes(LocalFiles(workspace.base, {}).read(path), name=path)
    except SeatrialError:
        return ()
