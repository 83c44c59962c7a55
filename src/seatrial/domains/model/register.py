"""The failure-mode register against the rows: which entries can be run, which are whole, and what each one covers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from seatrial.core.bodies import AttestationBody
from seatrial.core.check import Trial
from seatrial.core.codec import CodecError, from_data
from seatrial.core.observation import Finding
from seatrial.core.vocabulary import RecordType, Weight
from seatrial.core.wording import percent
from seatrial.domains.acceptance import gone
from seatrial.domains.model.condition_rows import RowConditions
from seatrial.domains.model.loss import Loss
from seatrial.domains.scored.rows import Ints, Mask
from seatrial.spec.failure_modes import FailureMode
from seatrial.spec.system import System

CODES: Mapping[str, str] = {
    "no-register": "No failure-mode register is declared.",
    "incomplete-entry": "An entry of the register has no consequence, no handling or no owner.",
    "unknown-owner": "The owner of an entry is not declared, or has left.",
    "unknown-field": "An entry's condition names a field that the rows do not have.",
    "entry-too-broad": "An entry covers more than half of all rows, so it tells nobody anything.",
    "entry-not-weak": "Where an entry holds, the model is wrong less often than elsewhere.",
    "fixed-failure-mode": "Where an entry holds, the model is no worse than elsewhere any more.",
    "unconfirmed-entry": "The rows neither show that the model is worse where an entry holds, nor that it is not.",
    "register-not-attested": "Nobody has attested the register as it is now.",
}
COVERS = 0.8
"""An entry answers a slice when it holds for at least this share of the slice's rows."""
_WIDEST, _EXCESS = 3.0, 0.5
"""An entry that is wider than so many times the slice must have this share of its excess errors there."""
_BROAD = 0.5
KIND = "failure-modes"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """An entry of the register that answers, with the rows that it covers."""

    mode: FailureMode
    rows: Mask


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


def outdated(entry_list: Sequence[Entry], loss: Loss, alpha: float, *, rise: float, part: float) -> Iterator[Finding]:
    """Entries whose rows are not worse than the rest: the condition is wrong, the weakness was fixed, or nobody knows.

    Fixed is what is certainly worse by less than the harm that matters, and not shown to be worse at all.
    """
    for entry in entry_list:
        if entry.rows.all():
            continue
        rest = loss.mean(~entry.rows)
        highest = loss.bounds(entry.rows, alpha)[1]
        if entry.rows.any() and loss.more(entry.rows) <= alpha:
            continue
        if highest < rest:
            yield _outdated("entry-not-weak", entry, loss, rest, "Look whether the condition says what was meant.")
        elif highest < loss.harmful(rest, rise=rise, part=part):
            yield _outdated("fixed-failure-mode", entry, loss, rest, "Take the entry out, or keep it as a reminder.")
        else:
            yield _outdated(
                "unconfirmed-entry", entry, loss, rest, "Label more rows like these, or take the entry out."
            )


def _outdated(code: str, entry: Entry, loss: Loss, rest: float, remedy: str) -> Finding:
    n = int(entry.rows.sum())
    seen = "there is no row"
    if n:
        seen = f"the model is wrong in {loss.worded(loss.mean(entry.rows))} of the rows, elsewhere in "
        seen = f"{seen}{loss.worded(rest)}"
    said = {
        "entry-not-weak": f"where the register's entry {entry.mode.id} holds, {seen}",
        "fixed-failure-mode": f"the register's entry {entry.mode.id} is fixed: where it holds, {seen}",
        "unconfirmed-entry": f"the rows do not confirm the register's entry {entry.mode.id}: where it holds, {seen}",
    }
    return Finding(
        code=code,
        weight=Weight.NOTE,
        summary=said[code],
        fields=(entry.mode.id,),
        remedy=remedy,
        detail={
            "entry": entry.mode.id,
            "rows": n,
            "error": loss.mean(entry.rows) if loss.weight(entry.rows) > 0.0 else None,
            "rest": rest,
        },
    )


def answering(entry_list: Sequence[Entry], rows: Mask, loss: Loss, *, rise: float, part: float) -> Entry | None:
    """The entry that covers most of these rows, among those that are about them, if it covers enough of them."""
    if not rows.any():
        return None
    shares = [(float(e.rows[rows].mean()), e) for e in entry_list if about(e, rows, loss, rise=rise, part=part)]
    best = max(shares, key=lambda item: item[0], default=None)
    return best[1] if best is not None and best[0] >= COVERS else None


def too_wide(entry_list: Sequence[Entry], rows: Mask) -> Entry | None:
    """The widest entry that covers these rows; to be told where none answers them."""
    over = [e for e in entry_list if rows.any() and float(e.rows[rows].mean()) >= COVERS]
    return max(over, key=lambda e: int(e.rows.sum()), default=None)


def about(entry: Entry, rows: Mask, loss: Loss, *, rise: float, part: float) -> bool:
    """Whether what the entry says is about these rows, and not mainly about others.

    It is where the entry is hardly wider than they are, or is weak mainly because of them: each way no entry is about
    more than two or three weaknesses that have nothing in common. And it is where the entry as a whole is weak and
    these rows are not worse than its others by the harm that matters, so that what it says of all of them is true of
    these too.
    """
    inside = entry.rows & rows
    if not inside.any():
        return False
    if int(entry.rows.sum()) <= _WIDEST * int(rows.sum()):
        return True
    rest, size, here = loss.mean(~entry.rows), loss.weight(entry.rows), loss.weight(inside)
    excess = loss.total(entry.rows) - rest * size
    if not excess > 0.0:
        return False
    errors = loss.total(inside)
    others = (loss.total(entry.rows) - errors) / (size - here) if size > here else 0.0
    small = here > 0.0 and errors / here < loss.harmful(others, rise=rise, part=part)
    return errors - rest * here >= _EXCESS * excess or small


def covered(entry_list: Sequence[Entry], rows: Mask, loss: Loss, *, rise: float, part: float) -> Mask:
    """The rows that any entry covers that is about `rows`."""
    told = [e.rows for e in entry_list if about(e, rows, loss, rise=rise, part=part)]
    return np.any(told, axis=0) if told else np.zeros(rows.size, dtype=bool)


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
        said = (body.kind, body.digest, record.by) == (KIND, digest, f"person:{body.person}")
        if said and not gone(system, trial, body.person):
            return
    yield Finding(
        code="register-not-attested",
        summary=f"nobody has attested {path} as it is now",
        fields=("failure_modes",),
        remedy=f"Let the person who answers for operation attest {path}.",
        why="What nobody stands for is a list, not a decision.",
    )
