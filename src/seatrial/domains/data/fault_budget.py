"""How long a fault campaign may take, from what is declared: rows for the power, requests, waits for lost records."""

from __future__ import annotations

import math
from collections.abc import Mapping

from seatrial.core.wording import count, span
from seatrial.domains.data.campaign import AT_ONCE
from seatrial.domains.data.fault_entry import GRACE_S
from seatrial.spec.integration import Flow
from seatrial.spec.system import System
from seatrial.stats.detection import trials_to_see

_SPARE = 1.15
"""So many more rows than the demanded power takes, so that it does not hang on a single one."""
_LEAST_S = 600.0
_FAULTS_A_FIELD = 25
"""More than any type of field has, swaps and pairs included."""
_INPUTS = 40
"""Taken for a model whose inputs are in a file of their own, which is not read before the check begins."""
_LATENCY_S = 0.5
_OTHERS_S = 60.0
_PUTS = 2
"""A fault is put in, and what did harm once more."""


def rows_each(system: System) -> int:
    """Into how many rows each fault goes."""
    harm = min(0.999, system.policy.smallest_fault_harm)
    return math.ceil(_SPARE * trials_to_see(harm, system.policy.search_power))


def at_the_model_s(system: System, inputs: int) -> float:
    """The longest that the faults at the model may take, seconds: each row alone, as slow as the load may make it."""
    declared = max(system.load.latency.values(), default=_LATENCY_S) if system.load is not None else _LATENCY_S
    requests = inputs * _FAULTS_A_FIELD * rows_each(system)
    return max(_LEAST_S, requests * min(declared, system.model.timeout) / AT_ONCE)


def at_an_entry_s(flow: Flow, faults: int) -> float:
    """The longest that so many faults may take at the flow's entry, seconds: as if each lost its records."""
    return _OTHERS_S + faults * _PUTS * (flow.within + GRACE_S)


def whole_s(system: System) -> float:
    """When the check is stopped: the longest at the model and at all entries, with as many faults as there can be."""
    inputs = len(system.model.inputs) if isinstance(system.model.inputs, Mapping) else _INPUTS
    entries = sum(at_an_entry_s(flow, inputs * _FAULTS_A_FIELD) for flow in system.flows)
    return at_the_model_s(system, inputs) + entries + 30.0 * system.model.timeout + _OTHERS_S


def told(system: System, faults: int, rows: int, latency_s: float) -> str:
    """For the person who waits: what the faults at the model will take, by the time that clean rows took."""
    wait_s = faults * rows * latency_s / AT_ONCE
    flows = f", then the entries of {count(len(system.flows), 'flow')}" if system.flows else ""
    return f"{count(faults, 'fault')} in up to {rows} rows each at the model: up to {span(max(1.0, wait_s))}{flows}"


def told_of(flow: Flow, faults: int, longest_s: float) -> str:
    """Likewise for a flow's entry."""
    return (
        f"{count(faults, 'fault')} at the entry of {flow.name}: at most {span(longest_s)}, where every record is lost "
        f"and waited for ({span(flow.within)} each)"
    )
