"""The records of an integration that were really exchanged: read where they are, or written by us and observed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from seatrial.core.check import Trial
from seatrial.core.errors import SeatrialError
from seatrial.core.ports import Row
from seatrial.domains.flows.marking import broken_on_purpose, is_ours, marked, marker, place_of
from seatrial.domains.flows.master_data import MOST, keeps_all
from seatrial.spec.integration import Flow, IntegrationSection
from seatrial.spec.system import System

_MOST = 1000
_WAITS_S = (0.1, 0.3, 0.6, 1.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """The real records of one integration. `problem` says why there are none where reading failed."""

    records: Sequence[Row]
    problem: str = ""
    remedy: str = ""
    tested: bool = False
    unseen: bool = False
    written: Sequence[Row] = ()
    whole: bool = False
    """These are all the records that there are, not those of a stream that goes on."""


def exchanged(system: System, trial: Trial, name: str, section: IntegrationSection) -> Exchange:
    """What is read at the end that is declared, with a test record of ours where that can be written and observed."""
    end = section.test or section.production
    if end is None:
        return Exchange(records=(), problem="no test or production end is declared", remedy="Declare where it is.")
    records: Sequence[Row] = ()
    whole = False
    if section.tells(end, "read"):
        try:
            flows = [f for f in system.flows if name in (f.from_, f.to)]
            # What we put in ourselves says nothing of what a source gives; of what came out of the pipeline it does,
            # but for those that another check broke on purpose.
            ours = is_ours if any(f.from_ == name for f in flows) else broken_on_purpose
            found = [r for r in trial.integration(name).read(MOST) if not ours(r, flows)]
            whole = not flows and len(found) < MOST and keeps_all(section, end)
            records = found if whole else found[-_MOST:]
        except SeatrialError as error:
            return Exchange(records=(), problem=error.what, remedy=error.remedy)
    flow = next((f for f in system.flows if f.to == name), None)
    test = section.test if section.test is not None and section.test.writable else None
    # Where nothing says how to write, `writable` may be there for what takes our own records away again.
    writable = test is not None and section.tells(test, "observe") and section.tells(test, "write")
    if section.direction == "in" or flow is None or not writable or not records:
        problem = "" if section.tells(end, "read") else "nothing tells how to read what was exchanged"
        remedy = f"Declare read at the end of {name}, or where else what arrives there is kept and can be read."
        return Exchange(records=records, problem=problem, remedy=remedy, whole=whole)
    try:
        sent, arrived = _written(trial, name, flow, records[-1])
    except SeatrialError as error:
        return Exchange(records=records, problem=error.what, remedy=error.remedy)
    return Exchange(records=[*records, *arrived], tested=True, unseen=not arrived, written=(sent,))


def _written(trial: Trial, name: str, flow: Flow, template: Row) -> tuple[Row, Sequence[Row]]:
    """A record like one that was really exchanged, under a key of our own, as it arrived."""
    key = flow.key
    record = marked(template, flow, marker(trial), 0, start=place_of(trial, flow))
    integration = trial.integration(name)
    integration.listen()
    integration.write(record)
    value = str(record[key])
    for wait_s in _WAITS_S:
        if found := integration.observe(key, [value]).get(value):
            return record, found
        trial.clock.sleep(wait_s)
    return record, ()
