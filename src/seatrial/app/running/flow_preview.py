"""What driving the declared flows would write where, said beforehand; nothing is written."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from seatrial.app.folder.outside import Outside
from seatrial.app.folder.subject import digest_files
from seatrial.app.folder.workspace import Workspace
from seatrial.app.running.trial import OpenTrial
from seatrial.core.errors import SeatrialError
from seatrial.core.observation import Finding, Json
from seatrial.core.ports import Row
from seatrial.domains.flows import window
from seatrial.domains.flows.driving import Lane
from seatrial.domains.flows.lanes import end_of, lane_of, unready
from seatrial.domains.flows.marking import marker
from seatrial.domains.integration import combined_running
from seatrial.spec.integration import End, Flow, IntegrationSection
from seatrial.spec.public import public
from seatrial.spec.system import System

_CHECK = "integration.combined-load"


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """One flow as `integration.combined-load` would drive it. Without `record` it would not, for the reasons given.

    `records` are those that are expected, of which at most `most` are ever put in; both over the run alone and the run
    of all flows at once.
    """

    flow: str
    where: str
    end: str
    records: int
    most: int
    rate: float
    record: Row | None
    looked_for: str
    removed: Mapping[str, str]
    reasons: tuple[str, ...]
    remedies: tuple[str, ...]

    def data(self) -> Json:
        """Plain data."""
        return {
            "flow": self.flow,
            "check": _CHECK,
            "writes": self.where,
            "end": self.end,
            "records": self.records,
            "records at most": self.most,
            "records a second": self.rate,
            "first record": None if self.record is None else dict(self.record),
            "looked for": self.looked_for,
            "removed": dict(self.removed),
            "reasons": list(self.reasons),
            "remedies": list(self.remedies),
        }


def preview(workspace: Workspace) -> tuple[Preview, ...]:
    """Every declared flow. Records are read to make ours of them; nothing is written, whatever the file allows."""
    system = workspace.system
    with Outside(workspace) as outside, tempfile.TemporaryDirectory() as work:
        trial = OpenTrial(
            workspace,
            outside,
            seed=0,
            say=_silent,
            work=Path(work),
            parts={},
            digests=digest_files(workspace).digests,
        )
        return tuple(_previewed(system, trial, flow, outside) for flow in system.flows)


def _silent(doing: str, share: float | None = None) -> None:
    """Nobody waits."""
    del doing, share


def _previewed(system: System, trial: OpenTrial, flow: Flow, outside: Outside) -> Preview:
    found = [*unready(system, flow, windows=True), *_closed(system, trial, flow)]
    reasons, remedies = [f.summary for f in found], [f.remedy for f in found]
    entry, exit_ = system.integrations.get(flow.from_), system.integrations.get(flow.to)
    start = end_of(entry, windows=True) if entry is not None else None
    record, where, most = None, "", 0
    if not reasons:
        try:
            lanes: list[Lane] = []
            for part, s in _parts(system):
                lanes.append(lane_of(trial, flow, f"{marker(trial)}-{part}", s, behind=lanes[-1] if lanes else None))
            record, most = lanes[0].records[0], sum(len(lane.records) for lane in lanes)
            requests = lanes[0].requests
            where = f"{requests[0].method} {public(requests[0].url)}" if requests else ""
        except SeatrialError as error:
            reasons.append(error.what)
            remedies.append(error.remedy)
    if not where and entry is not None and start is not None:
        where = _place(entry, start)
    return Preview(
        flow=flow.name,
        where=outside.redact(where),
        end="production" if start is not None and entry is not None and start is entry.production else "test",
        records=round(flow.peak * sum(s for _, s in _parts(system))) if record is not None else 0,
        most=most,
        rate=flow.peak,
        record=record,
        looked_for=outside.redact(_looked_for(exit_, flow)),
        removed=dict(_removals(system, flow)),
        reasons=tuple(outside.redact(reason) for reason in reasons),
        remedies=tuple(outside.redact(remedy) for remedy in remedies),
    )


def _closed(system: System, trial: OpenTrial, flow: Flow) -> Iterator[Finding]:
    names = {flow.from_, flow.to}
    if names <= set(system.integrations):
        one = system.model_copy(update={"flows": (flow,)})
        yield from window.closed(one, trial.clock.now(), combined_running.lasts_s(system))


def _parts(system: System) -> Sequence[tuple[str, float]]:
    return ("a", combined_running.alone_s(system)), ("b", combined_running.together_s(system))


def _place(section: IntegrationSection, end: End) -> str:
    """Where records that are not written over HTTP go."""
    told = {
        "sql": end.write,
        "files": f"new files in {end.write or '.'}",
        "mqtt": f"topic {end.write or end.topic or section.topic}",
        "amqp": f"exchange {end.exchange}, key {end.write or end.routing_key}"
        if end.exchange
        else f"queue {end.queue}",
    }
    alike = {"sftp": "files", "kafka": "mqtt", "http": "http", "webhook": "http"}
    kind = section.kind if section.kind in told else alike.get(section.kind, "sql")
    return f"{told.get(kind) or 'nowhere that is declared'} at {public(end.url)}"


def _looked_for(section: IntegrationSection | None, flow: Flow) -> str:
    end = end_of(section, windows=True) if section is not None else None
    if section is None or end is None:
        return "nowhere"
    return f"by {flow.key} at {flow.to}, {end.observe or public(end.url)}, within {flow.within:g} s"


def _removals(system: System, flow: Flow) -> Iterator[tuple[str, str]]:
    for name in dict.fromkeys((flow.from_, flow.to)):
        section = system.integrations.get(name)
        end = end_of(section, windows=True) if section is not None else None
        yield name, end.remove if end is not None and end.remove else "stays there: the end declares no remove"
