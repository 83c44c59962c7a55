"""A writable test end that is production under another name is refused before anything is written."""

from __future__ import annotations

import json
from collections.abc import Mapping

import pytest

from seatrial.spec.loading import load_system
from seatrial.spec.problem import SpecErrors

_ERP = "mariadb://erp.example.com/erp"


def _load(
    kind: str,
    test: Mapping[str, object],
    production: Mapping[str, object],
    *,
    policy: str = "default",
    **beside: object,
) -> None:
    content = {
        "system": "orders",
        "version": "1",
        "model": {"endpoint": "http://127.0.0.1:1/p", "task": "binary"},
        "governance": {"policy": policy},
        "integrations": {"erp": {"kind": kind, **beside, "test": test, "production": production}},
    }
    load_system(json.dumps(content).encode(), name="seatrial.yaml", environment={})


SAME = {
    "other credentials": (
        "mariadb",
        {"url": "mariadb://a:s3cr3t@ERP.example.com:3306/erp", "write": "orders"},
        {"url": _ERP},
    ),
    "the driver named": ("mariadb", {"url": "mariadb+pymysql://erp.example.com/erp", "write": "orders"}, {"url": _ERP}),
    "read by a query": (
        "postgresql",
        {"url": "postgresql://db/erp", "write": "INSERT INTO shop.orders (id) VALUES (:id)"},
        {"url": "postgresql://db:5432/erp", "read": 'SELECT id FROM "orders" ORDER BY id'},
    ),
    "merged into": (
        "sql",
        {"url": "mssql+pyodbc://db/erp", "write": "MERGE INTO dbo.orders USING (SELECT :id AS id) AS s ON s.id = id"},
        {"url": "mssql+pyodbc://db/erp", "read": "SELECT id FROM erp.dbo.orders"},
    ),
    "written beside another table": (
        "postgresql",
        {
            "url": "postgresql://db/erp",
            "write": "WITH t AS (INSERT INTO trace VALUES (:id)) INSERT INTO orders VALUES (:id)",
        },
        {"url": "postgresql://db/erp", "read": "orders"},
    ),
    "from beside it": (
        "mariadb",
        {"url": "mariadb://erp.example.com/erp_test", "write": "INSERT INTO erp.orders VALUES (:id)"},
        {"url": _ERP, "read": "orders"},
    ),
    "one socket": (
        "postgresql",
        {"url": "postgresql://a:s3cr3t@/erp?host=/run/pg", "write": "orders"},
        {"url": "postgresql+psycopg:///erp?host=/run/pg&user=b", "read": "orders"},
    ),
    "this machine": (
        "http",
        {"url": "http://localhost:8080", "write": "/in"},
        {"url": "http://127.0.0.1:8080/", "read": "/in?x=1"},
    ),
    "a folder": ("files", {"url": "drop"}, {"url": "./drop/"}),
    "a topic within": ("mqtt", {"url": "mqtt://b", "write": "hall/1"}, {"url": "mqtt://b:1883", "topic": "hall/+"}),
    "an exchange": (
        "amqp",
        {"url": "amqp://b", "exchange": "tickets", "routing_key": "a"},
        {"url": "amqp://b/", "exchange": "tickets", "routing_key": "b"},
    ),
    "an exchange that may feed production's queue": (
        "amqp",
        {"url": "amqp://b", "exchange": "test"},
        {"url": "amqp://b", "queue": "tickets"},
    ),
    "a queue that production's exchange may feed": (
        "amqp",
        {"url": "amqp://b", "queue": "test"},
        {"url": "amqp://b", "exchange": "tickets"},
    ),
    "a queue": (
        "amqp",
        {"url": "amqp://b", "queue": "tickets"},
        {"url": "amqp://b", "exchange": "t", "queue": "tickets"},
    ),
}
APART = {
    "another database": ("mariadb", {"url": "mariadb://erp.example.com/erp_test", "write": "orders"}, {"url": _ERP}),
    "another table": ("mariadb", {"url": _ERP, "write": "orders_test"}, {"url": _ERP, "read": "SELECT * FROM orders"}),
    "another schema": (
        "postgresql",
        {"url": "postgresql://db/erp", "write": "INSERT INTO test.orders (id, n) VALUES (:id, :n)"},
        {"url": "postgresql://db/erp", "read": 'SELECT * FROM shop."orders" JOIN shop.lines USING (id)'},
    ),
    "another table that is written or updated": (
        "mariadb",
        {"url": _ERP, "write": "INSERT INTO orders_test (id, n) VALUES (:id, :n) ON DUPLICATE KEY UPDATE n = :n"},
        {"url": _ERP, "read": "SELECT id, n FROM orders"},
    ),
    "a schema that is called as production's database": (
        "postgresql",
        {"url": "postgresql://db/erp_test", "write": "erp.orders"},
        {"url": "postgresql://db/erp", "read": "orders"},
    ),
    "another socket": (
        "postgresql",
        {"url": "postgresql:///erp?host=/run/scratch", "write": "orders"},
        {"url": "postgresql:///erp?host=/run/pg", "read": "orders"},
    ),
    "another port": ("http", {"url": "http://h:8080", "write": "/in"}, {"url": "http://h:8081", "read": "/in"}),
    "another path": ("http", {"url": "http://h", "write": "/test/in"}, {"url": "http://h", "read": "/in"}),
    "a folder within": ("files", {"url": "drop", "write": "test"}, {"url": "drop"}),
    "another topic": ("mqtt", {"url": "mqtt://b", "write": "test/1"}, {"url": "mqtt://b", "topic": "hall/+"}),
    "another exchange": ("amqp", {"url": "amqp://b", "exchange": "test"}, {"url": "amqp://b", "exchange": "tickets"}),
    "another queue": (
        "amqp",
        {"url": "amqp://b", "queue": "test"},
        {"url": "amqp://b", "exchange": "tickets", "queue": "tickets"},
    ),
    "another virtual host": (
        "amqp",
        {"url": "amqp://b/test", "exchange": "tickets"},
        {"url": "amqp://b/shop", "queue": "tickets"},
    ),
}


@pytest.mark.parametrize("how", SAME)
def test_a_test_end_that_is_production_is_refused(how: str) -> None:
    kind, test, production = SAME[how]
    with pytest.raises(SpecErrors) as refused:
        _load(kind, {**test, "writable": True}, {**production, "read_only": True})
    told = str(refused.value)
    assert "integrations.erp.test.writable" in told
    assert "very place of production" in told
    assert "s3cr3t" not in told


@pytest.mark.parametrize("how", APART)
def test_a_place_of_its_own_is_taken(how: str) -> None:
    kind, test, production = APART[how]
    _load(kind, {**test, "writable": True}, {**production, "read_only": True})


def test_beside_production_on_a_broker_it_is_said_what_to_name() -> None:
    production = {"url": "amqp://b", "queue": "tickets", "read_only": True}
    with pytest.raises(SpecErrors) as refused:
        _load("amqp", {"url": "amqp://b", "exchange": "test", "writable": True}, production)
    told = str(refused.value)
    assert "a virtual host of its own" in told
    assert "the exchange of integrations.erp.production" in told


def test_reading_at_production_is_no_writing() -> None:
    _load("mariadb", {"url": _ERP, "read": "orders"}, {"url": _ERP, "read": "orders", "read_only": True})


def test_a_demonstration_has_one_place_for_both() -> None:
    kind, test, production = SAME["this machine"]
    _load(kind, {**test, "writable": True}, production, policy="short-demo")
