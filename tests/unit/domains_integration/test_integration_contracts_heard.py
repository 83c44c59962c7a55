"""integration.contracts of a webhook: what is posted counts, and where nothing is, it says what to declare."""

from __future__ import annotations

import json
import threading
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from plants.real_trial import RealTrial, codes, judged, observed
from plants.server import unused_port
from seatrial.core.observation import Observation
from seatrial.core.vocabulary import Outcome
from seatrial.domains.integration.contracts import CHECK
from seatrial.spec.system import System

CONTRACT = {
    "type": "object",
    "required": ["id", "late"],
    "properties": {"id": {"type": "string", "pattern": "^D"}, "late": {"type": "integer", "enum": [0, 1]}},
}


_POSTS = 40


def system(port: int, *, kind: str = "webhook", listen_for: str = "0.1s") -> System:
    url = f"http://127.0.0.1:{port}/warnings" if kind == "webhook" else f"mqtt://127.0.0.1:{port}"
    made: dict[str, Any] = {
        "system": "dock-delay",
        "version": "1",
        "model": {"endpoint": "http://127.0.0.1:1/predict", "task": "binary"},
        "integrations": {
            "desk": {
                "kind": kind,
                "direction": "out",
                "contract": "out.json",
                "test": {"url": url, "writable": True, "listen_for": listen_for},
            },
            "orders": {"kind": "files", "test": {"url": "."}},
        },
        "flows": [{"name": "warn", "in": "orders", "out": "desk", "key": "id", "within": "1s", "peak": "1/s"}],
    }
    return System.model_validate(made)


def found(declared: System, folder: Path) -> tuple[Observation, Outcome]:
    with RealTrial(declared, files={"out.json": json.dumps(CONTRACT).encode()}, base_dir=folder) as trial:
        seen = observed(CHECK, declared.model_copy(update={"integrations": _desk(declared)}), trial)
    return seen, judged(CHECK, declared, seen).outcome


def _desk(declared: System) -> dict[str, Any]:
    return {"desk": declared.integrations["desk"]}


@contextmanager
def posting(port: int) -> Iterator[None]:
    done = threading.Event()

    def post() -> None:
        at = 0
        while at < _POSTS and not done.is_set():
            body = json.dumps({"id": f"D{at}", "late": at % 2}).encode()
            asked = urllib.request.Request(f"http://127.0.0.1:{port}/warnings", data=body, method="POST")
            asked.add_header("Content-Type", "application/json")
            with suppress(OSError), urllib.request.urlopen(asked, timeout=2):
                at += 1

    sender = threading.Thread(target=post, daemon=True)
    sender.start()
    try:
        yield
    finally:
        done.set()
        sender.join()


def test_what_a_system_posts_keeps_its_contract_though_nobody_else_can_post(tmp_path: Path) -> None:
    port = unused_port()
    with posting(port):
        seen, outcome = found(system(port, listen_for="3s"), tmp_path)
    assert codes(seen) == set(), seen.findings
    assert seen.measures[0].n == _POSTS
    assert outcome in (Outcome.MET, Outcome.NOT_DETERMINED), "only more posts may be wanting"


def test_a_webhook_to_which_nothing_is_posted_says_what_to_declare(tmp_path: Path) -> None:
    seen, outcome = found(system(unused_port()), tmp_path)
    assert outcome is Outcome.NOT_DETERMINED
    (finding,) = seen.findings
    assert finding.code == "no-records"
    assert "integrations.desk.test.listen_for" in finding.remedy
    assert "where the receiver keeps what was posted" in finding.remedy
