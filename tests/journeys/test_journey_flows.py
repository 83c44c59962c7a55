"""`seatrial flows`: what would be written where is said to the letter, and nothing is written."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from command_line import called

from plants.pipeline_server import Pipeline, declared, delivery
from plants.server import Server

SECRET = "grey-pelican"


@pytest.fixture
def pipeline() -> Iterator[tuple[Server, Pipeline]]:
    answering = Pipeline()
    with Server(answering) as server:
        yield server, answering


def written(folder: Path, url: str, **changes: Any) -> Path:
    (folder / "records.jsonl").write_text(json.dumps(delivery(3)) + "\n")
    for contract in ("in.json", "out.json"):
        (folder / contract).write_text("{}")
    plain = declared(url, people={"ivo": {"name": "Ivo", "email": "ivo@example.com"}}, **changes)
    plain["integrations"]["deliveries"]["test"]["headers"] = {"Authorization": f"Bearer {SECRET}"}
    file = folder / "seatrial.yaml"
    file.write_text(yaml.safe_dump(plain))
    return file


@pytest.mark.slow
def test_it_says_what_would_be_written_where_and_writes_nothing(
    tmp_path: Path, pipeline: tuple[Server, Pipeline]
) -> None:
    server, answering = pipeline
    file = written(tmp_path, server.url)
    ended = called("flows", file, cwd=tmp_path)
    assert ended.code == 0, ended.err
    assert f"POST {server.url}/in" in ended.out
    assert '"id": "seatrial-' in ended.out
    assert "by id at planner, /out, within 1 s" in ended.out
    assert "stays there" in ended.out
    assert SECRET not in ended.out
    assert answering.taken == 0
    (told,) = called("flows", file, "--json", cwd=tmp_path).json
    assert told["records"] == 100 * (20 + 60)
    assert told["records"] < told["records at most"] < 2 * told["records"]
    assert told["end"] == "test"
    assert answering.taken == 0


def test_a_flow_that_cannot_be_driven_says_why_and_what_to_declare(
    tmp_path: Path, pipeline: tuple[Server, Pipeline]
) -> None:
    server, answering = pipeline
    file = written(tmp_path, server.url)
    plain = yaml.safe_load(file.read_text())
    plain["integrations"]["deliveries"]["test"]["writable"] = False
    file.write_text(yaml.safe_dump(plain))
    ended = called("flows", file, cwd=tmp_path)
    assert ended.code == 1
    assert "cannot be driven" in ended.out
    assert "writable: true" in ended.out
    assert answering.taken == 0


def test_an_address_that_is_not_reached_is_named_with_its_integration_and_without_its_credentials(
    tmp_path: Path, pipeline: tuple[Server, Pipeline]
) -> None:
    server, _ = pipeline
    file = written(tmp_path, server.url)
    plain = yaml.safe_load(file.read_text())
    del plain["flows"][0]["records"]
    for told in plain["integrations"].values():
        told["test"]["url"] = "http://reader:${PASSWORD}@${ERP}"
    file.write_text(yaml.safe_dump(plain))
    ended = called("flows", file, cwd=tmp_path, environment={"ERP": "127.0.0.1:9", "PASSWORD": SECRET})
    assert ended.code == 1
    assert "integration 'deliveries': http://127.0.0.1:9 cannot be reached" in ended.out
    assert "→ See whether it runs" in ended.out
    assert SECRET not in ended.out


def test_production_is_told_as_production(tmp_path: Path, pipeline: tuple[Server, Pipeline]) -> None:
    server, answering = pipeline
    file = written(tmp_path, server.url)
    plain = yaml.safe_load(file.read_text())
    now = datetime.now(UTC)
    for told in plain["integrations"].values():
        told["production"] = {
            **told.pop("test"),
            "window": f"daily {now - timedelta(hours=1):%H:%M}-{now + timedelta(hours=3):%H:%M}",
            "approved_by": "ivo",
            "remove": "/taken-back",
        }
    file.write_text(yaml.safe_dump(plain))
    ended = called("flows", file, cwd=tmp_path)
    assert "in PRODUCTION" in ended.out, ended
    assert answering.taken == 0
