"""The short policy shortens durations, and the ready examples' rates still bring what its bounds need."""

from __future__ import annotations

from math import sqrt
from pathlib import Path

import pytest
import yaml

from seatrial import examples
from seatrial.core.vocabulary import Criticality
from seatrial.domains.load.served import WARM_UP
from seatrial.spec.load import Load
from seatrial.spec.policy import short_demo
from seatrial.stats import proportions, quantiles

POLICY = short_demo(Criticality.OPERATIONAL)
SURE = 3.5
"""So many standard deviations below the mean chance may bring: less than one time in four thousand."""
DISTURBANCES = 4


def load_of(example: str) -> Load:
    file = Path(examples.__file__).parent / example / "files" / "ready" / "seatrial.yaml"
    return Load.model_validate(yaml.safe_load(file.read_text(encoding="utf-8"))["load"])


def fewest_arrivals(rate_per_s: float, duration_s: float) -> float:
    expected = rate_per_s * duration_s
    return expected - SURE * sqrt(expected)


@pytest.mark.parametrize("example", ["arrival_delay", "mail_triage"])
def test_the_short_peak_brings_the_requests_that_bound_its_last_percentile(example: str) -> None:
    load = load_of(example)
    rate = load.peak * (load.headroom or POLICY.load_headroom)
    needed = quantiles.fewest(0.99, POLICY.confidence)
    assert "p99" in load.latency
    assert needed == 299
    assert fewest_arrivals(rate, POLICY.load_duration * (1.0 - WARM_UP)) >= needed


@pytest.mark.parametrize("example", ["arrival_delay", "mail_triage"])
def test_the_short_disturbances_of_an_integration_meet_the_answers_that_bound_their_share(example: str) -> None:
    needed = proportions.clean_trials(POLICY.isolated, 1.0 - POLICY.confidence)
    assert needed == 59
    assert fewest_arrivals(load_of(example).peak, DISTURBANCES * POLICY.outage_duration) >= needed
