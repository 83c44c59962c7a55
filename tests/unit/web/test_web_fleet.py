"""The fleet: what goes live next first, filters, what runs out, and what stands in the way of how many."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from plants.go_world import NOW, World, go_world
from seatrial.core.vocabulary import Answer


@pytest.fixture(autouse=True)
def _site(prepared: object) -> None:
    del prepared


def test_filters_and_the_order_follow_the_verdicts() -> None:
    from seatrial.web.fleet import Seen
    from seatrial.web.models import Registered
    from seatrial.web.views.fleet import _FILTERS, _blocked, _ending, _soonest

    today = NOW.date()
    go, none = go_world().decided(), World().decided()
    assert go.verdict is Answer.GO

    def seen(slug: str, verdict: object, days: int | None) -> Seen:
        day = None if days is None else today + timedelta(days=days)
        assert isinstance(verdict, type(go))
        dated = replace(verdict, timeline=replace(verdict.timeline, planned_go_live=day))
        return Seen(system=Registered(slug=slug), verdict=dated)

    fleet = [
        seen("undated", none, None),
        seen("far", none, 90),
        seen("passed", go, -10),
        seen("next", go, 5),
        Seen(system=Registered(slug="broken"), verdict=None, problem="the file is gone"),
    ]
    order = [s.system.slug for s in sorted(fleet, key=lambda s: _soonest(s, today))]
    assert order == ["next", "far", "broken", "undated", "passed"]
    shown = {key: [s.system.slug for s in fleet if holds(s, today)] for key, (_, holds) in _FILTERS.items()}
    assert shown["go"] == ["passed", "next"]
    assert shown["no-go"] == ["undated", "far", "broken"], "what cannot be told is no GO"
    assert shown["soon"] == ["next"]
    assert set(shown["ending"]) == {"passed", "next"}, "the catalogue's leases of seven days"
    ends = [until for _, until in _ending(fleet[3], today)]
    assert ends == sorted(ends)
    blocked = dict(_blocked(fleet))
    assert blocked["Model"] == ["undated", "far"]
