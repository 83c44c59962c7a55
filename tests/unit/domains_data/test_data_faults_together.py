"""Faults that come together, and faults at a pipeline's real entry: what guards see alone and miss in pairs."""

from __future__ import annotations

import json
import threading
import time
import urllib.request
from contextlib import suppress
from typing import Any

import pytest

from plants.guarded_model import INPUTS, Guarded, declared, rows
from plants.real_trial import RealTrial, judged, observed
from plants.server import Asked, Said, Server, said, unused_port
from seatrial.core.observation import Finding, Observation
from seatrial.core.ports import Prediction, Row
from seatrial.core.vocabulary import Outcome, Weight
from seatrial.domains.data.campaign import Case, Ending, Probe
from seatrial.domains.data.fault_entry import EntryCampaign, _echoes
from seatrial.domains.data.fault_kinds import Fault, Place, Stance, faults_of
from seatrial.domains.data.fault_pairs import pairs
from seatrial.domains.data.faults import CHECK
from seatrial.domains.legality import profile_of
from seatrial.spec.faults import FaultField
from seatrial.spec.model import InputField
from seatrial.spec.system import System

SEEN: list[Row] = [{"temp": 50.0 + at, "dewp": 40.5 + at, "dock": f"D{at % 3}"} for at in range(30)]
DECLARED = {
    "temp": {"type": "number", "unit": "degF"},
    "dewp": {"type": "number", "unit": "degF"},
    "dock": {"type": "string"},
}


def places() -> dict[str, Place]:
    return {
        name: Place(
            name=name,
            declared=InputField.model_validate(DECLARED[name]),
            profile=profile_of(SEEN, name),
            known=FaultField(),
            others=SEEN,
        )
        for name in DECLARED
    }


def made(sources: dict[str, str]) -> dict[str, Fault]:
    singles = [fault for place in places().values() for fault in faults_of(place)]
    return {fault.name: fault for fault in pairs(places(), singles, sources)}


def test_one_source_s_fields_go_wrong_together_and_another_s_do_not() -> None:
    together = made(dict.fromkeys(DECLARED, "weather"))
    assert together["temp: wrong-unit (°C for degF, with dewp)"].make({"temp": 50.0, "dewp": 41.0}, 0) == {
        "temp": 10.0,
        "dewp": 5.0,
    }
    assert together["temp: missing (with dewp, dock)"].make(SEEN[0], 0) == {}
    assert "dewp: null (with dock)" in together
    assert together["temp: wrong-unit (°C for degF, with dewp)"].stance is Stance.FEED
    apart = made({"temp": "weather", "dewp": "other", "dock": "erp"})
    assert apart == {}


def test_a_pair_of_which_only_one_field_can_have_the_fault_is_no_pair() -> None:
    fault = made(dict.fromkeys(DECLARED, "weather"))["temp: decimal-comma (with dewp)"]
    assert fault.make({"temp": 50.0, "dewp": 41.5}, 0) is None
    assert fault.make({"temp": 50.5, "dewp": 41.5}, 0) == {"temp": "50,5", "dewp": "41,5"}
    assert fault.places == ("temp", "dewp")


class Pipeline:
    """Takes records and passes a decision on. Sound as the model behind it, unless told otherwise.

    `fills` puts a usual value in the place of what is missing or no number, `loses` takes such a record and drops it,
    `breaks` answers 500, `hangs` passes nothing on ever after, `falls_back` passes it on by the schedule, `ignores`
    decides without the temperature. What it passes on it keeps, or posts to `hook`. It works the hour into what comes
    out, which is over after `turns_after`.
    """

    def __init__(self, how: str = "", *, both: bool = True, hook: str = "", turns_after: int = 10**9) -> None:
        self.turns_after = turns_after
        self.taken = 0
        self.how = how
        self.hook = hook
        self.both = both
        self.hung = False
        self.out: dict[str, dict[str, Any]] = {}
        self._guard = Guarded()
        self._lock = threading.Lock()

    def __call__(self, asked: Asked) -> Said:
        if asked.path == "/predict":
            return self._guard(asked)
        if asked.path == "/out":
            with self._lock:
                return said([self.out[v] for v in asked.query.get("value", []) if v in self.out])
        if asked.method == "GET":
            return said([])
        return self._take(asked.json())

    def _take(self, record: dict[str, Any]) -> Said:
        temp: Any = 20.0 if self.how == "ignores" else record.get("temp")
        weight: Any = record.get("weight", None if self.both else 900)
        good = [isinstance(v, int | float) and not isinstance(v, bool) for v in (temp, weight)]
        good += [good[0] and -30 <= temp <= 45, good[1] and 1 <= weight <= 2000 and weight == int(weight)]
        out = {"id": record["id"], "dock": record.get("dock"), "source": "model", "late": 0}
        if not all(good):
            if self.how == "":
                return said({"error": "temp or weight is not as declared"}, 422)
            if self.how == "breaks":
                return said({"error": "oops"}, 500)
            self.hung = self.how == "hangs"
            if self.how == "loses":
                return said({"taken": True}, 201)
            temp, weight = 20.0, 50
            out |= {"source": "schedule", "late": 2} if self.how == "falls_back" else {}
        if self.hung:
            return said({"taken": True}, 201)
        if self.how == "tells_nothing":
            out = {"id": record["id"], "temp": record["temp"], "at": time.time(), "taken": True}
        elif out["source"] == "model":
            out["late"] = int(temp > 25) + int(weight > 800)
        with self._lock:
            self.taken += 1
            if "late" in out:
                out["late"] += 10 * (self.taken > self.turns_after)
        with self._lock:
            self.out[str(record["id"])] = out
        if self.hook:
            headers = {"Content-Type": "application/json"}
            post = urllib.request.Request(self.hook, json.dumps(out).encode(), headers)
            with suppress(OSError), urllib.request.urlopen(post, timeout=2.0):
                pass
        return said({"taken": True}, 201)


def through(
    how: str, *, fields: tuple[str, ...] = ("temp", "weight"), hook: str = "", **changes: Any
) -> tuple[Observation, Outcome]:
    with Server(Pipeline(how, both="weight" in fields, hook=hook)) as server:
        plain = declared(server.url)
        test = {"url": server.url, "writable": True, "read": "/in", "write": "/in", "observe": "/out"}
        system = System.model_validate(
            {
                **plain,
                "model": {**plain["model"], "inputs": INPUTS},
                "integrations": {
                    "deliveries": {"kind": "http", "test": test, "feeds": list(fields)},
                    "planner": {"kind": "webhook", "direction": "out", "test": {"url": hook}}
                    if hook
                    else {"kind": "http", "direction": "out", "test": test},
                },
                "flows": [
                    {
                        "name": "warn",
                        "in": "deliveries",
                        "out": "planner",
                        "key": "id",
                        "within": "300ms",
                        "peak": "9/s",
                        "records": "records.jsonl",
                        "expect": {"dock": "dock"},
                        "fallback": {"source": "schedule"},
                        **changes,
                    }
                ],
            }
        )
        records = [{"id": f"d{at}", "temp": 15.5 + at % 20, "weight": 500 + 20 * at} for at in range(40)]
        kept = [{name: value for name, value in each.items() if name in ("id", *fields)} for each in records]
        lines = "".join(f"{json.dumps(each)}\n" for each in kept)
        with RealTrial(system, tables={"evaluation": rows(400)}, files={"records.jsonl": lines.encode()}) as trial:
            found = observed(CHECK, system, trial)
    return found, judged(CHECK, system, found).outcome


def entered(how: str, turns_after: int) -> Probe:
    """A missing temperature put in at the entry of such a pipeline."""
    flow = {"name": "warn", "in": "deliveries", "out": "planner", "key": "id", "within": "1s", "peak": "9/s"}
    with Server(Pipeline(how, turns_after=turns_after)) as server:
        test = {"url": server.url, "writable": True, "read": "/in", "write": "/in", "observe": "/out"}
        plain = declared(server.url)
        system = System.model_validate(
            {
                **plain,
                "integrations": {
                    "deliveries": {"kind": "http", "test": test},
                    "planner": {"kind": "http", "direction": "out", "test": test},
                },
                "flows": [{**flow, "records": "records.jsonl"}],
            }
        )
        records = [{"id": f"d{at}", "temp": 15.5 + at, "weight": 700 + 20 * at} for at in range(20)]
        lines = "".join(f"{json.dumps(each)}\n" for each in records)
        place = Place(
            name="temp",
            declared=InputField.model_validate(INPUTS["temp"]),
            profile=profile_of(rows(200), "temp"),
            known=FaultField(),
            others=rows(200),
        )
        fault = next(fault for fault in faults_of(place) if fault.kind == "missing")
        with RealTrial(system, files={"records.jsonl": lines.encode()}) as trial:
            campaign = EntryCampaign.begun(trial, system.flows[0], most=20, tolerance=0.05, texts=False)
            assert isinstance(campaign, EntryCampaign), campaign
            probe = campaign.probe(fault, {"temp": place})
    assert probe is not None
    return probe


@pytest.mark.parametrize("turns_after", [40, 50, 61, 10**9])
def test_an_hour_that_ends_between_records_at_the_entry_is_no_harm_and_hides_none(turns_after: int) -> None:
    assert not entered("ignores", turns_after).of(Ending.HARM)
    assert entered("fills", turns_after).of(Ending.HARM)


def at_the_entry(found: Observation) -> list[Finding]:
    return [f for f in found.findings if any(n.startswith("deliveries.") for n in f.fields) and f.weight is Weight.GAP]


@pytest.mark.slow
def test_an_entry_that_refuses_or_falls_back_openly_is_well() -> None:
    for how in ("", "falls_back"):
        found, outcome = through(how)
        assert at_the_entry(found) == [], how
        assert outcome is Outcome.MET, found.findings
        records = found.facts["records"]
        assert isinstance(records, int)
        assert records > 1000


@pytest.mark.slow
@pytest.mark.parametrize(("how", "code"), [("fills", "silent-harm"), ("loses", "silent-harm"), ("breaks", "crash")])
def test_what_an_entry_makes_harmless_looking_before_the_model_is_found(how: str, code: str) -> None:
    # What is lost is waited for each time.
    fields = ("temp",) if how == "loses" else ("temp", "weight")
    found, outcome = through(how, fields=fields, **({"within": "100ms"} if how == "loses" else {}))
    assert outcome is Outcome.NOT_MET
    findings = at_the_entry(found)
    assert {f.code for f in findings} == {code}
    assert {f"deliveries.{name}" for name in fields} <= {name for f in findings for name in f.fields}
    nulls = next(f for f in findings if "ull" in f.summary.split(" in ")[0] or "kinds" in f.detail)
    if how == "fills":
        assert "moves the answer from" in nulls.summary
    if how == "loses":
        assert "nothing came out" in nulls.summary


def test_a_fault_that_takes_the_pipeline_down_is_the_only_one_that_is_blamed() -> None:
    found, outcome = through("hangs")
    assert outcome is Outcome.NOT_MET
    (ended,) = at_the_entry(found)
    assert ended.code == "crash"
    assert "no clean record came out any more" in ended.summary
    (down,) = (f for f in found.findings if f.code == "entry-down")
    assert "were not tried" in down.summary


@pytest.mark.slow
def test_an_exit_that_keeps_no_history_is_listened_to_before_anything_is_put_in() -> None:
    found, outcome = through("", fields=("temp",), hook=f"http://127.0.0.1:{unused_port()}/out")
    assert "entry-not-tried" not in {f.code for f in found.findings}
    assert at_the_entry(found) == []
    assert outcome is Outcome.MET, found.findings


def test_an_entry_that_cannot_be_tried_stays_open() -> None:
    found, outcome = through("", records=None)
    assert outcome is not Outcome.MET
    assert "entry-not-tried" in {f.code for f in found.findings if f.weight is Weight.OPEN}


def test_an_exit_that_shows_nothing_of_the_answer_does_not_make_harm_look_handled() -> None:
    found, outcome = through("tells_nothing", fields=("temp",))
    assert "blind-exit" in {f.code for f in found.findings if f.weight is Weight.OPEN}
    assert outcome is Outcome.NOT_DETERMINED


def test_the_smallest_change_that_turns_the_decision_is_shown() -> None:
    with Server(Guarded(off=("temp",), ranges=False)) as server:
        system = System.model_validate(declared(server.url))
        with RealTrial(system, tables={"evaluation": rows(1200)}) as trial:
            found = observed(CHECK, system, trial)
    harms = [f for f in found.findings if f.code == "silent-harm"]
    assert harms
    assert all(f.detail["smallest"] for f in harms)
    bare = [f for f in found.findings if f.code == "unguarded-fields"]
    assert bare
    assert "temp" in bare[0].fields


@pytest.mark.parametrize(
    ("before", "after", "echo"),
    [
        (1, None, True),  # the alarm is shown as it was put in
        (1, 0, False),  # what comes out is neither what was put in nor nothing
        (True, None, False),  # true is no 1
        (7, None, False),  # it never showed the input
    ],
)
def test_only_a_field_that_shows_the_changed_input_is_passed_on(before: Any, after: Any, echo: bool) -> None:
    case = Case(
        clean={"alarm": 1, "temp": 20.5},
        faulty={"alarm": None, "temp": 20.5},
        answer=Prediction(prediction=1),
        guarded=True,
        unusual=False,
    )
    assert _echoes(case, before, after) is echo
