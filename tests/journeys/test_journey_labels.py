"""Labels are planned before they are bought, drawn with known probability, and count when they come back."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

import pytest
from command_line import called
from small_run import see

from plants.server import Server, unused_url
from plants.tiny_system import plant, steady
from seatrial.core.observation import Observation


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with Server(steady) as served:
        yield served


@pytest.fixture(autouse=True)
def surroundings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MODEL_KEY", "k")


def filled(drawn: Path) -> None:
    rows = list(csv.DictReader(drawn.read_text().splitlines()))
    for row in rows:
        row["late"] = str(int(float(row["wind"]) - 10 > 20))
    with drawn.open("w", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


@pytest.mark.slow
def test_rows_are_planned_drawn_labelled_and_counted(tmp_path: Path, server: Server) -> None:
    system = plant(tmp_path, server.url)
    ended = called("plan-labels", system, "--labels", "120", "--json", cwd=tmp_path)
    assert ended.code == 0, ended.err
    plan = ended.json
    assert plan["pool"] == 400
    assert plan["drawn"] == 120
    sizes = plan["metrics"][0]["sizes"]
    assert [size["rows"] for size in sizes] == sorted((size["rows"] for size in sizes), reverse=True)
    assert all(size["rows"] > size["bearing"] for size in sizes)
    rows = list(csv.DictReader((tmp_path / "labels.csv").read_text().splitlines()))
    assert [int(row["draw_order"]) for row in rows] == list(range(1, 121))
    assert all(row["late"] == "" and 0.0 < float(row["draw_probability"]) <= 1.0 for row in rows)
    filled(tmp_path / "labels.csv")
    text = system.read_text()
    old = "evaluation: {source: evaluation.csv, label: late, entity: flight}"
    assert old in text
    system.write_text(text.replace(old, plan["declare"]))
    result = see(tmp_path, "model.threshold").result("model.threshold")
    assert isinstance(result, Observation), result
    recall = next(m for m in result.measures if m.name == "recall")
    assert recall.n > 10
    assert recall.value is not None


@pytest.mark.slow
def test_a_file_that_may_hold_labels_is_never_overwritten(tmp_path: Path, server: Server) -> None:
    system = plant(tmp_path, server.url)
    (tmp_path / "labels.csv").write_text("precious")
    ended = called("plan-labels", system, cwd=tmp_path)
    assert ended.code == 2
    assert "may hold labels" in ended.err
    assert (tmp_path / "labels.csv").read_text() == "precious"


def test_an_expected_value_gives_the_exact_size(tmp_path: Path, server: Server) -> None:
    system = plant(tmp_path, server.url)
    system.write_text(system.read_text().replace("metric: recall\n  minimum: 0.5", "metric: accuracy\n  minimum: 0.9"))
    ended = called("plan-labels", system, "--expect", "0.95", "-o", "some.csv", cwd=tmp_path)
    assert ended.code == 0, ended.err
    assert "if it is 0.95 in truth: 203 rows; up to 13 may be wrong" in ended.out
    assert len((tmp_path / "some.csv").read_text().splitlines()) == 204


@pytest.mark.slow
def test_without_a_live_sample_or_a_model_there_is_nothing_to_draw(tmp_path: Path, server: Server) -> None:
    system = plant(tmp_path, server.url)
    whole = system.read_text()
    system.write_text(whole.replace("  live: {source: live.csv}\n", ""))
    ended = called("plan-labels", system, cwd=tmp_path)
    assert ended.code == 2
    assert "live" in ended.err
    system.write_text(whole.replace(server.url, unused_url()))
    ended = called("plan-labels", system, cwd=tmp_path)
    assert ended.code == 2
    assert "model" in ended.err
    assert not (tmp_path / "labels.csv").exists()
