"""The watch over real flights with the real model: a stable stream pages nobody, a feed that breaks pages at once."""

from __future__ import annotations

import pytest

from plants import flights_year


@pytest.mark.slow
def test_ninety_days_whose_deliveries_are_any_of_the_year_page_nobody() -> None:
    rows = flights_year.exchangeable()[: 90 * flights_year.A_DAY]
    raised = flights_year.replay(rows, flights_year.reference(range(1, 13)))
    assert [each for each in raised if each.level != "look"] == []


@pytest.mark.slow
def test_a_month_in_which_the_feed_knows_no_weather_is_noticed_and_the_month_before_is_not() -> None:
    rows = [row for row in flights_year.drawn()[0] if row["scheduled_at"].month in (10, 11)]
    raised = flights_year.replay(rows, flights_year.reference(range(9, 13)), change=flights_year.zeroed((11,)))
    pages = {(each.month, each.monitor) for each in raised if each.level == "page"}
    assert (11, "inputs.contract") in pages
    assert {month for month, _ in pages} == {11}
