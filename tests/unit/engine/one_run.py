"""A run in a process of its own, for the tests that interrupt or kill it: `one_run.py CHANGED NAME GRACE`.

Says each event in a line on standard output, and its process group's members are whoever it started.
"""

from __future__ import annotations

import json
import sys
from functools import partial

from seatrial.app.folder.clock import SystemClock
from seatrial.core.codec import to_data
from seatrial.engine.nursery import Nursery
from seatrial.engine.plan import Plan, Work
from seatrial.engine.run import Kept, Resources, run


def main() -> None:
    changed, name, grace = sys.argv[1:]
    checks = tuple(
        Work(
            id=f"data.{n}",
            title=n,
            requirement=f"data.{n}",
            entry=f"misbehaving:{n}",
            arguments={"changed": changed},
            grace_s=float(grace),
            budget_s=600,
        )
        for n in ("sound", name, "returns_nothing")
    )
    events = run(
        Plan(run="r1", system="arrival-delay", seed=7, checks=checks),
        keep=lambda finished: Kept(record=finished.work.id, result=finished.result),
        clock=SystemClock(),
        open_nursery=partial(Nursery, preload=("misbehaving",)),
        resources=Resources(parallel=1),
    )
    for event in events:
        sys.stdout.write(json.dumps([type(event).__name__, to_data(event)]) + "\n")
        sys.stdout.flush()


main()
