"""The files that a system file names, read from the folder in which it stands."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from seatrial.core.errors import SeatrialError, Unreachable

_CHUNK = 1024 * 1024
_MOST_BYTES = 64 * 1024 * 1024


class Changed(SeatrialError):
    """A file is not the one any more that this run is about."""


class LocalFiles:
    """Fulfils the Files port. `expected` maps paths to the digests that this run is about: another content is refused.

    `read` takes files of up to 64 MiB, since it is for documents; data files are tables.
    """

    def __init__(self, base: Path, expected: Mapping[str, str] | None = None) -> None:
        self._base = base
        self._expected = expected or {}

    def read(self, path: str) -> bytes:
        """The content. Raises Unreachable when there is none, Changed when it is another than expected."""
        name = path.partition("#")[0]
        try:
            with (self._base / name).open("rb") as file:
                content = file.read(_MOST_BYTES + 1)
        except OSError as error:
            raise _missing(name, error) from None
        if len(content) > _MOST_BYTES:
            raise SeatrialError(
                f"{name} is larger than {_MOST_BYTES // 1024**2} MiB, which no document is",
                remedy="Name the document itself; data files belong under data, with their source.",
            )
        self._check(name, hashlib.sha256(content).hexdigest())
        return content

    def digest(self, path: str) -> str:
        """SHA-256 as hex, read in chunks. Raises Unreachable when there is no such file, Changed like `read`."""
        name = path.partition("#")[0]
        found = hashlib.sha256()
        try:
            with (self._base / name).open("rb") as file:
                while chunk := file.read(_CHUNK):
                    found.update(chunk)
        except OSError as error:
            raise _missing(name, error) from None
        self._check(name, found.hexdigest())
        return found.hexdigest()

    def _check(self, name: str, digest: str) -> None:
        if self._expected.get(name, digest) != digest:
            raise Changed(
                f"{name} changed while the run was on its way",
                remedy="Leave the declared files alone while checks run, then run again.",
            )


def _missing(name: str, error: OSError) -> Unreachable:
    return Unreachable(
        f"{name} cannot be read: {error.strerror or error}",
        remedy="Put the file where the system file says, relative to the system file, or correct the path.",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Digests:
    """The digests of files, and what the file system said of them then, so that a change is seen without reading.

    `called` names by procedure those that its commands call.
    """

    digests: Mapping[str, str]
    stamps: Mapping[str, tuple[int, ...] | None]
    called: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


def digest_all(base: Path, paths: Iterable[str]) -> Digests:
    """Digests of those files that can be read; the others are left out."""
    files = LocalFiles(base)
    digests = {}
    stamps = {}
    for path in paths:
        stamps[path] = stamp(base / path)
        try:
            digests[path] = files.digest(path)
        except Unreachable:
            continue
    return Digests(digests=digests, stamps=stamps)


def stamp(path: Path) -> tuple[int, ...] | None:
    """What tells a changed file or a link that was turned; None for no file.

    The time of modification can be set back by anybody; that of the status change cannot.
    """
    try:
        found, named = path.stat(), path.lstat()
    except OSError:
        return None
    return (found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns, named.st_ino, named.st_ctime_ns)
