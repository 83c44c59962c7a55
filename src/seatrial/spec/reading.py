"""Reading YAML that strangers wrote: bounded in size, depth, references and time, with the place of everything.

One reader for system files, procedures, policies and registers. It reads the parser's event stream and builds the tree
itself, so the limits hold before anything grows, and the fast and the plain parser give the same result. Scalars
follow the YAML 1.2 core schema: `no`, `on` and `2027-01-11` are text until a field says otherwise.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from seatrial.spec.problem import Problem, SpecErrors, one_problem
from seatrial.spec.tree import Document, Node, Scalar, spelled

if TYPE_CHECKING:
    import yaml

LARGEST_FILE = 1 << 20
"""Bytes."""
DEEPEST = 32
MOST_VALUES = 80_000
"""Counted after every alias is followed."""
LONGEST_VALUE = 1 << 16
"""Characters."""

UNPRINTABLE = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What YAML does not allow in a file, nor we in a value: control characters, lone surrogates."""
_NULL = frozenset({"", "~", "null", "Null", "NULL"})
_BOOLEAN = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_INTEGER = re.compile(r"[-+]?[0-9]{1,300}")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_NON_FINITE = re.compile(r"([-+]?)\.(inf|Inf|INF)|\.(nan|NaN|NAN)")


@dataclass(slots=True, kw_only=True)
class _Open:
    """A mapping or list whose end has not come yet."""

    node: Node
    anchor: str | None
    values_before: int
    key: str | None = None
    key_seen: bool = False
    """A key has been read and its value comes next; `key` is None where that key cannot be used."""


@dataclass(slots=True, kw_only=True)
class _Builder:
    """Builds the tree from events and collects problems; what would grow without bound raises at once."""

    name: str
    open: list[_Open] = field(default_factory=list)
    roots: list[Node] = field(default_factory=list)
    anchors: dict[str, tuple[Node, int]] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    values: int = 0

    def take(self, event: Any) -> None:
        kind = type(event).__name__
        if kind == "DocumentStartEvent" and self.roots:
            self._stop(event, "a second document", "one document in a file")
        elif kind in ("MappingStartEvent", "SequenceStartEvent"):
            self._begin(event, {} if kind == "MappingStartEvent" else [])
        elif kind in ("MappingEndEvent", "SequenceEndEvent"):
            self._end()
        elif kind == "ScalarEvent":
            self._scalar(event)
        elif kind == "AliasEvent":
            self._alias(event)

    def _begin(self, event: Any, value: dict[str, Node] | list[Node]) -> None:
        self._count(event, 1)
        if len(self.open) >= DEEPEST:
            self._stop(event, f"values nested more than {DEEPEST} deep", f"at most {DEEPEST} levels")
        self._refuse_tag(event)
        if self._wants_key():
            self._problem(event, "a mapping or list as a key", "a name as a key")
        node = Node(line=event.start_mark.line + 1, column=event.start_mark.column + 1, value=value)
        self.open.append(_Open(node=node, anchor=event.anchor, values_before=self.values - 1))

    def _end(self) -> None:
        closed = self.open.pop()
        if closed.anchor:
            self.anchors[closed.anchor] = (closed.node, self.values - closed.values_before)
        self._put(closed.node)

    def _scalar(self, event: Any) -> None:
        self._count(event, 1)
        if len(event.value) > LONGEST_VALUE:
            self._stop(event, f"a value of {len(event.value)} characters", f"at most {LONGEST_VALUE}")
        if bad := UNPRINTABLE.search(event.value):
            self._stop(event, f"the control character {ord(bad[0]):#04x} in a value", "text")
        self._refuse_tag(event)
        value: Scalar = event.value
        if not event.style and not self._wants_key():
            value = _resolved(event.value)
        start = event.start_mark
        node = Node(line=start.line + 1, column=start.column + 1, value=value, text=event.value)
        if event.anchor:
            self.anchors[event.anchor] = (node, 1)
        if self._wants_key() and event.value == "<<" and not event.style:
            self._problem(event, "a merge key '<<'", "every key written out")
            self.open[-1].key_seen = True
            return
        self._put(node)

    def _alias(self, event: Any) -> None:
        if event.anchor not in self.anchors:
            self._stop(event, f"the alias *{event.anchor[:60]}", "an alias of something that stands complete above it")
        node, size = self.anchors[event.anchor]
        self._count(event, size)
        if len(self.open) + _depth(node) > DEEPEST:
            self._stop(event, f"values nested more than {DEEPEST} deep", f"at most {DEEPEST} levels")
        if self._wants_key():
            node = replace(node, line=event.start_mark.line + 1, column=event.start_mark.column + 1)
        self._put(node)

    def _wants_key(self) -> bool:
        return bool(self.open) and isinstance(self.open[-1].node.value, dict) and not self.open[-1].key_seen

    def _put(self, node: Node) -> None:
        if not self.open:
            self.roots.append(node)
            return
        around = self.open[-1]
        if isinstance(around.node.value, list):
            around.node.value.append(node)
        elif not around.key_seen:
            self._put_key(around, node)
        elif isinstance(around.node.value, dict):
            if around.key is not None:
                around.node.value[around.key] = node
            around.key, around.key_seen = None, False

    def _put_key(self, around: _Open, node: Node) -> None:
        around.key_seen, around.key = True, None
        if isinstance(node.value, dict | list):
            return
        key = node.text
        if not key:
            self._problem_at(node.line, node.column, "an empty key", "a name as a key")
        elif key in around.node.keys:
            first = around.node.keys[key][0]
            found = f"the key '{key[:60]}' again in line {node.line}, after line {first}"
            self._problem_at(node.line, node.column, found, "each key once", key)
        else:
            around.key = key
            around.node.keys[key] = (node.line, node.column)

    def _count(self, event: Any, values: int) -> None:
        self.values += values
        if self.values > MOST_VALUES:
            self._stop(event, f"more than {MOST_VALUES} values, aliases followed", "a file of a size that people read")

    def _refuse_tag(self, event: Any) -> None:
        if event.tag is not None:
            self._problem(event, f"the tag {event.tag[:60]}", "no tags; put text in quotes")

    def _stop(self, event: Any, found: str, expected: str) -> None:
        self._problem(event, found, expected)
        raise SpecErrors(self.problems)

    def _problem(self, event: Any, found: str, expected: str) -> None:
        self._problem_at(event.start_mark.line + 1, event.start_mark.column + 1, found, expected)

    def _problem_at(self, line: int, column: int, found: str, expected: str, key: str | None = None) -> None:
        path: list[str | int] = []
        for around in self.open:
            value = around.node.value
            path += [len(value)] if isinstance(value, list) else [around.key] if around.key is not None else []
        path += [key] if key is not None else []
        self.problems.append(
            Problem(file=self.name, line=line, column=column, path=spelled(tuple(path)), found=found, expected=expected)
        )


def read_yaml(text: bytes, *, name: str, fast: bool = True) -> Document:
    """The tree of a YAML file whose top is a mapping.

    Raises SpecErrors for anything else: empty, not text, too large, too deep, too many references, duplicate or merge
    keys, tags, several documents. `fast` uses the C parser where PyYAML has it; the result is the same without.
    """
    import yaml

    decoded = decode(text, name=name)
    builder = _Builder(name=name)
    try:
        for event in _events(decoded, fast=fast):
            builder.take(event)
    except yaml.YAMLError as error:
        raise SpecErrors([*builder.problems, _not_yaml(error, name)]) from None
    if builder.problems:
        raise SpecErrors(builder.problems)
    root = builder.roots[0] if builder.roots else None
    if root is None or root.value is None:
        raise one_problem(file=name, found="an empty file", expected="keys with values")
    if not isinstance(root.value, dict):
        raise one_problem(
            file=name, line=root.line, column=root.column, found=root.shown(), expected="keys with values at the top"
        )
    return Document(name=name, root=root)


def decode(text: bytes, *, name: str) -> str:
    """The file as text. Raises SpecErrors where it is too large, not UTF-8, or holds control characters."""
    if len(text) > LARGEST_FILE:
        raise one_problem(file=name, found=f"{len(text)} bytes", expected=f"at most {LARGEST_FILE}")
    try:
        decoded = text.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line, column = _place(text[: error.start].decode("utf-8", "replace"))
        raise one_problem(
            file=name, line=line, column=column, found=f"the byte 0x{text[error.start]:02x}", expected="text in UTF-8"
        ) from None
    if bad := UNPRINTABLE.search(decoded):
        line, column = _place(decoded[: bad.start()])
        raise one_problem(
            file=name, line=line, column=column, found=f"the control character {ord(bad[0]):#04x}", expected="text"
        )
    return decoded


def _place(before: str) -> tuple[int, int]:
    return before.count("\n") + 1, len(before) - (before.rfind("\n") + 1) + 1


def _events(text: str, *, fast: bool) -> Iterator[Any]:
    import yaml

    loader: Any = getattr(yaml, "CBaseLoader", yaml.BaseLoader) if fast else yaml.BaseLoader
    return iter(yaml.parse(text, Loader=loader))


def _not_yaml(error: yaml.YAMLError, name: str) -> Problem:
    mark: Any = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    why = str(getattr(error, "problem", "") or "text that YAML does not allow")
    context = str(getattr(error, "context", "") or "")
    # A parser that has its own limit meets it before any value could be counted.
    too_deep = "increasing flow level" in context
    return Problem(
        file=name,
        line=mark.line + 1 if mark else 1,
        column=mark.column + 1 if mark else 1,
        path="",
        found=f"values nested more than {DEEPEST} deep"
        if too_deep
        else f"what is not YAML ({f'{context}: ' if context else ''}{why})"[:300],
        expected=f"at most {DEEPEST} levels" if too_deep else "YAML",
    )


def _depth(node: Node) -> int:
    level, deepest = [node], 0
    while level:
        level = [child for parent in level for _, child in parent.children()]
        deepest += bool(level)
    return deepest + isinstance(node.value, dict | list)


def _resolved(text: str) -> Scalar:
    if text in _NULL:
        return None
    if text in _BOOLEAN:
        return _BOOLEAN[text]
    if _INTEGER.fullmatch(text):
        return int(text)
    if _FLOAT.fullmatch(text):
        return float(text)
    if special := _NON_FINITE.fullmatch(text):
        return float("nan") if special[3] else float(f"{special[1]}inf")
    return text
