"""model.threshold: a model exactly at its limit must hardly ever pass, one clearly inside must; by kind of metric."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from plants.scored_trial import World, declaration, world
from power.family import Family, judged
from seatrial.core.check import PREDICTION, PROBLEM, SCORE
from seatrial.core.vocabulary import Outcome
from seatrial.domains.model.threshold import CHECK
from seatrial.stats.active import draw
from seatrial.stats.confusion import FIGURES

_ROWS, _LIVE = 1200, 900
_PLAN = b"---\nlimits: {}\n---\n# Plan\n"
_RECALL, _FALSE_ALARMS, _PREVALENCE = 0.8, 0.1, 0.3
_TABLE = np.array(
    [
        [(1 - _PREVALENCE) * (1 - _FALSE_ALARMS), (1 - _PREVALENCE) * _FALSE_ALARMS],
        [_PREVALENCE * (1 - _RECALL), _PREVALENCE * _RECALL],
    ]
)
_HIT = _PREVALENCE * _RECALL
_F1 = 2 * _HIT / (2 * _HIT + (1 - _PREVALENCE) * _FALSE_ALARMS + _PREVALENCE * (1 - _RECALL))
Columns = Mapping[str, Any]


def _answered(rng: np.random.Generator, n: int) -> Columns:
    """Labels and answers with known recall and false-alarm rate; scores with a known AUC and Brier score."""
    truth = (rng.random(n) < _PREVALENCE).astype(int)
    chance = np.where(truth == 1, _RECALL, _FALSE_ALARMS)
    said = (rng.random(n) < chance).astype(int)
    return {"late": truth, PREDICTION: said, SCORE: pa.nulls(n, pa.float64())}


def _scored(rng: np.random.Generator, n: int) -> Columns:
    """Calibrated scores from a Beta(2, 2): their Brier score is 1/5 and their AUC 0.7571."""
    score = rng.beta(2, 2, n)
    truth = (rng.random(n) < score).astype(int)
    return {"late": truth, PREDICTION: (score >= 0.5).astype(int), SCORE: score}


def _numbers(rng: np.random.Generator, n: int) -> Columns:
    """Errors spread evenly from 0 to 20 around amounts from 10 to 30."""
    truth = rng.uniform(10, 30, n)
    said = truth + rng.choice([-1.0, 1.0], n) * rng.uniform(0, 20, n)
    return {"late": truth, PREDICTION: said, SCORE: pa.nulls(n, pa.float64())}


def _together(rng: np.random.Generator, n: int) -> Columns:
    """Six rows an entity, all right or all wrong in most of them; accuracy 0.8."""
    truth = (rng.random(n) < 0.5).astype(int)
    entity = np.arange(n) // 6
    own = rng.beta(1.6, 0.4, entity.max() + 1)[entity]
    right = rng.random(n) < own
    ids = np.array([f"e{i}" for i in entity])
    return {"late": truth, PREDICTION: np.where(right, truth, 1 - truth), SCORE: pa.nulls(n, pa.float64()), "id": ids}


def _world(seed: int, columns: Columns, metric: str, limit: float, *, least: bool, task: str = "binary") -> World:
    rng = np.random.default_rng(10_000 + seed)
    n = len(columns["late"])
    given = {
        "id": np.array([f"r{i}" for i in range(n)]),
        "load": rng.random(n),
        PROBLEM: pa.nulls(n, pa.string()),
        **columns,
    }
    declared = declaration()
    declared["model"] |= {"task": task, "inputs": {"load": {"type": "number"}}}
    declared["governance"] |= {
        "metric": None,
        "minimum": None,
        "metrics": [{"metric": metric, "minimum" if least else "maximum": limit}],
    }
    declared["data"]["evaluation"].pop("time")
    plan = f"---\nlimits:\n  {metric}: {limit!r}\n---\n# Plan\n".encode()
    tables = {"scored.evaluation": given, "live": {"load": rng.random(_LIVE)}}
    return World(columns=tables, declared=declared, files={"plan.md": plan})


def _passes(made: World) -> bool:
    system = made.system()
    return judged(CHECK, system, CHECK.run(system, made.trial())) is Outcome.MET


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A kind of metric: rows on which its true value is `true`, and a limit that is clearly `inside` of it."""

    name: str
    make: Callable[[np.random.Generator, int], Columns]
    metric: str
    true: float
    inside: float
    task: str = "binary"

    @property
    def least(self) -> bool:
        """Whether larger is better."""
        return self.inside < self.true

    def world(self, seed: int, limit: float) -> World:
        """One sample, held against a limit."""
        columns = self.make(np.random.default_rng(seed), _ROWS)
        return _world(seed, columns, self.metric, limit, least=self.least, task=self.task)


def _pair(case: Case) -> tuple[Family, Family]:
    """The limit is exactly the true value; and the limit is `inside`, so that the model is clearly better."""

    def caught(limit: float) -> Callable[[int], bool]:
        return lambda seed: not _passes(case.world(seed, limit))

    return (
        Family(
            requirement="model.threshold",
            name=f"{case.name} exactly at its limit",
            harmful=True,
            caught=caught(case.true),
            claimed=0.95,
        ),
        Family(
            requirement="model.threshold",
            name=f"{case.name} clearly inside",
            harmful=False,
            caught=caught(case.inside),
            claimed=0.2,
        ),
    )


def _stratified(seed: int, limit: float) -> bool:
    """Live traffic is half of one kind, the sample a fifth; the model is right in 0.95 and 0.75 of them."""
    rng = np.random.default_rng(seed)
    truth = (rng.random(_ROWS) < 0.5).astype(int)
    first = np.arange(_ROWS) % 5 > 0
    right = rng.random(_ROWS) < np.where(first, 0.95, 0.75)
    columns = {
        "late": truth,
        PREDICTION: np.where(right, truth, 1 - truth),
        SCORE: pa.nulls(_ROWS, pa.float64()),
        "kind": np.where(first, "a", "b"),
    }
    made = _world(seed, columns, "accuracy", limit, least=True)
    made.declared["data"]["evaluation"]["strata"] = {"column": "kind", "shares": {"a": 0.5, "b": 0.5}}
    return not _passes(made)


def _drawn(seed: int, limit: float) -> bool:
    """Labels drawn where the model doubts, from a pool in which it is right in 0.8986 of the rows."""
    rng = np.random.default_rng(seed)
    pool = 6000
    doubt = rng.random(pool) < 0.22
    truth = (rng.random(pool) < 0.5).astype(int)
    right = rng.permutation(pool) < 0
    for part, rate in ((doubt, 0.6), (~doubt, 0.98)):
        inside = np.flatnonzero(part)
        right[inside[: round(rate * inside.size)]] = True
    goal = float(right.mean()) - limit
    rows, chances = draw(np.where(doubt, 0.63, 0.14), _ROWS, seed=seed)
    columns = {
        "late": truth[rows],
        PREDICTION: np.where(right, truth, 1 - truth)[rows],
        SCORE: pa.nulls(_ROWS, pa.float64()),
        "place": np.arange(1, _ROWS + 1),
        "chance": chances,
    }
    made = _world(seed, columns, "accuracy", goal, least=True)
    made.declared["data"]["evaluation"]["drawn"] = {
        "order": "place",
        "probability": "chance",
        "rows": pool,
        "floor": 0.5,
    }
    found = CHECK.run(made.system(), made.trial())
    limits = {t.measure: t for t in CHECK.limits(made.system()) if t.measure == "accuracy"}
    measure = next(m for m in getattr(found, "measures", ()) if m.name == "accuracy")
    return measure.lower is None or measure.lower < limits["accuracy"].limit


_ACCURACY = float(np.trace(_TABLE))
CASES = (
    Case(name="an accuracy", make=_answered, metric="accuracy", true=_ACCURACY, inside=_ACCURACY - 0.05),
    Case(name="a recall", make=_answered, metric="recall", true=_RECALL, inside=_RECALL - 0.11),
    Case(name="an F1", make=_answered, metric="f1", true=_F1, inside=_F1 - 0.09),
    Case(name="a macro-F1", make=_answered, metric="macro-f1", true=float(FIGURES["macro-f1"].of(_TABLE)), inside=0.76),
    Case(name="an MCC", make=_answered, metric="mcc", true=float(FIGURES["mcc"].of(_TABLE)), inside=0.55),
    Case(name="an AUC", make=_scored, metric="auc", true=26.5 / 35.0, inside=0.7),
    Case(name="a Brier score", make=_scored, metric="brier", true=0.2, inside=0.23),
    Case(name="a mean error", make=_numbers, metric="mae@30", true=10.0, inside=11.2, task="regression"),
    Case(
        name="a root mean square error",
        make=_numbers,
        metric="rmse@30",
        true=float(np.sqrt(400 / 3)),
        inside=12.8,
        task="regression",
    ),
    Case(name="an error over the amount", make=_numbers, metric="wape@40", true=0.5, inside=0.58, task="regression"),
    Case(
        name="a percentile of the error", make=_numbers, metric="p90-error", true=18.0, inside=19.0, task="regression"
    ),
    Case(name="an accuracy over entities", make=_together, metric="accuracy", true=0.8, inside=0.72),
)


def _left_out(seed: int, chosen: Callable[[Columns], Any]) -> bool:
    """A model well inside its limit, of whose rows half of the chosen ones were left out."""
    made, rng = world(n=9000, seed=1 + 10 * seed), np.random.default_rng(seed)
    scored_rows = made.columns["scored.evaluation"]
    kept = np.flatnonzero(~(chosen(scored_rows) & (rng.random(len(scored_rows["late"])) < 0.5)))
    for table in ("evaluation", "scored.evaluation"):
        for name, values in made.columns[table].items():
            made.columns[table][name] = pa.array(values).take(pa.array(kept))
    system = made.system()
    return judged(CHECK, system, CHECK.run(system, made.trial())) is not Outcome.MET


def _wrong(columns: Columns) -> Any:
    return np.asarray(columns["late"]) != np.asarray(columns[PREDICTION])


FAMILIES = (
    *(family for case in CASES for family in _pair(case)),
    Family(
        requirement="model.threshold",
        name="an accuracy over strata exactly at its limit",
        harmful=True,
        caught=lambda seed: _stratified(seed, 0.85),
        claimed=0.95,
    ),
    Family(
        requirement="model.threshold",
        name="an accuracy of drawn labels exactly at its limit",
        harmful=True,
        caught=lambda seed: _drawn(seed, 0.0),
        claimed=0.95,
    ),
    Family(
        requirement="model.threshold",
        name="an accuracy of drawn labels clearly inside",
        harmful=False,
        caught=lambda seed: _drawn(seed, 0.03),
        claimed=0.2,
    ),
    Family(
        requirement="model.threshold",
        name="half of the wrong rows left out",
        harmful=True,
        caught=lambda seed: _left_out(seed, _wrong),
        worlds=40,
    ),
    Family(
        requirement="model.threshold",
        name="half of all rows left out",
        harmful=False,
        caught=lambda seed: _left_out(seed, lambda columns: np.ones(len(columns["late"]), dtype=bool)),
        worlds=40,
    ),
)
