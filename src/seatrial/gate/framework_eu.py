"""The EU AI Act, by those of its articles on which evidence from one system can bear."""

from __future__ import annotations

from datetime import date

from seatrial.gate.framework import Clause, Framework

EU_AI_ACT = Framework(
    id="eu-ai-act",
    title="EU AI Act",
    issued_by="European Parliament and Council, Regulation (EU) 2024/1689",
    edition=date(2024, 7, 12),
    edition_name="as published in the Official Journal, L, 12 July 2024",
    data_version=1,
    reviewed_on=date(2026, 11, 27),
    note="Which articles apply, and from when, depends on the system's class and on the role of the company; later "
    "amendments and delegated acts are not in this data. Counsel decides.",
    clauses=(
        Clause(
            id="Article 4",
            title="AI literacy",
            asks="Those who operate and use the system on the company's behalf know enough about it.",
            supported_by=("organization.training",),
        ),
        Clause(
            id="Article 9",
            title="Risk management system",
            asks="Risks are identified, tested for and answered over the whole life of a high-risk system.",
            supported_by=("model.failure-modes", "model.stress", "governance.offline-thresholds"),
        ),
        Clause(
            id="Article 10",
            title="Data and data governance",
            asks="Training and test data are relevant, representative and examined, and their gaps are known.",
            supported_by=("model.out-of-sample", "integration.format", "integration.contracts"),
        ),
        Clause(
            id="Article 11",
            title="Technical documentation",
            asks="What the system is and how it was tested is written down before it is put into service.",
            supported_by=("integration.inventory", "governance.compliance", "integration.versions"),
        ),
        Clause(
            id="Article 12",
            title="Record-keeping",
            asks="The system logs events so that its working can be traced.",
            supported_by=("governance.compliance",),
        ),
        Clause(
            id="Article 13",
            title="Transparency and information to deployers",
            asks="Those who use it can understand its output and know its accuracy and its limits.",
            supported_by=("model.trust", "organization.training", "organization.process-documents"),
        ),
        Clause(
            id="Article 14",
            title="Human oversight",
            asks="People can understand it, disregard its output, and stop it.",
            supported_by=(
                "organization.accountability",
                "organization.escalation",
                "organization.change-management",
                "governance.fallback",
                "ownership.escalation-point",
            ),
        ),
        Clause(
            id="Article 15",
            title="Accuracy, robustness and cybersecurity",
            asks="Its accuracy is fitting, and it withstands errors, faults and attempts to turn it.",
            supported_by=(
                "model.threshold",
                "model.stress",
                "model.adversarial",
                "data.faults",
                "data.load",
                "data.schema-change",
                "data.interruption",
                "integration.combined-load",
                "integration.isolation",
                "governance.rollback",
            ),
        ),
        Clause(
            id="Article 19",
            title="Automatically generated logs (providers)",
            asks="Logs under the provider's control are kept, at least six months.",
            supported_by=("governance.compliance",),
        ),
        Clause(
            id="Article 26",
            title="Obligations of deployers",
            asks="It is used as instructed, by competent people, with fitting input, watched, and its logs are kept.",
            supported_by=(
                "organization.process-documents",
                "organization.training",
                "ownership.monitor",
                "data.freshness",
                "governance.compliance",
            ),
        ),
        Clause(
            id="Article 72",
            title="Post-market monitoring",
            asks="How it performs is collected and looked at for as long as it is in use.",
            supported_by=("ownership.monitor", "ownership.retraining"),
        ),
        Clause(
            id="Article 73",
            title="Serious incidents",
            asks="Serious incidents are noticed, looked into and reported in time.",
            supported_by=("ownership.pipeline-alert", "governance.offline-thresholds", "organization.escalation"),
        ),
    ),
)
