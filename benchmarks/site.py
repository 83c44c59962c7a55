"""The site over many systems and a long ledger: the server's time for every page, and for the first after a start.

    python -m benchmarks.site [records] [systems] [folder]

One system has nine tenths of the records, the others share the rest; all stand in one ledger. In `folder` it is built
once and kept. The site is served as `seatrial serve` serves it, in a process of its own, with its worker and what reads
beside the pages. All times are the processor's time of the request in milliseconds, which other work on the machine
does not lengthen much. The target is 100 ms for each request.

Right after the start, and while the record is still being read, pages are asked for; they say that, or what was decided
before. Once all is read, each page is asked for: `first`, then several times (`median`, `worst`), and `moved` right
after an entry was put on record. Where a page asks to try again in a moment, that is counted in `again`, and its time
is the longest of all its requests. After midnight every verdict is another one: the site is awake before it, and then
its clock jumps over the next one, as that of a machine that slept. In the end the site is started once more.
"""

from __future__ import annotations

import http.client
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

from benchmarks._every_page import NO_PAGE, Page, every_page, furnished
from benchmarks._timed_site import BEFORE_MIDNIGHT, NEXT_DAY, SOON_S, TOOK
from benchmarks._year_on_record import plant
from seatrial.core.bodies import AcceptanceBody
from seatrial.core.vocabulary import RecordType

RECORDS: Final = 100_000
SYSTEMS: Final = 200
TARGET_MS: Final = 100.0
_TIMES: Final = 3
_REFUSED: Final = 403
_LONGEST: Final = "system-000"
_SHORT: Final = ("system-001", "system-007")
_GIVE_UP_S: Final = 900.0
_BEING_READ: Final = b"is being read and verified"
_LISTS: Final = ("/", "/api/v1/systems/?per_page=200")


def visitors(folder: Path, systems: list[Path]) -> tuple[tuple[str, ...], Any]:
    """Sessions of an administrator, of an owner and of a signer in every system, and the first one's account."""
    from seatrial.web.serving import prepare

    if problems := prepare(folder / "site", systems):
        raise SystemExit("\n".join(problems))
    from django.test import Client

    from seatrial.web.models import Account, Membership, Registered

    sessions, accounts = [], []
    for person, admin in (("lena", True), ("olga", False), ("ivo", False)):
        account = Account.objects.create(
            email=f"{person}@example.com",
            name=person.title(),
            password="not used here 1",  # noqa: S106
            admin=admin,
        )
        Membership.objects.bulk_create(
            Membership(account=account, system=system, person=person) for system in Registered.objects.all()
        )
        client = Client(SERVER_NAME="127.0.0.1")
        client.force_login(account, backend="django.contrib.auth.backends.ModelBackend")
        session = client.session
        session.set_expiry(timedelta(days=7))
        session.save()
        sessions.append(client.cookies["sessionid"].value)
        accounts.append(account)
    return tuple(sessions), accounts[0]


def add(system: Path) -> None:
    """Put one entry more on record, as old ones are: nothing about it is new but that it is there."""
    from seatrial.app.folder.ledgers import keystore, open_ledger, record
    from seatrial.app.folder.workspace import open_workspace

    workspace = open_workspace(system)
    body = AcceptanceBody(duty="monitor", person="olga", shown="It is watched.")
    with open_ledger(workspace) as ledger:
        record(ledger, keystore(workspace).person("olga"), workspace, RecordType.ACCEPTANCE, body)
    # A file that was written within the last tenth of a second is read again whatever its times say.
    time.sleep(0.2)


@dataclass(frozen=True, slots=True)
class Asked:
    """What came of asking for a page: its status, the processor's time in milliseconds, and what it says."""

    status: int
    ms: float
    content: bytes

    @property
    def again(self) -> bool:
        """Whether it says to come again."""
        return self.status == 503 and _BEING_READ in self.content


class Visitor:
    """Asks the site for pages, as a browser with a session does."""

    def __init__(self, port: int, sessions: Sequence[str]) -> None:
        self._port = port
        self._sessions = sessions

    def ask(self, address: str) -> Asked:
        """One request by the first who may ask that. Stops the benchmark where the site fails."""
        for session in self._sessions:
            asked = self._ask(address, session)
            if asked.status != _REFUSED:
                break
        if asked.status != 200 and not asked.again:
            raise SystemExit(f"{address} answers {asked.status}: {asked.content[-2000:].decode(errors='replace')}")
        return asked

    def _ask(self, address: str, session: str) -> Asked:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=300)
        connection.request("GET", address, headers={"Cookie": f"sessionid={session}"})
        answer = connection.getresponse()
        content = answer.read()
        connection.close()
        return Asked(answer.status, float(answer.headers.get(TOOK, "nan")), content)

    def insist(self, address: str) -> tuple[float, int]:
        """The longest of the requests until the page is there, and how often it said to come again."""
        longest, again, end = 0.0, 0, time.monotonic() + _GIVE_UP_S
        while time.monotonic() < end:
            asked = self.ask(address)
            longest = max(longest, asked.ms)
            if not asked.again:
                return longest, again
            again += 1
            time.sleep(1)
        raise SystemExit(f"{address} was not there within {_GIVE_UP_S:.0f} s")

    def until_all_decided(self) -> tuple[float, float, int]:
        """Ask for all systems until none is still read: the longest request, the seconds, and how many at first."""
        began, longest, first = time.monotonic(), 0.0, -1
        while time.monotonic() - began < _GIVE_UP_S:
            asked = [self.ask(address) for address in _LISTS]
            longest = max(longest, *(each.ms for each in asked))
            left = asked[-1].content.count(_BEING_READ)
            first = left if first < 0 else first
            if left == 0:
                return longest, time.monotonic() - began, first
            # Asked more often, it takes the processor from what reads.
            time.sleep(5)
        raise SystemExit(f"not all systems were read within {_GIVE_UP_S:.0f} s")


def told(title: str, ms: float, more: str = "") -> float:
    """Print a figure with its limit."""
    print(f"{title:<56} {ms:>6.1f} ms, limit {TARGET_MS:.0f}{f'; {more}' if more else ''}", flush=True)
    return ms


@contextmanager
def served(folder: Path, sessions: Sequence[str]) -> Iterator[Visitor]:
    """The site in a process of its own, from the moment at which it answers."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "benchmarks._timed_site", str(folder / "site"), str(port)]
    with (folder / "site.log").open("ab") as log, subprocess.Popen(command, stderr=log) as process:
        try:
            end = time.monotonic() + 60
            while time.monotonic() < end and process.poll() is None:
                with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
                    break
                time.sleep(0.05)
            yield Visitor(port, sessions)
        finally:
            process.terminate()


def after_a_start(visitor: Visitor, which: str = "start") -> dict[str, float]:
    """What pages take that are asked for at once, and while all is read."""
    found = {}
    for title, address in (
        ("all systems", "/"),
        ("all systems over the API", _LISTS[-1]),
        ("a short chain", f"/s/{_SHORT[0]}/"),
        ("the longest chain", f"/s/{_LONGEST}/"),
    ):
        asked = visitor.ask(address)
        said = "says that it is being read" if asked.again else "is there"
        found[f"after a {which}: {title}"] = told(f"first page after the {which}: {title}", asked.ms, said)
    longest, took, first = visitor.until_all_decided()
    said = f"{first} at first, in {took:.0f} s"
    found[f"while chains are read after a {which}"] = told("all systems, while chains are read: at most", longest, said)
    return found


def after_midnight(visitor: Visitor) -> dict[str, float]:
    """What the lists take on the first look at another day: where the site was awake, and where its clock jumped."""
    found = {}
    visitor.ask(BEFORE_MIDNIGHT)
    visitor.until_all_decided()
    time.sleep(SOON_S + 1)
    for title, address in (("all systems", "/"), ("all systems over the API", _LISTS[-1])):
        asked = visitor.ask(address)
        said = f"{asked.content.count(_BEING_READ)} of them decided beside"
        found[f"after midnight: {title}"] = told(f"first page after midnight: {title}", asked.ms, said)
    visitor.ask(NEXT_DAY)
    longest, took, first = visitor.until_all_decided()
    said = f"{first} decided beside, in {took:.0f} s"
    found["after a jump over midnight"] = told("all systems after a jump over midnight: at most", longest, said)
    return found


def visit(visitor: Visitor, page: Page, system: Path) -> tuple[float, float]:
    """Ask for one page as often as it takes, and print its line; its longest request, and the one after an entry."""
    first, again = visitor.insist(page.address)
    asked = [visitor.ask(page.address) for _ in range(_TIMES)]
    times, size = [each.ms for each in asked], len(asked[-1].content)
    add(system)
    moved, more = visitor.insist(page.address)
    figures = f"{first:>7.1f} {statistics.median(times):>7.1f} {max(times):>7.1f} {moved:>7.1f} {again + more:>5}"
    print(f"{page.name:<24} {figures} {size / 1000:>5.0f}", flush=True)
    return max(first, *times), moved


def other_systems(visitor: Visitor, pages: Sequence[Page]) -> float:
    """The same pages of systems with short chains, where they are the same for each; the longest request."""
    found = {}
    for page in pages:
        if f"/{_LONGEST}/" in page.address and page.address.removeprefix("/api/v1").count("/") <= 4:
            for slug in _SHORT:
                address = page.address.replace(_LONGEST, slug)
                with suppress(SystemExit):
                    found[address] = visitor.insist(address)[0]
    slowest = max(found, key=lambda address: found[address])
    middle = statistics.median(found.values())
    worst = f"worst {found[slowest]:.1f} ms, {slowest}"
    print(f"{len(found)} pages of {' and '.join(_SHORT)}: median {middle:.1f} ms, {worst}")
    return found[slowest]


def main() -> int:
    records = int(sys.argv[1]) if len(sys.argv) > 1 else RECORDS
    systems = int(sys.argv[2]) if len(sys.argv) > 2 else SYSTEMS
    with tempfile.TemporaryDirectory() as passing:
        folder = Path(sys.argv[3] if len(sys.argv) > 3 else passing)
        found = sorted(folder.glob("system-*")) or plant(folder, records, systems)
        shutil.rmtree(folder / "site", ignore_errors=True)
        sessions, account = visitors(folder, found)
        pages = list(every_page(furnished(_LONGEST, account)))
        size = (folder / "ledger.db").stat().st_size / 1e6
        print(f"{records:,} records, {systems} systems, {size:,.0f} MB; milliseconds of the processor for one request")
        with served(folder, sessions) as site:
            slow = after_a_start(site)
            print(f"{'page':<24} {'first':>7} {'median':>7} {'worst':>7} {'moved':>7} {'again':>5} {'kB':>5}")
            moved = {}
            for page in pages:
                slow[page.name], moved[page.name] = visit(site, page, found[0])
            last = max(moved, key=lambda name: moved[name])
            told("any page right after an entry: at most", moved[last], last)
            slow |= {f"{name} after an entry": ms for name, ms in moved.items()}
            slow["short chains"] = other_systems(site, pages)
            slow |= after_midnight(site)
        with served(folder, sessions) as site:
            slow |= after_a_start(site, "restart")
        over = sorted(name for name, ms in slow.items() if ms > TARGET_MS)
        print(f"no pages, and not measured: {', '.join(sorted(NO_PAGE))}")
        print(f"{len(pages)} pages, {len(over)} over {TARGET_MS:.0f} ms: {', '.join(over) or 'none'}")
    return 1 if over else 0


if __name__ == "__main__":
    sys.exit(main())
