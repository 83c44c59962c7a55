"""Every tampering is found, each with its own message; the frozen ledgers are in tests/assets/ledger."""

from __future__ import annotations

import shutil
from dataclasses import replace
from itertools import islice
from pathlib import Path

import pytest
from ledger_scene import SYSTEM, tamper

from seatrial.evidence import database
from seatrial.evidence.entry import Checkpoint
from seatrial.evidence.ledger import Ledger
from seatrial.evidence.report import PROBLEM_CODES
from seatrial.evidence.trust import TrustRoot
from seatrial.evidence.verification import Reading

ASSETS = Path(__file__).parents[2] / "assets" / "ledger"

# Ledger to what verification says of it: the code, and the entry where it says so (None: of the chain as a whole).
BLOCKING = {
    "altered_record": ("altered-record", 3),
    "altered_signed_bytes": ("bad-signature", 3),
    "altered_time": ("altered-entry", 4),
    "altered_to_nonsense": ("unreadable-envelope", 3),
    "reordered_records": ("reordered", 3),
    "reordered_entries": ("reordered", 5),
    "replaced": ("replaced", 3),
    "missing_middle": ("missing", 4),
    "missing_first": ("missing", 1),
    "missing_renumbered": ("missing", 4),
    "truncated": ("truncated", None),
    "rewritten_by_key_holder": ("rewritten", 8),
    "resigned_by_other_key": ("unknown-key", 3),
    "repeated": ("repeated", 9),
    "time_reversed": ("time-reversed", 5),
    "other_system": ("unreadable-record", 9),
    "not_an_envelope": ("unreadable-envelope", 9),
    "two_signatures": ("unreadable-envelope", 9),
    "newer_version": ("unknown-format", 9),
    "type_confusion": ("unreadable-record", 9),
    "key_added_by_worker": ("unknown-key", 10),
}
VOID = {
    "token_signs_off": ("not-authorised", 9),
    "worker_accepts": ("not-authorised", 9),
    "person_speaks_for_another": ("not-authorised", 9),
    "person_observes": ("not-authorised", 9),
    "revoked_key": ("key-revoked", 4),
    "from_the_future": ("from-the-future", 9),
    "public_key_swapped": ("bad-key-change", 9),
}
# These are right in themselves: only what is kept outside finds them.
ONLY_FROM_OUTSIDE = ("truncated", "rewritten_by_key_holder")


def read(name: str, *, folder: Path = ASSETS, pinned: bool = True, anchored: bool = True) -> Reading:
    trust = TrustRoot.load(folder / "trust.json")
    pin = Checkpoint.load(folder / "checkpoint.txt") if anchored else ()
    ledger = Ledger.open(f"sqlite:///{folder / name}.db", create=False)
    return ledger.read(SYSTEM, replace(trust, pinned=pinned), pin)


def test_every_tampered_ledger_among_the_assets_is_expected_here() -> None:
    assert {path.stem for path in ASSETS.glob("*.db")} == {"good", *BLOCKING, *VOID}


@pytest.mark.parametrize("name", BLOCKING)
def test_tampering_is_found_and_blocks(name: str) -> None:
    reading = read(name)
    assert BLOCKING[name] in {(problem.code, problem.sequence) for problem in reading.report.problems}
    assert reading.state.problems
    assert not reading.state.anchored


@pytest.mark.parametrize("name", sorted(set(BLOCKING) - set(ONLY_FROM_OUTSIDE)))
def test_tampering_is_found_without_a_checkpoint(name: str) -> None:
    codes = {problem.code for problem in read(name, anchored=False).report.problems}
    assert BLOCKING[name][0] in codes


@pytest.mark.parametrize("name", ONLY_FROM_OUTSIDE)
def test_what_cannot_be_seen_from_within_says_not_anchored(name: str) -> None:
    reading = read(name, anchored=False)
    assert reading.report.intact
    assert not reading.state.anchored
    assert "not anchored" in reading.report.sentence


@pytest.mark.parametrize("name", VOID)
def test_what_a_key_may_not_sign_does_not_count_and_condemns_nothing_else(name: str) -> None:
    code, sequence = VOID[name]
    reading = read(name)
    assert (code, sequence) in {(problem.code, problem.sequence) for problem in reading.report.void}
    assert reading.report.intact
    if code != "bad-key-change":
        assert [evidence.sequence for evidence in reading.evidence if evidence.problem] == [sequence]


def test_each_tampering_has_its_own_message() -> None:
    said: dict[str, set[str]] = {}
    for name, (code, sequence) in BLOCKING.items():
        for problem in read(name).report.problems:
            if (problem.code, problem.sequence) == (code, sequence):
                said.setdefault(problem.code, set()).add(problem.message)
    codes = {code for code, _ in BLOCKING.values()}
    assert set(said) == codes
    messages = [message for found in said.values() for message in found]
    assert len(messages) == len(set(messages))
    assert codes | {code for code, _ in VOID.values()} <= set(PROBLEM_CODES)


@pytest.mark.parametrize("name", ["altered_record", "replaced", "reordered_records", "altered_signed_bytes"])
def test_no_tampered_record_counts_as_evidence(name: str) -> None:
    assert {e.sequence for e in read(name).evidence if e.problem} >= {3}


@pytest.mark.parametrize("folder", [ASSETS, ASSETS / "v1"], ids=["today", "format v1"])
def test_a_good_ledger_verifies_and_is_anchored(folder: Path) -> None:
    reading = read("good", folder=folder)
    assert reading.report.intact
    assert reading.state.anchored
    assert reading.report.signatures == reading.state.entries == 8
    assert [e.sequence for e in reading.evidence] == list(range(1, 9))
    assert not any(e.problem for e in reading.evidence)
    assert [e.record.by.split(":")[0] for e in reading.evidence][1:6:2] == ["person", "person", "root"]


@pytest.mark.parametrize(("pinned", "anchored"), [(False, True), (True, False), (False, False)])
def test_without_a_pinned_key_and_a_checkpoint_it_is_not_anchored(pinned: bool, anchored: bool) -> None:
    reading = read("good", pinned=pinned, anchored=anchored)
    assert reading.report.intact
    assert not reading.state.anchored


def test_a_checkpoint_of_another_system_does_not_anchor() -> None:
    trust = TrustRoot.load(ASSETS / "trust.json")
    ledger = Ledger.open(f"sqlite:///{ASSETS / 'good'}.db", create=False)
    reading = ledger.read(SYSTEM, trust, [Checkpoint(system="another", sequence=8, digest="0" * 64)])
    assert [problem.code for problem in reading.report.problems] == ["other-checkpoint"]
    assert not reading.state.anchored


def test_a_quick_reading_finds_all_that_digests_show() -> None:
    trust = TrustRoot.load(ASSETS / "trust.json")
    pin = Checkpoint.load(ASSETS / "checkpoint.txt")
    for name, (code, _) in BLOCKING.items():
        if code == "bad-signature":
            continue
        ledger = Ledger.open(f"sqlite:///{ASSETS / name}.db", create=False)
        codes = {problem.code for problem in ledger.read(SYSTEM, trust, pin, quick=True).report.problems}
        assert code in codes, name


def test_a_quick_reading_confirms_the_signatures_of_what_was_used() -> None:
    trust = TrustRoot.load(ASSETS / "trust.json")
    ledger = Ledger.open(f"sqlite:///{ASSETS / 'altered_signed_bytes'}.db", create=False)
    reading = ledger.read(SYSTEM, trust, quick=True)
    assert reading.report.intact
    assert reading.confirm([e.digest for e in reading.evidence if e.sequence != 3]) == ()
    (problem,) = reading.confirm([e.digest for e in reading.evidence])
    assert problem.code == "bad-signature"


def test_a_ledger_altered_throughout_is_told_briefly(tmp_path: Path) -> None:
    file = tmp_path / "ledger.db"
    shutil.copy(ASSETS / "good.db", file)
    tamper(file, "UPDATE seatrial_entries SET received_at = '2026-11-02T09:04:30.000000Z', envelope = x'00'")
    state = Ledger.open(f"sqlite:///{file}").state(SYSTEM, TrustRoot.load(ASSETS / "trust.json"))
    assert len(state.problems) == 21
    assert state.problems[-1].startswith("and ")


def test_a_place_that_is_no_number_is_found_and_keeps_nobody_reading(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "ledger.db"
    shutil.copy(ASSETS / "good.db", file)
    ledger = Ledger.open(f"sqlite:///{file}")
    count = len(list(ledger.entries(SYSTEM)))
    monkeypatch.setattr(database, "_PAGE", count)
    tamper(file, "UPDATE seatrial_entries SET sequence = 'second' WHERE sequence = 2")
    assert len(list(islice(ledger.entries(SYSTEM), 2 * count))) == count
    assert not ledger.verify(SYSTEM, TrustRoot.load(ASSETS / "trust.json")).intact
