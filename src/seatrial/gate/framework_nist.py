"""NIST AI Risk Management Framework 1.0, by its categories."""

from __future__ import annotations

from datetime import date

from seatrial.gate.framework import Clause, Framework

NIST_AI_RMF = Framework(
    id="nist-ai-rmf",
    title="NIST AI Risk Management Framework",
    issued_by="National Institute of Standards and Technology (NIST AI 100-1)",
    edition=date(2023, 1, 26),
    edition_name="1.0",
    data_version=1,
    reviewed_on=date(2026, 11, 27),
    note="Voluntary. Profiles, such as that for generative AI, are not part of this data.",
    clauses=(
        Clause(
            id="GOVERN 1",
            title="Policies, processes and practices",
            asks="Rules for mapping, measuring and managing AI risk are in place and are followed, from planning to "
            "taking out of service.",
            supported_by=("governance.offline-thresholds", "governance.compliance", "integration.inventory"),
        ),
        Clause(
            id="GOVERN 2",
            title="Accountability",
            asks="Roles are clear, and people are empowered, responsible and trained for theirs.",
            supported_by=("organization.accountability", "organization.training", "ownership.monitor"),
        ),
        Clause(
            id="GOVERN 3",
            title="Workforce and human oversight",
            asks="Decisions about risk are made by people of different views, and oversight by humans has its roles.",
            supported_by=("organization.accountability", "organization.escalation"),
        ),
        Clause(
            id="GOVERN 4",
            title="Culture of risk",
            asks="Teams think critically, tell of risks and impacts, and share what went wrong.",
            supported_by=("organization.change-management", "organization.escalation", "model.failure-modes"),
        ),
        Clause(
            id="GOVERN 5",
            title="Engagement",
            asks="What those who use the system and those whom it concerns report is collected and taken up.",
            supported_by=("organization.escalation", "organization.change-management"),
        ),
        Clause(
            id="GOVERN 6",
            title="Third parties",
            asks="Risks of software and data of others are dealt with, with a plan for when those fail.",
            supported_by=(
                "integration.versions",
                "integration.isolation",
                "data.interruption",
                "integration.inventory",
            ),
        ),
        Clause(
            id="MAP 1",
            title="Context",
            asks="Purpose, setting, users, limits and expectations are established and understood.",
            supported_by=("integration.inventory", "organization.process-documents", "organization.change-management"),
        ),
        Clause(
            id="MAP 2",
            title="Categorisation",
            asks="What the system does is known with the limits of its knowledge, and how people oversee its output.",
            supported_by=("model.trust", "model.out-of-sample", "organization.process-documents"),
        ),
        Clause(
            id="MAP 3",
            title="Capabilities, benefits and costs",
            asks="Benefit, cost, scope and the way in which people watch over it are known.",
            supported_by=("model.threshold", "organization.training", "organization.change-management"),
        ),
        Clause(
            id="MAP 4",
            title="Components",
            asks="Risk and benefit of every component are mapped, those of third parties included.",
            supported_by=("integration.inventory", "integration.contracts", "integration.versions"),
        ),
        Clause(
            id="MAP 5",
            title="Impacts",
            asks="What it can do to people and organisations is known, with how likely and how grave.",
            supported_by=("model.failure-modes",),
        ),
        Clause(
            id="MEASURE 1",
            title="Methods and metrics",
            asks="Suitable ways of measuring are chosen and applied.",
            supported_by=("model.threshold", "model.stress", "model.out-of-sample"),
        ),
        Clause(
            id="MEASURE 2",
            title="Trustworthy characteristics",
            asks="It is evaluated for validity, reliability, safety, security, resilience and transparency.",
            supported_by=(
                "model.threshold",
                "model.out-of-sample",
                "model.stress",
                "model.adversarial",
                "model.trust",
                "data.faults",
                "data.load",
                "data.schema-change",
                "integration.combined-load",
                "integration.format",
            ),
        ),
        Clause(
            id="MEASURE 3",
            title="Tracking over time",
            asks="Risks that are known, new or hard to measure are followed, and users can report what they see.",
            supported_by=("ownership.monitor", "data.freshness", "organization.escalation"),
        ),
        Clause(
            id="MEASURE 4",
            title="Feedback on measurement",
            asks="Whether the measurements are of use is asked of those who know the field and use the system.",
            supported_by=("organization.change-management", "model.failure-modes"),
        ),
        Clause(
            id="MANAGE 1",
            title="Priorities and response",
            asks="Risks are ranked and answered by what was mapped and measured; whether it may go on is decided.",
            supported_by=("model.failure-modes", "governance.offline-thresholds"),
        ),
        Clause(
            id="MANAGE 2",
            title="Benefit and less harm",
            asks="There are ways to keep it of use, to answer the unknown, and to switch it off or supersede it.",
            supported_by=(
                "governance.rollback",
                "governance.fallback",
                "governance.offline-thresholds",
                "organization.accountability",
            ),
        ),
        Clause(
            id="MANAGE 3",
            title="Risks of third parties",
            asks="Resources of others, trained models among them, are watched as part of the upkeep.",
            supported_by=("integration.versions", "integration.format", "ownership.pipeline-alert"),
        ),
        Clause(
            id="MANAGE 4",
            title="Response and recovery",
            asks="Watching after launch, incidents, recovery, change and what is told to whom are planned and done.",
            supported_by=(
                "ownership.monitor",
                "ownership.pipeline-alert",
                "ownership.retraining",
                "ownership.escalation-point",
                "governance.rollback",
                "data.interruption",
            ),
        ),
    ),
)
