"""The people of a system, what they answer for, and how its users are trained."""

from __future__ import annotations

from pydantic import Field

from seatrial.spec.quantities import Day, Duration, Share
from seatrial.spec.section import Path, Section

PersonId = str


class Person(Section):
    """Somebody who can own, accept, sign or be paged. `page` is a secret route such as `webhook+https://…`."""

    name: str
    email: str | None = None
    page: str | None = None
    test_page: str | None = None
    """A route over the same service that wakes nobody: the daily arming probe really sends there. Without it only
    routes that can be tried without sending (webhooks) count as probed."""
    left_on: Day | None = None


class Owner(Section):
    """The production operations owner. `stop` is the procedure that takes the system offline in one action."""

    who: PersonId | None = None
    deputy: PersonId | None = None
    manager: PersonId | None = None
    objective: str | None = None
    may_pull: bool = False
    stop: Path | None = None
    acknowledge_within: Duration | None = None


class Duty(Section):
    """One of the four ownership questions, with its answer."""

    who: PersonId | None = None
    deputy: PersonId | None = None
    acknowledge_within: Duration | None = None
    answer_within: Duration | None = None
    criteria: Path | None = None


class Duties(Section):
    """Who watches, who is woken, who approves retraining, whom a doubting supervisor calls."""

    monitor: Duty | None = None
    pipeline_alert: Duty | None = Field(default=None, alias="pipeline-alert")
    retraining: Duty | None = None
    escalation_point: Duty | None = Field(default=None, alias="escalation-point")


class Training(Section):
    """Who uses the system, what they read, and the share of right answers that passes."""

    users: Path | None = None
    material: Path | None = None
    passing: Share = Field(default=0.8, alias="pass")
