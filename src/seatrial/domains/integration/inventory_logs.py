"""What no log shows: callers and connections that nobody declared could not have been seen there."""

from __future__ import annotations

from collections.abc import Iterator

from seatrial.core.observation import Finding
from seatrial.core.vocabulary import Weight
from seatrial.domains.integration.inventory_seen import Seen, addresses, plain
from seatrial.spec.inventory import MODEL
from seatrial.spec.system import System

CODES = {
    "no-log": "No log shows who calls, so that callers who are not declared could not be seen.",
    "no-connections-log": "No log shows what the system connects to, so that feeds nobody declared could not be seen.",
    "log-of-another": "No log of connections shows any integration, so that it seems to be another system's.",
    "log-unreadable": "A log of who calls or is called cannot be read.",
    "log-empty": "A log has no entry in the time that counts.",
}
_UNSEEN_CALLER = "A caller whom nobody declared could not have been seen."
_UNSEEN_FEED = "A feed or a receiver that nobody declared could not have been seen."


def unshown(system: System, seen: Seen) -> Iterator[Finding]:
    """Every log that is missing, cannot be read, or shows nothing."""
    yield from _unread(system, seen)
    yield from _without_callers(system, seen)
    yield from _without_connections(system, seen)


def _unread(system: System, seen: Seen) -> Iterator[Finding]:
    for file, error in seen.unread.items():
        yield Finding(
            code="log-unreadable",
            summary=error.what,
            weight=Weight.OPEN,
            fields=("inventory.logs",),
            why="Who is in it and not declared stays unknown.",
            remedy=error.remedy or f"Let {file} be readable for seatrial.",
        )
    for log in system.inventory.logs:
        names = (seen.reached if log.shows == "connections" else seen.callers).get(log.file)
        if names is not None and not names:
            yield Finding(
                code="log-empty",
                summary=f"{log.file} has no entry of the last {system.inventory.looked_back / 86_400:g} days.",
                weight=Weight.OPEN,
                fields=("inventory.logs",),
                why="A log that nobody writes shows nobody.",
                remedy=f"Let {log.file} be written, and run again when people have used the system.",
            )


def _without_callers(system: System, seen: Seen) -> Iterator[Finding]:
    """The model and each single output need somebody who writes down who calls; who calls a test end is no user."""
    users: dict[str, list[str]] = {MODEL: []}
    for name, workflow in system.workflows.items():
        for output in workflow.outputs:
            users.setdefault(output, []).append(name)
    covered = {log.of for log in system.inventory.logs if log.shows == "callers"} | seen.live
    for output in (each for each in users if each not in covered):
        whose = f", an output of {' and '.join(users[output])}" if users[output] else ""
        what = "the model" if output == MODEL else output
        yield Finding(
            code="no-log",
            summary=f"No log shows who really uses {what}{whose}.",
            weight=Weight.OPEN,
            fields=("inventory.logs",),
            why=_UNSEEN_CALLER,
            remedy=f"Name under inventory.logs a log of {output} (of: {output}, shows: callers) that says who calls.",
        )


def _without_connections(system: System, seen: Seen) -> Iterator[Finding]:
    logs = [log.file for log in system.inventory.logs if log.shows == "connections"]
    if not logs:
        yield Finding(
            code="no-connections-log",
            summary="What the system connects to could not be compared with what is declared: no log shows it.",
            weight=Weight.OPEN,
            fields=("inventory.logs",),
            why=_UNSEEN_FEED,
            remedy="Have IT write down where the system's hosts connect to (firewall, proxy or the hosts themselves), "
            "one host:port a line, and name the file under inventory.logs with shows: connections.",
        )
    entered = {flow.from_ for flow in system.flows}
    expected = {a for name in system.integrations if name not in entered for a in addresses(system, name)}
    reached = [seen.reached[file] for file in logs if seen.reached.get(file)]
    if expected and reached and not any(expected & {*map(plain, names)} for names in reached):
        yield Finding(
            code="log-of-another",
            summary=f"{' and '.join(logs)} shows no connection to any declared integration.",
            weight=Weight.OPEN,
            fields=("inventory.logs",),
            why=_UNSEEN_FEED,
            remedy="Name the log of the hosts on which this system runs; where it names servers by other addresses "
            f"than the system file ({', '.join(sorted(expected)[:3])}), let it write those.",
        )
