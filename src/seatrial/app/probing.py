"""Asks what is served now: the model, the servers of the integrations, and the databases that hold data."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

from seatrial.app.outside import Outside
from seatrial.app.subject import MODEL, Identities
from seatrial.app.workspace import Workspace
from seatrial.core.errors import SeatrialError


def probe(workspace: Workspace) -> Identities:
    """What each tells of itself; what does not answer is unknown, with its reason."""
    found: dict[str, str] = {}
    unknown: dict[str, str] = {}
    with Outside(workspace) as outside:
        for part, ask in _probes(workspace, outside):
            try:
                found[part] = ask()
            except SeatrialError as error:
                unknown[part] = outside.redact(error.what)
    return Identities(found=found, unknown=unknown, at=workspace.clock.now())


def _probes(workspace: Workspace, outside: Outside) -> Iterator[tuple[str, Callable[[], str]]]:
    system, data = workspace.system, workspace.system.data
    yield MODEL, lambda: outside.model.identity()  # noqa: PLW0108 - opening the model may fail, and must do so inside
    for name in system.integrations:
        yield f"integration.{name}", partial(_version, outside, name)
    for name, source in (("training", data.training), ("evaluation", data.evaluation), ("live", data.live)):
        if source is not None and "://" in source.source:
            yield f"data.{name}", partial(_content, outside, name)


def _version(outside: Outside, name: str) -> str:
    return outside.integration(name).version()


def _content(outside: Outside, name: str) -> str:
    return outside.table(name).digest()
