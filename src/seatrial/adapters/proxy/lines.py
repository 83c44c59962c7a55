"""Lines in a background thread, for callers that are not asynchronous."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Mapping
from contextlib import ExitStack
from types import TracebackType
from typing import Any, Final, Self, TypeAlias, TypeVar

from seatrial.adapters.background import Background
from seatrial.adapters.proxy.address import Address
from seatrial.adapters.proxy.line import PassingLine
from seatrial.adapters.proxy.link import FolderLink, Place
from seatrial.core.disturbing import LineCounts, LineMode
from seatrial.core.errors import Refused, Unreachable
from seatrial.core.schema_change import SchemaChange

T = TypeVar("T")
_ANSWER_S: Final = 10.0


AnyLine: TypeAlias = "PassingLine | FolderLink"
Ends: TypeAlias = "tuple[Address | Place, Address | Place]"
"""Where we listen and where it leads: two addresses, or two paths."""


def _line(name: str, listen: Address | Place, target: Address | Place) -> AnyLine:
    if isinstance(listen, Address) and isinstance(target, Address):
        return PassingLine(name, listen=listen, target=target)
    if isinstance(listen, Place) and isinstance(target, Place):
        return FolderLink(name, listen=listen, target=target)
    raise Refused(f"no line leads from {listen.text} to {target.text}")


def _any_port(listen: Address | Place) -> bool:
    """Whether any free port will do, so that nobody shares it."""
    return isinstance(listen, Address) and not listen.port


class Lines:
    """Named lines that pass until told otherwise. `wanted`: name to where we listen and where it leads.

    Names with the same ends have one line together.
    """

    def __init__(self, wanted: Mapping[str, Ends]) -> None:
        self._wanted = wanted
        self._lines: dict[str, AnyLine] = {}
        self._background = Background()

    def __enter__(self) -> Self:
        self._background.start()
        with ExitStack() as undone:
            undone.callback(self.close)
            started: dict[Ends, AnyLine] = {}
            for name, ends in self._wanted.items():
                if ends not in started or _any_port(ends[0]):
                    started[ends] = _line(name, *ends)
                    self.run(started[ends].start())
                self._lines[name] = started[ends]
            undone.pop_all()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Reset what is open and let go of the addresses."""
        if self._background.running:
            for line in self._lines.values():
                self.run(line.stop())
        self._background.close()

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """Where the lines live."""
        return self._background.loop

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Do it where the lines live, and wait for it. Raises Unreachable when it does not end."""
        try:
            return self._background.run(work, timeout_s=_ANSWER_S)
        except TimeoutError:
            raise Unreachable(f"a line did not answer within {_ANSWER_S:g} s") from None

    def named(self, name: str) -> AnyLine:
        """The line of that name. Raises Refused for one that is not declared."""
        if name not in self._lines:
            raise Refused(
                f"there is no line to {name!r}",
                remedy=f"Declare integrations.{name}.test.via, and lead the tested system through it.",
            )
        return self._lines[name]

    def line(self, name: str) -> LocalLine:
        """The line as a check holds it."""
        return LocalLine(self, self.named(name))


class LocalLine:
    """A line of this process."""

    def __init__(self, lines: Lines, line: AnyLine) -> None:
        self._lines = lines
        self._line = line

    def set(
        self, mode: LineMode, *, delay_s: float = 1.0, after_bytes: int = 1, change: SchemaChange | None = None
    ) -> None:
        """From now on."""
        self._lines.run(self._line.set(mode, delay_s=delay_s, after_bytes=after_bytes, change=change))

    def counts(self) -> LineCounts:
        """What went through so far."""
        return self._line.counts()
