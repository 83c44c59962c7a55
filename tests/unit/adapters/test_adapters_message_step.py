"""A step of a procedure that sends a message to a declared integration: a real broker, and a folder."""

from __future__ import annotations

import json
import secrets
import sys
from pathlib import Path
from typing import Any

import pytest
from broker_scene import integration_of

from plants import brokers
from seatrial.adapters.http import Http
from seatrial.adapters.integrations.catalogue import OpenIntegration, open_integration
from seatrial.adapters.steps.runner import StepRunner
from seatrial.app.folder.clock import SystemClock
from seatrial.domains.touching import touches
from seatrial.drills.procedure import execute
from seatrial.spec.integration import IntegrationSection
from seatrial.spec.loading import load_procedure

STOP: dict[str, Any] = {"integration": "planner", "record": {"id": "seatrial-1", "command": "stop"}}


def steps_to(integration: OpenIntegration, base: Path = Path()) -> StepRunner:
    return StepRunner(http=Http(origins=[]), base_dir=base, integrations=lambda _: integration)


def folder_of(base: Path, *, writable: bool = True) -> OpenIntegration:
    (base / "inbox").mkdir(exist_ok=True)
    section = IntegrationSection.model_validate(
        {"kind": "files", "direction": "out", "test": {"url": "inbox", "writable": writable}}
    )
    return open_integration("planner", section, http=Http(origins=[]), base_dir=base)


def test_a_message_is_where_the_broker_confirmed_it_and_a_probe_sends_none() -> None:
    with brokers.amqp() as url, brokers.AmqpPeer(url) as peer:
        name = f"seatrial-stop-{secrets.token_hex(6)}"
        queue = peer.queue(name)
        integration = integration_of("amqp", url, queue=name)
        steps = steps_to(integration)
        assert steps.probe("message", STOP, timeout_s=5).ok
        sent = steps.run("message", STOP, timeout_s=5)
        assert sent.ok, sent.output
        assert "planner took the message" in sent.output
        integration.close()
        assert [json.loads(m.body)["command"] for m in peer.drained(queue)] == ["stop"]


def test_a_message_that_nobody_would_get_is_not_ok_and_so_is_its_probe() -> None:
    with brokers.amqp() as url:
        integration = integration_of("amqp", url, queue=f"seatrial-none-{secrets.token_hex(6)}")
        steps = steps_to(integration)
        assert not steps.run("message", STOP, timeout_s=5).ok
        assert not steps.probe("message", STOP, timeout_s=5).ok
        integration.close()


def test_nothing_is_sent_where_the_integration_is_not_declared_writable(tmp_path: Path) -> None:
    steps = steps_to(folder_of(tmp_path, writable=False))
    for result in (steps.run("message", STOP, timeout_s=5), steps.probe("message", STOP, timeout_s=5)):
        assert not result.ok
        assert "writable" in result.output
    assert list((tmp_path / "inbox").iterdir()) == []


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"record": {"id": 1}}, "'integration'"),
        ({"integration": "planner"}, "'record'"),
        ({**STOP, "expect": {"status": 200}}, "no setting expect"),
    ],
)
def test_a_wrong_setting_of_a_message_is_named(tmp_path: Path, settings: dict[str, Any], says: str) -> None:
    result = steps_to(folder_of(tmp_path)).run("message", settings, timeout_s=5)
    assert not result.ok
    assert says in result.output


def test_a_message_is_no_look(tmp_path: Path) -> None:
    assert not steps_to(folder_of(tmp_path)).look("message", STOP, timeout_s=5).ok
    assert list((tmp_path / "inbox").iterdir()) == []


def test_a_procedure_stops_by_a_message_proves_it_and_takes_it_back_by_another(tmp_path: Path) -> None:
    def told(command: str) -> dict[str, Any]:
        newest = "max(pathlib.Path('inbox').iterdir(), key=lambda file: file.stat().st_mtime_ns)"
        look = f"import pathlib; assert {command!r} in {newest}.read_text()"
        return {"name": command, "kind": "command", "with": {"run": [sys.executable, "-c", look]}, "deadline": "5s"}

    def message(command: str) -> dict[str, Any]:
        record = {"id": f"seatrial-{command}", "command": command}
        return {
            "name": f"say {command}",
            "kind": "message",
            "with": {"integration": "planner", "record": record},
            "deadline": "5s",
        }

    integration = folder_of(tmp_path)
    integration.write({"id": "seatrial-0", "command": "run"})
    content = {
        "procedure": "stop the planner",
        "before": [told("run")],
        "steps": [message("stop")],
        "target": [told("stop")],
        "restore": [message("resume")],
        "restored": [told("resume")],
    }
    procedure = load_procedure(json.dumps(content).encode(), name="stop.yaml", environment={}).value
    assert touches(procedure) == ("this machine", "planner")
    journal = execute(procedure, steps=steps_to(integration, tmp_path), clock=SystemClock())
    assert journal.succeeded, journal
    assert len(list((tmp_path / "inbox").iterdir())) == 3
