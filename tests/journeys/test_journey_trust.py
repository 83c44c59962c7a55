"""What a run established about trust comes out as data, for whoever asks users or watches production."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from command_line import called

from plants.server import Server
from plants.tiny_system import SECRET, plant, steady
from seatrial.adapters.store.artifacts import ArtifactFolder
from seatrial.app.folder.ledgers import read_ledger
from seatrial.app.folder.trusting import established, told
from seatrial.app.folder.workspace import Workspace, open_workspace
from seatrial.app.people.quiz import facts_of
from seatrial.app.running.run import run
from seatrial.core.errors import Refused
from seatrial.core.vocabulary import RecordType


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Workspace]:
    monkeypatch.setenv("MODEL_KEY", SECRET)
    with Server(steady) as server:
        file = plant(tmp_path / "system", server.url)
        rule = 'do_not_trust: [{when: "28 <= wind < 33", handling: limits.md}]\n'
        file.write_text(file.read_text() + rule)
        yield open_workspace(file)


def test_before_any_run_nothing_is_established(workspace: Workspace) -> None:
    with pytest.raises(Refused, match="nothing has been established"):
        established(workspace)
    assert facts_of(workspace) == {}


def test_the_export_of_the_newest_run_is_what_the_command_gives_until_it_is_erased(workspace: Workspace) -> None:
    list(run(workspace, only=("model.trust",)))
    document = established(workspace)
    assert document["format"] == "seatrial-trust/1"
    (rule,) = document["rules"]
    assert (rule["when"], rule["handling"]) == ("28 <= wind < 33", "limits.md")
    facts = facts_of(workspace)
    assert facts.keys() == {"do-not-trust:0"}
    assert facts["do-not-trust:0"].startswith("When wind is at least 28 and below 33, ")
    shown = called("trust", workspace.file, "--json", cwd=workspace.base)
    assert (shown.code, shown.json) == (0, document)
    assert any("28 <= wind < 33" in line for line in told(document))
    (observed,) = (
        e.record for e in read_ledger(workspace, quick=False).evidence if e.record.type is RecordType.OBSERVATION
    )
    observation = observed.body["observation"]
    assert isinstance(observation, dict)
    ArtifactFolder(workspace.folder / "artifacts").erase(observation["artifacts"]["trust"])
    with pytest.raises(Refused, match="erased"):
        established(workspace)
