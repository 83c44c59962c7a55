"""The load that production brings, and what must hold under it."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from seatrial.spec.quantities import Duration, Number, Rate, Share, Size
from seatrial.spec.section import Path, Section


class Memory(Section):
    """Where the memory of what serves the model can be seen while a soak runs, and how much it may become."""

    process: Path | None = None
    """A file with the number of the serving process, on this machine."""
    metrics: str | None = None
    """The address of its metrics in Prometheus' text format, instead of a process."""
    name: str = "process_resident_memory_bytes"
    """The metric that is its memory in bytes."""
    at_most: Size


class Load(Section):
    """Peak production volume, and the latency that keeps the output useful: percentile name to limit."""

    peak: Rate
    latency: dict[Literal["p50", "p90", "p95", "p99", "p99.9"], Duration] = Field(min_length=1)
    headroom: Number | None = Field(default=None, ge=1.0)
    duration: Duration | None = None
    errors: Share | None = None
    arrivals: Literal["poisson", "constant"] = "poisson"
    """`poisson` as from many independent callers; `constant` as from a machine that sends by the clock."""
    trace: Path | None = None
    """When requests really came, one time a line, as seconds or ISO 8601: its busiest stretch is replayed instead."""
    ramp: Duration | None = None
    """For how long the rate climbs to the peak before anything is judged, where production's climbs so too."""
    memory: Memory | None = None
