"""What can be seen of the inventory from outside: lines, flows, connected clients, and the logs of others."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from ipaddress import ip_address
from urllib.parse import urlsplit

from seatrial.core.check import Trial
from seatrial.core.disturbing import LineCounts
from seatrial.core.errors import SeatrialError
from seatrial.core.ports import ClientList, Integration
from seatrial.domains.flows.driving import patience_s
from seatrial.domains.flows.lanes import lane_of, unready
from seatrial.domains.flows.marking import marker
from seatrial.domains.integration.access_logs import read_log
from seatrial.spec.integration import Flow, led_by_link
from seatrial.spec.inventory import AccessLog
from seatrial.spec.one_place import one_line, one_server
from seatrial.spec.system import System

_POLL_S = 0.1
_LEAST_S = 2.0
"""So long are lines watched at least: a source that is asked for often is asked for within this."""
_DEFAULT_PORTS = {
    "http": 80,
    "https": 443,
    "postgresql": 5432,
    "mysql": 3306,
    "mariadb": 3306,
    "sftp": 22,
    "mqtt": 1883,
    "mqtts": 8883,
    "amqp": 5672,
    "amqps": 5671,
    "opc.tcp": 4840,
}


@dataclass(slots=True)
class Seen:
    """What was seen. `uses`: integration to how its use was seen; `unseen`: to why it could not be looked at.

    `callers`: who called, by the log's file or the integration whose server told it. `reached`: addresses, by log.
    """

    uses: dict[str, list[str]] = field(default_factory=dict)
    unseen: dict[str, list[str]] = field(default_factory=dict)
    callers: dict[str, Mapping[str, int]] = field(default_factory=dict)
    reached: dict[str, Mapping[str, int]] = field(default_factory=dict)
    unread: dict[str, SeatrialError] = field(default_factory=dict)
    """Logs that could not be read."""
    of: dict[str, str | None] = field(default_factory=dict)
    """Where callers were told: whose log it is."""
    live: set[str] = field(default_factory=set)
    """Integrations whose production server told who is connected with it, and somebody was."""

    def used(self, name: str, how: str) -> None:
        """The integration was seen to be used."""
        self.uses.setdefault(name, []).append(how)

    def not_seen(self, name: str, why: str) -> None:
        """Why one way of looking at it did not work."""
        self.unseen.setdefault(name, []).append(why)


def look(system: System, trial: Trial) -> Seen:
    """Everything that can be seen now."""
    seen = Seen()
    began = trial.clock.monotonic()
    lined = [n for n, section in system.integrations.items() if section.test is not None and section.test.via]
    for name in lined:
        _line(trial, name, seen)
    mark = marker(trial)
    for flow in system.flows:
        trial.say(f"one record through {flow.name}")
        _pass(system, trial, flow, mark, seen)
    if lined:
        _until_used(trial, lined, until_s=began + _LEAST_S)
    for name in lined:
        counts = _line(trial, name, seen)
        others = _sharing_line(system, name)
        if counts is not None and counts.connections > 0 and others:
            seen.not_seen(name, f"the line that went through is that of {' and '.join(others)} too")
        elif counts is not None and counts.connections > 0:
            seen.used(name, f"{counts.connections} connections through its line")
        elif counts is not None:
            seen.not_seen(name, "nothing went through its line")
    for name in system.integrations:
        _clients(system, trial, name, seen)
    for log in system.inventory.logs:
        trial.say(f"reading {log.file}")
        _log(system, trial, log, seen)
    return seen


def _until_used(trial: Trial, lined: Sequence[str], *, until_s: float) -> None:
    """Wait until something went through each of these lines; the tested system has until then."""
    waiting = set(lined)
    while waiting and trial.clock.monotonic() < until_s:
        for name in list(waiting):
            counts = _line(trial, name, Seen())
            if counts is None or counts.connections > 0:
                waiting.discard(name)
        if waiting:
            trial.clock.sleep(_POLL_S)


def _line(trial: Trial, name: str, seen: Seen) -> LineCounts | None:
    """What went through the line so far; it is opened here where nobody holds it open."""
    try:
        return trial.line(name).counts()
    except SeatrialError as error:
        seen.not_seen(name, error.what)
        return None


def _pass(system: System, trial: Trial, flow: Flow, mark: str, seen: Seen) -> None:
    """One marked record put in at the entry, and looked for at the exit."""
    if findings := list(unready(system, flow)):
        for name in (flow.from_, flow.to):
            seen.not_seen(name, f"{flow.name} cannot be driven ({findings[0].code})")
        return
    try:
        record = lane_of(trial, flow, mark, 0.0).records[0]
        exit_ = trial.integration(flow.to)
        exit_.listen()
        trial.integration(flow.from_).write(record)
        until = trial.clock.monotonic() + patience_s(flow)
        key = str(record[flow.key])
        while not exit_.observe(flow.key, [key]):
            if trial.clock.monotonic() >= until:
                seen.not_seen(flow.from_, f"a record of {flow.name} did not arrive at {flow.to}")
                seen.not_seen(flow.to, f"a record of {flow.name} did not arrive")
                return
            trial.clock.sleep(_POLL_S)
    except SeatrialError as error:
        for name in (flow.from_, flow.to):
            seen.not_seen(name, error.what)
        return
    seen.used(flow.from_, f"a record of {flow.name} went in")
    seen.used(flow.to, f"a record of {flow.name} came out")


def _clients(system: System, trial: Trial, name: str, seen: Seen) -> None:
    """Who is connected with the server now, where the server tells."""
    section = system.integrations[name]
    ends: list[tuple[str, Callable[[str], Integration]]] = []
    if section.test is not None:
        ends.append(("test", trial.integration))
    if section.production is not None:
        ends.append(("production", trial.production))
    for end, opened in ends:
        try:
            integration = opened(name)
            clients = integration.clients() if isinstance(integration, ClientList) else None
        except SeatrialError as error:
            seen.not_seen(name, error.what)
            continue
        if clients is None:
            continue
        place = f"{name} ({end})"
        seen.of[place] = name
        seen.callers[place] = {client: clients.count(client) for client in dict.fromkeys(clients)}
        if clients and end == "production":
            seen.live.add(name)
        if clients:
            seen.used(name, f"{len(clients)} clients connected at its {end} end{_shared(system, name)}")


def _log(system: System, trial: Trial, log: AccessLog, seen: Seen) -> None:
    try:
        read = read_log(trial, log, looked_back_s=system.inventory.looked_back)
    except SeatrialError as error:
        seen.unread[log.file] = error
        return
    if log.shows == "connections":
        seen.reached[log.file] = read.names
        for name in system.integrations:
            declared = set(addresses(system, name))
            hits = sum(n for address, n in read.names.items() if plain(address) in declared)
            if hits:
                seen.used(name, f"{hits} connections in {log.file}{_shared(system, name)}")
        return
    seen.of[log.file] = log.of
    seen.callers[log.file] = read.names
    if log.of in system.integrations and read.names:
        seen.used(log.of, f"{sum(read.names.values())} calls in {log.file}")


def _sharing_line(system: System, name: str) -> list[str]:
    """Other integrations that are reached through its line and at one address of which nobody tells who was asked.

    Tables and topics of one server count as one place here, as its list of clients tells no more.
    """
    return [
        other
        for other in system.integrations
        if other != name and one_line(system, name, other) and not one_server(system, name, other)
    ]


def _shared(system: System, name: str) -> str:
    """What a connection to its server does not tell apart, in words; empty where the server holds nothing else."""
    others = [other for other in system.integrations if other != name and one_server(system, name, other)]
    return f", at the server that holds {' and '.join(others)} too" if others else ""


def addresses(system: System, name: str) -> Iterator[str]:
    """Every `host:port` at which the integration is declared, its line included."""
    section = system.integrations[name]
    for end in (section.test, section.production):
        if end is not None:
            yield from address_of(end.url)
            yield from map(plain, filter(None, (None if led_by_link(section) else end.via, end.share)))


def address_of(url: str) -> Iterator[str]:
    """The `host:port` of a URL; nothing for a file."""
    parts = urlsplit(url)
    try:
        port = parts.port or _DEFAULT_PORTS.get(parts.scheme.partition("+")[0])
    except ValueError:
        return
    if parts.hostname and port:
        yield plain(f"{parts.hostname}:{port}")


def plain(address: str) -> str:
    """A `host:port` as all are compared: without the brackets of IPv6, in small letters, each IPv6 in one spelling."""
    host, colon, port = address.strip().rpartition(":")
    host = host.strip("[]").lower().rstrip(".")
    with suppress(ValueError):
        host = ip_address(host).compressed
    return f"{host}{colon}{port}"
