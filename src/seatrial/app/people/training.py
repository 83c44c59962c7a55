"""Who uses the system, and who of them passed the questions of this version: by the rule that the check applies."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, TypeVar

from seatrial.app.folder.files import LocalFiles
from seatrial.app.folder.ledgers import read_ledger
from seatrial.app.folder.workspace import Workspace
from seatrial.app.people.quiz import questions_of
from seatrial.core.bodies import AttestationBody, ComprehensionBody, EventBody
from seatrial.core.record import Evidence, Record
from seatrial.core.records import verified_type
from seatrial.core.vocabulary import RecordType
from seatrial.domains.organization.questions import digest
from seatrial.domains.organization.training import ANSWERED, LEASE, RESULTS, own_answers, passed, reported
from seatrial.spec.users import User, load_users

B = TypeVar("B", AttestationBody, ComprehensionBody)
_TYPES: Final = {ComprehensionBody: RecordType.COMPREHENSION, AttestationBody: RecordType.ATTESTATION}


@dataclass(frozen=True, slots=True, kw_only=True)
class Passed:
    """That one user passed: when, until when it counts, and the record of it."""

    user: str
    at: datetime
    until: datetime
    asked: int
    right: int
    questions: str
    played_by: str
    record: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Team:
    """How many of one group of the user list passed."""

    name: str
    users: int
    passed: int


def users_of(workspace: Workspace) -> tuple[User, ...]:
    """The declared user list; empty where none is declared. Raises SeatrialError for one that cannot be read."""
    path = workspace.system.training.users
    return () if path is None else load_users(LocalFiles(workspace.base, {}).read(path), name=path)


def listed_users(workspace: Workspace) -> frozenset[str]:
    """The ids on the user list."""
    return frozenset(user.id for user in users_of(workspace))


def material_of(workspace: Workspace) -> str:
    """What users read before they answer; empty where nothing is declared or it says nothing. Raises SeatrialError."""
    path = workspace.system.training.material
    return "" if path is None else LocalFiles(workspace.base, {}).read(path).decode("utf-8", errors="replace").strip()


def passes(workspace: Workspace) -> Mapping[str, Passed]:
    """User to their newest pass of exactly the questions of now. Raises SeatrialError."""
    asked = digest(questions_of(workspace))
    said = list(_bodies(workspace, ComprehensionBody))
    by_record = {id(evidence.record): evidence for evidence, _ in said}
    pairs: list[tuple[Record, ComprehensionBody]] = [(evidence.record, body) for evidence, body in said]
    own = own_answers((evidence.record, body) for evidence, body in _bodies(workspace, AttestationBody, _own_answers))
    found = passed(workspace.system, pairs, own, asked, workspace.clock.now())
    return {
        user: Passed(
            user=user,
            at=record.at,
            until=record.at + LEASE,
            asked=body.asked,
            right=body.right,
            questions=asked,
            played_by=body.played_by,
            record=by_record[id(record)].digest,
        )
        for user, (record, body) in found.items()
    }


def elsewhere(workspace: Workspace) -> EventBody | None:
    """What another tool reported last on these questions and these users, observed; None where it did not."""
    path = workspace.system.training.users
    if path is None:
        return None
    known = read_ledger(workspace, quick=True).evidence.by(_results)
    events = [evidence.record for evidence in known.get(RecordType.EVENT, ())]
    return reported(events, digest(questions_of(workspace)), LocalFiles(workspace.base).digest(path))


def coverage(workspace: Workspace) -> tuple[Team, ...]:
    """By group of the user list, in alphabetical order, how many passed. Raises SeatrialError."""
    trained = passes(workspace)
    groups: dict[str, list[str]] = {}
    for user in users_of(workspace):
        groups.setdefault(user.group, []).append(user.id)
    return tuple(
        Team(name=name, users=len(ids), passed=sum(user in trained for user in ids))
        for name, ids in sorted(groups.items())
    )


def _bodies(
    workspace: Workspace, shape: type[B], key: Callable[[Evidence], RecordType | None] = verified_type
) -> Sequence[tuple[Evidence, B]]:
    return read_ledger(workspace, quick=True).evidence.bodies(_TYPES[shape], shape, key)


def _own_answers(evidence: Evidence) -> RecordType | None:
    """Of verified attestations those by which users signed their own answers."""
    return verified_type(evidence) if evidence.record.body.get("kind") == ANSWERED else None


def _results(evidence: Evidence) -> RecordType | None:
    """Of verified events those by which another tool's results were brought."""
    return verified_type(evidence) if evidence.record.body.get("kind") == RESULTS else None
