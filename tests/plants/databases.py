"""The database servers that tests run against where one answers, and names in them that no other test has."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Final

import pytest
from sqlalchemy import Engine, create_engine, text
from sqlalchemy.exc import OperationalError
from sqlalchemy.pool import NullPool

URLS: Final = {
    "postgresql": ("SEATRIAL_TEST_POSTGRES", "postgresql+psycopg://127.0.0.1:5432/test"),
    "mariadb": ("SEATRIAL_TEST_MARIADB", "mariadb+pymysql://root@127.0.0.1:3306/test"),
}


def server(kind: str) -> tuple[str, Engine]:
    """The address of a server, and an engine on it. Skips where none answers."""
    variable, usual = URLS[kind]
    url = os.environ.get(variable, usual)
    engine = create_engine(url, connect_args={"connect_timeout": 2}, poolclass=NullPool)
    try:
        engine.connect().close()
    except OperationalError:
        pytest.skip(f"no {kind} server answers at {variable} or {usual.rpartition('@')[2]}")
    return url, engine


@contextmanager
def table(engine: Engine, columns: str, *statements: str) -> Iterator[str]:
    """A table of its own name with these columns; `{table}` in the statements is that name."""
    name = f"seatrial_{secrets.token_hex(6)}"
    with engine.begin() as connection:
        connection.execute(text(f"CREATE TABLE {name} ({columns})"))
        for statement in statements:
            connection.execute(text(statement.format(table=name)))
    try:
        yield name
    finally:
        with engine.begin() as connection, suppress(OperationalError):
            connection.execute(text(f"DROP TABLE IF EXISTS {name}"))
