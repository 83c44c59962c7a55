"""Writes what the example is run with: questions, both versions of the index, and what the language model reads."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seatrial.examples.draft import Draft
from seatrial.examples.responses import Shadow, write_responses

if TYPE_CHECKING:
    from seatrial.examples.answer_bot.bot import Bot

HERE = Path(__file__).parent
TABLES = ("training", "evaluation", "live")
CURRENT, PREVIOUS = "2026.11.1", "2026.8.2"
NOT_BEFORE = ("ai-team", "coo", "it", "legal", "project-lead")
"""Pages that the previous version's manual did not have."""
PREVIOUS_FLOOR = 0.45
PASSAGES_READ = 3
LONGEST_PASSAGE = 300
FLOW_RECORDS = 300
BY_HAND = 60
SHADOW = (Shadow(workflow="help-desk", team="help-desk", count=420, acted="sent", instead="private list of answers"),)
ACTED_ON = 0.8
ENTRY = ("question_id", "question")
PASSAGES = "passages"


def prompt_of(question: str, passages: Sequence[str]) -> str:
    """The user's message to the language model; the system file's template says the same."""
    return f"Passages of the manual:\n{passages_text(passages)}\n\nQuestion: {question}"


def passages_text(passages: Sequence[str]) -> str:
    """What is handed to the language model of the passages that were found."""
    return "\n".join(f"- {passage[:LONGEST_PASSAGE]}" for passage in passages)


def finish(draft: Draft, directory: Path, _: Path | None) -> Mapping[str, str]:
    """Writes `data`, `models` and `records` to `directory`; the digests of the models by their names in the texts."""
    import pyarrow.parquet as pq

    without = tuple(draft.services.pop("index", {}).get("without", ()))
    _write_index(directory / "models" / CURRENT, without, draft.services.get("settings", {}))
    _write_index(directory / "models" / PREVIOUS, NOT_BEFORE, {"floor": PREVIOUS_FLOOR})
    if "prompts/system.md" in draft.texts:
        _add_passages(draft, directory / "models")
    (directory / "data").mkdir(exist_ok=True)
    for name, table in draft.tables.items():
        pq.write_table(table, directory / "data" / f"{name}.parquet", compression="zstd")
    _write_records(draft.tables["evaluation"], directory / "records")
    acted_on = float(draft.services.get("shadow", {}).get("acted_on", ACTED_ON))
    write_responses(directory / "data" / "responses.csv", SHADOW, acted_on=acted_on, otherwise="written anew")
    return _served(directory / "models")


def _write_index(folder: Path, without: Sequence[str], changes: Mapping[str, float]) -> None:
    """One version of the manual without some pages, its directions, and its settings."""
    import numpy as np

    from seatrial.examples.answer_bot.passages import passages_of

    data = HERE / "data"
    kept = [page for page in sorted((data / "manual").glob("*.md")) if page.stem not in without]
    (folder / "manual").mkdir(parents=True, exist_ok=True)
    for page in kept:
        (folder / "manual" / page.name).write_bytes(page.read_bytes())
    all_directions = np.load(data / "directions.npy", allow_pickle=False)
    here = np.array([passage.page not in without for passage in passages_of(data / "manual")])
    np.save(folder / "directions.npy", all_directions[here].astype(np.float32), allow_pickle=False)
    settings = json.loads((data / "settings.json").read_text(encoding="utf-8")) | dict(changes)
    (folder / "settings.json").write_text(json.dumps(settings, indent=2) + "\n", encoding="utf-8")


def _served(models: Path) -> Mapping[str, str]:
    return {
        f"@{when}_SETTINGS@": hashlib.sha256(
            hashlib.sha256((models / version / "settings.json").read_bytes()).digest()
        ).hexdigest()
        for when, version in (("CURRENT", CURRENT), ("PREVIOUS", PREVIOUS))
    }


def _add_passages(draft: Draft, models: Path) -> None:
    """Gives every question the passages that the bot finds for it, as the language model gets them."""
    import pyarrow as pa

    bot = _bot(models)
    for name, table in draft.tables.items():
        found = [
            passages_text([passage.whole for passage in bot.index.closest(question, PASSAGES_READ)])
            for question in table["question"].to_pylist()
        ]
        draft.tables[name] = table.append_column(PASSAGES, pa.array(found, pa.string()))


def _bot(models: Path) -> Bot:
    from seatrial.examples.answer_bot.bot import Bot
    from seatrial.examples.answer_bot.embedding import Embedder
    from seatrial.examples.answer_bot.parts import EMBEDDING, TOKENIZER, file_of

    return Bot(models, CURRENT, Embedder(file_of(EMBEDDING), file_of(TOKENIZER)))


def entries(table: Any, most: int) -> list[dict[str, Any]]:
    """The last `most` rows as the portal sends them."""
    rows: list[dict[str, Any]] = table.select(ENTRY).slice(max(0, table.num_rows - most)).to_pylist()
    return rows


def _write_records(evaluation: Any, records: Path) -> None:
    records.mkdir(exist_ok=True)
    sent = entries(evaluation, FLOW_RECORDS)
    for name, some in (("questions.jsonl", sent), ("sheet.jsonl", sent[-BY_HAND:])):
        (records / name).write_text("".join(f"{json.dumps(r)}\n" for r in some), encoding="utf-8")
