"""Fields that go together and no longer do are found although each lies as it always lay; new values alone are not."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet

from plants.memory_trial import MemoryTrial, deliveries, system
from seatrial.adapters.tables.catalogue import open_table
from seatrial.core.check import Trial
from seatrial.core.observation import Observation
from seatrial.core.vocabulary import Weight
from seatrial.domains.integration.format import CHECK
from seatrial.domains.integration.tied_fields import Side, Untied, untied
from seatrial.spec.model import InputField

Rows = dict[str, Any]
Change = Callable[[Rows], Rows]
INPUTS = {
    "article": InputField(type="string"),
    "group": InputField(type="string"),
    "weekday": InputField(type="integer"),
    "shop": InputField(type="string"),
    "price": InputField(type="number"),
}
FIRST = np.datetime64("2026-01-05")


def sales(seed: int, n: int) -> Rows:
    """Lines of 30 articles in five groups and 12 shops; weekday 1 is a Monday."""
    rng = np.random.default_rng(seed)
    article, day = rng.integers(0, 30, n), rng.integers(0, 180, n)
    return {
        "day": [str(FIRST + int(d)) for d in day],
        "article": [f"A{100 + a}" for a in article],
        "group": [f"group {a % 5}" for a in article],
        "weekday": day % 7 + 1,
        "shop": [f"F{s}" for s in rng.integers(0, 12, n)],
        "price": np.round(1.0 + article * 0.31 + rng.normal(0, 0.1, n), 2),
    }


def found(tmp_path: Path, live: Rows) -> tuple[int, list[Untied]]:
    for name, rows in (("training", sales(1, 20_000)), ("live", live)):
        parquet.write_table(pa.table(rows), tmp_path / f"{name}.parquet")
    before, now = (
        Side(table=open_table(f"{name}.parquet", base_dir=tmp_path), time="day") for name in ("training", "live")
    )
    return untied(before, now, INPUTS, alpha=0.05, seed=0)


def renumbered(rows: Rows) -> Rows:
    return {**rows, "article": [f"A{101 + int(a[1:]) - 100}" if a < "A110" else a for a in rows["article"]]}


def of_the_day_before(rows: Rows) -> Rows:
    return {**rows, "weekday": (rows["weekday"] + 5) % 7 + 1}


@pytest.mark.parametrize(("change", "fields"), [(renumbered, {"article", "group"}), (of_the_day_before, {"weekday"})])
def test_what_shows_in_the_pair_alone_is_found(change: Change, fields: set[str], tmp_path: Path) -> None:
    number, broken = found(tmp_path, change(sales(2, 1500)))
    assert number == 2
    (each,) = broken
    assert fields <= {each.by, each.told} <= fields | {"weekday of day"}
    assert each.lower > 0.2
    assert each.examples


HARMLESS: dict[str, Change] = {
    "as it is": lambda rows: rows,
    "an article more": lambda rows: {
        **rows,
        "article": ["A900" if i % 9 == 0 else a for i, a in enumerate(rows["article"])],
    },
    "a group more": lambda rows: {**rows, "group": ["pets" if i % 9 == 0 else g for i, g in enumerate(rows["group"])]},
    "missing": lambda rows: {**rows, "group": [None if i % 3 == 0 else g for i, g in enumerate(rows["group"])]},
    "whole numbers with a point": lambda rows: {**rows, "weekday": rows["weekday"].astype(float)},
    "days as dates": lambda rows: {**rows, "day": np.array(rows["day"], dtype="datetime64[D]")},
    "instants for days": lambda rows: {**rows, "day": [f"{d}T23:30:00Z" for d in rows["day"]]},
    "one shop alone": lambda rows: {**rows, "shop": ["F3"] * len(rows["shop"])},
}


@pytest.mark.parametrize("name", HARMLESS)
def test_a_harmless_change_breaks_no_tie(name: str, tmp_path: Path) -> None:
    for seed in range(2, 6):
        assert found(tmp_path, HARMLESS[name](sales(seed, 1500)))[1] == []


def test_fields_that_go_together_with_exceptions_are_no_tie(tmp_path: Path) -> None:
    rows = sales(1, 20_000)
    rows["group"] = [f"group {i % 5}" if i % 50 == 0 else g for i, g in enumerate(rows["group"])]
    parquet.write_table(pa.table(rows), tmp_path / "a.parquet")
    side = Side(table=open_table("a.parquet", base_dir=tmp_path), time=None)
    assert untied(side, side, INPUTS, alpha=0.05, seed=0) == (0, [])


STATES = {"Zürich": "ZH", "München": "BY", "Bern": "BE", "Genève": "GE"}
TURNED = {**STATES, "Zürich": "BE", "Bern": "ZH"}


def checked(wrong: int) -> Observation:
    """The check over deliveries with the state of each city, wrong in so many of the live rows of Zürich and Bern."""
    tables = {"training": deliveries(0, 4000), "evaluation": deliveries(1, 1500), "live": deliveries(2, 1000)}
    for name, rows in tables.items():
        some = wrong if name == "live" else 0
        states = [(TURNED if at < some else STATES)[city] for at, city in enumerate(rows["city"].to_pylist())]
        tables[name] = rows.append_column("state", pa.array(states))
    scored = {f"scored.{k}": v.append_column("risk", pa.array(np.full(v.num_rows, 0.2))) for k, v in tables.items()}
    declared = system()
    inputs = {**cast("dict[str, InputField]", declared.model.inputs), "state": InputField(type="string")}
    declared = declared.model_copy(update={"model": declared.model.model_copy(update={"inputs": inputs})})
    observation = CHECK.run(declared, cast("Trial", MemoryTrial(tables={**tables, **scored})))
    assert isinstance(observation, Observation)
    return observation


@pytest.mark.parametrize(("wrong", "weight"), [(0, None), (5, Weight.NOTE), (400, Weight.GAP)])
def test_the_check_tells_a_broken_tie_by_how_many_rows_break_it(wrong: int, weight: Weight | None) -> None:
    told = [f for f in checked(wrong).findings if f.code == "tie-broken"]
    assert [f.weight for f in told] == ([] if weight is None else [weight])
    assert all(set(f.fields) == {"city", "state"} for f in told)
