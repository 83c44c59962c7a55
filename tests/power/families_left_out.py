"""model.out-of-sample: rows on which the model is wrong were left out, where live rows alone can show it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa

from plants.scored_trial import World, world
from power.family import Family, judged
from seatrial.core.check import PREDICTION, PROBLEM, SCORE
from seatrial.core.vocabulary import Outcome
from seatrial.domains.model.out_of_sample import CHECK

_ROWS, _LIVE = 6000, 4000
_TABLES = ("training", "evaluation", "live")
_LANES = np.array(["north", "south", "west"])
Columns = dict[str, Any]


def lanes(*, seed: int = 0, scored: bool = True, rows: int = _ROWS, live: int = _LIVE) -> World:
    """A choice of three by what the inputs say; the model is right as often as its score says, roughly."""
    made = world(n=rows, live=live, seed=1 + 10 * seed)
    output = {"prediction": "lane", "score": "sure"} if scored else {"prediction": "lane"}
    made.declared["model"].update(task="multiclass", output=output)
    made.declared["governance"].update(metric="accuracy", minimum=0.5, metrics=[])
    for number, table in enumerate(_TABLES):
        columns = made.columns[table]
        rng = np.random.default_rng([seed, number])
        chances = _chances(columns)
        columns["late"] = _LANES[(chances.cumsum(axis=1) < rng.random(len(chances))[:, None]).sum(axis=1)]
        if table != "training":
            _answer(made, table, _LANES[chances.argmax(axis=1)], chances.max(axis=1) if scored else None)
    return made


def minutes(*, seed: int = 0, alike: bool = False, rows: int = _ROWS, live: int = _LIVE) -> World:
    """Minutes that are predicted worse the farther and the fuller together; with `alike` as well everywhere."""
    made = world(n=rows, live=live, seed=1 + 10 * seed)
    made.declared["model"].update(task="regression", output={"prediction": "minutes"})
    made.declared["governance"].update(metric="within@12", minimum=0.5, metrics=[])
    for number, table in enumerate(_TABLES):
        columns = made.columns[table]
        rng = np.random.default_rng([seed, number])
        known = 0.1 * np.asarray(columns["distance"]) + 0.4 * np.asarray(columns["temp"])
        far, full = np.asarray(columns["distance"]) > 230, np.asarray(columns["load"]) > 0.5
        spread = 10.0 if alike else np.where(far == full, 18.0, 2.0)
        columns["late"] = known + rng.normal(0.0, 1.0, known.size) * spread
        if table != "training":
            _answer(made, table, known, None)
    return made


def _chances(columns: Columns) -> Any:
    distance, load, temp = (np.asarray(columns[name]) for name in ("distance", "load", "temp"))
    first = 2.0 * (distance - 240) / 120 + 4.0 * (load - 0.5)
    odds = np.exp(np.column_stack([first, 1.5 * (temp - 12) / 8, np.zeros(first.size)]))
    return odds / odds.sum(axis=1, keepdims=True)


def _answer(made: World, table: str, said: Any, score: Any) -> None:
    nothing = pa.nulls(len(said), pa.float64())
    made.columns[f"scored.{table}"] = {
        **made.columns[table],
        PREDICTION: said,
        SCORE: nothing if score is None else score,
        PROBLEM: pa.nulls(len(said), pa.string()),
    }


def wrong(made: World) -> Any:
    """Which evaluation rows the model gets wrong; numbers that are off by more than 12."""
    rows = made.columns["scored.evaluation"]
    truth, said = np.asarray(rows["late"]), np.asarray(rows[PREDICTION])
    return np.abs(truth - said) > 12.0 if truth.dtype.kind == "f" else truth != said


def kept(made: World, chosen: Any, **evaluation: Any) -> World:
    """The world with these evaluation rows alone."""
    made.declared["data"]["evaluation"].update(evaluation)
    for table in ("evaluation", "scored.evaluation"):
        made.columns[table] = {
            name: pa.array(values).take(pa.array(np.flatnonzero(chosen)))
            if isinstance(values, pa.Array)
            else np.asarray(values)[chosen]
            for name, values in made.columns[table].items()
        }
    return made


def without_wrong(made: World, share: float, *, seed: int = 0) -> World:
    """So many of the wrong rows were left out."""
    mistaken = wrong(made)
    return kept(made, ~(mistaken & (np.random.default_rng(seed).random(mistaken.size) < share)))


def drawn(made: World, share: float, *, seed: int = 0) -> World:
    """So many of all rows were left out, whatever the model said."""
    return kept(made, np.random.default_rng(seed).random(len(wrong(made))) >= share)


def by_strata(made: World, *, seed: int = 0, declared: bool = True) -> World:
    """Rows of the rarer carriers were labelled more often, as `data.evaluation.strata` says."""
    carrier = np.asarray(made.columns["evaluation"]["carrier"])
    chance = np.select([carrier == "blue", carrier == "green"], [0.4, 0.6], 1.0)
    shares = {str(name): float((carrier == name).mean()) for name in np.unique(carrier)}
    strata = {"strata": {"column": "carrier", "shares": shares}} if declared else {}
    return kept(made, np.random.default_rng(seed).random(carrier.size) < chance, **strata)


def harder(made: World, by: float) -> World:
    """Live distances lie nearer to where the model is in doubt, by this share of the way."""
    for table in ("live", "scored.live"):
        made.columns[table]["distance"] = np.asarray(made.columns[table]["distance"]) * (1.0 - by) + 240.0 * by
    chances = _chances(made.columns["live"])
    made.columns["scored.live"] |= {PREDICTION: _LANES[chances.argmax(axis=1)], SCORE: chances.max(axis=1)}
    return made


def _caught(make: Callable[[int], World]) -> Callable[[int], bool]:
    def caught(seed: int) -> bool:
        made = make(seed)
        system = made.system()
        return judged(CHECK, system, CHECK.run(system, made.trial())) is not Outcome.MET

    return caught


def _family(name: str, make: Callable[[int], World], *, harmful: bool, claimed: float | None = -1.0) -> Family:
    return Family(
        requirement="model.out-of-sample",
        name=name,
        harmful=harmful,
        caught=_caught(make),
        worlds=20,
        claimed=claimed,
    )


FAMILIES = (
    _family(
        "half of the wrong rows of three answers with a score left out",
        lambda seed: without_wrong(lanes(seed=seed), 0.5, seed=seed),
        harmful=True,
    ),
    _family(
        "half of the wrong numbers left out, where two inputs together tell how wrong they are",
        lambda seed: without_wrong(minutes(seed=seed), 0.5, seed=seed),
        harmful=True,
    ),
    _family(
        "half of the wrong rows of three answers without a score left out",
        lambda seed: without_wrong(lanes(seed=seed, scored=False), 0.5, seed=seed),
        harmful=True,
        claimed=None,
    ),
    _family(
        "half of all rows of three answers left out",
        lambda seed: drawn(lanes(seed=seed), 0.5, seed=seed),
        harmful=False,
    ),
    _family(
        "half of all rows of numbers left out", lambda seed: drawn(minutes(seed=seed), 0.5, seed=seed), harmful=False
    ),
    _family(
        "live rows of three answers that have become harder: distances 10 % nearer to where it is in doubt",
        lambda seed: harder(lanes(seed=seed), 0.1),
        harmful=False,
        claimed=None,
    ),
    _family(
        "rows of three answers drawn by declared strata",
        lambda seed: by_strata(lanes(seed=seed), seed=seed),
        harmful=False,
    ),
)
