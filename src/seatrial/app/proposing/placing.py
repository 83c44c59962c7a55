"""A file put into the system's folder, and named in the system file where that does not name it yet.

One line of the system file is written, and nothing else of it is touched or means anything else than before.
"""

from __future__ import annotations

import os
import secrets
from dataclasses import dataclass
from pathlib import Path

from seatrial.app.folder.workspace import Workspace, reread
from seatrial.app.folder.yaml_edit import Addition, added, changed
from seatrial.app.proposing.file import quoted
from seatrial.core.errors import Refused, SeatrialError, Unreachable


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a file goes, relative to the system file; `before` and `after` are that file's texts where it changes."""

    target: str
    before: str = ""
    after: str = ""


def place_for(workspace: Workspace, place: tuple[str, ...], file: str | None, *, default: str) -> Place:
    """Where a file goes that the system file names at `place`, now as `file`.

    It takes the place of `file` where it has the ending of `default`. Raises Refused where it has no safe place.
    """
    suffix = Path(default).suffix
    if file is not None and Path(file).suffix.lower() == suffix:
        found = Place(target=file)
    else:
        target = default if file is None else str(Path(file).with_suffix(suffix))
        field = ".".join(place)
        if (workspace.base / target).exists():
            raise Refused(
                f"{target} stands in the system's folder already",
                remedy=f"Name it in {field}, or move it away, and hand yours in again.",
            )
        found = _named(workspace, place, target)
    if not (workspace.base / found.target).resolve().is_relative_to(workspace.base.resolve()):
        raise Refused(
            f"{found.target} stands outside the system's folder",
            remedy="Replace it there, by hand, or name another file.",
        )
    return found


def put_in_place(workspace: Workspace, place: Place, content: bytes) -> None:
    """Write the file, then the system file where it changes. Raises Refused, Unreachable."""
    if place.after and workspace.file.read_text(encoding="utf-8") != place.before:
        raise Refused("the system file has changed in this moment", remedy="Do it again.")
    replace_file(workspace.base / place.target, content)
    if place.after:
        replace_file(workspace.file, place.after.encode())


def replace_file(path: Path, content: bytes) -> None:
    """All or nothing. Raises Unreachable."""
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with draft.open("xb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            if path.exists():
                draft.chmod(path.stat().st_mode & 0o777)
            draft.replace(path)
        finally:
            draft.unlink(missing_ok=True)
    except OSError as error:
        raise Unreachable(
            f"{path.name} cannot be written: {error.strerror or error}",
            remedy="Let the site write into the system's folder, or put the file there by hand.",
        ) from None


def _named(workspace: Workspace, place: tuple[str, ...], target: str) -> Place:
    """The system file with `target` named at the place, and nothing else said otherwise than before."""
    by_hand = Refused(
        f"{'.'.join(place)} has no place in the system file that can be written safely",
        remedy=f"Write {'.'.join(place)}: {target} there by hand, then hand the file in again.",
    )
    text = workspace.file.read_text(encoding="utf-8")
    *above, key = place
    found = added(text, Addition(path=tuple(above), key=key, value=quoted(target)))
    if found is None:
        found = changed(text, place, quoted(target))
    if found is None:
        raise by_hand
    try:
        declared = reread(workspace, found).system.model_dump(mode="json")
    except SeatrialError:
        raise by_hand from None
    meant = workspace.system.model_dump(mode="json")
    holder = meant
    for part in above:
        holder = holder[part]
    holder[key] = target
    if declared != meant:
        raise by_hand
    return Place(target=target, before=text, after=found)
