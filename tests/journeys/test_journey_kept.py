"""What is kept beside the record, and its erasure: by those who may, on record, and the record still verifies."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from command_line import called, seatrial

from plants.planted_trial import PlantedClock
from plants.site_world import write_system
from seatrial.adapters.store.artifacts import ArtifactFolder
from seatrial.app.folder.ledgers import keystore, open_ledger, read_ledger, record
from seatrial.app.folder.workspace import Workspace, open_workspace
from seatrial.app.people.erasing import chosen, kept
from seatrial.app.people.quiz import answer, own_key, questions_of
from seatrial.core.bodies import ObservationBody
from seatrial.core.observation import Observation
from seatrial.core.vocabulary import RecordType


@pytest.fixture(scope="module")
def answered(tmp_path_factory: pytest.TempPathFactory) -> Path:
    workspace = open_workspace(write_system(tmp_path_factory.mktemp("answered") / "kept", "kept"))
    right = [question.right for question in questions_of(workspace)]
    for user in ("u1", "u2"):
        answer(workspace, user, right, signer=own_key(workspace, user))
    return workspace.base


@pytest.fixture
def folder(answered: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(answered, tmp_path / "kept"))


def of(folder: Path, user: str) -> str:
    found: Sequence[dict[str, str]] = called("artifacts", "--json", cwd=folder).json
    return next(each["digest"] for each in found if each["person"] == user)


def test_a_users_answers_are_erased_on_record_and_everything_still_verifies(folder: Path, tmp_path: Path) -> None:
    digest, other = of(folder, "u1"), of(folder, "u2")
    told = called("artifacts", cwd=folder)
    assert digest[:16] in told.out
    assert "comprehension" in told.out
    why = ("--reason", "u1 asked for it", "--as", "lena", "--yes")
    assert called("erase", "--person", "u1", *why, cwd=folder).out.endswith("1 erased, on record\n")
    assert ArtifactFolder(folder / ".seatrial" / "artifacts").get(digest) is None
    assert ArtifactFolder(folder / ".seatrial" / "artifacts").get(other) is not None
    said = read_ledger(open_workspace(folder), quick=False).of(RecordType.ERASURE)
    assert [each.record.body for each in said] == [{"artifact": digest, "person": "lena", "reason": "u1 asked for it"}]
    bundle = tmp_path / "bundle"
    assert called("export", bundle, "--artifacts", cwd=folder).code == 0
    assert called("verify", bundle, cwd=folder).code == 0
    assert called("erase", "--person", "u1", *why, cwd=folder).out == "nothing of this is kept\n"


def test_an_artifact_that_vanishes_without_a_record_does_not_verify(folder: Path, tmp_path: Path) -> None:
    digest = of(folder, "u1")
    (folder / ".seatrial" / "artifacts" / digest[:2] / digest[2:]).unlink()
    assert called("export", tmp_path / "bundle", "--artifacts", cwd=folder).code == 0
    assert called("verify", tmp_path / "bundle", cwd=folder).code == 1


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        (("--person", "u1", "--as", "ivo", "--reason", "tidy", "--yes"), "neither answers for the system nor"),
        (("--person", "u1", "--as", "lena", "--yes"), "a reason is required"),
        (("--artifact", "0123456789", "--as", "lena", "--reason", "x", "--yes"), "names no artifact"),
        (("--as", "lena", "--reason", "x", "--yes"), "say what is to go"),
        (("--older-than", "400", "--as", "lena", "--reason", "x", "--yes"), "with its unit"),
        (("--person", "u1", "--reason", "x"), "name yourself"),
    ],
)
def test_what_is_not_erased_says_why_and_is_still_there(folder: Path, asked: tuple[str, ...], told: str) -> None:
    ended = called("erase", *asked, cwd=folder)
    assert ended.code != 0
    assert told in ended.err
    assert len(kept(open_workspace(folder))) == 2
    assert not read_ledger(open_workspace(folder), quick=False).of(RecordType.ERASURE)


def test_nothing_goes_unless_it_is_confirmed(folder: Path) -> None:
    ended = seatrial("erase", "--person", "u1", "--as", "lena", "--reason", "u1 asked for it", cwd=folder)
    assert "Erase 1 for good?" in ended.err
    assert len(kept(open_workspace(folder))) == 2


def test_by_age_nothing_goes_that_the_newest_evidence_rests_on(folder: Path) -> None:
    workspace = replace(open_workspace(folder), clock=PlantedClock())
    workspace.clock.sleep(timedelta(days=4000).total_seconds())
    store = ArtifactFolder(folder / ".seatrial" / "artifacts")
    old, new = (store.put(rows, media_type="application/json") for rows in (b'["before"]', b'["now"]'))
    for digest in (old, new):
        _observed(workspace, digest)
        workspace.clock.sleep(timedelta(days=100).total_seconds())
    assert {each.digest: each.in_use for each in kept(workspace) if not each.person} == {old: False, new: True}
    aged = chosen(workspace, older_than=timedelta(days=50))
    assert old in {each.digest for each in aged}
    assert new not in {each.digest for each in aged}
    assert [each.digest for each in chosen(workspace, digests=[new[:12]])] == [new]


def _observed(workspace: Workspace, artifact: str) -> None:
    body = ObservationBody(
        requirement="model.stress",
        check="stress",
        check_version=1,
        product="0",
        run="r",
        seed=1,
        started_at=workspace.clock.now(),
        duration_s=1.0,
        observation=Observation(done="looked", artifacts={"examples": artifact}),
    )
    with open_ledger(workspace) as ledger:
        record(ledger, keystore(workspace).worker(), workspace, RecordType.OBSERVATION, body)
