"""What one check of a run leaves for a later one: a file of its own in the run's private folder, gone with the run."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path

from seatrial.core.check import HandedOn
from seatrial.core.observation import Json


class HandingOn:
    """Each name is used once in a run; whoever comes second replaces what the first one left."""

    def __init__(self, work: Path) -> None:
        self._folder = work / "handed-on"

    def put(self, name: str, check: str, content: Mapping[str, Json]) -> str:
        """Keep it under that name; the digest of the content. Raises ValueError for what is no JSON, such as NaN."""
        body = json.dumps(content, sort_keys=True, allow_nan=False)
        self._folder.mkdir(exist_ok=True)
        file = self._file(name)
        # Whole or not at all: a check that is killed while it writes must leave nothing.
        half = file.with_suffix(".new")
        half.write_text(json.dumps({"check": check, "content": body}), encoding="utf-8")
        half.replace(file)
        return _digest(body)

    def get(self, name: str) -> HandedOn | None:
        """What was kept under that name."""
        try:
            kept = json.loads(self._file(name).read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None
        return HandedOn(check=kept["check"], digest=_digest(kept["content"]), content=json.loads(kept["content"]))

    def _file(self, name: str) -> Path:
        return self._folder / f"{_digest(name)}.json"


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
