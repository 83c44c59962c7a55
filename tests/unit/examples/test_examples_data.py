"""The committed data is what the example says of it, so that its ready variant is honest."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from scipy.stats import beta

from seatrial.examples.arrival_delay import build_data
from seatrial.examples.arrival_delay.prepare import HERE
from seatrial.examples.arrival_delay.train import CURRENT, PREVIOUS
from seatrial.examples.arrival_delay.trees import Served

DATA = HERE / "data"
TABLES = {name: pq.read_table(DATA / f"{name}.parquet") for name in ("training", "evaluation", "live")}


def test_it_is_small_and_says_where_it_comes_from() -> None:
    assert sum(path.stat().st_size for path in DATA.iterdir()) < 6_000_000
    told = (DATA / "README.md").read_text(encoding="utf-8")
    assert build_data.SHA256 in told
    assert "CC0" in told


def test_evaluation_and_live_come_strictly_after_training_and_share_no_delivery() -> None:
    newest = max(TABLES["training"]["scheduled_at"].to_pylist())
    keys = {name: set(table["delivery_id"].to_pylist()) for name, table in TABLES.items()}
    for name in ("evaluation", "live"):
        assert min(TABLES[name]["scheduled_at"].to_pylist()) > newest
        assert not keys[name] & keys["training"]
    assert not keys["evaluation"] & keys["live"]


def test_nothing_in_it_is_null_and_late_is_binary() -> None:
    for table in TABLES.values():
        assert all(column.null_count == 0 for column in table.columns)
        assert set(table["late"].to_pylist()) == {0, 1}


def test_the_ready_model_clears_the_plans_minimum_and_the_pilots_way_of_acting_does_not(
    ready: Path, rows: Callable[[str], list[dict[str, Any]]]
) -> None:
    evaluation = rows("evaluation")
    risk = Served.load(ready / "models", CURRENT).probability(evaluation)
    late = np.array([row["late"] for row in evaluation], dtype=bool)
    caught, positives = int((risk[late] >= 0.2).sum()), int(late.sum())
    false, negatives = int((risk[~late] >= 0.2).sum()), int((~late).sum())
    assert beta.ppf(0.05, caught, positives - caught + 1) > 0.46
    assert beta.ppf(0.95, false + 1, negatives - false) < 0.24
    at_half = int((risk[late] >= 0.5).sum())
    assert beta.ppf(0.95, at_half + 1, positives - at_half) < 0.46


def test_both_versions_can_be_told_apart_and_an_encoder_of_the_other_one_changes_the_answers(
    ready: Path, rows: Callable[[str], list[dict[str, Any]]]
) -> None:
    some = rows("live")[:500]
    current, previous = (Served.load(ready / "models", version) for version in (CURRENT, PREVIOUS))
    mixed = Served.load(ready / "models", PREVIOUS, encoder_version=CURRENT)
    assert len({current.model_digest, previous.model_digest}) == 2
    assert len({current.encoder_digest, previous.encoder_digest}) == 2
    assert (mixed.model_digest, mixed.encoder_digest) == (previous.model_digest, current.encoder_digest)
    assert np.abs(mixed.probability(some) - previous.probability(some)).max() > 0.01


def test_a_row_is_scored_the_same_alone_and_in_company(
    ready: Path, rows: Callable[[str], list[dict[str, Any]]]
) -> None:
    served = Served.load(ready / "models", CURRENT)
    some = rows("live")[:50]
    assert np.array_equal(served.probability(some), [served.probability([row])[0] for row in some])


def test_another_archive_under_the_same_name_is_refused(tmp_path: Path) -> None:
    (tmp_path / build_data.ARCHIVE).write_bytes(b"something else")
    with pytest.raises(ValueError, match=hashlib.sha256(b"something else").hexdigest()):
        build_data.fetch(tmp_path)
