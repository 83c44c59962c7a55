"""The lines through which the tested system reaches its integrations, held open by a process of their own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from seatrial.adapters.proxy.address import Address, address, address_of
from seatrial.adapters.proxy.control import controllable, held_elsewhere
from seatrial.adapters.proxy.lines import Lines
from seatrial.app.workspace import Workspace
from seatrial.core.errors import Refused
from seatrial.spec.system import System


def wanted_lines(system: System) -> Mapping[str, tuple[Address, Address]]:
    """For each test end that declares `via`: where we listen, and where it leads. Raises Malformed."""
    return {
        name: (address(section.test.via), address_of(section.test.url))
        for name, section in system.integrations.items()
        if section.test is not None and section.test.via
    }


def control_file(workspace: Workspace) -> Path:
    """What tells the checks of this system where its lines can be held."""
    return workspace.folder / "lines.json"


@contextmanager
def held(workspace: Workspace) -> Iterator[Mapping[str, tuple[str, str]]]:
    """Hold all declared lines open: name to where we listen and where it leads, until the block is left.

    Raises Refused where none is declared, or where another process holds them already.
    """
    wanted = wanted_lines(workspace.system)
    if not wanted:
        raise Refused(
            "no integration declares a line",
            remedy="Give an integration's test end `via: host:port`, and lead the tested system through that address.",
        )
    control = control_file(workspace)
    if held_elsewhere(control):
        raise Refused("another process holds the lines of this system already", remedy="Stop that `seatrial proxy`.")
    with Lines(wanted) as lines, controllable(lines, control):
        yield {name: (lines.named(name).listen.text, target.text) for name, (_, target) in wanted.items()}
