"""model.stress: models that depend on how they are asked, on noise, or fail at an edge; and ones that only look odd."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import Any

from plants.real_trial import RealTrial
from plants.server import Answering, Said, Server, said
from plants.stressed_models import (
    Bot,
    Freight,
    Mail,
    Row,
    cached,
    freight,
    freight_declared,
    labelled,
    mails,
    questions,
    text_declared,
)
from power.family import Family, judged
from seatrial.core.vocabulary import Outcome
from seatrial.domains.model.stress import CHECK
from seatrial.spec.system import System

_ROWS = 320
"""Enough to clear the strictest limit without one violation, so that each false one would be seen."""
_WORLDS = 20
_CRASHED = said({"error": "Traceback"}, 500)


def _caught(answering: Answering, declared: Callable[[str], dict[str, Any]], rows: list[Any], seed: int) -> bool:
    with Server(answering) as server:
        system = System.model_validate(declared(server.url))
        with RealTrial(system, tables={"evaluation": rows}, seed=seed) as trial:
            return judged(CHECK, system, CHECK.run(system, trial)) is not Outcome.MET


def _freight(**planted: Any) -> Callable[[int], bool]:
    def caught(seed: int) -> bool:
        return _caught(Freight(**planted), freight_declared, freight(_ROWS, seed=seed), seed)

    return caught


def _minutes(seed: int) -> bool:
    def declared(url: str) -> dict[str, Any]:
        plain = freight_declared(url)
        return {**plain, "model": {**plain["model"], "task": "regression", "output": {"prediction": "late"}}}

    return _caught(Freight(minutes=True), declared, freight(_ROWS, seed=seed), seed)


def _mail(**planted: Any) -> Callable[[int], bool]:
    return lambda seed: _caught(Mail(**planted), text_declared, mails(_ROWS, seed=seed), seed)


def _bot(mood: Callable[[str, str, int], str] | None = None) -> Callable[[int], bool]:
    def caught(seed: int) -> bool:
        bot = Bot() if mood is None else Bot(mood=mood)
        return _caught(bot, lambda url: text_declared(url, task="chat"), questions(64, seed=seed), seed)

    return caught


def _scaled(_: Sequence[Row], scores: list[float]) -> list[float]:
    low, high = min(scores), max(scores)
    return [(s - low) / ((high - low) or 1.0) for s in scores]


def _positions(rows: Sequence[Row], scores: list[float]) -> list[float]:
    """Answers in the order of the sorted rows."""
    order = sorted(range(len(rows)), key=lambda i: str(rows[i]["distance"]))
    return [scores[i] for i in order]


def _stochastic(share: float) -> Callable[[Sequence[Row], list[float]], list[float]]:
    drawn = random.Random(1)
    return lambda _, scores: [1.0 - s if drawn.random() < share else s for s in scores]


def _second_lost(rows: Sequence[Row], scores: list[float]) -> list[float]:
    """Of two equal rows in a request the second gets no features."""
    seen: set[str] = set()
    found = []
    for row, score in zip(rows, scores, strict=True):
        key = repr(sorted(row.items(), key=str))
        found.append(0.0 if key in seen else score)
        seen.add(key)
    return found


def _by_place(row: Row, exponent: float) -> float:
    """Reads the first two fields by their place."""
    first = next(iter(row.values()))
    return exponent if first == row["distance"] else exponent + 1.0


def _dips(row: Row, exponent: float) -> float:
    return exponent - (2.5 if 600 <= float(row["distance"]) <= 800 else 0.0)


def _twitchy(row: Row, exponent: float) -> float:
    return exponent + (2.0 if int(float(row["distance"]) * 2) % 2 else 0.0)


def _failing(wrong: Callable[[Row], bool], reply: Said = _CRASHED) -> Callable[[Row], Said | None]:
    return lambda row: reply if wrong(row) else None


def _wobbling(size: float) -> Callable[[Sequence[Row], list[float]], list[float]]:
    drawn = random.Random(2)
    return lambda _, scores: [min(1.0, max(0.0, s + drawn.uniform(-size, size))) for s in scores]


def _contradicts(row: Row) -> str:
    """Two extremes at once are no plausible transport."""
    extreme = (float(row["distance"]) > 2900) + (float(row["load"]) > 99.9) + (int(row["stops"]) > 15)
    return "distance, load and stops contradict each other" if extreme > 1 else ""


def _cache(*left_out: str) -> Callable[[int], bool]:
    """A cache that goes by all inputs but these; a new one for each world."""

    def caught(seed: int) -> bool:
        return _freight(answers=cached(lambda name: name not in left_out))(seed)

    return caught


def _refused_when_empty(text: str) -> Said | None:
    return None if text.strip() else said({"error": "body is empty"}, 422)


def _labels(seed: int) -> bool:
    return _caught(Freight(label_only=True), labelled, freight(_ROWS, seed=seed), seed)


def _in_corner(row: Row) -> bool:
    return float(row["distance"]) >= 2999 and float(row["load"]) >= 99


FAMILIES: tuple[Family, ...] = tuple(
    Family(requirement="model.stress", name=name, harmful=harmful, caught=caught, worlds=_WORLDS)
    for name, harmful, caught in (
        ("scores scaled over the request", True, _freight(answers=_scaled)),
        ("answers in the order of sorted rows", True, _freight(answers=_positions)),
        ("one answer in twenty turned at random", True, _freight(answers=_stochastic(0.05))),
        ("a second equal row answered without features", True, _freight(answers=_second_lost)),
        ("fields read by their place", True, _freight(spoils=_by_place)),
        ("a score that falls over a stretch of a distance that may only raise it", True, _freight(spoils=_dips)),
        ("an answer cache that leaves out the carrier", True, _cache("carrier")),
        ("an answer cache that goes by every input", False, _cache()),
        ("decisions that flip within half a unit", True, _freight(spoils=_twitchy)),
        ("a crash on null where null is legal", True, _freight(fails=_failing(lambda r: r["gusts"] is None))),
        (
            "a crash on a legal value that the data never show",
            True,
            _freight(fails=_failing(lambda r: r["carrier"] == "white")),
        ),
        ("a crash where two numbers are largest", True, _freight(fails=_failing(_in_corner))),
        (
            "an answer of another shape at the smallest number",
            True,
            _freight(fails=_failing(lambda r: r["distance"] == 0, said({"predictions": [{"late": None}]}))),
        ),
        ("a crash far in the future", True, _freight(fails=_failing(lambda r: str(r["planned_at"]) > "2090"))),
        ("the same answer to everything", True, _freight(spoils=lambda _, __: -3.0)),
        ("a text model that keys on the exact spelling", True, _mail(robust=False)),
        ("a text model that crashes on empty text", True, _mail(fails=lambda t: None if t.strip() else _CRASHED)),
        ("a text model that crashes on long text", True, _mail(fails=lambda t: _CRASHED if len(t) > 50_000 else None)),
        ("a chat that names another figure every third time", True, _bot(lambda _, a, n: a + " 7" * (n % 3 == 0))),
        ("a chat that refuses everything", True, _bot(lambda _, __, ___: "I'm sorry, I cannot help with that.")),
        ("a sound model", False, _freight()),
        ("noise of a billionth on every score", False, _freight(answers=_wobbling(1e-9))),
        ("answers that take a while", False, _freight(delay_s=0.005)),
        ("a guard that refuses what contradicts itself", False, _freight(refuses=_contradicts)),
        ("a model that gives labels alone", False, _labels),
        ("a sound regression", False, _minutes),
        ("a sound text model", False, _mail()),
        ("a text model that refuses empty text", False, _mail(fails=_refused_when_empty)),
        ("a sound chat", False, _bot()),
        ("a chat that words its greeting otherwise", False, _bot(lambda _, a, n: a + (" Kind regards." * (n % 2)))),
    )
)
