"""The files of a model, looked at without loading any: what they are, and whether loading them runs code.

A pickled file is a program: whoever can write it can run anything, as whoever loads it.
"""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from seatrial.core.errors import Malformed, Unreachable
from seatrial.core.ports import ModelFile

_CHUNK: Final = 1 << 20
_MOST_FILES: Final = 10_000
_PICKLED: Final = frozenset({".pkl", ".pickle", ".joblib", ".dill", ".cloudpickle", ".pt", ".pth", ".ckpt"})
_KERAS: Final = frozenset({".h5", ".keras"})
_LONGEST_HEAD: Final = 2


def files_of(folder: Path) -> list[ModelFile]:
    """Every file under a folder, sorted by path. Raises Unreachable, or Malformed for links out of it."""
    found = list(_walk(folder))
    if not found:
        raise Malformed(f"{folder.name} holds no files", remedy="Name the folder of a saved model.")
    if len(found) > _MOST_FILES:
        raise Malformed(f"{folder.name} holds more than {_MOST_FILES} files", remedy="Name the model's folder alone.")
    return [examined(path, path.relative_to(folder).as_posix()) for path in sorted(found)]


def _walk(folder: Path) -> Iterator[Path]:
    root = folder.resolve()
    for path in folder.rglob("*"):
        if not path.resolve().is_relative_to(root):
            raise Malformed(f"{path.name} leads out of the model's folder", remedy="Keep the model's files together.")
        if path.is_file():
            yield path


def examined(path: Path, name: str) -> ModelFile:
    """One file: its digest, and how loading it would run code. Raises Unreachable."""
    digest = hashlib.sha256()
    try:
        with path.open("rb") as opened:
            head = opened.read(_CHUNK)
            digest.update(head)
            while chunk := opened.read(_CHUNK):
                digest.update(chunk)
    except OSError as error:
        raise Unreachable(f"{name} cannot be read: {error.strerror or error}") from None
    return ModelFile(path=name, sha256=digest.hexdigest(), runs_code=_runs_code(path, head))


def _runs_code(path: Path, head: bytes) -> str:
    suffix = path.suffix.lower()
    if _is_pickle(head):
        return "pickled"
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            if any(Path(member).suffix in _PICKLED for member in archive.namelist()):
                return "pickled, inside an archive"
    if suffix in _PICKLED:
        return "named as a pickled file"
    if suffix in _KERAS:
        return "a Keras file, which may hold code"
    return "Python code" if suffix == ".py" else ""


def _is_pickle(head: bytes) -> bool:
    """Protocols 2 to 5 begin with their number; compressed joblib files hide it, and are known by their name."""
    return len(head) >= _LONGEST_HEAD and head[0] == 0x80 and 2 <= head[1] <= 5
