"""A procedure file: the steps of a rollback, a stop or a fallback, each with its deadline and its proof."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Literal

from pydantic import Field, field_validator

from seatrial.spec.quantities import Duration
from seatrial.spec.section import Section

REPORT, REPORT_LINK = "SEATRIAL_REPORT", "SEATRIAL_REPORT_LINK"
GIVEN_BY_DRILLS = {REPORT: "(the text of a report)", REPORT_LINK: "(the link of a report)"}
"""Names that a drill fills in for its procedure alone, with what stands for them while no drill runs."""

LOOKING = ("GET", "HEAD")
"""The HTTP methods that only look."""


class Step(Section):
    """One step. Its `with` depends on the kind.

    `command` {run: [argv…]}, `http` {method, url, json, expect: {status, json}}, `sql` {url, statement, expect},
    `message` {integration, record}, `wait-until` {http|sql|command …, every}, `ask` {who, question}.
    """

    name: str
    kind: Literal["command", "http", "sql", "message", "wait-until", "ask"]
    settings: dict[str, Any] = Field(default_factory=dict, alias="with")
    deadline: Duration
    undo: Step | None = None
    """Takes the step back. It also runs for a step that failed, was interrupted or was killed half-way, so it must do
    no harm where the step did nothing."""


class Procedure(Section):
    """Steady state before, steps, target state after, and a restore that always runs.

    `before`, `target` and `restored` are proofs: steps that only look. A procedure whose target is not proven did not
    work, whatever its steps' exit codes say. In a drill of a rollback
    or a stop, `target` must not hold before the steps.
    """

    procedure: str
    purpose: str = ""
    before: tuple[Step, ...] = Field(min_length=1)
    steps: tuple[Step, ...] = Field(min_length=1)
    target: tuple[Step, ...] = Field(min_length=1)
    restore: tuple[Step, ...] = ()
    restored: tuple[Step, ...] = ()
    armed: tuple[Step, ...] = ()
    """Looks at what the steps will need: that the artefact to go back to is there, with its digest, and that the
    credentials still permit the steps. The daily arming probe takes them; what they show must stay what it was when
    the procedure was rehearsed, so let them show a digest and nothing that changes by itself (`take` cuts it out)."""

    @field_validator("armed")
    @classmethod
    def _only_look(cls, looks: tuple[Step, ...]) -> tuple[Step, ...]:
        for look in looks:
            kind, settings = look.kind, look.settings
            if kind in ("ask", "message") or look.undo is not None:
                raise ValueError("expected steps that only look: nobody is asked, nothing is sent or has to be undone")
            if kind == "wait-until":
                kind, settings = ("http", settings["http"]) if "http" in settings else (kind, {})
            method = str(settings.get("method", "GET")).upper() if isinstance(settings, dict) else "GET"
            if kind == "http" and (method not in LOOKING or "json" in settings):
                raise ValueError("expected steps that only look: HTTP with GET or HEAD, and without a body")
        return looks


def urls_of(step: Step) -> Iterator[str]:
    """The addresses that a step and its undo call, wherever its kind keeps them."""
    yield from _urls(step.settings)
    if step.undo is not None:
        yield from urls_of(step.undo)


def _urls(settings: object) -> Iterator[str]:
    if not isinstance(settings, Mapping):
        return
    for key, value in settings.items():
        if key == "url" and isinstance(value, str):
            yield value
        else:
            yield from _urls(value)
