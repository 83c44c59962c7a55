"""The lines through which the tested system reaches its integrations, held open by a process of their own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from seatrial.adapters.integrations.files import folder_of
from seatrial.adapters.proxy.address import address, address_of
from seatrial.adapters.proxy.control import controllable, held_elsewhere
from seatrial.adapters.proxy.lines import Ends, Lines
from seatrial.adapters.proxy.link import Place
from seatrial.app.folder.workspace import Workspace
from seatrial.core.errors import Malformed, Refused
from seatrial.spec.integration import End, IntegrationSection, led_by_link
from seatrial.spec.system import System


def wanted_lines(system: System, base: Path) -> Mapping[str, Ends]:
    """For each test end that declares `via`: where we listen, and where it leads. Raises Malformed.

    Paths are relative to `base`. Where two have the same ends, they share one line.
    """
    found: dict[str, Ends] = {}
    by_place: dict[str, str] = {}
    for name, section in system.integrations.items():
        if section.test is None or not section.test.via:
            continue
        ends = found[name] = _ends(name, section, section.test, base)
        other = by_place.setdefault(ends[0].text, name)
        if found[other] != ends and not ends[0].text.endswith(":0"):
            raise Malformed(
                f"integrations.{other}.test.via and integrations.{name}.test.via are both {ends[0].text}, and lead to "
                f"{found[other][1].text} and to {ends[1].text}",
                remedy="Give each server a `via` of its own; only integrations of one server may share one.",
            )
    return found


def sharing(wanted: Mapping[str, Ends], name: str) -> Mapping[str, Ends]:
    """Of these, that line and all that share it."""
    return {other: ends for other, ends in wanted.items() if ends == wanted[name]}


def _ends(name: str, section: IntegrationSection, end: End, base: Path) -> Ends:
    if led_by_link(section):
        return _linked(name, end, end.via or "", base)
    try:
        target = address(end.share) if end.share else address_of(end.url)
    except Malformed as error:
        raise Malformed(
            f"no line leads to integrations.{name}.test.url: {error.what}",
            remedy=f"{error.remedy} A server behind a Unix socket mostly listens at a port too.",
        ) from None
    try:
        return address(end.via or ""), target
    except Malformed as error:
        raise Malformed(f"integrations.{name}.test.via: {error.what}", remedy=error.remedy) from None


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
