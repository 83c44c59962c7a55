"""Additions and changes to a YAML text that leave everything else as it is, comments included."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from seatrial.core.errors import Malformed

_UNDECIDED = "TODO"


@dataclass(frozen=True, slots=True, kw_only=True)
class Addition:
    """`value` to put under `key` in the mapping at `path`, or with an empty `key` as an item of the list there.

    `value` is YAML on one line, in flow style. `comment` stands above it, or behind it where it replaces a `TODO`.
    Sections on the way that are absent are made.
    """

    path: tuple[str, ...]
    key: str
    value: str
    comment: str = ""
    same: tuple[str, str] | None = None
    """Key and value by which an item of the list is known to be there already."""


def added(text: str, addition: Addition) -> str | None:
    """The text with the addition; None where the key is there already, or what is there takes no addition.

    A section that says `TODO` alone is replaced by what is added. Raises Malformed for a text that is no YAML mapping.
    """
    node = _root(text)
    for place, part in enumerate(addition.path):
        found = _child(node, part)
        if found is None:
            return _put(text, node, *_nested(addition, addition.path[place:]))
        if _is_undecided(found):
            return _replaced(text, node, found, *_nested(addition, addition.path[place + 1 :], within=True))
        node = found
    if addition.key:
        there = _child(node, addition.key)
        return None if there is not None else _put(text, node, f"{addition.key}: {addition.value}", addition.comment)
    return _appended(text, node, addition)


def changed(text: str, path: Sequence[str], value: str) -> str | None:
    """The text with another scalar at `path`, everything else as it is; None where there is no scalar to change.

    >>> print(changed("a: {b: old, c: 1}   # why", ("a", "b"), "new"))
    a: {b: new, c: 1}   # why
    """
    node = _root(text)
    for part in path:
        node = _child(node, part)
        if node is None:
            return None
    if node.id != "scalar" or node.style in ("|", ">"):
        return None
    return text[: node.start_mark.index] + value + text[node.end_mark.index :]


def _root(text: str) -> Any:
    import yaml

    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.YAMLError as error:
        raise Malformed(
            f"the system file is no YAML: {str(error).splitlines()[0]}",
            remedy="Correct it; `seatrial validate` shows the line and column.",
        ) from None
    if not isinstance(node, yaml.MappingNode):
        raise Malformed(
            "the system file is no mapping",
            remedy="Begin it with `system:`, `version:` and `model:`; `seatrial validate` shows what it lacks.",
        )
    return node


def _child(node: Any, key: str) -> Any:
    if node.id != "mapping":
        return None
    return next((value for name, value in node.value if name.value == key), None)


def _is_undecided(node: Any) -> bool:
    return bool(node.id == "scalar" and str(node.value).partition(" ")[0] == _UNDECIDED)


def _nested(addition: Addition, path: Sequence[str], *, within: bool = False) -> tuple[str, str]:
    """The addition with the sections that lead to it, in flow style below the first."""
    inner = f"{{{addition.key}: {addition.value}}}" if addition.key else f"[{addition.value}]"
    for part in reversed(path[0 if within else 1 :]):
        inner = f"{{{part}: {inner}}}"
    return (inner if within else f"{path[0]}: {inner}"), addition.comment


def _put(text: str, node: Any, entry: str, comment: str) -> str | None:
    if node.id != "mapping":
        return None
    if node.flow_style:
        return _into_flow(text, node, entry)
    return _below(text, node, entry, comment)


def _appended(text: str, node: Any, addition: Addition) -> str | None:
    if node.id != "sequence":
        return None
    if addition.same is not None:
        key, value = addition.same
        if any((held := _child(item, key)) is not None and held.value == value for item in node.value):
            return None
    return (
        _into_flow(text, node, addition.value)
        if node.flow_style
        else _below(text, node, f"- {addition.value}", addition.comment)
    )


def _into_flow(text: str, node: Any, entry: str) -> str:
    last = node.end_mark.index - 1
    return f"{text[:last].rstrip()}{', ' if node.value else ''}{entry}{text[last:]}"


def _below(text: str, node: Any, entry: str, comment: str) -> str:
    end = _end(node, text)
    line_end = text.find("\n", end)
    line_end = len(text) if line_end < 0 else line_end
    indent = " " * node.start_mark.column
    above = f"\n{indent}# {comment}" if comment else ""
    return f"{text[:line_end]}{above}\n{indent}{entry}{text[line_end:]}"


def _replaced(text: str, parent: Any, node: Any, entry: str, comment: str) -> str:
    start, end = node.start_mark.index, node.end_mark.index
    if parent.flow_style:
        return text[:start] + entry + text[end:]
    line_end = text.find("\n", end)
    line_end = len(text) if line_end < 0 else line_end
    return text[:start] + _with(entry, comment) + text[line_end:]


def _with(entry: str, comment: str) -> str:
    return f"{entry}   # {comment}" if comment else entry


def _end(node: Any, text: str) -> int:
    """Where the last value within a block ends, without the comments and empty lines after it."""
    while node.id != "scalar" and not node.flow_style and node.value:
        node = node.value[-1][1] if node.id == "mapping" else node.value[-1]
    end: int = node.end_mark.index
    return len(text[:end].rstrip())
