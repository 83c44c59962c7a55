"""A vendor's black box from the command line: known by its answers, asked once a day, and another when they change."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from command_line import Ended, seatrial

from plants.server import Asked, Said, Server, said
from plants.tiny_system import SECRET, plant

pytestmark = pytest.mark.slow
_ONLY = ("model.out-of-sample", "model.trust")


_MORE = ("gust", "temp", "dew", "humid")


class BlackBox:
    """Predictions alone, of a version that it does not tell; `rows` counts what it was asked."""

    def __init__(self) -> None:
        self.limit = 35.0
        self.rows = 0

    def says(self, row: Mapping[str, Any]) -> bool:
        return bool(float(row["wind"]) + 0.0075 * float(row["distance"]) > self.limit)

    def __call__(self, asked: Asked) -> Said:
        if asked.path != "/predict":
            return said({"error": "no such page"}, 404)
        rows = asked.json()["rows"]
        self.rows += len(rows)
        return said({"predictions": [{"label": int(self.says(row))} for row in rows]})


@pytest.fixture
def box() -> BlackBox:
    return BlackBox()


@pytest.fixture
def place(box: BlackBox, tmp_path: Path) -> Iterator[Path]:
    with Server(box) as server:
        file = plant(tmp_path / "system", server.url)
        text = file.read_text().replace(f"  identity: {server.url}/version\n", "")
        text = text.replace("score: probability, ", "").replace(", act_at: 0.5", "")
        text = text.replace(
            "  test_endpoint: true\n",
            '  test_endpoint: true\n  vendor: {name: Acme, version: "4.2", probes: probes.jsonl, document: acme.md}\n',
        )
        more = "".join(f"    {name}: {{type: number}}\n" for name in _MORE)
        text = text.replace("  output:", f"{more}  output:")
        text = text.replace("entity: flight}", "entity: flight, time: at}")
        text = text.replace(
            "data:\n", "data:\n  training: {source: pilot.csv, label: late, entity: flight, time: at}\n"
        )
        file.write_text(text + 'do_not_trust: [{when: "gust > 40", handling: limits.md}]\n')
        folder = file.parent
        (folder / "acme.md").write_text("# Acme 4.2\n\nTrained on European deliveries until 2025.\n")
        probes = [{"wind": 5 + n % 30, "distance": 1000 + 70 * n} | dict.fromkeys(_MORE, 0.5) for n in range(40)]
        (folder / "probes.jsonl").write_text("".join(json.dumps(row) + "\n" for row in probes))
        for name, seed in (("pilot", 1), ("evaluation", 2), ("live", 3)):
            _write(folder / f"{name}.csv", seed)
        yield folder


def _write(path: Path, seed: int) -> None:
    rng = np.random.default_rng(seed)
    wind, distance = np.round(rng.uniform(5, 35, 1500), 2), rng.integers(100, 4000, 1500)
    more = np.round(rng.normal(0, 50, (1500, len(_MORE))), 2)
    unsure = np.where(more[:, 0] > 40.0, 12.0, 2.0)
    late = (wind + 0.0075 * distance + unsure * rng.normal(0, 1, 1500) > 35).astype(int)
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["flight", "wind", "distance", *_MORE, "at", "late"])
        for i in range(1500):
            writer.writerow([f"{seed}-{i}", wind[i], distance[i], *more[i], f"2026-0{seed}-{1 + i % 28:02}", late[i]])


def _in(place: Path, *arguments: str) -> Ended:
    return seatrial(*arguments, cwd=place, environment={"MODEL_KEY": SECRET})


def _requirements(ended: Ended) -> dict[str, Any]:
    return {each["id"]: each for each in ended.json["requirements"] if each["id"] in _ONLY}


def test_a_black_box_is_reviewed_asked_once_a_day_and_another_one_when_its_answers_change(
    place: Path, box: BlackBox
) -> None:
    only = [part for name in _ONLY for part in ("--only", name)]
    assert _in(place, "attest", "supplier", "acme.md", "--as", "ivo", "--yes").code == 0
    first = _in(place, "run", *only, "--json", "--quiet")
    assert first.code == 1, first.err
    found = _requirements(first)
    assert {name: each["outcome"] for name, each in found.items()} == dict.fromkeys(_ONLY, "MET"), [
        (each["reason"], f["code"], f["summary"]) for each in found.values() for f in each["findings"]
    ]
    for name in _ONLY:
        assert "vendor-form" in {f["code"] for f in found[name]["findings"]}, name
    asked = box.rows
    assert asked < 1500 + 1500 + 15 * 40, "the probes were asked once, and ten times each to keep a reference"

    again = _in(place, "run", "--only", "ownership.monitor", "--json", "--quiet")
    assert box.rows == asked, "nothing was asked again within the day"
    assert again.json["subject"] == first.json["subject"]

    box.limit = 40.0
    assert (
        _in(place, "run", "--only", "ownership.monitor", "--json", "--quiet").json["subject"] == first.json["subject"]
    )
    for kept in (place / ".seatrial" / "replays").glob("*/last"):
        kept.write_text(json.dumps(json.loads(kept.read_text()) | {"at": "2026-01-01T00:00:00+00:00"}))
    later = _in(place, "run", "--only", "ownership.monitor", "--json", "--quiet")
    assert later.json["subject"] != first.json["subject"]
    assert {each["outcome"] for each in _requirements(later).values()} == {"NOT_DETERMINED"}
