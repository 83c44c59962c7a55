"""The comprehension check: the questions of this version, and one user's answers, marked here and put on record."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from seatrial.adapters.store.artifacts import ArtifactFolder
from seatrial.app.files import LocalFiles
from seatrial.app.ledgers import keystore, known, open_ledger, record
from seatrial.app.workspace import Workspace
from seatrial.core.bodies import ComprehensionBody
from seatrial.core.errors import Refused
from seatrial.core.record import Evidence
from seatrial.core.vocabulary import RecordType
from seatrial.domains.organization.questions import Question, digest, questions
from seatrial.spec.failure_modes import load_failure_modes
from seatrial.spec.users import load_users


@dataclass(frozen=True, slots=True, kw_only=True)
class Marked:
    """How one user did."""

    asked: int
    right: int
    passed: bool
    wrong: tuple[Question, ...]
    evidence: Evidence


def questions_of(workspace: Workspace) -> tuple[Question, ...]:
    """The questions of this version; empty when there is nothing to ask about. Raises SeatrialError."""
    system = workspace.system
    files = LocalFiles(workspace.base, {})
    path = system.failure_modes
    return questions(system, () if path is None else load_failure_modes(files.read(path), name=path))


def answer(workspace: Workspace, user: str, answers: Sequence[int], *, played_by: str = "") -> Marked:
    """Mark one user's answers (an option's index for each question) and put the result on record.

    The answers themselves go into an erasable artifact. Raises Refused for somebody who is not on the user list, or
    another number of answers than questions.
    """
    asked = questions_of(workspace)
    _listed(workspace, user)
    if not asked or len(answers) != len(asked):
        raise Refused(
            f"{len(answers)} answers to {len(asked)} questions", remedy="Answer each question of this version once."
        )
    wrong = tuple(q for q, given in zip(asked, answers, strict=True) if given != q.right)
    right = len(asked) - len(wrong)
    kept = json.dumps({"user": user, "answers": list(answers)}, sort_keys=True).encode()
    body = ComprehensionBody(
        user=user,
        questions=digest(asked),
        asked=len(asked),
        right=right,
        answers=ArtifactFolder(workspace.folder / "artifacts").put(kept, media_type="application/json"),
        played_by=played_by,
    )
    signer = known(workspace, keystore(workspace).worker())
    with open_ledger(workspace) as ledger:
        evidence = record(ledger, signer, workspace, RecordType.COMPREHENSION, body)
    passed = right / len(asked) >= workspace.system.training.passing
    return Marked(asked=len(asked), right=right, passed=passed, wrong=wrong, evidence=evidence)


def _listed(workspace: Workspace, user: str) -> None:
    path = workspace.system.training.users
    if path is None:
        raise Refused("no user list is declared", remedy="Name it in training.users.")
    listed = load_users(LocalFiles(workspace.base, {}).read(path), name=path)
    if user not in {u.id for u in listed}:
        raise Refused(f"{user} is not on the user list {path}", remedy="Add them to the list, or correct the id.")
