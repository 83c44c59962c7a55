"""The `.env` file beside a system file: where `${NAME}` comes from when the environment itself does not say."""

from __future__ import annotations

import re

from seatrial.spec.problem import Problem, SpecErrors
from seatrial.spec.reading import decode

_LINE = re.compile(r"(?:export\s+)?(?P<name>[A-Za-z_][A-Za-z0-9_]*)\s*=\s*(?P<value>.*?)\s*")
_QUOTES = "\"'"


def load_environment(text: bytes, *, name: str) -> dict[str, str]:
    """Name to value of `NAME=value` lines; quotes around a value are taken off, comments and empty lines passed over.

    Raises SpecErrors with every line that is something else.
    """
    found: dict[str, str] = {}
    problems = []
    for number, line in enumerate(decode(text, name=name).splitlines(), start=1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        match = _LINE.fullmatch(line.strip())
        if match is None:
            found_there = "a line of another form"
            problems.append(
                Problem(file=name, line=number, column=1, path="", found=found_there, expected="NAME=value")
            )
            continue
        value = match["value"]
        quoted = len(value) > 1 and value[0] == value[-1] and value[0] in _QUOTES
        found[match["name"]] = value[1:-1] if quoted else value
    if problems:
        raise SpecErrors(problems)
    return found
