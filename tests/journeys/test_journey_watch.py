"""After launch, with everything real: a sender, the watch, a pager, a procedure, and the ledger."""

from __future__ import annotations

import json
import shutil
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from plants.pager_server import Delivering
from plants.server import Asked, Said, Server, said
from plants.tiny_system import SECRET, plant, rows, steady
from seatrial.app.deciding.deciding import decide_now
from seatrial.app.folder.ledgers import read_ledger
from seatrial.app.folder.workspace import open_workspace
from seatrial.app.people.retraining import on_record
from seatrial.app.running.run import run
from seatrial.app.running.verify import verify_ledger
from seatrial.app.watched.retraining import asks
from seatrial.app.watched.watch import SystemWatch
from seatrial.core.vocabulary import Answer, RecordType


def step(name: str, method: str, url: str, expect: object) -> str:
    settings = {"method": method, "url": url, "expect": expect, **({"json": {}} if method == "POST" else {})}
    return json.dumps({"name": name, "kind": "http", "with": settings, "deadline": "5s"})


def procedure(url: str) -> str:
    """Takes the model offline, and can bring it back."""
    phases = {
        "before": ("It is online", "GET", "/status", {"json": {"online": True}}),
        "steps": ("Take it offline", "POST", "/off", {"status": 200}),
        "target": ("It is offline", "GET", "/status", {"json": {"online": False}}),
        "restore": ("Bring it back", "POST", "/on", {"status": 200}),
        "restored": ("It is online", "GET", "/status", {"json": {"online": True}}),
    }
    lines = [
        f"{phase}: [{step(name, method, url + path, expect)}]" for phase, (name, method, path, expect) in phases.items()
    ]
    return "\n".join(["procedure: offline", *lines, ""])


class Model:
    """The tiny system's model, which can be taken offline."""

    def __init__(self) -> None:
        self.online = True

    def __call__(self, asked: Asked) -> Said:
        if asked.path in ("/off", "/on"):
            self.online = asked.path == "/on"
            return said({})
        if asked.path == "/status":
            return said({"online": self.online})
        return steady(asked)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, Model]]:
    folder = tmp_path_factory.mktemp("watched")
    model = Model()
    with Server(model) as server:
        file = plant(folder, server.url, count=1200)
        (folder / ".env").write_text(f"MODEL_KEY={SECRET}\n")
        (folder / "offline.yaml").write_text(procedure(server.url))
        text = file.read_text().replace(
            "  minimum: 0.5\n",
            "  minimum: 0.5\n  offline: offline.yaml\n  offline_when:\n"
            "    - {metric: recall, below: 0.6}\n    - {event: regulator-notice}\n",
        )
        file.write_text(text + "watch: {labels: 200/d, predictions: 200/d}\n")
        list(run(open_workspace(folder), only=["model.threshold"]))
        yield folder, model


@contextmanager
def watching(folder: Path) -> Iterator[SystemWatch]:
    with SystemWatch(open_workspace(folder)) as running:
        thread = threading.Thread(target=running.run, kwargs={"listen": "127.0.0.1:0"})
        thread.start()
        try:
            until(lambda: bool(running.address))
            yield running
        finally:
            running.stop()
            thread.join(timeout=20)


def until(holds: Callable[[], bool], *, seconds: float = 90.0) -> None:
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "it did not come about in time"
        time.sleep(0.05)


def post(running: SystemWatch, path: str, documents: object) -> tuple[int, Any]:
    request = urllib.request.Request(
        f"http://{running.address}{path}",
        data=json.dumps(documents).encode(),
        headers={"Content-Type": "application/json"},
    )
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, json.loads(answer.read())
    except urllib.error.HTTPError as error:
        return error.code, json.loads(error.read())


def get(running: SystemWatch, path: str) -> str:
    with urllib.request.urlopen(f"http://{running.address}{path}", timeout=30) as answer:
        text: str = answer.read().decode()
        return text


def told(running: SystemWatch) -> Any:
    return json.loads(get(running, "/v1/status"))


def traffic(first: int, count: int, *, miss: float, seed: int) -> tuple[list[Any], list[Any]]:
    rng = np.random.default_rng(seed)
    predictions, outcomes = [], []
    # Those of the reference in any order: traffic that is sorted would have moved.
    known = rows(400)
    for n, row in enumerate((known[place] for place in rng.integers(0, len(known), count)), start=first):
        late = int(str(row["late"]))
        right = rng.random() >= miss
        score = 0.9 if (late and right) else 0.1
        inputs = {"wind": row["wind"], "distance": row["distance"]}
        predictions.append({"id": f"t{n}", "prediction": int(score >= 0.5), "score": score, "inputs": inputs})
        outcomes.append({"id": f"t{n}", "label": late})
    return predictions, outcomes


@pytest.mark.slow
def test_bad_input_of_every_kind_is_counted_and_shown_and_ends_nothing(
    place: tuple[Path, Model], tmp_path: Path
) -> None:
    folder = tmp_path / "copy"
    shutil.copytree(place[0], folder)
    with watching(folder) as running:
        predictions, outcomes = traffic(0, 300, miss=0.0, seed=3)
        post(running, "/v1/predictions", predictions)
        post(running, "/v1/outcomes", [*outcomes, *({"id": f"nobody{n}", "label": 1} for n in range(7))])
        again = [{**each, "prediction": 1 - each["prediction"]} for each in predictions[:5]]
        assert post(running, "/v1/predictions", again)[1]["contradicting"] == ["t0", "t1", "t2", "t3", "t4"]
        ahead = {"id": "ahead", "at": "2999-01-01T00:00:00Z", "prediction": 1}
        beyond = {"id": "beyond", "prediction": 1, "score": 1.7}
        status, answer = post(running, "/v1/predictions", [ahead, beyond])
        assert (status, [each["code"] for each in answer["problems"]]) == (
            422,
            ["in-the-future", "score-outside-range"],
        )
        until(lambda: told(running)["paired"] == 300)
        standing = told(running)
        assert standing["outcomes_without_prediction"] == 7
        assert {
            name: standing["counts"][name]
            for name in ("contradicting", "refused in-the-future", "refused score-outside-range")
        } == {"contradicting": 5, "refused in-the-future": 1, "refused score-outside-range": 1}
        assert standing["alarms"] == []
        # The schema changes under way, and a model answers that nobody gave GO for.
        shapes: list[Any] = ["strong", None, {"knots": 12}, [3, 4], True, 1e300, "12"]
        changed = [
            {"id": f"c{n}", "prediction": "yes", "model": "9.9", "inputs": {"wind": shapes[n % 7], "gust": n}}
            for n in range(70)
        ]
        assert post(running, "/v1/predictions", changed)[1]["new"] == 70
        unreadable = [{"id": f"c{n}", "label": "late!"} for n in range(70)]
        assert post(running, "/v1/outcomes", unreadable)[1]["new"] == 70
        wanted = {"inputs.contract", "model", "outcomes.readable"}
        until(lambda: wanted <= {alarm["monitor"] for alarm in told(running)["alarms"]})
        later, known = traffic(300, 50, miss=0.0, seed=4)
        post(running, "/v1/events", {"events": [*later, *known]})
        until(lambda: told(running)["paired"] == 420 and told(running)["lag"] == 0)
        recall = next(each for each in told(running)["streams"] if each["name"] == "metric.recall")
        assert recall["rows"] == sum(row["label"] for row in [*outcomes, *known]), "what is no label counts for none"


@pytest.mark.slow
def test_from_healthy_traffic_to_offline_by_the_deputy(place: tuple[Path, Model], tmp_path: Path) -> None:
    folder, model = place
    deputy = Delivering(after_s=0.4, answer="Take it offline")
    nobody: list[Any] = []

    def deaf(asked: Asked) -> Said:
        nobody.append(asked.json())
        return said({}, 202)

    with Server(deaf) as olga, Server(deputy) as sven:
        file = folder / "seatrial.yaml"
        text = file.read_text()
        text = text.replace("{name: Olga Brandt}", f'{{name: Olga Brandt, page: "webhook+{olga.url}/o"}}')
        text = text.replace("{name: Sven Holm}", f'{{name: Sven Holm, page: "webhook+{sven.url}/s"}}')
        text = text.replace("deputy: sven}\n  retraining", "deputy: sven, acknowledge_within: 4s}\n  retraining")
        file.write_text(text)
        with watching(folder) as running:
            predictions, outcomes = traffic(0, 900, miss=0.0, seed=1)
            assert post(running, "/v1/predictions", predictions)[1]["new"] == 900
            status, answer = post(running, "/v1/outcomes", [*outcomes, {"id": "x"}, *outcomes[:3]])
            assert (status, answer["new"], answer["known"], answer["refused"]) == (200, 900, 3, 1)
            assert answer["problems"][0]["code"] == "no-label"
            until(lambda: told(running)["paired"] == 900)
            standing = told(running)
            assert standing["alarms"] == []
            recall = next(s for s in standing["streams"] if s["name"] == "metric.recall")
            assert recall["rows"] == sum(row["label"] for row in outcomes)
            predictions, outcomes = traffic(900, 500, miss=0.75, seed=2)
            post(running, "/v1/events", {"events": [*outcomes, *predictions]})
            until(lambda: not model.online)
            until(lambda: any(a.get("taken_offline") for a in told(running)["alarms"]))
            until(lambda: all(a.get("retraining") for a in told_from(folder) if asks(a)))
            page = get(running, "/")
            metrics = get(running, "/metrics")
        offline = next(a for a in told_from(folder) if a["level"] == "offline")
        trail = [line["text"] for line in offline["trail"]]
        assert offline["state"] == "acknowledged"
        assert any("olga did not answer" in text for text in trail)
        assert any("sven answered" in text for text in trail)
        assert any("proven by what is served" in text for text in trail)
    assert nobody
    assert any("recall" in sent["data"]["title"] for sent in nobody)
    assert "recall" in page
    assert 'level="offline"' in metrics
    workspace = open_workspace(folder)
    kinds = {
        e.record.body["kind"]: e.record.body["revokes"]
        for e in read_ledger(workspace, quick=False).evidence
        if e.record.type is RecordType.EVENT
    }
    assert kinds["take-offline-rule"] is True
    assert kinds["taken-offline"] is True
    (asked,) = on_record(workspace)
    assert asked.request.state == "open"
    assert {"metric.recall", "offline.0.recall"} <= {str(alarm["monitor"]) for alarm in asked.request.alarms}
    assert all(int(str(alarm["labelled"])) > 0 for alarm in asked.request.alarms)
    assert verify_ledger(workspace).intact
    verdict = decide_now(workspace)
    assert verdict.verdict is Answer.NO_GO
    assert any("GO was revoked" in gap.summary and "recall below 0.6" in gap.summary for gap in verdict.gaps), [
        gap.summary for gap in verdict.gaps
    ]


def told_from(folder: Path) -> list[Any]:
    from seatrial.app.watched.dealing import alarms_of

    return alarms_of(open_workspace(folder))
