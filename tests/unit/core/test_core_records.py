"""Records stay sorted while others are appended, and only what is appended is looked at."""

from __future__ import annotations

from dataclasses import replace

from plants.go_world import go_world
from seatrial.core.bodies import AcceptanceBody, AttestationBody
from seatrial.core.record import Evidence
from seatrial.core.records import Records, verified_type
from seatrial.core.vocabulary import RecordType

EVIDENCE = go_world().evidence
looked_at: list[Evidence] = []


def by_maker(evidence: Evidence) -> str | None:
    looked_at.append(evidence)
    return evidence.record.by if evidence.record.by.startswith("person:") else None


def latest_first(evidence: Evidence) -> float:
    return -evidence.record.at.timestamp()


def test_only_what_is_appended_is_sorted_and_what_was_there_before_stays_as_it_was() -> None:
    *before, newest = sorted(EVIDENCE, key=lambda e: e.record.by)
    newest = replace(newest, record=replace(newest.record, by="person:olga"))
    records = Records(before)
    then = {maker: list(found) for maker, found in records.by(by_maker, latest_first).items()}
    looked_at.clear()
    grown = records.plus([newest])
    assert looked_at == [newest]
    assert grown.by(by_maker, latest_first) == Records([*before, newest]).by(by_maker, latest_first)
    assert records.by(by_maker, latest_first) == then
    assert (len(grown), grown[-1]) == (len(before) + 1, newest)


def test_what_is_given_out_of_order_stands_in_its_place() -> None:
    turned = sorted(EVIDENCE, key=lambda e: e.record.at, reverse=True)
    grown = Records()
    for each in turned:
        grown.by(by_maker, latest_first)
        grown = grown.plus([each])
    for found in grown.by(by_maker, latest_first).values():
        assert [e.record.at for e in found] == sorted((e.record.at for e in found), reverse=True)
    assert grown.newest == max(e.record.at for e in EVIDENCE)


def test_bodies_are_those_that_can_be_read_of_the_type_and_where_asked_of_what_verifies() -> None:
    (first, *_), kind = [e for e in EVIDENCE if e.record.type is RecordType.ACCEPTANCE], RecordType.ACCEPTANCE
    odd = replace(first, digest="odd", record=replace(first.record, body={"duty": 7}))
    forged = replace(first, digest="forged", problem="bad signature")
    records = Records(EVIDENCE)
    before = records.bodies(kind, AcceptanceBody)
    grown = records.plus([odd, forged])
    assert grown.bodies(kind, AcceptanceBody) == (*before, (forged, before[0][1]))
    assert grown.bodies(kind, AcceptanceBody, verified_type) == before
    assert grown.bodies(RecordType.ATTESTATION, AttestationBody) == records.bodies(
        RecordType.ATTESTATION, AttestationBody
    )


def test_another_record_under_the_same_digest_is_read_by_itself() -> None:
    one = next(e for e in EVIDENCE if e.record.type is RecordType.ACCEPTANCE)
    other = replace(one, record=replace(one.record, body={**one.record.body, "person": "somebody"}))
    read = [body.person for _, body in Records([one, other]).bodies(RecordType.ACCEPTANCE, AcceptanceBody)]
    assert read == [one.record.body["person"], "somebody"]
