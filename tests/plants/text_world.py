"""A sound system over mails: texts that are routed to queues, in the form of `scored_trial`'s worlds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from plants.scored_trial import World, declaration
from seatrial.core.check import PREDICTION, PROBLEM, SCORE


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


TOPICS: Mapping[str, Sequence[str]] = {
    "billing": _words("invoice payment amount due bank transfer account charged refund twice"),
    "delivery": _words("parcel late courier address driver tracking package shipment depot missing"),
    "login": _words("password login account reset email locked portal access code error"),
}
RECALL = _words("battery overheating smoke recall dangerous fire device burning smell hot")
PLAIN = _words(
    "i have a question about my order and please let me know what is going on because the we are still waiting since "
    "last week for this to be solved thanks you very much can somebody call back today or tomorrow morning"
)
GERMAN = _words(
    "ich habe eine frage zu meiner bestellung und bitte um eine antwort weil wir noch immer nicht wissen was mit der "
    "ware ist und wann sie kommt vielen dank für ihre hilfe mit freundlichen grüßen das team aus der abteilung"
)


def mails(
    n: int, *, seed: int, topics: Mapping[str, Sequence[str]] = TOPICS, plain: Sequence[str] = PLAIN
) -> tuple[list[str], list[str]]:
    """Texts, and the queue of each."""
    rng = np.random.default_rng(seed)
    queues = rng.choice(list(topics), n).tolist()
    texts = []
    for queue in queues:
        words = [_one(rng, topics[queue] if rng.random() < 0.3 else plain) for _ in range(rng.integers(10, 40))]
        texts.append(" ".join(words).capitalize() + ".")
    return texts, queues


def _one(rng: np.random.Generator, words: Sequence[str]) -> str:
    # `rng.choice` would make an array of the words for each draw.
    return words[int(rng.integers(len(words)))]


def table(n: int, *, seed: int, start_day: int) -> dict[str, Any]:
    """Plain columns of `n` mails."""
    rng = np.random.default_rng(seed + 7)
    texts, queues = mails(n, seed=seed)
    day = np.sort(rng.uniform(start_day, start_day + 90, n))
    moment = np.datetime64("2026-01-01T00:00:00") + (day * 86_400).astype("timedelta64[s]")
    return {
        "id": [f"m{start_day}-{seed}-{i}" for i in range(n)],
        "at": pa.array(moment, type=pa.timestamp("s", tz="UTC")),
        "body": texts,
        "attachments": rng.poisson(1.0, n),
        "queue": queues,
    }


def text_world(*, n: int = 900, live: int = 800, seed: int = 1) -> World:
    """A sound system over sound mails."""
    evaluation = table(n, seed=seed + 20, start_day=100)
    met = table(live, seed=seed + 30, start_day=200)
    rng = np.random.default_rng(seed)
    declared = declaration()
    declared["model"] = {
        "endpoint": "http://127.0.0.1:1/predict",
        "task": "text",
        "inputs": {"body": {"type": "string"}, "attachments": {"type": "integer"}},
        "output": {"prediction": "queue"},
    }
    declared["governance"] |= {"metric": "accuracy", "minimum": 0.80, "metrics": []}
    for name in ("training", "evaluation"):
        declared["data"][name]["label"] = "queue"
    columns = {
        "training": table(1000, seed=seed + 10, start_day=0),
        "evaluation": evaluation,
        "live": met,
        "scored.evaluation": answered(evaluation, rng),
        "scored.live": answered(met, rng),
    }
    return World(columns=columns, declared=declared)


def answered(mails: Mapping[str, Any], rng: np.random.Generator) -> dict[str, Any]:
    """The mails with what a decent model says."""
    said = [queue if rng.random() < 0.93 else "login" for queue in mails["queue"]]
    n = len(said)
    nothing = {SCORE: pa.array([None] * n, type=pa.float64()), PROBLEM: pa.array([None] * n, type=pa.string())}
    return {**mails, PREDICTION: said, **nothing}


def rewrite(world: World, table: str, rows: Sequence[int], texts: Sequence[str]) -> None:
    """Other bodies in these rows, also where the table is scored."""
    for name in {table, f"scored.{table}"} & world.columns.keys():
        body = list(world.columns[name]["body"])
        for row, text in zip(rows, texts, strict=True):
            body[row] = text
        world.columns[name]["body"] = body
