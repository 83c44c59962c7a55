"""Models to be stressed: sound ones for numbers, texts and chat, and one named way in which each is not sound."""

from __future__ import annotations

import math
import random
import re
import threading
import zlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from plants.server import Asked, Said, said

Row = Mapping[str, Any]

FREIGHT: Final[dict[str, dict[str, Any]]] = {
    "distance": {"type": "number", "unit": "km", "minimum": 0, "maximum": 3000},
    "load": {"type": "number", "minimum": 0, "maximum": 100},
    "stops": {"type": "integer", "minimum": 0, "maximum": 20},
    "carrier": {"type": "string", "values": ["blue", "green", "red", "grey", "white"]},
    "hazard": {"type": "boolean"},
    "gusts": {"type": "number", "minimum": 0, "maximum": 40, "nullable": True},
    "planned_at": {"type": "time"},
}
_CARRIERS: Final = {"blue": 0.0, "green": -0.4, "red": 0.7, "grey": 0.2}
"""White is declared and has never been seen."""
_ROUTES: Final = {"invoice": "billing", "delivery": "logistics", "password": "support", "contract": "legal"}
_FILLER: Final = ("please", "could", "somebody", "look", "into", "this", "before", "the", "end", "of", "our", "week")
_FACTS: Final = {
    "opening hours": "The dock is open from 6 to 22 on every working day of the week.",
    "longest vehicle": "The longest vehicle that fits our dock measures 18.75 m, trailer included.",
    "return window": "Goods may be returned within 30 days when the seal is unbroken.",
}


def freight(count: int, *, seed: int = 1) -> list[dict[str, Any]]:
    """Rows of transports, with a customer that comes again and a label."""
    drawn = random.Random(seed)
    return [
        {
            "distance": round(drawn.uniform(20.0, 1500.0), 1),
            "load": round(drawn.uniform(5.0, 100.0), 1),
            "stops": drawn.randrange(8),
            "carrier": drawn.choice(tuple(_CARRIERS)),
            "hazard": drawn.random() < 0.1,
            "gusts": None if drawn.random() < 0.2 else round(drawn.uniform(0.0, 25.0), 1),
            "planned_at": f"2026-{1 + at % 12:02}-{1 + at % 28:02}T{at % 24:02}:15:00+00:00",
            "order": f"o{seed}-{at}",
            "late": int(drawn.random() < 0.3),
        }
        for at in range(count)
    ]


def mails(count: int, *, seed: int = 1) -> list[dict[str, Any]]:
    """Mails of twelve to twenty words, one of which says where they belong."""
    drawn = random.Random(seed)
    found = []
    for _ in range(count):
        topic = drawn.choice(tuple(_ROUTES))
        words = [drawn.choice(_FILLER) for _ in range(drawn.randrange(12, 20))]
        words.insert(drawn.randrange(len(words)), topic)
        words.insert(drawn.randrange(len(words)), topic)
        found.append({"body": " ".join(words).capitalize() + ".", "route": _ROUTES[topic]})
    return found


def questions(count: int, *, seed: int = 1) -> list[dict[str, Any]]:
    """Questions about what the bot knows, each a little different."""
    drawn = random.Random(seed)
    asked = ("What are the {}?", "Could you tell me the {} please", "I need to know the {}", "Tell me about the {}")
    return [
        {"question": f"{drawn.choice(asked).format(drawn.choice(tuple(_FACTS)))} (ticket {seed}-{at})"}
        for at in range(count)
    ]


class Freight:
    """The risk of a late transport: rises with distance, load and stops. Each argument plants one thing.

    `spoils` gets the row and its exponent and gives another one; `answers` gets all answers with their rows and gives
    others; `refuses` gives words for a row that is refused; `fails` a reply for a row that brings the server down.
    """

    def __init__(
        self,
        *,
        spoils: Callable[[Row, float], float] = lambda _, exponent: exponent,
        answers: Callable[[Sequence[Row], list[float]], list[float]] = lambda _, scores: scores,
        refuses: Callable[[Row], str] = lambda _: "",
        fails: Callable[[Row], Said | None] = lambda _: None,
        delay_s: float = 0.0,
        label_only: bool = False,
        minutes: bool = False,
    ) -> None:
        self._spoils = spoils
        self._answers = answers
        self._refuses = refuses
        self._fails = fails
        self._delay_s = delay_s
        self._label_only = label_only
        self._minutes = minutes
        self.lock = threading.Lock()

    def __call__(self, asked: Asked) -> Said:
        if asked.path == "/version":
            return said({"version": "1"})
        rows: list[Row] = asked.json()["rows"]
        for row in rows:
            if failure := self._fails(row):
                return failure
            if words := self._refuses(row):
                return said({"error": words}, 422)
        with self.lock:
            scores = self._answers(rows, [self._score(row) for row in rows])
        return said({"predictions": [self._said(score) for score in scores]}, delay_s=self._delay_s)

    def _score(self, row: Row) -> float:
        exponent = (
            0.004 * (float(row["distance"]) - 700.0)
            + 0.03 * (float(row["load"]) - 50.0)
            + 0.15 * float(row["stops"])
            + _CARRIERS.get(str(row["carrier"]), 0.0)
            + 0.03 * float(row.get("gusts") or 0.0)
        )
        return _squashed(self._spoils(row, exponent))

    def _said(self, score: float) -> Any:
        if self._minutes:
            return {"late": 60.0 * score}
        return {"late": int(score >= 0.5)} if self._label_only else {"late": int(score >= 0.5), "risk": score}


def cached(goes_by: Callable[[str], bool]) -> Callable[[Sequence[Row], list[float]], list[float]]:
    """An answer cache before the model, which knows a row again by these of its fields."""
    kept: dict[str, float] = {}

    def answers(rows: Sequence[Row], scores: list[float]) -> list[float]:
        keys = [repr(sorted((k, v) for k, v in row.items() if goes_by(k))) for row in rows]
        return [kept.setdefault(key, score) for key, score in zip(keys, scores, strict=True)]

    return answers


def _squashed(exponent: float) -> float:
    return 1.0 / (1.0 + math.exp(-max(-50.0, min(50.0, exponent))))


class Mail:
    """Routes a mail by the words that it knows, by parts of them where `robust`, so that a typo changes little."""

    def __init__(
        self, *, robust: bool = True, fails: Callable[[str], Said | None] = lambda _: None, always: str = ""
    ) -> None:
        self._robust = robust
        self._fails = fails
        self._always = always

    def __call__(self, asked: Asked) -> Said:
        if asked.path == "/version":
            return said({"version": "1"})
        texts = [str(row["body"]) for row in asked.json()["rows"]]
        for text in texts:
            if failure := self._fails(text):
                return failure
        return said({"predictions": [{"route": self._always or self._route(text)} for text in texts]})

    def _route(self, text: str) -> str:
        if not self._robust:
            # The whole text is its key, as after overfitting: any other spelling falls into another bin.
            return tuple(_ROUTES.values())[zlib.crc32(text.encode()) % len(_ROUTES)]
        lowered = text.lower()
        hits = {route: sum(_parts(word, lowered)) for word, route in _ROUTES.items()}
        return max(hits, key=lambda route: (hits[route], route))


def _parts(word: str, text: str) -> list[int]:
    return [text.count(word[at : at + 4]) for at in range(len(word) - 3)]


class Bot:
    """Answers from three facts. `mood` gets the question, the answer and a counter, and gives another answer."""

    def __init__(self, *, mood: Callable[[str, str, int], str] = lambda _, answer, __: answer) -> None:
        self._mood = mood
        self._asked = 0
        self._lock = threading.Lock()

    def __call__(self, asked: Asked) -> Said:
        if asked.path == "/version":
            return said({"version": "1"})
        return said({"predictions": [{"answer": self._answer(str(row["question"]))} for row in asked.json()["rows"]]})

    def _answer(self, question: str) -> str:
        with self._lock:
            self._asked += 1
            number = self._asked
        letters = re.sub(r"[^a-z]", "", question.lower())
        hits = {fact: sum(_parts(fact.replace(" ", ""), letters)) for fact in _FACTS}
        best = max(hits, key=lambda fact: hits[fact])
        known = _FACTS[best] if hits[best] else "I do not know that; please ask the front desk."
        return self._mood(question, known, number)


def freight_declared(url: str, *, relations: Sequence[Mapping[str, Any]] = (), **changes: Any) -> dict[str, Any]:
    """The system file of the freight model, with a relation that holds where none is given."""
    holds = {
        "name": "farther is not safer",
        "kind": "direction",
        "change": {"add": {"distance": 200}},
        "score": "not-lower",
    }
    return {
        "system": "freight",
        "version": "1",
        "model": {
            "endpoint": f"{url}/predict",
            "identity": f"{url}/version",
            "task": "binary",
            "timeout": "1s",
            "inputs": FREIGHT,
            "output": {"prediction": "late", "score": "risk", "act_at": 0.5},
            "test_endpoint": True,
        },
        "data": {"evaluation": {"source": "evaluation.parquet", "label": "late", "entity": "order"}},
        "stress": {"relations": list(relations) or [holds], "immutable": ["order"], "noise": {"distance": 1.0}},
        **changes,
    }


def labelled(url: str) -> dict[str, Any]:
    """The same where the model gives labels alone."""
    plain = freight_declared(url)
    return {**plain, "model": {**plain["model"], "output": {"prediction": "late"}}}


def text_declared(url: str, *, task: str = "text", **stress: Any) -> dict[str, Any]:
    """The system file of the mail router (`text`) or of the bot (`chat`), with a relation that holds."""
    chat = task == "chat"
    field = "question" if chat else "body"
    given = {"question": "What are the opening hours?"} if chat else {"body": "A question about my invoice, thanks."}
    wanted = {"contains": ["6 to 22"]} if chat else {"answer": "billing"}
    relation = {"name": "the plain case", "kind": "must-answer", "cases": [{"given": given, **wanted}]}
    return {
        "system": "texts",
        "version": "1",
        "model": {
            "endpoint": f"{url}/predict",
            "identity": f"{url}/version",
            "task": task,
            "timeout": "1s",
            "inputs": {field: {"type": "string"}},
            "output": {"prediction": "answer" if chat else "route"},
            "test_endpoint": True,
        },
        "data": {"evaluation": {"source": "evaluation.parquet"}},
        "stress": {"relations": [relation], **stress},
    }
