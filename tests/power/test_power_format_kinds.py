"""Every kind of changed format over real data is found in a few worlds, and harmless look-alikes put no gap."""

from __future__ import annotations

import pytest

from plants.format_defects import DEFECTS, LOOK_ALIKES
from plants.format_worlds import MAILS
from power.format_table import alarms, in_world, summed, tasks, tried, weak


def test_there_are_enough_kinds_and_each_has_its_own_name() -> None:
    names = [defect.name for defect in DEFECTS]
    assert len(names) == len(set(names)) >= 25
    assert len({one.name for one in LOOK_ALIKES}) == len(LOOK_ALIKES)


@pytest.mark.parametrize("defect", DEFECTS, ids=lambda defect: defect.name)
def test_a_change_in_all_rows_is_found(defect: object) -> None:
    found = [seen for seed in (0, 2) if (seen := tried(defect, 1.0, seed)) is not None]  # type: ignore[arg-type]
    assert any(hit for hit, *_ in found), found


@pytest.mark.parametrize("one", LOOK_ALIKES, ids=lambda one: one.name)
def test_a_look_alike_puts_no_gap(one: object) -> None:
    assert alarms(one, 0) == []  # type: ignore[arg-type]


@pytest.mark.slow
def test_no_rate_over_more_worlds_contradicts_what_is_claimed() -> None:
    chosen = [task for task in tasks(5) if task[0] != MAILS or task[1] < 3]
    cells, harmless = summed(in_world(task) for task in chosen)
    assert weak(cells, harmless) == []
