"""Plain JSON data to and from the frozen dataclasses of the vocabulary, without loss.

Numbers that JSON cannot hold (NaN, infinities) travel as the strings "NaN", "Infinity" and "-Infinity"; times as
ISO 8601 in UTC; absent values as null. Nothing is guessed: an unknown key or a value of another type is an error.
"""

from __future__ import annotations

import math
import types
import typing
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, fields, is_dataclass
from datetime import UTC, date, datetime
from enum import Enum
from functools import cache
from typing import Any, TypeVar, Union, cast

from seatrial.core.errors import SeatrialError
from seatrial.core.observation import Json

T = TypeVar("T")
_NON_FINITE = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}


class CodecError(SeatrialError):
    """Data does not have the shape of the class it should become."""


def to_data(value: object) -> Json:
    """Plain JSON data of a dataclass, enum, time, number, string, sequence or mapping.

    Raises CodecError on any other type.
    """
    match value:
        case Enum():
            plain: Json = value.value
        case float() if not math.isfinite(value):
            plain = _spell(value)
        case None | bool() | int() | float() | str():
            plain = value
        case datetime():
            plain = value.astimezone(UTC).isoformat().replace("+00:00", "Z")
        case date():
            plain = value.isoformat()
        case Mapping():
            plain = {str(k): to_data(v) for k, v in value.items()}
        case Sequence() | set() | frozenset():
            plain = [to_data(v) for v in value]
        case _ if is_dataclass(value) and not isinstance(value, type):
            plain = {f.name: to_data(getattr(value, f.name)) for f in fields(value)}
        case _:
            raise CodecError(f"{type(value).__name__} has no plain form")
    return plain


def _spell(value: float) -> str:
    if math.isnan(value):
        return "NaN"
    return "Infinity" if value > 0 else "-Infinity"


def from_data(cls: type[T], data: object) -> T:
    """The dataclass `cls` from plain data. Raises CodecError naming the path of the first mismatch."""
    return cast("T", _read(cls, data, cls.__name__))


def _read(hint: Any, data: object, path: str) -> object:
    # Most are plain texts: told apart first, because a ledger holds many.
    if (hint is str and type(data) is str) or hint in (Any, object) or isinstance(hint, str):
        return data
    origin = typing.get_origin(hint)
    if origin in (Union, types.UnionType):
        return _read_union(typing.get_args(hint), data, path)
    if is_dataclass(hint):
        return _read_dataclass(cast("type", hint), data, path)
    if origin is tuple:
        (item, *_) = typing.get_args(hint)
        return tuple(_read(item, v, f"{path}[{i}]") for i, v in enumerate(_sequence(data, path)))
    if origin is not None and issubclass(origin, Mapping):
        _, item = typing.get_args(hint)
        return {str(k): _read(item, v, f"{path}.{k}") for k, v in _mapping(data, path).items()}
    return _read_scalar(hint, data, path)


def _read_union(options: tuple[Any, ...], data: object, path: str) -> object:
    if data is None and type(None) in options:
        return None
    concrete = [o for o in options if o is not type(None)]
    if len(concrete) > 1:
        dataclasses = [o for o in concrete if is_dataclass(o)]
        return data if not dataclasses else _read_first(dataclasses, data, path)
    return _read(concrete[0], data, path)


def _read_first(options: Sequence[Any], data: object, path: str) -> object:
    for option in options:
        try:
            return _read(option, data, path)
        except CodecError:
            continue
    raise CodecError(f"{path}: none of {', '.join(o.__name__ for o in options)}")


@cache
def _hints(cls: type) -> Mapping[str, Any]:
    # `Json` refers to itself; as an alias it cannot be resolved in the module of every class that uses it.
    return typing.get_type_hints(cls, localns={"Json": object})


@cache
def _required(cls: type) -> tuple[str, ...]:
    return tuple(f.name for f in fields(cls) if f.default is MISSING and f.default_factory is MISSING)


@cache
def _known(cls: type) -> frozenset[str]:
    return frozenset(f.name for f in fields(cls))


def _read_dataclass(cls: type, data: object, path: str) -> object:
    mapping = _mapping(data, path)
    hints = _hints(cls)
    unknown = sorted(mapping.keys() - _known(cls))
    if unknown:
        raise CodecError(f"{path}: unknown {', '.join(map(str, unknown))}")
    absent = [name for name in _required(cls) if name not in mapping]
    if absent:
        raise CodecError(f"{path}: {', '.join(absent)} missing")
    return cls(**{name: _read(hints[name], value, f"{path}.{name}") for name, value in mapping.items()})


def _read_scalar(hint: Any, data: object, path: str) -> object:
    if isinstance(hint, type) and issubclass(hint, Enum):
        try:
            return hint(data)
        except ValueError:
            raise CodecError(f"{path}: {data!r} is none of {', '.join(str(m.value) for m in hint)}") from None
    if hint is datetime:
        return _read_time(data, path)
    if hint is date:
        return date.fromisoformat(_expect(data, str, path))
    if hint is float and isinstance(data, str) and data in _NON_FINITE:
        return _NON_FINITE[data]
    if hint is float and isinstance(data, int) and not isinstance(data, bool):
        return float(data)
    if hint is int and isinstance(data, bool):
        raise CodecError(f"{path}: expected int, found bool")
    return _expect(data, hint, path)


def _read_time(data: object, path: str) -> datetime:
    try:
        when = datetime.fromisoformat(_expect(data, str, path))
        if when.tzinfo is None:
            raise CodecError(f"{path}: {data!r} has no time zone")
        return when.astimezone(UTC)
    except (ValueError, OverflowError):
        raise CodecError(f"{path}: {data!r} is no ISO 8601 time") from None


def _mapping(data: object, path: str) -> Mapping[Any, object]:
    if not isinstance(data, Mapping):
        raise CodecError(f"{path}: expected a mapping, found {type(data).__name__}")
    return data


def _sequence(data: object, path: str) -> Sequence[object]:
    if not isinstance(data, Sequence) or isinstance(data, str):
        raise CodecError(f"{path}: expected a sequence, found {type(data).__name__}")
    return data


def _expect(data: object, kind: type[T], path: str) -> T:
    if not isinstance(data, kind):
        raise CodecError(f"{path}: expected {kind.__name__}, found {type(data).__name__}")
    return data
