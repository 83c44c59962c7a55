"""The policy: windows, headrooms, rehearsals and sample sizes. A file may tighten the floors, never loosen them."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from seatrial.core.vocabulary import Criticality
from seatrial.spec.quantities import Duration, Number, Share


class Policy(BaseModel):
    """How hard the gate looks. `demonstration` marks a policy made for showing: under it no verdict can be GO."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    name: str = "default"
    demonstration: bool = False
    confidence: Number = Field(default=0.95, ge=0.95, lt=1.0)
    """One-sided confidence of every bound."""
    leases: dict[str, Duration] = Field(default_factory=dict)
    """Requirement id to how long its evidence holds, in seconds; only shorter than the catalogue's."""
    waivers: tuple[str, ...] = ()
    """Requirements that may be waived; none by default."""
    review_window_days: tuple[int, int] = (28, 42)
    """The review stands this many days before go-live: nearest, farthest."""

    load_duration: Duration = 300.0
    load_headroom: Number = Field(default=1.5, ge=1.0)
    load_blocks: int = Field(default=20, ge=20)
    load_errors: Share = 0.01
    flow_duration: Duration = 60.0
    flow_delivered: Share = 0.99
    """Share of a flow's records that must certainly arrive once and in time, with all flows at once."""
    rehearsals: int = Field(default=3, ge=3)
    rollback_window: Duration = 14_400.0
    fallback_duration: Duration = 600.0

    smallest_harm: Share = 0.10
    """A slice whose error is higher than the rest by this much must be found …"""
    smallest_slice: Share = 0.05
    """… when it holds at least this share of the rows."""
    smallest_fault_harm: Share = 0.05
    """A fault kind that silently harms this share of rows must be found."""
    search_power: Share = 0.80
    domain_auc: Number = Field(default=0.65, le=0.65)
    effective_share: Share = 0.2
    effective_rows: int = Field(default=500, ge=500)
    contract_violations: Share = 0.01
    mismatches: Share = 0.01
    decision_shift: Share = 0.10
    """The share of rows that are acted on may differ by this much between evaluation and live rows."""
    calibration_shift: Share = 0.10
    """The mean score's distance from the share of positives may differ by this much between them."""

    @staticmethod
    def in_seconds(key: str) -> bool:
        """True for the fields that are durations."""
        return key in ("load_duration", "flow_duration", "rollback_window", "fallback_duration")


HIGHER_IS_TIGHTER = frozenset(
    {
        "confidence",
        "load_duration",
        "load_headroom",
        "load_blocks",
        "flow_duration",
        "flow_delivered",
        "rehearsals",
        "fallback_duration",
        "search_power",
        "effective_share",
        "effective_rows",
        "demonstration",
    }
)
LOWER_IS_TIGHTER = frozenset(
    {
        "load_errors",
        "rollback_window",
        "smallest_harm",
        "smallest_slice",
        "smallest_fault_harm",
        "domain_auc",
        "contract_violations",
        "mismatches",
        "decision_shift",
        "calibration_shift",
    }
)

_SCALE: dict[Criticality, dict[str, float]] = {
    Criticality.ADVISORY: {"load_headroom": 1.2, "rollback_window": 86_400.0},
    Criticality.OPERATIONAL: {},
    Criticality.CRITICAL: {"load_headroom": 2.0, "rehearsals": 5, "load_duration": 900.0},
}


def policy_for(criticality: Criticality) -> Policy:
    """The default policy, scaled by how much hangs on the system: the floor that a file may only tighten."""
    return Policy().model_copy(update=_SCALE[criticality])


def short_demo(criticality: Criticality) -> Policy:
    """A policy for showing: durations shortened, sample sizes kept, and by its mark no verdict under it can be GO."""
    return policy_for(criticality).model_copy(
        update={
            "name": "short-demo",
            "demonstration": True,
            "load_duration": 8.0,
            "flow_duration": 6.0,
            "fallback_duration": 5.0,
        }
    )
