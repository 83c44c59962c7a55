"""Retraining as the records tell it: what was asked for and why, who answered, and which GO ended it.

At most one request stands at a time, by the order of the ledger: whatever is asked for while one stands belongs to it.
So it stays one, however many watches look, and wherever one of them was killed.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final

from seatrial.core.bodies import DecisionBody, DepartureBody, EventBody
from seatrial.core.codec import CodecError, from_data
from seatrial.core.observation import Json
from seatrial.core.record import Evidence, Record
from seatrial.core.records import Records
from seatrial.core.vocabulary import Answer, GateName, RecordType
from seatrial.gate.standing import speaks
from seatrial.spec.system import System

ASKED: Final = "retraining-request"
"""The kind of the event by which the watch asks: its detail is one alarm, whom it asks, and the criteria."""
ANSWERED: Final = "retraining-answer"
"""The kind of the event by which a person answers: its detail names the request by the digest of its first record."""
MODEL: Final = "model"
_SHOWN_DIGITS: Final = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What the named person, or their deputy, answered."""

    approved: bool
    by: str
    at: datetime
    because: str
    record: str
    """Digest of the signed record."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One request. `alarms` are what speaks for it, oldest first, as the watch put them on record.

    `parts` are the parts of the subject that the last GO before it was signed for; without a GO only the model.
    """

    digest: str
    opened_at: datetime
    asked: tuple[str, ...]
    criteria: Mapping[str, Json]
    alarms: tuple[Mapping[str, Json], ...]
    parts: Mapping[str, str]
    declined_before: str = ""
    """Id of the request that was declined before this one was opened by new evidence."""
    reply: Reply | None = None
    closed_at: datetime | None = None
    closed_parts: Mapping[str, str] = field(default_factory=dict)
    """The parts that the GO which ended it was signed for."""

    @property
    def id(self) -> str:
        """As people name it."""
        return self.digest[:_SHOWN_DIGITS]

    @property
    def state(self) -> str:
        """`open`, `approved`, `declined` or `closed`."""
        if self.closed_at is not None:
            return "closed"
        if self.reply is None:
            return "open"
        return "approved" if self.reply.approved else "declined"

    @property
    def stands(self) -> bool:
        """Whether what is asked for now belongs to it."""
        return self.state in ("open", "approved")


def is_go(record: Record) -> bool:
    """Whether it is a GO that lets the system carry operations. One that lets a pilot end does not."""
    said_go = record.type is RecordType.DECISION and record.body.get("answer") == Answer.GO.value
    if not said_go or not record.by.startswith("worker:"):
        return False
    try:
        body = from_data(DecisionBody, record.body)
    except CodecError:
        return False
    return not body.rehearsal and body.gate is not GateName.PILOT_EXIT


def requests(evidence: Records, system: System) -> tuple[Request, ...]:
    """All requests on record, oldest first."""
    return history(evidence, system).requests


@dataclass(slots=True)
class History:
    """The records in their order, as far as they tell of retraining; `signed` is what the newest GO was signed for."""

    system: System
    records: Records
    found: list[Request] = field(default_factory=list)
    signed: Mapping[str, str] = field(default_factory=dict)
    go_at: datetime | None = None
    go_sequence: int = 0
    _signatures: dict[str, str] = field(default_factory=dict)
    _gone: set[str] = field(default_factory=set)
    _known: set[str] = field(default_factory=set)

    @property
    def requests(self) -> tuple[Request, ...]:
        """All requests, oldest first."""
        return tuple(self.found)

    def take(self, evidence: Evidence) -> None:
        """One more record, which verifies."""
        record = evidence.record
        if record.type is RecordType.SIGN_OFF:
            self._signatures |= record.depends
        elif record.type is RecordType.DEPARTURE:
            body = self.records.body(evidence, DepartureBody)
            self._gone |= {body.person} if body is not None else set()
        elif record.type is RecordType.EVENT:
            event = self.records.body(evidence, EventBody)
            if event is not None and event.kind == ASKED and speaks(evidence) == "worker":
                self._ask(evidence, event.detail)
            elif event is not None and event.kind == ANSWERED and speaks(evidence) == "person":
                self._answer(evidence, event.detail)
        elif is_go(record):
            self._go(evidence)

    def _ask(self, evidence: Evidence, detail: Mapping[str, Json]) -> None:
        alarm, asked, criteria = detail.get("alarm"), detail.get("asked"), detail.get("criteria")
        if not isinstance(alarm, Mapping) or not isinstance(asked, list | tuple) or not isinstance(criteria, Mapping):
            return
        if str(alarm.get("id")) in self._known:
            return
        self._known.add(str(alarm.get("id")))
        named = tuple(str(each) for each in asked)
        last = self.found[-1] if self.found else None
        if last is not None and last.stands:
            everyone = tuple(dict.fromkeys([*last.asked, *named]))
            self.found[-1] = replace(last, alarms=(*last.alarms, alarm), asked=everyone)
            return
        model = self._model_at(evidence)
        parts = self.signed or ({MODEL: model} if model else {})
        declined = last.id if last is not None and last.state == "declined" else ""
        self.found.append(
            Request(
                digest=evidence.digest,
                opened_at=evidence.record.at,
                asked=named,
                criteria=criteria,
                alarms=(alarm,),
                parts=parts,
                declined_before=declined,
            )
        )

    def _model_at(self, evidence: Evidence) -> str:
        """The model on which the newest record rests that stands there by then; empty where none does."""
        named = self.records.by(_names_model, _sequence).get(self.system.system, ())
        there = bisect_right(named, evidence.sequence, key=_sequence)
        return next((each.record.depends[MODEL] for each in reversed(named[:there])), "")

    def _answer(self, evidence: Evidence, detail: Mapping[str, Json]) -> None:
        """Counts once, for the request that it names, from somebody whom the watch asked or who holds the duty now."""
        record = evidence.record
        person, approved = record.by.partition(":")[2], detail.get("approved")
        last = self.found[-1] if self.found else None
        if last is None or last.state != "open" or detail.get("request") != last.digest:
            return
        declared = self.system.people.get(person)
        left = declared is not None and declared.left_on is not None and declared.left_on <= record.at.date()
        if not isinstance(approved, bool) or person in self._gone or left:
            return
        if person not in (*last.asked, *named_for(self.system)):
            return
        because = str(detail.get("because", ""))
        reply = Reply(approved=approved, by=person, at=record.at, because=because, record=evidence.digest)
        self.found[-1] = replace(last, reply=reply)

    def _go(self, evidence: Evidence) -> None:
        self.signed, self.go_at, self.go_sequence = {**self._signatures}, evidence.record.at, evidence.sequence
        last = self.found[-1] if self.found else None
        model = self.signed.get(MODEL)
        if last is not None and last.stands and model is not None and model != last.parts.get(MODEL):
            self.found[-1] = replace(last, closed_at=evidence.record.at, closed_parts=self.signed)


def history(evidence: Records, system: System, until: datetime | None = None) -> History:
    """The records of the system that verify, up to that time, read in the order of the ledger."""
    if until is not None and evidence.newest is not None and evidence.newest > until:
        evidence = Records(each for each in evidence if each.record.at <= until)
    found = History(system, evidence)
    for each in evidence.by(_tells, _sequence).get(system.system, ()):
        found.take(each)
    return found


def _tells(evidence: Evidence) -> str | None:
    """The system of a record that may tell of retraining."""
    record = evidence.record
    told = (
        record.type in (RecordType.SIGN_OFF, RecordType.DEPARTURE)
        or is_go(record)
        or (record.type is RecordType.EVENT and record.body.get("kind") in (ASKED, ANSWERED))
    )
    return record.system if told and not evidence.problem else None


def _names_model(evidence: Evidence) -> str | None:
    return evidence.record.system if MODEL in evidence.record.depends and not evidence.problem else None


def _sequence(evidence: Evidence) -> int:
    return evidence.sequence


def named_for(system: System) -> tuple[str, ...]:
    """Who may answer: the person named under duties.retraining, then their deputy."""
    duty = system.duties.retraining
    return tuple(person for person in (duty.who, duty.deputy) if person is not None) if duty is not None else ()
