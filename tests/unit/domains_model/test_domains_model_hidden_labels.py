"""model.out-of-sample: labels hidden in digits, pieces of near-unique fields, or behind names of rows."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from plants.scored_trial import ScoredTrial, World, world
from seatrial.core.check import PREDICTION, SCORE
from seatrial.core.observation import Observation
from seatrial.core.ports import Prediction, Reply, ReplyKind, Request, Row
from seatrial.core.vocabulary import Weight
from seatrial.domains.model.field_parts import parts_of
from seatrial.domains.model.out_of_sample import CHECK
from seatrial.domains.scored.rows import Rows
from seatrial.measure.columns import Columns
from seatrial.spec.model import InputField

Numbers = np.ndarray[Any, Any]
Filled = Callable[[Numbers, np.random.Generator], Any]
ALL = ("training", "evaluation", "live", "scored.evaluation")


@dataclass
class Answering:
    """A model that answers by a function of the row's inputs; `asked` counts rows."""

    score: Callable[[Row], float]
    asked: int = 0
    kind: ReplyKind = ReplyKind.OK

    def identity(self) -> str:
        """It is always the same."""
        return "planted"

    def request(self, rows: Sequence[Row]) -> Request | None:
        """It is not called over HTTP."""
        return None

    def predict(self, rows: Sequence[Row]) -> Reply:
        self.asked += len(rows)
        if self.kind is not ReplyKind.OK:
            return Reply(kind=self.kind, latency_s=0.0, error="it is down")
        scores = [self.score(row) for row in rows]
        answers = tuple(Prediction(prediction=int(s >= 0.5), score=s) for s in scores)
        return Reply(kind=ReplyKind.OK, latency_s=0.0, predictions=answers)


class AskedTrial(ScoredTrial):
    """A scored trial whose model can be asked."""

    answering: Answering

    @property
    def model(self) -> Answering:
        return self.answering


def honest(row: Row) -> float:
    """By the distance and the load, as the world's model does."""
    return float(
        1 / (1 + np.exp(-2.0 * (1.9 * (float(row["distance"]) - 240) / 120 + 3.0 * (float(row["load"]) - 0.5))))  # type: ignore[arg-type]
    )


def parity(text: str) -> int:
    """A bit that no part of the text shows."""
    return hashlib.sha256(text.encode()).digest()[0] % 2


def with_field(fill: Filled, kind: str, *, n: int = 1200) -> World:
    """The world with one more input, filled from the label in every table."""
    made = world(n=n, live=800)
    made.declared["model"]["inputs"]["order"] = {"type": kind}
    for number, table in enumerate(ALL[:3]):
        late = np.asarray(made.columns[table]["late"])
        made.columns[table]["order"] = fill(late, np.random.default_rng(number))
    made.columns["scored.evaluation"]["order"] = made.columns["evaluation"]["order"]
    return made


def told(made: World, model: Answering, *, scored: bool = True) -> dict[str, Weight]:
    """The codes of findings on the field, with what the model says scored as the run does."""
    columns = made.columns["scored.evaluation"]
    if scored:
        names = list(made.declared["model"]["inputs"])
        rows = pa.table({name: columns[name] for name in names}).to_pylist()
        scores = np.array([model.score(row) for row in rows])
        columns[SCORE], columns[PREDICTION] = scores, (scores >= 0.5).astype(int)
    plain = made.trial()
    trial = AskedTrial(plain.tables, files=plain.files.contents, parts=plain.parts)
    trial.tables = plain.tables
    trial.answering = model
    found = CHECK.run(made.system(), trial)
    assert isinstance(found, Observation), found
    return {f.code: f.weight for f in found.findings if "order" in f.fields and f.code != "input-not-compared"}


def order_numbers(late: Numbers, rng: np.random.Generator) -> Any:
    return np.array([f"A-{rng.integers(10_000, 99_999)}-{i:04d}" for i in range(late.size)])


def last_piece(late: Numbers, rng: np.random.Generator) -> Any:
    return np.array([f"A-{rng.integers(10_000, 99_999)}-{bit}" for bit in late])


def inside(late: Numbers, rng: np.random.Generator) -> Any:
    return np.array([f"{rng.integers(16**6):06x}{'a' if b else 'b'}{rng.integers(16**6):06x}" for b in late])


def odd(late: Numbers, rng: np.random.Generator) -> Any:
    return rng.integers(10**15, 10**16, late.size) * 2 + late


def longer(late: Numbers, rng: np.random.Generator) -> Any:
    return np.array([str(rng.integers(10**7, 10**8) * (10 if b else 1)) for b in late])


def cents(late: Numbers, rng: np.random.Generator) -> Any:
    return np.round(np.floor(rng.gamma(3, 40, late.size)) + rng.integers(0, 50, late.size) * 0.02 + 0.01 * late, 2)


def seconds(late: Numbers, rng: np.random.Generator) -> pa.Array:
    start = np.datetime64("2026-03-01T00:00:00") + rng.integers(0, 90 * 1440, late.size) * np.timedelta64(60, "s")
    return pa.array(start + (late * 7).astype("timedelta64[s]"), type=pa.timestamp("s", tz="UTC"))


@pytest.mark.parametrize(
    ("fill", "kind"),
    [
        (last_piece, "string"),
        (inside, "string"),
        (odd, "integer"),
        (longer, "string"),
        (cents, "number"),
        (seconds, "time"),
    ],
)
def test_a_label_in_a_part_of_a_field_that_hardly_repeats_is_a_gap(fill: Filled, kind: str) -> None:
    assert told(with_field(fill, kind), Answering(honest))["target-leak"] is Weight.GAP


def amounts(late: Numbers, rng: np.random.Generator) -> Any:
    return np.round(rng.gamma(3 + 2 * late, 40, late.size), 2)


def in_sequence(late: Numbers, rng: np.random.Generator) -> Any:
    return np.arange(late.size) + rng.integers(10_000)


def metres(late: Numbers, rng: np.random.Generator) -> Any:
    """Whole numbers, hardly any twice, that tell much."""
    return np.round(rng.normal(0, 1, late.size) * 40_000 + late * 60_000 + 400_000).astype(int)


@pytest.mark.parametrize(
    ("fill", "kind", "model"),
    [
        (amounts, "number", lambda row: float(1 / (1 + np.exp(-(float(row["order"]) - 160) / 40)))),
        (order_numbers, "string", honest),
        (in_sequence, "integer", honest),
        (metres, "integer", lambda row: float(1 / (1 + np.exp(-(float(row["order"]) - 430_000) / 20_000)))),
    ],
)
def test_measurements_and_names_that_tell_nothing_are_no_leak(
    fill: Filled, kind: str, model: Callable[[Row], float]
) -> None:
    made = with_field(fill, kind)
    blocking = {code for code, weight in told(made, Answering(model)).items() if weight is not Weight.NOTE}
    assert blocking - {"field-drift", "constant-live", "not-validated"} == set()


def hashed(late: Numbers, rng: np.random.Generator) -> Any:
    texts = []
    for bit in late:
        text = f"{rng.integers(16**12):012x}"
        while parity(text) != bit:
            text = f"{rng.integers(16**12):012x}"
        texts.append(text)
    return np.array(texts)


def by_hash(row: Row) -> float:
    return 0.1 + 0.8 * parity(str(row["order"]))


def test_a_model_that_is_right_by_the_name_of_a_row_is_found_by_asking_under_other_names() -> None:
    model = Answering(by_hash)
    assert told(with_field(hashed, "string"), model) == {"answers-hang-on-name": Weight.OPEN}
    assert 0 < model.asked <= 150


def test_a_name_that_helps_in_some_rows_only_is_found_too() -> None:
    def some(row: Row) -> float:
        return by_hash(row) if float(row["temp"]) > 12 else honest(row)  # type: ignore[arg-type]

    assert told(with_field(hashed, "string"), Answering(some)) == {"answers-hang-on-name": Weight.OPEN}


def test_what_is_looked_up_by_a_name_can_be_declared_and_is_shown() -> None:
    made = with_field(hashed, "string")
    made.declared["model"]["inputs"]["order"]["known"] = "the order's lines, from when it is placed"
    model = Answering(by_hash)
    assert told(made, model) == {"name-known": Weight.NOTE}
    assert model.asked == 0


def test_a_model_that_does_not_answer_under_other_names_leaves_it_open() -> None:
    made = with_field(order_numbers, "string")
    assert told(made, Answering(honest, kind=ReplyKind.REFUSED)) == {"name-not-tried": Weight.OPEN}


@pytest.mark.parametrize(("model", "code"), [(by_hash, {"name-not-tried"}), (honest, set())])
def test_past_predictions_leave_it_open_only_where_they_are_too_good(
    model: Callable[[Row], float], code: set[str]
) -> None:
    made = with_field(hashed, "string")
    del made.declared["model"]["endpoint"]
    made.declared["model"]["recorded"] = "past.parquet"
    assert set(told(made, Answering(model))) == code


def test_parts_are_named_and_none_is_there_twice() -> None:
    batch = pa.RecordBatch.from_pydict({"order": [f"A-{i}-{i % 2}" for i in range(1000, 1400)]})
    found = parts_of(Rows(columns=Columns(batch), total=400), {"order": InputField(type="string")})
    names = [part.name for part in found]
    assert {"last character of order", "piece 2 of order"} <= set(names)
    assert "last piece of order" not in names
    assert all(part.source == "order" for part in found)
