"""Each planted defect puts a gap on its requirement, each harmless change puts none; real services and real checks."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import pytest

from seatrial.app.demo import Demo
from seatrial.app.planted import tells
from seatrial.core.events import CheckFinished
from seatrial.core.vocabulary import Outcome
from seatrial.examples.arrival_delay.defects import DEFECTS
from seatrial.gate.verdict import Assessment

pytestmark = pytest.mark.slow

READ = (
    "data.faults",
    "model.out-of-sample",
    "model.threshold",
    "model.failure-modes",
    "model.trust",
    "integration.format",
)
"""What looks at the rows that a harmless change touches, except what asks the model about thousands of others."""
WAITED_FOR = ("data.faults", "data.load", "model.threshold", "integration.combined-load")
"""What waits for the model's answers."""
BY_THE_CLOCK = frozenset(
    {
        "data.load",
        "data.interruption",
        "data.schema-change",
        "governance.rollback",
        "governance.fallback",
        "governance.offline-thresholds",
        "ownership.pipeline-alert",
    }
)
"""Where how long something takes, or for how long it is watched, is part of what is judged."""
SLOWER = "slower-within-limit"


def timed(names: Iterable[str]) -> Sequence[object]:
    """The defects as parameters, those that are judged by the clock marked to run alone."""
    marked = []
    for name in names:
        alone = name == SLOWER or DEFECTS[name].requirement in BY_THE_CLOCK
        marked.append(pytest.param(name, marks=pytest.mark.timed if alone else ()))
    return marked


def outcomes(demo: Demo) -> dict[str, Assessment]:
    return {assessment.id: assessment for assessment in demo.verdict().requirements}


@pytest.mark.parametrize("name", timed(name for name, each in DEFECTS.items() if each.requirement is not None))
def test_a_defect_alone_puts_a_gap_on_its_requirement(name: str, ready: Path, tmp_path: Path) -> None:
    requirement = DEFECTS[name].requirement
    assert requirement is not None
    demo = Demo(tmp_path / name, ready=True, defect=name, trained=ready)
    for _ in demo.events((requirement,)):
        pass
    found = outcomes(demo)[requirement]
    assert found.outcome is Outcome.NOT_MET, found.reason
    assert tells(DEFECTS[name], found), f"by another cause: {found.reason_code}: {found.reason}"


@pytest.mark.parametrize("name", timed(name for name, each in DEFECTS.items() if each.requirement is None))
def test_a_harmless_change_puts_a_gap_nowhere(name: str, ready: Path, tmp_path: Path) -> None:
    demo = Demo(tmp_path / name, ready=True, defect=name, trained=ready)
    only = WAITED_FOR if name == SLOWER else READ
    checked = {e.requirement for e in demo.events(only) if isinstance(e, CheckFinished)}
    assert len(checked) >= len(only)
    found = outcomes(demo)
    assert {n: found[n].reason for n in checked if found[n].outcome is not Outcome.MET} == {}
