"""How long a verdict stays as it is where nothing happens: until the next moment at which the time alone changes it.

Every question that the gate asks of the time is one of five, and the next moment at which one of them is answered
otherwise is found without deciding:

1. which day it is (UTC): dates of gaps and of the review, who has left by now;
2. whether a record lies in the future, which makes all of it wait for the clock;
3. whether a lease has run out: a record's own time and one of the lengths that leases have here;
4. whether the probe of what is served still holds;
5. whether a waiver has ended.

For leases all records are asked with all lengths, so that a moment may be named at which nothing changes, and none is
left out at which something does.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta

from seatrial.core.bodies import WaiverBody
from seatrial.core.record import Evidence
from seatrial.core.vocabulary import RecordType
from seatrial.gate.catalogue import EVERY
from seatrial.gate.inputs import Inputs
from seatrial.gate.standing import IDENTITY_HOLDS, lease


def lasts_until(inputs: Inputs) -> datetime:
    """The first moment after `inputs.now` from which on these inputs may be decided otherwise.

    `inputs.now` itself where a record or a probe lies in the future: then every moment may.
    """
    now, probed = inputs.now, inputs.subject.probed_at
    ahead = (inputs.evidence.newest, inputs.ledger.newest, probed)
    if any(at is not None and at > now for at in ahead):
        return now
    moments = [_midnight(now), *_lease_ends(inputs), *_waivers_end(inputs)]
    if probed is not None:
        moments.append(probed + IDENTITY_HOLDS)
    return min(moment for moment in moments if moment > now)


def _midnight(now: datetime) -> datetime:
    return datetime.combine(now.astimezone(UTC).date() + timedelta(days=1), time.min, UTC)


def _lease_ends(inputs: Inputs) -> Iterator[datetime]:
    """For each length that a lease has here, when the oldest record runs out that does not have yet."""
    lengths = {
        lease(row, inputs, check)
        for row in (*EVERY, *inputs.requirements)
        for check in ("", *inputs.checks.get(row.id, ()))
    }
    in_time = inputs.evidence.by(_every, _made_at).get(True, ())
    for length in lengths:
        place = bisect_right(in_time, inputs.now - length, key=_made_at)
        if place < len(in_time):
            yield _made_at(in_time[place]) + length


def _waivers_end(inputs: Inputs) -> Iterator[datetime]:
    for _, body in inputs.evidence.bodies(RecordType.WAIVER, WaiverBody):
        yield body.expires_at


def _every(evidence: Evidence) -> bool:
    del evidence
    return True


def _made_at(evidence: Evidence) -> datetime:
    return evidence.record.at
