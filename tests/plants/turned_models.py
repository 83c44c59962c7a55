"""Models over a small table, in this process, and the ways in which their answers can be turned cheaply.

Deliveries that come late, by how full the yard is, how far they come, who brings them and what the papers say.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import pyarrow as pa

from plants.scored_trial import ScoredTrial
from seatrial.core.check import PREDICTION, PROBLEM, SCORE
from seatrial.core.ports import Prediction, Reply, ReplyKind, Request, Row
from seatrial.spec.system import System

Scores = Callable[[Row], float]
"""A row's chance of being late."""

INPUTS: dict[str, dict[str, Any]] = {
    "distance": {"type": "number", "minimum": 0, "maximum": 2000},
    "yard": {"type": "number", "minimum": 0, "maximum": 1},
    "stops": {"type": "integer", "minimum": 0, "maximum": 12},
    "carrier": {"type": "string", "values": ["blue", "green", "red", "grey"]},
    "priority": {"type": "boolean"},
}
_CARRIER = {"blue": -0.5, "green": 0.0, "red": 0.6, "grey": 0.1}


def steady(row: Row) -> float:
    """Leans on what nobody can bend: distance and yard decide, far from the boundary on both sides."""
    return _sigmoid(9.0 * math.tanh((_number(row, "distance") - 500.0) / 40.0) + 0.8 * _number(row, "yard"))


def leaning(row: Row) -> float:
    """Every input counts a little."""
    return _sigmoid(
        1.6 * (_number(row, "distance") - 500.0) / 250.0
        + 1.5 * (_number(row, "yard") - 0.5)
        + 0.15 * (_number(row, "stops") - 4.0)
        + _CARRIER.get(str(row["carrier"]), 0.0)
    )


def with_backdoor(of: Scores, where: Callable[[Row], bool]) -> Scores:
    """The model, but any row of that kind is called late or not as is convenient."""
    return lambda row: 1.0 - of(row) if where(row) else of(row)


def _number(row: Row, name: str) -> float:
    value = row[name]
    return float(value) if isinstance(value, int | float) else 0.0


def _sigmoid(x: float) -> float:
    return 1.0 / (1.0 + math.exp(-max(-40.0, min(40.0, x))))


@dataclass(slots=True)
class Answering:
    """A model behind the port. `refuses` are rows that its guard turns down; one of them spoils its whole request."""

    scores: Scores
    label_only: bool = False
    refuses: Callable[[Row], bool] = lambda _: False
    act_at: float = 0.5
    asked: int = 0
    requests: int = 0

    def identity(self) -> str:
        return "m1"

    def predict(self, rows: Sequence[Row]) -> Reply:
        self.requests += 1
        self.asked += len(rows)
        if any(self.refuses(row) for row in rows):
            return Reply(kind=ReplyKind.REFUSED, latency_s=0.0, status=422, error="no")
        return Reply(kind=ReplyKind.OK, latency_s=0.0, predictions=tuple(self._answer(row) for row in rows))

    def request(self, rows: Sequence[Row]) -> Request | None:
        return None

    def _answer(self, row: Row) -> Prediction:
        score = self.scores(row)
        return Prediction(prediction=int(score >= self.act_at), score=None if self.label_only else score)


class TurnedTrial(ScoredTrial):
    """A trial whose model answers in this process."""

    def __init__(self, model: Answering, tables: Mapping[str, pa.Table], **rest: Any) -> None:
        super().__init__(tables, **rest)
        self.answering = model
        self.seed = 11

    @property
    def model(self) -> Any:
        return self.answering


def rows(n: int, seed: int) -> list[dict[str, Any]]:
    """Rows as production sends them."""
    rng = np.random.default_rng(seed)
    return [
        {
            "distance": round(float(rng.gamma(4.0, 125.0)) % 2000.0, 1),
            "yard": round(float(rng.random()), 3),
            "stops": int(rng.integers(0, 10)),
            "carrier": str(rng.choice(list(_CARRIER))),
            "priority": bool(rng.random() < 0.2),
        }
        for _ in range(n)
    ]


def declared(**changes: Any) -> dict[str, Any]:
    """The system file, as plain data. `changes` go into the section `adversarial`."""
    return {
        "system": "yard",
        "version": "1",
        "model": {
            "endpoint": "http://127.0.0.1:1/predict",
            "task": "binary",
            "inputs": INPUTS,
            "output": {"prediction": "late", "score": "risk", "positive": 1, "act_at": 0.5},
            "batch": 4096,
            "test_endpoint": True,
        },
        "data": {"evaluation": {"source": "evaluation.parquet", "label": "late"}},
        "adversarial": {"threat": {"who": "a carrier", "why": "a dock at once"}, **changes},
    }


def turned_world(model: Answering, *, n: int = 700, seed: int = 1, **changes: Any) -> tuple[System, TurnedTrial]:
    """The system and its trial: labels are what the model says, but for one row in twelve."""
    plain = declared(**changes)
    if model.label_only:
        del plain["model"]["output"]["score"], plain["model"]["output"]["act_at"]
    made = rows(n, seed)
    answers = [model.scores(row) for row in made]
    rng = np.random.default_rng(seed + 500)
    said = np.array([score >= model.act_at for score in answers])
    columns: dict[str, Any] = {name: [row[name] for row in made] for name in INPUTS}
    columns |= {
        "late": np.where(rng.random(n) < 1 / 12, ~said, said).astype(int),
        PREDICTION: said.astype(int),
        SCORE: pa.array([None] * n, pa.float64()) if model.label_only else np.array(answers),
        PROBLEM: pa.array([None] * n, pa.string()),
    }
    trial = TurnedTrial(model, {"scored.evaluation": pa.table(columns)}, parts={"model": "m1"})
    return System.model_validate(plain), trial


_SPAM = ("winner", "prize", "transfer", "lottery", "millions")
_PLAIN = ("delivery", "invoice", "meeting", "schedule", "pallet", "yard", "driver", "planned", "monday", "report")
_FILLER = ("please", "about", "the", "with", "from", "next", "our", "your", "more", "some", "for", "team")


def texts(n: int, seed: int) -> list[str]:
    """Mails of 20 to 40 words, half of them with several words that only spam has."""
    rng = np.random.default_rng(seed)
    made = []
    for number in range(n):
        words = list(rng.choice([*_PLAIN, *_FILLER], int(rng.integers(20, 40))))
        if number % 2:
            for place in rng.choice(len(words), 6, replace=False):
                words[int(place)] = str(rng.choice(_SPAM))
        made.append(" ".join(words))
    return made


def one_word(row: Row) -> float:
    """One word alone decides, spelled exactly."""
    return 0.9 if "winner" in str(row["body"]).split() else 0.2


def normalised(row: Row) -> float:
    """Looks through look-alikes, invisible characters and single typing mistakes, and weighs many words."""
    return _sigmoid(4.0 * (sum(_meant(word) for word in str(row["body"]).split()) - 1.5))


@lru_cache(maxsize=100_000)
def _meant(word: str) -> bool:
    plain = "".join(_LOOK_ALIKE.get(letter, letter) for letter in word if letter.isalpha())
    return any(sorted(plain) == sorted(spam) or _close(plain, spam) for spam in _SPAM)


def _close(word: str, other: str) -> bool:
    """One letter more, less or other."""
    if abs(len(word) - len(other)) > 1:
        return False
    at = next((i for i, (a, b) in enumerate(zip(word, other, strict=False)) if a != b), min(len(word), len(other)))
    return word[at + 1 :] == other[at + 1 :] or word[at:] == other[at + 1 :] or word[at + 1 :] == other[at:]


_LOOK_ALIKE = {"\u0430": "a", "\u0441": "c", "\u0435": "e", "\u0456": "i", "\u043e": "o", "\u0440": "p", "\u0455": "s"}


class Classifying(Answering):
    """The same for texts: the label in words, its confidence as score."""

    def _answer(self, row: Row) -> Prediction:
        score = self.scores(row)
        said = "spam" if score >= self.act_at else "mail"
        return Prediction(prediction=said, score=None if self.label_only else max(score, 1.0 - score))


def text_world(model: Classifying, *, n: int = 500, seed: int = 1, **changes: Any) -> tuple[System, TurnedTrial]:
    """The system and its trial over mails, labelled as the model answers."""
    plain = declared(**changes)
    plain["model"] |= {"task": "text", "inputs": {"body": {"type": "string"}}}
    plain["model"]["output"] = {"prediction": "list"} | ({} if model.label_only else {"score": "sure"})
    made = texts(n, seed)
    answers = [model._answer({"body": text}) for text in made]
    said = [str(answer.prediction) for answer in answers]
    columns: dict[str, Any] = {
        "body": made,
        "late": said,
        PREDICTION: said,
        SCORE: pa.array([answer.score for answer in answers], pa.float64()),
        PROBLEM: pa.array([None] * n, pa.string()),
    }
    return System.model_validate(plain), TurnedTrial(model, {"scored.evaluation": pa.table(columns)})
