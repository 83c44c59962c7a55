from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from seatrial.adapters.http import Http
from seatrial.adapters.steps.runner import StepRunner
from seatrial.app.folder.clock import SystemClock
from seatrial.core.codec import from_data, to_data
from seatrial.core.errors import SeatrialError
from seatrial.core.ports import StepResult
from seatrial.drills.journal import Entry, Journal, Phase
from seatrial.drills.procedure import execute
from seatrial.drills.rehearsal import rehearse
from seatrial.spec.loading import load_procedure
from seatrial.spec.procedure import Procedure


@dataclass(slots=True)
class Plant:
    """A system whose whole state is the version in one file, changed by real commands."""

    folder: Path
    heard: list[Entry] = field(default_factory=list)

    @property
    def state(self) -> str:
        return (self.folder / "version").read_text().strip()

    def run(self, procedure: Procedure, **more: Any) -> Journal:
        steps = StepRunner(http=Http(origins=[]), base_dir=self.folder)
        return execute(procedure, steps=steps, clock=SystemClock(), heard=self.heard.append, **more)

    def phases(self) -> list[str]:
        return [f"{entry.phase}:{entry.name}" for entry in self.heard]


@pytest.fixture
def plant(tmp_path: Path) -> Plant:
    (tmp_path / "version").write_text("2")
    return Plant(tmp_path)


def serves(version: str, name: str = "version") -> dict[str, Any]:
    return {"name": name, "kind": "command", "with": {"run": ["grep", "-qx", version, "version"]}, "deadline": "5s"}


def shell(name: str, command: str, deadline: str = "5s", undo: Mapping[str, Any] | None = None) -> dict[str, Any]:
    return {
        "name": name,
        "kind": "command",
        "with": {"run": ["sh", "-c", command]},
        "deadline": deadline,
        "undo": undo,
    }


def procedure(*steps: dict[str, Any], **more: Any) -> Procedure:
    content = {
        "procedure": "rollback",
        "before": [serves("2")],
        "steps": list(steps) or [shell("go back", "echo 1 > version")],
        "target": [serves("1")],
        "restore": [shell("go forward", "echo 2 > version")],
        "restored": [serves("2")],
        **more,
    }
    return Procedure.model_validate(content)


def test_a_drill_proves_the_way_back_and_returns_to_where_it_began(plant: Plant) -> None:
    journal = plant.run(procedure())
    assert (journal.succeeded, journal.target_proven, journal.restored) == (True, True, True)
    assert journal.problem == ""
    assert plant.state == "2"
    assert plant.phases() == [
        "before:version", "steps:go back", "target:version", "restore:go forward", "restored:version",
    ]  # fmt: skip


class Replicas(ThreadingHTTPServer):
    """A service of two replicas behind one address, of which every fifth connection is led to the second."""

    daemon_threads = True

    def __init__(self, versions: list[str], *, reached: int) -> None:
        """`reached`: how many replicas a change gets to."""
        self.versions, self.reached, self.connections = versions, reached, count()
        super().__init__(("127.0.0.1", 0), _Replica)
        self.origin = f"http://127.0.0.1:{self.server_address[1]}"
        self.thread = threading.Thread(target=self.serve_forever, daemon=True)
        self.thread.start()

    def server_close(self) -> None:
        self.shutdown()
        self.thread.join()
        super().server_close()


class _Replica(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Replicas

    def setup(self) -> None:
        super().setup()
        self.mine = int(next(self.server.connections) % 5 == 4)

    def do_GET(self) -> None:
        self._answer(self.server.versions[self.mine])

    def do_POST(self) -> None:
        for each in range(self.server.reached):
            self.server.versions[each] = self.path.strip("/")
        self._answer("taken")

    def _answer(self, text: str) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *_: object) -> None:
        pass


@pytest.mark.parametrize("waits", [False, True])
@pytest.mark.parametrize(("reached", "proven"), [(2, True), (1, False)])
def test_a_way_back_that_reaches_one_of_two_replicas_is_not_proven(
    tmp_path: Path, reached: int, proven: bool, waits: bool
) -> None:
    def look(version: str) -> dict[str, Any]:
        asked = {"url": service.origin, "expect": {"body": f"^{version}$"}}
        kind, settings = ("wait-until", {"http": asked, "every": "50ms"}) if waits else ("http", asked)
        return {"name": f"{version} is served", "kind": kind, "with": settings, "deadline": "2s"}

    def post(version: str) -> dict[str, Any]:
        asked = {"method": "POST", "url": f"{service.origin}/{version}"}
        return {"name": f"activate {version}", "kind": "http", "with": asked, "deadline": "5s"}

    with Replicas(["v2", "v2"], reached=reached) as service:
        content = {
            "procedure": "rollback",
            "before": [look("v2")],
            "steps": [post("v1")],
            "target": [look("v1")],
            "restore": [post("v2")],
            "restored": [look("v2")],
        }
        with Http(origins=[service.origin]) as http:
            steps = StepRunner(http=http, base_dir=tmp_path)
            journal = execute(Procedure.model_validate(content), steps=steps, clock=SystemClock(), changes=True)
    assert journal.succeeded is proven, journal.problem
    assert journal.restored is True
    assert next(service.connections) < 100, "replicas that differ are not asked as fast as they answer"
    if not proven and not waits:
        assert "looked at again over another connection" in journal.problem


def test_the_way_back_is_timed_without_its_preparation_and_its_restore(plant: Plant) -> None:
    slow = {"before": [shell("look", "sleep 0.3")], "restore": [shell("forward", "sleep 0.3; echo 2 > version")]}
    journal = plant.run(procedure(shell("go back", "sleep 0.2; echo 1 > version"), **slow))
    assert journal.duration_s is not None
    assert journal.duration_s >= 0.2
    assert journal.total_s - journal.duration_s >= 0.6


def test_steps_that_exit_0_and_leave_the_wrong_version_did_not_succeed(plant: Plant) -> None:
    journal = plant.run(procedure(shell("go back", "true")))
    assert (journal.succeeded, journal.target_proven, journal.restored) == (False, False, True)
    assert journal.duration_s is None
    assert "the target is not proven" in journal.problem


def test_a_failure_half_way_undoes_what_was_done_in_reverse_and_restores(plant: Plant) -> None:
    journal = plant.run(
        procedure(
            shell("drain", "true", undo=shell("refill", "true")),
            shell("note", "true"),
            shell("switch", "echo 1 > version", undo=shell("switch back", "echo 1.5 > version")),
            shell("verify", "exit 4", undo=shell("unverify", "true")),
            shell("after", "true", undo=shell("never", "true")),
        )
    )
    assert not journal.succeeded
    assert plant.phases()[1:] == [
        "steps:drain", "steps:note", "steps:switch", "steps:verify",
        "undo:unverify", "undo:switch back", "undo:refill", "restore:go forward", "restored:version",
    ]  # fmt: skip
    assert "step 'verify' failed: it ended with exit code 4" in journal.problem
    assert "restored" in journal.problem
    assert plant.state == "2"


def test_a_step_that_hangs_or_asks_for_input_ends_at_its_deadline(plant: Plant) -> None:
    for command in ("sleep 60", "read -r answer && echo 1 > version"):
        started = time.monotonic()
        journal = plant.run(procedure(shell("go back", command, deadline="300ms")))
        assert not journal.succeeded
        assert journal.restored is True
        assert time.monotonic() - started < 45


def test_a_state_before_that_does_not_hold_changes_nothing(plant: Plant) -> None:
    (plant.folder / "version").write_text("3")
    journal = plant.run(procedure())
    assert (journal.succeeded, journal.restored) == (False, None)
    assert plant.phases() == ["before:version"]
    assert plant.state == "3"


def test_a_restore_that_fails_is_said_and_the_rest_of_it_still_runs(plant: Plant) -> None:
    restore = [shell("first", "exit 1"), shell("second", "echo 2 > version")]
    journal = plant.run(procedure(restore=restore))
    assert journal.succeeded
    assert journal.restored is False
    assert "restore step 'first' failed" in journal.problem
    assert plant.state == "2"


def test_a_restore_that_leaves_the_wrong_version_is_not_restored(plant: Plant) -> None:
    journal = plant.run(procedure(restore=[shell("forward", "true")]))
    assert journal.restored is False
    assert "not restored" in journal.problem


def test_without_a_declared_restore_a_drill_goes_home_by_undoing(plant: Plant) -> None:
    step = shell("go back", "echo 1 > version", undo=shell("undo", "echo 2 > version"))
    journal = plant.run(procedure(step, restore=[]))
    assert (journal.succeeded, journal.restored) == (True, True)
    assert plant.state == "2"


def test_what_nothing_proves_is_not_called_restored(plant: Plant) -> None:
    journal = plant.run(procedure(restored=[]))
    assert journal.succeeded
    assert journal.restored is None
    assert "nothing proves" in journal.problem


def test_a_real_way_back_stays_where_it_went(plant: Plant) -> None:
    journal = plant.run(procedure(), drill=False)
    assert (journal.succeeded, journal.restored) == (True, None)
    assert plant.state == "1"


def test_a_real_way_back_that_fails_is_undone(plant: Plant) -> None:
    step = shell("go back", "echo 1.5 > version", undo=shell("undo", "echo 2 > version"))
    journal = plant.run(procedure(step), drill=False)
    assert (journal.succeeded, journal.restored) == (False, True)
    assert plant.state == "2"


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit, SeatrialError, ValueError])
@pytest.mark.parametrize("phase", [Phase.BEFORE, Phase.STEPS, Phase.TARGET])
def test_an_interruption_anywhere_restores_and_is_raised_again(
    plant: Plant, phase: Phase, error: type[BaseException]
) -> None:
    def stop(entry: Entry) -> None:
        plant.heard.append(entry)
        if entry.phase is phase:
            raise error("now")

    steps = StepRunner(http=Http(origins=[]), base_dir=plant.folder)
    with pytest.raises(error) as caught:
        execute(procedure(), steps=steps, clock=SystemClock(), heard=stop)
    assert plant.state == "2"
    assert "interrupted" in caught.value.__notes__[0]
    assert (plant.heard[-1].phase is Phase.RESTORED) == (phase is not Phase.BEFORE)


def test_a_listener_that_is_gone_does_not_keep_the_system_from_being_restored(plant: Plant) -> None:
    def gone(entry: Entry) -> None:
        if entry.phase is not Phase.BEFORE:
            raise BrokenPipeError("nobody listens")

    steps = StepRunner(http=Http(origins=[]), base_dir=plant.folder)
    with pytest.raises(BrokenPipeError):
        execute(procedure(), steps=steps, clock=SystemClock(), heard=gone)
    assert plant.state == "2"


SCRIPT = """
import signal
import sys
from datetime import UTC, datetime
from pathlib import Path
import time
from seatrial.adapters.http import Http
from seatrial.adapters.steps.runner import StepRunner
from seatrial.drills.procedure import execute
from seatrial.spec.loading import load_procedure
from seatrial.spec.procedure import Procedure

# Whoever starts the tests in the background leaves SIGINT ignored, and children inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)

class Clock:
    now = staticmethod(lambda: datetime.now(UTC))
    monotonic = staticmethod(time.monotonic)
    sleep = staticmethod(time.sleep)

def heard(entry):
    print(entry.phase, entry.name, flush=True)

procedure = Procedure.model_validate_json(Path(sys.argv[1]).read_text())
execute(procedure, steps=StepRunner(http=Http(origins=[]), base_dir=Path(sys.argv[2])), clock=Clock(), heard=heard)
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_and_another_one_during_the_restore_still_leave_the_system_restored(
    plant: Plant, number: signal.Signals
) -> None:
    restore = [shell("wait", "sleep 0.6"), shell("go forward", "echo 2 > version")]
    one = procedure(shell("go back", "echo 1 > version"), shell("hang", "sleep 60", deadline="60s"), restore=restore)
    file = plant.folder / "rollback.json"
    file.write_text(one.model_dump_json(by_alias=True).replace('"deadline":5.0', '"deadline":"5s"'))
    file.write_text(file.read_text().replace('"deadline":60.0', '"deadline":"60s"'))
    with subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(SCRIPT), str(file), str(plant.folder)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        for line in process.stdout:
            if "go back" in line:
                break
        time.sleep(0.2)
        os.kill(process.pid, number)
        time.sleep(0.3)
        os.kill(process.pid, number)
        output, errors = process.stdout.read(), process.stderr.read()
    assert "restored version" in output, errors
    assert plant.state == "2"
    assert process.returncode != 0


def test_a_journal_travels_as_plain_data(plant: Plant) -> None:
    journal = plant.run(procedure())
    assert from_data(Journal, to_data(journal)) == journal


class Scripted:
    """Steps whose results are given, for the order of events alone."""

    def __init__(self, results: Callable[[int, str], bool]) -> None:
        self.count = 0
        self._results = results

    def run(self, kind: str, settings: Mapping[str, Any], *, timeout_s: float) -> StepResult:
        self.count += 1
        return StepResult(ok=self._results(self.count, str(settings["run"])), duration_s=0.0)


def test_rehearsals_run_one_after_the_other_and_stop_at_the_first_that_fails(plant: Plant) -> None:
    one = procedure()
    good = rehearse(one, steps=Scripted(lambda _, __: True), clock=SystemClock(), times=3)
    assert [journal.succeeded for journal in good] == [True] * 3
    bad = rehearse(one, steps=Scripted(lambda count, _: count != 7), clock=SystemClock(), times=5)
    assert [journal.succeeded for journal in bad] == [True, False]
    unrestored = rehearse(one, steps=Scripted(lambda count, _: count != 5), clock=SystemClock(), times=5)
    assert [(journal.succeeded, journal.restored) for journal in unrestored] == [(True, False)]


@pytest.mark.parametrize(
    "target",
    [
        shell("look at nothing", "true"),
        serves("2"),
        {"name": "wait", "kind": "wait-until", "with": {"command": {"run": ["true"]}, "every": "1s"}, "deadline": "5s"},
    ],
    ids=["nothing", "state before", "waiting"],
)
def test_a_target_that_holds_before_the_first_step_proves_nothing(plant: Plant, target: dict[str, Any]) -> None:
    journal = plant.run(procedure(target=[target]), changes=True)
    assert (journal.idle, journal.succeeded, journal.restored) == (True, False, None)
    assert "holds before the first step" in journal.problem
    assert plant.phases() == ["before:version"]
    assert plant.run(procedure(), changes=True).succeeded


def test_a_stop_that_fails_half_way_is_not_set_going_again(plant: Plant) -> None:
    stopping = procedure(
        shell("close the door", "echo closed > version", undo=shell("open it", "echo 2 > version")),
        shell("tell everybody", "exit 1"),
    )
    journal = plant.run(stopping, drill=False, keep=True)
    assert not journal.succeeded
    assert plant.state == "closed"
    assert not any(phase.startswith("undo") for phase in plant.phases())


@pytest.mark.parametrize("name", ["kubernetes-rollback.yaml", "mlflow-alias.yaml"])
def test_the_procedures_that_stand_as_a_start_are_sound_and_say_that_they_were_not_run(name: str) -> None:
    content = (Path(__file__).parents[3] / "docs" / "procedures" / name).read_bytes()
    environment = {"MODEL_URL": "http://model.example", "MLFLOW_URL": "http://mlflow.example"}
    read = load_procedure(content, name=name, environment=environment).value
    assert read.armed
    assert read.restored
    assert b"NOT run" in content
