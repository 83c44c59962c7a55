"""Writes what the example is run with: tables, both versions of the model, and the records that flows send."""

from __future__ import annotations

import csv
import hashlib
import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from seatrial.examples.arrival_delay.guard import Routes
from seatrial.examples.arrival_delay.train import CURRENT, PREVIOUS, train
from seatrial.examples.arrival_delay.trees import LEAKED
from seatrial.examples.draft import Draft
from seatrial.examples.responses import Shadow, write_responses

HERE = Path(__file__).parent
TABLES = ("training", "evaluation", "live", "weather")
FLOW_RECORDS = 1500
"""More than any check puts in: no content is sent twice, as in production."""
SCHEDULED = 60
SHADOW = (
    Shadow(workflow="dock-planning", team="docks", count=420, acted="dock held", instead="own list of carriers"),
    Shadow(workflow="yard-staffing", team="yard", count=300, acted="people called", instead="own list of carriers"),
)
ACTED_ON = 0.74
ENTRY = ("delivery_id", "carrier", "origin", "dest", "distance", "scheduled_at", "sched_dep")


def finish(draft: Draft, directory: Path, trained: Path | None) -> Mapping[str, str]:
    """Writes `data`, `models` and `records` to `directory`; the digests of the models by their names in the texts."""
    import pyarrow.parquet as pq

    (directory / "data").mkdir(exist_ok=True)
    routes = (HERE / "data" / "routes.csv").read_bytes()
    (directory / "data" / "routes.csv").write_bytes(routes)
    if trained is not None and _same_rows(draft):
        shutil.copytree(trained / "models", directory / "models", dirs_exist_ok=True)
    else:
        known = Routes.read(directory / "data" / "routes.csv")
        train(draft.tables["training"], known, directory / "models", leak=draft.leak)
    for name, table in draft.tables.items():
        kept = table if draft.leak or LEAKED not in table.column_names else table.drop_columns([LEAKED])
        pq.write_table(kept, directory / "data" / f"{name}.parquet", compression="zstd")
    _write_records(draft.tables["evaluation"], directory / "records")
    acted_on = float(draft.services.get("shadow", {}).get("acted_on", ACTED_ON))
    write_responses(directory / "data" / "responses.csv", SHADOW, acted_on=acted_on, otherwise="kept as planned")
    return _served(directory / "models")


def _same_rows(draft: Draft) -> bool:
    """Whether the models of an unchanged draft would be trained."""
    import pyarrow.parquet as pq

    return not draft.leak and bool(draft.tables["training"].equals(pq.read_table(HERE / "data" / "training.parquet")))


def _served(models: Path) -> Mapping[str, str]:
    return {
        f"@{when}_{what.upper()}@": hashlib.sha256((models / version / f"{what}.json").read_bytes()).hexdigest()
        for when, version in (("CURRENT", CURRENT), ("PREVIOUS", PREVIOUS))
        for what in ("model", "encoder")
    }


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
