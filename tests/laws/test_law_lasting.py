"""The law of how long a verdict stays as it is: no question that the gate asks of the time turns before that moment."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta, tzinfo
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plants.go_world import NOW, World, go_world
from seatrial.core.bodies import WaiverBody
from seatrial.core.codec import to_data
from seatrial.core.vocabulary import RecordType
from seatrial.gate import lasting
from seatrial.gate.deciding import decide
from seatrial.gate.lasting import lasts_until
from seatrial.spec.policy import Policy

GO_WORLD = go_world()
A_MOMENT = timedelta(microseconds=1)


class Span(timedelta):
    """How long ago something is, seen from a time that is asked about."""

    asked: Asked
    since: datetime

    def __ge__(self, other: timedelta) -> bool:
        self.asked.turns.append(self.since + other)
        return super().__ge__(other)


class Asked(datetime):
    """A time that keeps at which moments the answers turn that it was asked for."""

    turns: list[datetime]

    @staticmethod
    def at(moment: datetime) -> Asked:
        made = Asked.combine(moment.date(), moment.timetz())
        made.turns = []
        return made

    def _against(self, other: datetime) -> None:
        self.turns.append(other)

    def __lt__(self, other: Any) -> bool:
        self._against(other)
        return super().__lt__(other)

    def __le__(self, other: Any) -> bool:
        self._against(other + A_MOMENT)
        return super().__le__(other)

    def __gt__(self, other: Any) -> bool:
        self._against(other + A_MOMENT)
        return super().__gt__(other)

    def __ge__(self, other: Any) -> bool:
        self._against(other)
        return super().__ge__(other)

    def __add__(self, span: timedelta) -> Any:
        # Only asked for how far the clocks of two machines may be apart.
        return datetime.combine(super().date(), self.timetz()) + span

    def __sub__(self, other: Any) -> Any:
        if isinstance(other, timedelta):
            return datetime.combine(super().date(), self.timetz()) - other
        plain = datetime.combine(super().date(), self.timetz()) - other
        span = Span(days=plain.days, seconds=plain.seconds, microseconds=plain.microseconds)
        span.asked, span.since = self, other
        return span

    def date(self) -> Any:
        self.turns.append(datetime.combine(super().date() + timedelta(days=1), time.min, UTC))
        return super().date()

    def astimezone(self, tz: tzinfo | None = None) -> Any:
        return datetime.combine(super().date(), self.timetz()).astimezone(tz)


def turns(world: World) -> list[datetime]:
    """The moments after now at which an answer turns that `decide` asked the time for."""
    now = Asked.at(world.now)
    decide(replace(world.inputs(), now=now))
    return sorted(moment for moment in now.turns if moment > world.now)


@st.composite
def some_world(draw: st.DrawFn) -> World:
    """The GO world later or earlier, with leases of other lengths, without some records, and with a waiver."""
    later = draw(st.timedeltas(min_value=timedelta(0), max_value=timedelta(days=200)))
    world = replace(GO_WORLD, now=NOW + later, probed_at=draw(st.sampled_from([None, NOW, NOW + later])))
    if draw(st.booleans()):
        hours = draw(st.integers(1, 900))
        world = replace(world, policy=Policy(leases={"data.load": f"{hours}h", "data.freshness": f"{hours + 7}h"}))
    if draw(st.booleans()):
        world = world.without(draw(st.sampled_from(["model.threshold", "ownership.monitor", "governance.offline"])))
    if draw(st.booleans()):
        world = waived(world, NOW + draw(st.timedeltas(min_value=timedelta(0), max_value=timedelta(days=300))))
    return world


def waived(world: World, until: datetime) -> World:
    body = WaiverBody(
        requirement="data.load", reason="r", requested_by="olga", approved_by="sven", expires_at=until, control="c"
    )
    data: Any = to_data(body)
    pattern = world.evidence[0]
    record = replace(pattern.record, type=RecordType.WAIVER, id="waiver", by="person:sven", body=data)
    return world.plus(replace(pattern, record=record, digest="f" * 64))


@settings(max_examples=25, deadline=None)
@given(world=some_world())
def test_no_answer_turns_before_the_moment_that_is_named(world: World) -> None:
    until = lasts_until(world.inputs())
    assert all(moment >= until for moment in turns(world))
    if until > world.now:
        last = replace(world, now=until - A_MOMENT)
        assert replace(last.decided(), decided_at=world.now) == world.decided()


def test_a_verdict_holds_until_the_next_lease_ends_and_not_longer() -> None:
    soon = replace(GO_WORLD, policy=Policy(leases={"data.load": "49h"}))
    assert lasts_until(soon.inputs()) == NOW + timedelta(hours=1)
    assert lasts_until(GO_WORLD.inputs()) == datetime.combine(NOW.date() + timedelta(days=1), time.min, UTC)


def test_with_a_record_or_a_probe_in_the_future_nothing_holds() -> None:
    early = replace(GO_WORLD, now=NOW - timedelta(days=30))
    assert lasts_until(early.inputs()) == early.now
    probed = replace(GO_WORLD, probed_at=NOW + timedelta(seconds=1))
    assert lasts_until(probed.inputs()) == NOW


def test_a_waiver_ends_what_holds() -> None:
    ends = NOW + timedelta(hours=2)
    assert lasts_until(waived(GO_WORLD, ends).inputs()) == ends


@pytest.mark.parametrize(
    ("left_out", "planted", "world"),
    [
        ("_midnight", lambda _: NOW + timedelta(days=999), GO_WORLD),
        ("_lease_ends", lambda _: (), replace(GO_WORLD, policy=Policy(leases={"data.load": "49h"}))),
        ("IDENTITY_HOLDS", timedelta(days=999), replace(GO_WORLD, probed_at=NOW - timedelta(hours=23))),
    ],
)
def test_the_law_sees_each_question_that_is_forgotten(
    monkeypatch: pytest.MonkeyPatch, left_out: str, planted: Any, world: World
) -> None:
    monkeypatch.setattr(lasting, left_out, planted)
    until = lasts_until(world.inputs())
    assert any(moment < until for moment in turns(world))
