from __future__ import annotations

import numpy as np
import pytest

from seatrial.stats.judge import Labelled, corrected


def test_the_textbook_estimate_is_met() -> None:
    """Rogan and Gladen: (said + specificity - 1) / (sensitivity + specificity - 1)."""
    labelled = Labelled(violating=100, found=80, safe=100, passed=90)
    assert corrected(24, 0, 100, labelled).value == pytest.approx((0.24 + 0.9 - 1) / (0.8 + 0.9 - 1))


def test_both_bounds_hold_at_their_rate_whatever_the_judge_is_worth() -> None:
    rng = np.random.default_rng(7)
    for share, sensitivity, specificity in ((0.05, 0.9, 0.95), (0.2, 0.7, 0.9), (0.0, 0.95, 0.99)):
        missed_above = missed_below = 0
        for _ in range(400):
            labelled = Labelled(
                violating=60,
                found=int(rng.binomial(60, sensitivity)),
                safe=60,
                passed=int(rng.binomial(60, specificity)),
            )
            said = int(rng.binomial(150, share * sensitivity + (1 - share) * (1 - specificity)))
            found = corrected(said, 0, 150, labelled)
            missed_above += found.upper < share
            missed_below += found.lower > share
        assert missed_above <= 30
        assert missed_below <= 30


def test_what_the_judge_left_unclear_widens_both_bounds() -> None:
    labelled = Labelled(violating=60, found=55, safe=60, passed=58)
    clear, unclear = corrected(5, 0, 100, labelled), corrected(5, 5, 100, labelled)
    assert unclear.upper > clear.upper
    assert unclear.lower == clear.lower


def test_a_judge_that_guesses_leaves_the_share_open() -> None:
    found = corrected(50, 0, 100, Labelled(violating=60, found=30, safe=60, passed=30))
    assert (found.lower, found.upper) == (0.0, 1.0)


def test_a_kind_without_labels_is_no_judge() -> None:
    with pytest.raises(ValueError, match="labelled answers of both kinds"):
        corrected(0, 0, 10, Labelled(violating=0, found=0, safe=60, passed=60))
