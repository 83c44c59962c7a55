"""What a flow joined to its records is held against the source that holds it, however the pipeline does it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from plants.planted_trial import PlantedSource, PlantedTrial
from seatrial.core.observation import Json
from seatrial.core.ports import Row
from seatrial.core.vocabulary import Weight
from seatrial.domains.flows.driving import Passage
from seatrial.domains.flows.master_data import Masters, masters
from seatrial.domains.integration import combined_load, joined
from seatrial.domains.integration.joined_findings import CODES, findings
from seatrial.spec.system import System

CUSTOMERS: Sequence[Row] = [
    {
        "no": f"C{at:03}",
        "size": at % 7,
        "active": at % 3 == 0,
        "km": round(3.0 + at * 17.3 % 600, 1),
        "name": f"Möbel {at}",
    }
    for at in range(40)
]
KM = {str(row["no"]): float(str(row["km"])) for row in CUSTOMERS}
Out = Callable[[int, str], Any]


def system(*, may_rest: bool | None = None, read: str = "customers", maximum: float | None = None) -> System:
    flow = {"name": "plan", "in": "orders", "out": "planner", "key": "id", "within": "1s", "peak": "1/s"}
    end = {"url": "http://127.0.0.1:1"}
    age = [] if may_rest is None else [{"source": "customers", "at": "at", "at_most": "1h", "may_rest": may_rest}]
    return System.model_validate(
        {
            "system": "s",
            "version": "1",
            "model": {
                "endpoint": "http://127.0.0.1:1",
                "task": "regression",
                "inputs": {"distance": {"type": "number", "fed_by": "customers", "maximum": maximum}},
            },
            "data": {"freshness": age},
            "integrations": {
                "orders": {"kind": "http", "test": end},
                "planner": {"kind": "http", "direction": "out", "test": end},
                "customers": {"kind": "sqlite", "test": {"url": "sqlite:///x.db", "read": read}},
            },
            "flows": [{**flow, "fallback": {"source": "rule"}}],
        }
    )


def held(
    out: Out,
    declared: System | None = None,
    *,
    before: Masters | None = None,
    after: Sequence[Row] = CUSTOMERS,
    name: str = "distance",
    by: int = 40,
    puts_in: Out | None = None,
    **copied: Any,
) -> joined.Joins:
    declared = declared or system()
    trial = PlantedTrial()
    trial.sources["customers"] = PlantedSource(after)
    sent: list[dict[str, Json]] = [
        {"id": f"k{at}", "customer": f"C{at * 7 % by:03}", "pieces": at % 40} for at in range(200)
    ]
    for at, row in enumerate(sent):
        row.update({"distance": puts_in(at, str(row["customer"]))} if puts_in else {})
    told = {str(r["id"]): {"id": r["id"], name: out(at, str(r["customer"])), **copied} for at, r in enumerate(sent)}
    passage = Passage(
        flow=declared.flows[0],
        sent=sent,
        accepted=[True] * len(sent),
        scheduled_s=[0.0] * len(sent),
        after_s=[0.1] * len(sent),
        copies={key: [row] for key, row in told.items()},
        lag_s=[0.0] * len(sent),
        planned=len(sent),
        step_s=0.1,
    )
    before = before or Masters(rows={"customers": CUSTOMERS}, unread={})
    found = joined.compared(declared, trial, {"plan": passage}, before)
    codes = {f.code for f in findings(found)}
    assert codes <= set(CODES) <= set(combined_load.CHECK.codes)
    return found


def told(found: joined.Joins) -> list[tuple[str, Weight]]:
    return [(f.code, f.weight) for f in findings(found)]


GAP, OPEN = [("joined-another", Weight.GAP)], [("joined-in-part", Weight.OPEN)]
NOT_COMPARED = [("joins-not-compared", Weight.NOTE)]


@pytest.mark.parametrize(
    "out",
    [
        lambda _, c: KM["C008"] if c == "C007" else KM[c],
        lambda _, c: KM[c] / 1.609 if c < "C006" else KM[c],
        lambda at, c: KM[c] if at % 11 else KM[f"C{(at + 1) % 40:03}"],
        lambda at, c: str(KM[c]) if at % 11 else None,
    ],
    ids=["another customer's", "another unit for some", "another's now and then", "none"],
)
def test_a_value_that_the_source_does_not_hold_for_the_record_is_a_gap(out: Out) -> None:
    found = held(out)
    (one,) = found.found
    assert (one.column, one.by, one.compared) == ("km", "customer", 200)
    assert 0 < one.other < 40
    (finding,) = findings(found)
    assert finding.code == "joined-another"
    assert one.shown[0] in finding.summary


@pytest.mark.parametrize(
    "out",
    [lambda _, c: KM[c], lambda _, c: f"{KM[c]:.1f}", lambda _, c: round(KM[c], 3)],
    ids=["as it is", "as text", "a number"],
)
def test_what_the_source_holds_is_no_finding(out: Out) -> None:
    found = held(out)
    assert ([each.other for each in found.found], told(found)) == ([0], [])


@pytest.mark.parametrize(
    "out",
    [
        lambda _, c: KM[c] / 1.609 if c < "C012" else KM[c],
        lambda at, c: KM[c] if at % 5 < 2 else KM[f"C{(at + 1) % 40:03}"],
        lambda at, c: KM[c] if at % 3 else 0,
    ],
    ids=["another unit for many", "another's most of the time", "a default for many"],
)
def test_where_only_some_records_agree_somebody_has_to_say_whether_all_must(out: Out) -> None:
    assert told(held(out)) == OPEN


@pytest.mark.parametrize(
    ("out", "value"),
    [(lambda at, c: KM[c] if at % 11 else 0, "0"), (lambda _, c: min(KM[c], 500.0), "500.0")],
    ids=["a default", "a cap"],
)
def test_one_value_for_all_that_differ_is_asked_for_as_a_default_or_a_cap(out: Out, value: str) -> None:
    found = held(out)
    assert told(found) == OPEN
    assert [each.told for each in found.found] == [value]


def test_a_cap_that_is_declared_and_what_the_source_does_not_have_are_left_out() -> None:
    capped: Out = lambda _, c: min(KM[c], 500.0)  # noqa: E731 - one expression
    assert told(held(capped, system(maximum=500.0))) == []
    assert told(held(capped, system(maximum=600.0))) == OPEN
    lacking = Masters(
        rows={"customers": [{**row, "km": None} if str(row["no"]) < "C006" else row for row in CUSTOMERS]}, unread={}
    )
    default: Out = lambda _, c: 50.0 if c < "C006" else KM[c]  # noqa: E731 - one expression
    assert told(held(default, before=lacking, after=lacking.rows["customers"])) == []
    assert told(held(default)) == OPEN


def test_few_different_values_are_compared_as_well() -> None:
    size = {str(row["no"]): row["active"] for row in CUSTOMERS}
    other: Out = lambda at, c: size[c] if at % 15 else not size[c]  # noqa: E731 - one expression
    assert told(held(lambda _, c: size[c])) == []
    assert told(held(other)) == GAP
    assert told(held(lambda at, _: at % 7 < 3)) == NOT_COMPARED
    assert told(held(lambda at, _: at % 37 < 1)) == NOT_COMPARED


@pytest.mark.parametrize(
    "out", [lambda _, c: KM[c] / 1.609, lambda at, _: at, lambda _, c: len(c)], ids=["converted", "no join", "constant"]
)
def test_where_hardly_any_record_agrees_nothing_is_judged_and_that_is_told(out: Out) -> None:
    assert told(held(out)) == NOT_COMPARED


def test_what_could_not_be_compared_is_told_and_open_where_somebody_can_mend_it() -> None:
    wrong: Out = lambda _, c: 5.0 if c == "C007" else KM[c]  # noqa: E731 - one expression
    assert told(held(wrong, by=4)) == NOT_COMPARED
    assert told(held(wrong, system(read="SELECT * FROM customers"))) == NOT_COMPARED
    many = [*CUSTOMERS, *({**CUSTOMERS[0], "no": f"D{at}"} for at in range(10_000))]
    for after in (many, []):
        assert told(held(wrong, after=after)) == [("joins-not-compared", Weight.OPEN)]
        trial = PlantedTrial()
        trial.sources["customers"] = PlantedSource(after)
        assert told(held(wrong, before=masters(system(), trial))) == [("joins-not-compared", Weight.OPEN)]
    assert masters(system(), PlantedTrial()).unread.keys() == {"customers"}
    assert held(wrong, name="km") == joined.Joins()


def test_values_that_changed_meanwhile_and_sources_that_may_be_behind_are_left_out() -> None:
    changed = [{**row, "km": 1.0} if row["no"] == "C007" else row for row in CUSTOMERS]
    wrong: Out = lambda _, c: 5.0 if c == "C007" else KM[c]  # noqa: E731 - one expression
    assert [(each.other, each.compared) for each in held(wrong, after=changed).found] == [(0, 195)]
    touched = [{**row, "name": "moved"} for row in CUSTOMERS]
    assert [(each.other, each.compared) for each in held(wrong, after=touched).found] == [(5, 200)]
    assert told(held(wrong, system(may_rest=False))) == NOT_COMPARED
    assert held(wrong, system(may_rest=True)).found[0].other == 5


def test_what_the_records_hold_themselves_is_compared_where_the_pipeline_takes_it_from_its_source() -> None:
    old: Out = lambda at, c: KM[c] + at % 2  # noqa: E731 - one expression
    wrong: Out = lambda at, c: KM[c] if at % 15 else KM[f"C{(at + 1) % 40:03}"]  # noqa: E731 - one expression
    assert told(held(lambda _, c: KM[c], puts_in=old)) == []
    assert told(held(wrong, puts_in=old)) == GAP
    assert held(old, puts_in=old) == joined.Joins()


def test_what_a_fallback_answered_is_left_out() -> None:
    wrong: Out = lambda _, c: 5.0 if c == "C007" else KM[c]  # noqa: E731 - one expression
    assert held(wrong, source="model").found
    assert held(wrong, source="rule") == joined.Joins()
