"""A system file together with everything that stands beside it: ledger, keys, artifacts, trust and clock."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from seatrial.app.folder.clock import SystemClock
from seatrial.core.errors import SeatrialError, Unreachable
from seatrial.core.ports import Clock
from seatrial.core.vocabulary import GateName
from seatrial.gate.gates import GATES, PRODUCTION, Gate
from seatrial.spec.loading import Loaded, load_system
from seatrial.spec.system import System

NAMES = ("seatrial.yaml", "seatrial.yml")
ENVIRONMENT = ".env"
LEDGER = "SEATRIAL_LEDGER"
"""The URL of the ledger, when it is not the file beside the system file."""
TRUST = "SEATRIAL_TRUST"
"""A trust root that was given from outside; without it the local keystore's word is taken: nothing is anchored."""
CHECKPOINTS = "SEATRIAL_CHECKPOINTS"
"""A file of checkpoints kept outside, one a line."""

_MOST_BYTES = 16 * 1024 * 1024
_MOST_KEPT = 512
_GATE_LIMITS = {gate.name: gate.limits for gate in GATES.values()}
_POLICY = re.compile(rb"\bpolicy\b\W*([^\s,}#]+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Workspace:
    """A declared system with its surroundings. `digest` is the SHA-256 of the system file and its policy file."""

    file: Path
    loaded: Loaded
    digest: str
    environment: Mapping[str, str]
    clock: Clock
    gate: Gate = PRODUCTION
    """The gate at which is decided, signed and put on record."""

    @property
    def system(self) -> System:
        """What the file declares."""
        return self.loaded.system

    @property
    def base(self) -> Path:
        """The folder of the system file, to which all its paths are relative."""
        return self.file.parent

    @property
    def folder(self) -> Path:
        """Where seatrial keeps what belongs to this system."""
        return self.base / ".seatrial"

    @property
    def ledger_url(self) -> str:
        """The database of the ledger."""
        from seatrial.evidence.ledger import beside

        return self.environment.get(LEDGER) or beside(self.file)

    @property
    def todos(self) -> tuple[str, ...]:
        """Paths of the decisions that the file leaves open."""
        return tuple(todo.path for todo in self.loaded.todos)


def find_system_file(start: Path) -> Path:
    """The system file that `start` names or, when it is a folder, holds. Raises Unreachable."""
    if start.is_dir():
        found = next((start / name for name in NAMES if (start / name).is_file()), None)
        if found is None:
            raise Unreachable(
                f"there is no {NAMES[0]} in {start}",
                remedy="Name the system file, or write one with `seatrial init`.",
            )
        return found
    return start


def open_workspace(
    path: Path,
    *,
    environment: Mapping[str, str] | None = None,
    clock: Clock | None = None,
    expected: str | None = None,
    gate: GateName = GateName.PRODUCTION_READINESS,
) -> Workspace:
    """The workspace of a system file, or of the folder that holds one; nothing is created yet.

    `expected` is the digest that the file must still have. Raises Unreachable, SpecErrors.
    """
    file = find_system_file(path)
    surroundings = _surroundings(file) if environment is None else environment
    text = _read(file, what="system file")
    policy = _policy_text(file, text)
    digest = hashlib.sha256(b"%d:%s%s" % (len(text), text, policy or b"")).hexdigest()
    if expected is not None and digest != expected:
        raise SeatrialError(
            f"{file.name} changed while the run was on its way",
            remedy="Leave the system file alone while checks run, then run again.",
        )
    loaded = _loaded(text, file.name, tuple(sorted(surroundings.items())), policy)
    return Workspace(
        file=file.resolve(),
        loaded=loaded,
        digest=digest,
        environment=surroundings,
        clock=clock or SystemClock(),
        gate=GATES[gate],
    )


def reread(workspace: Workspace, text: str) -> Loaded:
    """What the system file would declare with that text. Raises SpecErrors, Unreachable."""
    content = text.encode()
    return load_system(
        content,
        name=workspace.file.name,
        environment=workspace.environment,
        policy_text=_policy_text(workspace.file, content),
        leases=_catalogue_leases(content),
        gates=_GATE_LIMITS,
    )


@lru_cache(maxsize=_MOST_KEPT)
def _loaded(text: bytes, name: str, environment: tuple[tuple[str, str], ...], policy: bytes | None) -> Loaded:
    """What the text declares; the same text in the same surroundings is not worked through again."""
    return load_system(
        text,
        name=name,
        environment=dict(environment),
        policy_text=policy,
        leases=_catalogue_leases(text),
        gates=_GATE_LIMITS,
    )


def _surroundings(file: Path) -> dict[str, str]:
    """What `${NAME}` stands for: the environment and, for the rest, the `.env` file beside the system file."""
    beside = file.parent / ENVIRONMENT
    if not beside.is_file():
        return dict(os.environ)
    from seatrial.spec.environment import load_environment

    return {**load_environment(_read(beside, what="environment file"), name=ENVIRONMENT), **os.environ}


def _read(file: Path, *, what: str) -> bytes:
    try:
        with file.open("rb") as opened:
            text = opened.read(_MOST_BYTES + 1)
    except OSError as error:
        raise Unreachable(
            f"the {what} {file} cannot be read: {error.strerror or error}",
            remedy="Name an existing file, or write one with `seatrial init`.",
        ) from None
    if len(text) > _MOST_BYTES:
        raise SeatrialError(
            f"the {what} {file} is larger than {_MOST_BYTES // 1024**2} MiB",
            remedy="Name the file itself, not data; what belongs elsewhere is referred to from it.",
        )
    return text


def _policy_text(file: Path, text: bytes) -> bytes | None:
    """The policy file's text, where the system file names one; what is wrong with the name, loading tells."""
    if all(named.strip(b"\"'") in (b"default", b"short-demo") for named in _POLICY.findall(text)):
        return None
    policy = _policy_named(text)
    if policy is None or not (file.parent / policy).is_file():
        return None
    return _read(file.parent / policy, what="policy file")


@lru_cache(maxsize=_MOST_KEPT)
def _policy_named(text: bytes) -> str | None:
    from seatrial.spec.problem import SpecErrors
    from seatrial.spec.reading import read_yaml

    try:
        node = read_yaml(text, name=NAMES[0]).node(("governance", "policy"))
    except SpecErrors:
        return None
    if node is None or not isinstance(node.value, str) or node.value in ("default", "short-demo", "TODO"):
        return None
    return node.value


def _catalogue_leases(text: bytes) -> Mapping[str, float] | None:
    if b"policy" not in text:
        return None
    from seatrial.gate.catalogue import EVERY

    return {row.id: row.lease_days * 86_400 for row in EVERY}
