"""A folder as an integration sees it, wherever it stands; and the one that stands on this machine."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Protocol, Self

from seatrial.core.errors import Malformed, Refused, SeatrialError, Unreachable


@dataclass(frozen=True, slots=True, order=True)
class Entry:
    """A file of a folder; entries sort by the time of their last change (in the folder's own unit), then by name."""

    changed: int
    name: str
    size: int


class Files(Protocol):
    """What stands within an opened folder. `place` is a folder within it; nothing outside is ever reached.

    Raises Unreachable, Refused for a missing permission, Malformed for a place outside.
    """

    def entries(self, place: str) -> list[Entry]:
        """The files there, hidden ones left out."""

    def open(self, place: str, name: str) -> AbstractContextManager[BinaryIO]:
        """The content of one, which can be read from anywhere."""

    def put(self, place: str, name: str, content: bytes) -> None:
        """A new file, complete at once."""

    def delete(self, place: str, name: str) -> None:
        """Take one away."""

    def version(self) -> str:
        """What the server says of itself; empty where there is none."""


class Folder(Protocol):
    """A folder that can be opened again and again; nothing is held in between."""

    def opened(self) -> AbstractContextManager[Files]:
        """Its files, while the context lasts."""


class LocalFolder:
    """A folder of this machine. `name` is the integration's, for its errors."""

    def __init__(self, folder: Path, *, name: str) -> None:
        self._folder = folder.resolve()
        self._name = name

    @contextmanager
    def opened(self) -> Iterator[Self]:
        """Itself: nothing is held."""
        yield self

    def entries(self, place: str) -> list[Entry]:
        """The files there, hidden ones left out."""
        try:
            with os.scandir(self._within(place)) as found:
                told = [(entry.stat(), entry.name) for entry in found if entry.is_file() and entry.name[0] != "."]
        except OSError as error:
            raise self._failed("its folder cannot be listed", error) from None
        return [Entry(stat.st_mtime_ns, name, stat.st_size) for stat, name in told]

    @contextmanager
    def open(self, place: str, name: str) -> Iterator[BinaryIO]:
        """The content of one."""
        try:
            with self._within(f"{place}/{name}").open("rb") as content:
                yield content
        except OSError as error:
            raise self._failed(f"{name} cannot be read", error) from None

    def put(self, place: str, name: str, content: bytes) -> None:
        """A new file, moved into place when it is complete."""
        folder = self._within(place)
        hidden = folder / f".{name}.part"
        try:
            hidden.write_bytes(content)
            hidden.replace(folder / name)
        except OSError as error:
            raise self._failed("nothing can be written there", error) from None

    def delete(self, place: str, name: str) -> None:
        """Take one away; that it is gone already is no error."""
        try:
            self._within(f"{place}/{name}").unlink(missing_ok=True)
        except OSError as error:
            raise self._failed(f"{name} cannot be deleted", error) from None

    def version(self) -> str:
        """Empty: a folder is served by nobody."""
        return ""

    def _within(self, name: str) -> Path:
        path = (self._folder / name).resolve()
        if not path.is_relative_to(self._folder):
            raise outside(self._name, name)
        return path

    def _failed(self, what: str, error: OSError) -> SeatrialError:
        kind = Refused if isinstance(error, PermissionError) else Unreachable
        return kind(
            f"integration {self._name!r}: {what}: {error.strerror}",
            remedy="See whether it exists and whether this user may read it (and write to it, where that is declared).",
        )


def outside(integration: str, name: str) -> Malformed:
    """The error for a place that is not within the declared folder."""
    return Malformed(
        f"integration {integration!r}: {name!r} lies outside its folder",
        remedy=f"Name something within the folder that integrations.{integration} declares in its url.",
    )
