"""Whether records come out in the order in which they were put in, where a flow declares that this matters.

Two records have an order only where the entry had confirmed the one before the other was sent: what is put in at the
same time may come out either way. Places at the exit are told by a declared field, or by when a source that is listened
to brought them; a source that is only asked again and again shows them to within two looks, which establishes nothing.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from seatrial.core.observation import Json
from seatrial.core.ports import Row
from seatrial.domains.flows.driving import Passage
from seatrial.spec.integration import Order

HEARD = frozenset({"mqtt", "amqp", "webhook"})
"""Kinds whose records are kept in the order in which they arrive."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InOrder:
    """Of `compared` records that had a later one, which were overtaken, by their numbers. `untold`: why it is open."""

    compared: int
    overtaken: frozenset[int]
    untold: str = ""


@dataclass(frozen=True, slots=True)
class _Placed:
    """One record that was taken and arrived: when it was sent, when the entry had confirmed it, and its place."""

    number: int
    sent_s: float
    taken_s: float
    place: float


def in_order(passage: Passage, order: Order, *, heard: bool) -> InOrder:
    """What was overtaken by a record that was put in later."""
    places, coarse, untold = _places(passage, order, heard=heard)
    groups: dict[str, list[_Placed]] = {}
    for at, place in places.items():
        row = passage.sent[at]
        if order.per is not None and row.get(order.per) is None:
            untold = untold or f"a record has no {order.per}"
            continue
        sent = passage.scheduled_s[at] + passage.lag_s[at]
        taken = passage.scheduled_s[at] + passage.took_s[at]
        groups.setdefault(str(row[order.per]) if order.per else "", []).append(_Placed(at, sent, taken, place))
    compared, tied, overtaken = 0, 0, set[int]()
    for group in groups.values():
        for record, earliest in _with_later(group):
            compared += 1
            tied += earliest == record.place
            if earliest < record.place - coarse:
                overtaken.add(record.number)
    if tied and not coarse:
        untold = untold or f"{tied} records stand at one place with a later one"
    if not compared:
        untold = untold or "no record was sent after the entry had confirmed another one"
    return InOrder(compared=compared, overtaken=frozenset(overtaken), untold=untold)


def _with_later(group: Sequence[_Placed]) -> Iterator[tuple[_Placed, float]]:
    """Each record that has one sent after it was taken, with the earliest place of all such."""
    later = sorted(group, key=lambda placed: placed.sent_s, reverse=True)
    earliest, at = math.inf, 0
    for record in sorted(group, key=lambda placed: placed.taken_s, reverse=True):
        while at < len(later) and later[at].sent_s > record.taken_s:
            earliest = min(earliest, later[at].place)
            at += 1
        if at:
            yield record, earliest


def _places(passage: Passage, order: Order, *, heard: bool) -> tuple[dict[int, float], float, str]:
    """The place of each record that was taken and arrived, how coarse places are, and why they may tell nothing."""
    key = passage.flow.key
    arrived = {
        at: passage.copies[str(row[key])]
        for at, row in enumerate(passage.sent)
        if passage.accepted[at] and passage.copies.get(str(row[key]))
    }
    if order.by is not None:
        told = {at: _number(copies[0].get(order.by)) for at, copies in arrived.items()}
        kinds = {kind for kind, _ in told.values()}
        if len(kinds - {""}) > 1 or "" in kinds:
            return {at: place for at, (kind, place) in told.items() if kind}, 0.0, f"{order.by} is no number or time"
        if arrived and all(_echoed(passage.sent[at], copies[0], order.by) for at, copies in arrived.items()):
            return {}, 0.0, f"{order.by} is what was sent, and not where a record stands at the exit"
        return {at: place for at, (_, place) in told.items()}, 0.0, ""
    if heard:
        ranks = {value: float(rank) for rank, value in enumerate(passage.copies)}
        return {at: ranks[str(passage.sent[at][key])] for at in arrived}, 0.0, ""
    seen = {at: passage.scheduled_s[at] + passage.after_s[at] for at in arrived}
    looks = "records are seen there to within two looks only"
    return {at: when for at, when in seen.items() if not math.isnan(when)}, 2.0 * passage.step_s, looks


def _echoed(sent: Row, arrived: Row, field: str) -> bool:
    return field in sent and sent[field] == arrived.get(field)


def _number(value: Json) -> tuple[str, float]:
    """What kind of place it is, empty for none, and the place."""
    if isinstance(value, bool) or value is None:
        return "", math.nan
    try:
        number = float(str(value))
    except ValueError:
        return _time(str(value))
    return ("number", number) if math.isfinite(number) else ("", math.nan)


def _time(text: str) -> tuple[str, float]:
    try:
        when = datetime.fromisoformat(text)
    except ValueError:
        return "", math.nan
    if when.tzinfo is None:
        return "local time", (when - datetime(1970, 1, 1)).total_seconds()  # noqa: DTZ001 - compared among themselves
    return "time", when.timestamp()
