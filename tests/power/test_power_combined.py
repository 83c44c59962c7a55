"""Flows end to end: what is lost, doubled, altered, late or refused is found and counted; a sound pipeline passes."""

from __future__ import annotations

import json
import math
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from plants.pipeline_server import Pipeline, declared, delivery
from plants.real_trial import RealTrial, codes, judged, observed
from plants.server import Said, Server
from seatrial.core.observation import Observation
from seatrial.core.vocabulary import Criticality, Outcome, Weight
from seatrial.domains.flows.fallbacks import FellBack, findings, measures
from seatrial.domains.integration.combined_load import CHECK
from seatrial.gate.judging import Judgement
from seatrial.spec.policy import short_demo
from seatrial.spec.system import System

pytestmark = pytest.mark.timed

RECORDS = "".join(f"{json.dumps(delivery(at))}\n" for at in range(30)).encode()


def driven(
    pipeline: Pipeline, *, seed: int = 7, lasts_s: float = 4.0, records: bytes = RECORDS, **changes: Any
) -> tuple[Observation, Judgement]:
    policy = short_demo(Criticality.OPERATIONAL).model_copy(update={"flow_duration": lasts_s})
    with Server(pipeline) as server:
        system = System.model_validate(declared(server.url, **changes)).model_copy(update={"policy": policy})
        with RealTrial(system, files={"records.jsonl": records}, seed=seed) as trial:
            observation = observed(CHECK, system, trial)
    return observation, judged(CHECK, system, observation)


def counted(observation: Observation, what: str) -> float:
    (measure,) = (m for m in observation.measures if m.name == f"number of records of warn {what}")
    return measure.value if measure.value is not None else math.nan


def ordered(**order: str) -> list[dict[str, Any]]:
    """The flow, where the order of its records matters."""
    return [{**flow, "order": order} for flow in declared("http://127.0.0.1:1")["flows"]]


def test_a_sound_pipeline_passes_even_if_it_spells_times_its_own_way() -> None:
    observation, judgement = driven(Pipeline(respells=True, slow_s=0.1), flows=ordered(by="place"))
    assert judgement.outcome is Outcome.MET, judgement
    (figure,) = observation.figures
    assert sum(int(str(row["records"])) for row in figure.rows) == observation.measures[0].n


@pytest.mark.slow
@pytest.mark.parametrize(
    ("pipeline", "code", "what"),
    [
        (Pipeline(lose=50), "records-lost", "lost"),
        (Pipeline(twice=50), "records-doubled", "doubled"),
        (Pipeline(twice=50, twice_after_s=0.8), "records-doubled", "doubled"),
        (Pipeline(alter=50), "records-altered", "altered"),
    ],
    ids=["lost", "doubled", "doubled later", "altered"],
)
def test_every_record_that_goes_astray_is_counted(pipeline: Pipeline, code: str, what: str) -> None:
    observation, judgement = driven(pipeline)
    assert judgement.outcome is Outcome.NOT_MET
    assert code in codes(observation)
    assert counted(observation, what) == pytest.approx(observation.measures[0].n / 50, abs=2)


@pytest.mark.parametrize(
    ("reads", "outcome"), [("utf-8", Outcome.MET), ("latin-1", Outcome.NOT_MET)], ids=["as sent", "as another encoding"]
)
def test_letters_beyond_ascii_arrive_as_they_were_sent(reads: str, outcome: Outcome) -> None:
    records = "".join(f"{json.dumps({**delivery(at), 'carrier': 'Müller & Søn'})}\n" for at in range(30)).encode()
    (flow,) = declared("http://127.0.0.1:1")["flows"]
    flow["expect"] = {**flow["expect"], "carrier": "carrier"}
    observation, judgement = driven(Pipeline(reads=reads), records=records, flows=[flow])
    assert judgement.outcome is outcome, judgement
    assert ("records-altered" in codes(observation)) is (outcome is Outcome.NOT_MET)


@pytest.mark.slow
def test_records_that_newer_ones_overtake_are_a_gap_where_their_order_matters() -> None:
    observation, judgement = driven(Pipeline(hold=40), flows=ordered(by="place", per="dock"))
    assert judgement.outcome is Outcome.NOT_MET
    (finding,) = (f for f in observation.findings if f.code == "records-out-of-order")
    assert "of the same dock" in finding.summary
    n = observation.measures[0].n
    assert counted(observation, "overtaken by later ones") == pytest.approx(n / 40, abs=2)
    states = {str(row["state"]): row["records"] for row in observation.figures[0].rows}
    assert states["out of order"] == counted(observation, "overtaken by later ones")
    assert counted(observation, "lost") == 0


@pytest.mark.slow
def test_records_that_arrive_after_their_time_are_late_and_not_lost() -> None:
    observation, judgement = driven(Pipeline(slow_s=1.6))
    assert judgement.outcome is Outcome.NOT_MET
    assert "records-late" in codes(observation)
    assert counted(observation, "lost") == 0


@pytest.mark.slow
def test_a_lock_that_one_flow_alone_hardly_feels_makes_records_late() -> None:
    observation, judgement = driven(Pipeline(lock_s=0.02))
    assert judgement.outcome is Outcome.NOT_MET
    assert "records-late" in codes(observation)


@pytest.mark.slow
def test_what_the_entry_does_not_take_is_not_delivered() -> None:
    observation, judgement = driven(Pipeline(refuse=10))
    assert judgement.outcome is Outcome.NOT_MET
    assert "records-refused" in codes(observation)
    assert counted(observation, "lost") == 0


def with_ends(url: str, **changes: Any) -> dict[str, Any]:
    """Both ends in production, in a window that is open now, unless told otherwise."""
    now = datetime.now(UTC)
    integrations = declared(url)["integrations"]
    production = {
        "writable": True,
        "window": f"daily {now - timedelta(hours=1):%H:%M}-{now + timedelta(hours=3):%H:%M}",
        "approved_by": "ivo",
        "remove": "/taken-back",
        **changes,
    }
    return {
        name: {**{k: v for k, v in told.items() if k != "test"}, "production": {**told["test"], **production}}
        for name, told in integrations.items()
    }


def in_production(pipeline: Pipeline, **changes: Any) -> tuple[Observation, Judgement]:
    policy = short_demo(Criticality.OPERATIONAL).model_copy(update={"flow_duration": 4.0})
    with Server(pipeline) as server:
        plain = declared(server.url, integrations=with_ends(server.url, **changes))
        system = System.model_validate(plain).model_copy(update={"policy": policy})
        with RealTrial(system, files={"records.jsonl": RECORDS}) as trial:
            observation = observed(CHECK, system, trial)
    return observation, judged(CHECK, system, observation)


@pytest.mark.slow
def test_without_a_staging_system_an_open_window_of_production_is_used_and_left_as_it_was() -> None:
    pipeline = Pipeline()
    observation, judgement = in_production(pipeline)
    assert judgement.outcome is Outcome.MET, (judgement, observation.findings)
    assert pipeline.out == {}
    assert "taken away again" in observation.done


@pytest.mark.slow
def test_records_that_production_does_not_give_back_are_a_gap_with_their_keys() -> None:
    pipeline = Pipeline(keeps=True)
    observation, judgement = in_production(pipeline)
    assert judgement.outcome is Outcome.NOT_MET
    assert codes(observation) == {"records-not-removed"}
    assert all(finding.weight is Weight.GAP and "seatrial-" in finding.remedy for finding in observation.findings)


@pytest.mark.slow
def test_a_production_entry_that_fails_is_not_pressed_further_and_is_given_back() -> None:
    pipeline = Pipeline(refuse=2)
    observation, judgement = in_production(pipeline)
    assert judgement.outcome is Outcome.NOT_DETERMINED
    assert codes(observation) == {"stopped-in-production"}
    assert pipeline.taken < 60
    assert pipeline.out == {}


def test_outside_its_window_nothing_is_put_into_production_and_the_next_opening_is_told() -> None:
    closed = f"{datetime.now(UTC) + timedelta(days=2):%a} 02:00-04:00"
    pipeline = Pipeline()
    observation, judgement = in_production(pipeline, window=closed)
    assert judgement.outcome is Outcome.NOT_DETERMINED
    assert codes(observation) == {"outside-window"}
    assert "02:00 UTC" in observation.findings[0].remedy
    assert pipeline.taken == 0


@pytest.mark.parametrize("missing", ["window", "approved_by", "remove"])
def test_production_without_all_that_a_window_needs_is_never_written_to(missing: str) -> None:
    pipeline = Pipeline()
    observation, judgement = in_production(pipeline, **{missing: None})
    assert judgement.outcome is Outcome.NOT_DETERMINED
    assert codes(observation) == {"not-writable", "not-observable"}
    assert "window" in observation.findings[0].remedy
    assert pipeline.taken == 0


@pytest.mark.slow
def test_records_at_a_test_end_that_says_how_are_taken_away_again() -> None:
    pipeline = Pipeline()
    with Server(pipeline) as server:
        integrations = {
            name: {**told, "test": {**told["test"], "remove": "/taken-back"}}
            for name, told in declared(server.url)["integrations"].items()
        }
        policy = short_demo(Criticality.OPERATIONAL).model_copy(update={"flow_duration": 3.0})
        plain = declared(server.url, integrations=integrations)
        system = System.model_validate(plain).model_copy(update={"policy": policy})
        with RealTrial(system, files={"records.jsonl": RECORDS}) as trial:
            observation = observed(CHECK, system, trial)
    assert pipeline.taken > 100
    assert pipeline.out == {}
    told = observation.facts["test records afterwards"]
    assert isinstance(told, list)
    assert {entry["state"] for entry in told} == {"removed; 0 seen afterwards"}


RULE = {"fallback": {"by": "rule"}}


class Falling(Pipeline):
    """What comes out says who answered: the rule for the dock `rule_for`, and for all above `busy_above` a second."""

    def __init__(self, *, busy_above: float = math.inf, rule_for: str = "", **faults: Any) -> None:
        super().__init__(**faults)
        self.busy_above, self.rule_for = busy_above, rule_for
        self.came: list[float] = []

    def _take(self, record: dict[str, Any]) -> Said:
        now = time.monotonic()
        self.came = [at for at in self.came if now - at < 0.5] + [now]
        busy = len(self.came) / 0.5 > self.busy_above
        by_rule = busy or record["dock"] == self.rule_for
        return super()._take({**record, "by": "rule" if by_rule else "model"})


def fallen(pipeline: Pipeline) -> tuple[list[str], Outcome]:
    flow = {**declared("http://x")["flows"][0], **RULE, "peak": "200/s"}
    observation, judgement = driven(pipeline, lasts_s=2.0, flows=[flow])
    return [f.code for f in observation.findings], judgement.outcome


@pytest.mark.slow
def test_a_pipeline_that_answers_by_its_fallback_as_soon_as_it_is_busy_is_not_met() -> None:
    assert fallen(Falling(busy_above=120.0)) == (["fell-back-at-peak"], Outcome.NOT_MET)


@pytest.mark.slow
def test_records_that_a_rule_holds_back_at_rest_too_may_come_from_the_fallback() -> None:
    assert fallen(Falling(rule_for="B")) == ([], Outcome.MET)


@pytest.mark.slow
def test_records_that_come_a_second_time_only_after_the_peak_are_doubled() -> None:
    found, outcome = fallen(Falling(rule_for="B", twice=50, twice_after_s=6.0))
    assert found == ["records-doubled"]
    assert outcome is not Outcome.MET


@pytest.mark.parametrize(
    ("found", "codes_", "caused"),
    [
        (FellBack(flow="warn", n=400), [], 0.0),
        (FellBack(flow="warn", n=400, fell=100, again=100, beside=30), [], 0.0),
        (FellBack(flow="warn", n=400, fell=100, again=50, answered=25, beside=30), ["fell-back-at-peak"], 0.125),
        (FellBack(flow="warn", n=400, fell=400, again=300), ["only-the-fallback"], 0.0),
        (FellBack(flow="warn", n=400, fell=398, again=300, beside=2), ["only-the-fallback"], 0.0),
        (FellBack(flow="warn", n=400, fell=300, again=300, beside=30), [], 0.0),
        (FellBack(flow="warn", n=400, fell=100, again=100, beside=30, stuck=30), ["still-falls-back"], 0.0),
        (FellBack(flow="warn", n=400, fell=100), [], None),
        (FellBack(flow="warn", n=0), [], None),
    ],
    ids=["none", "rule", "busy", "always", "nearly always", "mostly", "open breaker", "not tried again", "no records"],
)
def test_what_fell_back_is_told_by_what_becomes_of_it_at_rest(
    found: FellBack, codes_: list[str], caused: float | None
) -> None:
    policy = short_demo(Criticality.OPERATIONAL)
    (measure,) = measures(policy, [found])
    assert [f.code for f in findings(policy, [found])] == codes_
    assert measure.value == caused
    assert (measure.upper is None) == (caused is None)
