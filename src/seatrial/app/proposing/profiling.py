"""`seatrial profile`: look at every declared source, and propose what its contract, freshness and faults may be."""

from __future__ import annotations

import difflib
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from difflib import get_close_matches
from pathlib import Path

from seatrial.app.folder.outside import Outside
from seatrial.app.folder.workspace import Workspace
from seatrial.app.folder.yaml_edit import Addition, added
from seatrial.app.proposing.profile_proposals import Proposals, proposals
from seatrial.app.proposing.source_profile import SourceProfile, profiled
from seatrial.app.proposing.source_records import MOST_RECORDS, of_integration, of_table
from seatrial.core.errors import Malformed, SeatrialError, Unreachable
from seatrial.spec.loading import load_system

_DATA = ("training", "evaluation", "live")


@dataclass(frozen=True, slots=True, kw_only=True)
class Profiled:
    """What was seen, and the `patch` (a unified diff) that would bring the proposals into the system file.

    `text` is the file with them, `files` the contracts beside it, `left` what had no place in the file as it is.
    """

    file: Path
    at: datetime
    sources: tuple[SourceProfile, ...]
    files: dict[str, str]
    text: str
    patch: str
    left: tuple[Addition, ...]


def profile_sources(workspace: Workspace, names: Sequence[str], *, say: Callable[[str], None]) -> Profiled:
    """Look at the named sources, or at all. Nothing is written; a source that does not answer says so in its profile.

    Raises Malformed for a name that is not declared, and where nothing is declared to look at.
    """
    system, now = workspace.system, workspace.clock.now()
    data = [name for name in _DATA if getattr(system.data, name) is not None]
    known = [*system.integrations, *(f"data.{name}" for name in data)]
    for name in names:
        if name not in known:
            near = get_close_matches(name, known, n=3, cutoff=0.5)
            remedy = f"Did you mean {', '.join(near)}?" if near else f"There are {', '.join(known) or 'none'}."
            raise Malformed(f"no source {name!r} is declared", remedy=remedy)
    if not known:
        raise Malformed("no source is declared", remedy="Declare integrations, or data.training, evaluation and live.")
    sources = []
    with Outside(workspace) as outside:
        for name in names or known:
            say(f"looking at {name}")
            sources.append(_looked(workspace, outside, name))
    found = proposals(system, sources)
    before = workspace.file.read_text(encoding="utf-8")
    text, left = _with(before, found)
    _refuse_other_meaning(workspace, text)
    diff = difflib.unified_diff(
        before.splitlines(keepends=True),
        text.splitlines(keepends=True),
        workspace.file.name,
        f"{workspace.file.name} with the proposals",
        n=1,
    )
    files = {path: content for path, content in found.files.items() if not (workspace.base / path).exists()}
    return Profiled(
        file=workspace.file, at=now, sources=tuple(sources), files=files, text=text, patch="".join(diff), left=left
    )


def _looked(workspace: Workspace, outside: Outside, name: str) -> SourceProfile:
    section = workspace.system.integrations.get(name)
    kind = "data" if section is None else section.kind
    try:
        if section is None:
            table = of_table(outside.table(name.removeprefix("data.")))
            return profiled(name, kind, table, {}, at=workspace.clock.now())
        integration = outside.integration(name)
        records = integration.read(MOST_RECORDS)
        at = workspace.clock.now()
        if not records:
            raise Malformed("it has no records", remedy="Look again when it has some; until then nothing is known.")
        return profiled(name, kind, of_integration(records), integration.schema(), at=at)
    except SeatrialError as error:
        at = workspace.clock.now()
        return SourceProfile(
            name=name, kind=kind, rows=0, at=at, problem=outside.redact(error.what), remedy=error.remedy
        )


def _with(text: str, found: Proposals) -> tuple[str, tuple[Addition, ...]]:
    left = []
    for addition in found.additions:
        changed = added(text, addition)
        if changed is None:
            left.append(addition)
        else:
            text = changed
    return text, tuple(left)


def _refuse_other_meaning(workspace: Workspace, text: str) -> None:
    """The proposals are undecided, so that with them the file must declare exactly what it declares without them."""
    loaded = load_system(text.encode(), name=workspace.file.name, environment=workspace.environment)
    if loaded.system.model_dump(mode="json") != workspace.system.model_dump(mode="json"):
        raise Malformed(
            "the proposals have no safe place in the system file",
            remedy="Write its sections in block style, or copy the proposals by hand from --json.",
        )


def write_proposals(found: Profiled) -> tuple[Path, ...]:
    """Write the contracts and the system file, whose former text is kept beside it; what was written.

    Raises Unreachable where something cannot be written.
    """
    written = []
    try:
        for name, content in found.files.items():
            target = found.file.parent / name
            target.parent.mkdir(parents=True, exist_ok=True)
            with target.open("x", encoding="utf-8") as opened:
                opened.write(content)
            written.append(target)
        if found.patch:
            backup = _kept(found.file)
            draft = found.file.with_name(f".{found.file.name}.{os.getpid()}")
            draft.write_text(found.text, encoding="utf-8")
            draft.replace(found.file)
            written += [found.file, backup]
    except OSError as error:
        raise Unreachable(
            f"{error.filename} cannot be written: {error.strerror or error}",
            remedy="Give seatrial the right to write beside the system file, or run it where it has it.",
        ) from None
    return tuple(written)


def _kept(file: Path) -> Path:
    number = 1
    while (backup := file.with_name(f"{file.name}.{number}.bak")).exists():
        number += 1
    backup.write_bytes(file.read_bytes())
    return backup
