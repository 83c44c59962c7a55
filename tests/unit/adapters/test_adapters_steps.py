from __future__ import annotations

import os
import sqlite3
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from plants.pager_server import Delivering, Swallowing
from plants.server import Asked, Said, Server, said
from seatrial.adapters.http import Http
from seatrial.adapters.pagers.catalogue import open_pager
from seatrial.adapters.redaction import Redactor
from seatrial.adapters.steps.expectation import at_path, mismatches, same
from seatrial.adapters.steps.runner import StepRunner
from seatrial.adapters.wire import target_of
from seatrial.core.errors import Malformed
from seatrial.core.ports import StepResult
from seatrial.spec.people import Person

SECRET = "low-tide"


def runner(base_dir: Path, *urls: str, **more: Any) -> StepRunner:
    http = Http(origins=[target_of(url).origin for url in urls], redact=Redactor([SECRET]))
    return StepRunner(http=http, base_dir=base_dir, **more)


def python(code: str, **more: Any) -> dict[str, Any]:
    return {"run": [sys.executable, "-c", code], **more}


def run(base_dir: Path, settings: Mapping[str, Any], *, timeout_s: float = 10.0) -> StepResult:
    return runner(base_dir).run("command", settings, timeout_s=timeout_s)


def test_a_command_runs_beside_the_system_file_and_its_output_is_kept(tmp_path: Path) -> None:
    (tmp_path / "note.txt").write_text("here")
    result = run(tmp_path, python("print(open('note.txt').read())"))
    assert (result.ok, result.output.strip()) == (True, "here")


def test_a_command_that_fails_or_says_something_else_is_not_ok(tmp_path: Path) -> None:
    assert "exit code 3" in run(tmp_path, python("raise SystemExit(3)")).output
    assert run(tmp_path, python("raise SystemExit(3)", expect={"exit": 3})).ok
    assert run(tmp_path, python("print('version 2')", expect={"stdout": r"^version \d$"})).ok
    wrong = run(tmp_path, python("print('version 1')", expect={"stdout": "version 2"}))
    assert not wrong.ok
    assert "does not match" in wrong.output


def test_a_command_that_asks_for_input_gets_none(tmp_path: Path) -> None:
    result = run(tmp_path, python("input('Really? ')"))
    assert not result.ok
    assert "EOF" in result.output
    assert result.duration_s < 9


def test_a_command_that_hangs_is_killed_with_everything_it_started(tmp_path: Path) -> None:
    # A shell is there in a moment, also on a busy machine, where an interpreter is not.
    result = run(tmp_path, {"run": ["sh", "-c", "trap '' TERM; sleep 60 & echo $!; sleep 60"]}, timeout_s=1.0)
    assert not result.ok
    assert "was killed" in result.output
    child = int(result.output.strip().splitlines()[-1])
    for _ in range(3000):
        if not _alive(child):
            break
        time.sleep(0.02)
    assert not _alive(child)
    assert result.duration_s < 45


def _alive(pid: int) -> bool:
    try:
        status = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return status.rpartition(")")[2].split()[0] != "Z"


def test_a_command_may_leave_a_service_running_without_hanging_the_step(tmp_path: Path) -> None:
    code = (
        "import subprocess, sys\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(300)'])\n"
        "print(child.pid); child.returncode = 0"
    )
    result = run(tmp_path, python(code))
    child = int(result.output)
    assert result.ok
    assert result.duration_s < 9
    assert _alive(child)
    os.kill(child, 9)


def test_a_command_sees_a_small_environment_and_what_is_declared(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_PASSWORD", SECRET)
    code = "import os; print(sorted(os.environ))"
    assert "DATABASE_PASSWORD" not in run(tmp_path, python(code)).output
    declared = runner(tmp_path, environment={"REGION": "north"})
    result = declared.run("command", python(code, env={"COLOUR": "blue"}), timeout_s=10)
    assert "COLOUR" in result.output
    assert "REGION" in result.output


def test_there_is_no_shell(tmp_path: Path) -> None:
    result = run(tmp_path, {"run": ["echo", "$HOME; touch made"]})
    assert result.output.strip() == "$HOME; touch made"
    assert not (tmp_path / "made").exists()
    assert "list" in run(tmp_path, {"run": "echo hello"}).output


def test_a_long_output_is_shortened_and_secrets_are_removed(tmp_path: Path) -> None:
    result = run(tmp_path, python(f"print('start', 'x' * 500_000, '{SECRET}', 'end')"))
    assert len(result.output) < 40_000
    assert result.output.startswith("start")
    assert result.output.strip().endswith("end")
    assert SECRET not in result.output


@pytest.mark.parametrize(
    "settings",
    [{}, {"run": []}, {"run": ["echo", {"a": 1}]}, {"run": ["no-such-program-here"]}, {"run": ["echo"], "expct": {}}],
)
def test_a_command_that_cannot_be_run_says_why(tmp_path: Path, settings: Mapping[str, Any]) -> None:
    result = run(tmp_path, settings)
    assert not result.ok
    assert result.output


def test_an_http_step_is_proven_by_status_and_content(tmp_path: Path) -> None:
    def answer(asked: Asked) -> Said:
        return said({"version": "1.9", "up": True, "hosts": [{"id": 4}], "sent": asked.body.decode()})

    with Server(answer) as server:
        steps = runner(tmp_path, server.url)

        def ok(**settings: Any) -> StepResult:
            return steps.run("http", {"url": server.url, **settings}, timeout_s=5)

        assert ok().ok
        assert ok(expect={"status": 200, "json": {"version": "1.9", "hosts[0].id": 4, "up": True}}).ok
        assert ok(expect={"status": [200, 204]}).ok
        assert ok(expect={"body": "1\\.9"}).ok
        wrong = ok(expect={"json": {"version": "2.0"}})
        assert not wrong.ok
        assert "version is '1.9', expected '2.0'" in wrong.output
        assert not ok(expect={"status": 204}).ok
        assert not ok(expect={"json": {"missing": 1}}).ok
        assert not ok(expect={"jsn": {"version": "2.0"}}).ok
        assert ok(method="PUT", json={"to": 3}).value == {
            "version": "1.9", "up": True, "hosts": [{"id": 4}], "sent": '{"to": 3}',
        }  # fmt: skip
        assert server.asked[-1].method == "PUT"
        assert ok(take='"id": ?(\\d+)').value == "4"
        assert not ok(take="nowhere (x)").ok
        assert not ok(take="hosts").ok


def test_an_http_step_to_an_undeclared_or_silent_target_is_not_ok(tmp_path: Path) -> None:
    with Server(lambda _: Said(raw=b"")) as server:
        assert "not declared" in runner(tmp_path).run("http", {"url": server.url}, timeout_s=5).output
        assert server.asked == []
        silent = runner(tmp_path, server.url).run("http", {"url": server.url}, timeout_s=0.2)
        assert not silent.ok
        assert "did not answer" in silent.output


def test_what_a_step_read_holds_no_secret(tmp_path: Path) -> None:
    with Server(lambda _: said({"rows": [{"token": f"x {SECRET}"}]})) as server:
        result = runner(tmp_path, server.url).run("http", {"url": server.url}, timeout_s=5)
    assert result.ok
    assert SECRET not in f"{result.value} {result.output}"


def test_a_sql_step_changes_and_proves_a_declared_database(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "plant.db") as connection:
        connection.execute("CREATE TABLE flags (name TEXT, state TEXT)")
        connection.execute("INSERT INTO flags VALUES ('model', 'on')")
    connection.close()
    url = "sqlite:///plant.db"
    steps = runner(tmp_path, databases=frozenset({url}))
    changed = steps.run(
        "sql", {"url": url, "statement": "UPDATE flags SET state = 'off'", "expect": {"count": 1}}, timeout_s=5
    )
    assert changed.ok
    query = {"url": url, "statement": "SELECT state FROM flags"}
    assert steps.run("sql", {**query, "expect": {"rows[0].state": "off"}}, timeout_s=5).ok
    assert not steps.run("sql", {**query, "expect": {"rows[0].state": "on"}}, timeout_s=5).ok
    assert not steps.run("sql", {**query, "statement": "SELECT nothing"}, timeout_s=5).ok
    undeclared = runner(tmp_path).run("sql", query, timeout_s=5)
    assert "not declared" in undeclared.output


def test_waiting_ends_as_soon_as_the_proof_holds(tmp_path: Path) -> None:
    count: list[int] = []

    def third(_: Asked) -> Said:
        count.append(1)
        return said({"ready": len(count) >= 3})

    with Server(third) as server:
        settings: dict[str, Any] = {"http": {"url": server.url, "expect": {"json": {"ready": True}}}, "every": "20ms"}
        result = runner(tmp_path, server.url).run("wait-until", settings, timeout_s=5)
    assert result.ok
    assert "3 looks" in result.output
    assert result.duration_s < 4.5


def test_waiting_ends_at_the_deadline(tmp_path: Path) -> None:
    with Server(lambda _: said({"ready": False})) as server:
        settings: dict[str, Any] = {"http": {"url": server.url, "expect": {"json": {"ready": True}}}, "every": "20ms"}
        result = runner(tmp_path, server.url).run("wait-until", settings, timeout_s=0.3)
    assert not result.ok
    assert "did not hold" in result.output
    assert result.duration_s < 30


@pytest.mark.parametrize(
    "settings", [{}, {"http": {}, "command": {}}, {"http": {"url": "http://a/"}, "every": 5}, {"ask": {}}]
)
def test_waiting_for_nothing_in_particular_is_not_ok(tmp_path: Path, settings: Mapping[str, Any]) -> None:
    assert not runner(tmp_path).run("wait-until", settings, timeout_s=0.2).ok


@pytest.mark.parametrize(("answer", "ok"), [("Yes", True), ("No", False)])
def test_a_person_is_asked_and_their_answer_counts(tmp_path: Path, answer: str, ok: bool) -> None:
    service = Delivering(answer=answer)
    with Server(service) as server:
        http = Http(origins=[target_of(server.url).origin])
        pager = open_pager({"olga": Person(name="Olga", page=f"webhook+{server.url}/")}, http=http)
        steps = StepRunner(http=http, base_dir=tmp_path, pager=lambda: pager)
        result = steps.run("ask", {"who": "olga", "question": "Is the board by hand?"}, timeout_s=5)
        service.join()
        pager.close()
    assert (result.ok, result.value) == (ok, answer.lower())


def test_a_person_who_does_not_answer_did_not_say_yes(tmp_path: Path) -> None:
    with Server(Swallowing()) as server:
        http = Http(origins=[target_of(server.url).origin])
        pager = open_pager({"olga": Person(name="Olga", page=f"webhook+{server.url}/")}, http=http)
        steps = StepRunner(http=http, base_dir=tmp_path, pager=lambda: pager)
        result = steps.run("ask", {"who": "olga", "question": "?"}, timeout_s=0.2)
        assert not steps.run("ask", {"who": "max", "question": "?"}, timeout_s=0.2).ok
        pager.close()
    assert not result.ok
    assert result.value is None
    assert not runner(tmp_path).run("ask", {"who": "olga", "question": "?"}, timeout_s=0.2).ok


def test_an_unknown_kind_is_not_ok(tmp_path: Path) -> None:
    result = runner(tmp_path).run("pray", {}, timeout_s=1)
    assert not result.ok
    assert "no step kind 'pray'" in result.output


def test_equality_is_that_of_json() -> None:
    assert same(1, 1.0)
    assert not same(1, True)
    assert not same("1", 1)
    assert not same(float("nan"), float("nan"))
    assert same({"a": [1, {"b": None}]}, {"a": [1.0, {"b": None}]})
    assert not same([1], [1, 2])
    assert at_path({"a.b": 1, "a": {"b": 2}}, "a.b") == 1
    assert at_path([{"x": 5}], "[0].x") == 5
    with pytest.raises(Malformed):
        at_path({"a": []}, "a[0]")
    assert mismatches({"a": 1}, {}) == []
