"""Partitions measured apart give what one pass gives."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet

from seatrial.adapters.compute.partitions import partitions_of
from seatrial.adapters.compute.processes import measure
from seatrial.adapters.tables.catalogue import open_table
from seatrial.core.check import MeasureRequest
from seatrial.core.errors import Malformed
from seatrial.measure.one_pass import collect

REQUESTS = [
    MeasureRequest(table="live", measure="fingerprint"),
    MeasureRequest(table="live", measure="sample", options={"rows": 5}),
    MeasureRequest(table="live", measure="drift", options={"columns": ["a"]}),
]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    rng = np.random.default_rng(3)
    table = pa.table({"a": rng.normal(size=5000), "b": rng.choice(["x", "y"], 5000)})
    parquet.write_table(table, tmp_path / "rows.parquet", row_group_size=700)
    return tmp_path


@pytest.mark.parametrize("workers", [1, 2])
def test_partitions_give_the_same_as_one_pass(folder: Path, workers: int) -> None:
    partitions = partitions_of("rows.parquet", base_dir=folder, most=4)
    assert len(partitions) == 4
    whole = collect(open_table("rows.parquet", base_dir=folder).batches(), REQUESTS)
    assert measure(partitions, REQUESTS, workers=workers) == whole


def test_every_row_group_is_in_one_partition(folder: Path) -> None:
    for most in (1, 3, 8, 50):
        partitions = partitions_of("rows.parquet", base_dir=folder, most=most)
        assert sorted(g for p in partitions for g in p.row_groups or ()) == list(range(8))
        assert len({p.id for p in partitions}) == len(partitions) <= most


def test_a_table_that_cannot_be_cut_is_one_partition(folder: Path) -> None:
    (folder / "rows.csv").write_text("a,b\n1,x\n")
    (partition,) = partitions_of("rows.csv", base_dir=folder, most=4)
    assert next(partition.table().batches()).num_rows == 1


def test_an_error_in_a_partition_reaches_the_caller(folder: Path) -> None:
    wanted = [MeasureRequest(table="live", measure="counts", options={"columns": ["absent"]})]
    with pytest.raises(Malformed, match="absent"):
        measure(partitions_of("rows.parquet", base_dir=folder, most=2), wanted, workers=2)
