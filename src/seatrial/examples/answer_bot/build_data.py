"""Makes the example's questions from the manual's snapshot: run it once, commit what it writes.

Questions over the manual's prose, and those that it does not answer, are written by hand (`data/asked.yaml`); those
over its tables are asked in several ways, also written by hand below. Tuning has facts and wordings of its own;
evaluation and live questions are dealt from the rest.
The passages' directions and the settings come from the pinned embedding model, which has to be in the cache.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from seatrial.examples.answer_bot.bot import Index, Settings
from seatrial.examples.answer_bot.embedding import Embedder
from seatrial.examples.answer_bot.parts import EMBEDDING, TOKENIZER, file_of
from seatrial.examples.answer_bot.passages import Passage, passages_of, pieces_of
from seatrial.examples.answer_bot.tuning import tuned

HERE = Path(__file__).parent
SEED = 11
TUNING_FACTS, LIVE_SHARE = 0.25, 0.33
TUNING_WAYS = (2, 4, 5)
"""Tuning asks for the facts of tables in these ways, which no other side uses: it shall know no wording of theirs."""
ROUNDS = {"training": datetime(2026, 9, 1, tzinfo=UTC), "evaluation": datetime(2026, 10, 5, tzinfo=UTC)}
LIVE_ROUND = datetime(2026, 10, 5, 0, 30, tzinfo=UTC)
_APART = timedelta(minutes=41)
_REQUIREMENT_WAYS: Mapping[str, tuple[str, ...]] = {
    "demands": (
        "Which assurance does {name} demand?",
        "What level of evidence is needed for {name}?",
        "Is attested enough for {name}?",
        "{name}: executed, observed or attested?",
        "At which level is {name} to be shown?",
        "Vouch for {name}?",
    ),
    "holds for": (
        "How long does evidence for {name} hold?",
        "After how many days must {name} be renewed?",
        "When does {name} expire?",
        "Lease of {name}?",
        "For what time is {name} good?",
        "{name} was met last spring: still valid?",
    ),
    "reviewed by": (
        "Who reviews {name}?",
        "Which role looks at {name}?",
        "Whose signature covers {name}?",
        "Reviewer of {name}, please",
        "{name} lies on whose desk?",
        "To whom do I send {name}?",
    ),
    "why": (
        "Why does {name} matter?",
        "What goes wrong without {name}?",
        "Why should I care about {name}?",
        "We think {name} is overdone. Is it?",
        "{name}: what is it good for?",
        "Why bother: {name}?",
    ),
    "established by": (
        "What establishes {name}?",
        "How is {name} established?",
        "What is done to establish {name}?",
        "Tell me the way to establish {name}",
        "{name}: by what is it shown?",
        "Which test belongs to {name}?",
    ),
    "remedy": (
        "What is the remedy when {name} is a gap?",
        "How do I close a gap of {name}?",
        "{name} is a gap: what now?",
        "Our {name} failed, help",
        "{name} is red, and I have a week",
        "Repairing {name}: where to begin?",
    ),
}
_WAYS: Mapping[str, tuple[str, ...]] = {
    "question": (
        "What does {name} ask?",
        "Which question stands behind {name}?",
        "What is {name} about?",
        "Put {name} into one question",
        "{name} in a sentence?",
        "Remind me of {name}",
    ),
    "code": (
        "What does the code `{name}` mean?",
        "My verdict says `{name}`. What is that?",
        "Why do I get `{name}`?",
        "We see `{name}` in the report",
        "`{name}`: bad news?",
        "There is a line with `{name}`",
    ),
    "policy": (
        "What is the default of {name}?",
        "Which value has {name} in the policy?",
        "What is {name} set to?",
        "{name} for an operational system?",
        "{name} = ?",
        "Usual {name}?",
    ),
    "command": (
        "What does `seatrial {name}` do?",
        "When do I use `seatrial {name}`?",
        "What is `seatrial {name}` for?",
        "Help on `seatrial {name}`",
        "`seatrial {name}`?",
        "Command `{name}`?",
    ),
    "word": (
        "What does the word `{name}` mean?",
        "Explain the word `{name}`.",
        "Meaning of `{name}`?",
        "Define `{name}`",
        "`{name}`, in other words?",
        "They say `{name}` here. So?",
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """Something that is asked for in several ways. `expected` is empty where the manual does not tell it."""

    name: str
    kind: str
    ways: tuple[str, ...]
    expected: tuple[str, ...]


def facts(passages: Sequence[Passage], written: Mapping[str, Any]) -> Iterator[Fact]:
    """Everything that is asked, each fact once."""
    for passage in passages:
        yield from _of_passage(passage)
    for number, each in enumerate(written["answered"]):
        yield Fact(name=f"prose-{number}", kind="prose", ways=tuple(each["ask"]), expected=tuple(each["expect"]))
    for number, each in enumerate(written["unanswered"]):
        yield Fact(name=f"outside-{number}", kind="outside", ways=tuple(each["ask"]), expected=())
    invented = written["invented"]
    for kind, listed in (
        ("code", "codes"),
        ("policy", "policies"),
        ("question", "requirements"),
        ("command", "commands"),
    ):
        for name in invented[listed]:
            ways = tuple(way.format(name=name) for way in _WAYS[kind])
            yield Fact(name=f"invented-{name}", kind="invented", ways=ways, expected=())


def _of_passage(passage: Passage) -> Iterator[Fact]:
    first, colon, told = passage.text.partition(": ")
    about = passage.about.rpartition(", ")[2]
    if passage.page == "requirements" and "." in about and colon and first in _REQUIREMENT_WAYS:
        yield _fact(f"{about} {first}", "requirement", about, _REQUIREMENT_WAYS[first], told)
    elif passage.page == "requirements" and "." in about and passage.text.endswith("?"):
        yield _fact(f"{about} question", "requirement", about, _WAYS["question"], passage.text)
    elif passage.page == "codes" and first.startswith("code ") and told.startswith("meaning "):
        name = first.removeprefix("code ")
        yield _fact(name, "code", name, _WAYS["code"], told.removeprefix("meaning "))
    elif passage.page == "policy" and first.startswith("value "):
        name = first.removeprefix("value ")
        yield _fact(name, "policy", name, _WAYS["policy"], told.split("; ")[1])
    elif passage.page == "glossary" and first.startswith("word ") and told.startswith("meaning "):
        name = first.removeprefix("word ")
        yield _fact(f"word-{name}", "word", name, _WAYS["word"], told.removeprefix("meaning "))
    elif passage.page == "cli" and about.startswith("seatrial ") and _says_what(passage.text):
        name = about.removeprefix("seatrial ")
        yield _fact(f"command-{name}", "command", name, _WAYS["command"], passage.text)


def _says_what(text: str) -> bool:
    return not text.startswith(("Usage:", "Options:", "Arguments:", "-")) and text.endswith(".")


def _fact(name: str, kind: str, asked: str, ways: Iterable[str], told: str) -> Fact:
    return Fact(name=name, kind=kind, ways=tuple(way.format(name=asked) for way in ways), expected=(told,))


def build(out: Path) -> Mapping[str, int]:
    """Writes training (on which the floor was set), evaluation and live questions to `out`. Rows per file."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.parquet as pq
    import yaml

    written = yaml.safe_load((out / "asked.yaml").read_text(encoding="utf-8"))
    found = {fact.name: fact for fact in facts(pieces_of(out / "manual"), written)}
    rng = np.random.default_rng(SEED)
    sides: dict[str, list[tuple[Fact, str]]] = {"training": [], "evaluation": [], "live": []}
    for fact in found.values():
        of_tables = len(fact.ways) > max(TUNING_WAYS)
        if rng.random() < TUNING_FACTS:
            sides["training"] += (
                [(fact, fact.ways[at]) for at in TUNING_WAYS] if of_tables else [(fact, way) for way in fact.ways]
            )
            continue
        for number, way in enumerate(fact.ways):
            if not (of_tables and number in TUNING_WAYS):
                sides["live" if rng.random() < LIVE_SHARE else "evaluation"].append((fact, way))
    for side, asked in sides.items():
        table = pa.Table.from_pylist(_rows(asked, ROUNDS.get(side, LIVE_ROUND)))
        pq.write_table(table, out / f"{side}.parquet", compression="zstd", compression_level=19)
    return {side: len(asked) for side, asked in sides.items()}


def _rows(chosen: Sequence[tuple[Fact, str]], begin: datetime) -> list[dict[str, Any]]:
    asked = sorted(chosen, key=lambda each: hashlib.sha256(each[1].encode()).hexdigest())
    return [
        {
            "question_id": f"q-{hashlib.sha256(way.encode()).hexdigest()[:10]}",
            "asked_at": begin + number * _APART,
            "fact": fact.name,
            "kind": fact.kind,
            "question": way,
            "expected": list(fact.expected),
            "answerable": bool(fact.expected),
        }
        for number, (fact, way) in enumerate(asked)
    ]


def search(out: Path) -> Settings:
    """Writes the passages' directions and the settings of the search to `out`. Raises Unreachable without the parts."""
    import numpy as np
    import pyarrow.parquet as pq

    embedder = Embedder(file_of(EMBEDDING), file_of(TOKENIZER))
    passages = passages_of(out / "manual")
    directions = embedder.directions([passage.whole for passage in passages]).astype(np.float16)
    np.save(out / "directions.npy", directions, allow_pickle=False)
    rows = pq.read_table(out / "training.parquet").to_pylist()
    index = Index(passages, directions.astype(np.float32), embedder)
    settings = tuned(rows, index.nearest([row["question"] for row in rows]))
    (out / "settings.json").write_text(json.dumps(asdict(settings), indent=2) + "\n", encoding="utf-8")
    return settings


def main() -> None:
    """Writes beside this file."""
    for name, count in build(HERE / "data").items():
        sys.stdout.write(f"{name}: {count} rows\n")
    sys.stdout.write(f"{search(HERE / 'data')}\n")


if __name__ == "__main__":
    main()
