"""Bad system files, ledgers that cannot be written, procedures and pagers that fail: each said, and nothing lost."""

from __future__ import annotations

import functools
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from command_line import seatrial
from small_run import UNTOUCHED, declare, see, whole
from sqlalchemy import Engine, event

from plants.pager_server import Swallowing, refusing
from plants.server import Asked, Said, Server
from plants.tiny_system import SECRET, plant, steady
from seatrial.app.deciding.deciding import decide_now
from seatrial.app.folder.ledgers import read_ledger
from seatrial.app.folder.workspace import LEDGER, Workspace, open_workspace
from seatrial.app.running.run import run
from seatrial.app.running.verify import verify_ledger
from seatrial.core.errors import Unreachable
from seatrial.core.events import CheckFinished, Event, RunFinished
from seatrial.core.observation import Reason
from seatrial.core.vocabulary import Outcome
from seatrial.evidence.failures import LedgerError
from seatrial.evidence.ledger import Ledger

_PEOPLE = (UNTOUCHED, "ownership.retraining", "organization.training")

_WITHOUT_LEDGER = ("data.load", "integration.contracts", "integration.combined-load")
"""Checks that ask the record nothing, so that only the run itself meets the lock."""


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with Server(steady) as served:
        yield served


@pytest.fixture
def place(tmp_path: Path, server: Server, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MODEL_KEY", SECRET)
    return plant(tmp_path / "system", server.url, count=50)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, ("seatrial.yaml", "seatrial init")),
        ("", ("seatrial.yaml:1:1", "an empty file")),
        ("model: {task: binary\nx", ("seatrial.yaml:3:1", "not YAML")),
        ("- system: arrival-delay\n", ("seatrial.yaml:1:1", "found a list")),
        (
            "system: a\nversion: '1'\ngovernence: {}\n",
            ("seatrial.yaml:3:1", "'governence'", "Did you mean 'governance'"),
        ),
        (
            "system: a\nversion: '1'\nload: {peak: 40, latency: {p99: 300}}\n",
            ("load.peak: found '40', expected a rate", "load.latency.p99: found '300', expected a duration", "300ms"),
        ),
    ],
    ids=["missing", "empty", "not YAML", "a list", "unknown keys", "wrong units"],
)
def test_a_bad_system_file_runs_nothing_and_tells_line_and_remedy(
    content: str | None, words: tuple[str, ...], tmp_path: Path
) -> None:
    if content is not None:
        (tmp_path / "seatrial.yaml").write_text(content)
    ended = seatrial("run", cwd=tmp_path)
    assert ended.code == 2, ended
    assert ended.out == ""
    assert "Traceback" not in ended.err
    for word in (*words, "→"):
        assert word in ended.err
    assert not (tmp_path / ".seatrial").exists(), "nothing was begun"


def _events(
    workspace: Workspace, *only: str, seen: Callable[[Event], None] = lambda _: None
) -> tuple[list[Event], LedgerError | Unreachable | None]:
    """The events of a run up to its end, or to the ledger or the folder of artifacts that stopped it."""
    events: list[Event] = []
    running = run(workspace, only=only)
    while True:
        try:
            each = next(running, None)
        except (LedgerError, Unreachable) as error:
            return events, error
        if each is None:
            return events, None
        events.append(each)
        seen(each)


def _again(place: Path) -> None:
    """What was recorded before is there, and the next run comes to its end."""
    workspace = open_workspace(place)
    assert verify_ledger(workspace).intact
    events, error = _events(workspace, UNTOUCHED)
    assert error is None
    assert isinstance(events[-1], RunFinished)
    whole(workspace, events)


def test_a_read_only_ledger_stops_the_run_and_still_gives_its_verdict(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, _ = _events(open_workspace(place), UNTOUCHED)
    file = place.parent / ".seatrial" / "ledger.db"
    content = file.read_bytes()
    with monkeypatch.context() as patch:
        patch.setenv(LEDGER, f"sqlite:///file:{file}?mode=ro&uri=true")
        workspace = open_workspace(place)
        events, error = _events(workspace, UNTOUCHED)
        verdict = decide_now(workspace)
    assert isinstance(error, LedgerError)
    assert error.code == "read-only"
    assert "cannot be written" in error.what
    assert "right to write" in error.remedy
    assert not events
    assert file.read_bytes() == content
    recorded = {e.digest for e in read_ledger(open_workspace(place), quick=False).evidence}
    assert {e.record for e in before if isinstance(e, CheckFinished)} <= recorded
    assert next(a for a in verdict.requirements if a.id == UNTOUCHED).reason_code != "not-run"
    _again(place)


def test_a_ledger_that_another_program_locks_on_the_way_loses_nothing(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace = open_workspace(place)
    held: list[sqlite3.Connection] = []

    def hold(each: Event) -> None:
        if isinstance(each, CheckFinished) and not held:
            held.append(sqlite3.connect(workspace.folder / "ledger.db", isolation_level=None))
            held[0].execute("BEGIN EXCLUSIVE")

    with monkeypatch.context() as patch:
        patch.setattr(Ledger, "open", staticmethod(functools.partial(Ledger.open, wait_s=0.2)))
        events, error = _events(workspace, *_WITHOUT_LEDGER, seen=hold)
    assert error is not None
    assert "ledger.db is locked by another program" in error.what
    assert "stop it" in error.remedy
    assert not error.permanent
    held[0].execute("ROLLBACK")
    held[0].close()
    whole(workspace, events)
    _again(place)


@contextmanager
def _pages_at_most(count: int) -> Iterator[None]:
    def limit(connection: sqlite3.Connection, _: object) -> None:
        connection.execute(f"PRAGMA max_page_count = {count}")

    event.listen(Engine, "connect", limit)
    try:
        yield
    finally:
        event.remove(Engine, "connect", limit)


def test_a_full_disk_ends_the_run_and_keeps_every_result_that_was_acknowledged(place: Path) -> None:
    workspace = open_workspace(place)
    with _pages_at_most(8):
        events, error = _events(workspace, *_PEOPLE)
    assert error is not None
    assert "no space left" in error.what
    assert "ledger.db" in error.what
    assert "free space" in error.remedy
    whole(workspace, events)
    _again(place)


@pytest.mark.slow
@pytest.mark.parametrize("size_k", [16, 40, 60, 72, 96])
def test_a_disk_that_is_really_full_is_said_whatever_is_written_then(
    size_k: int, tmp_path: Path, server: Server, place: Path
) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={size_k}k", "tmpfs", str(disk)]
    try:
        mounted = subprocess.run(command, check=False, capture_output=True)
    except FileNotFoundError:
        pytest.skip("there is no mount here")
    if mounted.returncode != 0:
        pytest.skip("mounting a small disk is not allowed here")
    try:
        small = plant(disk / "system", server.url, count=50)
        workspace = open_workspace(small)
        for _ in range(10):
            events, error = _events(workspace, "model.threshold", UNTOUCHED)
            if error is not None:
                break
        assert error is not None
        assert "no space left" in error.what.lower()
        assert "free space" in error.remedy
        if size_k > 16:  # There was space for an empty ledger at least.
            whole(workspace, events)
    finally:
        subprocess.run(["umount", "-l", disk], check=True)


def test_a_ledger_of_another_version_is_left_as_it_is(place: Path) -> None:
    _events(open_workspace(place), UNTOUCHED)
    file = place.parent / ".seatrial" / "ledger.db"
    with sqlite3.connect(file) as connection:
        connection.execute("UPDATE seatrial_format SET version = 2")
    connection.close()
    content = file.read_bytes()
    for command in (("run", "--only", UNTOUCHED), ("verdict",), ("verify",)):
        ended = seatrial(*command, cwd=place.parent)
        assert ended.code == 2, ended
        assert "Traceback" not in ended.err
        assert ended.out == ""
        assert "found 2, expected 1" in ended.err
        assert "→ use the release that wrote it" in ended.err
    assert file.read_bytes() == content


_PROCEDURE = """\
procedure: rollback
before: [{{name: 2 serves, kind: command, with: {{run: [grep, -qx, "2", version]}}, deadline: 5s}}]
steps:
  - {{name: drain, kind: command, with: {{run: [sh, -c, "echo 1.5 > version"]}}, deadline: 5s}}
  - {{name: switch, kind: {kind}, with: {settings}, deadline: 600ms}}
target: [{{name: 1 serves, kind: command, with: {{run: [grep, -qx, "1", version]}}, deadline: 5s}}]
restore: [{{name: go forward, kind: command, with: {{run: [sh, -c, "{restore}"]}}, deadline: 5s}}]
restored: [{{name: 2 serves again, kind: command, with: {{run: [grep, -qx, "2", version]}}, deadline: 5s}}]
"""


def _rollback(place: Path, settings: str, *, kind: str = "command", restore: str = "echo 2 > version") -> Path:
    version = place.parent / "version"
    version.write_text("2\n")
    (place.parent / "rollback.yaml").write_text(_PROCEDURE.format(kind=kind, settings=settings, restore=restore))
    declare(place, added="rollback: {procedure: rollback.yaml, within: 1h}\n")
    return version


@pytest.mark.parametrize(
    ("settings", "kind", "words"),
    [
        ('{run: [sh, -c, "echo waiting for the lock; sleep 60"]}', "command", ("killed", "waiting for the lock")),
        (
            '{run: [sh, -c, "echo Really? [y/N]; read answer && echo 1 > version"]}',
            "command",
            ("exit code 1", "Really? [y/N]"),
        ),
        ('{run: [sh, -c, "echo the encoder is missing >&2; exit 3"]}', "command", ("exit code 3", "the encoder is")),
        pytest.param("{who: olga, question: Switched?}", "ask", ("'olga' has no page route",), marks=pytest.mark.slow),
    ],
    ids=["hangs", "asks for input", "fails half-way", "asks whom nobody can reach"],
)
def test_a_step_that_does_not_work_is_restored_and_said(
    settings: str, kind: str, words: tuple[str, ...], place: Path
) -> None:
    version = _rollback(place, settings, kind=kind)
    seen = see(place, "governance.rollback")
    told = seen.findings("governance.rollback")
    assert set(told) == {"rollback-failed"}
    for word in ("rollback.yaml", "step 'switch' failed", "it was restored", *words):
        assert word in told["rollback-failed"].summary
    assert "rollback.yaml" in told["rollback-failed"].remedy
    assert seen.assessment("governance.rollback").outcome is Outcome.NOT_MET
    assert version.read_text() == "2\n"


def test_a_restore_that_does_not_restore_is_said_as_well(place: Path) -> None:
    _rollback(place, '{run: ["false"]}', restore="true")
    told = see(place, "governance.rollback").findings("governance.rollback")
    assert set(told) == {"rollback-failed", "not-restored"}
    assert "'2 serves again'" in told["not-restored"].summary
    assert "by hand now" in told["not-restored"].remedy


@pytest.mark.slow
def test_a_procedure_that_is_none_is_named_with_its_line(place: Path) -> None:
    (place.parent / "rollback.yaml").write_text("- go back\n")
    declare(place, added="rollback: {procedure: rollback.yaml, within: 1h}\n")
    reason = see(place, "governance.rollback").reason("governance.rollback")
    assert "rollback.yaml:1:1: found a list" in reason.summary
    assert reason.remedy


def _paged(answer: Callable[[Asked], Said]) -> Callable[[Asked], Said]:
    return lambda asked: answer(asked) if asked.path == "/page" else steady(asked)


def _route(place: Path, url: str) -> None:
    declare(
        place,
        ("olga: {name: Olga Brandt}", f'olga: {{name: Olga Brandt, page: "webhook+{url}/page"}}'),
        ("duties:\n", "duties:\n  pipeline-alert: {who: olga, deputy: sven, acknowledge_within: 1s}\n"),
    )


def test_a_pager_that_accepts_and_never_delivers_reached_nobody(place: Path) -> None:
    swallowing = Swallowing()
    with Server(_paged(swallowing)) as served:
        _route(place, served.url)
        seen = see(place, "ownership.pipeline-alert")
    assert len(swallowing.events) == 1
    told = seen.findings("ownership.pipeline-alert")["page-not-acknowledged"]
    assert "Olga Brandt was paged and did not acknowledge within 1 s" in told.summary
    assert "run the drill again" in told.remedy
    assert seen.assessment("ownership.pipeline-alert").outcome is Outcome.NOT_MET


@pytest.mark.slow
def test_a_pager_that_refuses_leaves_it_open_and_names_the_route(place: Path) -> None:
    with Server(_paged(refusing)) as served:
        _route(place, served.url)
        seen = see(place, "ownership.pipeline-alert")
    result = seen.result("ownership.pipeline-alert")
    assert isinstance(result, Reason)
    assert result.code == "unreachable"
    assert "'olga' refused the page with status 403" in result.summary
    assert result.remedy
