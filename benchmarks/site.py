"""The site over many systems and a long ledger: for each page the server's time, its ratio, and what was read for it.

    python -m benchmarks.site [records] [systems] [folder]

One system has nine tenths of the records, the others share the rest; all stand in one ledger. In `folder` it is built
once and kept. The first page that reads a chain verifies it, which a site that has just been started does once. Then
each page is asked for as one of the people sees it: `moved` right after an entry was put on record, with which the
verdict is decided anew, and `then` with nothing new. Both are the processor's time in milliseconds, which other work
on the machine does not lengthen; the ratio is to the sign-in page, which reads nothing. `read` are ledger entries that
were read and verified, `asked` are statements to the site's own database. The target is 100 ms for `then`.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from seatrial.core.bodies import AcceptanceBody
from seatrial.core.codec import to_data
from seatrial.core.record import Record
from seatrial.core.vocabulary import RecordType

RECORDS: Final = 100_000
SYSTEMS: Final = 200
TARGET_MS: Final = 100.0
_BATCH: Final = 1_000
_FILE: Final = """\
system: {slug}
version: "2026.11.1"
people: {{olga: {{name: Olga Brandt}}, sven: {{name: Sven Holm}}, ivo: {{name: Ivo Petrov}}}}
owner: {{who: olga, deputy: sven, manager: ivo}}
duties: {{monitor: {{who: olga, deputy: sven}}}}
model:
  endpoint: http://127.0.0.1:9/predict
  task: binary
  inputs: {{wind: {{type: number, minimum: 0, maximum: 80}}}}
  output: {{prediction: label, score: probability, positive: 1, act_at: 0.5}}
governance: {{policy: short-demo, metric: recall, minimum: 0.5}}
"""
_ROOMS: Final = (
    *("", "gaps/", "requirements/ownership.monitor/", "people/", "training/", "documents/", "labels/", "doubts/"),
    *("runs/", "drills/", "events/", "review/", "review/it/", "frameworks/", "history/", "deeds/"),
)


class Counted:
    """Counts the entries that are read from the ledger, and the statements to the site's database."""

    def __init__(self) -> None:
        from seatrial.evidence.database import Database

        self.entries = 0
        self.statements = 0
        reading = Database.entries

        def entries(database: Database, system: str, since: int | None = None) -> Iterator[Any]:
            for entry in reading(database, system, since):
                self.entries += 1
                yield entry

        Database.entries = entries  # type: ignore[assignment, method-assign]

    def __call__(self, execute: Any, sql: str, parameters: Any, many: bool, context: Any) -> Any:
        self.statements += 1
        return execute(sql, parameters, many, context)

    def taken(self) -> tuple[int, int]:
        """What was counted since it was asked last."""
        found = self.entries, self.statements
        self.entries = self.statements = 0
        return found


def plant(folder: Path, records: int, systems: int) -> list[Path]:
    """System files in folders of their own, and one ledger beside them with all their records."""
    from seatrial.adapters.signers.keystore import Keystore
    from seatrial.app.workspace import open_workspace
    from seatrial.evidence.envelope import seal
    from seatrial.evidence.ledger import Ledger

    folders = []
    ledger = Ledger.open(f"sqlite:///{folder / 'ledger.db'}")
    for number in range(systems):
        slug = f"system-{number:03}"
        (folder / slug).mkdir()
        (folder / slug / "seatrial.yaml").write_text(_FILE.format(slug=slug))
        (folder / slug / ".env").write_text(f"SEATRIAL_LEDGER=sqlite:///{folder / 'ledger.db'}\n")
        workspace = open_workspace(folder / slug)
        signer = Keystore(workspace.folder / "keys").person("olga")
        body = to_data(AcceptanceBody(duty="monitor", person="olga", shown="It is watched."))
        assert isinstance(body, dict)
        share = max(1, records * 9 // 10 if number == 0 else records // 10 // max(1, systems - 1))
        made = (
            Record(
                type=RecordType.ACCEPTANCE,
                id=f"{slug}-{each}",
                system=slug,
                at=workspace.clock.now(),
                by=signer.by,
                depends={},
                body=body,
            )
            for each in range(share)
        )
        batch: list[bytes] = []
        for record in made:
            batch.append(seal(record, signer))
            if len(batch) == _BATCH:
                ledger.append_many(batch)
                batch = []
        ledger.append_many(batch)
        folders.append(folder / slug)
    ledger.close()
    return folders


def visitor(folder: Path, systems: list[Path]) -> Any:
    """A client that is signed in as somebody with a place in every system."""
    from seatrial.web.serving import prepare

    if problems := prepare(folder / "site", systems):
        raise SystemExit("\n".join(problems))
    from django.test import Client

    from seatrial.web.models import Account, Membership, Registered

    account = Account.objects.create(email="olga@example.com", name="Olga Brandt", password="not used here 1")  # noqa: S106
    Membership.objects.bulk_create(
        Membership(account=account, system=system, person="olga") for system in Registered.objects.all()
    )
    client = Client(SERVER_NAME="127.0.0.1")
    client.force_login(account, backend="django.contrib.auth.backends.ModelBackend")
    return client


def add(system: Path) -> None:
    """Put one entry more on record, as old ones are: nothing about it is new but that it is there."""
    from seatrial.app.ledgers import keystore, open_ledger, record
    from seatrial.app.workspace import open_workspace

    workspace = open_workspace(system)
    body = AcceptanceBody(duty="monitor", person="olga", shown="It is watched.")
    with open_ledger(workspace) as ledger:
        record(ledger, keystore(workspace).person("olga"), workspace, RecordType.ACCEPTANCE, body)
    # A file that was written within the last tenth of a second is read again whatever its times say.
    time.sleep(0.2)


def main() -> int:
    records = int(sys.argv[1]) if len(sys.argv) > 1 else RECORDS
    systems = int(sys.argv[2]) if len(sys.argv) > 2 else SYSTEMS
    with tempfile.TemporaryDirectory() as passing:
        folder = Path(sys.argv[3] if len(sys.argv) > 3 else passing)
        found = sorted(folder.glob("system-*")) or plant(folder, records, systems)
        shutil.rmtree(folder / "site", ignore_errors=True)
        client = visitor(folder, found)
        from django.db import connection
        from django.test import Client

        counted = Counted()
        with connection.execute_wrapper(counted):
            bare = min(_asked(Client(SERVER_NAME="127.0.0.1"), "/sign-in/") for _ in range(5))
            print(f"{records:,} records, {systems} systems; the sign-in page takes {bare:.1f} ms")
            print(f"the first page that reads the ledger takes {_asked(client, '/'):,.0f} ms")
            print(f"the first page of the longest chain {_asked(client, '/s/system-000/'):,.0f} ms")
            print(f"{'page':<48} {'moved':>8} {'read':>6} {'then':>8} {'ratio':>7} {'read':>6} {'asked':>6}")
            slow = 0
            for page in ("/", *(f"/s/system-000/{room}" for room in _ROOMS)):
                add(found[0])
                counted.taken()
                moved = _asked(client, page)
                moved_read, _ = counted.taken()
                then = min(_asked(client, page) for _ in range(3))
                read, asked = (each // 3 for each in counted.taken())
                slow += then > TARGET_MS
                print(f"{page:<48} {moved:>8.1f} {moved_read:>6} {then:>8.1f} {then / bare:>7.1f} {read:>6} {asked:>6}")
            print(f"{slow} pages over {TARGET_MS:.0f} ms")
    return 1 if slow else 0


def _asked(client: Any, page: str) -> float:
    start = time.process_time()
    answer = client.get(page)
    took = (time.process_time() - start) * 1000
    if answer.status_code != 200:
        raise SystemExit(f"{page} answers {answer.status_code}")
    return took


if __name__ == "__main__":
    sys.exit(main())
