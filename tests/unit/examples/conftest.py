"""One prepared directory for all tests of the shipped example: training takes a second."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from seatrial.examples.arrival_delay.example import EXAMPLE
from seatrial.examples.arrival_delay.prepare import HERE
from seatrial.examples.preparing import prepare
from seatrial.examples.running import running

Rows = list[dict[str, Any]]


@pytest.fixture(scope="session")
def ready(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The ready variant's directory. Not to be written to."""
    directory = tmp_path_factory.mktemp("example") / "ready"
    prepare(EXAMPLE, directory, "ready")
    return directory


@pytest.fixture(scope="session")
def rows() -> Callable[[str], Rows]:
    """The rows of a committed table as the model server gets them."""

    def read(name: str) -> Rows:
        import pyarrow.parquet as pq

        table = pq.read_table(HERE / "data" / f"{name}.parquet").to_pylist()
        return [{**row, "scheduled_at": row["scheduled_at"].isoformat()} for row in table]

    return read


@pytest.fixture(scope="module")
def services(ready: Path) -> Any:
    """The four services of the ready variant."""
    with running(EXAMPLE, ready) as started:
        yield started
