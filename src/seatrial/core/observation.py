"""What a check returns: an observation with its measures and findings, or the reason why none could be made.

A check never says MET or NOT_MET. It reports measures with both one-sided bounds, and findings with their weight;
the gate judges them, again and again, against the limits of the day.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from seatrial.core.vocabulary import Assurance, MeasureKind, Sense, Weight

Json: TypeAlias = "bool | int | float | str | Sequence[Json] | Mapping[str, Json] | None"


@dataclass(frozen=True, slots=True, kw_only=True)
class Threshold:
    """A limit that the governance plan or the policy sets: the same object for the gate and for the watch.

    `measure` is the measure's literal name within `requirement`, e.g. ("model.threshold", "recall@0.5").
    """

    requirement: str
    measure: str
    sense: Sense
    limit: float
    unit: str = ""
    confidence: float = 0.95


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """One measured figure with its one-sided confidence bounds.

    `lower` and `upper` are each valid on their own at `confidence`; for a figure without sampling error both equal
    `value`. `needed` is the number of further rows, requests or trials that would settle an open bound.
    A value that is missing or not finite passes nothing.
    """

    name: str
    value: float | None
    lower: float | None = None
    upper: float | None = None
    limit: float | None = None
    sense: Sense | None = None
    unit: str = ""
    n: int = 0
    method: str = ""
    confidence: float | None = None
    kind: MeasureKind = MeasureKind.GATE
    needed: int | None = None
    needed_unit: str = ""
    approximate: bool = False

    @property
    def bound(self) -> float | None:
        """The bound that decides: the lower one for AT_LEAST, the upper one for AT_MOST."""
        return self.lower if self.sense is Sense.AT_LEAST else self.upper


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Something a person can act on. `code` is literal, documented, and never changes its meaning."""

    code: str
    summary: str
    weight: Weight = Weight.GAP
    fields: tuple[str, ...] = ()
    remedy: str = ""
    why: str = ""
    """Why it matters in the operation, one sentence."""
    explains: tuple[str, ...] = ()
    """Names of the measures of the same requirement whose missed limit this finding tells already."""
    detail: Mapping[str, Json] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """Data for one picture, drawn by a presenter that knows its `kind`; never markup."""

    kind: str
    title: str
    rows: tuple[Mapping[str, Json], ...]
    options: Mapping[str, Json] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """What one check saw on one subject.

    `done` tells in one or two plain sentences what was really done. An observation with neither a gating measure nor
    a `proof` establishes nothing (an empty set passes nothing): `proof` counts the facts that were positively verified.
    """

    done: str
    measures: tuple[Measure, ...] = ()
    findings: tuple[Finding, ...] = ()
    figures: tuple[Figure, ...] = ()
    proof: int = 0
    assurance: Assurance = Assurance.EXECUTED
    artifacts: Mapping[str, str] = field(default_factory=dict)
    """Name to content digest of what was kept beside the ledger."""
    facts: Mapping[str, Json] = field(default_factory=dict)
    """Further raw figures, for people and programs that look closer; never judged."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """Why a check could not make an observation. Recorded, shown, and blocking like any gap."""

    code: str
    summary: str
    remedy: str = ""
    fields: tuple[str, ...] = ()
    detail: Mapping[str, Json] = field(default_factory=dict)
