"""The short policy shortens durations, and the ready examples' rates still bring what its bounds need."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from scipy.stats import poisson

from seatrial import examples
from seatrial.core.vocabulary import Criticality
from seatrial.domains.integration.combined_running import together_s
from seatrial.domains.integration.isolation_running import telling_s
from seatrial.domains.load.served import WARM_UP, driven_s
from seatrial.spec.policy import short_demo
from seatrial.spec.system import System
from seatrial.stats import proportions, quantiles

POLICY = short_demo(Criticality.OPERATIONAL)
BY_CHANCE = 0.01
"""A verdict that is not determined by chance alone must come less often than this."""
DISTURBANCES = 4
EXAMPLES = ["arrival_delay", "mail_triage", "answer_bot"]


def system_of(example: str) -> System:
    file = Path(examples.__file__).parent / example / "files" / "ready" / "seatrial.yaml"
    described = yaml.safe_load(file.read_text(encoding="utf-8"))
    kept = ("system", "version", "model", "load", "integrations", "flows")
    declared = {name: described[name] for name in kept if name in described}
    return System.model_validate(declared).model_copy(update={"policy": POLICY})


def too_few(rate_per_s: float, duration_s: float, needed: int) -> float:
    return float(poisson.cdf(needed - 1, rate_per_s * duration_s))


@pytest.mark.parametrize("example", EXAMPLES)
def test_the_short_peak_brings_the_requests_that_bound_its_last_percentile(example: str) -> None:
    system = system_of(example)
    assert system.load is not None
    rate = system.load.peak * (system.load.headroom or POLICY.load_headroom)
    share = max(float(name[1:]) / 100.0 for name in system.load.latency)
    needed = quantiles.fewest(share, POLICY.confidence)
    judged_s = driven_s(system, system.load, rate) * (1.0 - WARM_UP)
    assert too_few(rate, judged_s, needed) < BY_CHANCE


@pytest.mark.parametrize("example", EXAMPLES)
def test_all_flows_at_once_bring_the_records_that_bound_what_arrived(example: str) -> None:
    system = system_of(example)
    needed = proportions.clean_trials(POLICY.flow_delivered, 1.0 - POLICY.confidence)
    assert needed == 299
    assert all(too_few(flow.peak, together_s(system), needed) < BY_CHANCE for flow in system.flows)


@pytest.mark.parametrize("example", ["arrival_delay", "mail_triage"])
def test_the_short_disturbances_of_an_integration_meet_the_answers_that_bound_their_share(example: str) -> None:
    system = system_of(example)
    needed = proportions.clean_trials(POLICY.isolated, 1.0 - POLICY.confidence)
    each_s = max(POLICY.outage_duration, telling_s(system))
    assert needed == 59
    assert system.load is not None
    for rate in (system.load.peak, *(flow.peak for flow in system.flows)):
        assert too_few(rate, DISTURBANCES * each_s, needed) < BY_CHANCE
