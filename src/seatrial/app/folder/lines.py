"""The lines through which the tested system reaches its integrations, held open by a process of their own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from seatrial.adapters.integrations.files import folder_of
from seatrial.adapters.proxy.address import Address, address, address_of
from seatrial.adapters.proxy.control import controllable, held_elsewhere
from seatrial.adapters.proxy.lines import Ends, Lines
from seatrial.adapters.proxy.link import Place
from seatrial.app.folder.workspace import Workspace
from seatrial.core.errors import Refused
from seatrial.spec.integration import End, led_by_link
from seatrial.spec.system import System


def wanted_lines(system: System, base: Path) -> Mapping[str, Ends]:
    """For each test end that declares `via`: where we listen, and where it leads. Raises Malformed.

    Paths are relative to `base`.
    """
    return {
        name: _linked(name, section.test, section.test.via, base)
        if led_by_link(section)
        else (address(section.test.via), _target(section.test))
        for name, section in system.integrations.items()
        if section.test is not None and section.test.via
    }


def _target(end: End) -> Address:
    return address(end.share) if end.share else address_of(end.url)


def _linked(name: str, end: End, via: str, base: Path) -> Ends:
    folder = folder_of(name, end, base)
    return Place(path=(base / via).absolute()), Place(path=folder.resolve())


def control_file(workspace: Workspace) -> Path:
    """What tells the checks of this system where its lines can be held."""
    return workspace.folder / "lines.json"


@contextmanager
def held(workspace: Workspace) -> Iterator[Mapping[str, tuple[str, str]]]:
    """Hold all declared lines open: name to where we listen and where it leads, until the block is left.

    Raises Refused where none is declared, or where another process holds them already.
    """
    wanted = wanted_lines(workspace.system, workspace.base)
    if not wanted:
        raise Refused(
            "no integration declares a line",
            remedy="Give an integration's test end `via: host:port` (a folder of this machine a path), and lead the "
            "tested system through it.",
        )
    control = control_file(workspace)
    if held_elsewhere(control):
        raise Refused("another process holds the lines of this system already", remedy="Stop that `seatrial proxy`.")
    with Lines(wanted) as lines, controllable(lines, control):
        yield {name: (lines.named(name).listen.text, target.text) for name, (_, target) in wanted.items()}
