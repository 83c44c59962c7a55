"""Records in messages: what `payload` declares."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from seatrial.adapters.http import read_json, sent_json
from seatrial.adapters.integrations.place import Place
from seatrial.core.errors import Malformed
from seatrial.core.ports import Row


def decoded(message: bytes, place: Place) -> list[Row]:
    """The records of one message. Raises Malformed."""
    parts = message.splitlines() if place.end.payload == "json-lines" else [message]
    return [record for part in parts if part.strip() or len(parts) == 1 for record in _records(part, place)]


def encoded(record: Row, place: Place) -> bytes:
    """A message with one record. Raises Malformed for NaN and infinities."""
    try:
        message = sent_json(record)
    except ValueError:
        raise Malformed(f"a record for integration {place.name!r} holds NaN or an infinity") from None
    return message + b"\n" if place.end.payload == "json-lines" else message


def _records(part: bytes, place: Place) -> Iterator[Row]:
    try:
        content = read_json(part)
    except Malformed as error:
        what = error.what.replace("the answer", "a message", 1)
        raise Malformed(f"integration {place.name!r}: {what}", remedy=_remedy(place)) from None
    for record in content if isinstance(content, list) else [content]:
        if not isinstance(record, Mapping):
            raise Malformed(f"integration {place.name!r}: a message holds no record", remedy=_remedy(place))
        yield record


def _remedy(place: Place) -> str:
    where = f"integrations.{place.name}.{place.which}"
    return f"Correct {where}.payload, or name a narrower source there that carries nothing but these records."
