"""The verdict of now, from the ledger: nothing is run and nobody is called.

Only before it says GO it asks once more what is served.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from seatrial import __version__
from seatrial.app.folder.catalogue import applying, checks, thresholds
from seatrial.app.folder.ledgers import compared_now, keystore, open_ledger, read_ledger, record
from seatrial.app.folder.subject import Identities, digest_files, identities_on_record, subject
from seatrial.app.folder.workspace import Workspace
from seatrial.core.bodies import DecisionBody
from seatrial.core.record import Evidence, LedgerState, Subject
from seatrial.core.records import Records
from seatrial.core.vocabulary import Answer, RecordType
from seatrial.evidence.verification import Reading
from seatrial.gate.deciding import decide
from seatrial.gate.encoding import verdict_data
from seatrial.gate.exchange import retraining
from seatrial.gate.inputs import Inputs
from seatrial.gate.lasting import lasts_until
from seatrial.gate.verdict import Verdict
from seatrial.spec.canonical import digest


@dataclass(frozen=True, slots=True, kw_only=True)
class Decided:
    """A verdict, the subject that it is about, and the identities of what was served that this subject holds.

    Before `holds_until` the same record and files come to the same verdict. What hung on what was served at that moment
    holds no longer than the moment; before `served_until` it comes to the same where the same is still served.
    """

    verdict: Verdict
    subject: Subject
    served: Mapping[str, str]
    holds_until: datetime
    served_until: datetime


def decide_now(workspace: Workspace, now: datetime | None = None) -> Verdict:
    """GO or NO-GO for this system now, at the workspace's gate. Raises LedgerError when the ledger cannot be read.

    The chain's digests, and the signatures of everything that the verdict rests on, are verified.
    """
    return decided_now(workspace, now).verdict


def decided_now(workspace: Workspace, now: datetime | None = None) -> Decided:
    """As `decide_now`, with what the verdict is about."""
    reading, inputs, verdict = _on_record(workspace, now)
    served, holds_until = identities_on_record(inputs.evidence), lasts_until(inputs)
    served_until = holds_until
    if verdict.verdict is Answer.GO:
        reading = compared_now(workspace, reading)
        inputs = replace(inputs, evidence=reading.evidence, ledger=reading.state)
        served = served_now(workspace, identities_on_record(inputs.evidence))
        about = subject(workspace, digest_files(workspace), served)
        inputs = replace(inputs, subject=about, remarks=served.remarks)
        verdict = decide(inputs)
        # What is served changes without a word: neither the answer for it nor the one against it can be kept.
        holds_until, served_until = inputs.now, lasts_until(inputs)
    return Decided(
        verdict=verdict,
        subject=inputs.subject,
        served=served.found,
        holds_until=holds_until,
        served_until=served_until,
    )


def decided_ahead(workspace: Workspace, at: datetime) -> Decided | None:
    """What will be decided at that moment to come, if nothing moves until then.

    None where that hangs on what is served then: that is asked for then.
    """
    _, inputs, verdict = _on_record(workspace, at)
    if verdict.verdict is Answer.GO:
        return None
    served, until = identities_on_record(inputs.evidence).found, lasts_until(inputs)
    return Decided(verdict=verdict, subject=inputs.subject, served=served, holds_until=until, served_until=until)


def _on_record(workspace: Workspace, now: datetime | None) -> tuple[Reading, Inputs, Verdict]:
    """What the record alone comes to, nobody being asked what is served: all that it rests on is verified."""
    reading = read_ledger(workspace, quick=True)
    inputs = inputs_of(workspace, reading.evidence, reading.state, now=now)
    verdict = decide(inputs)
    if reading.confirm((*verdict.rests_on, *retraining(inputs).rests_on)):
        # A forged signature was taken for granted: look at every single one.
        reading = read_ledger(workspace, quick=False)
        inputs = replace(inputs, evidence=reading.evidence, ledger=reading.state)
        verdict = decide(inputs)
    return reading, inputs, verdict


def served_now(workspace: Workspace, recorded: Identities) -> Identities:
    """What is served at this moment. For what does not answer, the probe on record holds its 24 hours."""
    from seatrial.app.folder.probing import probe

    now = probe(workspace, fresh=True)
    return replace(recorded, found={**recorded.found, **now.found}, answers=now.answers or recorded.answers)


def inputs_of(
    workspace: Workspace,
    evidence: Records,
    state: LedgerState,
    *,
    now: datetime | None = None,
    about: Subject | None = None,
) -> Inputs:
    """What the gate decides from. `about` is the subject where it is known already."""
    system, gate = workspace.system, workspace.gate
    recorded = identities_on_record(evidence)
    able: dict[str, tuple[str, ...]] = {}
    for check in applying(system):
        able[check.requirement] = (*able.get(check.requirement, ()), check.id)
    return Inputs(
        system=system,
        requirements=gate.requirements,
        thresholds=thresholds(gate.system(system)),
        subject=about or subject(workspace, digest_files(workspace), recorded),
        evidence=evidence,
        ledger=state,
        now=now or workspace.clock.now(),
        policy=gate.policy(system),
        checks=able,
        check_versions={check.id: check.version for check in checks()},
        product=__version__,
        check_leases={check.id: check.lease_s for check in checks() if check.lease_s is not None},
        gate=gate,
        supplements=frozenset(check.id for check in checks() if check.supplements),
        remarks=recorded.remarks,
        notes=_notes(recorded),
    )


def _notes(recorded: Identities) -> tuple[str, ...]:
    if recorded.answers is None or not recorded.answers.varies:
        return ()
    said = (
        "The model answers the same question differently from one time to the next, so it is known by the version that "
        "it tells alone: whoever changes it must change its version."
    )
    return (said,)


def record_decision(workspace: Workspace, verdict: Verdict) -> Evidence:
    """Put the verdict on record, signed by this machine's worker."""
    body = DecisionBody(
        answer=verdict.verdict.value,
        subject=verdict.subject,
        rehearsal=verdict.rehearsal,
        verdict=digest(verdict_data(verdict)),
        gaps=tuple(dict.fromkeys(gap.requirement for gap in verdict.gaps)),
        gate=verdict.gate,
    )
    with open_ledger(workspace) as ledger:
        return record(ledger, keystore(workspace).worker(), workspace, RecordType.DECISION, body)
