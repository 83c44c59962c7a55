"""Values that the environment fills in, and values that nobody has decided yet."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

from seatrial.spec.problem import Problem
from seatrial.spec.public import names_server, passwords
from seatrial.spec.reading import LONGEST_VALUE, UNPRINTABLE
from seatrial.spec.tree import Document, Node, TreePath, spelled

_REFERENCE = re.compile(r"\$\$\{|\$\{([A-Za-z_][A-Za-z0-9_]*)\}|\$\{")
_TODO = re.compile(r"TODO(?:$|[\s:])")


@dataclass(frozen=True, slots=True)
class Todo:
    """A place in the file that waits for a decision."""

    path: str
    line: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """A document with its environment filled in and its `TODO`s set aside, and what was met on the way."""

    document: Document
    todos: tuple[Todo, ...]
    secrets: tuple[str, ...]
    problems: tuple[Problem, ...]


def settle(document: Document, environment: Mapping[str, str]) -> Settled:
    """`${NAME}` becomes the value of NAME (`$${` stays `${`), and a value that begins with `TODO` becomes absent.

    A name that is not set, and a `${` that opens no name, are problems.
    """
    walk = _Walk(document, environment)
    root = walk.settled(document.root, ())
    todos = sorted((Todo(spelled(path), line) for path, line in walk.todos.items()), key=lambda t: (t.line, t.path))
    return Settled(
        document=replace(document, root=root, absent=frozenset(walk.todos)),
        todos=tuple(todos),
        secrets=tuple(sorted(walk.secrets, key=lambda s: (-len(s), s))),
        problems=tuple(walk.problems),
    )


class _Walk:
    def __init__(self, document: Document, environment: Mapping[str, str]) -> None:
        self.document = document
        self.environment = environment
        self.todos: dict[TreePath, int] = {}
        self.secrets: set[str] = set()
        self.problems: list[Problem] = []

    def settled(self, node: Node, path: TreePath) -> Node:
        if isinstance(node.value, dict):
            return replace(node, value={k: self.settled(v, (*path, k)) for k, v in node.value.items()})
        if isinstance(node.value, list):
            return replace(node, value=[self.settled(v, (*path, i)) for i, v in enumerate(node.value)])
        if not isinstance(node.value, str):
            return node
        if _TODO.match(node.value):
            self.todos[path] = self.document.key_place(path)[0]
            return node
        filled = self._filled(node.value, path) if "${" in node.value else node.value
        self.secrets.update(passwords(filled))
        return replace(node, value=filled)

    def _filled(self, text: str, path: TreePath) -> str:
        filled, at = "", 0
        given: list[tuple[int, int]] = []
        for match in _REFERENCE.finditer(text):
            value = self._value(match, path)
            filled += text[at : match.start()]
            at = match.end()
            if match[1] is not None:
                given.append((len(filled), len(filled) + len(value)))
            filled += value
            if len(filled) > 2 * LONGEST_VALUE:
                break
        filled += text[at:]
        self.secrets.update(filled[start:end] for start, end in given if not names_server(filled, start, end))
        self.secrets.discard("")
        if sum(end - start for start, end in given) > LONGEST_VALUE or UNPRINTABLE.search(filled):
            self._complain(path, "a value of the environment that is no text", f"at most {LONGEST_VALUE} characters")
            return ""
        return filled

    def _value(self, match: re.Match[str], path: TreePath) -> str:
        """What stands for that reference; nothing where it is a problem."""
        if match[0] == "$${":
            return "${"
        if match[1] is None:
            self._complain(path, "a '${' that opens no name", "${NAME} from the environment, or $${ for a plain ${")
            return ""
        value = self.environment.get(match[1])
        if value is None:
            self._complain(path, f"${{{match[1]}}}, which is not set", f"{match[1]} in the environment")
            return ""
        self.secrets.update(passwords(value))
        return value

    def _complain(self, path: TreePath, found: str, expected: str) -> None:
        self.problems.append(self.document.problem(path, found=found, expected=expected))
