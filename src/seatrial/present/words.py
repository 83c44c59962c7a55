"""Numbers, times and outcomes as people read them."""

from __future__ import annotations

import re

from markupsafe import Markup, escape

from seatrial.core.vocabulary import Domain, Outcome, Role
from seatrial.core.wording import count, day, moment, number, span
from seatrial.gate.deciding import APPROXIMATE
from seatrial.gate.verdict import Verdict

__all__ = [
    "DOMAIN_TITLES",
    "DUTIES",
    "OUTCOME_SIGNS",
    "OUTCOME_WORDS",
    "PLACES",
    "ROLE_TITLES",
    "coded",
    "count",
    "day",
    "first_notes",
    "last_notes",
    "moment",
    "number",
    "place",
    "span",
]

_BACKQUOTED = re.compile(r"`([^`]+)`")

OUTCOME_WORDS = {
    Outcome.MET: "met",
    Outcome.NOT_MET: "not met",
    Outcome.NOT_DETERMINED: "not determined",
    Outcome.NOT_APPLICABLE: "not applicable",
    Outcome.WAIVED: "waived",
}
OUTCOME_SIGNS = {
    Outcome.MET: "✓",
    Outcome.NOT_MET: "✕",
    Outcome.NOT_DETERMINED: "?",
    Outcome.NOT_APPLICABLE: "–",
    Outcome.WAIVED: "w",
}
DOMAIN_TITLES = {
    Domain.OWNERSHIP: "Production ownership",
    Domain.DATA: "Data pipeline",
    Domain.MODEL: "Model",
    Domain.INTEGRATION: "Integration",
    Domain.ORGANIZATION: "Organisation",
    Domain.GOVERNANCE: "Governance and rollback",
}
"""The six groups in the order in which they are shown: ownership above all."""
ROLE_TITLES = {
    Role.IT: "IT",
    Role.OPERATIONS: "Operations",
    Role.LEGAL: "Legal and compliance",
    Role.AI_TEAM: "AI team",
}
DUTIES = {
    "owner": "Answers for it in production",
    "manager": "Manages who answers for it",
    "monitor": "Watches performance after launch",
    "pipeline-alert": "Is woken when the data pipeline fails",
    "retraining": "Decides whether it is retrained",
    "escalation-point": "Is called when an output is not believed",
    "change": "Leads the change for those who work with it",
    "inventory": "Keeps the list of what it depends on",
}
"""What a duty is called; a deputy's is that of whom they stand in for."""
PLACES = {"ledger": "The ledger", "review": "The review", "gate": "The gate"}
"""How a gap is headed that is about no single requirement."""


def place(named: str) -> str:
    """What a gap is about: a requirement by its id, anything else in words."""
    return PLACES.get(named, named)


def first_notes(verdict: Verdict) -> tuple[str, ...]:
    """What a reader should know before anything else; which bounds are approximate stands at the end."""
    return tuple(note for note in verdict.notes if not note.startswith(APPROXIMATE))


def last_notes(verdict: Verdict) -> tuple[str, ...]:
    """What only a closer reader asks for."""
    return tuple(note for note in verdict.notes if note.startswith(APPROXIMATE))


def coded(text: str) -> Markup:
    """The text escaped for a page, and what stands in backquotes as code."""
    return Markup(_BACKQUOTED.sub(r"<code>\1</code>", str(escape(text))))  # noqa: S704 - escaped before
