"""The comprehension check: the questions of this version, and one user's answers, marked here and put on record."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import takewhile
from typing import Final

from seatrial.adapters.signers.keystore import Ed25519Signer
from seatrial.adapters.store.artifacts import ArtifactFolder
from seatrial.app.folder.files import LocalFiles
from seatrial.app.folder.ledgers import keystore, known, open_ledger, read_ledger, record
from seatrial.app.folder.stages import inputs_of
from seatrial.app.folder.trusting import established
from seatrial.app.folder.workspace import Workspace
from seatrial.core.bodies import AttestationBody, ComprehensionBody
from seatrial.core.errors import Refused
from seatrial.core.record import Evidence
from seatrial.core.vocabulary import RecordType
from seatrial.core.wording import percent
from seatrial.domains.organization.questions import Question, digest, questions
from seatrial.domains.organization.training import ANSWERED
from seatrial.spec.failure_modes import load_failure_modes
from seatrial.spec.users import load_users

_PAUSE: Final = timedelta(minutes=15)
"""After a failed attempt; each further one in a row doubles it."""
_LONGEST_PAUSE: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempts:
    """How often a user answered the questions of now, and from when on they may answer again after having failed."""

    made: int
    again_at: datetime | None


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
    modes = () if path is None else load_failure_modes(files.read(path), name=path)
    return questions(system, modes, inputs_of(workspace, files) or {})


def facts_of(workspace: Workspace) -> Mapping[str, str]:
    """By question what the last run saw of the case that it asks about; empty before there was one.

    That is told beside a question and is no part of it: another run with other figures makes nobody untrained.
    """
    try:
        seen = established(workspace)
    except Refused:
        return {}
    return {
        rule["id"]: f"When {rule['words']}, {percent(rule['wrong']['value'])} of {rule['rows']:,} outputs were "
        f"{seen['wrong_means']}, against {percent(rule['wrong_elsewhere'])} elsewhere."
        for rule in seen["rules"]
        if rule["wrong"] is not None and rule["wrong_elsewhere"] is not None
    }


def attempts(workspace: Workspace, user: str) -> Attempts:
    """What the user has answered to the questions of now. Raises SeatrialError."""
    asked, mark = digest(questions_of(workspace)), workspace.system.training.passing
    made = [
        (evidence.record.at, body.asked > 0 and body.right / body.asked >= mark)
        for evidence, body in read_ledger(workspace, quick=True).bodies(RecordType.COMPREHENSION, ComprehensionBody)
        if (body.user, body.questions) == (user, asked)
    ]
    failed = list(takewhile(lambda each: not each[1], reversed(made)))
    if not failed:
        return Attempts(made=len(made), again_at=None)
    pause = min(_PAUSE * 2 ** min(len(failed) - 1, 10), _LONGEST_PAUSE)
    return Attempts(made=len(made), again_at=failed[0][0] + pause)


def answer(
    workspace: Workspace,
    user: str,
    answers: Sequence[int],
    *,
    signer: Ed25519Signer | None = None,
    site: bool = False,
    played_by: str = "",
) -> Marked:
    """Mark one user's answers (an option's index for each question) and put the result on record.

    The answers themselves go into an erasable artifact. They are the user's where `signer` holds the user's own key,
    with which their digest is signed, or where the user is signed in to the `site`; others train nobody, but for
    `played_by` under a policy for demonstration. Raises Refused for somebody who is not on the user list, another
    number of answers than questions, and before the pause after a failed attempt is over.
    """
    asked = questions_of(workspace)
    _listed(workspace, user)
    if not (site or played_by or (signer is not None and signer.holder == f"person:{user}")):
        raise Refused(f"nothing shows that {user} gives these answers", remedy="Answer with your own key, or sign in.")
    if not played_by:
        _rested(workspace, user)
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
        site=site,
    )
    marking = known(workspace, keystore(workspace).worker())
    with open_ledger(workspace) as ledger:
        if signer is not None:
            own = AttestationBody(person=user, kind=ANSWERED, document=body.questions, digest=body.answers)
            record(ledger, known(workspace, signer), workspace, RecordType.ATTESTATION, own)
        evidence = record(ledger, marking, workspace, RecordType.COMPREHENSION, body)
    passed = right / len(asked) >= workspace.system.training.passing
    return Marked(asked=len(asked), right=right, passed=passed, wrong=wrong, evidence=evidence)


def own_key(workspace: Workspace, user: str) -> Ed25519Signer:
    """The user's key on this machine. Raises Refused where the trust root does not know it, or the user is unlisted."""
    _listed(workspace, user)
    return known(workspace, keystore(workspace).person(user))


def _rested(workspace: Workspace, user: str) -> None:
    again_at = attempts(workspace, user).again_at
    if again_at is not None and workspace.clock.now() < again_at:
        raise Refused(
            f"{user} did not pass a while ago and may answer again at {again_at:%Y-%m-%d %H:%M} UTC",
            remedy="Read the material again until then.",
        )


def _listed(workspace: Workspace, user: str) -> None:
    path = workspace.system.training.users
    if path is None:
        raise Refused("no user list is declared", remedy="Name it in training.users.")
    listed = load_users(LocalFiles(workspace.base, {}).read(path), name=path)
    if user not in {u.id for u in listed}:
        raise Refused(f"{user} is not on the user list {path}", remedy="Add them to the list, or correct the id.")
