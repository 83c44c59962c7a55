"""The requirements of integration and system stability."""

from __future__ import annotations

from seatrial.core.vocabulary import Assurance, Domain, Role
from seatrial.gate.requirement import Requirement

_EXCHANGE = ("model", "schema", "integration.*")

INTEGRATION = (
    Requirement(
        id="integration.inventory",
        domain=Domain.INTEGRATION,
        question="Is everything declared that feeds it, and everything that it feeds?",
        establishes="Every model input names its integration or source, every output its workflow and its user group; "
        "compared with what can be observed (connections, topics, access logs, the users who really call it). What is "
        "unmatched is a gap: GO by omission must not be possible.",
        why="What nobody declared, nobody tests, and nobody is told when it changes.",
        reviewer=Role.IT,
        demands=Assurance.EXECUTED,
        complements=(Assurance.ATTESTED,),
        lease_days=90,
        rests_on=(*_EXCHANGE, "flow.*", "inventory", "person.{inventory}"),
        effort_days=2,
        remedy="Declare the missing feeds, outputs and user groups in the system file.",
    ),
    Requirement(
        id="integration.contracts",
        domain=Domain.INTEGRATION,
        question="Does every integration keep its contract, in both directions?",
        establishes="Declared schema and semantics are checked on real exchanged records of every integration: ERP, "
        "MES, CRM, sensors, dashboards, downstream.",
        why="Both sides believe in the contract until a record arrives that breaks it.",
        reviewer=Role.IT,
        demands=Assurance.EXECUTED,
        lease_days=30,
        rests_on=_EXCHANGE,
        effort_days=4,
        after=("integration.inventory",),
        remedy="Write the contract of each integration, and repair the side that breaks it.",
    ),
    Requirement(
        id="integration.versions",
        domain=Domain.INTEGRATION,
        question="Was it tested against the versions that production runs?",
        establishes="The version is read from the tested system and from production; they match.",
        why="A test against another version tests another system.",
        reviewer=Role.IT,
        demands=Assurance.EXECUTED,
        lease_days=30,
        rests_on=_EXCHANGE,
        effort_days=3,
        after=("integration.inventory",),
        remedy="Bring the test systems to production's versions, and test again.",
    ),
    Requirement(
        id="integration.combined-load",
        domain=Domain.INTEGRATION,
        question="Do all of them work together under concurrent load?",
        establishes="Every declared flow is driven end to end at once, at rate; every record is accounted for; "
        "compared with each one alone.",
        why="Integrations that each work alone fail together, in the first busy week.",
        reviewer=Role.IT,
        demands=Assurance.EXECUTED,
        lease_days=90,
        rests_on=(*_EXCHANGE, "flow.*", "policy"),
        effort_days=6,
        after=("integration.contracts", "data.load"),
        remedy="Find the shared bottleneck with the single-flow figures beside it, and run all flows again.",
    ),
    Requirement(
        id="integration.format",
        domain=Domain.INTEGRATION,
        question="Does any of them quietly deliver a format that the model was not trained on?",
        establishes="Per-field fingerprints of training against live, and a replay of the same entities through both "
        "paths: units, scale, decimals, encoding, case, time zone, category spelling, default spikes; decision rate "
        "and calibration are compared beside accuracy.",
        why="A unit that changed leaves accuracy as it was and moves every decision.",
        reviewer=Role.IT,
        demands=Assurance.EXECUTED,
        lease_days=7,
        rests_on=(*_EXCHANGE, "format", "data.training", "data.evaluation", "data.live"),
        effort_days=4,
        after=("integration.contracts",),
        remedy="Convert the field where it enters to what the model was trained on, and check it there from now on.",
    ),
    Requirement(
        id="integration.isolation",
        domain=Domain.INTEGRATION,
        question="Does one failing integration take the rest down?",
        establishes="Each is made slow, refused and cut while the others run: time-outs hold, the rest keeps its "
        "limits, the fallback engages.",
        why="One slow neighbour stops everything that waits for it.",
        reviewer=Role.IT,
        demands=Assurance.EXECUTED,
        lease_days=90,
        rests_on=(*_EXCHANGE, "flow.*", "policy"),
        effort_days=5,
        after=("integration.combined-load",),
        remedy="Give every call a time-out and a fallback, and rehearse each integration's failure.",
    ),
)
