"""Writes the ledgers of this folder anew, each with the one defect that it is named after.

    PYTHONPATH=tests/unit/evidence python tests/assets/ledger/regenerate.py

`v1/` is the frozen ledger of record format 1: it is written once and never again, so that later releases prove that
they still read it. A new format gets a folder of its own.
"""

from __future__ import annotations

import base64
import json
import shutil
import sqlite3
import tempfile
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from ledger_scene import START, SYSTEM, Scene, tamper

from seatrial.adapters.signers.keystore import Ed25519Signer, Keystore
from seatrial.core.vocabulary import RecordType
from seatrial.evidence.entry import GENESIS, Entry, entry_digest
from seatrial.evidence.envelope import canonical, parse, payload_type, seal, seal_payload, sha256, spell
from seatrial.evidence.ledger import Ledger
from seatrial.evidence.upcast import read_record

FOLDER = Path(__file__).parent
UPDATE = "UPDATE seatrial_entries SET"


def main() -> None:
    with tempfile.TemporaryDirectory() as temporary:
        scene = Scene(Path(temporary))
        good = Path(temporary) / "ledger.db"
        with_entries(scene, good)
        for old in FOLDER.glob("*.db"):
            old.unlink()
        publish(scene, good, FOLDER, "good.db")
        if not (FOLDER / "v1").exists():
            (FOLDER / "v1").mkdir()
            publish(scene, good, FOLDER / "v1", "good.db")
        for name, defect in DEFECTS.items():
            file = FOLDER / f"{name}.db"
            shutil.copy(good, file)
            defect(scene, file)
            shrink(file)


def with_entries(scene: Scene, file: Path) -> None:
    connection = sqlite3.connect(file)
    connection.execute("PRAGMA page_size = 1024")
    connection.execute("VACUUM")
    connection.close()
    ledger = scene.open()
    for envelope in scene.story():
        ledger.append(envelope)
    scene.keys.token("ci")
    ledger.close()


def publish(scene: Scene, good: Path, folder: Path, name: str) -> None:
    ledger = Ledger.open(f"sqlite:///{good}", create=False)
    shutil.copy(good, folder / name)
    (folder / "trust.json").write_bytes(scene.trust().spell())
    (folder / "checkpoint.txt").write_text(f"{ledger.checkpoint(SYSTEM)}\n")
    ledger.close()


def shrink(file: Path) -> None:
    connection = sqlite3.connect(file)
    connection.execute("VACUUM")
    connection.close()


def read(file: Path) -> list[Entry]:
    ledger = Ledger.open(f"sqlite:///{file}", create=False)
    entries = list(ledger.entries(SYSTEM))
    ledger.close()
    return entries


def rebuild(file: Path, entries: list[Entry]) -> None:
    """Replace the chain by one over these records that is right in itself."""
    statements: list[str | tuple[str, tuple[object, ...]]] = ["DELETE FROM seatrial_entries"]
    previous = GENESIS
    for sequence, old in enumerate(entries, start=1):
        entry = replace(old, sequence=sequence, previous=previous, record=sha256(old.envelope))
        previous = entry_digest(entry)
        row = (SYSTEM, sequence, entry.previous, entry.record, entry.received_at, previous, entry.envelope)
        statements.append(("INSERT INTO seatrial_entries VALUES (?, ?, ?, ?, ?, ?, ?)", row))
    tamper(file, *statements)


def appended(file: Path, *envelopes: bytes) -> None:
    """Append to a copy, past everything that `append` refuses."""
    entries = read(file)
    last = entries[-1]
    for number, envelope in enumerate(envelopes, start=1):
        later = (START + timedelta(hours=2, minutes=number)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        entries.append(replace(last, envelope=envelope, received_at=later))
    rebuild(file, entries)


def resealed(envelope: bytes, signer: Ed25519Signer, **changes: str) -> bytes:
    record = read_record(parse(envelope))
    return seal(replace(record, by=signer.by, body={**record.body, **changes}), signer)


def altered_record(_: Scene, file: Path) -> None:
    envelope = read(file)[2].envelope
    old = parse(envelope)
    new = spell(replace(old, payload=old.payload.replace(b"0.82", b"0.99")))
    tamper(file, (f"{UPDATE} envelope = ? WHERE sequence = 3", (new,)))


def altered_signed_bytes(_: Scene, file: Path) -> None:
    """Altered, and every digest computed anew: only the signature tells."""
    entries = read(file)
    old = parse(entries[2].envelope)
    entries[2] = replace(entries[2], envelope=spell(replace(old, payload=old.payload.replace(b"0.82", b"0.99"))))
    rebuild(file, entries)


def altered_time(_: Scene, file: Path) -> None:
    tamper(file, f"{UPDATE} received_at = '2026-11-02T09:04:30.000000Z' WHERE sequence = 4")


def altered_to_nonsense(_: Scene, file: Path) -> None:
    tamper(file, f"{UPDATE} envelope = 'no envelope', received_at = 12 WHERE sequence = 3")


def reordered_records(_: Scene, file: Path) -> None:
    three, five = (read(file)[n] for n in (2, 4))
    statement = f"{UPDATE} record = ?, envelope = ? WHERE sequence = ?"
    tamper(
        file,
        (statement, ("x", b"x", 5)),
        (statement, (five.record, five.envelope, 3)),
        (statement, (three.record, three.envelope, 5)),
    )


def reordered_entries(_: Scene, file: Path) -> None:
    tamper(file, *(f"{UPDATE} sequence = {new} WHERE sequence = {old}" for old, new in ((3, 99), (5, 3), (99, 5))))


def replaced(scene: Scene, file: Path) -> None:
    """Another record of a trusted worker in its place, with its own digests right."""
    new = resealed(read(file)[2].envelope, scene.keys.worker(), value="0.99")
    entry = replace(read(file)[2], envelope=new, record=sha256(new))
    values = (new, entry.record, entry_digest(entry))
    tamper(file, (f"{UPDATE} envelope = ?, record = ?, digest = ? WHERE sequence = 3", values))


def missing_middle(_: Scene, file: Path) -> None:
    tamper(file, "DELETE FROM seatrial_entries WHERE sequence = 4")


def missing_first(_: Scene, file: Path) -> None:
    tamper(file, "DELETE FROM seatrial_entries WHERE sequence <= 2")


def missing_renumbered(_: Scene, file: Path) -> None:
    tamper(
        file,
        "DELETE FROM seatrial_entries WHERE sequence = 4",
        *(f"{UPDATE} sequence = {n - 1} WHERE sequence = {n}" for n in range(5, 9)),
    )


def truncated(_: Scene, file: Path) -> None:
    tamper(file, "DELETE FROM seatrial_entries WHERE sequence > 6")


def rewritten_by_key_holder(scene: Scene, file: Path) -> None:
    """The worker's key is stolen: the chain is rebuilt with a better figure and is right in itself."""
    entries = read(file)
    entries[2] = replace(entries[2], envelope=resealed(entries[2].envelope, scene.keys.worker(), value="0.99"))
    rebuild(file, entries)


def resigned_by_other_key(scene: Scene, file: Path) -> None:
    stranger = Keystore(scene.folder / "stranger").worker()
    entries = [replace(e, envelope=resealed(e.envelope, stranger)) if n == 2 else e for n, e in enumerate(read(file))]
    rebuild(file, entries)


def repeated(_: Scene, file: Path) -> None:
    tamper(file, "DROP INDEX seatrial_entries_record")
    appended(file, read(file)[0].envelope)


def time_reversed(_: Scene, file: Path) -> None:
    entries = read(file)
    entries[4] = replace(entries[4], received_at=entries[0].received_at)
    rebuild(file, entries)


def other_system(scene: Scene, file: Path) -> None:
    appended(file, scene.observed(0.9, system="another-system"))


def not_an_envelope(_: Scene, file: Path) -> None:
    appended(file, b"signed, honestly")


def two_signatures(scene: Scene, file: Path) -> None:
    data = json.loads(scene.observed(0.9))
    data["signatures"] *= 2
    appended(file, canonical(data))


def newer_version(scene: Scene, file: Path) -> None:
    worker = scene.keys.worker()
    payload = canonical({"type": "observation", "version": 2, "of": "a later release"})
    appended(file, seal_payload(payload_type("observation", 2), payload, worker))


def type_confusion(scene: Scene, file: Path) -> None:
    """Signed as an observation, and a sign-off inside."""
    payload = parse(scene.signed_off("sven", signer=scene.keys.person("sven"))).payload
    appended(file, seal_payload(payload_type("observation", 1), payload, scene.keys.worker()))


def token_signs_off(scene: Scene, file: Path) -> None:
    appended(file, scene.signed_off("sven", signer=scene.keys.token("ci")))


def worker_accepts(scene: Scene, file: Path) -> None:
    appended(file, scene.accepted("olga", signer=scene.keys.worker()))


def person_speaks_for_another(scene: Scene, file: Path) -> None:
    appended(file, scene.accepted("olga", signer=scene.keys.person("sven")))


def person_observes(scene: Scene, file: Path) -> None:
    appended(file, scene.observed(0.99, signer=scene.keys.person("sven")))


def key_added_by_worker(scene: Scene, file: Path) -> None:
    stranger = Keystore(scene.folder / "stranger").worker()
    appended(file, scene.key_added(stranger, signer=scene.keys.worker()), scene.observed(0.99, signer=stranger))


def revoked_key(scene: Scene, file: Path) -> None:
    appended(file, scene.key_ended(scene.keys.person("sven"), START))


def from_the_future(scene: Scene, file: Path) -> None:
    worker = scene.keys.worker()
    record = scene.record(RecordType.OBSERVATION, {"requirement": "model.threshold"}, worker)
    appended(file, seal(replace(record, at=START + timedelta(days=365)), worker))


def public_key_swapped(scene: Scene, file: Path) -> None:
    """An added key whose public bytes are not those of its id."""
    night = Keystore(scene.folder / "elsewhere").worker("other-night")
    body = {
        "action": "add",
        "key": night.key_id,
        "public": base64.b64encode(scene.keys.worker().public).decode(),
        "holder": "worker:x",
    }
    appended(file, scene.sealed(RecordType.KEY, body, scene.keys.root()))


DEFECTS: dict[str, Callable[[Scene, Path], None]] = {
    defect.__name__: defect
    for defect in (
        altered_record,
        altered_signed_bytes,
        altered_time,
        altered_to_nonsense,
        reordered_records,
        reordered_entries,
        replaced,
        missing_middle,
        missing_first,
        missing_renumbered,
        truncated,
        rewritten_by_key_holder,
        resigned_by_other_key,
        repeated,
        time_reversed,
        other_system,
        not_an_envelope,
        two_signatures,
        newer_version,
        type_confusion,
        token_signs_off,
        worker_accepts,
        person_speaks_for_another,
        person_observes,
        key_added_by_worker,
        revoked_key,
        from_the_future,
        public_key_swapped,
    )
}

if __name__ == "__main__":
    main()
