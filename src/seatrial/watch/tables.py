"""The tables of a watch's store, in SQLite or PostgreSQL."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Float, Index, Integer, LargeBinary, MetaData, SmallInteger, Table, Text

META = MetaData()
_SEQUENCE = BigInteger().with_variant(Integer, "sqlite")
EVENTS = Table(
    "watch_events",
    META,
    Column("sequence", _SEQUENCE, primary_key=True, autoincrement=True),
    Column("kind", SmallInteger, nullable=False),
    Column("id", Text, nullable=False),
    Column("at", Float, nullable=False),
    Column("arrived", Float, nullable=False),
    Column("digest", LargeBinary, nullable=False),
    Column("content", LargeBinary, nullable=False),
    Index("watch_events_once", "kind", "id", unique=True),
    # The newest of a kind is asked for several times a second, however many there are.
    Index("watch_events_newest", "kind", "sequence"),
)
STATE = Table(
    "watch_state",
    META,
    Column("name", Text, primary_key=True),
    Column("cursor", BigInteger, nullable=False),
    Column("content", LargeBinary, nullable=False),
)
COUNTS = Table("watch_counts", META, Column("name", Text, primary_key=True), Column("number", BigInteger))
BEATS = Table("watch_beats", META, Column("source", Text, primary_key=True), Column("at", Float, nullable=False))
ALARMS = Table(
    "watch_alarms",
    META,
    Column("id", Text, primary_key=True),
    Column("monitor", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("content", LargeBinary, nullable=False),
)
SILENCES = Table(
    "watch_silences",
    META,
    Column("id", Text, primary_key=True),
    Column("until", Float, nullable=False),
    Column("content", LargeBinary, nullable=False),
)
TOLD = Table(
    "watch_told",
    META,
    Column("outlet", Text, primary_key=True),
    Column("alarm", Text, primary_key=True),
    Column("state", Text, nullable=False),
)
