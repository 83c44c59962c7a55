"""The passes of the data checks over the example's rows against the example model's own prediction of the same rows.

    python -m benchmarks.data_passes

Both run in this process, one after the other, each three times; the least CPU counts. The limit is 1.0; exit code 1
when it is missed.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import seatrial.examples.arrival_delay as example

DATA = Path(example.__file__).parent / "data"
INPUTS = Path(example.__file__).parent / "files" / "shared" / "inputs.json"
TABLES = ("evaluation", "live")
MOST_RATIO = 1.0
TIMES = 3


def passes() -> None:
    """Fingerprints, drift, counts and contract of every column, from the file to the plain result."""
    from seatrial.adapters.tables.catalogue import open_table
    from seatrial.core.check import MeasureRequest
    from seatrial.measure.one_pass import collect
    from seatrial.spec.loading import load_inputs

    inputs = load_inputs(INPUTS.read_bytes(), name=INPUTS.name)
    fields = {
        name: {"type": f.type, "minimum": f.minimum, "maximum": f.maximum, "values": f.values, "nullable": f.nullable}
        for name, f in inputs.items()
    }
    for table in TABLES:
        asked = [MeasureRequest(table=table, measure=name) for name in ("fingerprint", "drift", "counts")]
        asked.append(MeasureRequest(table=table, measure="contract", options={"fields": fields}))
        collect(open_table(f"{table}.parquet", base_dir=DATA).batches(), asked)


def prediction(models: Path) -> Callable[[], None]:
    """The model as it is served, in this process, on the same rows in the batches that requests have."""
    from pyarrow import parquet

    from seatrial.examples.arrival_delay.train import CURRENT
    from seatrial.examples.arrival_delay.trees import Served

    served = Served.load(models, CURRENT)
    rows = [row for table in TABLES for row in parquet.read_table(DATA / f"{table}.parquet").to_pylist()]

    def predict() -> None:
        for start in range(0, len(rows), 256):
            served.probability(rows[start : start + 256])

    return predict


def least_cpu_s(work: Callable[[], None]) -> float:
    """The CPU of the cheapest of several runs."""
    found = []
    for _ in range(TIMES):
        begun = time.process_time()
        work()
        found.append(time.process_time() - begun)
    return min(found)


def main() -> int:
    """Train, run both, print the ratio."""
    from pyarrow import parquet

    from seatrial.examples.arrival_delay.guard import Routes
    from seatrial.examples.arrival_delay.train import train

    with tempfile.TemporaryDirectory() as name:
        train(parquet.read_table(DATA / "training.parquet"), Routes.read(DATA / "routes.csv"), Path(name))
        predicted = least_cpu_s(prediction(Path(name)))
    measured = least_cpu_s(passes)
    ratio = measured / predicted
    print(f"model's prediction  {predicted:6.3f} s CPU")
    print(f"data passes         {measured:6.3f} s CPU")
    print(f"ratio               {ratio:6.2f}    limit {MOST_RATIO:.1f}")
    return int(ratio > MOST_RATIO)


if __name__ == "__main__":
    if main():
        sys.exit(1)
