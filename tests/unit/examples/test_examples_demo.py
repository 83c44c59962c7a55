"""The demonstration and its planted defects, with real services and real checks."""

from __future__ import annotations

import socket
from dataclasses import replace
from pathlib import Path

import pytest

from seatrial.app.demo import Demo, fresh_directory
from seatrial.app.folder.ledgers import read_ledger
from seatrial.app.planted import Planted, table
from seatrial.core.bodies import AttestationBody, ComprehensionBody
from seatrial.core.codec import from_data
from seatrial.core.errors import SeatrialError
from seatrial.core.events import CheckFinished, StageFinished, StageStarted
from seatrial.core.observation import Finding
from seatrial.core.vocabulary import Answer, Outcome, RecordType, Weight
from seatrial.domains.catalogue import CHECKS
from seatrial.examples.arrival_delay.defects import DEFECTS
from seatrial.examples.catalogue import EXAMPLES
from seatrial.gate.catalogue import by_id
from seatrial.gate.verdict import Assessment

AGREED = "model.adversarial"
"""What does not apply, as two of the personas agree."""


def outcomes(demo: Demo) -> dict[str, Assessment]:
    return {assessment.id: assessment for assessment in demo.verdict().requirements}


@pytest.fixture(scope="module")
def paperwork_only(ready: Path, tmp_path_factory: pytest.TempPathFactory) -> Demo:
    """A demonstration of which one cheap check was executed."""
    demo = Demo(tmp_path_factory.mktemp("demo") / "ready", ready=True, trained=ready)
    for _ in demo.events(("ownership.monitor",)):
        pass
    return demo


def test_each_demonstration_gets_its_own_directory(tmp_path: Path) -> None:
    assert fresh_directory(tmp_path) == tmp_path / "seatrial-demo"
    (tmp_path / "seatrial-demo").mkdir()
    assert fresh_directory(tmp_path) == tmp_path / "seatrial-demo-2"


@pytest.mark.slow
def test_two_personas_agree_after_the_run_on_what_does_not_apply(paperwork_only: Demo) -> None:
    found = outcomes(paperwork_only)[AGREED]
    assert found.outcome is Outcome.NOT_APPLICABLE
    assert "played by demo" in found.reason


def test_it_has_no_workspace_before_its_services_ran(tmp_path: Path) -> None:
    with pytest.raises(SeatrialError, match="has not begun"):
        Demo(tmp_path).verdict()


@pytest.mark.slow
def test_every_persona_signs_with_their_own_key_and_what_was_played_says_so(paperwork_only: Demo) -> None:
    reading = read_ledger(paperwork_only.workspace, quick=False)
    assert [e.problem for e in reading.evidence if e.problem] == []
    records = [e.record for e in reading.evidence]
    accepted = {str(r.body["duty"]): r.by for r in records if r.type is RecordType.ACCEPTANCE}
    assert accepted["owner"] == "person:olga"
    assert accepted["manager"] == "person:carl"
    assert len(accepted) == 13
    answers = [from_data(ComprehensionBody, r.body) for r in records if r.type is RecordType.COMPREHENSION]
    assert {a.played_by for a in answers} == {"demo"}
    assert len({a.user for a in answers}) == 12
    attested = [from_data(AttestationBody, r.body) for r in records if r.type is RecordType.ATTESTATION]
    assert all("played by demo" in a.statement for a in attested)


@pytest.mark.slow
def test_the_verdict_can_be_given_after_the_services_ended(paperwork_only: Demo) -> None:
    found = outcomes(paperwork_only)
    assert found["ownership.monitor"].outcome is Outcome.MET
    assert paperwork_only.verdict().verdict is Answer.NO_GO


@pytest.mark.slow
def test_it_can_be_left_at_any_moment_and_stops_what_it_started(ready: Path, tmp_path: Path) -> None:
    demo = Demo(tmp_path / "left", ready=True, trained=ready)
    events = demo.events()
    while not (isinstance(event := next(events), StageStarted) and event.stage == "paperwork"):
        pass
    address = demo.workspace.environment["ARRIVAL_MODEL"]
    host, _, port = address.removeprefix("http://").partition(":")
    with socket.create_connection((host, int(port)), timeout=5):
        pass
    events.close()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((host, int(port)), timeout=5)


def test_a_table_names_what_is_unexpected() -> None:
    lines = list(
        table([Planted(defect=DEFECTS["celsius"], gaps=()), Planted(defect=DEFECTS["permuted-rows"], gaps=())])
    )
    assert "`integration.format` | none **(unexpected)**" in lines[2]
    assert "unexpected" not in lines[3]


def gap(requirement: str, reason_code: str, outcome: Outcome, *findings: Finding) -> Assessment:
    row = by_id(requirement)
    return Assessment(
        id=row.id,
        domain=row.domain,
        question=row.question,
        outcome=outcome,
        assurance=None,
        demands=row.demands,
        reason="It is so.",
        reason_code=reason_code,
        findings=findings,
        reviewer=row.reviewer,
    )


def test_a_gap_because_a_server_was_away_has_not_found_the_defect() -> None:
    faults = Finding(code="silent-harm", summary="A null is answered.")
    away = gap("data.faults", "identity-unknown", Outcome.NOT_DETERMINED)
    beside = replace(away, findings=(replace(faults, weight=Weight.NOTE),))
    harm = gap("data.faults", "crash", Outcome.NOT_MET, faults)
    elsewhere = replace(harm, id="data.load")
    nulls = DEFECTS["weather-null-to-zero"]
    seen = [Planted(defect=nulls, gaps=(each,)) for each in (away, beside, harm, elsewhere)]
    assert [row.as_expected for row in seen] == [False, False, True, False]
    marks = [line.split(" | ")[2] for line in list(table(seen))[2:]]
    assert marks == [
        "`data.faults` **(by another cause)**",
        "`data.faults` **(by another cause)**",
        "`data.faults`",
        "`data.load` **(unexpected)**",
    ]


@pytest.mark.parametrize("example", EXAMPLES)
def test_every_defect_is_known_by_codes_of_its_requirement(example: str) -> None:
    of: dict[str, set[str]] = {}
    for check in CHECKS:
        of.setdefault(check.requirement, set()).update(check.codes)
    for defect in EXAMPLES[example].defects.values():
        if defect.requirement is None:
            assert defect.codes == ()
        else:
            assert defect.codes
            assert set(defect.codes) <= of[defect.requirement] | {"limit-missed", "insufficient", "no-owner"}, defect


@pytest.mark.slow
@pytest.mark.timed
def test_the_ready_variant_lacks_nothing_but_the_people_who_sign(ready: Path, tmp_path: Path) -> None:
    demo = Demo(tmp_path / "ready", ready=True, trained=ready)
    crashed = [e.problem for e in demo.events() if isinstance(e, StageFinished) and e.problem]
    assert crashed == []
    assert {name for name, a in outcomes(demo).items() if a.outcome is not Outcome.MET} == {AGREED}
    assert outcomes(demo)[AGREED].outcome is Outcome.NOT_APPLICABLE
    verdict = demo.verdict()
    assert verdict.rehearsal
    assert [gap.code for gap in verdict.gaps] == ["separation-of-duties"]


@pytest.mark.slow
@pytest.mark.timed
def test_the_pilot_has_its_honest_defects_and_no_other_gap(tmp_path: Path) -> None:
    demo = Demo(tmp_path / "pilot")
    checked = {e.requirement for e in demo.events() if isinstance(e, CheckFinished)}
    verdict = demo.verdict()
    assert verdict.verdict is Answer.NO_GO
    assert "owner" in verdict.sentence
    sound = {
        "data.freshness",
        "integration.contracts",
        "integration.versions",
        "ownership.retraining",
        "ownership.escalation-point",
    }
    assert {name for name in checked if outcomes(demo)[name].outcome is Outcome.MET} == sound
