"""A trial that knows nothing but records: results of other tools, and who served what when."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final, cast

from plants.memory_trial import FixedClock
from seatrial.core.bodies import EventBody, ImportBody
from seatrial.core.check import Check, Trial
from seatrial.core.codec import to_data
from seatrial.core.observation import Json, Observation, Threshold
from seatrial.core.record import Record
from seatrial.core.vocabulary import RecordType
from seatrial.domains.model.imported import CHECKS
from seatrial.spec.system import System

NOW: Final = datetime(2026, 11, 20, 12, tzinfo=UTC)
REQUIREMENT: Final = "model.adversarial"
CHECK: Final[Check[System]] = next(check for check in CHECKS if check.requirement == REQUIREMENT)
PARTS: Final = {"model": "m1", f"import.{REQUIREMENT}.breadth": "d1"}


def system(**changed: Any) -> System:
    declared = {"format": "garak", "requirement": REQUIREMENT, "target": "rest:bot", "passed": 0.9, **changed}
    model = {"endpoint": "http://h/", "task": "text"}
    return System.model_validate({"system": "s", "version": "1", "model": model, "imports": {"breadth": declared}})


def body(passed: int, failed: int = 0, *, inconclusive: int = 0, errored: int = 0, **changed: Any) -> ImportBody:
    ended = {"passed": passed, "failed": failed, "inconclusive": inconclusive, "errored": errored}
    made = ImportBody(
        name="breadth",
        format="garak",
        tool="garak",
        tool_version="0.17.1",
        target="rest:bot",
        started_at=NOW - timedelta(hours=3),
        ended_at=NOW - timedelta(hours=2),
        counts={"all": ended, "dan.Dan": ended},
        file_sha256="f" * 64,
    )
    return replace(made, **changed)


def record(kind: RecordType, content: object, at: datetime, depends: Mapping[str, str] | None = None) -> Record:
    data = cast("Mapping[str, Json]", to_data(content))
    return Record(type=kind, id=f"{at}", system="s", at=at, by="worker:k", depends=depends or {}, body=data)


def served(identity: str, at: datetime) -> Record:
    content = EventBody(kind="identity", summary="", revokes=False, detail={"found": {"model": identity}})
    return record(RecordType.EVENT, content, at)


def filed(content: ImportBody, at: datetime = NOW - timedelta(hours=1), **parts: str) -> Record:
    return record(RecordType.IMPORT, content, at, parts or PARTS)


BEFORE: Final = served("v1", NOW - timedelta(hours=4))
AFTER: Final = served("v1", NOW - timedelta(hours=1, minutes=1))


@dataclass
class ImportedTrial:
    """What the check may touch, and nothing else."""

    declared: System
    held: Sequence[Record]
    clock: FixedClock = field(default_factory=lambda: FixedClock(at=NOW))

    def records(self, kind: RecordType) -> Sequence[Record]:
        return [record for record in self.held if record.type is kind]

    def part(self, name: str) -> str | None:
        return PARTS.get(name)

    def threshold(self, requirement: str, measure: str) -> Threshold | None:
        limits = CHECK.limits(self.declared)
        return next((t for t in limits if (t.requirement, t.measure) == (requirement, measure)), None)


def observed(declared: System, *held: Record) -> Observation:
    found = CHECK.run(declared, cast("Trial", ImportedTrial(declared, held)))
    assert isinstance(found, Observation)
    return found
