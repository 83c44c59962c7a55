"""What only the third gate demands: that production itself has shown, for weeks, that the system holds."""

from __future__ import annotations

from typing import Final

from seatrial.core.vocabulary import Assurance, Domain, Role
from seatrial.gate.requirement import Requirement

WATCH_RECORD: Final = "governance.watch-record"

SCALE: Final[tuple[Requirement, ...]] = (
    Requirement(
        id=WATCH_RECORD,
        domain=Domain.GOVERNANCE,
        question="Has it held its limits in production for weeks, with somebody watching?",
        establishes="The watch's own record of the last 30 to 90 days on this model (by criticality): the days really "
        "watched, the time in which nobody watched, every alarm with how long it took until somebody answered, every "
        "breach, and the performance with its bound.",
        why="A pilot and a review show what can happen; what breaks in the first months shows only in the first "
        "months. Whoever scales before they have passed multiplies it.",
        reviewer=Role.OPERATIONS,
        demands=Assurance.OBSERVED,
        lease_days=7,
        rests_on=("declaration", "model"),
        effort_days=1,
        may_be_waived=False,
        after=("governance.offline-thresholds",),
        remedy="Let `seatrial watch` run beside production until it has watched long enough, and answer its alarms.",
    ),
)
"""In the order in which they are listed, after what production readiness demands."""
