"""One row of the catalogue: what must be true, who reviews it, and what establishes it."""

from __future__ import annotations

from dataclasses import dataclass

from seatrial.core.vocabulary import Assurance, Domain, Role


@dataclass(frozen=True, slots=True, kw_only=True)
class Requirement:
    """A requirement of the production-readiness gate. Its id never changes its meaning.

    `rests_on` are glob patterns over the parts of the subject (`model`, `data.evaluation`, `integration.*`), in which
    `{owner}` and its like stand for what the system file names there (see `gate.binding`): evidence counts only while
    every matching part has the digest that it had then. `lease_days` is how long evidence holds,
    `effort_days` what the remedy of a gap is expected to cost, and `why` why it matters in the operation.
    """

    id: str
    domain: Domain
    question: str
    establishes: str
    why: str
    reviewer: Role
    demands: Assurance
    lease_days: float
    rests_on: tuple[str, ...]
    effort_days: float
    complements: tuple[Assurance, ...] = ()
    """Lower levels that may establish a part of it, beside a check that reaches `demands` ("executed + attested")."""
    may_be_not_applicable: bool = False
    may_be_waived: bool = True
    after: tuple[str, ...] = ()
    """Requirements whose remedy should come first."""
    remedy: str = ""
    """What to do when nothing more precise is known."""
