"""ISO/IEC 42001, by the titles of its clauses and of the controls of Annex A; what they ask is in our own words."""

from __future__ import annotations

from datetime import date

from seatrial.gate.framework import Clause, Framework

ISO_42001 = Framework(
    id="iso-iec-42001",
    title="ISO/IEC 42001, AI management system",
    issued_by="ISO and IEC",
    edition=date(2023, 12, 18),
    edition_name="2023",
    data_version=1,
    reviewed_on=date(2026, 11, 27),
    note="Titles and paraphrase only; the standard itself must be had from ISO. It is about an organisation, of which "
    "one system shows a part.",
    clauses=(
        Clause(
            id="5.3",
            title="Roles, responsibilities and authorities",
            asks="It is assigned and made known who is responsible and who may decide.",
            supported_by=("organization.accountability", "ownership.monitor", "ownership.retraining"),
        ),
        Clause(
            id="7.2",
            title="Competence",
            asks="Those whose work bears on the system are competent for it, and there is proof of it.",
            supported_by=("organization.training",),
        ),
        Clause(
            id="8.1",
            title="Operational planning and control",
            asks="Operation is planned and controlled, changes and what others provide included.",
            supported_by=("organization.process-documents", "integration.versions", "organization.change-management"),
        ),
        Clause(
            id="8.2",
            title="AI risk assessment",
            asks="Risks are assessed at planned times and when something significant changes.",
            supported_by=("model.failure-modes", "model.stress", "model.adversarial"),
        ),
        Clause(
            id="9.1",
            title="Monitoring, measurement, analysis and evaluation",
            asks="It is settled what is watched and measured, how and when, and the results are kept.",
            supported_by=("ownership.monitor", "model.threshold", "data.freshness"),
        ),
        Clause(
            id="10.2",
            title="Nonconformity and corrective action",
            asks="What goes wrong is answered, its cause looked for, and the answer kept on record.",
            supported_by=("governance.offline-thresholds", "ownership.retraining", "governance.rollback"),
        ),
        Clause(
            id="A.3.2",
            title="AI roles and responsibilities",
            asks="Roles are defined and given to people.",
            supported_by=("organization.accountability", "ownership.pipeline-alert"),
        ),
        Clause(
            id="A.3.3",
            title="Reporting of concerns",
            asks="There is a way to report a concern about the system.",
            supported_by=("organization.escalation", "ownership.escalation-point"),
        ),
        Clause(
            id="A.4",
            title="Resources for AI systems",
            asks="Data, tools, computing and people that it needs are identified and written down.",
            supported_by=("integration.inventory", "data.load"),
        ),
        Clause(
            id="A.5",
            title="Assessing impacts of AI systems",
            asks="What it does to people and society is assessed over its life, and kept on record.",
            supported_by=("model.failure-modes", "governance.compliance"),
        ),
        Clause(
            id="A.6.2.4",
            title="AI system verification and validation",
            asks="How it is verified and validated, with criteria, is defined and done.",
            supported_by=("model.out-of-sample", "model.threshold", "model.stress", "model.adversarial", "data.faults"),
        ),
        Clause(
            id="A.6.2.5",
            title="AI system deployment",
            asks="Deployment is planned, and its requirements are met before it.",
            supported_by=(
                "integration.combined-load",
                "integration.isolation",
                "governance.rollback",
                "governance.fallback",
            ),
        ),
        Clause(
            id="A.6.2.6",
            title="AI system operation and monitoring",
            asks="What operation needs is defined: watching, repair, updates, support.",
            supported_by=("ownership.monitor", "ownership.pipeline-alert", "data.interruption", "data.schema-change"),
        ),
        Clause(
            id="A.6.2.8",
            title="AI system recording of event logs",
            asks="It is settled when events are logged, at least while it is in use.",
            supported_by=("governance.compliance",),
        ),
        Clause(
            id="A.7",
            title="Data for AI systems",
            asks="Origin, quality, preparation and handling of data are defined and kept on record.",
            supported_by=("model.out-of-sample", "data.freshness", "integration.format", "integration.contracts"),
        ),
        Clause(
            id="A.8.2",
            title="System documentation and information for users",
            asks="Users have what they need to know about the system.",
            supported_by=("organization.training", "organization.process-documents", "model.trust"),
        ),
        Clause(
            id="A.8.4",
            title="Communication of incidents",
            asks="It is planned how users are told of incidents.",
            supported_by=("ownership.pipeline-alert", "governance.offline-thresholds"),
        ),
        Clause(
            id="A.9",
            title="Use of AI systems",
            asks="It is used responsibly, for what it is meant for, by processes that are written down.",
            supported_by=(
                "organization.process-documents",
                "organization.change-management",
                "model.trust",
                "integration.inventory",
            ),
        ),
        Clause(
            id="A.10",
            title="Third-party and customer relationships",
            asks="Who is responsible for what is settled with suppliers, partners and customers.",
            supported_by=("integration.contracts", "integration.versions", "governance.compliance"),
        ),
    ),
)
