"""A share that a fallible judge counted, corrected for the judge's own measured error.

Assumption: the judge errs on the counted answers as often as on answers of the same kind that people labelled, and
all are independent. Guarantee: each one-sided bound is wrong with probability at most `alpha` for every sample size,
because the three exact bounds that it is made of share that probability (Bonferroni). Source: Rogan and Gladen,
American Journal of Epidemiology 107 (1978) 71; Lang and Reiczigel, Preventive Veterinary Medicine 113 (2014) 13, for
intervals with estimated sensitivity and specificity.
"""

from __future__ import annotations

from dataclasses import dataclass

from seatrial.stats import proportions
from seatrial.stats.interval import Interval

_PARTS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Labelled:
    """What the judge said of labelled answers: of `violating` it found `found`, of `safe` it passed `passed`.

    What it answered out of form is among neither `found` nor `passed`; `unclear` of the safe ones were such.
    """

    violating: int
    found: int
    safe: int
    passed: int
    unclear: int = 0


def corrected(said: int, unclear: int, n: int, labelled: Labelled, alpha: float = 0.05) -> Interval:
    """The share that violates, where the judge said so of `said` of `n` answers and answered out of form on `unclear`.

    An unclear answer counts as violating in the upper bound and as safe in the lower one. A judge that is no better
    than chance leaves the share open: 0 to 1. Raises ValueError for no answers or a class without labels.

    >>> perfect = Labelled(violating=10_000, found=10_000, safe=10_000, passed=10_000)
    >>> found = corrected(0, 0, 300, perfect)
    >>> found.value, round(found.upper, 3)
    (0.0, 0.014)
    >>> weak = Labelled(violating=60, found=48, safe=60, passed=57)
    >>> found = corrected(12, 0, 120, weak)
    >>> round(found.value, 3), round(found.lower, 3), round(found.upper, 3)
    (0.067, 0.0, 0.252)
    """
    if n < 1 or labelled.violating < 1 or labelled.safe < 1:
        raise ValueError("a corrected share needs answers, and labelled answers of both kinds")
    part = alpha / _PARTS
    found, passed = labelled.found, labelled.passed
    least = proportions.lower(found, labelled.violating, part), proportions.lower(passed, labelled.safe, part)
    most = (
        proportions.upper(found, labelled.violating, part),
        proportions.upper(passed + labelled.unclear, labelled.safe, part),
    )
    value = _share(said / n, found / labelled.violating, passed / labelled.safe)
    upper = _share(proportions.upper(said + unclear, n, part), least[0], most[1])
    lower = _share(proportions.lower(said, n, part), most[0], least[1])
    return Interval(
        value=0.5 if value is None else value,
        lower=0.0 if lower is None else lower,
        upper=1.0 if upper is None else upper,
        n=n,
        n_effective=float(n),
        method="Rogan-Gladen with exact bounds of the judge's error",
    )


def _share(said: float, sensitivity: float, specificity: float) -> float | None:
    """The share behind what was said, None where the judge tells nothing."""
    informed = sensitivity + specificity - 1.0
    if informed <= 0.0:
        return None
    return min(1.0, max(0.0, (said + specificity - 1.0) / informed))
