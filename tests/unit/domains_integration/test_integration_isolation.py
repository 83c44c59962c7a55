"""integration.isolation against a real pipeline whose weather source is disturbed through its line."""

from __future__ import annotations

import http.client
import json
import math
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from plants.fed_pipeline import FedPipeline, FolderFed, declared, weather
from plants.pipeline_server import delivery
from plants.real_trial import RealTrial, codes, judged, observed
from plants.server import Server, unused_port
from seatrial.core.disturbing import LineMode
from seatrial.core.observation import Observation
from seatrial.core.ports import LoadResult
from seatrial.core.vocabulary import Criticality, Outcome, Weight
from seatrial.domains.flows.disturbed import (
    Disturbed,
    Due,
    Share,
    Turn,
    Window,
    count_answers,
    look_after,
    settle,
    unwell,
)
from seatrial.domains.flows.disturbing import Disturbance, Period
from seatrial.domains.flows.isolating import places
from seatrial.domains.integration.isolation import CHECK
from seatrial.domains.integration.isolation_findings import findings_of
from seatrial.domains.integration.isolation_running import Driven
from seatrial.spec.policy import short_demo
from seatrial.spec.system import System

pytestmark = pytest.mark.timed

RECORDS = "".join(f"{json.dumps(delivery(at))}\n" for at in range(30)).encode()
POLICY = short_demo(Criticality.OPERATIONAL).model_copy(update={"outage_duration": 0.6, "recovery": 1.0})


def disturbed(
    *,
    outage_s: float = 0.6,
    recovery_s: float = 5.0,
    within_s: float = 1.0,
    answers: dict[str, str] | None = None,
    **faults: Any,
) -> tuple[Observation, Outcome]:
    via = unused_port()
    with FedPipeline(via, **faults) as pipeline, Server(pipeline) as server, Server(weather) as source:
        flow = {"fallback": {"source": "schedule"}, "within": f"{within_s}s", "answers": answers or {}}
        made = declared(server.url, source.url, via, flow=flow)
        system = System.model_validate(made).model_copy(
            update={"policy": POLICY.model_copy(update={"outage_duration": outage_s, "recovery": recovery_s})}
        )
        with RealTrial(system, files={"records.jsonl": RECORDS}) as trial:
            found = observed(CHECK, system, trial)
    return found, judged(CHECK, system, found).outcome


def test_a_pipeline_that_falls_back_keeps_its_limits_and_recovers() -> None:
    found, outcome = disturbed(falls_back=True, breaker_s=0.2, timeout_s=1.0, within_s=3.0)
    assert outcome is Outcome.MET, (found.findings, found.measures)
    assert codes(found) == {"fallback-engaged", "answers-undeclared"}
    assert {str(row["state"]) for row in found.figures[0].rows} == {"kept its limits"}


def test_what_looks_like_an_answer_and_is_made_up_is_open_where_nobody_declares_answers() -> None:
    found, outcome = disturbed(guesses=True, breaker_s=0.2, timeout_s=1.0, within_s=3.0)
    assert outcome is Outcome.NOT_DETERMINED, (found.findings, found.measures)
    (told,) = [f for f in found.findings if f.code == "came-out-otherwise"]
    assert "another risk than" in told.summary


def test_a_pipeline_that_stays_with_its_fallback_has_not_recovered() -> None:
    found, outcome = disturbed(falls_back=True, breaker_s=math.inf, timeout_s=1.0, within_s=3.0, recovery_s=1.0)
    assert outcome is Outcome.NOT_MET, (found.findings, found.measures)
    assert "stays-in-fallback" in codes(found), found.findings


@pytest.mark.slow
def test_a_breaker_that_closes_again_within_the_allowed_time_recovers() -> None:
    found, outcome = disturbed(falls_back=True, breaker_s=0.8, timeout_s=1.0, within_s=3.0, recovery_s=8.0)
    assert outcome is Outcome.MET, (found.findings, found.measures)


@pytest.mark.slow
def test_a_breaker_that_stays_open_too_long_after_one_kind_of_outage_has_not_recovered_whatever_comes_after_it() -> (
    None
):
    # Long enough that somebody waits a whole time-out in vain.
    found, outcome = disturbed(
        falls_back=True, breaker_s=4.0, breaks_late=True, outage_s=1.6, timeout_s=1.0, within_s=3.0, recovery_s=2.0
    )
    assert outcome is Outcome.NOT_MET, (found.findings, found.measures)
    assert "stays-in-fallback" in codes(found), found.findings


@pytest.mark.slow
def test_a_breaker_that_closes_in_time_recovers_though_the_next_outage_comes_earlier() -> None:
    found, outcome = disturbed(falls_back=True, breaker_s=2.6, timeout_s=1.0, within_s=3.0, recovery_s=4.0)
    assert outcome is Outcome.MET, (found.findings, found.measures)


def test_what_a_rule_gives_to_the_fallback_is_no_fallback_that_stays() -> None:
    found, outcome = disturbed(falls_back=True, breaker_s=0.2, timeout_s=1.0, within_s=3.0, ruled="T03")
    assert outcome is Outcome.MET, (found.findings, found.measures)


TEMPERATURE = {"temp": "score"}


def counted(found: Observation) -> Any:
    """How many answers of the flow were compared while the weather was disturbed, and what came of it."""
    weather_facts: Any = found.facts["weather"]
    return weather_facts["answers of warn"]


def test_answers_that_are_made_up_in_time_while_the_source_is_disturbed_are_a_gap() -> None:
    found, outcome = disturbed(guesses=True, timeout_s=1.0, within_s=3.0, answers=TEMPERATURE)
    assert outcome is Outcome.NOT_MET, (found.findings, found.measures)
    assert "answered-otherwise" in {f.code for f in found.findings if f.weight is Weight.GAP}, found.findings
    assert "gave other answers" in {row["state"] for row in found.figures[0].rows}
    assert counted(found)["otherwise"]["refusing"] > 0


def test_answers_of_the_declared_fallback_are_none_that_are_made_up() -> None:
    found, outcome = disturbed(
        falls_back=True, guesses=True, breaker_s=0.2, timeout_s=1.0, within_s=3.0, answers=TEMPERATURE
    )
    assert outcome is Outcome.MET, (found.findings, found.measures)
    assert codes(found) == {"fallback-engaged"}
    assert counted(found)["compared"] > 0


@pytest.mark.slow
def test_what_goes_on_with_a_made_up_answer_for_good_is_not_met() -> None:
    found, outcome = disturbed(
        guesses=True, breaker_s=math.inf, timeout_s=1.0, within_s=3.0, recovery_s=1.0, answers=TEMPERATURE
    )
    assert outcome is not Outcome.MET
    assert codes(found) & {"answers-moved-on", "answered-otherwise"}, found.findings


def test_a_flow_that_always_falls_back_leaves_its_recovery_open() -> None:
    found, outcome = disturbed(falls_back=True, ruled="2026-11-23")
    assert outcome is Outcome.NOT_DETERMINED
    assert codes(found) == {"always-fell-back"}


def test_what_is_late_with_nothing_disturbed_is_not_held_against_a_disturbance() -> None:
    found, outcome = disturbed(within_s=0.001, falls_back=True)
    assert outcome is Outcome.NOT_DETERMINED
    assert "not-well-before" in codes(found)


def test_what_is_doubled_long_after_it_arrived_is_not_held_against_a_disturbance() -> None:
    found, outcome = disturbed(falls_back=True, timeout_s=1.0, within_s=3.0, doubles_after_s=2.0)
    assert outcome is Outcome.NOT_DETERMINED, (found.findings, found.measures)
    assert codes(found) == {"not-well-before"}


@pytest.mark.slow
def test_a_pipeline_that_waits_for_a_slow_source_is_taken_down_with_it() -> None:
    found, outcome = disturbed(stuck=True, outage_s=1.6)
    assert outcome is Outcome.NOT_MET
    assert "taken-down" in codes(found), found.findings


@pytest.mark.slow
def test_what_is_dropped_meanwhile_is_lost() -> None:
    found, outcome = disturbed(drops=True)
    assert outcome is Outcome.NOT_MET
    assert "records-lost" in codes(found), found.findings


def test_an_integration_without_a_line_leaves_the_question_open() -> None:
    made = declared("http://127.0.0.1:1", "http://127.0.0.1:2", 1)
    del made["integrations"]["weather"]["test"]["via"]
    system = System.model_validate(made)
    with RealTrial(system, files={"records.jsonl": RECORDS}) as trial:
        found = observed(CHECK, system, trial)
    assert codes(found) == {"no-line"}
    assert judged(CHECK, system, found).outcome is Outcome.NOT_DETERMINED


def disturbed_folder(folder: Path, **faults: Any) -> tuple[Observation, Outcome]:
    (folder / "inbox").mkdir()
    (folder / "inbox" / "weather.json").write_bytes(b'[{"temp": 12.5}]')
    link = folder / "lines" / "inbox"
    link.parent.mkdir()
    link.symlink_to((folder / "inbox").resolve())
    with FolderFed(link, timeout_s=1.0, **faults) as pipeline, Server(pipeline) as server:
        made = declared(server.url, "", 1, flow={"fallback": {"source": "schedule"}, "within": "3s"})
        made["integrations"]["weather"] = {"kind": "files", "test": {"url": str(folder / "inbox"), "via": str(link)}}
        policy = POLICY.model_copy(update={"recovery": 5.0})
        system = System.model_validate(made).model_copy(update={"policy": policy})
        with RealTrial(system, files={"records.jsonl": RECORDS}) as trial:
            found = observed(CHECK, system, trial)
    assert link.resolve() == (folder / "inbox").resolve(), "it leads right again"
    assert (folder / "inbox" / "weather.json").read_bytes() == b'[{"temp": 12.5}]'
    return found, judged(CHECK, system, found).outcome


def test_a_folder_of_this_machine_that_is_taken_away_and_given_back_is_met(tmp_path: Path) -> None:
    found, outcome = disturbed_folder(tmp_path, falls_back=True, breaker_s=0.2)
    assert outcome is Outcome.MET, (found.findings, found.measures)
    assert codes(found) == {"fallback-engaged", "folder-by-link", "answers-undeclared"}


def test_who_stays_with_the_fallback_after_a_folder_came_back_has_not_recovered(tmp_path: Path) -> None:
    found, outcome = disturbed_folder(tmp_path, falls_back=True, breaker_s=math.inf)
    assert outcome is Outcome.NOT_MET, (found.findings, found.measures)
    assert "stays-in-fallback" in codes(found)


def test_who_reaches_a_folder_past_its_link_was_not_tested(tmp_path: Path) -> None:
    found, outcome = disturbed_folder(tmp_path, falls_back=True, open_once=True)
    assert outcome is Outcome.NOT_DETERMINED
    assert "line-not-used" in codes(found)


@pytest.mark.parametrize(
    ("due", "status", "expected"),
    [
        ([0.2, 1.2], [200, 200], 0.0),
        ([0.2, 1.2, 1.4], [200, 503, 200], 0.2),
        ([0.2, 1.2], [200, 503], math.inf),
        ([0.2, 0.8], [200, 200], math.nan),
    ],
)
def test_what_nobody_saw_recover_has_no_time(due: list[float], status: list[int], expected: float) -> None:
    found = Disturbed(names=("weather",))
    latency = [0.01] * len(due)
    result = LoadResult(planned=len(due), scheduled_s=due, latency_s=latency, lag_s=latency, status=status)
    period = Period(name="cut", mode=LineMode.CUT, starts_s=0.5, ends_s=1.0)
    count_answers(found, result, Turn(names=("weather",), periods=[period]), stream="model", limit_s=1.0)
    settle([found], 1.0)
    assert found.slowest_s("model") == pytest.approx(expected, nan_ok=True)


def test_what_is_due_in_another_one_s_turn_tells_nothing_of_this_one() -> None:
    period = Period(name="cut", mode=LineMode.CUT, starts_s=0.5, ends_s=1.0)
    due, status = [0.7, 1.2, 2.7, 2.9], [200, 200, 503, 503]
    latency = [0.01] * len(due)
    result = LoadResult(planned=len(due), scheduled_s=due, latency_s=latency, lag_s=latency, status=status)
    found = Disturbed(names=("weather",))
    turn = Turn(names=("weather",), periods=[period], ends_s=2.0)
    count_answers(found, result, turn, stream="model", limit_s=1.0)
    settle([found], 1.0)
    assert (found.pooled("model").kept, found.pooled("model").due) == (1, 1)
    assert found.slowest_s("model") == 0.0


def windows(*ends_well: bool | None, each_s: float = 0.5) -> list[Disturbed]:
    """One place with a window for each; None for one in which nothing was due that tells anything."""
    found = Disturbed(names=("weather",))
    for at, well in enumerate(ends_well):
        window = Window(starts_s=at * 1.0, ends_s=at + each_s if at + 1 < len(ends_well) else math.inf)
        found.windows["warn", f"p{at}"] = window
        due = [] if well is None else [Due(due_s=at + 0.1, took_s=0.01, kept=True, normal=well)]
        look_after(found, "warn", window, due)
    return [found]


@pytest.mark.parametrize(
    ("ends_well", "allowed_s", "expected"),
    [
        ((True, True), 1.0, 0.0),
        ((False, True), 1.0, 1.0),
        ((False, True), 0.4, math.inf),
        ((False, True), 0.9, math.nan),
        ((False, False, True), 2.0, 2.0),
        ((False, False, True), 1.5, math.nan),
        ((False, True, True), 1.5, 1.0),
        ((True, False), 1.0, math.inf),
        ((False, None, False), 1.0, math.inf),
        ((True, None), 1.0, math.nan),
    ],
)
def test_a_rest_that_is_shorter_than_the_allowed_time_leaves_it_to_the_next_one(
    ends_well: tuple[bool | None, ...], allowed_s: float, expected: float
) -> None:
    found = windows(*ends_well)
    settle(found, allowed_s)
    assert found[0].slowest_s("warn") == pytest.approx(expected, nan_ok=True)
    assert unwell(found) == (["warn"] if ends_well[-1] is False else [])


def test_what_came_back_too_late_to_tell_after_which_disturbance_is_open_until_each_is_executed_by_itself() -> None:
    system = System.model_validate(declared("http://127.0.0.1:1", "http://127.0.0.1:2", 1))
    driven = Driven(before=(), model_before=None, judged_s=2.0)
    (found,) = windows(False, True)
    found.shares = {at: Share(kept=1, due=1) for at in found.windows}
    settle([found], 0.9)
    told = [(f.code, f.weight) for f in findings_of(system, driven, found)]
    assert (found.untold(), told) == ([("warn", "p0")], [("recovery-not-told", Weight.OPEN)])
    (alone,) = windows(True)
    settle([alone], 0.9)
    found.takes(replace(alone, unused=["weather"]))
    assert found.untold()
    found.unused.clear()
    found.takes(alone)
    assert (found.slowest_s("warn"), list(findings_of(system, driven, found))) == (0.0, [])
    (never,) = windows(False)
    settle([never], 0.9)
    found.takes(never)
    assert math.isinf(found.slowest_s("warn"))


def test_what_is_driven_on_after_the_last_disturbance_tells_when_it_was_well() -> None:
    found = windows(True, False)
    again = [Due(due_s=due, took_s=0.01, kept=True, normal=normal) for due, normal in ((2.5, False), (3.0, True))]
    look_after(found[0], "warn", found[0].windows["warn", "p1"], again)
    settle(found, 5.0)
    assert found[0].slowest_s("warn") == pytest.approx(1.5)
    assert not unwell(found)
    assert not found[0].stuck


def late(*, busy: bool) -> tuple[Driven, Disturbed, System]:
    """A flow whose records were all late while the weather was disturbed, and what a timer did meanwhile."""
    system = System.model_validate(declared("http://127.0.0.1:1", "http://127.0.0.1:2", 1))
    found = windows(True, True)[0]
    found.shares["warn", "cut"] = Share(kept=0, due=80)
    settle([found], 1.0)
    driven = Driven(before=(), model_before=None, disturbed=[found], late_s=0.5 if busy else 0.001, judged_s=2.0)
    return driven, found, system


@pytest.mark.parametrize(("busy", "code"), [(True, "machine-too-busy"), (False, "taken-down")])
def test_what_is_late_is_judged_only_where_a_timer_is_not_late_too(busy: bool, code: str) -> None:
    driven, found, system = late(busy=busy)
    found.recovered_s["warn", "cut"] = 0.0
    told = [f for f in findings_of(system, driven, found) if f.weight is not Weight.NOTE]
    assert [f.code for f in told] == [code]


@pytest.mark.parametrize("reached", [True, False])
def test_a_line_that_only_refuses_was_used_where_it_was_reached_before(reached: bool) -> None:
    via = unused_port()
    with Server(weather) as source:
        system = System.model_validate(declared("http://127.0.0.1:1", source.url, via))
        with RealTrial(system) as trial:
            trial.line("weather").counts()
            period = Period(name="refusing", mode=LineMode.REFUSED, starts_s=1.0, ends_s=1.2)
            with Disturbance(trial, trial.line("weather"), [period], slow_s=0.5) as disturbance:
                if reached:
                    connection = http.client.HTTPConnection("127.0.0.1", via, timeout=1.0)
                    connection.request("GET", "/observations")
                    connection.getresponse().read()
                    connection.close()
                time.sleep(1.5)
    assert disturbance.used is reached


def test_two_queues_of_one_broker_are_one_place_and_two_paths_of_one_gateway_are_not() -> None:
    made = declared("http://127.0.0.1:1", "http://127.0.0.1:2", 1)
    for number, vhost in enumerate(("", "/other")):
        made["integrations"][f"queue{number}"] = {
            "kind": "amqp",
            "test": {"url": f"amqp://me@broker{vhost}", "exchange": f"e{number}", "via": f"127.0.0.1:{number + 2}"},
        }
    made["integrations"]["tides"] = {
        "kind": "http",
        "test": {"url": "http://127.0.0.1:2", "read": "/tides", "via": "127.0.0.1:4"},
    }
    system = System.model_validate(made)
    assert places(system) == [("weather",), ("queue0", "queue1"), ("tides",)]
    told = {limit.measure for limit in CHECK.limits(system)}
    assert "number of records lost while queue0 and queue1 was disturbed" in told


def test_what_shares_a_line_is_disturbed_as_one_and_its_flows_are_not_taken_down_by_it() -> None:
    made = declared("http://127.0.0.1:1", "http://127.0.0.1:2", 1)
    weather_test = made["integrations"]["weather"]["test"]
    board = {"kind": "http", "direction": "out", "test": {**weather_test, "observe": "/board"}}
    made["integrations"]["board"] = board
    made["flows"][0]["out"] = "board"
    system = System.model_validate(made)
    assert places(system) == [("weather", "board")]
    told = {limit.measure for limit in CHECK.limits(system)}
    assert "number of records lost while weather and board was disturbed" in told
    assert not any(measure.startswith("share of warn") for measure in told), "it ends at the line that is disturbed"


@pytest.mark.parametrize("direction", ["in", "out"])
def test_what_the_system_reads_behind_the_gateway_of_its_own_entry_is_not_taken_for_its_own(direction: str) -> None:
    made = declared("http://127.0.0.1:1", "http://127.0.0.1:2", 1)
    url = "http://reader:word@localhost:1"
    made["integrations"]["tides"] = {"kind": "http", "direction": direction, "test": {"url": url, "read": "/tides"}}
    del made["integrations"]["weather"]
    system = System.model_validate(made)
    with RealTrial(system, files={"records.jsonl": RECORDS}) as trial:
        found = observed(CHECK, system, trial)
    expected = {"no-line"} if direction == "in" else {"no-lines"}
    assert codes(found) == expected
    assert judged(CHECK, system, found).outcome is Outcome.NOT_DETERMINED
