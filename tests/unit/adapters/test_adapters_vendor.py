"""A vendor's black box: known by its answers to fixed probes, or by the table of what it answered in the past."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from seatrial.adapters.http import Http
from seatrial.adapters.models.catalogue import open_model
from seatrial.adapters.models.replay import ReplayedModel
from seatrial.core.errors import Malformed, SeatrialError, Unreachable
from seatrial.core.ports import ReplyKind, Row
from seatrial.spec.system import System

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
BLACK_BOX = """
import json, pathlib, random
HERE = pathlib.Path(__file__).parent

def predict(rows):
    is_ = json.loads((HERE / "is.json").read_text())
    if is_.get("down"):
        raise RuntimeError("down")
    out = []
    for row in rows:
        score = 0.1 + 0.8 * row["load"]
        if is_.get("version") == 2 and row["load"] > 0.9:
            score -= 0.3
        if is_.get("shift"):
            score += is_["shift"]
        score += random.gauss(0.0, 1.0) * is_.get("noise", 0.0)
        if random.random() < is_.get("flip", 0.0):
            score = 1.0 - score
        score = min(1.0, max(0.0, score))
        out.append({"label": int(score >= 0.5), "probability": score})
    return out
"""


class Box:
    """The black box in its own process, and what it is today."""

    def __init__(self, place: Path) -> None:
        self.place = place
        (place / "box.py").write_text(BLACK_BOX)
        (place / "probes.jsonl").write_text("".join(json.dumps({"load": i / 40}) + "\n" for i in range(40)))
        self.is_()
        self.declared = {"name": "Acme", "version": "4.2", "probes": "probes.jsonl"}
        self._open: list[ReplayedModel] = []

    def is_(self, **now: Any) -> None:
        (self.place / "is.json").write_text(json.dumps(now))

    def identity(self, *, fresh: bool = True, now: datetime = NOON, **vendor: Any) -> str:
        section = _system(python="box.py:predict", vendor={**self.declared, **vendor})
        inner = open_model(section, base_dir=self.place, http=Http(origins=frozenset()))
        model = ReplayedModel(
            inner, section.model, base_dir=self.place, folder=self.place / "replays", now=lambda: now, fresh=fresh
        )
        self._open.append(model)
        return model.identity()

    def close(self) -> None:
        for model in self._open:
            model.close()


def _system(**model: Any) -> System:
    section = {"task": "binary", "output": {"prediction": "label", "score": "probability"}, **model}
    return System.model_validate({"system": "s", "version": "1", "model": section})


@pytest.fixture
def box(tmp_path: Path) -> Iterator[Box]:
    box = Box(tmp_path)
    yield box
    box.close()


def test_the_same_answers_are_the_same_model_and_one_changed_region_is_another(box: Box) -> None:
    first = box.identity()
    assert box.identity() == first
    box.is_(version=2)
    second = box.identity()
    assert second != first
    assert box.identity() == second
    box.is_()
    assert box.identity() == first


def test_what_was_asked_less_than_a_day_ago_is_not_asked_again_unless_the_gate_asks(box: Box) -> None:
    first = box.identity(fresh=False)
    box.is_(version=2)
    assert box.identity(fresh=False, now=NOON + timedelta(hours=23)) == first
    assert box.identity(fresh=False, now=NOON - timedelta(hours=1)) != first, "a clock that went back tells no age"
    second = box.identity(fresh=True, now=NOON + timedelta(hours=1))
    assert second != first
    assert box.identity(fresh=False, now=NOON + timedelta(hours=2)) == second
    box.is_(down=True)
    assert box.identity(fresh=False, now=NOON + timedelta(hours=24)) == second
    with pytest.raises(Unreachable):
        box.identity(fresh=False, now=NOON + timedelta(hours=26))


def test_an_answer_of_the_last_day_is_no_answer_of_another_declaration(box: Box) -> None:
    first = box.identity(fresh=False)
    box.is_(version=2)
    assert box.identity(fresh=False, repeats=7) != first
    (next(box.place.glob("replays/*")) / "last").write_text("{")
    assert box.identity(fresh=False, repeats=7) != first


def test_a_noisy_model_is_the_same_every_day_and_another_when_it_changed(box: Box) -> None:
    box.is_(noise=0.05)
    first = box.identity()
    assert [box.identity() for _ in range(3)] == [first] * 3
    box.is_(noise=0.05, shift=0.05)
    assert box.identity() != first


def test_an_answer_that_is_off_once_in_a_while_is_no_change(box: Box) -> None:
    first = box.identity()
    box.is_(flip=0.02)
    assert [box.identity() for _ in range(3)] == [first] * 3


def test_another_declared_version_is_another_model(box: Box) -> None:
    assert box.identity(version="4.3") != box.identity()


def test_probes_that_cannot_tell_a_change_are_refused_with_what_to_do(box: Box) -> None:
    (box.place / "probes.jsonl").write_text(json.dumps({"load": 0.5}) + "\n")
    with pytest.raises(Malformed, match="1 probes, expected 20"):
        box.identity()
    (box.place / "probes.jsonl").write_text((json.dumps({"load": 0.5}) + "\n") * 30)
    with pytest.raises(Malformed, match="the same answer"):
        box.identity()
    (box.place / "probes.jsonl").write_text("[1]\n" * 30)
    with pytest.raises(Malformed, match=r"probes\.jsonl:1"):
        box.identity()
    with pytest.raises(Unreachable, match="cannot be read"):
        box.identity(probes="nowhere.jsonl")
    with pytest.raises(Malformed, match="no probes"):
        box.identity(probes=None)


def test_a_model_that_does_not_answer_is_neither_the_same_nor_another(box: Box) -> None:
    first = box.identity()
    box.is_(down=True)
    with pytest.raises(SeatrialError, match="not answered"):
        box.identity()
    box.is_()
    assert box.identity() == first


def test_a_reference_that_was_damaged_is_no_reference(box: Box) -> None:
    box.identity()
    next((box.place / "replays").rglob("*.json")).write_text("{")
    with pytest.raises(Malformed, match="cannot be read"):
        box.identity()


@pytest.fixture
def past(tmp_path: Path) -> Path:
    rows = {
        "load": [0.1, 0.9, 0.9, 0.4, 0.4, None],
        "carrier": ["red", "blue", "blue", "grey", "grey", "red"],
        "place": ["a", "b", "b", "c", "d", "a"],
        "label": [0, 1, 1, 1, 0, None],
        "probability": [0.2, 0.8, 0.8, 0.8, 0.4, None],
    }
    pq.write_table(pa.table(rows), tmp_path / "past.parquet")
    return tmp_path


def test_rows_are_answered_as_they_were_in_the_past_and_nothing_else_is(past: Path) -> None:
    section = _system(recorded="past.parquet", vendor={"name": "Acme", "version": "4"})
    model = open_model(section, base_dir=past, http=Http(origins=frozenset()))
    reply = model.predict(
        [{"load": 0.9, "carrier": "blue"}, {"carrier": "blue", "load": 0.9}, {"load": 0.1, "carrier": "red"}]
    )
    assert [(p.prediction, p.score) for p in reply.predictions] == [(1, 0.8), (1, 0.8), (0, 0.2)]
    unknown: list[Row] = [{"load": 0.5, "carrier": "red"}, {"load": None, "carrier": "red"}]
    for never in unknown:
        assert model.predict([never]).kind is ReplyKind.UNREACHABLE
    assert model.request([{"load": 0.9}]) is None
    identity = model.identity()
    (past / "past.parquet").write_bytes((past / "past.parquet").read_bytes() + b" ")
    assert model.identity() != identity
    model.close()


def test_a_row_is_never_given_the_answer_to_another_row_with_the_same_inputs(past: Path) -> None:
    section = _system(recorded="past.parquet", vendor={"name": "Acme", "version": "4"})
    model = open_model(section, base_dir=past, http=Http(origins=frozenset()))
    reply = model.predict([{"load": 0.4, "carrier": "grey"}, {"load": 0.1, "carrier": "red"}])
    assert reply.kind is ReplyKind.UNREACHABLE
    assert "1 of 2 rows have several past predictions" in reply.error
    assert "such as place" in reply.error
    apart = open_model(section, base_dir=past, http=Http(origins=frozenset()))
    told = apart.predict([{"load": 0.4, "carrier": "grey", "place": place} for place in "dc"])
    assert [p.prediction for p in told.predictions] == [0, 1]


def test_a_table_without_predictions_or_inputs_says_so(past: Path) -> None:
    for output, row, said in (
        ({"prediction": "answer"}, {"load": 0.1}, "no column answer"),
        ({"prediction": "label"}, {"wind": 1}, "none of the model's inputs"),
    ):
        section = _system(recorded="past.parquet", vendor={"name": "Acme", "version": "4"}, output=output)
        reply = open_model(section, base_dir=past, http=Http(origins=frozenset())).predict([row])
        assert reply.kind is ReplyKind.UNREACHABLE
        assert said in reply.error
