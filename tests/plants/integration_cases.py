"""A real server for every kind of integration, filled with `RECORDS`, for the laws that all kinds keep.

A kind that is added to the catalogue gets its case here. One whose server cannot be had skips, and says why.
"""

from __future__ import annotations

import json
import secrets
import sqlite3
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeAlias

from plants import brokers, databases, integration_server, soap_server
from plants.integration_server import RECORDS
from plants.odata_server import Orders
from plants.opcua_server import opcua_server
from plants.server import Server, unused_url
from plants.sftp_server import sftp_server

SECRET: Final = "grey-pelican"


@dataclass(frozen=True, slots=True, kw_only=True)
class IntegrationCase:
    """`end` is what an end declares, beside being writable.

    `arrive` lets one record arrive from outside where a kind keeps no history; None where `RECORDS` stand there. What a
    `receives` kind is sent comes from others alone, so that it is never written to.
    """

    end: Mapping[str, Any]
    origins: tuple[str, ...] = ()
    arrive: Callable[[Mapping[str, Any]], None] | None = None
    receives: bool = False


Opening: TypeAlias = "Callable[[Path], AbstractContextManager[IntegrationCase]]"


@contextmanager
def _http(_: Path) -> Iterator[IntegrationCase]:
    paths = {"read": "newest", "write": "take", "observe": "arrived", "version": "version", "health": "health"}
    with Server(integration_server.Records()) as server:
        yield IntegrationCase(end={"url": server.url, **paths}, origins=(server.url,))


@contextmanager
def _sqlite(folder: Path) -> Iterator[IntegrationCase]:
    with sqlite3.connect(folder / "x.db") as connection:
        connection.execute("CREATE TABLE t (id TEXT)")
        connection.executemany("INSERT INTO t VALUES (?)", [(r["id"],) for r in RECORDS])
    connection.close()
    yield IntegrationCase(end={"url": "sqlite:///x.db", "read": "t", "write": "t", "observe": "t"})


def _database(server: str, scheme: str) -> Opening:
    @contextmanager
    def opened(_: Path) -> Iterator[IntegrationCase]:
        url, engine = databases.server(server)
        rows = ", ".join(f"('{record['id']}')" for record in RECORDS)
        with databases.table(engine, "id varchar(20)", f"INSERT INTO {{table}} VALUES {rows}") as name:
            end = {"read": f"SELECT id FROM {name} ORDER BY id", "write": name, "observe": name}
            yield IntegrationCase(end={"url": f"{scheme}://{url.partition('://')[2]}", **end})

    return opened


@contextmanager
def _files(folder: Path) -> Iterator[IntegrationCase]:
    (folder / "VERSION").write_text("1")
    (folder / "a.jsonl").write_text("".join(f'{{"id": "{r["id"]}"}}\n' for r in RECORDS))
    yield IntegrationCase(end={"url": ".", "version": "VERSION"})


@contextmanager
def _mqtt(_: Path) -> Iterator[IntegrationCase]:
    with brokers.mqtt() as url:
        topic = f"seatrial/law/{secrets.token_hex(6)}"
        with brokers.MqttPeer(url) as peer:
            end = {"url": url, "topic": topic, "listen_for": "500ms"}
            yield IntegrationCase(end=end, arrive=lambda record: peer.publish(topic, record))


@contextmanager
def _amqp(_: Path) -> Iterator[IntegrationCase]:
    with brokers.amqp() as url:
        key = f"law.{secrets.token_hex(6)}"
        with brokers.AmqpPeer(url) as peer:
            end = {"url": url, "exchange": "amq.topic", "routing_key": key, "listen_for": "500ms"}
            yield IntegrationCase(end=end, arrive=lambda record: peer.publish("amq.topic", key, record))


@contextmanager
def _kafka(_: Path) -> Iterator[IntegrationCase]:
    with brokers.kafka() as cluster:
        topic = cluster.topic(RECORDS)
        yield IntegrationCase(end={"url": cluster.url, "topic": topic})


@contextmanager
def _webhook(_: Path) -> Iterator[IntegrationCase]:
    url = f"{unused_url()}/warnings"

    def post(record: Mapping[str, Any]) -> None:
        asked = urllib.request.Request(url, json.dumps(record).encode(), {"Content-Type": "application/json"})
        with urllib.request.urlopen(asked, timeout=5) as answer:
            assert answer.status == 204

    with Server(integration_server.Records()) as receiver:
        end = {"url": url, "version": f"{receiver.url}/version", "listen_for": "500ms"}
        yield IntegrationCase(end=end, origins=(receiver.url,), arrive=post, receives=True)


@contextmanager
def _sftp(folder: Path) -> Iterator[IntegrationCase]:
    with _files(folder), sftp_server(folder, password=SECRET) as server:
        yield IntegrationCase(end={"url": server.url(SECRET), "fingerprint": server.fingerprint})


@contextmanager
def _opcua(_: Path) -> Iterator[IntegrationCase]:
    with opcua_server({"id": "start"}, writable=("id",)) as server:
        nodes = {"nodes": dict(server.nodes), "writable": dict(server.nodes)}
        yield IntegrationCase(
            end={"url": server.url, "listen_for": "1s", "opcua": nodes},
            arrive=lambda record: server.put({"id": record["id"]}),
        )


@contextmanager
def _odata(_: Path) -> Iterator[IntegrationCase]:
    with Server(Orders([{"id": record["id"]} for record in RECORDS], fields="")) as server:
        sets = dict.fromkeys(("read", "write", "observe"), "Orders")
        yield IntegrationCase(end={"url": server.url, **sets}, origins=(server.url,))


@contextmanager
def _soap(_: Path) -> Iterator[IntegrationCase]:
    with Server(soap_server.Orders([{"id": str(record["id"])} for record in RECORDS])) as server:
        uses = {"read": "ListOrders", "write": "PutOrder", "observe": "FindOrder", "version": "Version"}
        yield IntegrationCase(end={"url": server.url, **uses}, origins=(server.url,))


CASES: Final[Mapping[str, Opening]] = {
    "http": _http,
    "sql": _sqlite,
    "sqlite": _sqlite,
    "postgresql": _database("postgresql", "postgresql"),
    "mysql": _database("mariadb", "mysql"),
    "mariadb": _database("mariadb", "mariadb"),
    "files": _files,
    "mqtt": _mqtt,
    "amqp": _amqp,
    "kafka": _kafka,
    "webhook": _webhook,
    "sftp": _sftp,
    "opcua": _opcua,
    "odata": _odata,
    "soap": _soap,
}


def nowhere(kind: str) -> Mapping[str, Any]:
    """An end of this kind where nothing is, whose address holds a secret where such an address can."""
    urls = {
        "http": unused_url().replace("://", f"://olga:{SECRET}@"),
        "files": "nowhere",
        "soap": unused_url().replace("://", f"://olga:{SECRET}@"),
        "odata": unused_url().replace("://", f"://olga:{SECRET}@"),
        "opcua": f"opc.tcp://olga:{SECRET}@127.0.0.1:1/",
        "sftp": f"sftp://olga:{SECRET}@127.0.0.1:1/",
        "sql": "sqlite:///nowhere.db",
        "sqlite": "sqlite:///nowhere.db",
        "postgresql": f"postgresql://olga:{SECRET}@127.0.0.1:1/x",
        "mysql": f"mysql://olga:{SECRET}@127.0.0.1:1/x",
        "mariadb": f"mariadb://olga:{SECRET}@127.0.0.1:1/x",
        "mqtt": f"mqtt://olga:{SECRET}@127.0.0.1:1",
        "amqp": f"amqp://olga:{SECRET}@127.0.0.1:1/x",
        "kafka": f"kafka://olga:{SECRET}@127.0.0.1:1",
        "webhook": f"http://olga:{SECRET}@203.0.113.7:1/x",
    }
    more: Mapping[str, Mapping[str, Any]] = {
        "amqp": {"exchange": "a"},
        "webhook": {"version": unused_url()},
        "opcua": {"opcua": {"nodes": {"id": "ns=2;i=1"}, "writable": {"id": "ns=2;i=1"}}},
        "sftp": {"fingerprint": f"SHA256:{'A' * 43}"},
    }
    uses = {"read": "a", "write": "a", "observe": "a", "version": "SELECT 1"}
    return {"url": urls[kind], **uses, **more.get(kind, {})}
