"""What is wrong with a file that people wrote: every problem at once, with its place and what was expected there."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass, field

from seatrial.core.errors import SeatrialError

_SHOWN = 50
_COMPARED = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One thing to mend. Line and column count from 1; `path` is such as `flows[0].within`, empty for the whole file.

    `found` never holds a secret: a value that came from the environment is shown as it was written.
    """

    file: str
    line: int
    column: int
    path: str
    found: str
    expected: str
    candidates: tuple[str, ...] = field(default=(), repr=False, compare=False)
    word: str = field(default="", repr=False, compare=False)

    @property
    def suggestion(self) -> str:
        """The candidate that was probably meant, or nothing."""
        near = difflib.get_close_matches(self.word[:80], self.candidates[:_COMPARED], n=1, cutoff=0.6)
        return near[0] if near else ""

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}:{self.column}:" + (f" {self.path}:" if self.path else "")
        meant = f" Did you mean '{self.suggestion}'?" if self.suggestion else ""
        return f"{where} found {self.found}, expected {self.expected}.{meant}"


class SpecErrors(SeatrialError):
    """A file cannot be used; `problems` holds everything that is wrong with it, in the order of the file."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(sorted(problems, key=lambda p: (p.file, p.line, p.column, p.path)))
        files = ", ".join(sorted({p.file for p in self.problems}))
        count = len(self.problems)
        heading = f"{files}: {count} problem{'s' if count != 1 else ''}"
        lines = [heading, *(str(p) for p in self.problems[:_SHOWN])]
        if count > _SHOWN:
            lines.append(f"… and {count - _SHOWN} more")
        super().__init__("\n".join(lines), remedy="Mend these and validate again: nothing was run.")


def one_problem(*, file: str, found: str, expected: str, line: int = 1, column: int = 1, path: str = "") -> SpecErrors:
    """The error for a file that one problem makes unreadable."""
    return SpecErrors([Problem(file=file, line=line, column=column, path=path, found=found, expected=expected)])
