"""The three gates, as data: what each demands, how strictly, and when its review stands.

One machinery decides at all of them. Evidence is about the system, so each gate judges the same evidence, by limits of
its own; signatures, objections and decisions are made at one gate and count at no other.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from seatrial.core.vocabulary import GateName
from seatrial.gate.catalogue import PRODUCTION_READINESS
from seatrial.gate.requirement import Requirement
from seatrial.gate.requirements_scale import SCALE
from seatrial.spec.policy import Policy
from seatrial.spec.resolution import tightened
from seatrial.spec.system import System

_PILOT: Final = frozenset(
    {
        "model.out-of-sample",
        "model.threshold",
        "model.failure-modes",
        "model.trust",
        "integration.inventory",
        "organization.change-management",
        "ownership.monitor",
        "ownership.retraining",
    }
)
"""What a pilot can show, and what must be decided before production is prepared for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """One gate. `limits` are values of the policy at this gate, where they are tighter than the system's own.

    A policy file may state stricter ones under `gates`.
    `event` is what it opens the way to, in running text. `window_days`, where it is given, is the review's window in
    place of the policy's: so many days before the event, nearest and farthest.
    """

    name: GateName
    title: str
    question: str
    event: str
    requirements: tuple[Requirement, ...]
    limits: Mapping[str, float]
    window_days: tuple[int, int] | None = None

    def policy(self, system: System) -> Policy:
        """The system's policy as this gate applies it: never looser. Touches limits, not how checks are made."""
        own = system.policy
        here = own.model_copy(update=tightened(own, self.limits))
        stated = own.gates.get(self.name)
        return here if stated is None else here.model_copy(update=tightened(here, stated.given))

    def system(self, system: System) -> System:
        """The system under this gate's policy, for the limits of its checks."""
        return system.model_copy(update={"policy": self.policy(system)})

    def review_window(self, policy: Policy) -> tuple[int, int]:
        """The review stands this many days before the event: nearest, farthest."""
        if self.window_days is None:
            return policy.review_window_days
        return max(self.window_days[0], policy.review_window_days[0]), max(
            self.window_days[1], policy.review_window_days[1]
        )

    def planned(self, system: System) -> date | None:
        """The day for which the event is planned; None where none is."""
        if self.name is not GateName.ENTERPRISE_SCALE:
            return system.go_live
        return system.scale_up

    def earliest(self, system: System) -> date | None:
        """A day before which the event cannot be, whatever the gaps: the weeks that the watch must first see."""
        if self.name is GateName.ENTERPRISE_SCALE and system.go_live is not None:
            return system.go_live + timedelta(days=system.policy.watched_days)
        return None


GATES: Final[Mapping[GateName, Gate]] = {
    gate.name: gate
    for gate in (
        Gate(
            name=GateName.PILOT_EXIT,
            title="Pilot exit",
            question="Has the pilot shown enough to prepare for production?",
            event="go-live",
            requirements=tuple(r for r in PRODUCTION_READINESS if r.id in _PILOT),
            limits={},
            window_days=(70, 112),
        ),
        Gate(
            name=GateName.PRODUCTION_READINESS,
            title="Production readiness",
            question="May it carry real operations?",
            event="go-live",
            requirements=PRODUCTION_READINESS,
            limits={},
        ),
        Gate(
            name=GateName.ENTERPRISE_SCALE,
            title="Enterprise scale",
            question="Has production shown that it may be relied on everywhere?",
            event="scale-up",
            requirements=(*PRODUCTION_READINESS, *SCALE),
            limits={
                "flow_delivered": 0.995,
                "isolated": 0.98,
                "contract_violations": 0.005,
                "decision_shift": 0.05,
                "calibration_shift": 0.05,
                "overconfidence": 0.05,
                "held_back": 0.3,
            },
        ),
    )
}
"""All gates in the order of the way through them."""
PRODUCTION: Final = GATES[GateName.PRODUCTION_READINESS]
