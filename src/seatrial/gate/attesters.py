"""Who gave evidence by their word, and so cannot review it: nobody signs for what they attested themselves.

Of what is said of one document the newest word that verifies and is about the document as it is today stands; who gave
it is barred. A newer word bars who gave it, too, and takes no other's place where it is void or about another version.
What a word says of its own speaker changes nothing here: nobody steps out of it by another spelling of their name.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from seatrial.core.record import Evidence
from seatrial.core.vocabulary import RecordType
from seatrial.gate.acceptances import may_speak, newest_alike, newest_words
from seatrial.gate.binding import acceptance_rests_on, attestation_rests_on, moved
from seatrial.gate.inputs import Inputs
from seatrial.gate.permissions import ATTESTED_BY_DUTY, ATTESTED_BY_KIND
from seatrial.gate.standing import person_speaking

_OF_THE_SPEAKER = ("person.", "route.")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Word:
    """`about` is what it is about, such as the kind and the document; `stands` when it may take another's place."""

    about: tuple[str, str]
    person: str
    requirement: str
    at: datetime
    verified: bool
    stands: bool


def attesters(inputs: Inputs, gone: frozenset[str]) -> Mapping[str, frozenset[str]]:
    """Person to the requirements for which they attested evidence."""
    said: dict[tuple[str, str], list[_Word]] = {}
    for word in (*_attested(inputs, gone), *_accepted(inputs, gone)):
        said.setdefault(word.about, []).append(word)
    found: dict[str, set[str]] = {}
    for words in said.values():
        words.sort(key=lambda word: (word.at, word.person, word.requirement))
        verified = [word for word in words if word.verified] or words
        standing = [word for word in words if word.stands]
        for word in (verified[-1], *standing[-1:]):
            found.setdefault(word.person, set()).add(word.requirement)
    for person, requirement in inputs.evidence.by(_observed_by_person):
        found.setdefault(person, set()).add(requirement)
    return {person: frozenset(requirements) for person, requirements in found.items()}


def _attested(inputs: Inputs, gone: frozenset[str]) -> Iterator[_Word]:
    system = inputs.system
    for evidence, body in newest_words(inputs):
        if evidence.record.system != system.system or not may_speak(body.kind, body.person, system):
            continue
        verified = person_speaking(evidence, inputs, gone) == body.person
        rests_on = attestation_rests_on(body.kind, body.document, body.person, system)
        yield _Word(
            about=(body.kind, body.document),
            person=body.person,
            requirement=ATTESTED_BY_KIND.get(body.kind, body.kind),
            at=evidence.record.at,
            verified=verified,
            stands=verified and _as_today(evidence, rests_on, inputs),
        )


def _accepted(inputs: Inputs, gone: frozenset[str]) -> Iterator[_Word]:
    for evidence, body in newest_alike(inputs):
        if evidence.record.system != inputs.system.system or body.duty not in ATTESTED_BY_DUTY:
            continue
        verified = person_speaking(evidence, inputs, gone) == body.person
        yield _Word(
            about=("accepted", body.duty),
            person=body.person,
            requirement=ATTESTED_BY_DUTY[body.duty],
            at=evidence.record.at,
            verified=verified,
            stands=verified and _as_today(evidence, acceptance_rests_on(body.person, body.duty), inputs),
        )


def _as_today(evidence: Evidence, rests_on: tuple[str, ...], inputs: Inputs) -> bool:
    changed = moved(evidence.record.depends, rests_on, inputs.subject.parts)
    return all(part.startswith(_OF_THE_SPEAKER) for part in changed)


def _observed_by_person(evidence: Evidence) -> tuple[str, str] | None:
    kind, _, person = evidence.record.by.partition(":")
    observed = evidence.record.type is RecordType.OBSERVATION and kind == "person"
    return (person, str(evidence.record.body.get("requirement"))) if observed else None
