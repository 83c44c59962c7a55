"""The governance plan and the limits that it sets."""

from __future__ import annotations

from pydantic import Field

from seatrial.spec.people import PersonId
from seatrial.spec.quantities import Day, Duration, Number
from seatrial.spec.section import Path, Section


class Plan(Section):
    """The governance plan: a document with approver and date."""

    document: Path | None = None
    approved_by: PersonId | None = None
    approved_on: Day | None = None


class Minimum(Section):
    """One governed metric and its minimum (for errors: its maximum)."""

    metric: str
    minimum: Number | None = None
    maximum: Number | None = None


class OfflineRule(Section):
    """When the system is taken offline.

    One of `metric`/`below`, `category`/`above`, `event`, `freshness`/`older_than`, `heartbeat`.
    """

    metric: str | None = None
    below: Number | None = None
    over: str | None = None
    category: str | None = None
    above: str | None = None
    event: str | None = None
    freshness: str | None = None
    older_than: Duration | None = None
    heartbeat: Duration | None = None
    """No prediction for so long: the pipeline is dead, and people work with answers that no longer come."""


class Governance(Section):
    """The plan and the limits that it sets."""

    plan: Plan = Plan()
    policy: Path = "default"
    """`default`, `short-demo`, or a file that tightens the default."""
    metric: str | None = None
    minimum: Number | None = None
    metrics: tuple[Minimum, ...] = ()
    """More metrics, and every one that has a maximum: `{metric: wape@120, maximum: 0.3}`."""
    confidence: Number = Field(default=0.95, ge=0.95, lt=1.0)
    offline_when: tuple[OfflineRule, ...] = ()
    offline: Path | None = None
    """The procedure that takes the system offline."""
