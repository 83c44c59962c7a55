"""A read file as a tree that remembers where everything stood."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace
from typing import TypeAlias

from seatrial.spec.problem import Problem
from seatrial.spec.public import public

Scalar: TypeAlias = "str | int | float | bool | None"
TreePath: TypeAlias = "tuple[str | int, ...]"
_LONGEST_SHOWN = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """A value and its place. `text` is a scalar as it was written, before the environment filled it in."""

    line: int
    column: int
    value: Scalar | dict[str, Node] | list[Node]
    keys: dict[str, tuple[int, int]] = field(default_factory=dict)
    """Where each key of a mapping stands."""
    text: str = ""

    def children(self) -> Iterator[tuple[str | int, Node]]:
        """Key or index with its value; nothing for a scalar."""
        if isinstance(self.value, dict):
            yield from self.value.items()
        elif isinstance(self.value, list):
            yield from enumerate(self.value)

    def child(self, part: str | int) -> Node | None:
        """The value under this key or index, or nothing."""
        if isinstance(self.value, dict):
            return self.value.get(part) if isinstance(part, str) else None
        if isinstance(self.value, list) and isinstance(part, int) and part < len(self.value):
            return self.value[part]
        return None

    def shown(self) -> str:
        """What stands here, for a message: short, and without credentials."""
        if isinstance(self.value, dict):
            return "keys with values" if self.value else "an empty mapping"
        if isinstance(self.value, list):
            return "a list"
        if self.value is None:
            return "nothing"
        text = public(self.text)
        cut = text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}…"
        return f"'{cut}'" if cut else "an empty text"


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """A file as a tree. What is `absent` stands in the file but does not count: it is not decided yet."""

    name: str
    root: Node
    absent: AbstractSet[TreePath] = frozenset()
    _counted: dict[TreePath, list[int]] = field(init=False, repr=False, compare=False, default_factory=dict)
    """For each list with absent items: the index in the file of each item that counts."""

    def __post_init__(self) -> None:
        thinned = {path[:-1] for path in self.absent if path and isinstance(path[-1], int)}
        for path in thinned:
            counted = [key for key, _ in self._children(path) if (*path, key) not in self.absent]
            self._counted[path] = [key for key in counted if isinstance(key, int)]

    def _children(self, path: TreePath) -> Iterator[tuple[str | int, Node]]:
        node = self.node(path)
        return node.children() if node is not None else iter(())

    def without(self, paths: AbstractSet[TreePath]) -> Document:
        """The same document where these do not count either."""
        return replace(self, absent=self.absent | paths)

    def plain(self) -> object:
        """Plain data without positions and without what is absent."""
        return self._plain(self.root, ())

    def _plain(self, node: Node, path: TreePath) -> object:
        if isinstance(node.value, dict):
            return {k: self._plain(v, (*path, k)) for k, v in node.value.items() if (*path, k) not in self.absent}
        if isinstance(node.value, list):
            return [self._plain(v, (*path, i)) for i, v in enumerate(node.value) if (*path, i) not in self.absent]
        return node.value

    def path_of(self, location: Sequence[str | int]) -> TreePath:
        """The path in the file of a location in the plain data: what the data leaves out is counted again.

        Parts of the location that name no value (the branch of a union) are skipped, a last missing key is kept.
        """
        node = self.root
        path: TreePath = ()
        for position, part in enumerate(location):
            if isinstance(node.value, list) and isinstance(part, int):
                index = self._counted[path][part] if path in self._counted else part
                path, node = (*path, index), node.value[index]
            elif isinstance(node.value, dict) and isinstance(part, str) and part in node.value:
                path, node = (*path, part), node.value[part]
            elif isinstance(node.value, dict) and isinstance(part, str) and position == len(location) - 1:
                return (*path, part)
        return path

    def node(self, path: TreePath) -> Node | None:
        """What stands at this path, or nothing."""
        node = self.root
        for part in path:
            inner = node.child(part)
            if inner is None:
                return None
            node = inner
        return node

    def present(self, path: TreePath) -> bool:
        """True when something stands there and counts."""
        return self.node(path) is not None and not any(path[: n + 1] in self.absent for n in range(len(path)))

    def place(self, path: TreePath) -> tuple[int, int]:
        """Line and column of the value at this path, or of the nearest thing around it."""
        for length in range(len(path), -1, -1):
            node = self.node(path[:length])
            if node is not None and length == len(path):
                return node.line, node.column
            if node is not None:
                return self.key_place(path[:length])
        return 1, 1

    def key_place(self, path: TreePath) -> tuple[int, int]:
        """Line and column of the key at this path (of the value, where it is an item of a list)."""
        parent = self.node(path[:-1]) if path else None
        if parent is not None and isinstance(path[-1], str) and path[-1] in parent.keys:
            return parent.keys[path[-1]]
        node = self.node(path)
        return (node.line, node.column) if node is not None else (1, 1)

    def match(self, *pattern: str) -> Iterator[tuple[TreePath, Node]]:
        """Every value that counts and whose path fits the pattern, `*` standing for any key or index."""
        found: list[tuple[TreePath, Node]] = [((), self.root)]
        for part in pattern:
            found = [
                ((*path, key), child)
                for path, node in found
                for key, child in node.children()
                if part in ("*", key) and (*path, key) not in self.absent
            ]
        yield from found

    def lines(self) -> Mapping[str, int]:
        """The line of everything in the file, by its path as people read it."""
        found: dict[str, int] = {}
        waiting: list[tuple[TreePath, Node]] = [((), self.root)]
        while waiting:
            path, node = waiting.pop()
            for key, child in node.children():
                inner = (*path, key)
                found[spelled(inner)] = self.key_place(inner)[0] if len(inner) == 1 else _line(node, key, child)
                waiting.append((inner, child))
        return found

    def problem(
        self,
        path: TreePath,
        *,
        expected: str,
        found: str | None = None,
        at_key: bool = False,
        word: str = "",
        candidates: Sequence[str] = (),
    ) -> Problem:
        """A problem with what stands at this path."""
        line, column = self.key_place(path) if at_key else self.place(path)
        node = self.node(path)
        return Problem(
            file=self.name,
            line=line,
            column=column,
            path=spelled(path),
            found=found if found is not None else (node.shown() if node is not None else "nothing"),
            expected=expected,
            word=word,
            candidates=tuple(candidates),
        )


def _line(parent: Node, key: str | int, child: Node) -> int:
    return parent.keys[key][0] if isinstance(key, str) and key in parent.keys else child.line


def spelled(path: TreePath) -> str:
    """A path as people read it: `flows[0].within`."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else (f".{part}" if text else part)
    return text
