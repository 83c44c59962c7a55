"""What is too personal or too large for the ledger, as files named by their content: erasable, and never replaced.

- `ArtifactFolder(folder)` fulfils the Artifacts port; beside a ledger the folder is `.seatrial/artifacts`.
- `.erase(digest)` leaves a tombstone; the ERASURE record that says why belongs into the ledger.
- `.status(digest)` tells whether it is kept, erased, missing or altered.
"""

from __future__ import annotations

import json
import os
import re
import secrets
from collections.abc import Iterator
from contextlib import suppress
from enum import StrEnum
from pathlib import Path

from seatrial.core.errors import Malformed, Unreachable
from seatrial.evidence.envelope import sha256

_DIGEST = re.compile(r"[0-9a-f]{64}")


class ArtifactStatus(StrEnum):
    """What became of an artifact."""

    KEPT = "kept"
    ERASED = "erased"
    MISSING = "missing"
    ALTERED = "altered"


class ArtifactFolder:
    """Artifacts in a folder: `ab/cdef…` holds the content, `ab/cdef….json` its media type, or that it was erased.

    Only their owner can read them. Raises Unreachable where the folder cannot be read or written.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def put(self, content: bytes, *, media_type: str) -> str:
        """Keep it, durably; its SHA-256 as hex. What was erased once comes back only when it is put again."""
        digest = sha256(content)
        path = self._path(digest)
        if self.status(digest) is not ArtifactStatus.KEPT:
            _write(path, content)
            _write(_note(path), json.dumps({"media_type": media_type, "bytes": len(content)}).encode())
        return digest

    def get(self, digest: str) -> bytes | None:
        """The content, or None when it was erased or never kept. Raises Malformed when it was altered."""
        content = self._read(self._path(digest))
        if content is not None and sha256(content) != digest:
            raise Malformed(
                f"artifact {digest} does not have the content that it is named by",
                remedy="restore it from a copy, or erase it and record the erasure",
            )
        return content

    def media_type(self, digest: str) -> str | None:
        """The media type with which it was kept, or None when it was erased or never kept."""
        note = self._noted(digest)
        return str(note["media_type"]) if "media_type" in note else None

    def contents(self) -> Iterator[tuple[str, int]]:
        """The digest and the size in bytes of each content that is there, whether as it was or altered."""
        try:
            for path in sorted(self._folder.glob("??/*")):
                digest = path.parent.name + path.name
                if _DIGEST.fullmatch(digest):
                    yield digest, path.stat().st_size
        except OSError as error:
            raise Unreachable(f"the artifacts {self._folder} cannot be read: {error.strerror}") from None

    def erase(self, digest: str) -> bool:
        """Remove the content and leave a tombstone; False when there was nothing to erase."""
        path = self._path(digest)
        if self.status(digest) in (ArtifactStatus.MISSING, ArtifactStatus.ERASED):
            return False
        # The tombstone first: a crash in between leaves an erasure to be repeated, never an unexplained hole.
        _write(_note(path), json.dumps({"erased": True}).encode())
        try:
            path.unlink(missing_ok=True)
            _sync_folder(path.parent)
        except OSError as error:
            raise Unreachable(f"artifact {digest} cannot be erased: {error.strerror}") from None
        return True

    def status(self, digest: str) -> ArtifactStatus:
        """Whether it is kept as it was, erased, missing without a tombstone, or altered."""
        content = self._read(self._path(digest))
        if content is None:
            return ArtifactStatus.ERASED if self._noted(digest).get("erased") is True else ArtifactStatus.MISSING
        return ArtifactStatus.KEPT if sha256(content) == digest else ArtifactStatus.ALTERED

    def _path(self, digest: str) -> Path:
        if not _DIGEST.fullmatch(digest):
            raise Malformed(f"not a SHA-256 digest in hex: {digest[:80]!r}")
        return self._folder / digest[:2] / digest[2:]

    def _noted(self, digest: str) -> dict[str, object]:
        content = self._read(_note(self._path(digest)))
        try:
            note = json.loads(content or b"{}")
        except ValueError:
            return {}
        return note if isinstance(note, dict) else {}

    def _read(self, path: Path) -> bytes | None:
        try:
            return path.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise Unreachable(f"the artifact {path} cannot be read: {error.strerror}") from None


def _note(path: Path) -> Path:
    return path.with_name(f"{path.name}.json")


def _write(path: Path, content: bytes) -> None:
    """All or nothing, and on the disk when it returns."""
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        try:
            descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            draft.replace(path)
        finally:
            with suppress(OSError):
                draft.unlink(missing_ok=True)
        _sync_folder(path.parent)
    except OSError as error:
        raise Unreachable(
            f"the artifact {path} cannot be written: {error.strerror}", remedy="free space, or give the right to write"
        ) from None


def _sync_folder(folder: Path) -> None:
    if os.name != "posix":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
