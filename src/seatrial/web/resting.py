"""What a verdict rests on, as one key: it changes with anything but the time and what a probe would find."""

from __future__ import annotations

import hashlib
import time
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from uuid import uuid4

import seatrial
from seatrial.app.folder.called import called_files
from seatrial.app.folder.catalogue import checks
from seatrial.app.folder.ledgers import head_of, trust_files
from seatrial.app.folder.states import States, states
from seatrial.app.folder.workspace import CHECKPOINTS, ENVIRONMENT, TRUST, Workspace
from seatrial.core.vocabulary import GateName
from seatrial.evidence.entry import Checkpoint
from seatrial.spec.subject import referenced_files

_LOOKED_UP_S = 300.0
"""So long what the steps call is not looked up again."""


@dataclass(slots=True, kw_only=True)
class _RestsOn:
    """What a verdict on a workspace rests on: its files by path, and a digest over all that stands in no such file."""

    workspace: Workspace
    at: float
    files: tuple[str, ...]
    digest: str
    told: _Told | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Told:
    """A key, with how all files stood, those with whose signatures count too, and the head that it was made of."""

    files: tuple[str, ...]
    found: States
    head: Checkpoint | None
    key: str


_named: dict[tuple[Path, GateName], _RestsOn] = {}
"""System file and gate to what a verdict rests on, as it was looked up last."""


def key_of(workspace: Workspace) -> str:
    """Changes with anything that a verdict rests on, but for the time and what a probe would find."""
    known, head = _rests_on(workspace), head_of(workspace)
    told = known.told
    # A folder to which nothing was added, and from which nothing was taken, stands as it did, and is not listed again.
    if told is not None and told.head == head and told.found == states(told.files):
        return told.key
    keys = trust_files(workspace)
    files = (*known.files, *keys)
    found = states(files)
    if found is None or trust_files(workspace) != keys:
        # What was written just now may be written again without showing: such a key is like no other.
        known.told = None
        return uuid4().hex
    key = hashlib.sha256(repr((known.digest, str(head), found)).encode()).hexdigest()
    known.told = _Told(files=files, found=found, head=head, key=key)
    return key


def _rests_on(workspace: Workspace) -> _RestsOn:
    """What the steps call is looked up again after five minutes."""
    place = workspace.file, workspace.gate.name
    known = _named.get(place)
    if known is None or known.workspace is not workspace or time.monotonic() - known.at > _LOOKED_UP_S:
        outside = [path for name in (TRUST, CHECKPOINTS) if (path := workspace.environment.get(name))]
        called = [path for paths in called_files(workspace).values() for path in paths]
        named = (*referenced_files(workspace.system), *called, ENVIRONMENT, *outside)
        files = tuple(str(workspace.base / path) for path in named)
        around = sorted(workspace.environment.items())
        told = (product(), workspace.digest, workspace.gate.name.value, around, files)
        digest = hashlib.sha256(repr(told).encode()).hexdigest()
        known = _RestsOn(workspace=workspace, at=time.monotonic(), files=files, digest=digest)
        _named[place] = known
    return known


def look_up_soon(workspace: Workspace) -> None:
    """Have what the steps call looked up the next time that the key is asked for, where that is due soon."""
    place = workspace.file, workspace.gate.name
    known = _named.get(place)
    if known is not None and time.monotonic() - known.at > _LOOKED_UP_S / 2:
        _named.pop(place, None)


@cache
def product() -> str:
    """What decides: the product as it is installed here, and the checks that it has."""
    sources = sorted(str(path) for path in Path(seatrial.__file__).parent.rglob("*.py"))
    found = [(check.id, check.version) for check in checks()]
    return hashlib.sha256(repr((sources, states(sources) or uuid4().hex, found)).encode()).hexdigest()
