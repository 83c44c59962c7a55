"""An integration that is a SQL database: `read` is a query, `write` and `observe` are a table's name or a statement."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from seatrial.adapters.databases import Database, is_table
from seatrial.adapters.dialects import PROGRAM
from seatrial.adapters.integrations.place import Place
from seatrial.adapters.integrations.types import SEEN, types_of
from seatrial.adapters.redaction import Redactor
from seatrial.core.errors import Malformed, Refused
from seatrial.core.observation import Json
from seatrial.core.ports import Part, Request, Row

_TIMEOUT_S: Final = 30.0
_AT_ONCE: Final = 500
_MOST: Final = 100_000
_CLOCKS: Final = {
    "postgresql": "SELECT EXTRACT(EPOCH FROM clock_timestamp()) AS told",
    "mysql": "SELECT UNIX_TIMESTAMP(SYSDATE(6)) AS told",
    "mariadb": "SELECT UNIX_TIMESTAMP(SYSDATE(6)) AS told",
}
_COUNTS: Final = frozenset({"insert", "update", "delete", "replace", "merge", "with"})
"""With these a statement begins whose count of rows tells what it changed; after a call it tells nothing."""
_SAME: Final[Mapping[str, Sequence[str]]] = {"mysql": ("mariadb",), "mariadb": ("mysql",)}
_CLIENTS: Final = {
    "postgresql": "SELECT usename AS name, application_name AS program FROM pg_stat_activity "
    "WHERE datname = current_database() AND backend_type = 'client backend' AND pid <> pg_backend_pid()",
    "mysql": "SELECT user AS name, '' AS program FROM information_schema.processlist "
    "WHERE db = database() AND user <> substring_index(user(), '@', 1)",
}
"""Dialect to the query for who is connected. MySQL tells no program, so that who shares our account is not seen; a
server that keeps others' sessions to itself shows nobody."""


class SqlIntegration:
    """Statements with parameters: `write` has `:field`, `observe` has `:values` as a list (`… WHERE id IN :values`).

    Where they name a table, the statement is ours. `read` must list the oldest of the newest records first.
    """

    def __init__(self, place: Place, *, kind: str, base_dir: Path, redact: Redactor) -> None:
        self._place = place
        self._database = Database(
            place.end.url, base_dir=base_dir, redact=redact, writable=place.writable, timeout_s=_TIMEOUT_S
        )
        if kind not in {"sql", self._database.dialect, *_SAME.get(self._database.dialect, ())}:
            raise Malformed(
                f"integration {place.name!r} is of kind {kind!r}, but its url is of {self._database.dialect!r}",
                remedy=f"Correct integrations.{place.name}.",
            )

    def version(self) -> str:
        """The server's own version, or what the declared query `version` gives."""
        query = self._place.end.version
        if not query:
            return self._database.server_version()
        rows, _ = self._database.execute(query, most=1)
        values = list(rows[0].values()) if rows else []
        if not values or values[0] in (None, ""):
            raise Malformed(f"integration {self._place.name!r} tells no version")
        return str(values[0])

    def health(self) -> None:
        """Raises Unreachable unless it answers a query."""
        if self._place.end.health:
            self._database.execute(self._place.end.health, most=1)
        else:
            self._database.alive()

    def server_time(self) -> datetime | None:
        """The database's own clock; SQLite has none but ours."""
        query = _CLOCKS.get(self._database.dialect)
        rows = self._database.execute(query, most=1)[0] if query else None
        told = rows[0]["told"] if rows else None
        return datetime.fromtimestamp(float(told), UTC) if isinstance(told, int | float | str) else None

    def schema(self) -> Mapping[str, str]:
        """The columns of the table that `read` names, with the database's types; of a query, what the server tells.

        Where the driver tells no types of a query's columns (SQLite has none) they are those of its newest rows.
        """
        query = self._place.declared("read")
        if is_table(query):
            return self._database.columns(query)
        described = self._database.described(query)
        told = {each.name: each.type_name for each in described}
        return told if all(told.values()) else types_of(self.read(SEEN))

    def read(self, most: int) -> Sequence[Row]:
        """The last `most` rows of the declared table or query, in its order."""
        return self._database.newest(self._place.declared("read"), most=most)

    def parts(self, mark: Json, most: int) -> Iterator[Part]:
        """The rows of the declared table or query behind `mark`, in its order."""
        yield from self._database.parts(self._place.declared("read"), mark, most=most)

    def write(self, record: Row) -> None:
        """One record, committed. Raises Refused unless declared writable, and where the statement changed no row."""
        self._place.refuse_write()
        statement = self._place.declared("write")
        if is_table(statement):
            self._database.insert(statement, record)
            return
        _, count = self._database.execute(statement, record, most=0)
        if count == 0 and statement.split(maxsplit=1)[0].lower() in _COUNTS:
            raise Refused(
                f"integration {self._place.name!r}: 'write' changed no row, so that the record was not taken",
                remedy="Look at the conditions of the statement, and at triggers that drop the row or put it "
                "elsewhere: write to the table in which it ends up.",
            )

    def request(self, record: Row) -> Request | None:
        """None: it is not written over HTTP. Raises Refused like `write`."""
        del record
        self._place.refuse_write()
        return None

    def listen(self) -> None:
        """Nothing to do: what arrives is kept there."""

    def observe(self, key: str, values: Sequence[str]) -> Mapping[str, Sequence[Row]]:
        """The records that arrived, grouped by `key` as text."""
        statement = self._place.declared("observe")
        wanted = set(values)
        if not wanted:
            return {}
        if is_table(statement):
            rows: Sequence[Row] = self._database.matching(statement, key, sorted(wanted), most=_MOST)
        else:
            rows = self._asked(statement, sorted(wanted))
        return self._place.grouped(rows, key, wanted)

    def _asked(self, statement: str, values: Sequence[str]) -> Sequence[Row]:
        rows, count = self._database.execute(statement, {"values": values}, most=_MOST, query=True)
        if rows is None:
            raise Malformed(f"integration {self._place.name!r}: 'observe' is no query")
        if count > _MOST:
            raise Malformed(
                f"integration {self._place.name!r}: 'observe' gives more than {_MOST:,} rows",
                remedy="Let it ask for the given keys only: … WHERE id IN :values.",
            )
        return rows

    def clients(self) -> Sequence[str] | None:
        """Who is connected, as `user` or `user/program`; ourselves left out."""
        query = _CLIENTS.get("mysql" if self._database.dialect == "mariadb" else self._database.dialect)
        if query is None:
            return None
        rows, _ = self._database.execute(query, most=_MOST)
        told = [(str(row["name"]), str(row["program"] or "")) for row in rows or () if row["name"]]
        return [f"{name}/{program}" if program else name for name, program in told if program != PROGRAM]

    def remove(self, key: str, values: Sequence[str]) -> None:
        """Delete the records whose column `key`, as text, is one of these. Raises Refused unless declared writable."""
        self._place.refuse_remove()
        statement = self._place.declared("remove")
        wanted = sorted(set(values))
        for start in range(0, len(wanted), _AT_ONCE):
            chosen = wanted[start : start + _AT_ONCE]
            if is_table(statement):
                self._database.delete(statement, key, chosen)
            else:
                self._database.execute(statement, {"values": chosen}, most=0)

    def close(self) -> None:
        """Let go of the connections."""
        self._database.close()
