"""What a watch fetches by itself, from real sources: none is lost, none is counted twice, and little is held."""

from __future__ import annotations

import json
import secrets
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from plants import brokers
from plants.server import Asked, Said, Server, said
from plants.tiny_system import SECRET, plant
from seatrial.app.folder.outside import Outside
from seatrial.app.folder.workspace import open_workspace
from seatrial.app.watched import intakes as module
from seatrial.app.watched.intakes import Intakes
from seatrial.watch.events import Kind
from seatrial.watch.store import Store


@contextmanager
def fetching(folder: Path, kind: str, end: str, *, fields: str = "") -> Iterator[tuple[Intakes, Store]]:
    file = plant(folder, "http://127.0.0.1:9", count=10)
    (folder / ".env").write_text(f"MODEL_KEY={SECRET}\n")
    file.write_text(
        f"{file.read_text()}integrations:\n  answers: {{kind: {kind}, test: {{{end}}}}}\n"
        f"watch: {{intakes: [{{integration: answers, takes: predictions, every: 1ms{fields}}}]}}\n"
    )
    workspace = open_workspace(folder)
    store = Store.open(f"sqlite:///{folder / 'w.db'}")
    with Outside(workspace) as outside:
        yield Intakes(workspace.system, outside, store, now=workspace.clock.now), store
    store.close()


def looked(intakes: Intakes) -> int:
    time.sleep(0.005)
    new = intakes.look()
    assert intakes.problems == {}
    return new


def rows(first: int, count: int) -> list[tuple[str, int, float]]:
    return [(f"p{n}", n % 2, 0.1 + 0.8 * (n % 2)) for n in range(first, first + count)]


def test_a_table_that_brings_more_than_is_held_at_once_is_taken_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MOST", 100)
    database = sqlite3.connect(tmp_path / "erp.db")
    database.execute("CREATE TABLE answers (id TEXT, prediction INTEGER, score REAL)")

    def put(first: int, count: int) -> None:
        database.executemany("INSERT INTO answers VALUES (?, ?, ?)", rows(first, count))
        database.commit()

    put(0, 1234)
    url = f"url: 'sqlite:///{tmp_path / 'erp.db'}', read: 'SELECT * FROM answers ORDER BY rowid'"
    with fetching(tmp_path, "sqlite", url) as (intakes, store):
        assert looked(intakes) == 1234
        assert looked(intakes) == 0
        put(1234, 777)
        assert looked(intakes) == 777
        # Old rows go while new ones come: what stood last stands elsewhere, and all is looked at again.
        database.execute("DELETE FROM answers WHERE rowid <= 500")
        put(2011, 300)
        assert looked(intakes) == 300
        assert store.counts()["prediction"] == 2311
        assert [each.id for each in store.after(0, 5000)] == [f"p{n}" for n in range(2311)]


def test_files_that_come_grow_and_go_are_taken_once_and_a_broken_one_holds_up_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MOST", 50)
    folder = tmp_path / "drop"
    folder.mkdir()

    def put(name: str, first: int, count: int) -> None:
        lines = [json.dumps(dict(zip(("id", "prediction", "score"), row, strict=True))) for row in rows(first, count)]
        (folder / name).write_text("\n".join(lines))

    put("a.jsonl", 0, 120)
    with fetching(tmp_path, "files", f"url: '{folder}'") as (intakes, store):
        assert looked(intakes) == 120
        put("a.jsonl", 0, 170)
        put("b.jsonl", 170, 60)
        assert looked(intakes) == 110
        (folder / "a.jsonl").unlink()
        (folder / "c.jsonl").write_text('{"id": "p230", "prediction": 1, "sco')
        put("d.jsonl", 231, 5)
        time.sleep(0.005)
        intakes.look()
        assert store.counts()["prediction"] == 235
        assert "c.jsonl" in intakes.problems["answers"]
        put("c.jsonl", 230, 1)
        assert looked(intakes) == 1
        assert store.counts()["prediction"] == 236


def test_a_topic_is_followed_by_its_offsets_over_a_restart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST", 40)
    with brokers.kafka() as cluster:
        topic = cluster.topic([{"id": name, "prediction": label} for name, label, _ in rows(0, 150)])
        end = f"url: '{cluster.url}', topic: '{topic}'"
        with fetching(tmp_path / "one", "kafka", end) as (intakes, store):
            assert looked(intakes) == 150
            cluster.put(topic, b"no record")
            cluster.put(topic, b'{"id": "p150", "prediction": 1}')
            assert looked(intakes) == 1
            assert store.counts()["refused no-id"] == 1
            mark = store.recall("intake answers predictions")
            again = Intakes(intakes._system, intakes._outside, store, now=intakes._now)
            assert looked(again) == 0
            assert store.counts().get("known", 0) == 0, "what was taken is not even asked for again"
            assert store.recall("intake answers predictions") == mark


def test_an_exchange_is_heard_and_what_was_taken_is_let_go_of(tmp_path: Path) -> None:
    key = f"answers.{secrets.token_hex(4)}"
    with brokers.amqp() as url, brokers.AmqpPeer(url) as peer:
        end = f"url: '{url}', exchange: amq.topic, routing_key: '{key}', listen_for: 300ms"
        with fetching(tmp_path, "amqp", end) as (intakes, store):
            assert looked(intakes) == 0
            for start in (0, 250):
                for name, label, score in rows(start, 250):
                    peer.publish("amq.topic", key, {"id": name, "prediction": label, "score": score})
                end_at = time.monotonic() + 60.0
                while store.counts().get("prediction", 0) < start + 250:
                    looked(intakes)
                    assert time.monotonic() < end_at
            source: Any = intakes._outside.integration("answers")
            heard = next(iter(source._ears._heard.values()))
            assert len(heard._rows) <= 100
            assert store.counts() == {"prediction": 500}


def test_a_source_that_only_shows_its_newest_says_when_some_may_be_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MOST", 20)
    shown: list[dict[str, object]] = []

    def answers(_: Asked) -> Said:
        return said(shown[-100:])

    def put(first: int, count: int) -> None:
        shown.extend({"id": name, "prediction": label} for name, label, _ in rows(first, count))

    put(0, 30)
    with (
        Server(answers) as server,
        fetching(tmp_path, "http", f"url: '{server.url}', read: '/answers'", fields=", id: id") as (intakes, store),
    ):
        assert looked(intakes) == 20
        put(30, 15)
        assert looked(intakes) == 15
        put(45, 40)
        time.sleep(0.005)
        intakes.look()
        assert "may be missing" in intakes.problems["answers"]
        assert next(iter(intakes.awaited())).name == "intake.answers"
        assert store.newest(Kind.PREDICTION) is not None
