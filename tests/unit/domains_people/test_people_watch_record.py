"""The third gate reads what the watch put on record for exactly this model, and believes nothing else."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from plants.go_world import system
from plants.planted_trial import NOW, PlantedTrial
from seatrial.core.bodies import EventBody
from seatrial.core.codec import to_data
from seatrial.core.observation import Json, Observation, Reason
from seatrial.core.record import Record
from seatrial.core.vocabulary import Assurance, RecordType
from seatrial.domains.governance.watch_record import CHECK, KIND
from seatrial.gate.judging import judge
from seatrial.spec.system import System

DAYS = 60


class Served:
    """A model of which only the identity is asked."""

    def identity(self) -> str:
        return "m1"


class Trial(PlantedTrial):
    @property
    def model(self) -> Any:
        return Served()


def account(**changes: Json) -> dict[str, Json]:
    """Sixty good days."""
    errors: Json = {
        "name": "errors",
        "rows": 9000,
        "loss": 0.05,
        "loss_at_most": 0.054,
        "limit": 0.08,
        "holds": True,
        "says": "errors 0.050, certainly 0.054 or less; the limit is 0.080",
    }
    return {
        "identity": "m1",
        "since": (NOW - timedelta(days=DAYS, hours=9)).isoformat(),
        "until": (NOW - timedelta(hours=9)).isoformat(),
        "days": DAYS,
        "days_watched": DAYS,
        "watched_share": 0.999,
        "longest_gap_s": 400.0,
        "answered": 3,
        "unanswered": 0,
        "mean_time_to_acknowledge_s": 240.0,
        "breaches": 0,
        "performance": [errors],
        **changes,
    }


def filed(detail: dict[str, Json], *, by: str = "worker:watch", kind: str = KIND) -> Record:
    body = to_data(EventBody(kind=kind, summary="s", revokes=False, detail=detail))
    assert isinstance(body, dict)
    return Record(
        type=RecordType.EVENT, id=str(detail["until"]), system="arrival-delay", at=NOW, by=by, depends={}, body=body
    )


def declared(days: int = DAYS) -> System:
    made = system()
    return made.model_copy(update={"policy": made.policy.model_copy(update={"watched_days": days})})


def looked(*records: Record, days: int = DAYS) -> tuple[str, Observation | Reason]:
    """What the gate makes of it, and what was seen."""
    about = declared(days)
    seen = CHECK.run(about, Trial(records=records))
    if isinstance(seen, Reason):
        return seen.code, seen
    limits = {t.measure: t for t in CHECK.limits(about)}
    return judge(seen, limits).outcome.value, seen


def test_sixty_good_days_are_met_as_observed() -> None:
    outcome, seen = looked(filed(account()))
    assert outcome == "MET"
    assert isinstance(seen, Observation)
    assert (seen.assurance, seen.findings) == (Assurance.OBSERVED, ())


@pytest.mark.parametrize(
    ("harm", "code", "outcome"),
    [
        ({"days_watched": 59}, "watched-too-briefly", "NOT_MET"),
        ({"watched_share": 0.9}, "watched-with-gaps", "NOT_MET"),
        ({"unanswered": 1}, "page-unanswered", "NOT_MET"),
        ({"breaches": 1}, "limit-broken", "NOT_MET"),
        ({"performance": []}, "performance-unknown", "NOT_DETERMINED"),
        ({"until": (NOW - timedelta(days=4)).isoformat()}, "watch-record-old", "NOT_DETERMINED"),
        ({"until": (NOW + timedelta(days=4)).isoformat()}, "watch-record-old", "NOT_DETERMINED"),
    ],
)
def test_each_harm_is_a_gap_of_its_own(harm: dict[str, Json], code: str, outcome: str) -> None:
    found, seen = looked(filed(account(**harm)))
    assert isinstance(seen, Observation)
    assert [f.code for f in seen.findings] == [code]
    assert found == outcome
    assert all(f.remedy for f in seen.findings)


@pytest.mark.parametrize("change", [{"loss_at_most": 0.081}, {"loss_at_most": None, "loss": None}])
def test_performance_counts_by_its_bound(change: dict[str, Json]) -> None:
    told = account()["performance"]
    assert isinstance(told, list)
    errors = told[0]
    assert isinstance(errors, dict)
    outcome, _ = looked(filed(account(performance=[{**errors, **change}])))
    assert outcome != "MET"


@pytest.mark.parametrize(
    "record",
    [
        filed(account(), by="person:olga"),
        filed(account(identity="m2")),
        filed(account(), kind="watch-alarm"),
    ],
    ids=["by hand", "another model", "another event"],
)
def test_what_is_no_record_of_this_model_by_a_watch_establishes_nothing(record: Record) -> None:
    assert looked(record)[0] == "no-watch-record"
    assert looked()[0] == "no-watch-record"


@pytest.mark.parametrize(
    "broken",
    [{"days_watched": "60"}, {"watched_share": float("nan")}, {"until": "yesterday"}, {"performance": "good"}],
)
def test_a_record_that_does_not_hold_what_it_must_is_not_read_kindly(broken: dict[str, Json]) -> None:
    assert looked(filed(account(**broken)))[0] == "watch-record-unreadable"
    short = account()
    del short["breaches"]
    assert looked(filed(short))[0] == "watch-record-unreadable"


def test_the_newest_record_decides_even_where_an_older_one_was_better() -> None:
    good = replace(filed(account()), id="old", at=NOW - timedelta(days=1))
    assert looked(good, filed(account(unanswered=2)))[0] == "NOT_MET"
    assert looked(filed(account(unanswered=2)), good)[0] == "MET"


def test_a_critical_system_needs_ninety_days() -> None:
    assert looked(filed(account()), days=90)[0] == "NOT_MET"
