"""A declared system, really called: run, recorded, decided, interrupted and resumed."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from plants.model_server import VERSION
from plants.server import Asked, Said, Server, said
from plants.tiny_system import SECRET, plant, steady
from seatrial.app.deciding.deciding import decide_now
from seatrial.app.deciding.export import export
from seatrial.app.folder.catalogue import checks
from seatrial.app.folder.clock import SystemClock
from seatrial.app.folder.ledgers import read_ledger
from seatrial.app.folder.subject import Identities, digest_files
from seatrial.app.folder.workspace import Workspace, open_workspace
from seatrial.app.people import people
from seatrial.app.running.planning import Basis, plan
from seatrial.app.running.run import run
from seatrial.app.running.verify import checkpoint, verify_exported, verify_ledger
from seatrial.core.errors import Refused, SeatrialError, Unreachable
from seatrial.core.events import CheckFinished, Event, RunFinished, RunStarted, StageFinished
from seatrial.core.observation import Reason
from seatrial.core.record import Subject
from seatrial.core.vocabulary import Answer, Outcome, RecordType, Role
from seatrial.evidence.entry import Checkpoint
from seatrial.gate.catalogue import PRODUCTION_READINESS
from seatrial.gate.verdict import Assessment, Verdict

_OBSERVED = (RecordType.OBSERVATION,)
_PEOPLE = ["ownership.monitor", "ownership.retraining", "organization.training"]


@pytest.fixture
def server() -> Iterator[Server]:
    with Server(steady) as served:
        yield served


@pytest.fixture
def place(tmp_path: Path, server: Server, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MODEL_KEY", SECRET)
    return plant(tmp_path / "system", server.url)


@pytest.fixture
def workspace(place: Path) -> Workspace:
    return open_workspace(place)


def _run(workspace: Workspace, *only: str, **more: Any) -> list[Event]:
    return list(run(workspace, only=only or None, **more))


def _assessment(verdict: Verdict, requirement: str) -> Assessment:
    return next(a for a in verdict.requirements if a.id == requirement)


def _reasons(events: list[Event]) -> dict[str, str]:
    return {e.check: e.result.code for e in events if isinstance(e, CheckFinished) and isinstance(e.result, Reason)}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Whole:
    """A run of everything, and what came of it."""

    workspace: Workspace
    events: list[Event]
    verdict: Verdict

    def finished(self) -> list[CheckFinished]:
        return [e for e in self.events if isinstance(e, CheckFinished)]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Iterator[_Whole]:
    with Server(steady) as served, pytest.MonkeyPatch.context() as patch:
        patch.setenv("MODEL_KEY", SECRET)
        workspace = open_workspace(plant(tmp_path_factory.mktemp("whole") / "system", served.url))
        events = _run(workspace)
        yield _Whole(workspace=workspace, events=events, verdict=decide_now(workspace))


def test_a_whole_run_runs_every_check_and_every_stage(whole: _Whole) -> None:
    started, finished = whole.events[0], whole.events[-1]
    assert isinstance(started, RunStarted)
    assert isinstance(finished, RunFinished)
    ids = {row.id for row in PRODUCTION_READINESS}
    assert (
        set(started.checks)
        == {e.check for e in whole.finished()}
        == {check.id for check in checks() if not check.supplements and check.requirement in ids}
    )
    assert {e.problem for e in whole.events if isinstance(e, StageFinished)} == {""}


def test_a_whole_run_ends_in_no_go_with_every_requirement_in_sight(whole: _Whole) -> None:
    assert whole.verdict.verdict is Answer.NO_GO
    assert {a.id for a in whole.verdict.requirements} == {row.id for row in PRODUCTION_READINESS}
    able = {check.requirement for check in checks() if not check.supplements}
    for assessment in whole.verdict.requirements:
        assert (assessment.reason_code == "no-check") == (assessment.id not in able), assessment
        assert assessment.reason_code != "not-run"
        if assessment.outcome is not Outcome.MET:
            assert any(gap.requirement == assessment.id for gap in whole.verdict.gaps)


def test_no_check_of_a_whole_run_fails_by_itself(whole: _Whole) -> None:
    broken = {"crashed", "timed-out", "out-of-memory", "not-an-observation", "not-started", "failed"}
    reasons = [e.result for e in whole.finished() if isinstance(e.result, Reason)]
    assert not [reason for reason in reasons if reason.code in broken]


def test_every_result_of_a_whole_run_is_on_record_and_verifies(whole: _Whole) -> None:
    records = {e.digest: e for e in read_ledger(whole.workspace, quick=False).evidence}
    assert {e.record for e in whole.finished()} <= set(records)
    assert not any(e.problem for e in records.values())
    assert list(records.values())[-1].record.type is RecordType.DECISION


def test_no_secret_reaches_an_event_or_the_ledger(whole: _Whole) -> None:
    assert SECRET not in repr(whole.events)
    for evidence in read_ledger(whole.workspace, quick=True).evidence:
        assert SECRET not in json.dumps(dict(evidence.record.body))
    assert not list((whole.workspace.folder / "work").iterdir()), "scored rows do not outlive the run"


def test_only_what_is_named_is_run(workspace: Workspace) -> None:
    events = _run(workspace, "ownership.monitor")
    assert [e.check for e in events if isinstance(e, CheckFinished)] == ["ownership.monitor"]
    assert not any(isinstance(e, StageFinished) for e in events)
    assert _assessment(decide_now(workspace), "model.threshold").reason_code == "not-run"
    with pytest.raises(SeatrialError, match=r"no check 'ownership.monito'"):
        _run(workspace, "ownership.monito")


def test_the_ledger_of_another_system_verifies_nothing_of_this_one(workspace: Workspace, tmp_path: Path) -> None:
    people.accept(workspace, "olga", "monitor", shown="You watch.")
    assert verify_ledger(workspace).intact
    file = plant(tmp_path / "copied", "http://127.0.0.1:9")
    file.write_text(file.read_text().replace("system: arrival-delay", "system: bed-planning"))
    shutil.copytree(workspace.folder, file.parent / workspace.folder.name)
    copied = open_workspace(file)
    with pytest.raises(Refused, match=r"nothing is on record of bed-planning .* the record of arrival-delay"):
        verify_ledger(copied)
    gone = verify_ledger(copied, pin=[Checkpoint(system="bed-planning", sequence=3, digest="0" * 64)])
    assert [problem.code for problem in gone.problems] == ["truncated"]
    people.accept(copied, "olga", "monitor", shown="You watch.")
    assert verify_ledger(copied).intact


def _seen(workspace: Workspace) -> list[tuple[object, object]]:
    bodies = [e.record.body for e in read_ledger(workspace, quick=True).evidence if e.record.type in _OBSERVED]
    return [(body["seed"], body["observation"]) for body in bodies]


def test_no_seed_changes_which_rows_are_judged_and_another_model_has_another_draw(
    workspace: Workspace, server: Server
) -> None:
    for seed in (7, 8, None):
        _run(workspace, "model.threshold", seed=seed)
    first, *again = _seen(workspace)
    assert first[1] is not None
    assert again == [first, first]
    server.answer = lambda asked: said({**VERSION, "version": "2"}) if asked.path == "/version" else steady(asked)
    _run(workspace, "model.threshold", seed=7)
    assert _seen(workspace)[-1][0] != first[0]


def test_what_differs_each_time_anyway_is_sent_at_times_of_the_runs_seed(workspace: Workspace) -> None:
    about = Subject(system=workspace.system.system, digest="d", parts={"model": "m1"})
    basis = Basis(subject=about, files=digest_files(workspace), identities=Identities(), work=workspace.base)
    planned = {seed: plan(workspace, basis, checks(), run="r", seed=seed, kept=()) for seed in (1, 2)}
    moved = {
        work.id
        for work, other in zip(planned[1].checks, planned[2].checks, strict=True)
        if planned[1].seed_of(work) != planned[2].seed_of(other)
    }
    assert moved == {check.id for check in checks() if check.draws_anew}
    assert "data.load" in moved
    assert not {"model.threshold", "model.stress", "model.adversarial", "data.faults", "integration.format"} & moved


def test_an_acceptance_is_what_ownership_rests_on_and_falls_with_the_person(workspace: Workspace) -> None:
    people.accept(workspace, "olga", "monitor", shown="You watch performance after launch.")
    people.accept(workspace, "sven", "monitor.deputy", shown="You stand in for Olga.")
    _run(workspace, "ownership.monitor")
    assert _assessment(decide_now(workspace), "ownership.monitor").outcome is Outcome.MET
    people.depart(workspace, "sven", by="ivo", reason="new job")
    assert _assessment(decide_now(workspace), "ownership.monitor").outcome is not Outcome.MET


def test_nobody_accepts_signs_or_withholds_in_anothers_place(workspace: Workspace) -> None:
    verdict = decide_now(workspace)
    with pytest.raises(Refused, match="not declared"):
        people.accept(workspace, "max", "monitor", shown="")
    with pytest.raises(Refused, match="not for ivo"):
        people.accept(workspace, "ivo", "monitor", shown="")
    with pytest.raises(Refused, match="sign for it"):
        people.sign(workspace, "lena", Role.IT, verdict, shown="NO-GO")
    with pytest.raises(Refused, match="reason"):
        people.withhold(workspace, "lena", Role.LEGAL, reason=" ")
    with pytest.raises(Refused, match="not named"):
        people.attest(workspace, "lena", "process", "elsewhere.md")
    assert read_ledger(workspace, quick=True).state.entries == 0


def test_a_sign_off_holds_for_what_was_seen(workspace: Workspace, place: Path) -> None:
    _run(workspace, *_PEOPLE)
    verdict = decide_now(workspace)
    people.sign(workspace, "ivo", Role.IT, verdict, shown=verdict.sentence)
    people.withhold(workspace, "lena", Role.LEGAL, reason="the review is not finished")
    after = decide_now(workspace)
    signed = {s.role: s for s in after.signatures}
    assert signed[Role.IT].signed_at is not None
    assert "has not signed" not in signed[Role.IT].problem
    assert signed[Role.LEGAL].signed_at is None
    assert not any(s.valid for s in after.signatures if s.role is not Role.IT)
    assert any("the review is not finished" in gap.summary for gap in after.gaps)
    place.write_text(place.read_text().replace("maximum: 80", "maximum: 70"))
    changed = open_workspace(place)
    assert not any(s.valid for s in decide_now(changed).signatures)
    with pytest.raises(Refused, match="changed since"):
        people.sign(changed, "ivo", Role.IT, verdict, shown=verdict.sentence)


def test_another_model_behind_the_same_address_voids_what_rested_on_the_old_one(
    workspace: Workspace, server: Server
) -> None:
    _run(workspace, "model.threshold")
    before = _assessment(decide_now(workspace), "model.threshold")
    assert before.evidence
    server.answer = lambda asked: (
        said({**VERSION, "version": "2026.12.0"}) if asked.path == "/version" else steady(asked)
    )
    _run(workspace, "ownership.monitor")
    assert _assessment(decide_now(workspace), "model.threshold").reason_code == "changed"


def test_a_model_that_changes_while_it_is_tested_leaves_the_requirement_open(
    workspace: Workspace, server: Server
) -> None:
    predicted: list[str] = []

    def changing(asked: Asked) -> Said:
        if asked.path == "/version":
            return said({**VERSION, "version": str(bool(predicted))})
        predicted.append(asked.path)
        return steady(asked)

    server.answer = changing
    events = _run(workspace, "model.threshold")
    results = [e.result for e in events if isinstance(e, CheckFinished)]
    assert [f.code for r in results if not isinstance(r, Reason) for f in r.findings][-1] == "changed-meanwhile"
    assert _assessment(decide_now(workspace), "model.threshold").outcome is not Outcome.MET


def test_a_model_that_is_gone_is_the_reason_of_every_check_that_needs_its_rows(
    workspace: Workspace, server: Server
) -> None:
    server.close()
    events = _run(workspace, "model.threshold", "ownership.monitor")
    assert [bool(e.problem) for e in events if isinstance(e, StageFinished)] == [True]
    assert _reasons(events) == {"model.threshold": "unreachable"}
    assessment = _assessment(decide_now(workspace), "model.threshold")
    assert assessment.outcome is Outcome.NOT_DETERMINED


def test_a_data_file_that_changes_meanwhile_makes_no_evidence(workspace: Workspace, server: Server) -> None:
    def meddling(asked: Asked) -> Said:
        if asked.path == "/predict":
            with (workspace.base / "live.csv").open("a") as file:
                file.write("11,111\n")
        return steady(asked)

    server.answer = meddling
    events = _run(workspace, "model.threshold", "ownership.monitor")
    assert _reasons(events) == {"model.threshold": "changed-meanwhile"}, "ownership does not rest on it"


def test_a_system_file_that_changes_meanwhile_makes_no_evidence(workspace: Workspace) -> None:
    events = run(workspace, only=["ownership.monitor"])
    assert isinstance(next(events), RunStarted)
    workspace.file.write_text(workspace.file.read_text() + "\n# a remark\n")
    assert _reasons(list(events)) == {"ownership.monitor": "failed"}


def test_a_probe_of_what_is_served_holds_for_a_day(workspace: Workspace) -> None:
    _run(workspace, "model.threshold")
    tomorrow = SystemClock().now() + timedelta(hours=25)
    assert _assessment(decide_now(workspace, tomorrow), "model.threshold").reason_code == "identity-stale"


def test_the_ledger_and_its_bundle_verify_and_say_that_they_are_not_anchored(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(SeatrialError, match="no ledger"):
        verify_ledger(workspace)
    _run(workspace, *_PEOPLE)
    report = verify_ledger(workspace)
    assert report.intact
    assert not report.anchored
    exported = export(workspace, tmp_path / "bundle.zip")
    assert exported.entries == report.entries
    assert verify_exported(tmp_path / "bundle.zip").intact
    assert checkpoint(workspace).sequence == report.entries


def test_no_system_file_is_said_with_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(Unreachable, match=r"no seatrial\.yaml") as caught:
        open_workspace(tmp_path)
    assert "seatrial init" in caught.value.remedy
    with pytest.raises(Unreachable, match="cannot be read"):
        open_workspace(tmp_path / "other.yaml")


def test_a_policy_file_beside_the_system_file_is_read_and_belongs_to_what_the_run_is_about(place: Path) -> None:
    place.write_text(place.read_text().replace("policy: short-demo", "policy: ours.yaml  # default is too weak"))
    (place.parent / "ours.yaml").write_text("confidence: 0.99\n")
    first = open_workspace(place)
    assert first.system.policy.confidence == 0.99
    (place.parent / "ours.yaml").write_text("confidence: 0.98\n")
    assert open_workspace(place).digest != first.digest


_CHILD = """
import json, sys
from pathlib import Path
from seatrial.app.running.run import run
from seatrial.app.folder.workspace import open_workspace
from seatrial.engine.run import Resources
for event in run(open_workspace(Path(sys.argv[1])), only=sys.argv[3:], resume=sys.argv[2] == "resume",
                 resources=Resources(parallel=1)):
    said = [type(event).__name__, getattr(event, "check", ""), list(getattr(event, "kept", ()))]
    print(json.dumps(said), flush=True)
"""


def _own_process(place: Path, how: str, *only: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", _CHILD, str(place), how, *only]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def _until(process: subprocess.Popen[str], kind: str, check: str) -> None:
    assert process.stdout is not None
    for line in process.stdout:
        if json.loads(line)[:2] == [kind, check]:
            return
    pytest.fail(f"no {kind} of {check}")


def _hanging(server: Server) -> Callable[[], None]:
    """From now on predictions take very long; calling what is returned ends that."""

    def slow(asked: Asked) -> Said:
        answer = steady(asked)
        return answer if asked.path == "/version" else Said(status=200, body=answer.body, delay_s=1.5)

    server.answer = slow

    def mend() -> None:
        server.answer = steady

    return mend


@pytest.mark.slow
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_a_stopped_run_leaves_a_ledger_that_verifies_and_is_resumed_without_repeating(
    workspace: Workspace, place: Path, server: Server, how: signal.Signals
) -> None:
    mend = _hanging(server)
    wanted = ("ownership.monitor", "ownership.retraining", "model.threshold")
    with _own_process(place, "anew", *wanted[:2], "organization.training") as first:
        _until(first, "CheckFinished", "ownership.monitor")
        first.send_signal(how)
        first.communicate(timeout=120)
    mend()
    assert verify_ledger(workspace).intact
    recorded = [
        str(e.record.body["check"])
        for e in read_ledger(workspace, quick=True).evidence
        if e.record.type is RecordType.OBSERVATION
    ]
    assert "ownership.monitor" in recorded
    with _own_process(place, "resume", "ownership.monitor", "organization.training", "ownership.retraining") as second:
        out, _ = second.communicate(timeout=120)
    said_ = [json.loads(line) for line in out.splitlines()]
    assert said_[0][0] == "RunStarted"
    assert set(said_[0][2]) == set(recorded)
    finished = [check for kind, check, _ in said_ if kind == "CheckFinished"]
    assert set(finished) == {"ownership.monitor", "organization.training", "ownership.retraining"} - set(recorded)
    assert said_[-1][0] == "RunFinished"
    assert verify_ledger(workspace).intact
    again = _run(workspace, "ownership.monitor", resume=True)
    assert isinstance(again[0], RunStarted)
    assert again[0].kept == (), "a run that came to its end is not resumed"


@pytest.mark.slow
def test_a_killed_run_leaves_no_process_behind(workspace: Workspace, place: Path, server: Server) -> None:
    mend = _hanging(server)
    with _own_process(place, "anew", "model.threshold") as process:
        _until(process, "StageStarted", "")
        time.sleep(0.5)
        started = _descendants(process.pid)
        process.kill()
        process.communicate(timeout=60)
    mend()
    assert started
    for _ in range(1200):
        if not any(Path(f"/proc/{pid}").exists() for pid in started):
            break
        time.sleep(0.05)
    else:
        pytest.fail(f"still there: {started}")
    left = list((workspace.folder / "work").iterdir())
    _run(workspace, "ownership.monitor")
    assert left
    assert not list((workspace.folder / "work").iterdir()), "the next run clears away what a killed one left"


def _descendants(pid: int) -> list[int]:
    found, new = [], [pid]
    while new:
        parent = new.pop()
        children = [int(c) for c in Path(f"/proc/{parent}/task/{parent}/children").read_text().split()]
        found += children
        new += children
    return found


def test_a_folder_that_cannot_be_written_is_said_before_anything_is_run(workspace: Workspace) -> None:
    if os.geteuid() == 0:
        pytest.skip("root may write everywhere")
    workspace.base.chmod(0o500)
    try:
        with pytest.raises(SeatrialError):
            next(run(workspace))
    finally:
        workspace.base.chmod(0o700)
