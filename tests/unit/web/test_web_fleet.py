"""The fleet: what goes live next first, filters, what runs out, and what stands in the way of how many."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from plants.go_world import NOW, World, go_world
from plants.site_world import visiting
from seatrial.core.vocabulary import Answer


@pytest.fixture(autouse=True)
def _site(prepared: object) -> None:
    del prepared


def test_filters_and_the_order_follow_the_verdicts() -> None:
    from seatrial.web.glimpses import Glimpse, Seen
    from seatrial.web.models import Registered
    from seatrial.web.views.fleet import _FILTERS, _blocked, _soonest

    today = NOW.date()
    go, none = go_world().decided(), World().decided()
    assert go.verdict is Answer.GO

    def seen(slug: str, verdict: object, days: int | None) -> Seen:
        day = None if days is None else today + timedelta(days=days)
        assert isinstance(verdict, type(go))
        dated = replace(verdict, timeline=replace(verdict.timeline, planned_go_live=day))
        return Seen(system=Registered(slug=slug), verdict=Glimpse.of(dated))

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
    ends = [until for _, until in fleet[3].ending(today, 7)]
    assert ends == sorted(ends)
    blocked = dict(_blocked(fleet))
    assert blocked["Model"] == ["undated", "far"]


@pytest.fixture
def many() -> Iterator[Any]:
    """Somebody with a seat in 120 systems, whose files are gone."""
    from seatrial.web.models import Account, Membership, Registered

    account = Account(email="olga-many@example.com", name="Olga")
    account.set_password(None)
    account.save()
    systems = [Registered.objects.create(slug=f"many-{n:03}", path=f"/gone/{n}/seatrial.yaml") for n in range(120)]
    Membership.objects.bulk_create(Membership(account=account, system=each, person="olga") for each in systems)
    yield account
    Registered.objects.filter(slug__startswith="many-").delete()


def test_many_systems_stand_on_several_pages_and_are_counted_on_each(many: Any) -> None:
    somebody = visiting(many)
    found = []
    for number, (first, last) in enumerate([(1, 50), (51, 100), (101, 120)], start=1):
        page = somebody.get("/", {"show": "no-go", "page": number}).content.decode()
        assert f"Systems {first} to {last} of 120" in page
        assert re.findall(r"<strong>(\d+)</strong></a>", page)[:3] == ["120", "0", "120"], "all, GO and NO-GO"
        assert [int(n) for n in re.findall(r'href="\?show=no-go&amp;page=(\d)"', page)] == [1, 2, 3]
        found += re.findall(r'<h2><a href="/s/(many-\d+)/"', page)
    assert found == [f"many-{n:03}" for n in range(120)], "each once, in one order"
    assert "Systems 101 to 120 of 120" in somebody.get("/?page=99").content.decode()
    assert "Systems 1 to 50 of 120" in somebody.get("/?page=none").content.decode()
    assert "No system here: GO." in somebody.get("/?show=go&page=2").content.decode()
