"""The frameworks that this version knows, and what a verdict's evidence supports in each, never that it complies."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from seatrial.core.codec import to_data
from seatrial.core.observation import Json
from seatrial.core.vocabulary import Outcome
from seatrial.gate.framework import Clause, Framework
from seatrial.gate.framework_eu import EU_AI_ACT
from seatrial.gate.framework_iso import ISO_42001
from seatrial.gate.framework_nist import NIST_AI_RMF
from seatrial.gate.verdict import Assessment

FRAMEWORKS: Final[tuple[Framework, ...]] = (NIST_AI_RMF, ISO_42001, EU_AI_ACT)


@dataclass(frozen=True, slots=True, kw_only=True)
class Support:
    """One requirement under a clause. `supports` only where it is established now; else it speaks for nothing."""

    requirement: str
    supports: bool
    outcome: Outcome | None = None
    """None where no verdict was asked."""
    evidence: tuple[str, ...] = ()
    """Digests of the records, of the newest observation."""
    observed_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Supported:
    """One clause with everything that speaks for it, and the day of the newest of its evidence."""

    clause: Clause
    by: tuple[Support, ...]

    @property
    def latest(self) -> datetime | None:
        """When the newest evidence that supports it was observed."""
        return max((s.observed_at for s in self.by if s.supports and s.observed_at is not None), default=None)


def crosswalk(framework: Framework, assessments: Iterable[Assessment] = ()) -> tuple[Supported, ...]:
    """Each clause of the framework with what the requirements under it come to."""
    known = {assessment.id: assessment for assessment in assessments}
    return tuple(
        Supported(clause=clause, by=tuple(_support(requirement, known) for requirement in clause.supported_by))
        for clause in framework.clauses
    )


def _support(requirement: str, known: Mapping[str, Assessment]) -> Support:
    found = known.get(requirement)
    if found is None:
        return Support(requirement=requirement, supports=False)
    supports = found.outcome is Outcome.MET
    return Support(
        requirement=requirement,
        supports=supports,
        outcome=found.outcome,
        evidence=found.evidence if supports else (),
        observed_at=found.observed_at if supports else None,
    )


def frameworks_data(assessments: Iterable[Assessment] = ()) -> Json:
    """All frameworks with their crosswalk, as plain JSON data."""
    asked = tuple(assessments)
    return [
        {
            **_plain(framework),
            "clauses": [
                {
                    "id": row.clause.id,
                    "title": row.clause.title,
                    "asks": row.clause.asks,
                    "latest": row.latest.isoformat() if row.latest is not None else None,
                    "supported_by": [to_data(support) for support in row.by],
                }
                for row in crosswalk(framework, asked)
            ],
        }
        for framework in FRAMEWORKS
    ]


def _plain(framework: Framework) -> dict[str, Json]:
    return {
        "id": framework.id,
        "title": framework.title,
        "issued_by": framework.issued_by,
        "edition": framework.edition.isoformat(),
        "edition_name": framework.edition_name,
        "data_version": framework.data_version,
        "reviewed_on": framework.reviewed_on.isoformat(),
        "note": framework.note,
    }
