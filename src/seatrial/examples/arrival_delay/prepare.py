"""Writes a directory that the example can run in: a variant, with at most one planted defect."""

from __future__ import annotations

import csv
import hashlib
import json
import shutil
from collections.abc import Mapping
from functools import reduce
from pathlib import Path
from typing import Any, Literal

from seatrial.core.errors import SeatrialError
from seatrial.examples.arrival_delay.defects import DEFECTS, celsius, random_split
from seatrial.examples.arrival_delay.draft import Draft, drafted
from seatrial.examples.arrival_delay.guard import Routes
from seatrial.examples.arrival_delay.train import CURRENT, PREVIOUS, train
from seatrial.examples.arrival_delay.trees import LEAKED

Variant = Literal["pilot", "ready"]

HERE = Path(__file__).parent
FLOW_RECORDS = 500
SCHEDULED = 60
ENTRY = ("delivery_id", "carrier", "origin", "dest", "distance", "scheduled_at", "sched_dep")


def prepare(directory: Path, variant: Variant, defect: str | None = None, *, trained: Path | None = None) -> Path:
    """Writes files, data and both models of the variant to `directory`; the path of its system file.

    `trained` is a directory prepared before without a defect: its models are copied where the same rows would train
    them. Raises SeatrialError for an unknown defect, and for a directory that holds something else.
    """
    if defect is not None and defect not in DEFECTS:
        raise SeatrialError(f"there is no defect {defect!r}", remedy=f"Known: {', '.join(DEFECTS)}.")
    system = directory / "seatrial.yaml"
    if directory.exists() and any(directory.iterdir()) and not (directory / "services.json").exists():
        raise SeatrialError(f"{directory} holds something else", remedy="Choose a new or an empty directory.")
    draft = drafted(HERE / "files", HERE / "data", variant)
    rows = draft.tables["training"]
    if variant == "pilot":
        random_split(draft)
        celsius(draft)
    if defect is not None:
        DEFECTS[defect].plant(draft)
    same_rows = draft.tables["training"] is rows and not draft.leak
    _write(draft, directory, models=trained / "models" if trained is not None and same_rows else None)
    return system


def _write(draft: Draft, directory: Path, *, models: Path | None) -> None:
    import pyarrow.parquet as pq

    (directory / "data").mkdir(parents=True, exist_ok=True)
    routes = (HERE / "data" / "routes.csv").read_bytes()
    (directory / "data" / "routes.csv").write_bytes(routes)
    if models is None:
        known = Routes.read(directory / "data" / "routes.csv")
        train(draft.tables["training"], known, directory / "models", leak=draft.leak)
    else:
        shutil.copytree(models, directory / "models", dirs_exist_ok=True)
    for name, table in draft.tables.items():
        kept = table if draft.leak or LEAKED not in table.column_names else table.drop_columns([LEAKED])
        pq.write_table(kept, directory / "data" / f"{name}.parquet", compression="zstd")
    served = _served(directory / "models")
    for path, text in draft.texts.items():
        target = directory / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(reduce(lambda t, named: t.replace(*named), served.items(), text), encoding="utf-8")
    _write_json(directory / "services.json", draft.services)
    _write_json(directory / "paperwork.json", draft.paperwork)
    _write_records(draft.tables["evaluation"], directory / "records")


def _served(models: Path) -> Mapping[str, str]:
    return {
        f"@{when}_{what.upper()}@": hashlib.sha256((models / version / f"{what}.json").read_bytes()).hexdigest()
        for when, version in (("CURRENT", CURRENT), ("PREVIOUS", PREVIOUS))
        for what in ("model", "encoder")
    }


def _write_json(path: Path, content: object) -> None:
    path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


def entries(table: Any, most: int) -> list[dict[str, Any]]:
    """The last `most` rows as the pipeline gets them: keyed, without weather, the time as text."""
    rows = table.select(ENTRY).slice(max(0, table.num_rows - most)).to_pylist()
    return [{**row, "scheduled_at": row["scheduled_at"].isoformat().replace("+00:00", "Z")} for row in rows]


def _write_records(evaluation: Any, records: Path) -> None:
    records.mkdir(exist_ok=True)
    sent = entries(evaluation, FLOW_RECORDS)
    (records / "deliveries.jsonl").write_text("".join(f"{json.dumps(r)}\n" for r in sent), encoding="utf-8")
    with (records / "schedule.csv").open("w", encoding="utf-8", newline="") as handle:
        writer = csv.DictWriter(handle, ENTRY)
        writer.writeheader()
        writer.writerows(sent[-SCHEDULED:])
