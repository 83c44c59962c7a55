"""The failure-mode register against the rows: which entries can be run, which are whole, and what each one covers."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from seatrial.core.bodies import AttestationBody
from seatrial.core.check import Trial
from seatrial.core.codec import CodecError, from_data
from seatrial.core.observation import Finding
from seatrial.core.vocabulary import RecordType, Weight
from seatrial.core.wording import percent
from seatrial.domains.model.condition_rows import RowConditions
from seatrial.domains.model.slices import Slice
from seatrial.domains.scored.rows import Ints, Mask
from seatrial.spec.failure_modes import FailureMode, load_failure_modes
from seatrial.spec.system import System
from seatrial.stats import proportions

CODES: Mapping[str, str] = {
    "no-register": "No failure-mode register is declared.",
    "incomplete-entry": "An entry of the register has no consequence, no handling or no owner.",
    "unknown-owner": "The owner of an entry is not declared, or has left.",
    "unknown-field": "An entry's condition names a field that the rows do not have.",
    "entry-too-broad": "An entry covers more than half of all rows, so it tells nobody anything.",
    "entry-not-weak": "Where an entry holds, the model is wrong less often than elsewhere.",
    "register-not-attested": "Nobody has attested the register as it is now.",
}
COVERS = 0.8
"""An entry answers a slice when it holds for at least this share of the slice's rows."""
_BROAD = 0.5
KIND = "failure-modes"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """An entry of the register that answers, with the rows that it covers."""

    mode: FailureMode
    rows: Mask


def declared_modes(system: System, trial: Trial) -> tuple[FailureMode, ...]:
    """The register's entries; empty when none is declared. Raises SeatrialError for an unreadable one."""
    if system.failure_modes is None:
        return ()
    return load_failure_modes(trial.files.read(system.failure_modes), name=system.failure_modes)


def entries(
    system: System, trial: Trial, modes: Sequence[FailureMode], conditions: RowConditions, rows: Ints
) -> tuple[list[Entry], list[Finding]]:
    """The entries that can answer a slice, and what is wrong with the others and with the register as a whole."""
    if system.failure_modes is None:
        return [], [
            Finding(
                code="no-register",
                summary="no failure-mode register is declared",
                fields=("failure_modes",),
                remedy="Declare failure_modes: a file with an entry for each way in which the system is wrong.",
                why="Nobody can handle a failure that nobody has written down.",
            )
        ]
    found: list[Entry] = []
    findings: list[Finding] = []
    today = trial.clock.now().date()
    gone = {p for p, person in system.people.items() if person.left_on is not None and person.left_on <= today}
    for mode in modes:
        problems = [*_incomplete(mode), *_owner(mode, system, gone), *_fields(mode, conditions)]
        mask = conditions.holds(mode.condition)[rows]
        if not problems and mask.size and float(mask.mean()) > _BROAD:
            problems = [_broad(mode, float(mask.mean()))]
        findings += problems
        if not problems:
            found.append(Entry(mode=mode, rows=mask))
    return found, [*findings, *_attested(system, trial)]


def not_weak(entry_list: Sequence[Entry], wrong: Mask, alpha: float) -> Iterator[Finding]:
    """Entries whose rows are surely better than the rest: somebody wrote down the wrong condition."""
    for entry in entry_list:
        inside, n = int(wrong[entry.rows].sum()), int(entry.rows.sum())
        if n in {0, wrong.size}:
            continue
        rest = float(wrong[~entry.rows].mean())
        if proportions.upper(inside, n, alpha) < rest:
            yield Finding(
                code="entry-not-weak",
                weight=Weight.NOTE,
                summary=f"where the register's entry {entry.mode.id} holds, the model is wrong in "
                f"{percent(inside / n)} of the rows, elsewhere in {percent(rest)}",
                fields=(entry.mode.id,),
                remedy="Look whether the condition says what was meant.",
            )


def answering(entry_list: Sequence[Entry], rows: Mask) -> Entry | None:
    """The entry that covers most of these rows, if it covers enough of them."""
    if not rows.any():
        return None
    shares = [(float(e.rows[rows].mean()), e) for e in entry_list]
    best = max(shares, key=lambda item: item[0], default=None)
    return best[1] if best is not None and best[0] >= COVERS else None


def covered(entry_list: Sequence[Entry], n: int) -> Mask:
    """The rows that any entry covers."""
    return np.any([e.rows for e in entry_list], axis=0) if entry_list else np.zeros(n, dtype=bool)


def proposed(weak: Slice) -> str:
    """An entry for the register to paste and to complete."""
    name = re.sub(r"[^a-z0-9]+", "-", weak.condition.text.lower()).strip("-")[:60] or "weak-slice"
    when = weak.condition.text.replace("'", "''")
    return f"- id: {name}\n  when: '{when}'\n  consequence: TODO\n  handling: TODO\n  owner: TODO\n"


def _incomplete(mode: FailureMode) -> Iterator[Finding]:
    absent = [
        what
        for what, value in (
            ("consequence", mode.consequence),
            ("handling", mode.handling),
            ("owner", mode.owner),
        )
        if not (value or "").strip()
    ]
    if absent:
        yield Finding(
            code="incomplete-entry",
            summary=f"the register's entry {mode.id} has no {' and no '.join(absent)}",
            fields=(mode.id,),
            remedy=f"Complete {mode.id}: what happens in the operation, what people then do, who answers for it.",
            why="A known failure that nobody handles costs as much as an unknown one.",
        )


def _owner(mode: FailureMode, system: System, gone: set[str]) -> Iterator[Finding]:
    if mode.owner and mode.owner.strip() and (mode.owner not in system.people or mode.owner in gone):
        state = "has left" if mode.owner in gone else "is not among the declared people"
        yield Finding(
            code="unknown-owner",
            summary=f"{mode.owner}, who owns the register's entry {mode.id}, {state}",
            fields=(mode.id,),
            remedy="Name a declared person.",
            why="A known failure that nobody handles costs as much as an unknown one.",
        )


def _fields(mode: FailureMode, conditions: RowConditions) -> Iterator[Finding]:
    unknown = conditions.unknown_fields(mode.condition)
    if unknown:
        yield Finding(
            code="unknown-field",
            summary=f"the register's entry {mode.id} looks at {', '.join(unknown)}, which no evaluation row has",
            fields=unknown,
            remedy="Correct the name; a name that is no plain word stands in backticks.",
            why="A condition that cannot be run is never true.",
        )


def _broad(mode: FailureMode, share: float) -> Finding:
    return Finding(
        code="entry-too-broad",
        summary=f"the register's entry {mode.id} holds for {percent(share)} of all rows",
        fields=(mode.id,),
        remedy="Say more narrowly when the system is wrong.",
        why="What is always the case tells nobody when to be careful.",
    )


def _attested(system: System, trial: Trial) -> Iterator[Finding]:
    path = system.failure_modes
    if path is None:
        return
    digest = trial.files.digest(path)
    for record in trial.records(RecordType.ATTESTATION):
        try:
            body = from_data(AttestationBody, record.body)
        except CodecError:
            continue
        if body.kind == KIND and body.digest == digest and record.by == f"person:{body.person}":
            return
    yield Finding(
        code="register-not-attested",
        summary=f"nobody has attested {path} as it is now",
        fields=("failure_modes",),
        remedy=f"Let the person who answers for operation attest {path}.",
        why="What nobody stands for is a list, not a decision.",
    )
