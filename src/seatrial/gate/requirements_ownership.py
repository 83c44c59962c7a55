"""The requirements of production operations ownership: the most common single failure, shown above all."""

from __future__ import annotations

from seatrial.core.vocabulary import Assurance, Domain, Role
from seatrial.gate.requirement import Requirement

OWNERSHIP = (
    Requirement(
        id="ownership.monitor",
        domain=Domain.OWNERSHIP,
        question="Who watches performance against its threshold after launch?",
        establishes="A named person and deputy who accepted the duty.",
        why="Accuracy decays in silence; somebody has to look.",
        reviewer=Role.OPERATIONS,
        demands=Assurance.ATTESTED,
        lease_days=90,
        rests_on=("duty.monitor", "person.{monitor}"),
        effort_days=0.5,
        may_be_waived=False,
        remedy="Name the person and the deputy under duties.monitor, and let both accept.",
    ),
    Requirement(
        id="ownership.pipeline-alert",
        domain=Domain.OWNERSHIP,
        question="Who gets the 2 AM alert when the data pipeline fails?",
        establishes="A paging drill at an unannounced time, acknowledged within the declared time.",
        why="A pipeline that fails at night is found by the morning shift, unless somebody is woken.",
        reviewer=Role.OPERATIONS,
        demands=Assurance.EXECUTED,
        lease_days=30,
        rests_on=("duty.pipeline-alert", "person.{pipeline-alert}", "route.{pipeline-alert}"),
        effort_days=1,
        may_be_waived=False,
        remedy="Name the person, their page route and the time to acknowledge, let them accept, and hold the drill: "
        "seatrial run --only ownership.pipeline-alert.",
    ),
    Requirement(
        id="ownership.retraining",
        domain=Domain.OWNERSHIP,
        question="Who approves retraining when accuracy drifts?",
        establishes="A named person who accepted, with the criteria.",
        why="Without a named approver a drifting model is either never retrained or retrained by whoever dares.",
        reviewer=Role.OPERATIONS,
        demands=Assurance.ATTESTED,
        lease_days=90,
        rests_on=("duty.retraining", "person.{retraining}", "document.{retraining-criteria}"),
        effort_days=0.5,
        may_be_waived=False,
        remedy="Name the person under duties.retraining with the criteria, and let them accept.",
    ),
    Requirement(
        id="ownership.escalation-point",
        domain=Domain.OWNERSHIP,
        question="Whom does a supervisor call who does not believe the model?",
        establishes="A named person who accepted and answered the escalation drill.",
        why="A supervisor who reaches nobody switches it off, or worse, does not.",
        reviewer=Role.OPERATIONS,
        demands=Assurance.EXECUTED,
        complements=(Assurance.ATTESTED,),
        lease_days=90,
        rests_on=("duty.escalation-point", "person.{escalation-point}", "route.{escalation-point}"),
        effort_days=0.5,
        may_be_waived=False,
        remedy="Name the person under duties.escalation-point, let them accept, and hold the drill: "
        "seatrial run --only ownership.escalation-point.",
    ),
)
