"""A small system with its people and keys, whose ledger the tests write, tamper with and verify."""

from __future__ import annotations

import base64
import sqlite3
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

from seatrial.adapters.signers.keystore import Ed25519Signer, Keystore
from seatrial.core.observation import Json
from seatrial.core.record import Record
from seatrial.core.vocabulary import RecordType
from seatrial.evidence.envelope import seal
from seatrial.evidence.ledger import Ledger
from seatrial.evidence.trust import TrustRoot

SYSTEM = "arrival-delay"
START = datetime(2026, 11, 2, 8, 0, tzinfo=UTC)


class SteppingClock:
    """A clock that moves one minute with every look at it."""

    def __init__(self, start: datetime = START) -> None:
        self.time = start

    def now(self) -> datetime:
        self.time += timedelta(minutes=1)
        return self.time

    def monotonic(self) -> float:
        return self.time.timestamp()

    def sleep(self, seconds: float) -> None:
        self.time += timedelta(seconds=seconds)


class Scene:
    """Keys and records of one system. Every record is one minute younger than the one before."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.keys = Keystore(folder / "keys")
        self.url = f"sqlite:///{folder / 'ledger.db'}"
        self._clock = SteppingClock()
        self._count = 0

    def open(self, url: str | None = None) -> Ledger:
        return Ledger.open(url or self.url, clock=SteppingClock(START + timedelta(hours=1)))

    def record(
        self, kind: RecordType, body: Mapping[str, Json], signer: Ed25519Signer, *, system: str = SYSTEM
    ) -> Record:
        self._count += 1
        return Record(type=kind, id=f"r{self._count}", system=system, at=self._clock.now(), by=signer.by, body=body)

    def sealed(
        self, kind: RecordType, body: Mapping[str, Json], signer: Ed25519Signer, *, system: str = SYSTEM
    ) -> bytes:
        return seal(self.record(kind, body, signer, system=system), signer)

    def observed(self, value: Json = 0.81, *, signer: Ed25519Signer | None = None, system: str = SYSTEM) -> bytes:
        body: Mapping[str, Json] = {"requirement": "model.threshold", "value": value}
        return self.sealed(RecordType.OBSERVATION, body, signer or self.keys.worker(), system=system)

    def accepted(self, person: str = "olga", *, signer: Ed25519Signer | None = None) -> bytes:
        body: Mapping[str, Json] = {"person": person, "duty": "owner", "shown": "You answer for it."}
        return self.sealed(RecordType.ACCEPTANCE, body, signer or self.keys.person(person))

    def signed_off(
        self, person: str = "sven", *, role: str = "operations", signer: Ed25519Signer | None = None
    ) -> bytes:
        body: Mapping[str, Json] = {
            "person": person,
            "role": role,
            "subject": "5" * 64,
            "shown": "6" * 64,
            "verdict": "NO-GO",
        }
        return self.sealed(RecordType.SIGN_OFF, body, signer or self.keys.person(person))

    def key_added(self, added: Ed25519Signer, *, signer: Ed25519Signer | None = None) -> bytes:
        body: Mapping[str, Json] = {
            "action": "add",
            "key": added.key_id,
            "public": base64.b64encode(added.public).decode(),
            "holder": added.holder,
        }
        return self.sealed(RecordType.KEY, body, signer or self.keys.root())

    def key_ended(
        self, ended: Ed25519Signer, at: datetime, *, action: str = "revoke", signer: Ed25519Signer | None = None
    ) -> bytes:
        body: Mapping[str, Json] = {"action": action, "key": ended.key_id, "effective_at": at.isoformat()}
        return self.sealed(RecordType.KEY, body, signer or self.keys.root())

    def story(self) -> list[bytes]:
        """Eight records as a real system has them."""
        night = Keystore(self.folder / "elsewhere").worker("night")
        return [
            self.observed(0.81),
            self.accepted("olga"),
            self.observed(0.82),
            self.signed_off("sven"),
            self.observed(0.83),
            self.key_added(night),
            self.observed(0.84, signer=night),
            self.observed(0.85),
        ]

    def trust(self, *, pinned: bool = True) -> TrustRoot:
        """The keys of the keystore as a company would list them outside."""
        return TrustRoot(keys=self.keys.trust().keys, pinned=pinned)


def tamper(file: Path, *statements: str | tuple[str, tuple[object, ...]]) -> None:
    """Do to a ledger what only the owner of its file can: the triggers are dropped first."""
    connection = sqlite3.connect(file)
    for trigger in ("seatrial_no_update", "seatrial_no_delete", "seatrial_no_replace"):
        connection.execute(f"DROP TRIGGER IF EXISTS {trigger}")
    for statement in statements:
        if isinstance(statement, str):
            connection.execute(statement)
        else:
            connection.execute(*statement)
    connection.commit()
    connection.close()
