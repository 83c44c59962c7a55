"""A check that misbehaves becomes a reason, and the run goes on."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Generator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from seatrial.app.folder.clock import SystemClock
from seatrial.core.events import (
    CheckFinished,
    CheckProgressed,
    CheckStarted,
    Event,
    RunFinished,
    RunStarted,
    StageFinished,
)
from seatrial.core.observation import Observation, Reason
from seatrial.core.vocabulary import Weight
from seatrial.engine.nursery import Nursery
from seatrial.engine.plan import Plan, Work, ordered
from seatrial.engine.run import Finished, Kept, Resources, run
from seatrial.engine.seeds import derive


def _check(name: str, *, check: str = "", **settings: Any) -> Work:
    return Work(
        id=check or f"data.{name}",
        title=name,
        entry=f"misbehaving:{name}",
        requirement=settings.pop("requirement", check or f"data.{name}"),
        grace_s=settings.pop("grace_s", 5.0),
        **settings,
    )


_NURSERY = partial(Nursery, preload=("misbehaving",))


def _events(
    *checks: Work,
    stages: tuple[Work, ...] = (),
    redact: Any = str,
    seed: int = 7,
    open_nursery: Callable[[], Nursery] = _NURSERY,
    **resources: Any,
) -> Generator[Event, None, None]:
    plan = Plan(run="r1", system="arrival-delay", seed=seed, stages=stages, checks=checks)
    return run(
        plan,
        keep=lambda finished: Kept(record=f"record of {finished.work.id}", result=finished.result),
        clock=SystemClock(),
        open_nursery=open_nursery,
        resources=Resources(**resources),
        redact=redact,
    )


def _results(*checks: Work, **settings: Any) -> dict[str, Observation | Reason]:
    return {e.check: e.result for e in _events(*checks, **settings) if isinstance(e, CheckFinished)}


def _one(name: str, **settings: Any) -> Observation | Reason:
    given = {key: settings.pop(key) for key in ("arguments", "budget_s", "grace_s") if key in settings}
    results = _results(_check(name, **given), _check("sound"), **settings)
    assert isinstance(results["data.sound"], Observation), "the others must not be harmed"
    return results[f"data.{name}"]


def _reason(name: str, **settings: Any) -> Reason:
    result = _one(name, **settings)
    assert isinstance(result, Reason)
    return result


def _gone(pid: int) -> bool:
    for _ in range(100):
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        if Path(f"/proc/{pid}/stat").exists() and ") Z " in Path(f"/proc/{pid}/stat").read_text():
            return True
        time.sleep(0.02)
    return False


def test_a_sound_check_is_kept_with_its_own_seed_and_its_record_named() -> None:
    events = list(_events(_check("sound")))
    assert [type(e) for e in events] == [RunStarted, CheckStarted, CheckProgressed, CheckFinished, RunFinished]
    finished = events[3]
    assert isinstance(finished, CheckFinished)
    assert finished.record == "record of data.sound"
    assert isinstance(finished.result, Observation)
    assert finished.result.facts["seed"] == derive(7, "data.sound")
    assert isinstance(events[-1], RunFinished)
    assert not events[-1].interrupted


def test_what_has_a_draw_of_its_own_has_the_same_seed_in_every_run() -> None:
    own = replace(_check("sound"), draw="model m1")
    seeds = [
        event.result.facts["seed"]
        for seed in (7, 8)
        for event in _events(own, seed=seed)
        if isinstance(event, CheckFinished) and isinstance(event.result, Observation)
    ]
    assert seeds == [derive("model m1", "data.sound")] * 2


def test_seeds_differ_between_checks_and_runs_and_stay_the_same_otherwise() -> None:
    assert derive(7, "data.load") == derive(7, "data.load")
    assert len({derive(7, "data.load"), derive(7, "data.faults"), derive(8, "data.load")}) == 3
    assert 0 <= derive(2**60, "data.load") < 2**53


def test_a_check_that_hangs_times_out() -> None:
    reason = _reason("hangs", budget_s=0.3)
    assert reason.code == "timed-out"
    assert "0.3 s" in reason.summary
    assert "was restored" in reason.summary


def test_a_check_that_will_not_stop_is_killed_and_the_reader_is_warned() -> None:
    reason = _reason("hangs_and_will_not_stop", budget_s=0.2, grace_s=0.3)
    assert reason.code == "timed-out"
    assert "may not have been restored" in reason.summary
    assert "by hand" in reason.remedy


def test_a_check_that_times_out_restores_first(tmp_path: Path) -> None:
    changed = tmp_path / "changed"
    reason = _reason("restores_when_stopped", budget_s=0.5, arguments={"changed": str(changed)})
    assert reason.code == "timed-out"
    assert "restoring" in str(reason.detail["printed"])
    assert not changed.exists()


def test_what_a_check_returns_after_it_was_stopped_does_not_count() -> None:
    assert _reason("swallows_the_stop", budget_s=0.3).code == "timed-out"


def test_a_segmentation_fault_is_a_crash_with_its_place() -> None:
    reason = _reason("segfaults")
    assert reason.code == "crashed"
    assert reason.detail["signal"] == "SIGSEGV"
    assert "misbehaving.py" in str(reason.detail["printed"])


def test_a_check_killed_from_outside_is_a_crash_that_hints_at_memory() -> None:
    reason = _reason("kills_itself")
    assert reason.code == "crashed"
    assert "memory" in reason.summary


@pytest.mark.parametrize("name", ["exits_at_once", "exits_politely"])
def test_a_check_that_exits_with_status_0_has_crashed_all_the_same(name: str) -> None:
    assert _reason(name).code == "crashed"


def test_an_exception_is_a_crash_with_its_traceback() -> None:
    reason = _reason("raises")
    assert reason.code == "crashed"
    assert "nobody expected this" in reason.summary
    assert "raise ZeroDivisionError" in str(reason.detail["traceback"])


def test_an_error_for_the_reader_becomes_the_reason_with_its_remedy() -> None:
    reason = _reason("raises_for_the_reader")
    assert (reason.code, reason.summary, reason.remedy) == (
        "unreachable",
        "The planner did not answer.",
        "Start the planner.",
    )


def test_a_check_that_leaks_memory_is_stopped() -> None:
    assert _reason("eats_memory", memory_bytes=300 * 1024 * 1024).code == "out-of-memory"


def test_a_check_that_asks_for_more_memory_than_there_is_gets_none() -> None:
    assert _reason("asks_for_a_petabyte").code == "out-of-memory"


def test_what_a_check_prints_is_kept_in_part_and_never_reaches_the_terminal(capfd: pytest.CaptureFixture[str]) -> None:
    result = _one("prints_a_flood")
    assert isinstance(result, Observation)
    printed = str(result.facts["printed"])
    assert printed.startswith("first words")
    assert printed.endswith("last words\n")
    assert "characters left out" in printed
    assert len(printed) < 10_000
    told = capfd.readouterr()
    assert (told.out, told.err) == ("", "")


def test_a_check_cannot_wait_for_somebody_at_the_terminal() -> None:
    result = _one("reads_from_the_terminal")
    assert isinstance(result, Observation)
    assert result.done == "Read 0 characters."


def test_a_process_left_behind_ends_with_its_check() -> None:
    result = _one("leaves_a_process_behind")
    assert isinstance(result, Observation)
    left = result.facts["left"]
    assert isinstance(left, int)
    assert _gone(left)


@pytest.mark.parametrize(
    "name",
    [
        "returns_a_number",
        "returns_nothing",
        "returns_plain_data",
        "returns_what_cannot_be_kept",
        "returns_a_measure_of_another_type",
    ],
)
def test_what_is_no_observation_is_said_to_be_none(name: str) -> None:
    assert _reason(name).code == "not-an-observation"


def test_a_measure_that_is_not_a_number_leaves_the_requirement_open() -> None:
    result = _one("measures_nan")
    assert isinstance(result, Observation)
    assert [(f.code, f.weight) for f in result.findings] == [("not-a-number", Weight.OPEN)]


def test_a_secret_leaves_a_check_neither_as_a_result_nor_as_a_print_nor_as_progress() -> None:
    events = list(
        _events(
            _check("tells_a_secret", arguments={"secret": "hunter2"}),
            redact=lambda text: text.replace("hunter2", "***"),
        )
    )
    assert any(isinstance(e, CheckProgressed) for e in events)
    assert "hunter2" not in repr(events)
    assert "the secret is ***" in repr(events)


def test_characters_that_no_encoding_holds_are_replaced() -> None:
    result = _one("out_of_sorts")
    assert isinstance(result, Observation)
    assert result.done == "An odd ? character."


def test_the_run_survives_the_death_of_the_process_that_starts_the_checks() -> None:
    results = _results(_check("kills_the_zygote"), _check("sound"), parallel=1)
    first = results["data.kills_the_zygote"]
    assert isinstance(first, Reason)
    assert first.code == "not-started"
    assert isinstance(results["data.sound"], Observation)


def test_when_the_process_that_starts_the_checks_dies_again_and_again_the_rest_is_given_up() -> None:
    checks = [_check("kills_the_zygote", check=f"data.{n}") for n in range(6)]
    results = _results(*checks, parallel=1)
    assert [r.code for r in results.values() if isinstance(r, Reason)] == ["not-started"] * 6


@pytest.mark.parametrize("first", [True, False])
def test_checks_wait_for_what_they_share_only_where_that_is_asked_for(first: bool) -> None:
    # What the first check would overtake: scipy alone takes longer than a fork.
    modules = ["xml.dom.minidom", "scipy.stats", "tarfile"]
    checks = [_check("tells_what_is_imported", check=f"data.{n}", arguments={"modules": modules}) for n in "ab"]
    waited_for, later = (modules, []) if first else ([], modules)
    opened = partial(Nursery, preload=later, preload_first=["misbehaving", *waited_for])
    results = _results(*checks, parallel=2, open_nursery=opened)
    seen = [result.facts["imported"] == modules for result in results.values() if isinstance(result, Observation)]
    assert seen == [first, first]


def test_checks_run_side_by_side() -> None:
    results = _results(*(_check("tells_when", check=f"data.{n}", arguments={"for_s": 0.6}) for n in "ab"), parallel=2)
    a, b = (r.facts for r in results.values() if isinstance(r, Observation))
    assert float(str(a["from"])) < float(str(b["to"]))
    assert float(str(b["from"])) < float(str(a["to"]))


def _apart(one: Observation | Reason, other: Observation | Reason) -> bool:
    assert isinstance(one, Observation)
    assert isinstance(other, Observation)
    (a, b), (c, d) = ([float(str(each.facts[name])) for name in ("from", "to")] for each in (one, other))
    return b <= c or d <= a


def test_a_check_that_runs_alone_overlaps_with_nothing() -> None:
    checks = [
        _check("tells_when", check="data.a"),
        _check("tells_when", check="data.load", alone=True, arguments={"for_s": 0.3}),
        _check("tells_when", check="model.b"),
        _check("tells_when", check="model.c"),
    ]
    results = _results(*checks, parallel=4)
    load = results.pop("data.load")
    assert all(_apart(load, other) for other in results.values())


def test_beside_a_check_that_is_alone_at_the_system_only_those_go_on_that_only_read() -> None:
    longer = {"for_s": 0.6}
    results = _results(
        _check("tells_when", check="data.asks", arguments={"for_s": 0.3}),
        _check("tells_when", check="data.changes", alone_at_system=True, arguments=longer),
        _check("tells_when", check="data.load", alone=True, arguments={"for_s": 0.3}),
        _check("tells_when", check="model.asks"),
        _check("tells_when", check="model.reads", only_reads=True, arguments=longer),
        parallel=2,
    )
    changes, load = results["data.changes"], results["data.load"]
    assert not _apart(changes, results["model.reads"])
    assert all(_apart(changes, results[name]) for name in ("data.asks", "model.asks", "data.load"))
    assert all(_apart(load, other) for name, other in results.items() if name != "data.load")


def test_a_check_waits_for_the_stage_that_it_needs_and_others_do_not() -> None:
    scoring = Work(id="scoring", title="Scoring rows", entry="misbehaving:stage")
    events = list(
        _events(
            _check("sound", check="model.a", needs=("scoring",)), _check("sound", check="data.b"), stages=(scoring,)
        )
    )
    ended = {StageFinished: lambda e: e.stage, CheckFinished: lambda e: e.check}
    said = [ended[type(e)](e) for e in events if type(e) in ended]
    assert said.index("scoring") < said.index("model.a")
    assert {"scoring", "model.a", "data.b"} == set(said)


def test_a_stage_that_fails_is_the_reason_of_every_check_that_needs_it() -> None:
    scoring = Work(id="scoring", title="Scoring rows", entry="misbehaving:stage_without_a_source")
    events = list(_events(_check("sound", needs=("scoring",)), stages=(scoring,)))
    problems = [e.problem for e in events if isinstance(e, StageFinished)]
    results = [e.result for e in events if isinstance(e, CheckFinished)]
    assert problems == ["There is no data file."]
    assert [(r.code, r.remedy) for r in results if isinstance(r, Reason)] == [("unreachable", "Put it there.")]


def test_a_stage_that_crashes_is_the_reason_too() -> None:
    scoring = Work(id="scoring", title="Scoring rows", entry="misbehaving:segfaults")
    results = _results(_check("sound", needs=("scoring",)), stages=(scoring,))
    assert [r.code for r in results.values() if isinstance(r, Reason)] == ["crashed"]


def test_checks_are_ordered_by_domain_and_the_lonely_ones_last_after_those_that_look_at_real_traffic() -> None:
    names = [
        "ownership.a",
        "data.load",
        "data.faults",
        "data.b",
        "model.c",
        "governance.d",
        "organization.e",
        "integration.f",
    ]
    names.append("integration.g")
    order = ordered(
        _check(
            "sound",
            check=name,
            alone=name == "data.load",
            alone_at_system=name == "data.faults",
            before_traffic=name == "integration.g",
        )
        for name in names
    )
    assert [w.id for w in order] == [
        "integration.g",
        "data.b",
        "data.faults",
        "data.load",
        "model.c",
        "integration.f",
        "organization.e",
        "governance.d",
        "ownership.a",
    ]


def test_a_run_that_is_given_up_half_way_leaves_nothing_running(tmp_path: Path) -> None:
    changed = tmp_path / "changed"
    events = _events(_check("restores_when_stopped", arguments={"changed": str(changed)}))
    assert any(isinstance(e, CheckProgressed) for e in events)
    assert changed.exists()
    events.close()
    assert not changed.exists()


def test_a_ledger_that_takes_nothing_ends_the_run_with_its_error_and_leaves_nothing_running(tmp_path: Path) -> None:
    def keep(finished: Finished) -> Kept:
        raise OSError("disk full")

    changed = tmp_path / "changed"
    checks = (
        _check("restores_when_stopped", arguments={"changed": str(changed)}),
        _check("tells_when", arguments={"for_s": 0.5}),
    )
    plan = Plan(run="r1", system="arrival-delay", seed=7, checks=checks)
    with pytest.raises(OSError, match="disk full"):
        list(run(plan, keep=keep, clock=SystemClock(), open_nursery=Nursery, resources=Resources(parallel=2)))
    assert not changed.exists()
