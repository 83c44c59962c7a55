"""Append and verify 1,000, 10,000 and 100,000 records: seconds, growth per decade, and the ratio to bare cryptography.

    python benchmarks/ledger.py [largest]

Linear means a growth of about 10 per decade. The physical limit is signing, or verifying, the same payloads with the
same keys and nothing else. The quick reading is what `seatrial verdict` does: under 2 s at 10,000 records.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar, cast

from seatrial.adapters.signers.keystore import Ed25519Signer, Keystore
from seatrial.core.bodies import ObservationBody
from seatrial.core.codec import to_data
from seatrial.core.observation import Json, Measure, Observation
from seatrial.core.record import Record
from seatrial.core.vocabulary import RecordType, Sense
from seatrial.evidence.envelope import pae, parse, seal
from seatrial.evidence.ledger import Ledger
from seatrial.evidence.trust import Keyring

SYSTEM = "benchmark"
SIZES = (1_000, 10_000, 100_000)
BATCH = 1_000
SINGLE = 200
T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """Seconds for one size."""

    records: int
    sign: float
    seal: float
    append: float
    single: float
    check: float
    verify: float
    quick: float


def timed(action: Callable[[], T]) -> tuple[float, T]:
    start = time.perf_counter()
    result = action()
    return time.perf_counter() - start, result


def record(number: int, signer: Ed25519Signer) -> Record:
    now = datetime.now(UTC)
    measures = tuple(
        Measure(
            name=f"measure {n}",
            value=0.81,
            lower=0.78,
            upper=0.84,
            limit=0.7,
            sense=Sense.AT_LEAST,
            n=number,
            method="Clopper-Pearson",
            confidence=0.95,
        )
        for n in range(4)
    )
    body = ObservationBody(
        requirement="model.threshold",
        check="model.threshold",
        check_version=1,
        product="benchmark",
        run=f"run {number // 20}",
        seed=number,
        started_at=now,
        duration_s=1.5,
        observation=Observation(done="Scored the evaluation rows and counted.", measures=measures),
    )
    return Record(
        type=RecordType.OBSERVATION,
        id=f"r{number}",
        system=SYSTEM,
        at=now,
        by=signer.by,
        depends={"model": "0" * 64, "data.evaluation": "1" * 64},
        body=cast("dict[str, Json]", to_data(body)),
    )


def measure(records: int, folder: Path) -> Timing:
    keys = Keystore(folder / "keys")
    signer = keys.worker()
    made = [record(number, signer) for number in range(records)]
    seal_s, envelopes = timed(lambda: [seal(each, signer) for each in made])
    parsed = [parse(envelope) for envelope in envelopes]
    contents = [pae(each.payload_type, each.payload) for each in parsed]
    sign_s, _ = timed(lambda: [signer.sign(content) for content in contents])
    ring = Keyring(keys.trust())
    check_s, _ = timed(lambda: [ring.signed(e.key_id, c, e.signature) for e, c in zip(parsed, contents, strict=True)])
    ledger = Ledger.open(f"sqlite:///{folder / f'{records}.db'}")
    append_s, _ = timed(lambda: append(ledger, envelopes))
    later = [seal(record(records + number, signer), signer) for number in range(SINGLE)]
    single_s, _ = timed(lambda: [ledger.append(envelope) for envelope in later])
    quick_s, reading = timed(lambda: ledger.read(SYSTEM, keys.trust(), quick=True))
    newest = [evidence.digest for evidence in reading.evidence[-40:]]
    confirm_s, problems = timed(lambda: reading.confirm(newest))
    verify_s, report = timed(lambda: ledger.verify(SYSTEM, keys.trust()))
    if not report.intact or problems or report.signatures != records + SINGLE:
        raise SystemExit(f"the ledger of the benchmark does not verify: {report.sentence}")
    return Timing(
        records=records,
        sign=sign_s,
        seal=seal_s,
        append=append_s,
        single=single_s / SINGLE,
        check=check_s,
        verify=verify_s,
        quick=quick_s + confirm_s,
    )


def append(ledger: Ledger, envelopes: Sequence[bytes]) -> None:
    for start in range(0, len(envelopes), BATCH):
        ledger.append_many(envelopes[start : start + BATCH])


def main() -> None:
    largest = int(sys.argv[1]) if len(sys.argv) > 1 else SIZES[-1]
    print(
        f"{'records':>8} {'seal s':>8} {'x sign':>7} {'append s':>9} {'growth':>7} {'one ms':>7} "
        f"{'verify s':>9} {'growth':>7} {'x check':>8} {'quick s':>8}"
    )
    before: Timing | None = None
    for records in (size for size in SIZES if size <= largest):
        with tempfile.TemporaryDirectory() as folder:
            now = measure(records, Path(folder))
        appended = f"{now.append / before.append:.1f}" if before else ""
        verified = f"{now.verify / before.verify:.1f}" if before else ""
        times_check = now.verify / now.check
        print(
            f"{records:>8} {now.seal:>8.2f} {now.seal / now.sign:>7.1f} {now.append:>9.2f} {appended:>7} "
            f"{now.single * 1000:>7.2f} {now.verify:>9.2f} {verified:>7} {times_check:>8.2f} {now.quick:>8.2f}"
        )
        before = now


if __name__ == "__main__":
    main()
