"""Writes what the example is run with: tables, both versions of the model, and the mails that flows send."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from seatrial.examples.draft import Draft
from seatrial.examples.mail_triage.router import FOOTER
from seatrial.examples.mail_triage.train import CURRENT, PREVIOUS, train
from seatrial.examples.responses import Shadow, write_responses

HERE = Path(__file__).parent
TABLES = ("training", "evaluation", "live")
FLOW_RECORDS = 300
BY_HAND = 60
SHADOW = (
    Shadow(workflow="mail-routing", team="dispatch", count=420, acted="stayed", instead="forwarded outside the desk"),
    Shadow(workflow="list-answering", team="lists", count=300, acted="stayed", instead="forwarded outside the desk"),
)
ACTED_ON = 0.93
ENTRY = ("mail_id", "subject", "body", "charset")


def finish(draft: Draft, directory: Path, trained: Path | None) -> Mapping[str, str]:
    """Writes `data`, `models` and `records` to `directory`; the digests of the models by their names in the texts."""
    import pyarrow.parquet as pq

    (directory / "data").mkdir(exist_ok=True)
    if trained is not None and _same_rows(draft):
        shutil.copytree(trained / "models", directory / "models", dirs_exist_ok=True)
    else:
        train(draft.tables["training"], directory / "models", leak=draft.leak)
    for name, table in draft.tables.items():
        kept = table if draft.leak or FOOTER not in table.column_names else table.drop_columns([FOOTER])
        pq.write_table(kept, directory / "data" / f"{name}.parquet", compression="zstd")
    _write_records(draft.tables["evaluation"], directory / "records")
    acted_on = float(draft.services.get("shadow", {}).get("acted_on", ACTED_ON))
    write_responses(directory / "data" / "responses.csv", SHADOW, acted_on=acted_on, otherwise="sent on")
    return _served(directory / "models")


def _same_rows(draft: Draft) -> bool:
    """Whether the models of an unchanged draft would be trained."""
    import pyarrow.parquet as pq

    return not draft.leak and bool(draft.tables["training"].equals(pq.read_table(HERE / "data" / "training.parquet")))


def _served(models: Path) -> Mapping[str, str]:
    return {
        f"@{when}_{what.upper()}@": hashlib.sha256((models / version / f"{what}.json").read_bytes()).hexdigest()
        for when, version in (("CURRENT", CURRENT), ("PREVIOUS", PREVIOUS))
        for what in ("model", "words")
    }


def entries(table: Any, most: int) -> list[dict[str, Any]]:
    """The last `most` rows as the mailbox gets them."""
    rows: list[dict[str, Any]] = table.select(ENTRY).slice(max(0, table.num_rows - most)).to_pylist()
    return rows


def _write_records(evaluation: Any, records: Path) -> None:
    records.mkdir(exist_ok=True)
    sent = entries(evaluation, FLOW_RECORDS)
    for name, some in (("mails.jsonl", sent), ("sheet.jsonl", sent[-BY_HAND:])):
        (records / name).write_text("".join(f"{json.dumps(r)}\n" for r in some), encoding="utf-8")
