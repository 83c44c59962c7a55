"""Do the people who use it know what it can and cannot do: all listed users passed the questions of this version."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from contextlib import suppress
from datetime import datetime, timedelta
from typing import TypeAlias

from seatrial.core.bodies import AttestationBody, ComprehensionBody, EventBody
from seatrial.core.check import Check, Trial
from seatrial.core.codec import CodecError, from_data
from seatrial.core.observation import Figure, Finding, Measure, Observation, Reason, Threshold
from seatrial.core.record import Record
from seatrial.core.vocabulary import MeasureKind, RecordType, Sense, Weight
from seatrial.domains.acceptance import statements
from seatrial.domains.declared_modes import declared_modes
from seatrial.domains.organization.questions import digest, questions
from seatrial.domains.sending import inputs_of
from seatrial.spec.system import System
from seatrial.spec.users import User, load_users

_ID = "organization.training"
_COVERAGE = "share of users who passed the questions of this version"
_LOWEST = "lowest share of right answers that passed"
_ATTEMPTS = "most attempts of one who passed"
ANSWERED = "comprehension"
"""The kind of the attestation by which a user signs their answers to the questions that it names."""
Answers: TypeAlias = "tuple[str, str, str]"
"""User, digest of the questions, digest of their answers."""
_ELSEWHERE = "share of users whom another tool reports as passed"
RESULTS = "training-results"
"""The kind of the event that results of a course elsewhere were taken over."""
LEASE = timedelta(days=365)
"""So long a pass counts."""
_CODES = {
    "no-user-list": "No list of the people who use the system is declared.",
    "nothing-to-ask": "The system declares no failure modes, rules or fallbacks that users could be asked about.",
    "no-material": "No training material is declared, or it cannot be read.",
    "not-trained": "Listed users have not passed the comprehension check of this version.",
    "played": "Answers were given by a script, not by people; they count under a policy for demonstration only.",
}


def _run(system: System, trial: Trial) -> Observation | Reason:
    if system.training.users is None:
        return _gap(
            "no-user-list",
            "Nobody can say who uses the system: no user list is declared.",
            "training.users",
            "List the people who use it (a CSV file with the columns id and group) in training.users.",
        )
    users = load_users(trial.files.read(system.training.users), name=system.training.users)
    asked = questions(system, declared_modes(system, trial), inputs_of(system, trial))
    if not asked:
        return _gap(
            "nothing-to-ask",
            "There is nothing to ask the users about: no failure modes, rules or fallbacks are declared.",
            "failure_modes",
            "Complete the failure-mode register first; the questions are drawn from it.",
        )
    said = statements(trial, RecordType.COMPREHENSION, ComprehensionBody)
    own = own_answers(statements(trial, RecordType.ATTESTATION, AttestationBody))
    of_now = digest(asked)
    trained = {user: body for user, (_, body) in passed(system, said, own, of_now, trial.clock.now()).items()}
    missing = [u for u in users if u.id not in trained]
    findings = [*_untrained(missing, users), *_material(system, trial)]
    played = sorted({b.played_by for b in trained.values() if b.played_by})
    if played:
        findings.append(
            Finding(
                code="played",
                summary=f"The answers were played by {', '.join(played)}, not given by people.",
                weight=Weight.NOTE,
            )
        )
    share = (len(users) - len(missing)) / len(users)
    return Observation(
        done=f"Drew {len(asked)} questions from the failure modes, do-not-trust rules and fallbacks of "
        f"this version, and "
        f"looked up for each of {len(users)} listed users whether they passed exactly these in the last year.",
        measures=(
            Measure(
                name=_COVERAGE,
                value=share,
                lower=share,
                upper=share,
                limit=1.0,
                sense=Sense.AT_LEAST,
                unit="share",
                n=len(users),
                method="count of all listed users",
                needed=len(missing) or None,
                needed_unit="users",
            ),
            *_lowest(system, list(trained.values())),
            _attempts(trained, [body for _, body in said if body.questions == of_now]),
            *_elsewhere(system, trial, of_now, len(users)),
            Measure(name="questions asked", value=float(len(asked)), kind=MeasureKind.INFORMATIVE, n=len(asked)),
        ),
        findings=tuple(findings),
        figures=(_figure(users, trained),),
        proof=len(users) - len(missing),
    )


def _gap(code: str, summary: str, field: str, remedy: str) -> Observation:
    finding = Finding(
        code=code,
        summary=summary,
        fields=(field,),
        why="An output that its reader does not understand does harm even when it is right.",
        remedy=remedy,
    )
    return Observation(done="Looked for the people who use the system and what they must know.", findings=(finding,))


def own_answers(attested: Iterable[tuple[Record, AttestationBody]]) -> frozenset[Answers]:
    """The answers that users signed with their own keys."""
    return frozenset(
        (body.person, body.document, body.digest)
        for record, body in attested
        if body.kind == ANSWERED and record.by == f"person:{body.person}"
    )


def passed(
    system: System,
    said: Iterable[tuple[Record, ComprehensionBody]],
    own: AbstractSet[Answers],
    asked: str,
    now: datetime,
) -> Mapping[str, tuple[Record, ComprehensionBody]]:
    """User to the newest record by which they passed. `said` is oldest first, `asked` the digest of the questions.

    Whose answers they are must be known: their own key signed them (`own`), or they were signed in to the site.
    """
    found: dict[str, tuple[Record, ComprehensionBody]] = {}
    for record, body in said:
        if body.questions != asked or record.at <= now - LEASE or not 0 <= body.right <= body.asked or body.asked == 0:
            continue
        # Nobody marks their own answers.
        if not record.by.startswith("worker:"):
            continue
        theirs = body.site or (body.user, body.questions, body.answers) in own
        if not (system.policy.demonstration if body.played_by else theirs):
            continue
        if body.right / body.asked >= system.training.passing:
            found[body.user] = (record, body)
    return found


def _attempts(trained: Mapping[str, ComprehensionBody], said: Sequence[ComprehensionBody]) -> Measure:
    """How often those answered who passed: who tries all answers learns which are right, and nothing else."""
    most = max(Counter(body.user for body in said if body.user in trained).values(), default=0)
    return Measure(name=_ATTEMPTS, value=float(most), kind=MeasureKind.INFORMATIVE, n=len(trained))


def reported(events: Iterable[Record], asked: str, listed: str) -> EventBody | None:
    """What another tool reported last, about exactly these questions and this user list; None where it did not."""
    newest = None
    for record in events:
        with suppress(CodecError):
            body = from_data(EventBody, record.body)
            about = (body.kind, body.detail.get("questions"), body.detail.get("users"))
            if record.by.startswith("worker:") and about == (RESULTS, asked, listed):
                newest = body
    return newest


def _elsewhere(system: System, trial: Trial, asked: str, users: int) -> Sequence[Measure]:
    """Shown beside what was executed here, and judged by nothing: another tool asked other questions."""
    listed = trial.files.digest(str(system.training.users))
    body = reported(trial.records(RecordType.EVENT), asked, listed)
    if body is None or not isinstance(passed := body.detail.get("passed"), int) or not 0 <= passed <= users:
        return ()
    return (
        Measure(
            name=_ELSEWHERE,
            value=passed / users,
            kind=MeasureKind.INFORMATIVE,
            unit="share",
            n=users,
            method=f"observed, as {body.detail.get('source')} reports",
        ),
    )


def _lowest(system: System, trained: Sequence[ComprehensionBody]) -> Sequence[Measure]:
    """The weakest pass, so that a pass mark that is raised later is held against it."""
    if not trained:
        return ()
    share = min(body.right / body.asked for body in trained)
    limit = system.training.passing
    return (
        Measure(
            name=_LOWEST,
            value=share,
            lower=share,
            upper=share,
            limit=limit,
            sense=Sense.AT_LEAST,
            unit="share",
            n=len(trained),
            method="count of right answers",
        ),
    )


def _untrained(missing: Sequence[User], users: Sequence[User]) -> Sequence[Finding]:
    if not missing:
        return ()
    groups = sorted({u.group for u in missing if u.group})
    where = f", in {', '.join(groups)}" if groups else ""
    return (
        Finding(
            code="not-trained",
            summary=f"{len(missing)} of {len(users)} listed users have not passed the questions of this "
            f"version{where}.",
            fields=tuple(u.id for u in missing[:20]),
            explains=(_COVERAGE,),
            why="They will act on outputs that are known not to be trusted, or work around all of them.",
            remedy=f"Have these {len(missing)} read the material and answer themselves: in the site's "
            "training room, or with a key of their own: seatrial quiz --user ID.",
        ),
    )


def _material(system: System, trial: Trial) -> Sequence[Finding]:
    path = system.training.material
    if path is not None and trial.files.read(path).strip():
        return ()
    return (
        Finding(
            code="no-material",
            summary="No training material is declared." if path is None else f"The training material {path} is empty.",
            fields=("training.material",),
            why="Whoever joins later has nothing to learn from.",
            remedy="Write down what it cannot do, and name the file in training.material.",
        ),
    )


def _figure(users: Sequence[User], trained: Mapping[str, ComprehensionBody]) -> Figure:
    rows = tuple({"name": u.group or "users", "state": "passed" if u.id in trained else "not passed"} for u in users)
    return Figure(kind="people", title="Who passed the questions of this version", rows=rows)


def _limits(system: System) -> Sequence[Threshold]:
    return (
        Threshold(requirement=_ID, measure=_COVERAGE, sense=Sense.AT_LEAST, limit=1.0, unit="share"),
        Threshold(requirement=_ID, measure=_LOWEST, sense=Sense.AT_LEAST, limit=system.training.passing, unit="share"),
    )


CHECK: Check[System] = Check(
    id=_ID,
    requirement=_ID,
    version=2,
    title="Comprehension of this version",
    run=_run,
    codes=_CODES,
    limits=_limits,
)
