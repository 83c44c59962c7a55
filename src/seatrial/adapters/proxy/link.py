"""The line to a folder of this machine: a link through which the tested system reaches it, and which may lead nowhere.

A folder that no server holds has no connections to disturb. What can be done from beside it, without touching what it
holds, is to take it away and to put something in its place that is no folder.
"""

from __future__ import annotations

import os
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from seatrial.core.disturbing import TO_A_FOLDER, LineCounts, LineMode
from seatrial.core.errors import Refused, Unreachable
from seatrial.core.schema_change import SchemaChange

_NO_FOLDER: Final = Path(os.devnull)


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A path of this machine."""

    path: Path

    @property
    def text(self) -> str:
        """As people write it."""
        return str(self.path)


class FolderLink:
    """A link at `listen` that leads to the folder `target`. It stays there, leading right, when nobody holds it.

    Whether somebody followed it is told by the time of its last access, set back before it is waited for. Where a file
    system keeps none, it counts as unused.
    """

    def __init__(self, name: str, *, listen: Place, target: Place) -> None:
        self.name = name
        self.listen = listen
        self._target = target
        self._mode = LineMode.PASS
        self._connections = 0
        self._disturbed = 0

    async def start(self) -> None:
        """Lead to the folder. Raises Refused where something stands at the link's place that is none of ours."""
        self._lead(self._target.path)

    async def stop(self) -> None:
        """Lead to the folder again."""
        await self.set(LineMode.PASS, delay_s=0.0, after_bytes=1)

    async def set(
        self, mode: LineMode, *, delay_s: float, after_bytes: int, change: SchemaChange | None = None
    ) -> None:
        """From now on. Raises Refused for what cannot be done to a folder."""
        del delay_s, after_bytes, change
        if mode not in TO_A_FOLDER:
            raise Refused(
                f"{self.name} is a folder of this machine, which cannot be made {mode.value}",
                remedy="Mount it from a server and name that in `share`, or let it be read over SFTP (kind: sftp).",
            )
        self._look()
        self._lead({LineMode.PASS: self._target.path, LineMode.CUT: _NO_FOLDER}.get(mode))
        self._mode = mode

    def counts(self) -> LineCounts:
        """How often it was found followed; bytes are not seen."""
        self._look()
        return LineCounts(
            connections=self._connections, bytes_there=0, bytes_back=0, disturbed=self._disturbed, rewritten=0
        )

    def _look(self) -> None:
        """Count it where somebody followed it since the last look."""
        with suppress(FileNotFoundError):
            if os.lstat(self.listen.path).st_atime_ns > 0:
                self._connections += 1
                self._disturbed += self._mode is not LineMode.PASS
                self._set_back(self.listen.path)

    def _lead(self, to: Path | None) -> None:
        """Let the link lead there, at once for whoever follows it; away with it for None."""
        link = self.listen.path
        if os.path.lexists(link) and not (link.is_symlink() and link.readlink() in (self._target.path, _NO_FOLDER)):
            raise Refused(
                f"the link to {self.name} has no place: something else stands at {link}",
                remedy=f"Name in integrations.{self.name}.test.via a path at which nothing stands.",
            )
        try:
            if to is None:
                link.unlink(missing_ok=True)
                return
            draft = link.with_name(f".{link.name}.{os.getpid()}")
            draft.unlink(missing_ok=True)
            link.parent.mkdir(parents=True, exist_ok=True)
            draft.symlink_to(to)
            self._set_back(draft)
            draft.replace(link)
        except OSError as error:
            raise Unreachable(
                f"the link to {self.name} cannot be kept at {link}: {error.strerror}",
                remedy="Let seatrial write in that folder, or name another place in `via`.",
            ) from None

    def _set_back(self, link: Path) -> None:
        os.utime(link, ns=(0, time.time_ns()), follow_symlinks=False)
