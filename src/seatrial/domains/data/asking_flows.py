"""Which flow asks which source: each is driven by itself, and what comes back over the lines is counted.

While all flows run at once, what one of them does at a line hides what another one does not do. A flow asks a source
that is asked in each of several drives of that flow, one after the other, and much more than at rest. It is driven with
few records before, which are put in again and again: what is kept of each for longer is asked once, and not judged.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from seatrial.core.check import Trial
from seatrial.domains.flows.driving import Lane, drive, patience_s
from seatrial.domains.flows.lanes import lane_of, templates_of
from seatrial.domains.sending import inputs_of
from seatrial.spec.integration import Flow
from seatrial.spec.system import System

_DRIVES = 3
_EACH = 2.0
"""So many records of the same contents are expected in each drive."""
_ABOVE_REST = 2.0
"""Something may ask a source at rest, such as a look at its health: a flow asks it where so many times more comes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asking:
    """Flows by the source that each makes be asked all the time; nothing where there is only one flow.

    `idle` are those by the source of which records were put in, and nothing at all came back over its line. `polled`
    are the sources that are asked at rest too, `fed` the flows by the source that feeds their model.
    """

    flows: Mapping[str, frozenset[str]] = field(default_factory=dict)
    idle: Mapping[str, frozenset[str]] = field(default_factory=dict)
    polled: frozenset[str] = frozenset()
    fed: Mapping[str, frozenset[str]] = field(default_factory=dict)

    def not_again(self, source: str, after: Asking) -> frozenset[str]:
        """The flows that asked it, and of which nothing asked it `after`."""
        return self.flows.get(source, frozenset()) & after.idle.get(source, frozenset())

    def of(self, source: str) -> frozenset[str]:
        """The flows that must feel it when the source is away, as far as can be told.

        What asks a polled source for a flow may be the poll: there the declaration counts as well.
        """
        told = self.fed.get(source, frozenset()) if source in self.polled else frozenset()
        return self.flows.get(source, frozenset()) | told


def asking(
    system: System, trial: Trial, sources: Sequence[str], added: Callable[[Lane], Lane], mark: str, duration_s: float
) -> Asking:
    """Drive each flow alone, for that long at its peak. `added` is told of each lane before its records are put in.

    Raises SeatrialError like `drive`.
    """
    if len(system.flows) < 2:
        return Asking()
    trial.say("nothing, and then each flow alone, to see what it asks")
    part_s = duration_s / _DRIVES
    lines = _Lines(trial, sources)
    trial.clock.sleep(duration_s)
    at_rest = lines.bytes_a_second()
    found: dict[str, set[str]] = {name: set() for name in sources}
    idle: dict[str, set[str]] = {name: set() for name in sources}
    for at, flow in enumerate(system.flows):
        sent, parts = 0, list[Mapping[str, float]]()
        for lane in _lanes(trial, flow, f"{mark}-{at}", part_s):
            lines = _Lines(trial, sources)
            passages, _ = drive(trial, [added(lane)], duration_s=part_s, settled=False)
            parts.append(lines.bytes_a_second())
            sent += len(passages[flow.name].sent) if len(parts) > 1 else 0
        for name in sources:
            each = [part[name] for part in parts[1:]]
            if all(each) and sum(each) / len(each) > _ABOVE_REST * at_rest[name]:
                found[name].add(flow.name)
            if sent and not any(each):
                idle[name].add(flow.name)
    return Asking(
        flows={name: frozenset(flows) for name, flows in found.items()},
        idle={name: frozenset(flows) for name, flows in idle.items()},
        polled=frozenset(name for name in sources if at_rest[name]),
        fed={name: _fed(system, trial, name) for name in sources},
    )


def longest_s(system: System, duration_s: float) -> float:
    """How long that takes at most."""
    each_s = ((1.0 + 1.0 / _DRIVES) * duration_s + (1 + _DRIVES) * patience_s(flow) for flow in system.flows)
    return duration_s + sum(each_s) if len(system.flows) > 1 else 0.0


def _lanes(trial: Trial, flow: Flow, mark: str, duration_s: float) -> Sequence[Lane]:
    """One more than are looked at, all of the same few contents."""
    few = templates_of(trial, flow)[: max(1, int(flow.peak * duration_s / _EACH))]
    lanes: list[Lane] = []
    for at in range(1 + _DRIVES):
        behind = lanes[-1] if lanes else None
        lanes.append(lane_of(trial, flow, f"{mark}-{at}", duration_s, behind=behind, templates=few))
    return lanes


class _Lines:
    """What comes back over the lines to these sources from now on."""

    def __init__(self, trial: Trial, sources: Sequence[str]) -> None:
        self._trial = trial
        self._before = {name: trial.line(name).counts().bytes_back for name in sources}
        self._began = trial.clock.monotonic()

    def bytes_a_second(self) -> Mapping[str, float]:
        took_s = max(self._trial.clock.monotonic() - self._began, 1e-3)
        return {n: (self._trial.line(n).counts().bytes_back - was) / took_s for n, was in self._before.items()}


def _fed(system: System, trial: Trial, source: str) -> frozenset[str]:
    """The flows that hand over the model's answers, where the source feeds an input of it and is not their entry."""
    inputs = inputs_of(system, trial)
    section = system.integrations.get(source)
    feeds = section is not None and bool(set(section.feeds) & set(inputs))
    if not feeds and not any(each.fed_by == source for each in inputs.values()):
        return frozenset()
    return frozenset(flow.name for flow in system.flows if flow.answers and flow.from_ != source)
