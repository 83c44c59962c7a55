"""A ledger record, and evidence: a record together with what verification found of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from seatrial.core.observation import Json
from seatrial.core.vocabulary import RecordType

RECORD_VERSION = 1
SKEW = timedelta(minutes=5)
"""How far apart the clocks of two machines that write into one ledger may be."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One signed statement. Persons appear as their opaque ids.

    `by` is `worker:<key id>`, `person:<id>` or `token:<id>`. `at` is UTC. `depends` maps each subject part on which
    the record rests (e.g. `model`, `data.evaluation`, `integration.weather`) to the part's digest at that time: when
    the part's digest changes, the record stops counting.
    `body` is plain JSON whose shape the type fixes; see `core.bodies`.
    """

    type: RecordType
    id: str
    system: str
    at: datetime
    by: str
    depends: Mapping[str, str] = field(default_factory=dict)
    body: Mapping[str, Json] = field(default_factory=dict)
    version: int = RECORD_VERSION


@dataclass(frozen=True, slots=True, kw_only=True)
class Signer:
    """Whose key made the signature. `local` keys are held on the machine that also keeps the ledger."""

    key: str
    holder: str
    local: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """A record as the ledger returned it. `problem` is empty only when signature, digest and chain all verified."""

    record: Record
    digest: str
    sequence: int
    received_at: datetime
    signer: Signer | None
    problem: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerState:
    """What verification found of the chain as a whole. Any problem blocks GO; `anchored` needs a pin from outside.

    `anchored_to` is the sequence of the newest entry that a checkpoint from outside vouches for, 0 without one.
    """

    entries: int
    head: str
    anchored: bool
    problems: tuple[str, ...] = ()
    newest: datetime | None = None
    anchored_to: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """Exactly what a verdict is about: the digest of every part. `digest` covers them all."""

    system: str
    digest: str
    parts: Mapping[str, str]
    probed_at: datetime | None = None
    """When the identity of what is served was last read; it holds for 24 hours."""
    unprobed: Mapping[str, str] = field(default_factory=dict)
    """The digest that a part has while nobody can tell which version of it answers, where that is another."""
