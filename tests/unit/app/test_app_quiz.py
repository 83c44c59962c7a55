"""Whose answers are whose: by key, one attempt after another with a pause, each on record."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from plants.planted_trial import PlantedClock
from plants.site_world import write_system
from seatrial.app.folder.ledgers import keystore, read_ledger
from seatrial.app.folder.workspace import Workspace, open_workspace
from seatrial.app.people.quiz import answer, attempts, own_key, questions_of
from seatrial.app.people.training import passes
from seatrial.core.errors import Refused
from seatrial.core.vocabulary import RecordType
from seatrial.domains.organization.questions import shown


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return replace(open_workspace(write_system(tmp_path / "asked", "asked")), clock=PlantedClock())


def _right(workspace: Workspace) -> list[int]:
    return [question.right for question in questions_of(workspace)]


def _wrong(workspace: Workspace) -> list[int]:
    return [(q.right + 1) % len(q.options) for q in questions_of(workspace)]


def _waits(workspace: Workspace, minutes: float) -> None:
    workspace.clock.sleep(60 * minutes)


def test_ones_own_key_answers_for_oneself_and_for_nobody_else(workspace: Workspace) -> None:
    with pytest.raises(Refused, match="nothing shows that u1"):
        answer(workspace, "u1", _right(workspace))
    with pytest.raises(Refused, match="nothing shows that u1"):
        answer(workspace, "u1", _right(workspace), signer=own_key(workspace, "u2"))
    with pytest.raises(Refused, match="not on the user list"):
        own_key(workspace, "nobody")
    assert answer(workspace, "u1", _right(workspace), signer=own_key(workspace, "u1")).passed
    assert set(passes(workspace)) == {"u1"}


def test_a_key_that_the_trust_root_does_not_know_answers_for_nobody(workspace: Workspace, tmp_path: Path) -> None:
    answer(workspace, "u1", _right(workspace), signer=own_key(workspace, "u1"))
    (tmp_path / "trust.json").write_bytes(keystore(workspace).trust().spell())
    pinned = replace(workspace, environment={**workspace.environment, "SEATRIAL_TRUST": str(tmp_path / "trust.json")})
    assert own_key(pinned, "u1").holder == "person:u1"
    with pytest.raises(Refused, match="does not know the key"):
        own_key(pinned, "u2")


def test_who_fails_waits_longer_each_time_and_every_attempt_is_kept(workspace: Workspace) -> None:
    key = own_key(workspace, "u1")
    assert attempts(workspace, "u1").again_at is None
    for minutes in (15, 30, 60):
        assert not answer(workspace, "u1", _wrong(workspace), signer=key).passed
        _waits(workspace, minutes - 1)
        with pytest.raises(Refused, match="may answer again at"):
            answer(workspace, "u1", _right(workspace), signer=key)
        assert answer(workspace, "u2", _right(workspace), signer=own_key(workspace, "u2")).passed, "others need not"
        _waits(workspace, 2)
    assert answer(workspace, "u1", _right(workspace), signer=key).passed
    assert attempts(workspace, "u1").made == 4
    assert attempts(workspace, "u1").again_at is None
    evidence = read_ledger(workspace, quick=False).evidence
    said = [e.record.body for e in evidence if e.record.type is RecordType.COMPREHENSION]
    assert sum(body["user"] == "u1" for body in said) == 4
    assert not any(e.problem for e in evidence)


def test_the_next_attempt_shows_the_same_options_in_another_order(workspace: Workspace) -> None:
    asked = questions_of(workspace)
    for question in asked:
        orders = [shown(question, "u1", attempt) for attempt in range(12)]
        assert all(sorted(order) == list(range(len(question.options))) for order in orders)
        assert orders[0] == tuple(range(len(question.options)))
        assert len(set(orders)) > 1
