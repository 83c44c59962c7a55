"""The company's ERP: a table of deliveries in PostgreSQL, which the pipeline works through again and again."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import socket
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, Final

from seatrial.core.errors import Unreachable
from seatrial.examples import serving
from seatrial.examples.arrival_delay.prepare import ENTRY

if TYPE_CHECKING:
    from psycopg import AsyncConnection

CLIENT: Final = "arrival-delay"
"""What the pipeline is called among the database's clients."""
_PAUSE_S: Final = 0.05
_AGAIN_S: Final = 0.2
_ANSWER_S: Final = 1.0
_ALARM_AFTER_S: Final = 1.0
_AT_ONCE: Final = 100
_CONNECT_S: Final = 5

# A column of whole numbers would round 10.5 in silence; this one refuses it.
_TABLE: Final = """
CREATE TABLE {run}.deliveries (
  number bigserial PRIMARY KEY,
  delivery_id text NOT NULL CHECK (length(delivery_id) BETWEEN 1 AND 200),
  carrier text NOT NULL CHECK (carrier ~ '^[A-Z0-9]{{2}}$'),
  origin text NOT NULL CHECK (origin IN ('EWR', 'JFK', 'LGA')),
  dest text NOT NULL CHECK (dest ~ '^[A-Z]{{3}}$'),
  distance double precision NOT NULL CHECK (distance BETWEEN 50 AND 5100),
  scheduled_at timestamptz NOT NULL,
  sched_dep double precision NOT NULL CHECK (sched_dep = trunc(sched_dep) AND sched_dep BETWEEN 0 AND 2359),
  planned boolean NOT NULL DEFAULT false
)"""
_OPEN: Final = "CREATE INDEX ON {run}.deliveries (number) WHERE NOT planned"
_NEW: Final = """
SELECT number, entry, md5(number || entry) FROM (
  SELECT number, json_build_object(
    'delivery_id', delivery_id, 'carrier', carrier, 'origin', origin, 'dest', dest, 'distance', distance,
    'scheduled_at', to_char(scheduled_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), 'sched_dep', sched_dep
  )::text AS entry
  FROM {run}.deliveries WHERE NOT planned ORDER BY number LIMIT {most}
) AS new ORDER BY number"""
_PLANNED: Final = "UPDATE {run}.deliveries SET planned = true WHERE number = ANY(%s)"


@contextmanager
def schema(url: str, run: str) -> Iterator[None]:
    """The table, in a schema of that name of its own, until the block is left. Raises Unreachable."""
    _executed(url, f"CREATE SCHEMA {run}", _TABLE.format(run=run), _OPEN.format(run=run))
    try:
        yield
    finally:
        _executed(url, f"DROP SCHEMA {run} CASCADE")


def put(url: str, run: str, entries: Sequence[Mapping[str, Any]]) -> None:
    """Write deliveries into the table, as the day's plan comes. Raises psycopg.Error."""
    import psycopg

    places = ", ".join(f"%({name})s" for name in ENTRY)
    statement = f"INSERT INTO {run}.deliveries ({', '.join(ENTRY)}) VALUES ({places})"  # noqa: S608 - names of our own
    with psycopg.connect(url, connect_timeout=_CONNECT_S) as connection, connection.cursor() as cursor:
        cursor.executemany(statement.encode(), entries)


def _executed(url: str, *statements: str) -> None:
    import psycopg

    try:
        with psycopg.connect(url, connect_timeout=_CONNECT_S) as connection:
            for statement in statements:
                connection.execute(statement.encode())
    except psycopg.Error as error:
        said = type(error).__name__ if error.diag.message_primary is None else error.diag.message_primary
        raise Unreachable(
            f"the example's table cannot be set up or taken away in PostgreSQL: {said}",
            remedy="Name in ARRIVAL_POSTGRES a database in which the user may create a schema.",
        ) from None


class Worklist:
    """Works through what is new in the table: each delivery until `taken` has passed it on, once.

    `taken` raises BadGateway where that has to be tried again, and BadRequest where the delivery is refused: it is set
    aside then. What was passed on is remembered until the table says so too, so that a mark that was lost on its way
    doubles nothing. Rows come with a digest, so that those which were damaged on their way are read again.
    """

    def __init__(self, url: str, run: str, taken: Callable[[object], Awaitable[object]]) -> None:
        self._url = url
        self._new = _NEW.format(run=run, most=_AT_ONCE).encode()
        self._planned = _PLANNED.format(run=run).encode()
        self._taken = taken
        self._unmarked: set[int] = set()
        self._away_since: float | None = None
        self.set_aside = 0
        """Deliveries that were refused for what they are."""

    @property
    def away(self) -> bool:
        """Whether the table has not answered for so long that somebody must be told."""
        return self._away_since is not None and time.monotonic() - self._away_since > _ALARM_AFTER_S

    async def keep_working(self) -> None:
        """Work again and again, until cancelled."""
        while True:
            # Whatever a damaged answer makes of the protocol and its types: it is asked anew.
            with suppress(Exception):
                connection = await asyncio.wait_for(self._connected(), _ANSWER_S)
                try:
                    await self._keep_asking(connection)
                finally:
                    await connection.close()
            self._away_since = self._away_since or time.monotonic()
            await asyncio.sleep(_AGAIN_S)

    async def _connected(self) -> AsyncConnection[tuple[Any, ...]]:
        from psycopg import AsyncConnection

        return await AsyncConnection.connect(self._url, autocommit=True, application_name=CLIENT)

    async def _keep_asking(self, connection: AsyncConnection[tuple[Any, ...]]) -> None:
        while True:
            rows = await self._answered(connection, self._new)
            entries = {int(number): _undamaged(number, entry, digest) for number, entry, digest in rows}
            self._away_since = None
            new = [number for number in entries if number not in self._unmarked]
            done = await asyncio.gather(*(self._done(entries[number]) for number in new))
            self._unmarked |= {number for number, is_done in zip(new, done, strict=True) if is_done}
            if self._unmarked:
                await self._answered(connection, self._planned, [list(self._unmarked)])
                self._unmarked.clear()
            if not rows or not all(done):
                await asyncio.sleep(_PAUSE_S if not rows else _AGAIN_S)

    async def _answered(
        self, connection: AsyncConnection[tuple[Any, ...]], statement: bytes, values: Sequence[object] = ()
    ) -> list[tuple[Any, ...]]:
        """What the statement gives. Raises psycopg.Error, also where no answer comes in time."""
        # Cancelling would have the driver ask the server to stop, over a line that may be dead, and wait for it.
        late = asyncio.get_running_loop().call_later(_ANSWER_S, _cut, connection)
        try:
            cursor = await connection.execute(statement, values)
            return await cursor.fetchall() if cursor.description else []
        finally:
            late.cancel()

    async def _done(self, entry: object) -> bool:
        try:
            await self._taken(entry)
        except serving.BadGateway:
            return False
        except serving.BadRequest:
            self.set_aside += 1
        return True


def _undamaged(number: int, entry: str, digest: str) -> object:
    """The delivery as it was written. Raises ValueError for one that is another than the server sent."""
    if hashlib.md5(f"{number}{entry}".encode(), usedforsecurity=False).hexdigest() != digest:
        raise ValueError("a row was damaged")
    return json.loads(entry)


def _cut(connection: AsyncConnection[tuple[Any, ...]]) -> None:
    """End a connection from below, so that whoever waits for it is told at once."""
    if not connection.closed:
        with suppress(OSError), socket.socket(fileno=os.dup(connection.fileno())) as wire:
            wire.shutdown(socket.SHUT_RDWR)
