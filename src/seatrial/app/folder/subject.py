"""What the run or the verdict is about: files are digested, what is served is asked for its version.

What probing found goes on record as an event of kind `identity`; a verdict reads the newest one, which holds for 24
hours, so that it can be given without calling anything.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from seatrial.app.folder.answers import Kept, kept_from
from seatrial.app.folder.called import called_files
from seatrial.app.folder.files import Digests, digest_all
from seatrial.app.folder.workspace import Workspace
from seatrial.core.bodies import EventBody
from seatrial.core.observation import Json
from seatrial.core.record import Evidence, Subject
from seatrial.core.records import Records
from seatrial.core.vocabulary import RecordType
from seatrial.spec.subject import referenced_files
from seatrial.spec.subject import subject as subject_of

KIND = "identity"
"""The kind of the event that says what is served."""
MODEL = "model"
DIFFERENTLY = "it answers differently than when it was tried, under the same version"


@dataclass(frozen=True, slots=True, kw_only=True)
class Identities:
    """What probing found: part to identity, and part to the reason why it could not be told."""

    found: Mapping[str, str] = field(default_factory=dict)
    unknown: Mapping[str, str] = field(default_factory=dict)
    at: datetime | None = None
    answers: Kept | None = None
    """Which answers the model gave, where it is known by them beside its version."""

    @property
    def remarks(self) -> dict[str, str]:
        """What to say of a part that changed, beside that it did; of the model also why nothing tells what it is."""
        if MODEL in self.unknown:
            return {MODEL: self.unknown[MODEL]}
        return {} if self.answers is None or self.answers.first else {MODEL: DIFFERENTLY}

    @property
    def versions(self) -> dict[str, str]:
        """What each tells of itself, the model its version alone."""
        known = self.answers is not None and MODEL in self.found
        return {**self.found, **({MODEL: self.answers.told} if known and self.answers is not None else {})}

    def body(self) -> EventBody:
        """The same as an event that goes on record."""
        told = ", ".join(sorted(self.found)) or "nothing"
        summary = f"What is served was identified: {told}." + (
            f" Not identified: {', '.join(sorted(self.unknown))}." if self.unknown else ""
        )
        detail: dict[str, Json] = {"found": dict(self.found), "unknown": dict(self.unknown)}
        if self.answers is not None:
            detail["answers"] = self.answers.data()
        return EventBody(kind=KIND, summary=summary, revokes=False, detail=detail)


def digest_files(workspace: Workspace) -> Digests:
    """Digests of all files that the system file names or its steps call, and that can be read."""
    called = called_files(workspace)
    named = (*referenced_files(workspace.system), *(path for paths in called.values() for path in paths))
    return replace(digest_all(workspace.base, dict.fromkeys(named)), called=called)


def subject(workspace: Workspace, digests: Digests, identities: Identities) -> Subject:
    """The subject of today. Where the model could not be identified, nothing is said of when.

    Data that could not be identified are other data each time: what was seen of them then says nothing of today's.
    """
    unknown = {part: f"not identified at {identities.at}" for part in identities.unknown if part.startswith("data.")}
    return subject_of(
        workspace.system,
        files=digests.digests,
        called=digests.called,
        identities={**unknown, **identities.found},
        probed_at=identities.at if MODEL in identities.found else None,
    )


def identities_on_record(evidence: Records) -> Identities:
    """What the newest verified probe on record found; nothing when there is none."""
    at, body = next(_probes(evidence), (None, None))
    if body is None:
        return Identities()
    return Identities(
        found=_texts(body.detail.get("found")),
        unknown=_texts(body.detail.get("unknown")),
        at=at,
        answers=kept_from(body.detail.get("answers")),
    )


def answers_on_record(evidence: Records, told: str) -> list[Kept]:
    """The answers that a model of this version gave, oldest first."""
    found = [kept_from(body.detail.get("answers")) for _, body in _probes(evidence)]
    return [kept for kept in reversed(found) if kept is not None and kept.told == told]


def _probes(evidence: Records) -> Iterator[tuple[datetime, EventBody]]:
    """The newest first; of those of one moment the one that stands last."""
    for item in reversed(evidence.by(_identifies, _made_at).get(True, ())):
        body = evidence.body(item, EventBody)
        if body is not None:
            yield item.record.at, body


def _made_at(evidence: Evidence) -> datetime:
    return evidence.record.at


def _identifies(evidence: Evidence) -> bool | None:
    record = evidence.record
    probe = record.type is RecordType.EVENT and record.by.startswith("worker:") and record.body.get("kind") == KIND
    return (probe and not evidence.problem) or None


def _texts(value: object) -> dict[str, str]:
    return {str(k): str(v) for k, v in value.items()} if isinstance(value, Mapping) else {}
