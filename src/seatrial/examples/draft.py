"""A prepared directory while it is being made: files, tables and settings, which a defect may still change."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from seatrial.core.errors import SeatrialError

SYSTEM = "seatrial.yaml"


@dataclass(slots=True)
class Draft:
    """What will be written. `leak` says that the model is trained with what is only known afterwards."""

    texts: dict[str, str]
    tables: dict[str, Any]
    services: dict[str, dict[str, Any]]
    paperwork: dict[str, Any]
    leak: bool = False

    def replace(self, path: str, old: str, new: str) -> None:
        """Changes one place in a file. Raises SeatrialError unless it stands there exactly once."""
        count = self.texts[path].count(old)
        if count != 1:
            raise SeatrialError(f"{path} of the example holds {count} times what a defect replaces: {old!r}")
        self.texts[path] = self.texts[path].replace(old, new)

    def drop(self, path: str, start: str, end: str) -> None:
        """Takes out of a file what stands from `start` up to `end`. Raises SeatrialError as `replace` does."""
        text = self.texts[path]
        begin = text.index(start)
        self.replace(path, text[begin : text.index(end, begin)], "")

    def set(self, service: str, **settings: object) -> None:
        """Changes how a service behaves."""
        self.services.setdefault(service, {}).update(settings)

    def change(self, table: str, column: str, function: Callable[[Any], Any]) -> None:
        """Replaces a column by a function of it (an Arrow array)."""
        columns = self.tables[table]
        self.tables[table] = columns.set_column(columns.column_names.index(column), column, function(columns[column]))


def drafted(folder: Path, tables: Sequence[str], variant: str) -> Draft:
    """The draft of a variant: the shared files with the variant's own over them, and the committed tables."""
    import pyarrow.parquet as pq

    texts: dict[str, str] = {}
    for layer in (folder / "files" / "shared", folder / "files" / variant):
        found = sorted(path for path in layer.rglob("*") if path.is_file())
        texts |= {path.relative_to(layer).as_posix(): path.read_text(encoding="utf-8") for path in found}
    return Draft(
        texts=texts,
        tables={name: pq.read_table(folder / "data" / f"{name}.parquet") for name in tables},
        services=json.loads(texts.pop("services.json")),
        paperwork=json.loads(texts.pop("paperwork.json")),
    )
