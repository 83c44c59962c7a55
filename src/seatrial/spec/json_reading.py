"""Reading JSON that strangers wrote into the same tree, under the same limits, as YAML."""

from __future__ import annotations

import re
from bisect import bisect_right
from json import JSONDecodeError, JSONDecoder
from typing import NoReturn

from seatrial.spec.problem import Problem, SpecErrors, one_problem
from seatrial.spec.reading import DEEPEST, LONGEST_VALUE, MOST_VALUES, UNPRINTABLE, decode
from seatrial.spec.tree import Document, Node, Scalar

_SPACE = re.compile(r"[ \t\n\r]*")
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]{0,299})(\.[0-9]+)?([eE][-+]?[0-9]+)?")
_STRING = JSONDecoder()
_WORDS: dict[str, Scalar] = {"true": True, "false": False, "null": None}


def read_json(text: bytes, *, name: str) -> Document:
    """The tree of a JSON file whose top is an object. Raises SpecErrors for anything else, duplicate keys included."""
    reader = _Reader(decode(text, name=name), name)
    root = reader.value(0)
    reader.skip()
    if reader.at != len(reader.text):
        reader.stop("text after the end", "nothing more")
    if reader.problems:
        raise SpecErrors(reader.problems)
    if not isinstance(root.value, dict):
        raise one_problem(file=name, line=root.line, column=root.column, found=root.shown(), expected="an object {…}")
    return Document(name=name, root=root)


class _Reader:
    def __init__(self, text: str, name: str) -> None:
        self.text = text
        self.name = name
        self.at = 0
        self.values = 0
        self.problems: list[Problem] = []
        self.starts = [0, *(m.end() for m in re.finditer("\n", text))]

    def place(self) -> tuple[int, int]:
        line = bisect_right(self.starts, self.at)
        return line, self.at - self.starts[line - 1] + 1

    def skip(self) -> str:
        match = _SPACE.match(self.text, self.at)
        self.at = match.end() if match else self.at
        return self.text[self.at : self.at + 1]

    def stop(self, found: str, expected: str) -> NoReturn:
        line, column = self.place()
        raise SpecErrors(
            [
                *self.problems,
                Problem(file=self.name, line=line, column=column, path="", found=found, expected=expected),
            ]
        )

    def value(self, depth: int) -> Node:
        first = self.skip()
        line, column = self.place()
        self.values += 1
        if self.values > MOST_VALUES:
            self.stop(f"more than {MOST_VALUES} values", "a file of a size that people read")
        if depth > DEEPEST:
            self.stop(f"values nested more than {DEEPEST} deep", f"at most {DEEPEST} levels")
        if first == "{":
            node = Node(line=line, column=column, value={})
            self.items(node, depth, "}")
            return node
        if first == "[":
            node = Node(line=line, column=column, value=[])
            self.items(node, depth, "]")
            return node
        value, written = self.scalar(first)
        return Node(line=line, column=column, value=value, text=written)

    def items(self, node: Node, depth: int, end: str) -> None:
        self.at += 1
        if self.skip() == end:
            self.at += 1
            return
        while True:
            if isinstance(node.value, dict):
                self.item(node, node.value, depth)
            elif isinstance(node.value, list):
                node.value.append(self.value(depth + 1))
            following = self.skip()
            if following not in (",", end) or not following:
                self.stop(self.here(), f"',' or '{end}'")
            self.at += 1
            if following == end:
                return

    def item(self, node: Node, value: dict[str, Node], depth: int) -> None:
        if self.skip() != '"':
            self.stop(self.here(), "a key in double quotes")
        place = self.place()
        key = self.string()
        if key in node.keys:
            found = f"the key '{key[:60]}' again in line {place[0]}, after line {node.keys[key][0]}"
            self.problems.append(
                Problem(file=self.name, line=place[0], column=place[1], path=key, found=found, expected="each key once")
            )
        if self.skip() != ":":
            self.stop(self.here(), "':' after a key")
        self.at += 1
        inner = self.value(depth + 1)
        if key not in node.keys:
            node.keys[key] = place
            value[key] = inner

    def scalar(self, first: str) -> tuple[Scalar, str]:
        if first == '"':
            text = self.string()
            return text, text
        for word, value in _WORDS.items():
            if self.text.startswith(word, self.at):
                self.at += len(word)
                return value, word
        match = _NUMBER.match(self.text, self.at)
        if match is None:
            self.stop(self.here(), "a JSON value")
        self.at = match.end()
        return (float(match[0]) if match[1] or match[2] else int(match[0])), match[0]

    def string(self) -> str:
        try:
            text, end = _STRING.raw_decode(self.text, self.at)
        except JSONDecodeError as error:
            self.at = min(error.pos, len(self.text))
            self.stop("a text that does not end or is not escaped", "a text in double quotes on one line")
        if bad := UNPRINTABLE.search(text):
            self.stop(f"the control character {ord(bad[0]):#04x} in a text", "text")
        if len(text) > LONGEST_VALUE:
            self.stop(f"a value of {len(text)} characters", f"at most {LONGEST_VALUE}")
        self.at = end
        return str(text)

    def here(self) -> str:
        return f"'{self.text[self.at]}'" if self.at < len(self.text) else "the end of the file"
