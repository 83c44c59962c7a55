"""A small declared system in a folder of its own, over a model server that really answers."""

from __future__ import annotations

import csv
from pathlib import Path

from plants.model_server import sound
from plants.server import Asked, Said, said

_FILE = """\
system: arrival-delay
version: "2026.11.1"
purpose: Warns the dock planner of late deliveries.
go_live: 2027-03-01
people:
  olga: {{name: Olga Brandt}}
  sven: {{name: Sven Holm}}
  ivo: {{name: Ivo Petrov}}
  lena: {{name: Lena Falk}}
  amir: {{name: Amir Rahimi}}
  carl: {{name: Carl Weiss}}
owner: {{who: olga, deputy: sven, manager: carl}}
duties:
  monitor: {{who: olga, deputy: sven}}
  retraining: {{who: amir, deputy: ivo}}
signers: {{it: ivo, operations: sven, legal: lena, ai-team: amir}}
model:
  endpoint: {url}/predict
  identity: {url}/version
  task: binary
  timeout: 2s
  inputs:
    wind: {{type: number, minimum: 0, maximum: 80}}
    distance: {{type: integer, minimum: 1}}
  output: {{prediction: label, score: probability, positive: 1, act_at: 0.5}}
  test_endpoint: true
  headers: {{X-Api-Key: "${{MODEL_KEY}}"}}
governance:
  policy: short-demo
  metric: recall
  minimum: 0.5
data:
  evaluation: {{source: evaluation.csv, label: late, entity: flight}}
  live: {{source: live.csv}}
training: {{material: limits.md}}
"""

SECRET = "opensesame-4711"


def rows(count: int) -> list[dict[str, object]]:
    return [
        {"flight": f"F{n:05}", "wind": 10 + n % 45, "distance": 100 + n % 900, "late": int(n % 45 > 20)}
        for n in range(count)
    ]


def plant(folder: Path, url: str, *, count: int = 400) -> Path:
    """Write the system file and its data; the path of the system file."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, dropped in (("evaluation.csv", ()), ("live.csv", ("late", "flight"))):
        with (folder / name).open("w", newline="") as file:
            kept = [{k: v for k, v in row.items() if k not in dropped} for row in rows(count)]
            writer = csv.DictWriter(file, fieldnames=list(kept[0]))
            writer.writeheader()
            writer.writerows(kept)
    (folder / "limits.md").write_text("# What it cannot do\n\nIt knows no strikes.\n")
    system = folder / "seatrial.yaml"
    system.write_text(_FILE.format(url=url))
    return system


def steady(asked: Asked) -> Said:
    """The sound model server, which answers what it cannot read with 422 instead of falling over."""
    try:
        return sound(asked)
    except (ValueError, TypeError, KeyError, AttributeError):
        return said({"error": "these rows cannot be read"}, 422)
