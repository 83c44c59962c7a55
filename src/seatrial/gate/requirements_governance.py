"""The requirements of governance and rollback."""

from __future__ import annotations

from seatrial.core.vocabulary import Assurance, Domain, Role
from seatrial.gate.requirement import Requirement

GOVERNANCE = (
    Requirement(
        id="governance.offline-thresholds",
        domain=Domain.GOVERNANCE,
        question="When is it taken offline?",
        establishes="Executable rules (accuracy below a floor, an error category above a frequency, a regulatory "
        "trigger), and a proof that they fire: bad data is injected and the trip is observed.",
        why="Without a rule that fires by itself, it runs on while people discuss.",
        reviewer=Role.LEGAL,
        demands=Assurance.EXECUTED,
        lease_days=90,
        rests_on=("model", "plan", "offline", "procedure.{offline}"),
        effort_days=3,
        remedy="Declare the take-offline rules, and provoke each one to see it trip.",
    ),
    Requirement(
        id="governance.fallback",
        domain=Domain.GOVERNANCE,
        question="How does each workflow run without it?",
        establishes="A manual fallback for every workflow, rehearsed, with the capacity that it sustained against the "
        "volume that it must carry.",
        why="When it is taken offline the work does not stop coming.",
        reviewer=Role.LEGAL,
        demands=Assurance.EXECUTED,
        lease_days=180,
        rests_on=(
            "failure-modes",
            "do-not-trust",
            "workflow.*",
            "policy",
            "procedure.{fallback}",
        ),
        effort_days=4,
        after=("organization.process-documents",),
        remedy="Write the fallback of each workflow and rehearse it at volume: "
        "seatrial run --only governance.fallback.",
    ),
    Requirement(
        id="governance.rollback",
        domain=Domain.GOVERNANCE,
        question="Does the way back work, in time?",
        establishes="The reversion procedure is really executed from production state to fallback state and verified, "
        "within the window; between drills a daily arming probe checks that its credentials, artefacts and routes "
        "still exist.",
        why="A way back that was never walked is a hope, and it is needed on the worst day.",
        reviewer=Role.LEGAL,
        demands=Assurance.EXECUTED,
        lease_days=90,
        rests_on=("model", "rollback", "policy", "procedure.{rollback}"),
        effort_days=4,
        may_be_waived=False,
        remedy="Write the reversion as a procedure and execute it: seatrial run --only governance.rollback.",
    ),
    Requirement(
        id="governance.compliance",
        domain=Domain.GOVERNANCE,
        question="Has legal and compliance reviewed it?",
        establishes="The review, bound to what was reviewed; mapping to NIST AI RMF, ISO/IEC 42001 and the EU AI Act "
        "as dated data; retention and logging duties.",
        why="A duty found after go-live stops the system on someone else's date.",
        reviewer=Role.LEGAL,
        demands=Assurance.ATTESTED,
        lease_days=180,
        rests_on=(
            "declaration",
            "model",
            "plan",
            "compliance",
            "document.*",
            "person.{legal}",
            "person.{compliance}",
        ),
        effort_days=5,
        after=("model.threshold", "governance.offline-thresholds", "governance.rollback"),
        remedy="Let legal and compliance review the system as declared, and record the review.",
    ),
)
