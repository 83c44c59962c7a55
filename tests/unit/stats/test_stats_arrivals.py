"""How many arrivals must be expected, so that too few come by chance hardly ever."""

from __future__ import annotations

import pytest
from scipy.stats import poisson

from seatrial.stats.arrivals import MISSED, expected_for


@pytest.mark.parametrize("fewest", [1, 2, 59, 299, 2995])
@pytest.mark.parametrize("missed", [0.2, 0.01, MISSED])
def test_the_chance_of_too_few_is_met_exactly(fewest: int, missed: float) -> None:
    assert poisson.cdf(fewest - 1, expected_for(fewest, missed=missed)) == pytest.approx(missed, rel=1e-6)


def test_nothing_is_expected_where_nothing_is_needed() -> None:
    assert expected_for(0) == 0.0


@pytest.mark.parametrize("missed", [0.0, 1.0, float("nan")])
def test_a_chance_that_is_none_is_refused(missed: float) -> None:
    with pytest.raises(ValueError, match="between 0 and 1"):
        expected_for(59, missed=missed)
