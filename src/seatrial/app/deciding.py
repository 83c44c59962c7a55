"""The verdict of now, from the ledger: nothing is run and nobody is called.

Only before it says GO it asks once more what is served.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from seatrial import __version__
from seatrial.app.catalogue import checks, thresholds
from seatrial.app.ledgers import keystore, open_ledger, read_ledger, record
from seatrial.app.subject import digest_files, identities_on_record, subject
from seatrial.app.workspace import Workspace
from seatrial.core.bodies import DecisionBody
from seatrial.core.record import Evidence, LedgerState, Subject
from seatrial.core.vocabulary import Answer, RecordType
from seatrial.gate.catalogue import GATE, PRODUCTION_READINESS
from seatrial.gate.deciding import decide
from seatrial.gate.encoding import verdict_data
from seatrial.gate.inputs import Inputs
from seatrial.gate.verdict import Verdict
from seatrial.spec.canonical import digest


def decide_now(workspace: Workspace, now: datetime | None = None) -> Verdict:
    """GO or NO-GO for this system now. Raises LedgerError when the ledger cannot be read.

    The chain's digests, and the signatures of everything that the verdict rests on, are verified.
    """
    reading = read_ledger(workspace, quick=True)
    inputs = inputs_of(workspace, reading.evidence, reading.state, now=now)
    verdict = decide(inputs)
    if reading.confirm(verdict.rests_on):
        # A forged signature was taken for granted: look at every single one.
        full = read_ledger(workspace, quick=False)
        inputs = replace(inputs, evidence=full.evidence, ledger=full.state)
        verdict = decide(inputs)
    if verdict.verdict is Answer.GO:
        verdict = decide(replace(inputs, subject=served_now(workspace, inputs.evidence)))
    return verdict


def served_now(workspace: Workspace, evidence: Sequence[Evidence]) -> Subject:
    """The subject as it is served at this moment. For what does not answer, the probe on record holds its 24 hours."""
    from seatrial.app.probing import probe

    recorded = identities_on_record(evidence)
    found = {**recorded.found, **probe(workspace).found}
    return subject(workspace, digest_files(workspace), replace(recorded, found=found))


def inputs_of(
    workspace: Workspace,
    evidence: Sequence[Evidence],
    state: LedgerState,
    *,
    now: datetime | None = None,
    about: Subject | None = None,
) -> Inputs:
    """What the gate decides from. `about` is the subject where it is known already."""
    system = workspace.system
    able: dict[str, tuple[str, ...]] = {}
    for check in checks():
        able[check.requirement] = (*able.get(check.requirement, ()), check.id)
    return Inputs(
        system=system,
        requirements=PRODUCTION_READINESS,
        thresholds=thresholds(system),
        subject=about or subject(workspace, digest_files(workspace), identities_on_record(evidence)),
        evidence=tuple(evidence),
        ledger=state,
        now=now or workspace.clock.now(),
        policy=system.policy,
        checks=able,
        check_versions={check.id: check.version for check in checks()},
        product=__version__,
        gate=GATE,
    )


def record_decision(workspace: Workspace, verdict: Verdict) -> Evidence:
    """Put the verdict on record, signed by this machine's worker."""
    body = DecisionBody(
        answer=verdict.verdict.value,
        subject=verdict.subject,
        rehearsal=verdict.rehearsal,
        verdict=digest(verdict_data(verdict)),
        gaps=tuple(dict.fromkeys(gap.requirement for gap in verdict.gaps)),
    )
    with open_ledger(workspace) as ledger:
        return record(ledger, keystore(workspace).worker(), workspace, RecordType.DECISION, body)
