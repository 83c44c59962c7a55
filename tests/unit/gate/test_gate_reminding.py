"""What people are reminded of, and when."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

from plants.go_world import NOW, World, go_world, system
from seatrial.gate.reminding import reminders
from seatrial.gate.timeline import Promise, replanned


def test_evidence_is_reminded_of_in_the_last_part_of_its_lease_and_once_for_each_record() -> None:
    fresh = go_world().decided()
    assert reminders(fresh, system(), {}) == ()
    ends = {a.id: a.valid_until for a in fresh.requirements}
    until = ends["model.out-of-sample"]
    assert until is not None
    late = replace(go_world(), now=until - timedelta(hours=20), probed_at=until - timedelta(hours=21)).decided()
    told = reminders(late, system(), {})
    assert {r.key for r in told} >= {f"lease model.out-of-sample {until.isoformat()}"}
    assert all("data.load" not in r.key for r in told), "a long lease is far from its end"
    assert {r.person for r in told if "out-of-sample" in r.key} == {"amir"}


def test_promises_and_the_review_are_said_to_whom_they_concern() -> None:
    declared = system().model_copy(update={"go_live": NOW.date() + timedelta(days=45)})
    verdict = replace(World(), system=declared).decided()
    promised = {"data.load": Promise(owner="sven", due=verdict.timeline.today + timedelta(days=3))}
    told = reminders(replanned(verdict, declared, promised), declared, promised)
    due = [r for r in told if r.key.startswith("due")]
    assert [(r.person, "data.load" in r.text) for r in due] == [("sven", True)]
    far = {"data.load": Promise(owner="sven", due=date(2030, 1, 1))}
    assert not [r for r in reminders(replanned(verdict, declared, far), declared, far) if r.key.startswith("due")]
    held = replace(verdict, timeline=replace(verdict.timeline, review_from=verdict.timeline.today + timedelta(days=6)))
    review = [r for r in reminders(held, declared, {}) if r.key.startswith("review")]
    assert {r.person for r in review} == {g.owner for g in verdict.gaps if g.owner}
    assert not [r for r in reminders(verdict, declared, {}) if r.key.startswith("late")]
