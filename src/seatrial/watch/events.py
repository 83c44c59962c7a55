"""What a watch is told: predictions, their outcomes, and signs of life; read strictly, and refused one by one."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import IntEnum
from typing import Any

import orjson

from seatrial.core.errors import Malformed

MOST_ID = 200
MOST_BYTES = 256 * 1024
"""One event, as JSON."""
AHEAD = timedelta(minutes=5)
"""How far the clock of a sender may be ahead."""
_KINDS = ("prediction", "outcome", "heartbeat")


class Kind(IntEnum):
    """What an event is; the number is how the store keeps it."""

    PREDICTION = 1
    OUTCOME = 2
    HEARTBEAT = 3
    CLOSING = 4
    """A person has dealt with an alarm. Nobody sends this one; it stands in the journal so that a replay knows it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchEvent:
    """One thing that happened: `id` is the prediction's, or the source's for a heartbeat. `at` is UTC.

    `content` is, for a prediction, `inputs`, `prediction`, `score`, `model` and `latency_s` as far as they are known,
    for an outcome its `label`. Raises TypeError where it holds what JSON cannot.
    """

    kind: Kind
    id: str
    at: datetime
    content: Mapping[str, Any]
    packed: bytes = field(init=False, repr=False, compare=False)
    """The content as JSON, made once: it is measured, compared and kept."""
    digest: bytes = field(init=False, repr=False, compare=False)
    """By which the same content is known again."""

    def __post_init__(self) -> None:
        packed = orjson.dumps(self.content, option=orjson.OPT_SORT_KEYS | orjson.OPT_SERIALIZE_NUMPY)
        object.__setattr__(self, "packed", packed)
        object.__setattr__(self, "digest", hashlib.blake2b(packed, digest_size=16).digest())


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """An event that cannot be taken: its place in what was sent, the reason as a code, and in words."""

    index: int
    code: str
    text: str


REFUSALS: Mapping[str, str] = {
    "no-event": "It is not an object with a kind, an id and what belongs to it.",
    "no-id": "It has no id, or one that is too long.",
    "no-time": "Its time cannot be read or has no zone.",
    "in-the-future": "Its time lies in the future.",
    "too-large": "It is larger than one event may be.",
    "no-prediction": "A prediction without what was predicted.",
    "no-label": "An outcome without its label.",
    "unfinished": "The sender never sent the end of it.",
    "flood": "More came at once than can be held: the sender was told to come again.",
    "score-outside-range": "Its score is no number, or outside the range of the task.",
}


def read_events(
    documents: Iterable[object], *, now: datetime, kind: Kind | None = None, bounded: bool = True
) -> tuple[list[WatchEvent], list[Refusal]]:
    """The events among `documents`, and why the others are none. Nothing is dropped without being told.

    `kind` is what a document is that does not say so; `bounded` demands scores from 0 to 1.
    """
    taken: list[WatchEvent] = []
    refused: list[Refusal] = []
    for index, document in enumerate(documents):
        try:
            taken.append(_event(document, now, kind, bounded=bounded))
        except _Refused as error:
            refused.append(Refusal(index=index, code=error.code, text=error.text))
    return taken, refused


def parse(body: bytes, *, media_type: str) -> Iterator[object]:
    """The documents in a request: JSON (one, a list, or `{"events": […]}`), JSON lines, or an Arrow stream.

    A document that is not readable by itself comes as None, so that the others are taken. Raises Malformed when the
    whole is unreadable.
    """
    if "arrow" in media_type:
        yield from _arrow(body)
        return
    if "ndjson" in media_type or "jsonl" in media_type:
        for line in body.splitlines():
            if line.strip():
                yield _loaded(line)
        return
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise Malformed(f"the body is no JSON: {error}", remedy="Send JSON, JSON lines or an Arrow stream.") from None
    if isinstance(document, dict) and isinstance(document.get("events"), list):
        document = document["events"]
    yield from document if isinstance(document, list) else [document]


def _loaded(line: bytes) -> object:
    try:
        return orjson.loads(line)
    except orjson.JSONDecodeError:
        return None


_OWN = ("kind", "id", "at", "prediction", "score", "model", "latency_s", "label")


def _arrow(body: bytes) -> Iterator[object]:
    import pyarrow as pa

    try:
        with pa.ipc.open_stream(body) as stream:
            for batch in stream:
                yield from (_unfolded(row) for row in batch.to_pylist())
    except (pa.ArrowInvalid, OSError) as error:
        raise Malformed(f"the body is no Arrow stream: {error}", remedy="Send an Arrow IPC stream.") from None


def _unfolded(row: Mapping[str, Any]) -> Mapping[str, Any]:
    """A row whose columns beside our own are the inputs."""
    own = {key: row[key] for key in _OWN if row.get(key) is not None}
    inputs = {key: value for key, value in row.items() if key not in _OWN}
    return {**own, "inputs": inputs} if inputs and "label" not in own else own


class _Refused(Exception):
    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code, self.text = code, text


def _event(document: object, now: datetime, kind: Kind | None, *, bounded: bool) -> WatchEvent:
    if not isinstance(document, Mapping):
        raise _Refused("no-event", "it is no JSON object")
    said = document.get("kind")
    if said is not None:
        if said not in _KINDS:
            raise _Refused("no-event", f"kind is {said!r}; there are {', '.join(_KINDS)}")
        kind = Kind[str(said).upper()]
    if kind is None:
        kind = Kind.OUTCOME if "label" in document else Kind.PREDICTION
    name = document.get("id", document.get("source") if kind is Kind.HEARTBEAT else None)
    if isinstance(name, int) and not isinstance(name, bool):
        name = str(name)
    if not isinstance(name, str) or not 0 < len(name) <= MOST_ID or "\x00" in name:
        raise _Refused("no-id", f"id must be text of 1 to {MOST_ID} characters, without NUL")
    at = _time(document.get("at"), now)
    content = _READERS[kind](document, bounded)
    try:
        event = WatchEvent(kind=kind, id=name, at=at, content=content)
    except (TypeError, orjson.JSONEncodeError) as error:
        raise _Refused("no-event", f"it holds what JSON cannot: {error}") from None
    if len(event.packed) > MOST_BYTES:
        raise _Refused("too-large", f"it is {len(event.packed)} bytes; one event may have {MOST_BYTES}")
    return event


def _time(value: object, now: datetime) -> datetime:
    if value is None:
        return now
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            raise _Refused("no-time", f"{value!r} is no time as ISO 8601") from None
    if not isinstance(value, datetime) or value.tzinfo is None:
        raise _Refused("no-time", "at must be a time as ISO 8601 with its zone")
    try:
        at = value.astimezone(UTC)
    except OverflowError:
        raise _Refused("no-time", f"{value.isoformat()} is no time that can be reckoned with") from None
    if at > now + AHEAD:
        raise _Refused("in-the-future", f"{at.isoformat()} lies in the future; it is {now.isoformat()}")
    return at


def _prediction(document: Mapping[str, Any], bounded: bool) -> Mapping[str, Any]:
    if document.get("prediction") is None and document.get("score") is None:
        raise _Refused("no-prediction", "prediction is missing")
    content: dict[str, Any] = {"prediction": document.get("prediction")}
    if (score := document.get("score")) is not None:
        content["score"] = _number(score, "score", 1.0 if bounded else math.inf, below=0.0 if bounded else -math.inf)
    if (latency := document.get("latency_s")) is not None:
        content["latency_s"] = _number(latency, "latency_s", math.inf, below=0.0)
    if document.get("model") is not None:
        content["model"] = str(document["model"])
    inputs = document.get("inputs")
    if inputs is not None:
        if not isinstance(inputs, Mapping):
            raise _Refused("no-event", "inputs must be an object")
        content["inputs"] = dict(inputs)
    return content


def _number(value: object, name: str, most: float, *, below: float) -> float:
    number = float(value) if isinstance(value, int | float) and not isinstance(value, bool) else math.nan
    if not (below <= number <= most and math.isfinite(number)):
        raise _Refused("score-outside-range", f"{name} is {value!r}")
    return number


def _outcome(document: Mapping[str, Any], _: bool) -> Mapping[str, Any]:
    label = document.get("label")
    if label is None or (isinstance(label, float) and not math.isfinite(label)):
        raise _Refused("no-label", "label is missing")
    return {"label": label}


def _heartbeat(_: Mapping[str, Any], __: bool) -> Mapping[str, Any]:
    return {}


_READERS = {Kind.PREDICTION: _prediction, Kind.OUTCOME: _outcome, Kind.HEARTBEAT: _heartbeat}
