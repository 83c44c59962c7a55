"""What differs between databases: drivers, how sessions are bounded and kept from writing, what errors mean."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Final

from seatrial.core.errors import Malformed, Refused, SeatrialError, Unreachable

PROGRAM: Final = "seatrial"
"""How we name ourselves to servers that ask."""
EXTRAS: Final[Mapping[str, str]] = {"postgresql": "postgres", "mysql": "mysql", "mariadb": "mysql"}
"""The extra that holds a dialect's driver."""
_DRIVERS: Final[Mapping[str, str]] = {
    "postgresql": "postgresql+psycopg",
    "postgres": "postgresql+psycopg",
    "mysql": "mysql+pymysql",
    "mariadb": "mariadb+pymysql",
}
_MYSQL_TYPES: Final[Mapping[int, str]] = {
    1: "tinyint",
    2: "smallint",
    3: "int",
    4: "float",
    5: "double",
    7: "timestamp",
    8: "bigint",
    9: "mediumint",
    10: "date",
    11: "time",
    12: "datetime",
    13: "year",
    16: "bit",
    245: "json",
    252: "text",
    253: "varchar",
    254: "char",
    255: "geometry",
}
_MYSQL_DECIMALS: Final = (0, 246)
_GRACE_S: Final = 5.0
_READ_ONLY: Final = frozenset({"25006", 1792, 1290})
_MEANT: Final[Sequence[tuple[frozenset[object], str, type[SeatrialError], str, str]]] = (
    (
        frozenset({"28P01", "28000", 1045, 1044, 1698}),
        "password authentication failed",
        Unreachable,
        "the database does not let this user in",
        "Correct the user and the password in the url; the password belongs into the environment.",
    ),
    (
        frozenset({"42501", 1142, 1143, 1227, 1370}),
        "permission denied",
        Refused,
        "the database does not allow it to this user",
        "Let its administrator grant the user of the url what the declared statement needs, and no more.",
    ),
    (
        frozenset({"42P01", "42703", "3F000", "3D000", 1146, 1054, 1049}),
        "no such table",
        Malformed,
        "the database has no such thing",
        "Correct the declared table, column or statement, or the database in the url.",
    ),
    (
        frozenset({"57014", 1969, 3024}),
        "interrupted",
        Unreachable,
        "the database did not finish in the time allowed",
        "Let the statement ask for less, or give what it searches by an index.",
    ),
)
"""Codes (SQLSTATE, MySQL's numbers) and words of the driver; the error that it is here, what it says, the remedy."""


def comparable(url: str) -> str:
    """A database URL in one spelling, to compare it with a declared one."""
    scheme, mark, rest = url.strip().partition("://")
    return f"{_DRIVERS.get(scheme, scheme)}{mark}{rest}"


def arguments(dialect: str, *, timeout_s: float, writable: bool) -> dict[str, Any]:
    """What the driver is given to connect. The time-out of other dialects than these is their driver's own."""
    if dialect == "postgresql":
        options = f"-c statement_timeout={max(1, int(timeout_s * 1000))}"
        if not writable:
            options += " -c default_transaction_read_only=on"
        patience = max(1, math.ceil(timeout_s))
        return {"connect_timeout": patience, "options": options, "application_name": PROGRAM}
    if dialect in {"mysql", "mariadb"}:
        # The server ends a statement first and says why; the socket's own limit is for a server that is gone.
        waits = timeout_s + _GRACE_S
        return {"connect_timeout": max(1, math.ceil(timeout_s)), "read_timeout": waits, "write_timeout": waits}
    return {"timeout": timeout_s} if dialect == "sqlite" else {}


def mysql_session(*, mariadb: bool, timeout_s: float, writable: bool) -> tuple[str, ...]:
    """What a session of MySQL or MariaDB is told first.

    Strict, or the server would cut texts and put zeros for dates in silence; UTC, or a TIMESTAMP would shift with the
    server's own zone; bounded in time (MySQL bounds queries only).
    """
    limit = f"max_statement_time = {timeout_s:.3f}" if mariadb else f"max_execution_time = {int(timeout_s * 1000)}"
    strict = "sql_mode = CONCAT_WS(',', NULLIF(@@sql_mode, ''), 'STRICT_ALL_TABLES')"
    first = f"SET SESSION {strict}, time_zone = '+00:00', {limit}"
    return (first,) if writable else (first, "SET SESSION TRANSACTION READ ONLY")


def mysql_type(code: int, scale: int | None) -> str:
    """The name of a result column's type. Binary and textual columns have one code, and go by the textual name."""
    if code in _MYSQL_DECIMALS:
        return f"decimal with {scale or 0} places"
    return _MYSQL_TYPES.get(code, "text")


def refusal(cause: BaseException | None, said: str, *, down: bool) -> SeatrialError:
    """The driver's error `cause`, whose message is `said`, as an error of ours; `down` says that the server may be."""
    told = {getattr(cause, "sqlstate", None), *getattr(cause, "args", ())[:1]}
    lowered = said.lower()
    if told & _READ_ONLY or any(words in lowered for words in ("readonly", "read-only", "read only transaction")):
        return Refused(f"the database is opened read-only: {said}")
    for codes, words, kind, what, remedy in _MEANT:
        if told & codes or words in lowered:
            return kind(f"{what}: {said}", remedy=remedy, permanent=words != "interrupted")
    if down:
        return Unreachable(
            f"the database did not do it: {said}", remedy="See whether it runs, and its own log.", permanent=False
        )
    return Malformed(f"the database refused: {said}", remedy="Correct the declared statement.")
