"""Plans from the schedule alone, as people do when the system is off: one row of a sheet per item done.

A script works through the planners' sheet at a steady pace: it shows that the procedure leads
to a plan, not how fast a person is.
"""

from __future__ import annotations

import csv
import heapq
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from seatrial.examples.by_hand import work_through

DOCKS = 12
UNLOADING_MINUTES = 40
DELIVERIES_PER_PERSON = 4
FEWEST_PEOPLE = 2

Delivery = Mapping[str, str]


def docks(schedule: Sequence[Delivery]) -> Iterator[tuple[str, str]]:
    """Each delivery on the dock that is free first, at its scheduled time or when that dock is free."""
    free = [(0, dock) for dock in range(1, DOCKS + 1)]
    heapq.heapify(free)
    for delivery in sorted(schedule, key=lambda d: int(d["sched_dep"])):
        clock = int(delivery["sched_dep"])
        since, dock = heapq.heappop(free)
        start = max(since, clock // 100 * 60 + clock % 100)
        heapq.heappush(free, (start + UNLOADING_MINUTES, dock))
        item = delivery["delivery_id"]
        yield item, f"planned {item} at {start // 60 % 24:02}:{start % 60:02} on dock {dock}"


def yard(schedule: Sequence[Delivery]) -> Iterator[tuple[str, str]]:
    """People for each hour of the day, from the number of deliveries scheduled in it."""
    due = Counter(int(delivery["sched_dep"]) // 100 for delivery in schedule)
    for hour in range(24):
        people = max(FEWEST_PEOPLE, -(-due[hour] // DELIVERIES_PER_PERSON))
        yield f"{hour:02}:00", f"staffed {hour:02}:00 with {people} people"


def main() -> int:
    """`python -m seatrial.examples.arrival_delay.by_hand docks|yard SCHEDULE.csv SHEET.csv`."""
    plans = {"docks": docks, "yard": yard}
    with Path(sys.argv[2]).open(encoding="utf-8", newline="") as handle:
        schedule = list(csv.DictReader(handle))
    if not schedule:
        sys.stderr.write("the schedule is empty: there is nothing to plan\n")
        return 1
    work_through(list(plans[sys.argv[1]](schedule)), Path(sys.argv[3]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
