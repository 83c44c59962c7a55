"""Which test records checks have put in and not yet taken away: read on every call, so little is imported here."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

from seatrial.app.running.traces import Trace, broken_off, lines
from seatrial.core.errors import Malformed

if TYPE_CHECKING:
    from seatrial.app.folder.workspace import Workspace
    from seatrial.spec.integration import IntegrationSection

COMMAND = "seatrial flows --clean"


class RecordTraceFile:
    """One check's trace: a file that exists while records of its own may be somewhere, with a line for each lane."""

    def __init__(self, workspace: Workspace) -> None:
        self._system = workspace.system
        self._trace = Trace(
            _folder(workspace),
            {"since": workspace.clock.now().isoformat()},
            remedy="Test records that nobody could take away after a crash are not put in: free the place, then try "
            "again.",
        )

    def putting_in(self, flow: str, key: str, keys: Sequence[str], integrations: Sequence[str]) -> None:
        """Durable when this returns."""
        ends = {name: end_now(self._system.integrations[name]) for name in integrations}
        self._trace.append({"flow": flow, "key": key, "keys": list(keys), "ends": ends})

    def taken_away(self) -> None:
        """None is left that should be gone."""
        self._trace.over()


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftRecords:
    """Records of one lane that a killed run may have put in. `end` tells where they were, as one text."""

    flow: str
    key: str
    keys: tuple[str, ...]
    integration: str
    end: str

    @property
    def where(self) -> str:
        """As people call it."""
        return f"{self.integration} ({self.end.partition(' ')[0]})"


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftBehind:
    """What one check whose process is gone left behind. `file` is its trace."""

    since: str
    records: tuple[LeftRecords, ...]
    file: Path

    @property
    def told(self) -> str:
        """In words: where how many records may be, and under which keys."""
        first, last, most = dict[str, str](), dict[str, str](), dict[str, int]()
        for each in self.records:
            first.setdefault(each.where, each.keys[0])
            last[each.where] = each.keys[-1]
            most[each.where] = most.get(each.where, 0) + len(each.keys)
        places = "; ".join(f"at {place} up to {most[place]:,}, {first[place]} to {last[place]}" for place in most)
        return f"test records of a check of {self.since} that was killed may still be there: {places}"


def left_behind(workspace: Workspace, *, everywhere: bool = False) -> tuple[LeftBehind, ...]:
    """What killed checks left behind, the oldest first. Raises Malformed for a trace that cannot be read.

    Of checks on other hosts one cannot see from here whether they still run: `everywhere` takes them for gone.
    """
    found = []
    for file in broken_off(_folder(workspace), everywhere=everywhere):
        head, *lanes = lines(file, look="Look at the ends of the flows for records whose keys begin with seatrial-")
        records = tuple(record for lane in lanes for record in _records(lane))
        found.append(LeftBehind(since=str(head.get("since")), records=records, file=file))
    return tuple(sorted(found, key=lambda each: each.since))


def _records(lane: object) -> Iterator[LeftRecords]:
    if not isinstance(lane, dict) or not isinstance(lane.get("ends"), dict) or not lane.get("keys"):
        raise Malformed(f"a trace of test records cannot be read: {lane!r}", remedy="Look at the ends by hand.")
    for name, end in lane["ends"].items():
        yield LeftRecords(
            flow=str(lane["flow"]),
            key=str(lane["key"]),
            keys=tuple(map(str, lane["keys"])),
            integration=str(name),
            end=str(end),
        )


def end_now(section: IntegrationSection) -> str:
    """Which end is written to and looked at, and which address that is, without telling it."""
    from seatrial.domains.flows.lanes import end_of

    end = end_of(section, windows=True)
    if end is None:
        return "none"
    return f"{'production' if end is section.production else 'test'} {sha256(end.url.encode()).hexdigest()}"


def _folder(workspace: Workspace) -> Path:
    return workspace.folder / "records"
