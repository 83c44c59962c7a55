"""A procedure file: the steps of a rollback, a stop or a fallback, each with its deadline and its proof."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from seatrial.spec.quantities import Duration
from seatrial.spec.system import Section


class Step(Section):
    """One step. Its `with` depends on the kind.

    `command` {run: [argv…]}, `http` {method, url, json, expect: {status, json}}, `sql` {url, statement, expect},
    `wait-until` {http|sql|command …, every}, `ask` {who, question}.
    """

    name: str
    kind: Literal["command", "http", "sql", "wait-until", "ask"]
    settings: dict[str, Any] = Field(default_factory=dict, alias="with")
    deadline: Duration
    undo: Step | None = None


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
