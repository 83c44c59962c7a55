"""Every kind of take-offline rule, provoked with injected data in a test lane: rule, alarm, person, procedure."""

from __future__ import annotations

import json
import random
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from command_line import called

from plants.pager_server import Delivering
from plants.server import Asked, Said, Server, said
from plants.tiny_system import SECRET, plant, rows, steady
from seatrial.app.folder.ledgers import read_ledger
from seatrial.app.folder.workspace import open_workspace
from seatrial.app.running.run import run
from seatrial.app.watched.watch import SystemWatch
from seatrial.core.vocabulary import RecordType

pytestmark = pytest.mark.slow


class Lane:
    """A model that can be taken offline, and a source of weather whose newest record has an age."""

    def __init__(self) -> None:
        self.online = True
        self.age = timedelta(0)

    def __call__(self, asked: Asked) -> Said:
        if asked.path == "/off" and asked.method == "POST":
            self.online = False
            return said({})
        if asked.path == "/status":
            return said({"online": self.online})
        if asked.path == "/weather":
            return said([{"observed_at": (datetime.now(UTC) - self.age).isoformat(), "wind": 3}])
        return steady(asked)


def procedure(url: str) -> str:
    def step(name: str, path: str, **more: object) -> dict[str, object]:
        return {"name": name, "kind": "http", "with": {"url": url + path, **more}, "deadline": "5s"}

    return json.dumps(
        {
            "procedure": "offline",
            "before": [step("it is online", "/status", expect={"json": {"online": True}})],
            "steps": [step("take it offline", "/off", json={})],
            "target": [step("it is offline", "/status", expect={"json": {"online": False}})],
        }
    )


RULES = {
    "accuracy": "{metric: recall, below: 0.6}",
    "category": "{category: miss, above: 40 %}",
    "event": "{event: regulator-notice}",
    "freshness": "{freshness: weather, older_than: 1h}",
    "heartbeat": "{heartbeat: 3s}",
}


WORDS = {
    "accuracy": "recall",
    "category": "miss",
    "event": "A letter came",
    "freshness": "weather",
    "heartbeat": "predictions",
}


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, Lane, Delivering]]:
    folder = tmp_path_factory.mktemp("lane")
    lane, person = Lane(), Delivering(after_s=0.4, answer="Take it offline")
    with Server(lane) as server, Server(person) as pager:
        file = plant(folder, server.url, count=1200)
        (folder / ".env").write_text(f"MODEL_KEY={SECRET}\n")
        (folder / "offline.yaml").write_text(procedure(server.url))
        text = file.read_text()
        for who, name in (("olga", "Olga Brandt"), ("sven", "Sven Holm")):
            text = text.replace(f"{{name: {name}}}", f'{{name: {name}, page: "webhook+{pager.url}/{who}"}}')
        text = text.replace("deputy: sven}\n  retraining", "deputy: sven, acknowledge_within: 6s}\n  retraining")
        text = text.replace("  live: {source: live.csv}\n", "  live: {source: live.csv}\nFRESHNESS")
        weather = f"integrations:\n  weather: {{kind: http, test: {{url: {server.url}, read: /weather}}}}\n"
        file.write_text(text + weather + "watch: {labels: 200/d, predictions: 200/d}\n")
        (folder / "as-declared").write_text(file.read_text())
        file.write_text(declared(folder, "accuracy"))
        list(run(open_workspace(folder), only=["model.threshold"]))
        yield folder, lane, person


def declared(folder: Path, rule: str) -> str:
    text = (folder / "as-declared").read_text()
    fresh = "  freshness: [{source: weather, at: observed_at, at_most: 30m}]\n" if rule == "freshness" else ""
    rules = f"  offline: offline.yaml\n  offline_when: [{RULES[rule]}]\n"
    return text.replace("  minimum: 0.5\n", f"  minimum: 0.5\n{rules}").replace("FRESHNESS", fresh)


@contextmanager
def watching(folder: Path) -> Iterator[SystemWatch]:
    with SystemWatch(open_workspace(folder)) as running:
        thread = threading.Thread(target=running.run, kwargs={"listen": "127.0.0.1:0"})
        thread.start()
        try:
            until(lambda: bool(running.address), "the watch listens")
            yield running
        finally:
            running.stop()
            thread.join(timeout=20)


def until(holds: Callable[[], bool], what: str, *, within_s: float = 60.0) -> None:
    deadline = time.monotonic() + within_s
    while not holds():
        assert time.monotonic() < deadline, what
        time.sleep(0.05)


def send(running: SystemWatch, *, right: bool, first: int, count: int) -> None:
    """Predictions with their outcomes, all right or all wrong, of the reference's rows in any order."""
    predictions: list[Any] = []
    outcomes: list[Any] = []
    for n, row in enumerate(random.Random(first).choices(rows(400), k=count), start=first):
        late = int(str(row["late"]))
        score = 0.9 if bool(late) == right else 0.1
        inputs = {"wind": row["wind"], "distance": row["distance"]}
        predictions.append({"id": f"t{n}", "prediction": int(score >= 0.5), "score": score, "inputs": inputs})
        outcomes.append({"id": f"t{n}", "label": late})
    request = urllib.request.Request(
        f"http://{running.address}/v1/events",
        data=json.dumps({"events": [*predictions, *outcomes]}).encode(),
        headers={"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=30) as answer:
        assert answer.status == 200


def harm(rule: str, running: SystemWatch, lane: Lane, folder: Path) -> None:
    """What the rule is there for, really injected."""
    if rule in ("accuracy", "category"):
        send(running, right=False, first=5000, count=500)
    elif rule == "event":
        ended = called("event", "regulator-notice", "--summary", "A letter came.", "--as", "lena", cwd=folder)
        assert ended.code == 0, ended
    elif rule == "freshness":
        lane.age = timedelta(hours=2)


@pytest.mark.parametrize("rule", list(RULES))
def test_a_rule_that_is_broken_reaches_a_person_who_takes_it_offline(
    rule: str, prepared: tuple[Path, Lane, Delivering]
) -> None:
    folder, lane, person = prepared
    (folder / "seatrial.yaml").write_text(declared(folder, rule))
    lane.online, lane.age = True, timedelta(0)
    for left in (folder / ".seatrial" / "watch").glob("*"):
        left.unlink()
    seen, paged = offline_events(folder), len(person.events)
    with watching(folder) as running:
        send(running, right=True, first=0, count=300)
        if rule != "heartbeat":
            time.sleep(1.0)
            assert lane.online, "health fires nothing"
            assert running.store.alarms() == []
        harm(rule, running, lane, folder)
        until(lambda: not lane.online, f"{rule}: nobody took it offline")
        until(lambda: any(a.get("taken_offline") for a in running.store.alarms()), "it is proven and noted")
        alarm = next(a for a in running.store.alarms() if a.get("taken_offline"))
    trail = " ".join(line["text"] for line in alarm["trail"])
    assert alarm["level"] == "offline"
    assert "olga was paged" in trail
    assert "Take it offline" in trail
    assert "proven by what is served" in trail
    assert {"take-offline-rule", "taken-offline"} <= set(offline_events(folder)[len(seen) :])
    assert any(WORDS[rule] in event["data"]["title"] for event in person.events[paged:])


def offline_events(folder: Path) -> list[str]:
    return [
        str(e.record.body["kind"])
        for e in read_ledger(open_workspace(folder), quick=True).evidence
        if e.record.type is RecordType.EVENT and e.record.body["revokes"]
    ]
