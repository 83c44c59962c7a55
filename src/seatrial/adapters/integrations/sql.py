"""An integration that is a SQL database: `read` is a query, `write` and `observe` are a table's name or a statement."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from seatrial.adapters.databases import Database, is_table
from seatrial.adapters.integrations.place import Place
from seatrial.adapters.redaction import Redactor
from seatrial.core.errors import Malformed
from seatrial.core.ports import Request, Row

_TIMEOUT_S: Final = 30.0
_MOST: Final = 100_000


class SqlIntegration:
    """Statements with parameters: `write` has `:field`, `observe` has `:values` as a list (`… WHERE id IN :values`).

    Where they name a table, the statement is ours. `read` must list the oldest of the newest records first.
    """

    def __init__(self, place: Place, *, kind: str, base_dir: Path, redact: Redactor) -> None:
        self._place = place
        self._database = Database(
            place.end.url, base_dir=base_dir, redact=redact, writable=place.writable, timeout_s=_TIMEOUT_S
        )
        if kind not in {"sql", self._database.dialect}:
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
        self._database.execute(self._place.end.health or "SELECT 1", most=1)

    def read(self, most: int) -> Sequence[Row]:
        """The last `most` rows of the declared query, in its order."""
        query = self._place.declared("read")
        rows, _ = self._database.execute(f"SELECT * FROM {query}" if is_table(query) else query, most=most, last=True)  # noqa: S608 - is_table admits nothing but a name
        if rows is None:
            raise Malformed(f"integration {self._place.name!r}: 'read' is no query")
        return rows

    def write(self, record: Row) -> None:
        """One record, committed. Raises Refused unless declared writable for tests."""
        self._place.refuse_write()
        statement = self._place.declared("write")
        if is_table(statement):
            self._database.insert(statement, record)
        else:
            self._database.execute(statement, record, most=0)

    def request(self, record: Row) -> Request | None:
        """None: it is not written over HTTP. Raises Refused like `write`."""
        del record
        self._place.refuse_write()
        return None

    def observe(self, key: str, values: Sequence[str]) -> Mapping[str, Sequence[Row]]:
        """The records that arrived, grouped by `key` as text."""
        statement = self._place.declared("observe")
        wanted = set(values)
        if not wanted:
            return {}
        if is_table(statement):
            rows: Sequence[Row] = self._database.matching(statement, key, sorted(wanted))
        else:
            rows = self._database.execute(statement, {"values": sorted(wanted)}, most=_MOST)[0] or ()
        return self._place.grouped(rows, key, wanted)

    def close(self) -> None:
        """Let go of the connections."""
        self._database.close()
