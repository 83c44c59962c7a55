"""A check that supplements adds observed evidence: it can take GO away, and never carries a requirement by itself."""

from __future__ import annotations

from dataclasses import replace

import pytest

from plants.go_world import World, bad, go_world, good
from seatrial.core.observation import Observation
from seatrial.core.vocabulary import Answer, Assurance, Outcome
from seatrial.gate.catalogue import by_id
from seatrial.gate.deciding import decide
from seatrial.gate.verdict import Verdict

REQUIREMENT = "model.stress"
IMPORTED = f"{REQUIREMENT}.imported"


def world(*, main: Assurance = Assurance.EXECUTED, added: Observation | None) -> World:
    made = go_world()
    row = by_id(REQUIREMENT)
    checks = {**made.checks, REQUIREMENT: (REQUIREMENT, IMPORTED)}
    made = replace(made, checks=checks, versions={**made.versions, IMPORTED: 1})
    made = made.instead(REQUIREMENT, replace(good(row), assurance=main))
    return made if added is None else made.plus(made.observed(REQUIREMENT, added, check=IMPORTED))


def decided(made: World, *, supplements: bool = True) -> Verdict:
    named = frozenset({IMPORTED}) if supplements else frozenset[str]()
    return decide(replace(made.inputs(), supplements=named))


def seen(assurance: Assurance = Assurance.OBSERVED) -> Observation:
    return replace(good(by_id(REQUIREMENT)), assurance=assurance)


def test_observed_evidence_beside_executed_evidence_is_go_and_shown_as_observed() -> None:
    verdict = decided(world(added=seen()))
    assert verdict.verdict is Answer.GO
    assert next(a for a in verdict.requirements if a.id == REQUIREMENT).assurance is Assurance.OBSERVED


@pytest.mark.parametrize(
    ("made", "supplements"),
    [
        (world(added=None), True),
        (world(added=replace(bad(by_id(REQUIREMENT)), assurance=Assurance.OBSERVED)), True),
        (world(added=seen(Assurance.ATTESTED)), True),
        (world(added=seen()), False),
        (world(main=Assurance.OBSERVED, added=seen()), True),
        (world(main=Assurance.OBSERVED, added=seen(Assurance.EXECUTED)), True),
    ],
    ids=["never filed", "bad", "attested", "not a supplement", "main observed", "supplement alone executed"],
)
def test_a_supplement_never_makes_up_for_what_is_missing(made: World, supplements: bool) -> None:
    verdict = decided(made, supplements=supplements)
    assert verdict.verdict is Answer.NO_GO
    assert next(a for a in verdict.requirements if a.id == REQUIREMENT).outcome is not Outcome.MET
