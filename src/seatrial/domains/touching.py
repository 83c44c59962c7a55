"""What a procedure would touch, and how long it can take, told from its steps alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final
from urllib.parse import urlsplit

from seatrial.spec.procedure import Procedure, Step

THIS_MACHINE: Final = "this machine"
"""What a command acts on, as far as anybody can tell."""
_PORTS: Final = {"http": 80, "https": 443, "postgresql": 5432, "mysql": 3306, "mariadb": 3306}


def touches(procedure: Procedure) -> tuple[str, ...]:
    """Every place that its steps, its ways home and its looks would touch, in their order."""
    phases = (
        procedure.before,
        procedure.steps,
        procedure.target,
        procedure.restore,
        procedure.restored,
        procedure.armed,
    )
    steps = [each for phase in phases for step in phase for each in (step, step.undo) if each is not None]
    return tuple(dict.fromkeys(place for step in steps for place in targets_of(step)))


def targets_of(step: Step) -> tuple[str, ...]:
    """What a step would touch.

    `host:port` of each address in it, `this machine` for a command, the integration of a message, a person's id.
    """
    if step.kind == "ask":
        return (str(step.settings.get("who")),)
    return tuple(dict.fromkeys(_targets(step.kind, step.settings)))


def _targets(kind: str, settings: Mapping[str, Any]) -> Iterator[str]:
    if kind == "wait-until":
        for inner, content in settings.items():
            if isinstance(content, Mapping):
                yield from _targets(inner, content)
    elif kind == "command":
        yield THIS_MACHINE
    elif kind == "message":
        yield str(settings.get("integration"))
    else:
        yield host_of(str(settings.get("url", "")))


def host_of(url: str) -> str:
    """`host:port` of an address, or the file of a database that is one; never a credential.

    >>> host_of("https://user:secret@model.example.com/activate")
    'model.example.com:443'
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return ""
    if not parts.hostname:
        return parts.path
    default = _PORTS.get(parts.scheme.partition("+")[0])
    shown = port or default
    return f"{parts.hostname}:{shown}" if shown else parts.hostname


def longest_s(procedure: Procedure) -> float:
    """Seconds that the procedure can take at most, by its own deadlines."""
    phases = (procedure.before, procedure.steps, procedure.target, procedure.restore, procedure.restored)
    return sum(step.deadline + (step.undo.deadline if step.undo else 0.0) for phase in phases for step in phase)
