"""The requirements of organisational readiness."""

from __future__ import annotations

from seatrial.core.vocabulary import Assurance, Domain, Role
from seatrial.gate.requirement import Requirement

_LIMITS_OF_USE = ("failure-modes", "do-not-trust", "workflow.*")

ORGANIZATION = (
    Requirement(
        id="organization.training",
        domain=Domain.ORGANIZATION,
        question="Do the people who use it know what it can and cannot do, and when to escalate?",
        establishes="Everyone on the declared user list passed the comprehension check of this version: questions "
        "drawn from its real failure modes and do-not-trust conditions; coverage and pass dates.",
        why="Output that confuses the people who must act on it does harm even when it is right.",
        reviewer=Role.OPERATIONS,
        demands=Assurance.EXECUTED,
        lease_days=365,
        rests_on=(*_LIMITS_OF_USE, "users", "policy", "document.{training-material}"),
        effort_days=5,
        after=("model.failure-modes", "model.trust"),
        remedy="Let everyone on the user list take the comprehension check.",
    ),
    Requirement(
        id="organization.process-documents",
        domain=Domain.ORGANIZATION,
        question="Are the workflows formally updated for its role?",
        establishes="For each workflow an approved document, newer than the last change of the system, that states "
        "the AI's role, its limits and the fallback.",
        why="Where the written process does not know it, each shift decides for itself what to do with it.",
        reviewer=Role.OPERATIONS,
        demands=Assurance.ATTESTED,
        lease_days=365,
        rests_on=(*_LIMITS_OF_USE, "document.{process}", "document.{handling}"),
        effort_days=4,
        after=("model.failure-modes",),
        remedy="Update each workflow's document with role, limits and fallback, and have it approved.",
    ),
    Requirement(
        id="organization.change-management",
        domain=Domain.ORGANIZATION,
        question="Will people use it, or work around it?",
        establishes="An approved change plan with its owner and the affected teams; from pilot and live use the "
        "measured share of outputs acted on, overridden and ignored, against what the plan expects; workarounds "
        "reported.",
        why="A system that people work around costs twice: its own price, and the work done beside it.",
        reviewer=Role.OPERATIONS,
        demands=Assurance.OBSERVED,
        complements=(Assurance.ATTESTED,),
        lease_days=90,
        rests_on=("change", "document.{change-plan}", "person.{change}"),
        effort_days=5,
        remedy="Have the change plan approved, and measure how many outputs are acted on.",
    ),
    Requirement(
        id="organization.escalation",
        domain=Domain.ORGANIZATION,
        question="What does a user do who does not trust an output?",
        establishes="A declared path, and a drill: a distrusted output is reported the way a user would and reaches "
        "the named person within the declared time.",
        why="A doubt with no way out ends in a wrong action or in no action.",
        reviewer=Role.OPERATIONS,
        demands=Assurance.EXECUTED,
        lease_days=90,
        rests_on=(
            "duty.escalation-point",
            "person.{escalation-point}",
            "route.{escalation-point}",
            "escalation",
            "procedure.{escalation}",
        ),
        effort_days=1,
        after=("ownership.escalation-point",),
        remedy="Declare the path, and rehearse it with somebody who uses the system.",
    ),
    Requirement(
        id="organization.accountability",
        domain=Domain.ORGANIZATION,
        question="Which named person answers for it, by their own performance metrics, and may pull it?",
        establishes="The production owner, with a deputy, has accepted; their manager confirms that the objective is "
        "among their performance metrics; they have used the stop control themselves in a drill.",
        why="What nobody answers for, nobody stops in time.",
        reviewer=Role.OPERATIONS,
        demands=Assurance.EXECUTED,
        complements=(Assurance.ATTESTED,),
        lease_days=90,
        rests_on=("owner", "person.{owner}", "route.{owner}", "procedure.{stop}"),
        effort_days=2,
        remedy="Name the owner, deputy and manager, let them accept, and let the owner pull the stop in the drill: "
        "seatrial run --only organization.accountability.",
    ),
)
