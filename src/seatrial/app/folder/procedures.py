"""The procedures that a system file names: what they may touch, and what they must not give away."""

from __future__ import annotations

from dataclasses import dataclass

from seatrial.app.folder.files import LocalFiles
from seatrial.app.folder.workspace import Workspace
from seatrial.core.errors import SeatrialError
from seatrial.spec.loading import load_procedure
from seatrial.spec.procedure import GIVEN_BY_DRILLS, urls_of
from seatrial.spec.subject import procedures


@dataclass(frozen=True, slots=True, kw_only=True)
class Declared:
    """What the procedures declare: the URLs that their steps call, and the secrets in them."""

    urls: tuple[str, ...] = ()
    secrets: tuple[str, ...] = ()


def declared_by_procedures(workspace: Workspace) -> Declared:
    """Of all procedures that can be read; what is wrong with one, the check that needs it tells."""
    urls: list[str] = []
    secrets: list[str] = []
    files = LocalFiles(workspace.base)
    for path in procedures(workspace.system):
        try:
            environment = {**GIVEN_BY_DRILLS, **workspace.environment}
            read = load_procedure(files.read(path), name=path, environment=environment)
        except SeatrialError:
            continue
        secrets += [s for s in read.secrets if s not in GIVEN_BY_DRILLS.values()]
        for step in (
            *read.value.before,
            *read.value.steps,
            *read.value.target,
            *read.value.restore,
            *read.value.restored,
            *read.value.armed,
        ):
            urls += urls_of(step)
    return Declared(urls=tuple(dict.fromkeys(urls)), secrets=tuple(dict.fromkeys(secrets)))
