"""A model replaced under the version it had is another subject; one whose answers vary is known by its version."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from plants.server import Asked, Said, Server, said
from plants.tiny_system import SECRET, plant, steady
from seatrial.app.deciding.deciding import inputs_of, served_now
from seatrial.app.folder.answers import ROWS
from seatrial.app.folder.ledgers import read_ledger
from seatrial.app.folder.probing import probe, record_probe
from seatrial.app.folder.subject import MODEL, Identities, digest_files, identities_on_record, subject
from seatrial.app.folder.workspace import Workspace, open_workspace
from seatrial.core.records import Records
from seatrial.gate.binding import depends
from seatrial.gate.catalogue import by_id
from seatrial.gate.standing import subject_objection


class Replaceable:
    """Tells one version always. `shift` is added to its scores, `noise` is how far they vary; `rows` counts them."""

    def __init__(self) -> None:
        self.shift = self.noise = 0.0
        self.broken = False
        self.rows = 0

    def __call__(self, asked: Asked) -> Said:
        if asked.path == "/version":
            return steady(asked)
        rows = asked.json()["rows"]
        self.rows += len(rows)
        if self.broken:
            return said({"error": "out of memory"}, 500)
        scores = [0.2 + row["wind"] / 100 + self.shift + random.uniform(0, self.noise) for row in rows]
        return said({"predictions": [{"label": int(s >= 0.5), "probability": s} for s in scores]})


@pytest.fixture
def model() -> Replaceable:
    return Replaceable()


@pytest.fixture
def workspace(model: Replaceable, tmp_path: Path) -> Iterator[Workspace]:
    with Server(model) as server:
        yield open_workspace(plant(tmp_path / "system", server.url), environment={"MODEL_KEY": SECRET})


def on_record(workspace: Workspace) -> Records:
    return read_ledger(workspace, quick=True).evidence


def at_the_gate(workspace: Workspace) -> Identities:
    return served_now(workspace, identities_on_record(on_record(workspace)))


def part(workspace: Workspace, identities: Identities) -> str:
    return subject(workspace, digest_files(workspace), identities).parts[MODEL]


def test_the_same_model_stays_what_it_is_at_the_cost_of_few_rows(workspace: Workspace, model: Replaceable) -> None:
    tried = record_probe(workspace)
    assert model.rows == 2 * ROWS
    model.shift = 1e-6
    assert part(workspace, at_the_gate(workspace)) == part(workspace, tried)
    assert record_probe(workspace).found == tried.found
    assert model.rows == 4 * ROWS
    assert tried.found == tried.versions


def test_another_model_under_the_same_version_is_another_subject_until_it_is_tried(
    workspace: Workspace, model: Replaceable
) -> None:
    tried = record_probe(workspace)
    model.shift = 0.01
    now = at_the_gate(workspace)
    assert part(workspace, now) != part(workspace, tried)
    assert now.versions == tried.versions
    anew = record_probe(workspace)
    assert anew.found == now.found
    assert at_the_gate(workspace).found == anew.found
    model.shift = 0.0
    assert at_the_gate(workspace).found == tried.found
    assert record_probe(workspace).found == tried.found


def test_what_was_seen_of_the_other_model_is_void_and_the_gate_says_why(
    workspace: Workspace, model: Replaceable
) -> None:
    tried = record_probe(workspace)
    requirement = by_id("model.threshold")
    rests_on = depends(requirement, workspace.system, subject(workspace, digest_files(workspace), tried).parts)
    seen = on_record(workspace)[-1]
    seen = replace(seen, record=replace(seen.record, depends=rests_on))
    model.shift = 0.01
    now = at_the_gate(workspace)
    reading = read_ledger(workspace, quick=True)
    inputs = inputs_of(
        workspace, reading.evidence, reading.state, about=subject(workspace, digest_files(workspace), now)
    )
    objection = subject_objection(seen, requirement.rests_on, replace(inputs, remarks=now.remarks))
    assert objection is not None
    assert "answers differently than when it was tried" in objection.text


def test_a_model_whose_answers_vary_is_known_by_its_version_alone_and_the_verdict_says_so(
    workspace: Workspace, model: Replaceable
) -> None:
    model.noise = 0.2
    tried = record_probe(workspace)
    assert at_the_gate(workspace).found == tried.found
    reading = read_ledger(workspace, quick=True)
    assert "known by the version" in inputs_of(workspace, reading.evidence, reading.state).notes[0]
    assert model.rows == 2 * ROWS


def test_a_model_that_does_not_answer_is_what_it_was(workspace: Workspace, model: Replaceable) -> None:
    tried = record_probe(workspace)
    model.broken = True
    assert at_the_gate(workspace).found == tried.found
    model.rows = 0
    assert probe(workspace).found == tried.found
    assert model.rows <= ROWS


@pytest.mark.parametrize("content", [None, b"[]"])
def test_kept_answers_that_were_erased_or_altered_are_made_again_and_compared_by_their_digest(
    workspace: Workspace, model: Replaceable, content: bytes | None
) -> None:
    tried = record_probe(workspace)
    for path in (workspace.folder / "artifacts").rglob("*"):
        if path.is_file():
            path.unlink() if content is None else path.write_bytes(content)
    assert at_the_gate(workspace).found == tried.found
    model.shift = 0.01
    assert at_the_gate(workspace).found != tried.found
