"""Numbers, times and outcomes as people read them."""

from __future__ import annotations

import math
from datetime import UTC, date, datetime

from seatrial.core.vocabulary import Domain, Outcome, Role

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
_SPANS = ((86_400.0, "d"), (3_600.0, "h"), (60.0, "min"), (1.0, "s"))


PLACES = {"ledger": "The ledger", "review": "The review", "gate": "The gate"}
"""How a gap is headed that is about no single requirement."""


def place(named: str) -> str:
    """What a gap is about: a requirement by its id, anything else in words."""
    return PLACES.get(named, named)


def number(value: float | None, unit: str = "") -> str:
    """A figure with its unit: shares as percentages, seconds as spans of time, the rest with three digits."""
    if value is None:
        return "not measured"
    if not math.isfinite(value):
        return "not a number" if math.isnan(value) else "unbounded"
    if unit == "s":
        return span(value)
    if unit in {"share", "%"}:
        return f"{_digits(value * 100 if unit == 'share' else value)} %"
    text = _digits(value)
    return f"{text} {unit}".strip() if not unit.startswith("/") else f"{text}{unit}"


def _digits(value: float) -> str:
    if value == int(value) and abs(value) < 1e15:
        return f"{int(value):,}".replace(",", "\N{NARROW NO-BREAK SPACE}")
    if abs(value) >= 1000:
        return f"{value:,.0f}".replace(",", "\N{NARROW NO-BREAK SPACE}")
    if abs(value) < 0.001:
        return f"{value:.1e}"
    return f"{value:.3g}" if abs(value) >= 1 else f"{value:.3f}"


def span(seconds: float) -> str:
    """A span of time in its largest fitting unit: `82 ms`, `4.2 s`, `15 min`, `2.5 h`, `90 d`."""
    if abs(seconds) < 1:
        return f"{seconds * 1000:.3g} ms"
    size, unit = next((s, u) for s, u in _SPANS if abs(seconds) >= s)
    return f"{seconds / size:.3g} {unit}"


def moment(when: datetime | None) -> str:
    """A time of day in UTC, to the minute."""
    return "" if when is None else when.astimezone(UTC).strftime("%-d %b %Y, %H:%M UTC")


def day(when: date | None) -> str:
    """A date without ambiguity: 11 Jan 2027."""
    return "" if when is None else when.strftime("%-d %b %Y")


def count(n: int, noun: str) -> str:
    """`1 gap`, `3 gaps`."""
    return f"{n} {noun}" if n == 1 else f"{n} {noun}s"
