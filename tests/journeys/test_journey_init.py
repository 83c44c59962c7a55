"""One's own system, never seen before: proposed, validated, run and decided through the real command."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pytest
from command_line import seatrial
from pyarrow import parquet

from plants.server import Asked, Said, Server, said
from seatrial.gate.catalogue import PRODUCTION_READINESS

_SITES = ("harbour", "mill", "depot")


def _risk(row: dict[str, object]) -> float:
    vibration = float(str(row.get("vibration") or 0))
    return min(0.95, 0.04 + 0.07 * max(0.0, vibration - 2) + (0.2 if row.get("site") == "harbour" else 0))


def pumps(asked: Asked) -> Said:
    if asked.path == "/version":
        return said({"model": "pumps", "version": "4.2"})
    if asked.method != "POST" or "rows" not in asked.json():
        return said({"error": "POST rows"}, 400)
    return said({"predictions": [{"failed": int(_risk(r) >= 0.3), "risk": _risk(r)} for r in asked.json()["rows"]]})


def _rows(count: int, *, label: bool = True) -> pa.Table:
    columns: dict[str, list[object]] = {
        "pump_id": [f"P-{n:05}" for n in range(count)],
        "read_at": [f"2026-{1 + n % 9:02}-{1 + n % 28:02}T06:00:00Z" for n in range(count)],
        "vibration": [round(1 + (n * 37 % 101) / 20, 3) for n in range(count)],
        "temperature": [None if n % 31 == 0 else 50 + n * 13 % 29 for n in range(count)],
        "site": [_SITES[n % 3] for n in range(count)],
    }
    if label:
        known = zip(columns["vibration"], columns["site"], strict=True)
        columns["failed"] = [
            int(_risk({"vibration": v, "site": s}) * 97 > n * 53 % 97) for n, (v, s) in enumerate(known)
        ]
    return pa.table(columns)


@pytest.fixture(scope="module")
def model() -> Iterator[Server]:
    with Server(pumps) as served:
        yield served


@pytest.fixture
def place(tmp_path: Path) -> Path:
    parquet.write_table(_rows(1200), tmp_path / "pumps.parquet")
    parquet.write_table(_rows(400, label=False), tmp_path / "live.parquet")
    return tmp_path


@pytest.mark.slow
def test_from_an_endpoint_and_a_file_to_a_verdict(place: Path, model: Server) -> None:
    found = ("init", "--model", f"{model.url}/predict", "--data", "pumps.parquet", "--live", "live.parquet")
    told = seatrial(*found, "--label", "failed", "--json", cwd=place)
    assert told.code == 0, told
    assert told.json["task"] == "binary"
    assert told.json["columns"] == ["vibration", "temperature", "site"]
    written = (place / "seatrial.yaml").read_text()

    again = seatrial(*found, "--label", "failed", cwd=place)
    assert again.code == 2
    assert "is there already" in again.err
    assert (place / "seatrial.yaml").read_text() == written

    valid = seatrial("validate", "--json", cwd=place)
    assert valid.code == 0, valid
    assert [todo["path"] for todo in valid.json["todos"]] == told.json["todos"]

    ran = seatrial("run", "--json", cwd=place)
    assert ran.code == 1, ran
    verdict = ran.json
    assert verdict["verdict"] == "NO-GO"
    shown = {row["id"]: row for row in verdict["requirements"]}
    assert set(shown) == {row.id for row in PRODUCTION_READINESS}
    measured = {measure["name"] for measure in shown["model.threshold"]["measures"]}
    assert {"recall", "recall on the live mix"} <= measured, "the model is measured before anything is decided"
    assert not [row for row in shown.values() if row["reason"] == "crashed"]
    assert any("TODO" in gap["summary"] or gap["code"] == "todo" for gap in verdict["gaps"])
    decided = seatrial("verdict", "--json", cwd=place)
    assert decided.json["requirements"] == verdict["requirements"]


def test_where_nobody_can_be_asked_what_is_missing_is_usage(place: Path, model: Server) -> None:
    ended = seatrial("init", "--model", model.url, cwd=place)
    assert ended.code == 64
    assert "--data is needed" in ended.err


def test_what_goes_wrong_is_told_and_nothing_is_written(place: Path, model: Server) -> None:
    before = sorted(place.iterdir())
    for more, words in (
        (("--label", "faild"), "Did you mean failed"),
        ((), "says by its name that it holds the labels"),
        (("--label", "failed", "--header", "Authorization: Bearer x"), "would be written into the file"),
        (("--label", "failed", "-o", "nowhere/new/seatrial.yaml"), "there is no folder nowhere"),
        (("--label", "failed", "-o", "pumps.parquet"), "there is no folder pumps.parquet"),
    ):
        ended = seatrial("init", "--model", f"{model.url}/predict", "--data", "pumps.parquet", *more, cwd=place)
        assert ended.code == 2, ended
        assert words in ended.err
        assert "→" in ended.err
    assert sorted(place.iterdir()) == before


def test_at_a_terminal_it_asks_for_what_is_missing(place: Path, model: Server) -> None:
    controller, terminal = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "seatrial", "init"], cwd=place, stdin=terminal, stdout=terminal, stderr=terminal
    )
    os.close(terminal)
    heard = ""
    try:
        for question, answer in (
            ("The model's address", f"{model.url}/predict"),
            ("A file with labelled rows", "pumps.parquet"),
            ("tells what was true", "failed"),
        ):
            heard += _until(controller, question)
            os.write(controller, f"{answer}\n".encode())
        heard += _until(controller, "next: seatrial validate")
        assert process.wait(timeout=120) == 0
    finally:
        process.kill()
        process.wait()
        os.close(controller)
    assert (place / "seatrial.yaml").is_file()
    assert "columns: pump_id" in heard


def _until(controller: int, words: str) -> str:
    heard = ""
    deadline = time.monotonic() + 60
    while words not in heard:
        assert time.monotonic() < deadline, heard
        heard += os.read(controller, 4096).decode("utf-8", "replace")
    return heard
