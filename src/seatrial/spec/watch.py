"""How the system is watched after launch. The limits are not here: they are those that the gate judged."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from seatrial.spec.quantities import Duration, Rate
from seatrial.spec.section import Section


class Intake(Section):
    """Where predictions or outcomes are fetched, beside those that are sent."""

    integration: str
    """A declared integration; what its `read` gives is asked for again and again, and each record counts once."""
    takes: Literal["predictions", "outcomes"]
    every: Duration = 60.0
    id: str = "id"
    """The field that tells which prediction a record is, or is about."""
    at: str | None = None
    """The field with its time; without one the time of its arrival counts."""
    fields: dict[Literal["prediction", "score", "label", "model"], str] = Field(default_factory=dict)
    """What the records call these; all other fields of a prediction are inputs."""


class Outlet(Section):
    """Where alarms are told to another system, beside the pages to people."""

    to: Literal["alertmanager", "webhook"]
    url: str
    """Alertmanager's own address, or that of the receiver; a secret in it needs `${NAME}`."""
    secret: str | None = None
    """The token for Alertmanager; for a webhook, what signs it. A secret, so `${NAME}`."""


class Summary(Section):
    """Who is told, again and again, how the days went: over the route by which they are paged."""

    to: tuple[str, ...] = Field(min_length=1)
    every: Duration = 7 * 86_400.0


class Watch(Section):
    """The watch after launch: what it listens on, what it expects, and what it may do by itself."""

    listen: str = "127.0.0.1:8750"
    """`host:port` for predictions and outcomes. Beyond this machine a `token` is needed."""
    token: str | None = None
    """What senders present as `Authorization: Bearer …`; a secret, so `${NAME}`."""
    store: str | None = None
    """The database of the watch, such as `postgresql://…`; by default a file beside the system file."""
    predictions: Rate | None = None
    """How many predictions there are; by default the peak of `load`. The chance of false alarms is kept for it."""
    labels: Rate | None = None
    """How many of them get their outcome; by default all. The chance of false alarms is kept for it."""
    at_least: Rate | None = None
    """Fewer predictions in a day than this rate brings is an alarm."""
    at_most: Rate | None = None
    """More predictions in a day (UTC) than this rate brings is an alarm."""
    heartbeat: Duration | None = None
    """No prediction for so long is an alarm."""
    labels_within: Duration | None = None
    """No outcome for so long is an alarm: the watch is blind."""
    take_offline: Literal["ask", "itself"] = "ask"
    """When a take-offline rule fires: ask the person who is paged, with one button, or start the procedure itself."""
    runbook: dict[str, str] = Field(default_factory=dict)
    """Monitor to what the person who is paged should do, in words or as an address."""
    intakes: tuple[Intake, ...] = ()
    outlets: tuple[Outlet, ...] = ()
    summary: Summary | None = None
    silence_at_most: Duration = 3 * 86_400.0
    """The longest time for which anybody may silence a monitor."""
