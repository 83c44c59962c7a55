"""Drift and quality of 1,000,000 x 30 against 1,000,000 x 30, each file read once, against a bare scan of both.

    python -m benchmarks.drift_and_quality [rows]

Each part runs in a process of its own; the figures are its whole CPU, imports included, and its peak memory. The
limits are 3 times the CPU of the scan and 512 MiB. Exit code 1 when one is missed.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROWS = 1_000_000
MOST_RATIO = 3.0
MOST_MIB = 512.0
GROUP = 100_000


def generate(path: Path, rows: int, *, live: bool) -> None:
    """30 columns as operations have them: measurements, money, counts, codes, texts, times; some with nulls."""
    import numpy as np
    import pyarrow as pa
    from pyarrow import parquet

    writer = None
    for start in range(0, rows, GROUP):
        n = min(GROUP, rows - start)
        rng = np.random.default_rng([start, int(live)])
        season = 12 * np.sin((start + np.arange(n)) / rows * 6.3)
        columns: dict[str, object] = {}
        for i in range(10):
            values = (rng.normal(15 + i, 8, n) + season + (1.5 if live and i == 3 else 0)).round(1).astype(np.float32)
            columns[f"sensor_{i}"] = pa.array(values, mask=rng.random(n) < 0.03 * (i % 3))
        for i in range(5):
            columns[f"amount_{i}"] = pa.array(rng.lognormal(3 + i / 2, 1.1, n).round(2))
        for i in range(5):
            columns[f"count_{i}"] = pa.array(rng.poisson(3 + 4 * i, n), type=pa.int32(), mask=rng.random(n) < 0.01 * i)
        for i, distinct in enumerate((3, 12, 40, 200, 1500)):
            codes = np.minimum(rng.zipf(1.4, n), distinct)
            columns[f"code_{i}"] = pa.array(np.char.add(f"{'ABCDE'[i]}-", codes.astype(str)))
        columns["reference"] = pa.array(np.char.add("R", rng.integers(0, 50_000, n).astype(str)))
        columns["flag"] = pa.array(rng.random(n) < 0.2)
        columns["at"] = pa.array(1_356_998_400_000 + (start + np.arange(n)) * 31_000, type=pa.timestamp("ms", tz="UTC"))
        columns["pressure"] = pa.array(rng.normal(1013, 7, n), mask=rng.random(n) < 0.02)
        columns["constant"] = pa.array(np.ones(n))
        table = pa.table(columns)
        writer = writer or parquet.ParquetWriter(path, table.schema)
        writer.write_table(table)
    if writer is not None:
        writer.close()


def scan(folder: Path) -> int:
    """Read every value of both files and look at none."""
    from pyarrow import parquet

    return sum(
        batch.num_rows
        for name in ("reference.parquet", "live.parquet")
        for batch in parquet.ParquetFile(folder / name).iter_batches(65_536, use_threads=False)
    )


def measure(folder: Path) -> int:
    """Nulls, ranges, and all drift distances of every column."""
    from seatrial.adapters.tables.catalogue import open_table
    from seatrial.core.check import MeasureRequest
    from seatrial.measure.distance import compare
    from seatrial.measure.one_pass import collect

    request = MeasureRequest(table="live", measure="drift")
    found = [
        next(iter(collect(open_table(name, base_dir=folder).batches(), [request]).values()))
        for name in ("reference.parquet", "live.parquet")
    ]
    distances = compare(found[0], found[1])
    moved = [d.column for d in distances if d.psi > 0.01]
    assert moved == ["sensor_3"], moved
    return len(distances)


def run(part: str, folder: Path) -> dict[str, float]:
    """One part in its own process."""
    begun = time.perf_counter()
    child = subprocess.run(
        [sys.executable, "-m", "benchmarks.drift_and_quality", part, str(folder)], check=True, stdout=subprocess.PIPE
    )
    figures: dict[str, float] = json.loads(child.stdout)
    return figures | {"wall_s": time.perf_counter() - begun}


def report(part: str, folder: Path) -> None:
    """In the child: do it, and print what it cost."""
    result = {"scan": scan, "measure": measure}[part](folder)
    used = resource.getrusage(resource.RUSAGE_SELF)
    print(json.dumps({"result": result, "cpu_s": used.ru_utime + used.ru_stime, "peak_mib": used.ru_maxrss / 1024}))


def main(rows: int) -> int:
    """Generate, run both, print the ratios."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        generate(folder / "reference.parquet", rows, live=False)
        generate(folder / "live.parquet", rows, live=True)
        size = sum(f.stat().st_size for f in folder.iterdir()) / 2**20
        print(f"2 files of {rows:,} rows x 30 columns, {size:.0f} MiB, {os.cpu_count()} cores")
        bare, full = run("scan", folder), run("measure", folder)
    ratio = full["cpu_s"] / bare["cpu_s"]
    print(f"bare scan          {bare['cpu_s']:6.2f} s CPU  {bare['peak_mib']:5.0f} MiB")
    print(f"drift and quality  {full['cpu_s']:6.2f} s CPU  {full['peak_mib']:5.0f} MiB")
    print(f"ratio              {ratio:6.2f}        limit {MOST_RATIO:.0f}, and {MOST_MIB:.0f} MiB")
    return int(ratio > MOST_RATIO or full["peak_mib"] > MOST_MIB)


if __name__ == "__main__":
    if len(sys.argv) == 3:
        report(sys.argv[1], Path(sys.argv[2]))
    elif main(int(sys.argv[1]) if len(sys.argv) > 1 else ROWS):
        sys.exit(1)
