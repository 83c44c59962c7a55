"""No drill begins outside of its windows or on what it may not touch, whoever starts it; none begins twice."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plants.planted_trial import PlantedTrial
from seatrial.app.drilling.history import DrillStanding, Held
from seatrial.app.drilling.schedule import DRAWN, slot_at
from seatrial.core.errors import Refused, SeatrialError
from seatrial.core.observation import Json
from seatrial.core.ports import StepResult
from seatrial.core.vocabulary import Outcome
from seatrial.domains.governance import rollback
from seatrial.domains.ownership import pipeline_alert
from seatrial.spec.drills import DrillPlan, Drills
from seatrial.spec.system import System

ZONES = ("UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata", "Pacific/Apia")
DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
CHANGES = (
    datetime(2026, 3, 29, 1, tzinfo=UTC),
    datetime(2026, 10, 25, 1, tzinfo=UTC),
    datetime(2026, 3, 8, 7, tzinfo=UTC),
    datetime(2026, 11, 1, 6, tzinfo=UTC),
    datetime(2026, 4, 4, 15, tzinfo=UTC),
    datetime(2026, 10, 3, 15, 30, tzinfo=UTC),
)
"""When clocks are put back or forward in those zones."""


@st.composite
def windows(draw: st.DrawFn) -> tuple[str, int, int, frozenset[int]]:
    days = draw(st.sets(st.sampled_from(range(7)), min_size=1))
    starts = draw(st.integers(0, 24 * 60 - 1))
    length = draw(st.integers(1, 24 * 60 - 1))
    ends = (starts + length) % (24 * 60)
    named = "daily" if len(days) == 7 else ",".join(DAYS[day] for day in sorted(days))
    text = f"{named} {starts // 60:02}:{starts % 60:02}-{ends // 60:02}:{ends % 60:02}"
    return text, starts, length, frozenset(days)


moments = st.one_of(
    st.datetimes(datetime(2026, 1, 1), datetime(2027, 1, 1)).map(lambda t: t.replace(tzinfo=UTC)),  # noqa: DTZ001
    st.tuples(st.sampled_from(CHANGES), st.integers(-12 * 3600, 12 * 3600)).map(
        lambda p: p[0] + timedelta(seconds=p[1])
    ),
)


def within(at: datetime, zone: str, starts: int, length: int, days: frozenset[int]) -> bool:
    """What a person sees who looks at the clock on the wall: the minutes since each of the last days' beginnings."""
    wall = at.astimezone(ZoneInfo(zone)).replace(tzinfo=None, second=0, microsecond=0)
    for back in (0, 1):
        day = (wall - timedelta(days=back)).replace(hour=0, minute=0)
        into = (wall - day) // timedelta(minutes=1)
        if day.weekday() in days and starts <= into < starts + length:
            return True
    return False


WAY = b"""
procedure: back
before: [{name: now, kind: http, with: {url: "http://model.example:8800/version"}, deadline: 1s}]
steps: [{name: change, kind: http, with: {url: "http://model.example:8800/activate", method: POST}, deadline: 1s}]
target: [{name: there, kind: http, with: {url: "http://model.example:8800/version"}, deadline: 1s}]
"""


def system(**drills: object) -> System:
    return System.model_validate(
        {
            "system": "works",
            "version": "1",
            "people": {"ivo": {"name": "Ivo", "page": "webhook+http://pager.example/ivo"}},
            "duties": {"pipeline-alert": {"who": "ivo", "acknowledge_within": "5m"}},
            "model": {"task": "binary", "endpoint": "http://model.example:8800/predict"},
            "rollback": {"procedure": "back.yaml", "within": "1h"},
            "drills": drills,
        }
    )


def trial_at(at: datetime) -> PlantedTrial:
    trial = PlantedTrial(files={"back.yaml": WAY}, parts={"duty.pipeline-alert": "d"}, answers={"ivo": 1.0})
    trial.clock.time = at

    def does(_: str, settings: Mapping[str, Json]) -> StepResult:
        return StepResult(ok=True, duration_s=0.01, output=str(settings["url"]))

    trial.hands.does = does
    return trial


@given(window=windows(), zone=st.sampled_from(ZONES), at=moments)
@settings(max_examples=80, deadline=None)
def test_a_drill_touches_nothing_outside_of_its_windows(
    window: tuple[str, int, int, frozenset[int]], zone: str, at: datetime
) -> None:
    text, starts, length, days = window
    declared = system(time_zone=zone, rollback={"windows": [text]}, page={"windows": [text]})
    inside = within(at, zone, starts, length, days)
    trial = trial_at(at)
    for check in (rollback.CHECK, pipeline_alert.CHECK):
        with suppress(Refused):
            check.run(declared, trial)
    if not inside:
        assert (trial.hands.ran, trial.people.sent) == ([], [])
    else:
        assert trial.people.sent == ["ivo"]


@given(
    window=windows(), zone=st.sampled_from(ZONES), at=moments, ago=st.integers(0, 40 * 24), share=st.floats(0.0, 0.999)
)
@settings(max_examples=60, deadline=None)
def test_what_begins_by_itself_begins_in_its_windows_and_not_twice_in_one(
    window: tuple[str, int, int, frozenset[int]], zone: str, at: datetime, ago: int, share: float
) -> None:
    text, starts, length, days = window
    for kind in ("rollback", "page"):
        declared = system(time_zone=zone, **{kind: {"every": "14d", "windows": [text]}})
        opening = declared.drills.opening(kind)
        assert opening is not None
        last = held(kind, at - timedelta(hours=ago))
        slot = slot_at(declared, kind, opening, [last], at, draw=lambda _: share) if opening.is_open(at) else None
        if slot is not None:
            assert within(at, zone, starts, length, days)
            assert ago >= (7 if kind in DRAWN else 14) * 24
            again = held(kind, at)
            later = at + timedelta(minutes=3)
            if opening.is_open(later):
                assert slot_at(declared, kind, opening, [again], later, draw=lambda _: share) is None


def held(kind: str, at: datetime) -> Held:
    return Held(kind=kind, requirement=kind, at=at, outcome=Outcome.MET, said="")


def test_an_unannounced_page_comes_once_at_a_drawn_time_that_moves_from_one_to_the_next() -> None:
    declared = system(time_zone="Europe/Berlin", page={"every": "14d", "windows": ["daily 22:00-06:00"]})
    opening = declared.drills.opening("page")
    assert opening is not None
    last = datetime(2026, 10, 10, 23, 17, tzinfo=UTC)
    times = []
    for _ in range(3):
        at, slots = last + timedelta(days=6), set()
        while at < last + timedelta(days=15):
            at += timedelta(minutes=9)
            if opening.is_open(at):
                slot = slot_at(declared, "page", opening, [held("page", last)], at, draw=drawn)
                slots |= {slot} if slot else set()
                if slot:
                    break
        assert len(slots) == 1
        assert timedelta(days=6) < at - last <= timedelta(days=14, hours=8)
        times.append(at)
        last = at
    assert len({(t.hour, t.minute) for t in times}) >= 3


def drawn(text: str) -> float:
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") / 2**64


@pytest.mark.parametrize(
    ("on", "allowed"),
    [
        (["model.example:8800"], True),
        (["model.example"], True),
        (["other.example"], False),
        (["model.example:8801"], False),
        ([], False),
    ],
)
def test_a_drill_touches_only_what_it_may(on: list[str], allowed: bool) -> None:
    trial = trial_at(datetime(2026, 11, 27, 12, tzinfo=UTC))
    declared = system(rollback={"on": on})
    if allowed:
        rollback.CHECK.run(declared, trial)
        assert trial.hands.ran
        return
    with pytest.raises(Refused, match=r"would touch model\.example:8800"):
        rollback.CHECK.run(declared, trial)
    assert trial.hands.ran == []


def test_a_window_that_closes_too_soon_lets_no_drill_begin() -> None:
    at = datetime(2026, 11, 27, 11, 59, 58, tzinfo=UTC)
    trial = trial_at(at)
    with pytest.raises(Refused, match="closes in 2 s"):
        rollback.CHECK.run(system(rollback={"windows": ["Fri 10:00-12:00"]}), trial)
    assert trial.hands.ran == []


@pytest.mark.parametrize(
    "wrong",
    [{"time_zone": "Europe/Berlon"}, {"rollback": {"every": "30d"}}, {"page": {"windows": ["Sun 2-4"]}}],
)
def test_a_plan_that_cannot_be_is_an_error_of_the_file(wrong: dict[str, object]) -> None:
    with pytest.raises((SeatrialError, ValueError), match="expected"):
        system(**wrong)


def test_an_empty_plan_binds_nothing() -> None:
    assert Drills().opening("rollback") is None
    assert DrillPlan().on is None


def test_what_a_kind_of_drill_tells_is_what_its_state_comes_from() -> None:
    day = datetime(2026, 11, 1, tzinfo=UTC)

    def standing(*outcomes: tuple[str, Outcome]) -> DrillStanding:
        drills = [
            Held(kind="escalation", requirement=name, at=day + timedelta(days=n), outcome=outcome, said=f"{n}")
            for n, (name, outcome) in enumerate(outcomes)
        ]
        return DrillStanding(
            kind="escalation",
            who="",
            held=tuple(drills),
            due_at=day,
            closed="",
            windows=(),
            time_zone="UTC",
            every_s=None,
            trend="",
            state="",
        )

    telling = standing(("report", Outcome.NOT_MET), ("call", Outcome.MET)).telling
    assert telling is not None
    assert telling.said == "0"
    telling = standing(("report", Outcome.NOT_MET), ("call", Outcome.MET), ("report", Outcome.MET)).telling
    assert telling is not None
    assert telling.said == "2"
    assert standing().telling is None
