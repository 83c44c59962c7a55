"""Whether two ends are one place under two names: a test end that is production, or a flow's exit that is its entry.

Addresses are compared as they are declared, without credentials, drivers and default ports; nothing is looked up. Two
ends at one address are apart only where what the test end writes to is named, and production names something else.
"""

from __future__ import annotations

import posixpath
import re
from urllib.parse import parse_qs, unquote, urlsplit

from seatrial.spec.integration import End, IntegrationSection
from seatrial.spec.problem import Problem
from seatrial.spec.system import System
from seatrial.spec.tree import Document

_PORTS = {
    "http": 80,
    "https": 443,
    "postgresql": 5432,
    "postgres": 5432,
    "mysql": 3306,
    "mariadb": 3306,
    "mqtt": 1883,
    "mqtts": 8883,
    "amqp": 5672,
    "amqps": 5671,
    "opc.tcp": 4840,
    "sftp": 22,
}
_THIS_MACHINE = frozenset({"localhost", "127.0.0.1", "::1"})
_SERVERS = ("postgresql", "postgres", "mysql", "mariadb")
_SQL = ("sql", "postgresql", "mysql", "mariadb", "sqlite")
_PATHS = ("http", "odata", "files", "sftp")
_TOPICS = ("mqtt", "kafka")
_ANSWERED_BY_MANY = frozenset({"http", "odata", "soap", "webhook"})
_QUOTES = re.compile(r"[\"'`\[\]]")
_WRITTEN_TABLE = re.compile(r"\b(?:into|(?<!key )(?<!do )update|merge)\s+(?:only\s+)?(?!(?:into|only|set)\b)([\w.]+)")
"""Not what `ON CONFLICT DO UPDATE`, `ON DUPLICATE KEY UPDATE` and `WHEN MATCHED THEN UPDATE SET` change."""


def written_in_production(system: System, document: Document) -> list[Problem]:
    """A problem for every writable test end that is production's own place."""
    return [
        document.problem(
            ("integrations", name, "test", "writable"),
            found="a test end at the very place of production",
            expected=f"{_place_of_its_own(name, section)}, or no test end and the approved window of "
            f"integrations.{name}.production: writable, window, approved_by and remove",
        )
        for name, section in system.integrations.items()
        if is_production(section)
    ]


def _place_of_its_own(name: str, section: IntegrationSection) -> str:
    """What keeps the test end apart."""
    if section.kind != "amqp" or section.test is None:
        return "a place of its own that is written to (write, topic, folder, …)"
    what = "exchange" if section.test.exchange else "queue"
    return (
        f"a virtual host of its own, or the {what} of integrations.{name}.production beside another {what} here, "
        "since an exchange may feed any queue"
    )


def is_production(section: IntegrationSection) -> bool:
    """Whether what is written at the test end is written where production works."""
    test, live = section.test, section.production
    if test is None or live is None or not test.writable or test.read_only:
        return False
    here, there = _address(section, test), _address(section, live)
    return (here == there or _reaches_over(test, here, there)) and not _apart(section, test, live)


def shows_what_is_written(entry: IntegrationSection, start: End, exit_: IntegrationSection, end: End) -> bool:
    """Whether what is put in at `start` is seen at `end` at once, with nothing in between that had to pass it on.

    Told by what the ends name: one table, folder, topic or set of nodes. A path of HTTP and a query may well show only
    what was worked on.
    """
    return _address(entry, start) == _address(exit_, end) and _is_shown(entry, start, exit_, end)


def one_server(system: System, name: str, other: str) -> bool:
    """Whether one server holds both test ends, so that they fail together: a broker's exchanges, a database's tables.

    Behind one address of HTTP different services may answer, each of which fails alone.
    """
    here, there = system.integrations[name], system.integrations[other]
    if here.test is None or there.test is None or {here.kind, there.kind} & _ANSWERED_BY_MANY:
        return False
    return one_address(system, name, other)


def one_address(system: System, name: str, other: str) -> bool:
    """Whether both test ends are reached at one host and port, whoever answers there."""
    here, there = system.integrations[name], system.integrations[other]
    if here.test is None or there.test is None:
        return False
    place = _address(here, here.test)[:2]
    return bool(place[0]) and place == _address(there, there.test)[:2]


def one_line(system: System, name: str, other: str) -> bool:
    """Whether the tested system is led to both through one line, so that who disturbs one disturbs the other."""
    here, there = system.integrations[name].test, system.integrations[other].test
    return here is not None and there is not None and bool(here.via) and here.via == there.via


def _is_shown(entry: IntegrationSection, start: End, exit_: IntegrationSection, end: End) -> bool:
    kind = entry.kind
    if kind in _SQL:
        written, seen = (_QUOTES.sub("", text or "").strip().lower() for text in (start.write, end.observe))
        return bool(written) and " " not in written and _may_be(written, seen)
    if kind in ("files", "sftp"):
        return _path(start.write or "") == _path(end.observe or "")
    if kind in _TOPICS:
        topic, heard = start.write or start.topic or entry.topic, end.observe or end.topic or exit_.topic
        return bool(topic and heard) and _topic_matches(str(heard), str(topic))
    if kind == "amqp":
        bound, key = end.observe or end.routing_key or "#", start.write or start.routing_key or ""
        return start.exchange == end.exchange and _key_matches(bound.split("."), key.split("."))
    if kind == "opcua" and start.opcua is not None and end.opcua is not None:
        return set(end.opcua.nodes.values()) <= set(start.opcua.writable.values())
    return False


def _address(section: IntegrationSection, end: End) -> tuple[str, int | None, str]:
    """Host, port and path of an end; a folder or a database file by its path alone."""
    try:
        parts = urlsplit(end.url.strip())
        host, port = (parts.hostname or "").lower().rstrip("."), parts.port
    except ValueError:
        return ("", None, end.url.strip())
    kind = parts.scheme.partition("+")[0]
    if not host and kind in _SERVERS:
        # Through a socket, or with the host among the options.
        given = {name: values[0] for name, values in parse_qs(parts.query).items()}
        host = given.get("host") or given.get("unix_socket") or "localhost"
        port = int(given["port"]) if given.get("port", "").isdecimal() else port
    if not host:
        path = parts.path if kind in ("file", "sqlite") else end.url.strip()
        return ("", None, posixpath.normpath(path or "."))
    path = posixpath.normpath("/" + unquote(parts.path).strip("/"))
    if section.kind in ("amqp", "mqtt", "kafka") and path == "/":
        path = ""
    return ("this machine" if host in _THIS_MACHINE else host, port or _PORTS.get(kind), path)


def _reaches_over(test: End, here: tuple[str, int | None, str], there: tuple[str, int | None, str]) -> bool:
    """Whether a table is named that stands in production's database: to MySQL a schema is a database."""
    mysql = urlsplit(test.url.strip()).scheme.partition("+")[0] in ("mysql", "mariadb")
    database = there[2].strip("/").lower()
    return mysql and here[:2] == there[:2] and any(t.rpartition(".")[0] == database for t in _tables(test.write))


def _apart(section: IntegrationSection, test: End, live: End) -> bool:
    """Whether the two ends of one address are certainly apart by what they name there."""
    kind = section.kind
    if kind in _SQL:
        return _tables_apart(test.write, [live.read, live.write, live.observe])
    if kind in _TOPICS:
        written = test.write or test.topic or section.topic
        named = [t for t in (live.read, live.write, live.observe, live.topic or section.topic) if t]
        return bool(written and named) and not any(_topic_matches(t, str(written)) for t in named)
    if kind == "amqp":
        # Only like with like: nobody but the broker's management tells which queues an exchange feeds.
        written, used = (test.exchange, live.exchange) if test.exchange else (test.queue, live.queue)
        return bool(written and used) and written != used
    if kind == "opcua":
        nodes = set(test.opcua.writable.values()) if test.opcua is not None else set()
        return live.opcua is not None and not nodes & set(live.opcua.nodes.values())
    if kind in _PATHS:
        named_paths = [p for p in (live.read, live.write, live.observe) if p]
        whole = kind in ("files", "sftp") and not named_paths
        return bool(test.write and (named_paths or whole)) and _path(str(test.write)) not in {
            *map(_path, named_paths),
            *(["."] if whole else []),
        }
    return False


def _tables(written: str | None) -> list[str]:
    """The tables that are written to, by their names in small letters; none where a statement does not tell."""
    plain = " ".join(_QUOTES.sub("", written or "").lower().split())
    if " " in plain:
        return _WRITTEN_TABLE.findall(plain)
    return [plain] if plain else []


def _tables_apart(written: str | None, named: list[str | None]) -> bool:
    tables = _tables(written)
    texts = [_QUOTES.sub("", text).lower() for text in named if text]
    if not tables or not texts:
        return False
    return not any(_may_be(table, word) for table in tables for text in texts for word in re.findall(r"[\w.]+", text))


def _may_be(table: str, other: str) -> bool:
    """Whether two names may be one table: as far as both tell a schema and a database, these are the same."""
    parts = zip(reversed(table.split(".")), reversed(other.split(".")), strict=False)
    return all(mine == theirs for mine, theirs in parts)


def _topic_matches(pattern: str, topic: str) -> bool:
    """As MQTT matches: `+` one level, `#` all that follow."""
    wanted, given = pattern.split("/"), topic.split("/")
    for at, level in enumerate(wanted):
        if level == "#":
            return True
        if at >= len(given) or level not in ("+", given[at]):
            return False
    return len(wanted) == len(given)


def _key_matches(pattern: list[str], key: list[str]) -> bool:
    """As a topic exchange matches: `*` one word, `#` any number of them."""
    if not pattern:
        return not key
    if pattern[0] == "#":
        return any(_key_matches(pattern[1:], key[at:]) for at in range(len(key) + 1))
    return bool(key) and pattern[0] in ("*", key[0]) and _key_matches(pattern[1:], key[1:])


def _path(word: str) -> str:
    return posixpath.normpath(word.partition("?")[0].strip("/") or ".")
