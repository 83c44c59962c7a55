"""Whatever is done to a chain with a checkpoint outside is found; without one, nothing but a dropped tail escapes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st
from ledger_scene import SYSTEM

from seatrial.evidence.entry import Checkpoint, Entry, entry_digest
from seatrial.evidence.ledger import Ledger
from seatrial.evidence.trust import TrustRoot
from seatrial.evidence.verification import verify

ASSETS = Path(__file__).parents[2] / "assets" / "ledger"
TRUST = TrustRoot.load(ASSETS / "trust.json")
PIN = Checkpoint.load(ASSETS / "checkpoint.txt")
ENTRIES = tuple(Ledger.open(f"sqlite:///{ASSETS / 'good.db'}", create=False).entries(SYSTEM))
COUNT = len(ENTRIES)


@given(st.lists(st.integers(0, COUNT - 1), max_size=COUNT + 2))
@settings(max_examples=120, deadline=None)
def test_any_choice_and_order_of_entries_but_the_whole_chain_is_found(choice: list[int]) -> None:
    chain = [ENTRIES[n] for n in choice]
    assert verify(SYSTEM, chain, TRUST, pin=PIN).state.anchored == (choice == list(range(COUNT)))
    assert verify(SYSTEM, chain, TRUST).report.intact == (choice == list(range(len(choice))))


@given(st.permutations(range(COUNT)), st.booleans())
@settings(max_examples=60, deadline=None)
def test_any_renumbered_order_is_found_with_and_without_new_digests(order: list[int], recomputed: bool) -> None:
    chain = [replace(ENTRIES[n], sequence=place) for place, n in enumerate(order, start=1)]
    if recomputed:
        chain = [replace(entry, digest=entry_digest(entry)) for entry in chain]
    assert verify(SYSTEM, chain, TRUST).report.intact == (order == list(range(COUNT)))


FIELDS = st.fixed_dictionaries(
    {},
    optional={
        "system": st.text(max_size=5),
        "sequence": st.integers(-(2**63), 2**63 - 1),
        "previous": st.text("0123456789abcdef", min_size=64, max_size=64) | st.text(max_size=5),
        "record": st.text("0123456789abcdef", min_size=64, max_size=64),
        "received_at": st.text(max_size=30) | st.just("2026-11-02T09:03:30.000000Z"),
        "digest": st.text("0123456789abcdef", min_size=64, max_size=64),
        "envelope": st.binary(max_size=50),
    },
)


@given(st.integers(0, COUNT - 1), FIELDS, st.booleans())
@settings(max_examples=150, deadline=None)
def test_any_change_of_any_field_of_any_entry_is_found(
    place: int, fields: dict[str, str | int | bytes], recomputed: bool
) -> None:
    changed: Entry = replace(ENTRIES[place], **fields)  # type: ignore[arg-type]
    if recomputed:
        changed = replace(changed, digest=entry_digest(changed))
    chain = [*ENTRIES[:place], changed, *ENTRIES[place + 1 :]]
    reading = verify(SYSTEM, chain, TRUST, pin=PIN)
    assert reading.state.anchored == (changed == ENTRIES[place])
    assert reading.report.intact == (changed == ENTRIES[place])


@given(st.integers(0, COUNT - 1), st.integers(0, 10_000), st.integers(1, 255))
@settings(max_examples=100, deadline=None)
def test_any_changed_byte_of_any_record_is_found_though_all_digests_are_right(place: int, at: int, by: int) -> None:
    """The holder of the database rebuilds the whole chain over one altered envelope: without any key, it is found."""
    content = bytearray(ENTRIES[place].envelope)
    content[at % len(content)] ^= by
    chain: list[Entry] = []
    for entry in ENTRIES:
        envelope = bytes(content) if entry is ENTRIES[place] else entry.envelope
        new = rebuilt(entry, envelope, chain[-1].digest if chain else entry.previous)
        chain.append(new)
    assert not verify(SYSTEM, chain, TRUST).report.intact


def rebuilt(entry: Entry, envelope: bytes, previous: str) -> Entry:
    from seatrial.evidence.envelope import sha256

    new = replace(entry, envelope=envelope, record=sha256(envelope), previous=previous)
    return replace(new, digest=entry_digest(new))
