"""Where the watch of a system keeps what it was told."""

from __future__ import annotations

from seatrial.app.folder.workspace import Workspace


def watched(workspace: Workspace) -> bool:
    """Whether the system file declares a watch."""
    return "watch" in workspace.loaded.lines and "watch" not in workspace.system.undecided


def store_url(workspace: Workspace) -> str:
    """The database of the watch: the declared one, else a file beside the system file."""
    return workspace.system.watch.store or f"sqlite:///{workspace.folder / 'watch' / 'events.db'}"
