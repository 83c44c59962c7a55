"""Writes a directory that an example can run in: a variant, with at most one planted defect."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from functools import reduce
from pathlib import Path

from seatrial.core.errors import SeatrialError
from seatrial.examples.draft import SYSTEM, drafted
from seatrial.examples.example import Example, Variant

SERVICES, PAPERWORK, VARIANT = "services.json", "paperwork.json", "variant.json"
_REVIEWED_ON = "REVIEWED_ON"
"""Stands in the review of legal and compliance for the day: one that lay in the package would grow too old."""


def prepare(
    example: Example, directory: Path, variant: Variant, defect: str | None = None, *, trained: Path | None = None
) -> Path:
    """Writes files, data and models of the variant to `directory`; the path of its system file.

    `trained` is a directory prepared before without a defect: its models are copied where the same rows would train
    them. Raises SeatrialError for an unknown defect, and for a directory that holds something else.
    """
    if defect is not None and defect not in example.defects:
        raise SeatrialError(f"there is no defect {defect!r}", remedy=f"Known: {', '.join(example.defects)}.")
    if directory.exists() and any(directory.iterdir()) and not (directory / SERVICES).exists():
        raise SeatrialError(f"{directory} holds something else", remedy="Choose a new or an empty directory.")
    draft = drafted(example.folder, example.tables, variant)
    if example.profile is not None:
        example.profile.plant(draft)
    for plant in example.pilot if variant == "pilot" else ():
        plant(draft)
    if defect is not None:
        example.defects[defect].plant(draft)
    directory.mkdir(parents=True, exist_ok=True)
    named = {**example.finish(draft, directory, trained), _REVIEWED_ON: datetime.now(UTC).date().isoformat()}
    for path, text in draft.texts.items():
        target = directory / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(reduce(lambda t, each: t.replace(*each), named.items(), text), encoding="utf-8")
    _write_json(directory / SERVICES, draft.services)
    _write_json(directory / PAPERWORK, draft.paperwork)
    _write_json(directory / VARIANT, variant)
    return directory / SYSTEM


def _write_json(path: Path, content: object) -> None:
    path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
