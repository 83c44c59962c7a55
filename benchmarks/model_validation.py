"""The whole of the model's validation on 1,000,000 x 30 scored rows, without the model's own scoring time.

    python -m benchmarks.model_validation [rows] [check ...]

As `seatrial run` has it, the training, evaluation, live and scored tables are files, what all checks import is imported
once, and each check then runs in a process of its own, as many beside each other as there are cores, the longest first.
The limits are 30 s by the clock with two cores, imports counted, and 1.5 GB for all processes together: their
proportional share of memory, looked at ten times a second. Exit code 1 when one is missed.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
import traceback
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

ROWS = 1_000_000
LIVE = 200_000
MOST_S = 30.0
MOST_MIB = 1430.0
GROUP = 100_000
CHECKS = ("model.failure-modes", "model.out-of-sample", "model.threshold", "model.trust")
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


def together(folder: Path, wanted: list[str]) -> None:
    """In a process of its own: import once, run the checks beside each other, and print what each and all cost."""
    from importlib import import_module

    from seatrial.app.running.run import PRELOADED, PRELOADED_FIRST

    begun = time.perf_counter()
    for module in (*PRELOADED_FIRST, *PRELOADED):
        import_module(module)
    waiting, peak = list(wanted), 0.0
    running: dict[int, str] = {}
    while waiting or running:
        while waiting and len(running) < (os.cpu_count() or 1):
            check = waiting.pop(0)
            running[_forked(check, folder)] = check
        time.sleep(0.1)
        peak = max(peak, sum(_share_mib(pid) for pid in [os.getpid(), *running]))
        for pid in list(running):
            done, status = os.waitpid(pid, os.WNOHANG)
            if done and os.waitstatus_to_exitcode(status):
                sys.exit(f"{running[pid]} failed")
            if done:
                del running[pid]
    print(json.dumps({"wall_s": time.perf_counter() - begun, "peak_mib": peak}))


def _forked(check: str, folder: Path) -> int:
    """The process that runs one check and keeps what it cost beside the tables."""
    if pid := os.fork():
        return pid
    try:
        (folder / f"{check}.json").write_text(json.dumps(_cost(check, folder)))
    except BaseException:  # noqa: BLE001 - a fork must never return into the parent's code
        traceback.print_exc()
        os._exit(1)
    os._exit(0)


def _cost(check: str, folder: Path) -> dict[str, object]:
    from seatrial.app.folder.catalogue import checks
    from seatrial.app.folder.outside import Outside
    from seatrial.app.folder.workspace import open_workspace
    from seatrial.app.running.trial import OpenTrial
    from seatrial.core.observation import Observation

    begun = time.perf_counter()
    workspace = open_workspace(folder / "seatrial.yaml")
    (one,) = [each for each in checks() if each.id == check]
    with Outside(workspace) as outside:
        trial = OpenTrial(workspace, outside, seed=1, say=lambda *_: None, work=folder, parts={}, digests={})
        found = one.run(workspace.system, trial)
    used = resource.getrusage(resource.RUSAGE_SELF)
    return {
        "told": found.done if isinstance(found, Observation) else f"{found.code}: {found.summary}",
        "wall_s": time.perf_counter() - begun,
        "cpu_s": used.ru_utime + used.ru_stime,
        "peak_mib": used.ru_maxrss / 1024,
    }


def _share_mib(pid: int) -> float:
    """A process's proportional share of memory: what several share counts once."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0.0
    return sum(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1024


def main(rows: int, wanted: list[str]) -> int:
    """Generate, run the checks, print and compare."""
    with tempfile.TemporaryDirectory() as name:
        ours = [sys.executable, "-m", "benchmarks.model_validation"]
        subprocess.run([*ours, "--make", name, str(rows)], check=True)
        print(f"{rows:,} scored rows x 30 columns, {os.cpu_count()} cores")
        child = subprocess.run([*ours, "--together", name, *wanted], check=False, capture_output=True, text=True)
        if child.returncode:
            print(f"failed: {child.stderr.strip()[-2000:]}")
            return 1
        for check in wanted:
            cost = json.loads((Path(name) / f"{check}.json").read_text())
            print(f"{check:<22} {cost['wall_s']:6.1f} s  {cost['cpu_s']:6.1f} s CPU  {cost['peak_mib']:5.0f} MiB")
            print(f"    {cost['told'][:200]}")
    every = json.loads(child.stdout.splitlines()[-1])
    wall, peak = every["wall_s"], every["peak_mib"]
    print(f"all                    {wall:6.1f} s, limit {MOST_S:.0f}; {peak:.0f} MiB, limit {MOST_MIB:.0f}")
    return int(wall > MOST_S or peak > MOST_MIB)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--make"]:
        generate(Path(sys.argv[2]), int(sys.argv[3]))
    elif sys.argv[1:2] == ["--together"]:
        together(Path(sys.argv[2]), sys.argv[3:])
    else:
        sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else ROWS, sys.argv[2:] or list(CHECKS)))
