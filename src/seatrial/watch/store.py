"""What a watch was told, in the order in which it arrived, in SQLite or PostgreSQL: acknowledged means durable.

An event counts once, by its kind and id: sent again it changes nothing, sent again with other content it is counted as
a contradiction and the first stands. Beside the events stands what the monitors made of them, moved forward in the
same transaction as the place up to which they have read: after any crash both fit together.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import orjson
from sqlalchemy import ARRAY, Connection, Select, Text, any_, case, func, insert, literal, select, text, update

from seatrial.watch.database import Database
from seatrial.watch.events import Kind, WatchEvent
from seatrial.watch.states import ACKNOWLEDGED, OPEN
from seatrial.watch.tables import ALARMS, BEATS, COUNTS, EVENTS, STATE

_COLUMNS = ("kind", "id", "at", "arrived", "digest", "content")
_INSERT_COLUMNS = text(
    "INSERT INTO watch_events (kind, id, at, arrived, digest, content) SELECT * FROM unnest("
    "CAST(:kind AS smallint[]), CAST(:id AS text[]), CAST(:at AS double precision[]), "
    "CAST(:arrived AS double precision[]), CAST(:digest AS bytea[]), CAST(:content AS bytea[]))"
)
_INSERT_ROWS = "INSERT INTO watch_events (kind, id, at, arrived, digest, content) VALUES (?, ?, ?, ?, ?, ?)"
_IDS = text("SELECT value FROM json_each(:ids)").columns(value=Text)


_Row = tuple[int, str, float, float, bytes, bytes]
"""An event in the order of `_COLUMNS`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """An event as it lies in the store."""

    sequence: int
    kind: Kind
    id: str
    at: float
    arrived: float
    content: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """What became of a delivery: how many events were new, known already, or contradict a known one."""

    new: int
    known: int
    contradicting: tuple[str, ...]


class Store:
    """What was told, in one open database. Threads may share it; a forked process opens its own."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self._reading, self._writing = database.reading, database.writing

    @staticmethod
    def open(url: str) -> Store:
        """Connect, creating the file and the tables where there are none. Raises Unreachable, StoreError."""
        return Store(Database.open(url))

    def close(self) -> None:
        """Let go of all connections."""
        self.database.close()

    def append(self, events: Sequence[WatchEvent], *, now: datetime, refused: Mapping[str, int] | None = None) -> Taken:
        """Keep what is new; durable when this returns. `refused` are refusals by code, to be counted with it."""
        return self.append_all([(events, refused or {})], now=now)[0]

    def append_all(
        self, deliveries: Sequence[tuple[Sequence[WatchEvent], Mapping[str, int]]], *, now: datetime
    ) -> list[Taken]:
        """Several deliveries in one transaction, one after the other."""
        arrived = now.timestamp()
        with self._writing() as connection:
            known = self._known(connection, [each for events, _ in deliveries for each in events])
            rows: list[_Row] = []
            numbers: dict[str, int] = {}
            taken = []
            for events, refused in deliveries:
                taken.append(_sort(events, known, rows, numbers, arrived))
                for name, number in refused.items():
                    numbers[name] = numbers.get(name, 0) + number
            _beat(connection, [each for events, _ in deliveries for each in events if each.kind is Kind.HEARTBEAT])
            if rows:
                self._insert(connection, rows)
            _count(connection, numbers)
        return taken

    def after(self, cursor: int, most: int) -> list[Stored]:
        """The next events behind the cursor, in the order of their arrival."""
        query = select(EVENTS).where(EVENTS.c.sequence > cursor).order_by(EVENTS.c.sequence).limit(most)
        with self._reading() as connection:
            return [_stored(row) for row in connection.execute(query)]

    def between(self, first: int, last: int, *, most: int) -> list[Stored]:
        """The newest of the events with sequences from `first` to `last`, in the order of their arrival."""
        wanted = select(EVENTS).where(EVENTS.c.sequence.between(first, last))
        with self._reading() as connection:
            rows = connection.execute(wanted.order_by(EVENTS.c.sequence.desc()).limit(most)).all()
        return [_stored(row) for row in reversed(rows)]

    def last(self) -> int:
        """The sequence of the event that arrived last, 0 before the first."""
        with self._reading() as connection:
            return int(connection.execute(select(func.max(EVENTS.c.sequence))).scalar() or 0)

    def of_kind(self, kind: Kind, ids: Sequence[str], *, until: int) -> dict[str, Stored]:
        """The events of a kind with these ids that arrived up to the sequence `until`."""
        with self._reading() as connection:
            rows = self._with_ids(connection, select(EVENTS).where(EVENTS.c.sequence <= until), kind, ids)
            return {row.id: _stored(row) for row in rows}

    def state(self, name: str) -> tuple[int, Mapping[str, Any]]:
        """Up to where the monitors have read, and what they know; 0 and nothing before the first time."""
        with self._reading() as connection:
            row = connection.execute(select(STATE).where(STATE.c.name == name)).first()
        return (0, {}) if row is None else (int(row.cursor), orjson.loads(row.content))

    def remember(self, name: str, content: object) -> None:
        """Keep plain data under a name; durable when this returns."""
        packed = orjson.dumps(content)
        with self._writing() as connection:
            mine = STATE.c.name == name
            if not connection.execute(update(STATE).where(mine).values(content=packed)).rowcount:
                connection.execute(insert(STATE), {"name": name, "cursor": 0, "content": packed})

    def revise(self, name: str, change: Callable[[Any], Any]) -> None:
        """Change the data that are kept under a name, with no writer beside it; None stands for no data yet."""
        with self._writing() as connection:
            mine = STATE.c.name == name
            row = connection.execute(select(STATE.c.content).where(mine)).first()
            packed = orjson.dumps(change(None if row is None else orjson.loads(row.content)))
            if row is None:
                connection.execute(insert(STATE), {"name": name, "cursor": 0, "content": packed})
            else:
                connection.execute(update(STATE).where(mine).values(content=packed))

    def recall(self, name: str) -> Any:
        """The data that were kept under a name, None where there are none."""
        with self._reading() as connection:
            row = connection.execute(select(STATE.c.content).where(STATE.c.name == name)).first()
        return None if row is None else orjson.loads(row.content)

    def advance(
        self, name: str, *, before: int, cursor: int, state: Mapping[str, Any], alarms: Sequence[Mapping[str, Any]]
    ) -> bool:
        """Move the monitors from `before` to `cursor`, together with the alarms that they raise.

        False, and nothing changed, when another watch has moved them meanwhile.
        """
        packed = orjson.dumps(state, option=orjson.OPT_SERIALIZE_NUMPY)
        with self._writing() as connection:
            row = connection.execute(select(STATE.c.cursor).where(STATE.c.name == name)).first()
            if (0 if row is None else int(row.cursor)) != before:
                return False
            if row is None:
                connection.execute(insert(STATE), {"name": name, "cursor": cursor, "content": packed})
            else:
                statement = update(STATE).where(STATE.c.name == name)
                connection.execute(statement.values(cursor=cursor, content=packed))
            for alarm in alarms:
                self._put(connection, alarm)
        return True

    def alarms(self, *states: str) -> list[dict[str, Any]]:
        """The alarms in these states, oldest first; all of them where none is named."""
        query = select(ALARMS)
        if states:
            query = query.where(ALARMS.c.state.in_(states))
        with self._reading() as connection:
            found = [orjson.loads(row.content) for row in connection.execute(query)]
        return sorted(found, key=lambda alarm: (alarm["opened_at"], alarm["id"]))

    def raise_alarm(self, alarm: Mapping[str, Any]) -> bool:
        """Write a new alarm; False, and nothing written, where another watch has raised one of its monitor already."""
        with self._writing() as connection:
            mine = (ALARMS.c.monitor == alarm["monitor"], ALARMS.c.state.in_((OPEN, ACKNOWLEDGED)))
            if connection.execute(select(ALARMS.c.id).where(*mine)).first() is not None:
                return False
            self._put(connection, alarm)
        return True

    def change_alarm(
        self, alarm: str, change: Callable[[dict[str, Any]], Mapping[str, Any] | None]
    ) -> dict[str, Any] | None:
        """Change an alarm as it stands, with no writer beside it; None, and nothing changed, where `change` says so."""
        with self._writing() as connection:
            row = connection.execute(select(ALARMS).where(ALARMS.c.id == alarm)).first()
            changed = None if row is None else change(orjson.loads(row.content))
            if changed is not None:
                self._put(connection, changed)
        return None if changed is None else dict(changed)

    def counts(self) -> dict[str, int]:
        """How many events of each kind there are, and what was refused, known already or contradicting, by code."""
        with self._reading() as connection:
            return {row.name: int(row.number) for row in connection.execute(select(COUNTS))}

    def beats(self) -> dict[str, float]:
        """The newest sign of life of each source."""
        with self._reading() as connection:
            return {row.source: float(row.at) for row in connection.execute(select(BEATS))}

    def newest(self, kind: Kind) -> Stored | None:
        """The event of a kind that arrived last."""
        query = select(EVENTS).where(EVENTS.c.kind == int(kind)).order_by(EVENTS.c.sequence.desc()).limit(1)
        with self._reading() as connection:
            row = connection.execute(query).first()
        return None if row is None else _stored(row)

    def arrived(self, kind: Kind, *, ago: int) -> float | None:
        """When the event arrived (seconds) since which `ago` of its kind have come, itself included."""
        mine = select(EVENTS.c.arrived).where(EVENTS.c.kind == int(kind))
        with self._reading() as connection:
            return connection.execute(mine.order_by(EVENTS.c.sequence.desc()).offset(ago - 1).limit(1)).scalar()

    def _known(self, connection: Connection, events: Sequence[WatchEvent]) -> dict[tuple[int, str], bytes]:
        found: dict[tuple[int, str], bytes] = {}
        for kind in (Kind.PREDICTION, Kind.OUTCOME, Kind.CLOSING):
            ids = [each.id for each in events if each.kind is kind]
            rows = self._with_ids(connection, select(EVENTS.c.id, EVENTS.c.digest), kind, ids)
            found |= {(int(kind), row.id): bytes(row.digest) for row in rows}
        return found

    def _with_ids(self, connection: Connection, query: Select[Any], kind: Kind, ids: Sequence[str]) -> Iterator[Any]:
        query = query.where(EVENTS.c.kind == int(kind))
        if self.database.postgresql:
            yield from connection.execute(query.where(EVENTS.c.id == any_(literal(list(ids), ARRAY(Text)))))
            return
        # One statement, whatever their number: it is taken apart once and then known.
        yield from connection.execute(query.where(EVENTS.c.id.in_(_IDS)), {"ids": orjson.dumps(list(ids)).decode()})

    def _insert(self, connection: Connection, rows: Sequence[_Row]) -> None:
        if not self.database.postgresql:
            connection.exec_driver_sql(_INSERT_ROWS, list(rows))
            return
        # Column by column: a statement with thousands of values is slower to take apart than to execute.
        columns = zip(*rows, strict=True)
        connection.execute(_INSERT_COLUMNS, dict(zip(_COLUMNS, map(list, columns), strict=True)))

    @staticmethod
    def _put(connection: Connection, alarm: Mapping[str, Any]) -> None:
        content = {
            "monitor": alarm["monitor"],
            "state": alarm["state"],
            "content": orjson.dumps(alarm, option=orjson.OPT_SERIALIZE_NUMPY),
        }
        done = connection.execute(update(ALARMS).where(ALARMS.c.id == alarm["id"]).values(**content))
        if not done.rowcount:
            connection.execute(insert(ALARMS), {"id": alarm["id"], **content})


def _stored(row: Any) -> Stored:
    return Stored(
        sequence=int(row.sequence),
        kind=Kind(row.kind),
        id=row.id,
        at=float(row.at),
        arrived=float(row.arrived),
        content=orjson.loads(row.content),
    )


def _count(connection: Connection, numbers: Mapping[str, int]) -> None:
    for name, number in numbers.items():
        statement = update(COUNTS).where(COUNTS.c.name == name).values(number=COUNTS.c.number + number)
        if not connection.execute(statement).rowcount:
            connection.execute(insert(COUNTS), {"name": name, "number": number})


def _sort(
    events: Sequence[WatchEvent],
    known: dict[tuple[int, str], bytes],
    rows: list[_Row],
    numbers: dict[str, int],
    arrived: float,
) -> Taken:
    """Put what is new into `rows` and `known`, and count the rest."""
    again, contradicting = 0, []
    before_all = len(rows)
    for each in events:
        name = each.kind.name.lower()
        if each.kind is Kind.HEARTBEAT:
            numbers[name] = numbers.get(name, 0) + 1
            continue
        key = int(each.kind), each.id
        before = known.get(key)
        if before is None:
            known[key] = each.digest
            numbers[name] = numbers.get(name, 0) + 1
            rows.append((*key, each.at.timestamp(), arrived, each.digest, each.packed))
        elif before == each.digest:
            again += 1
        else:
            contradicting.append(each.id)
    for name, number in (("known", again), ("contradicting", len(contradicting))):
        if number:
            numbers[name] = numbers.get(name, 0) + number
    return Taken(new=len(rows) - before_all, known=again, contradicting=tuple(contradicting))


def _beat(connection: Connection, beats: Sequence[WatchEvent]) -> None:
    newest = {source: max(b.at.timestamp() for b in beats if b.id == source) for source in {b.id for b in beats}}
    for source, at in newest.items():
        later = case((BEATS.c.at > at, BEATS.c.at), else_=at)
        if not connection.execute(update(BEATS).where(BEATS.c.source == source).values(at=later)).rowcount:
            connection.execute(insert(BEATS), {"source": source, "at": at})


def at_time(stamp: float) -> datetime:
    """A time of the store as a UTC time."""
    return datetime.fromtimestamp(stamp, UTC)
