"""The failure-mode register beside what was confirmed: which slices have no entry, which entries nothing confirms.

All of it is read from the newest observation on record; nothing is executed here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from seatrial.app.folder.ledgers import read_ledger
from seatrial.app.folder.workspace import Workspace
from seatrial.app.watched.reacting import ALARM, OFFLINE
from seatrial.core.bodies import EventBody, ObservationBody
from seatrial.core.errors import Refused, Unreachable
from seatrial.core.observation import Finding, Observation
from seatrial.core.vocabulary import RecordType
from seatrial.domains.model.failure_modes import REQUIREMENT
from seatrial.spec.conditions import ConditionError, parse_condition
from seatrial.spec.failure_modes import FailureMode, draft_entry, load_failure_modes, with_drafts

_CONFIRMED = ("unanswered-failure-mode", "answered-failure-mode", "small-failure-mode")
_STATES = {
    "fixed-failure-mode": "fixed",
    "entry-not-weak": "not worse",
    "unconfirmed-entry": "unconfirmed",
    "entry-too-broad": "too broad",
    "unknown-field": "cannot be run",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """An entry of the register. `state` is `answers`, `stands`, `not looked at` or what is the matter with it.

    `slices` are the confirmed ones that it answers, `absent` what is left to decide in it.
    """

    mode: FailureMode
    state: str
    seen: str
    slices: tuple[str, ...]
    absent: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Weak:
    """A confirmed slice without an entry: when it holds, the sentence about it, and whether it is a gap.

    Or where an alarm after launch concentrated, which nobody has searched for since: never a gap by itself.
    """

    when: str
    summary: str
    gap: bool
    seen: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """The register at `path` against the observation of `observed_at`.

    `gone` are slices that an earlier observation confirmed and this one does not, over no fields that it still does.
    """

    path: str | None
    observed_at: datetime
    entries: tuple[Entry, ...]
    unanswered: tuple[Weak, ...]
    gone: tuple[str, ...]


def compare(workspace: Workspace) -> Comparison:
    """The register against the newest observation. Raises Unreachable where there is none, SpecErrors for the file."""
    observed = list(_observations(workspace))
    if not observed:
        raise Unreachable(
            "no weak slices were looked for yet", remedy=f"Run `seatrial run --only {REQUIREMENT}` first."
        )
    at, newest = observed[-1]
    modes = _modes(workspace)
    known = {mode.when for mode in modes}
    met = {each.when: each for each in _after_launch(workspace) if each.seen > at}
    open_slices = [f for f in newest.findings if f.code in _CONFIRMED and f.detail.get("entry") is None]
    return Comparison(
        path=workspace.system.failure_modes,
        observed_at=at,
        entries=tuple(_entry(mode, newest) for mode in modes),
        unanswered=tuple(
            each
            for each in (
                *(Weak(when=_when(f), summary=f.summary, gap=f.code == _CONFIRMED[0], seen=at) for f in open_slices),
                *met.values(),
            )
            if each.when not in known
        ),
        gone=tuple(_gone([each for _, each in observed[:-1]], newest)),
    )


def add_drafts(workspace: Workspace, found: Comparison) -> int:
    """Write an entry to complete for each slice without one; how many. Raises Refused without a declared register."""
    if found.path is None:
        raise Refused(
            "the system file names no register", remedy="Declare failure_modes: failure-modes.yaml, and ask again."
        )
    file = workspace.base / found.path
    text = file.read_bytes() if file.exists() else b""
    taken = {entry.mode.id for entry in found.entries}
    drafts = []
    for each in found.unanswered:
        remark = f"{each.summary} Seen {each.seen:%Y-%m-%d}."
        drafts.append(draft_entry(each.when, remark=remark, taken=taken))
        taken.add(drafts[-1].splitlines()[0].removeprefix("- id: "))
    if drafts:
        _replace(file, with_drafts(text, drafts, name=found.path))
    return len(drafts)


def _observations(workspace: Workspace) -> Iterator[tuple[datetime, Observation]]:
    """Every observation of this requirement on record, oldest first."""
    for evidence, body in read_ledger(workspace, quick=False).bodies(RecordType.OBSERVATION, ObservationBody):
        if body.requirement == REQUIREMENT and body.observation is not None:
            yield evidence.record.at, body.observation


def _after_launch(workspace: Workspace) -> Iterator[Weak]:
    """Where the alarms of the watch concentrated: what has happened is a candidate for the register."""
    for evidence, body in read_ledger(workspace, quick=False).bodies(RecordType.EVENT, EventBody):
        where = body.detail.get("where")
        if body.kind in (ALARM, OFFLINE) and isinstance(where, str):
            with suppress(ConditionError):
                when = parse_condition(where).text
                summary = f"After launch: {body.summary}; it concentrated when {when}."
                yield Weak(when=when, summary=summary, gap=False, seen=evidence.record.at)


def _modes(workspace: Workspace) -> Sequence[FailureMode]:
    path = workspace.system.failure_modes
    file = None if path is None else workspace.base / path
    text = file.read_bytes() if file is not None and file.exists() else b""
    return load_failure_modes(text, name=str(path)) if text.strip() else ()


def _entry(mode: FailureMode, newest: Observation) -> Entry:
    about = [f for f in newest.findings if f.code in _STATES and mode.id in (*f.fields, f.detail.get("entry"))]
    slices = tuple(_when(f) for f in newest.findings if f.code in _CONFIRMED and f.detail.get("entry") == mode.id)
    said: Mapping[str, str | None] = {
        "consequence": mode.consequence,
        "handling": mode.handling,
        "owner": mode.owner,
    }
    state = _STATES[about[0].code] if about else "answers" if slices else "stands"
    return Entry(
        mode=mode,
        state=state,
        seen=about[0].summary if about else "",
        slices=slices,
        absent=tuple(name for name, value in said.items() if not (value or "").strip()),
    )


def _gone(earlier: Sequence[Observation], newest: Observation) -> Iterator[str]:
    still = {frozenset(f.fields) for f in newest.findings if f.code in _CONFIRMED}
    told: set[str] = set()
    for observation in reversed(earlier):
        for each in observation.findings:
            if each.code not in _CONFIRMED or _when(each) in told:
                continue
            told.add(_when(each))
            if frozenset(parse_condition(_when(each)).fields) not in still:
                yield _when(each)


def _when(finding: Finding) -> str:
    return str(finding.detail.get("when", ""))


def _replace(file: Path, content: bytes) -> None:
    """In one step, so that nobody ever reads half a register."""
    beside = file.with_name(f".{file.name}.new")
    beside.write_bytes(content)
    beside.replace(file)
