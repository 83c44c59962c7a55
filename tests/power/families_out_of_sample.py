"""Families for `model.out-of-sample`: what evaluation may share with training, and how live may differ from it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pyarrow as pa

from plants.scored_trial import World, deliveries, scored, world
from plants.text_world import GERMAN, RECALL, mails, rewrite, text_world
from power.family import Family, judged
from seatrial.core.check import PREDICTION, SCORE
from seatrial.core.vocabulary import Outcome
from seatrial.domains.model.out_of_sample import CHECK

_EVALUATED = ("evaluation", "scored.evaluation")
_INPUTS = ("distance", "temp", "carrier", "load")
_SENSORS = tuple(f"sensor_{at}" for at in range(6))
_N, _LIVE = 1200, 1000


def _caught(make: Callable[[int], World], plant: Callable[[World, int], None], seed: int) -> bool:
    made = make(seed)
    plant(made, seed)
    system = made.system()
    return judged(CHECK, system, CHECK.run(system, made.trial())) is not Outcome.MET


def _rows(seed: int) -> World:
    return world(n=_N, live=_LIVE, seed=seed)


def _measured(seed: int) -> World:
    """Rows with six measured numbers more, ten inputs in all."""
    made, rng = _rows(seed), np.random.default_rng([seed, 10])
    made.declared["model"]["inputs"] |= {name: {"type": "number"} for name in _SENSORS}
    for table in ("training", "evaluation", "live"):
        made.columns[table] |= {name: rng.normal(size=len(made.columns[table]["late"])) for name in _SENSORS}
    made.columns["scored.evaluation"] |= {name: made.columns["evaluation"][name] for name in _SENSORS}
    return made


def _mails(seed: int) -> World:
    return text_world(seed=seed)


def _nothing(_: World, __: int) -> None:
    """A sound world."""


def _copies(
    made: World, seed: int, *, share: float, change: Callable[[dict[str, Any], np.random.Generator], None]
) -> None:
    """Training rows in place of evaluation rows, their inputs changed."""
    rng = np.random.default_rng(seed)
    rows = int(share * _N)
    chosen = rng.choice(len(made.columns["training"]["late"]), rows, replace=False)
    taken = {name: np.array(made.columns["training"][name])[chosen] for name in _INPUTS}
    change(taken, rng)
    for table in _EVALUATED:
        for name in _INPUTS:
            values = np.array(made.columns[table][name])
            values[:rows] = taken[name]
            made.columns[table][name] = values


def _repeated(
    made: World,
    seed: int,
    *,
    change: Callable[[dict[str, Any], np.random.Generator], None],
    named: bool = False,
) -> None:
    """Half of the evaluation rows are the other half, changed, under new names; `named` says that each two are one."""
    once = np.arange(_N) % (_N // 2)
    inputs = made.declared["model"]["inputs"]
    taken = {name: np.array(made.columns["evaluation"][name])[: _N // 2] for name in inputs}
    change(taken, np.random.default_rng(seed))
    for table in _EVALUATED:
        columns = made.columns[table]
        for name in {*inputs, "late", PREDICTION, SCORE} & columns.keys():
            first = np.asarray(columns[name])[: _N // 2]
            columns[name] = np.concatenate([first, taken.get(name, first)])
        if named:
            columns["id"] = np.array([f"p{at}" for at in once])


def _coarse(made: World, _: int) -> None:
    """Few values of each input, so that rows repeat each other everywhere alike."""
    for table in ("training", *_EVALUATED, "live"):
        columns = made.columns[table]
        columns["distance"], columns["temp"] = np.round(columns["distance"] / 200), np.round(columns["temp"] / 20)
        columns["load"] = np.round(columns["load"])


def _measured_alike(made: World, _: int) -> None:
    """One sensor shows one of three states, everywhere alike."""
    for table in ("training", *_EVALUATED, "live"):
        columns = made.columns[table]
        columns["sensor_0"] = np.clip(np.round(columns["sensor_0"]), -1.0, 1.0)


def _one_changed(taken: dict[str, Any], rng: np.random.Generator) -> None:
    """Each has another carrier."""
    carriers = np.array(["blue", "green", "red", "grey"])
    taken["carrier"] = np.array([rng.choice(carriers[carriers != own]) for own in taken["carrier"]])


def _as_they_are(_: dict[str, Any], __: np.random.Generator) -> None:
    """Only the id and the time are others."""


def _rounded(taken: dict[str, Any], _: np.random.Generator) -> None:
    taken["distance"] = np.round(taken["distance"])
    taken["load"] = np.round(taken["load"], 2)


def _noisy(taken: dict[str, Any], rng: np.random.Generator) -> None:
    for name, size in (("distance", 1.0), ("temp", 0.1), ("load", 0.002)):
        taken[name] = taken[name] + rng.uniform(-size, size, len(taken[name]))


def _lanes(made: World, seed: int, *, live: bool) -> None:
    """A lane that has nothing to do with the carrier; with `live` it goes with it there. Each alone stays as it was."""
    made.declared["model"]["inputs"]["lane"] = {"type": "string"}
    for at, table in enumerate(("training", "evaluation", "live")):
        carrier = np.asarray(made.columns[table]["carrier"])
        lanes = np.random.default_rng(seed * 7 + at).choice(["n", "e", "s", "w"], carrier.size, p=[0.4, 0.3, 0.2, 0.1])
        if live and table == "live":
            placed = np.empty_like(lanes)
            placed[np.argsort(carrier, kind="stable")] = np.sort(lanes)
            lanes = placed
        made.columns[table]["lane"] = lanes
    made.columns["scored.evaluation"]["lane"] = made.columns["evaluation"]["lane"]


def _delayed(made: World, seed: int) -> None:
    """The planned and the real minute are both inputs, and their difference is the delay."""
    for at, table in enumerate(("training", "evaluation", "live")):
        columns, rng = made.columns[table], np.random.default_rng(seed * 7 + at)
        late = np.asarray(columns["late"]) == 1
        columns["planned"] = rng.uniform(0, 5000, late.size)
        columns["real"] = columns["planned"] + np.where(late, 45.0, 5.0) + rng.normal(0, 2.0, late.size)
    for name in ("planned", "real"):
        made.declared["model"]["inputs"][name] = {"type": "number"}
        made.columns["scored.evaluation"][name] = made.columns["evaluation"][name]


def _random_split(made: World, seed: int) -> None:
    rows = deliveries(_N, seed=seed, start_day=0)
    made.columns["evaluation"], made.columns["scored.evaluation"] = rows, scored(rows)


def _remembered(made: World, seed: int) -> None:
    """Half of the rows belong to known customers, on whom the model is nearly always right."""
    rng = np.random.default_rng(seed)
    made.columns["training"]["id"] = np.array([f"k{i % 500}" for i in range(4000)])
    known = rng.random(_N) < 0.5
    for table in _EVALUATED:
        made.columns[table]["id"] = np.where(known, [f"k{i % 500}" for i in range(_N)], [f"n{i}" for i in range(_N)])
    truth = np.asarray(made.columns["scored.evaluation"]["late"])
    said = np.asarray(made.columns["scored.evaluation"]["seatrial.prediction"])
    made.columns["scored.evaluation"]["seatrial.prediction"] = np.where(known, truth, said)


def _leak(made: World, seed: int, *, strength: float) -> None:
    made.declared["model"]["inputs"]["actual"] = {"type": "number"}
    for i, table in enumerate(("training", "evaluation", "live")):
        late = np.asarray(made.columns[table]["late"])
        made.columns[table]["actual"] = strength * late + np.random.default_rng([seed, i]).normal(0, 1, len(late))
    made.columns["scored.evaluation"]["actual"] = made.columns["evaluation"]["actual"]


def _unknown(made: World, seed: int, *, live: float) -> None:
    """A field that live traffic has at one value only, or not at all."""
    made.declared["model"]["inputs"]["gate"] = {"type": "number", "nullable": True}
    for i, table in enumerate(("training", "evaluation", "live")):
        n = len(made.columns[table]["late"])
        values = np.random.default_rng([seed, i]).integers(1, 30, n).astype(float)
        made.columns[table]["gate"] = values if table != "live" else np.full(n, live)
    made.columns["scored.evaluation"]["gate"] = made.columns["evaluation"]["gate"]


def _colder(made: World, _: int, *, d: float) -> None:
    made.columns["live"]["temp"] = np.asarray(made.columns["live"]["temp"]) - 8.0 * d


def _region(made: World, _: int) -> None:
    """No evaluation rows where it is hot and far, which is a tenth of the live traffic."""
    live = made.columns["live"]
    rows = slice(0, _LIVE // 10)
    for name, value in (("temp", 41.0), ("distance", 900.0)):
        values = np.array(live[name])
        values[rows] = value + np.arange(_LIVE // 10) % 7
        live[name] = values


def _new_carrier(made: World, seed: int) -> None:
    joined = np.random.default_rng(seed).random(_LIVE) < 0.1
    made.columns["live"]["carrier"] = np.where(joined, "violet", made.columns["live"]["carrier"])


def _permuted(made: World, seed: int) -> None:
    order = np.random.default_rng(seed).permutation(_N)
    for table in _EVALUATED:
        for name, values in made.columns[table].items():
            column = values if isinstance(values, pa.Array) else pa.array(np.asarray(values))
            made.columns[table][name] = column.take(pa.array(order))


def _extra_column(made: World, seed: int) -> None:
    made.declared["model"]["inputs"]["remark"] = {"type": "number", "nullable": True}
    for i, table in enumerate(("training", "evaluation", "live")):
        rng = np.random.default_rng([seed, i])
        n = len(made.columns[table]["late"])
        made.columns[table]["remark"] = np.where(rng.random(n) < 0.7, np.nan, rng.normal(size=n))
    made.columns["scored.evaluation"]["remark"] = made.columns["evaluation"]["remark"]


def _ints_as_floats(made: World, _: int) -> None:
    for table in ("training", "evaluation", "scored.evaluation", "live"):
        made.columns[table]["distance"] = np.round(np.asarray(made.columns[table]["distance"])).astype(
            int if table == "live" else float
        )


def _copied_texts(made: World, seed: int, *, changed: float) -> None:
    rng = np.random.default_rng(seed)
    texts = []
    for text in made.columns["training"]["body"][:60]:
        words = text.split()
        for place in rng.choice(len(words), max(1, round(changed * len(words))), replace=False):
            words[int(place)] = "something"
        texts.append(" ".join(words))
    rewrite(made, "evaluation", range(60), texts)


def _marked(made: World, _: int) -> None:
    for table in ("training", "evaluation"):
        body, queues = made.columns[table]["body"], made.columns[table]["queue"]
        rewrite(made, table, range(len(body)), [f"{b} list-{q}" for b, q in zip(body, queues, strict=True)])


def _live_texts(made: World, seed: int, *, share: float, **kind: Any) -> None:
    rows = int(share * len(made.columns["live"]["body"]))
    rewrite(made, "live", range(rows), mails(rows, seed=seed, **kind)[0])


def _template(made: World, _: int) -> None:
    live = made.columns["live"]["body"]
    rewrite(made, "live", range(len(live)), [f"Ticket opened via portal: {text}" for text in live])


def _thanks(made: World, _: int) -> None:
    for table in ("training", "evaluation", "live"):
        rows = range(0, len(made.columns[table]["body"]), 8)
        rewrite(made, table, rows, [("Thank you.", "Please call me back.")[i % 2] for i in range(len(rows))])


def _by_outcome(made: World, seed: int, *, declared: bool) -> None:
    """Late rows were labelled four times as often as others; inputs tell of lateness only a little."""
    rng = np.random.default_rng(seed)
    for table, n in (("evaluation", 4 * _N), ("live", 2 * _LIVE)):
        rows = deliveries(n, seed=seed + n, start_day=100 if table == "evaluation" else 200)
        rows["late"] = (rng.random(n) < 0.15).astype(int)
        said = np.where(rng.random(n) < 0.9, rows["late"], 1 - rows["late"])
        made.columns[table] = rows
        made.columns[f"scored.{table}"] = {**scored(rows), PREDICTION: said, SCORE: np.where(said == 1, 0.8, 0.2)}
    chance = np.where(np.asarray(made.columns["evaluation"]["late"]) == 1, 1.0, 0.25)
    kept = np.flatnonzero(rng.random(4 * _N) < chance)
    for table in _EVALUATED:
        made.columns[table] = {
            name: column.take(pa.array(kept)) if isinstance(column, pa.Array) else np.asarray(column)[kept]
            for name, column in made.columns[table].items()
        } | {"stands_for": 1.0 / chance[kept]}
    if declared:
        made.declared["data"]["evaluation"]["weight"] = "stands_for"


def _family(
    name: str,
    plant: Callable[[World, int], None],
    *,
    harmful: bool = True,
    make: Callable[[int], World] = _rows,
    worlds: int = 40,
    claimed: float | None = -1.0,
) -> Family:
    return Family(
        requirement="model.out-of-sample",
        name=name,
        harmful=harmful,
        caught=partial(_caught, make, plant),
        worlds=worlds,
        claimed=claimed,
    )


FAMILIES: tuple[Family, ...] = (
    _family("a random split over the same days", _random_split),
    _family("10 % training rows under other ids", partial(_copies, share=0.1, change=_as_they_are)),
    _family("10 % training rows, rounded", partial(_copies, share=0.1, change=_rounded)),
    _family("10 % training rows, within noise", partial(_copies, share=0.1, change=_noisy)),
    _family("half of the rows are the other half under new names", partial(_repeated, change=_as_they_are), worlds=20),
    _family(
        "half of the rows are the other half, rounded, under new names", partial(_repeated, change=_rounded), worlds=20
    ),
    _family(
        "half of the rows are the other half, within noise, under new names",
        partial(_repeated, change=_noisy),
        worlds=20,
    ),
    _family(
        "half of the rows are the other half but for one of ten inputs",
        partial(_repeated, change=_one_changed),
        make=_measured,
        worlds=20,
    ),
    _family(
        "half of the rows are the other half but for one of four inputs",
        partial(_repeated, change=_one_changed),
        worlds=20,
        claimed=None,
    ),
    _family("customers that the model remembers", _remembered),
    _family("a field that knows the answer (AUC .96)", partial(_leak, strength=2.5)),
    _family("a field that knows the answer (AUC .92)", partial(_leak, strength=2.0), claimed=None),
    _family("two numbers whose difference is the answer", _delayed, worlds=20),
    _family("two fields that go together only live, each alone as it was", partial(_lanes, live=True), worlds=20),
    _family("a field that is missing live", partial(_unknown, live=float("nan"))),
    _family("a field that is at its default live", partial(_unknown, live=0.0)),
    _family("one field shifted by 0.5 standard deviations", partial(_colder, d=0.5), claimed=None),
    _family("one field shifted by 1.0 standard deviations", partial(_colder, d=1.0)),
    _family("10 % of live traffic where nothing was evaluated", _region),
    _family("10 % of live traffic with a new carrier", _new_carrier),
    _family(
        "7 % training texts, one word in fifty changed", partial(_copied_texts, changed=0.02), make=_mails, worlds=20
    ),
    _family("texts with a marker of their queue", _marked, make=_mails, worlds=20),
    _family(
        "30 % of live texts in another language", partial(_live_texts, share=0.3, plain=GERMAN), make=_mails, worlds=20
    ),
    _family(
        "10 % of live texts on a new topic",
        partial(_live_texts, share=0.1, topics={"recall": RECALL}),
        make=_mails,
        worlds=20,
    ),
    _family("all live texts in another template", _template, make=_mails, worlds=20),
    _family("late rows labelled four times as often, undeclared", partial(_by_outcome, declared=False), worlds=20),
    _family("sound rows", _nothing, harmful=False),
    _family(
        "late rows labelled four times as often, with weights declared",
        partial(_by_outcome, declared=True),
        harmful=False,
        worlds=20,
    ),
    _family(
        "one more category that has nothing to do with the rest", partial(_lanes, live=False), harmful=False, worlds=20
    ),
    _family(
        "each two rows are one thing that is declared, measured twice",
        partial(_repeated, change=_noisy, named=True),
        harmful=False,
        worlds=20,
    ),
    _family(
        "rows of ten inputs, one of which is the same in many",
        _measured_alike,
        make=_measured,
        harmful=False,
        worlds=20,
    ),
    _family("rows of few values that repeat each other everywhere alike", _coarse, harmful=False, worlds=20),
    _family("rows in another order", _permuted, harmful=False),
    _family("one more field that may be missing", _extra_column, harmful=False),
    _family("whole numbers as floats", _ints_as_floats, harmful=False),
    _family("a live month colder by 0.2 standard deviations", partial(_colder, d=0.2), harmful=False),
    _family("a strong but sane field (AUC .76)", partial(_leak, strength=1.0), harmful=False),
    _family("sound mails", _nothing, harmful=False, make=_mails, worlds=20),
    _family("common short texts that repeat", _thanks, harmful=False, make=_mails, worlds=20),
)
