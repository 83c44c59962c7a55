"""The review by legal and compliance: of exactly this, by one who does not sign, with duties that have begun."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from plants.planted_trial import NOW, PlantedTrial
from seatrial.core.observation import Observation
from seatrial.core.vocabulary import Assurance, Outcome
from seatrial.domains.governance.compliance import CHECK
from seatrial.gate.frameworks import FRAMEWORKS
from seatrial.gate.judging import judge
from seatrial.spec.system import System

FRONT = b"""---
reviewed_by: nora
reviewed_on: 2026-11-20
version: "1"
conclusion: may go live
---
"""
REVIEW = b"""# Review

## Scope
Everything that is declared.

## Duties
Literacy of those who use it.

## Retention and logging
Two years, and 200 days.

## Conclusion
No objection.
"""
DUTY = {"what": "predictions", "keep": "730d", "where": "archive", "since": "2026-10-01", "who": "ivo"}
LOGGED = {"what": "calls", "keep": "200d", "where": "logs", "since": "2026-10-01", "who": "ivo"}
PARTS = ("declaration", "model", "plan", "compliance", "document.review.md")


def system(people: dict[str, Any] | None = None, **changes: Any) -> System:
    compliance: dict[str, Any] = {
        "who": "nora",
        "review": "review.md",
        "frameworks": {f.id: f.edition.isoformat() for f in FRAMEWORKS},
        "retention": [DUTY],
        "logging": [LOGGED],
    }
    return System.model_validate(
        {
            "system": "arrival-delay",
            "version": "1",
            "people": {p: {"name": p.title()} for p in ("nora", "lena", "ivo")} | (people or {}),
            "signers": {"legal": "lena"},
            "model": {"task": "binary", "endpoint": "http://127.0.0.1:1/predict"},
            "compliance": {**compliance, **changes},
        }
    )


def trial() -> PlantedTrial:
    planted = PlantedTrial(files={"review.md": FRONT + REVIEW}, parts={part: f"digest of {part}" for part in PARTS})
    planted.attest("nora", "compliance", "review.md", *PARTS)
    return planted


def look(declared: System, planted: PlantedTrial) -> Observation:
    seen = CHECK.run(declared, planted)
    assert isinstance(seen, Observation)
    assert {f.code for f in seen.findings} <= set(CHECK.codes)
    assert all(f.remedy for f in seen.findings)
    return seen


def codes(seen: Observation) -> set[str]:
    return {f.code for f in seen.findings}


def test_a_review_of_exactly_this_establishes_it_as_attested() -> None:
    seen = look(system(), trial())
    assert codes(seen) == set()
    assert seen.assurance is Assurance.ATTESTED
    assert judge(seen, {}).outcome is Outcome.MET
    assert seen.facts["reviewed_by"] == "nora"


@pytest.mark.parametrize("part", PARTS)
def test_whatever_it_was_about_when_that_changes_the_review_is_void_and_says_so(part: str) -> None:
    planted = trial()
    planted.parts[part] = "another"
    seen = look(system(), planted)
    assert codes(seen) == {"changed-since"}
    assert part in seen.findings[0].summary
    assert judge(seen, {}).outcome is Outcome.NOT_MET


def test_a_document_that_came_later_was_not_reviewed() -> None:
    planted = trial()
    declared = system()
    later = declared.model_copy(update={"training": declared.training.model_copy(update={"material": "new.md"})})
    assert codes(look(later, planted)) == {"changed-since"}


def test_a_change_elsewhere_leaves_it() -> None:
    planted = trial()
    planted.parts["owner"] = "another"
    assert codes(look(system(), planted)) == set()


def test_it_runs_out() -> None:
    planted = trial()
    (record,) = planted.on_record
    planted.on_record = [replace(record, at=NOW - timedelta(days=181))]
    assert codes(look(system(), planted)) == {"review-expired"}
    planted.on_record = [replace(record, at=NOW - timedelta(days=179))]
    assert codes(look(system(), planted)) == set()


def test_another_persons_word_and_another_kind_are_none() -> None:
    for person, kind in (("lena", "compliance"), ("nora", "process")):
        planted = trial()
        planted.on_record.clear()
        planted.attest(person, kind, "review.md", *PARTS)
        assert codes(look(system(), planted)) == {"not-reviewed"}


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"who": None}, "nobody-reviews"),
        ({"who": "lena"}, "reviews-and-signs"),
        ({"review": None}, "no-review"),
        ({"review": "gone.md"}, "no-review"),
        ({"retention": []}, "no-retention"),
        ({"logging": []}, "no-logging"),
        ({"logging": [{**LOGGED, "keep": "90d"}]}, "logs-kept-too-short"),
        ({"retention": [{**DUTY, "since": "2027-01-01"}]}, "duty-in-the-future"),
        ({"frameworks": {}}, "not-considered"),
        ({"frameworks": {f.id: "2020-01-01" for f in FRAMEWORKS}}, "older-edition"),
        ({"frameworks": {f.id: "2027-01-01" for f in FRAMEWORKS}}, "edition-in-the-future"),
        ({"frameworks": {**{f.id: f.edition for f in FRAMEWORKS}, "own-rules": "2026-01-01"}}, "unknown-framework"),
    ],
)
def test_what_is_missing_or_wrong_is_a_gap(changes: dict[str, Any], code: str) -> None:
    seen = look(system(**changes), trial())
    assert code in codes(seen)
    assert judge(seen, {}).outcome is Outcome.NOT_MET


def test_a_review_that_says_little_is_told_what_it_lacks() -> None:
    planted = trial()
    planted.files.contents["review.md"] = (FRONT + REVIEW).replace(b"## Conclusion", b"## Thanks")
    (found,) = (f for f in look(system(), planted).findings if f.code == "review-silent")
    assert "its conclusion" in found.summary


def test_who_left_neither_reviewed_nor_sees_to_a_duty() -> None:
    gone = {"name": "Gone", "left_on": date(2026, 11, 1)}
    assert codes(look(system(people={"nora": gone}), trial())) == {"left"}
    assert codes(look(system(people={"ivo": gone}), trial())) == {"duty-nobody-holds"}


def concluding(old: bytes, new: bytes) -> Observation:
    planted = trial()
    assert old in FRONT
    planted.files.contents["review.md"] = FRONT.replace(old, new) + REVIEW
    return look(system(), planted)


YES = b"conclusion: may go live"
OPEN = b"conclusion: may go live with conditions\nconditions:\n"


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        (YES, b"conclusion: may not go live", "may-not-go-live"),
        (YES, b"conclusion: we object", "no-conclusion"),
        (YES, b"conclusion: yes", "no-conclusion"),
        (YES, b"", "no-conclusion"),
        (YES, OPEN, "conditions-unclear"),
        (YES, OPEN + b"- {condition: ' '}", "conditions-unclear"),
        (YES, OPEN + b"- {condition: the works council agrees}", "condition-open"),
        (YES, OPEN + b"- the works council agrees", "condition-open"),
        (YES, OPEN + b"- {condition: they agree, fulfilled_on: 2027-02-01}", "condition-open"),
        (YES, OPEN + b"- {condition: they agree, fulfilled_on: true}", "condition-open"),
        (YES, YES + b"\nconditions: [{condition: they agree}]", "condition-open"),
        (b"reviewed_by: nora", b"reviewed_by: lena", "reviewed-by-another"),
        (b"reviewed_by: nora", b"", "reviewed-by-another"),
        (b'version: "1"', b'version: "0.9"', "review-of-another-version"),
        (b'version: "1"', b"", "review-of-another-version"),
        (b"2026-11-20", b"2026-11-31", "review-undated"),
        (b"2026-11-20", b"2027-11-20", "review-in-the-future"),
        (b"2026-11-20", b"2026-01-20", "review-expired"),
    ],
)
def test_what_the_document_concludes_decides_and_not_that_there_is_one(old: bytes, new: bytes, code: str) -> None:
    seen = concluding(old, new)
    assert codes(seen) == {code}
    assert judge(seen, {}).outcome is Outcome.NOT_MET


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (YES, b"conclusion: May  go live"),
        (YES, OPEN + b"- {condition: the works council agrees, fulfilled_on: 2026-11-22}"),
        (YES, YES + b"\nconditions: []\nnote: nothing that may not go live"),
        (b'version: "1"', b"version: 1"),
        (b"2026-11-20", b"2026-11-23"),
    ],
)
def test_a_review_that_lets_it_go_live_may_be_written_in_several_ways(old: bytes, new: bytes) -> None:
    seen = concluding(old, new)
    assert codes(seen) == set()
    assert judge(seen, {}).outcome is Outcome.MET


def test_an_old_review_that_is_only_attested_again_is_none_of_what_changed_since() -> None:
    planted = trial()
    (first,) = planted.on_record
    before = {**first.depends, "model": "the one before"}
    planted.on_record.insert(0, replace(first, at=NOW - timedelta(days=1), depends=before))
    assert codes(look(system(), planted)) == {"dated-before-a-change"}
    planted.files.contents["review.md"] = FRONT.replace(b"2026-11-20", b"2026-11-23") + REVIEW
    assert codes(look(system(), planted)) == set()


def test_an_amended_document_is_no_change_of_what_it_is_about() -> None:
    planted = trial()
    (first,) = planted.on_record
    before = {**first.depends, "document.review.md": "with a slip of the pen"}
    planted.on_record.insert(0, replace(first, at=NOW - timedelta(days=1), depends=before))
    assert codes(look(system(), planted)) == set()
