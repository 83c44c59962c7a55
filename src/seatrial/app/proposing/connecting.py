"""The connections of a system, completed away from its file: one value at a time, and every comment stays.

Only what names an address, a file of the system's own folder or a plain word is taken here. What runs something, reads
elsewhere on the machine, or holds a secret is written into the file by whoever has the machine.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import takewhile
from pathlib import PurePosixPath
from typing import Any, Final
from urllib.parse import urlsplit

from seatrial.app.folder.workspace import Workspace, reread
from seatrial.app.folder.yaml_edit import Addition, added, changed
from seatrial.app.proposing.file import quoted
from seatrial.app.proposing.placing import replace_file
from seatrial.core.errors import Refused
from seatrial.core.observation import Json
from seatrial.spec.problem import SpecErrors

LONGEST: Final = 500
_TODO: Final = "TODO"
_SCHEMES: Final = frozenset({"http", "https", "mqtt", "mqtts", "amqp", "amqps", "kafka", "opc.tcp", "sftp"})
_BY_HAND: Final = "Write it into the system file itself, on its machine."
_TABLES: Final = ("training", "evaluation", "live")
_ENDS: Final = ("test", "production")
_SAFE_WORD: Final = re.compile(r"[^\x00-\x1f\x7f$]*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Connection:
    """One value that can be completed: where it stands in the file, and what is said there; empty where nothing is."""

    path: tuple[str, ...]
    value: str
    expects: str

    @property
    def field(self) -> str:
        """Its place as the file's errors spell it."""
        return ".".join(self.path)


def connections(workspace: Workspace) -> tuple[Connection, ...]:
    """Everything that can be completed, in the order of the file's sections."""
    plain = _plain(_text(workspace))
    return tuple(
        Connection(path=path, value=_said(_at(plain, path)), expects=EXPECTS[_reads(path)]) for path in _paths(plain)
    )


def stands(workspace: Workspace) -> str:
    """The SHA-256 of the file's text, by which `connect` knows that nobody wrote it meanwhile."""
    return hashlib.sha256(_text(workspace).encode()).hexdigest()


def connect(workspace: Workspace, given: Mapping[str, str], *, seen: str) -> tuple[tuple[str, ...], dict[str, str]]:
    """Write what differs from what stands there: the fields written, or by field what is wrong; then none is.

    Raises Refused where somebody wrote the file after `seen`, or where it has no place for a value that is safe.
    """
    text = _text(workspace)
    if hashlib.sha256(text.encode()).hexdigest() != seen:
        raise Refused("the system file has changed since you looked", remedy="Look at what it says now, then go on.")
    wanted = {
        each: said
        for each in connections(workspace)
        if (said := given.get(each.field, "").strip()) not in ("", each.value)
    }
    values: dict[Connection, Json] = {}
    errors: dict[str, str] = {}
    for each, said in wanted.items():
        try:
            values[each] = _reads(each.path)(said, workspace)
        except ValueError as error:
            errors[each.field] = str(error)
    if errors or not values:
        return (), errors
    meant = _plain(text)
    after = text
    for each, value in values.items():
        after = _written(after, each.path, value)
        _put(meant, each.path, value)
    if _plain(after) != meant:
        raise Refused("these values have no place in the system file that can be written safely", remedy=_BY_HAND)
    try:
        reread(workspace, after)
    except SpecErrors as error:
        return (), _placed(error, [each.field for each in values])
    if _text(workspace) != text:
        raise Refused("the system file has changed in this moment", remedy="Do it again.")
    replace_file(workspace.file, after.encode())
    return tuple(each.field for each in values), {}


def _text(workspace: Workspace) -> str:
    return workspace.file.read_text(encoding="utf-8")


def _plain(text: str) -> dict[str, Any]:
    import yaml

    loaded = yaml.safe_load(text)
    return loaded if isinstance(loaded, dict) else {}


def _paths(plain: Mapping[str, Any]) -> Iterator[tuple[str, ...]]:
    yield ("version",)
    yield from (("model", name) for name in ("endpoint", "identity", "test_endpoint", "inputs"))
    for table in _TABLES:
        yield from (("data", table, name) for name in ("source", "label", "time", "entity"))
    yield from (("load", "peak"), ("load", "latency", "p99"))
    declared = plain.get("integrations")
    for name, each in declared.items() if isinstance(declared, Mapping) else ():
        if not isinstance(each, Mapping):
            continue
        yield from (("integrations", str(name), field) for field in ("kind", "direction", "contract"))
        for end in _ENDS:
            fields = ("url", "via", "writable") if end == "test" else ("url", "read_only")
            for field in (*fields, "read", "write", "observe", "version", "health"):
                yield ("integrations", str(name), end, field)


def _at(plain: object, path: tuple[str, ...]) -> object:
    for part in path:
        plain = plain.get(part) if isinstance(plain, Mapping) else None
    return plain


def _said(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str | int | float):
        return "" if str(value).partition(" ")[0] == _TODO else str(value)
    return ""


def _put(plain: dict[str, Any], path: tuple[str, ...], value: Json) -> None:
    *above, key = path
    for part in above:
        if not isinstance(plain.get(part), dict):
            plain[part] = {}
        plain = plain[part]
    plain[key] = value


def _written(text: str, path: tuple[str, ...], value: Json) -> str:
    *above, key = path
    found = changed(text, path, quoted(value))
    if found is None:
        found = added(text, Addition(path=tuple(above), key=key, value=quoted(value)))
    if found is None:
        raise Refused(f"{'.'.join(path)} has no place in the system file that can be written safely", remedy=_BY_HAND)
    return found


def _placed(error: SpecErrors, fields: list[str]) -> dict[str, str]:
    """The problems at the fields that were written: each at the one that shares most of its path."""
    found: dict[str, str] = {}
    for problem in error.problems:
        at = max(fields, key=lambda field: _shared(field, problem.path))
        found.setdefault(at, f"{problem.path}: {problem.found}; expected {problem.expected}")
    return found


def _shared(one: str, another: str) -> int:
    """How many parts the two paths have in common, from their beginning."""
    both = zip(one.split("."), another.split("."), strict=False)
    return sum(1 for _ in takewhile(lambda parts: parts[0] == parts[1], both))


def _word(said: str, workspace: Workspace) -> Json:
    del workspace
    if len(said) > LONGEST or _SAFE_WORD.fullmatch(said) is None or said.partition(" ")[0] == _TODO:
        raise ValueError(f"Give one line of at most {LONGEST} characters, without `$` and without TODO. {_BY_HAND}")
    return said


def _address(said: str, workspace: Workspace) -> Json:
    _word(said, workspace)
    try:
        parts = urlsplit(said)
        named = bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        parts, named = urlsplit(""), False
    if not named or parts.scheme not in _SCHEMES:
        raise ValueError(f"Give an address such as https://model.example.com/predict. Anything else: {_BY_HAND}")
    if parts.username is not None or parts.password is not None:
        raise ValueError(f"No user and no password in an address here: they stand in the environment. {_BY_HAND}")
    return said


def _switch(said: str, workspace: Workspace) -> Json:
    del workspace
    if said not in ("true", "false"):
        raise ValueError("Say true or false.")
    return said == "true"


def _own_file(said: str, workspace: Workspace) -> Json:
    _word(said, workspace)
    base = workspace.base.resolve()
    path = base / said
    if PurePosixPath(said).is_absolute() or "://" in said or not path.resolve().is_relative_to(base):
        raise ValueError(f"Name a file in the system's own folder. Anything else: {_BY_HAND}")
    if any(part.startswith(".") for part in PurePosixPath(said).parts):
        raise ValueError("What begins with a dot is no file for this.")
    if not path.is_file():
        raise ValueError(f"There is no {said} in the system's folder yet: put it there first.")
    return said


def _place_there(said: str, workspace: Workspace) -> Json:
    _word(said, workspace)
    if not said.startswith("/"):
        raise ValueError(f"Give a path of its address, such as /orders. A statement, a topic: {_BY_HAND}")
    return said


_Read = Callable[[str, Workspace], Json]
EXPECTS: Final[Mapping[Callable[[str, Workspace], Json], str]] = {
    _word: "",
    _address: "an address",
    _switch: "true or false",
    _own_file: "a file in the system's folder",
    _place_there: "a path of its address",
}
_READ_BY_KEY: Final[Mapping[str, _Read]] = {
    "endpoint": _address,
    "identity": _address,
    "test_endpoint": _switch,
    "inputs": _own_file,
    "source": _own_file,
    "contract": _own_file,
    "url": _address,
    "writable": _switch,
    "read_only": _switch,
    **dict.fromkeys(("read", "write", "observe", "health"), _place_there),
}


def _reads(path: tuple[str, ...]) -> _Read:
    """How what is typed for that place is read."""
    if path[-1] == "version" and len(path) > 1:
        return _place_there
    return _READ_BY_KEY.get(path[-1], _word)
