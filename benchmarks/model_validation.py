"""The whole of the model's validation on 1,000,000 x 30 scored rows, without the model's own scoring time.

    python -m benchmarks.model_validation [rows] [check ...]

Each check runs in a process of its own, as `seatrial run` has it: the training, evaluation, live and scored tables are
files. The figures are its wall clock and CPU with what it imports itself, and its peak memory. What a run imports once,
before it starts any check, is counted once. The limits are 30 s of CPU on each of two cores for all of them together,
and 1.5 GB for any one. Exit code 1 when one is missed.
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
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

ROWS = 1_000_000
LIVE = 200_000
MOST_CPU_S = 60.0
MOST_MIB = 1430.0
GROUP = 100_000
CHECKS = ("model.threshold", "model.out-of-sample", "model.failure-modes", "model.trust")
TYPES = {"sensor": "number", "amount": "number", "count": "integer", "code": "string", "flag": "boolean"}
KINDS = {"sensor": 12, "amount": 5, "count": 5, "code": 5, "flag": 3}
SYSTEM = """
system: benchmark
version: "1"
people: {olga: {name: Olga Brandt}, lena: {name: Lena Fischer}}
model:
  endpoint: http://127.0.0.1:9/predict
  task: binary
  inputs: inputs.json
  output: {prediction: late, score: risk, positive: 1, act_at: 0.5}
governance:
  plan: {document: plan.md, approved_by: lena, approved_on: 2026-10-05}
  metric: recall@0.5
  minimum: 0.6
  metrics: [{metric: accuracy, minimum: 0.8}, {metric: auc, minimum: 0.7}]
data:
  training: {source: training.parquet, label: late, time: at, entity: id}
  evaluation: {source: evaluation.parquet, label: late, time: at, entity: id}
  live: {source: live.parquet}
failure_modes: failure-modes.yaml
"""


def generate(folder: Path, rows: int) -> None:
    """Three tables of one kind of event in three periods, and the second one scored."""
    import numpy as np
    import pyarrow as pa
    from pyarrow import parquet

    from seatrial.core.check import PREDICTION, PROBLEM, SCORE

    for number, (name, n) in enumerate((("training", rows), ("evaluation", rows), ("live", LIVE))):
        writers: dict[str, parquet.ParquetWriter] = {}
        for start in range(0, n, GROUP):
            size = min(GROUP, n - start)
            rng = np.random.default_rng([number, start])
            drawn = _events(rng, size)
            place = start + np.arange(size)
            columns = {
                "id": pa.array(np.char.add(f"{name}-", place.astype(str))),
                "at": pa.array(1_700_000_000 + number * 9_000_000 + place, type=pa.timestamp("s")),
            }
            for i, (key, values) in enumerate(drawn.items()):
                said = np.char.add("C-", values.astype(str)) if key.startswith("code") else values
                columns[key] = pa.array(said, mask=rng.random(size) < 0.01 * (i % 3))
            logit = (drawn["sensor_0"] - 15) / 5 + (drawn["sensor_1"] - 15) / 8 + (drawn["count_0"] - 3) / 3 - 1.5
            late = pa.array((rng.random(size) < 1 / (1 + np.exp(-2 * logit))).astype(np.int8))
            seen = logit + rng.normal(0, 0.4, size)
            seen = np.where((drawn["sensor_2"] > 20) & (drawn["code_3"] == 1), -seen, seen)
            score = 1 / (1 + np.exp(-2 * seen))
            answers = {PREDICTION: pa.array((score >= 0.5).astype(np.int64)), SCORE: pa.array(score)}
            tables = {name: columns if name == "live" else {**columns, "late": late}}
            if name == "evaluation":
                tables["scored.evaluation"] = {**columns, "late": late, **answers, PROBLEM: pa.nulls(size, pa.string())}
            for target, content in tables.items():
                table = pa.table(content)
                if target not in writers:
                    writers[target] = parquet.ParquetWriter(folder / f"{target}.parquet", table.schema)
                writers[target].write_table(table)
        for writer in writers.values():
            writer.close()
    inputs = {f"{kind}_{i}": {"type": TYPES[kind]} for kind, many in KINDS.items() for i in range(many)}
    (folder / "inputs.json").write_text(json.dumps(inputs))
    (folder / "seatrial.yaml").write_text(SYSTEM)
    (folder / "plan.md").write_text("---\nlimits:\n  recall@0.5: 0.6\n---\n# Plan\n")
    (folder / "failure-modes.yaml").write_text("failure_modes: []\n")


def _events(rng: np.random.Generator, size: int) -> dict[str, np.ndarray]:
    import numpy as np

    drawn: dict[str, np.ndarray] = {}
    for i in range(KINDS["sensor"]):
        drawn[f"sensor_{i}"] = rng.normal(15, 8, size).round(1)
    for i in range(KINDS["amount"]):
        drawn[f"amount_{i}"] = rng.lognormal(3, 1.1, size).round(2)
    for i in range(KINDS["count"]):
        drawn[f"count_{i}"] = rng.poisson(3, size)
    for i in range(KINDS["code"]):
        drawn[f"code_{i}"] = np.minimum(rng.zipf(1.6, size), 3 + 9 * i)
    for i in range(KINDS["flag"]):
        drawn[f"flag_{i}"] = rng.random(size) < 0.2
    return drawn


def report(check: str, folder: Path) -> None:
    """In the child: run the check, print what it cost."""
    from importlib import import_module

    from seatrial.app.catalogue import checks
    from seatrial.app.outside import Outside
    from seatrial.app.run import PRELOADED
    from seatrial.app.trial import OpenTrial
    from seatrial.app.workspace import open_workspace
    from seatrial.core.observation import Observation

    for module in PRELOADED:
        import_module(module)
    once = time.process_time()
    workspace = open_workspace(folder / "seatrial.yaml")
    (one,) = [each for each in checks() if each.id == check]
    with Outside(workspace) as outside:
        trial = OpenTrial(workspace, outside, seed=1, say=lambda *_: None, work=folder, parts={}, digests={})
        found = one.run(workspace.system, trial)
    told = found.done if isinstance(found, Observation) else f"{found.code}: {found.summary}"
    used = resource.getrusage(resource.RUSAGE_SELF)
    cpu = time.process_time() - once
    print(json.dumps({"told": told, "cpu_s": cpu, "once_s": once, "peak_mib": used.ru_maxrss / 1024}))


def main(rows: int, wanted: list[str]) -> int:
    """Generate, run each check, print and compare."""
    cpu, peak, once = 0.0, 0.0, 0.0
    with tempfile.TemporaryDirectory() as name:
        ours = [sys.executable, "-m", "benchmarks.model_validation"]
        subprocess.run([*ours, "--make", name, str(rows)], check=True)
        print(f"{rows:,} scored rows x 30 columns, {os.cpu_count()} cores")
        for check in wanted:
            begun = time.perf_counter()
            child = subprocess.run([*ours, "--check", check, name], check=False, capture_output=True, text=True)
            wall = time.perf_counter() - begun
            if child.returncode:
                print(f"{check:<22} failed: {child.stderr.strip()[-2000:]}")
                return 1
            figures = json.loads(child.stdout.splitlines()[-1])
            cpu, peak = cpu + figures["cpu_s"], max(peak, figures["peak_mib"])
            once = max(once, figures["once_s"])
            print(f"{check:<22} {wall:6.1f} s  {figures['cpu_s']:6.1f} s CPU  {figures['peak_mib']:5.0f} MiB")
            print(f"    {figures['told'][:200]}")
    cpu += once
    print(f"imported once before all checks  {once:6.1f} s CPU")
    print(f"all                    {cpu:6.1f} s CPU, limit {MOST_CPU_S:.0f}; {peak:.0f} MiB, limit {MOST_MIB:.0f}")
    return int(cpu > MOST_CPU_S or peak > MOST_MIB)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--make"]:
        generate(Path(sys.argv[2]), int(sys.argv[3]))
    elif sys.argv[1:2] == ["--check"]:
        report(sys.argv[2], Path(sys.argv[3]))
    else:
        sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else ROWS, sys.argv[2:] or list(CHECKS)))
