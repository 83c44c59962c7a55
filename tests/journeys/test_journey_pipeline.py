"""What a deployment pipeline does: the example files' own commands, and a statement that verifies elsewhere."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import cast
from xml.etree import ElementTree as ET

import pytest
import yaml
from command_line import called

from plants.go_world import NOW, SIGNED, go_world
from plants.server import Server
from plants.tiny_system import SECRET, plant, steady
from seatrial.adapters.signers.keystore import Keystore
from seatrial.app.folder.ledgers import open_ledger, read_ledger
from seatrial.app.folder.subject import Identities, digest_files, subject
from seatrial.app.folder.workspace import Workspace, open_workspace
from seatrial.app.running.pipeline import verify_stated
from seatrial.app.running.stated_signatures import carried
from seatrial.core.bodies import SignOffBody
from seatrial.core.codec import to_data
from seatrial.core.errors import Malformed, Refused
from seatrial.core.observation import Json
from seatrial.core.ports import Signer
from seatrial.core.record import Record
from seatrial.core.vocabulary import RecordType, Role
from seatrial.evidence.envelope import seal
from seatrial.evidence.statement import Statement, seal_statement
from seatrial.gate.binding import sign_off_depends
from seatrial.gate.encoding import verdict_data

CI = Path(__file__).parents[2] / "docs" / "ci"


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("pipeline") / "checkout"
    with Server(steady) as server:
        plant(folder, server.url, count=60)
        (folder / ".env").write_text(f"MODEL_KEY={SECRET}\n")
        yield folder


def commands(file: str) -> list[list[str]]:
    """The commands of ours that a pipeline file runs, in order."""
    document = yaml.safe_load((CI / file).read_text(encoding="utf-8"))
    jobs = document["jobs"].values() if "jobs" in document else [v for v in document.values() if "script" in v]
    lines = [
        line for job in jobs for line in (job.get("script") or [step["run"] for step in job["steps"] if "run" in step])
    ]
    ours = [line.replace("$SEATRIAL_TRUST", "../trust.json") for line in lines if line.startswith("seatrial ")]
    return [shlex.split(line.partition(" || ")[0])[1:] for line in ours]


@pytest.mark.slow
@pytest.mark.parametrize("file", ["github-actions.yml", "gitlab-ci.yml"])
def test_the_example_pipelines_stop_at_no_go(place: Path, file: str) -> None:
    named = {command[0]: command for command in commands(file)}
    assert list(named) == ["run", "upload", "gate", "verify"]
    gate, verify = named["gate"], named["verify"]
    ended = called(*gate, cwd=place)
    assert ended.code == 1
    assert "NO-GO" in ended.out
    report = ET.parse(place / "seatrial-junit.xml").getroot()  # noqa: S314 - written by ourselves a moment ago
    cases = {case.get("name"): case for case in report.iter("testcase")}
    assert cases["verdict"].find("failure") is not None
    assert {child.tag for child in cases["governance.rollback"]} <= {"failure", "error"}
    assert not [name for name, case in cases.items() if name == "model.threshold" and len(case) == 0]
    results = json.loads((place / "seatrial.sarif").read_text())["runs"][0]["results"]
    assert results
    assert {"ruleId", "level", "message", "locations"} <= set(results[0])
    (place.parent / "trust.json").write_bytes(Keystore(place / ".seatrial" / "keys").trust().spell())
    checked = called(*verify, cwd=place)
    assert checked.code != 0
    assert "NO-GO" in checked.err
    assert "what is to be deployed" in called(*verify[: verify.index("--system")], cwd=place).err


SIGNERS = {Role.IT: "ivo", Role.OPERATIONS: "sven", Role.LEGAL: "lena", Role.AI_TEAM: "amir"}


class Stated:
    """A GO of the tiny system in a folder, as its worker states it, and what can be changed of it."""

    def __init__(self, folder: Path, url: str) -> None:
        plant(folder, url, count=60)
        (folder / ".env").write_text(f"MODEL_KEY={SECRET}\n")
        self.folder = folder
        self.keys = Keystore(folder / "worker")
        self.served = {"model": "v1"}
        subject = here(open_workspace(folder), self.served)
        self.verdict = replace(go_world().decided(), subject=subject)
        self.root = folder / "trust.json"
        self.worker = self.keys.worker()
        self.signed = [self.sign_off(role) for role in Role]
        self.root.write_bytes(self.keys.trust().spell())

    def parts(self) -> Mapping[str, str]:
        """The digests of the parts of what is declared here."""
        workspace = open_workspace(self.folder)
        return subject(workspace, digest_files(workspace), Identities(found=self.served)).parts

    def sign_off(
        self, role: Role, person: str = "", *, signer: Signer | None = None, moved: str = "", **said: object
    ) -> str:
        """The sealed sign-off of what is declared here; `moved` is a part that was another when they signed."""
        workspace = open_workspace(self.folder)
        who = person or str(workspace.system.signers[role])
        parts = {name: "another" if name == moved else digest for name, digest in self.parts().items()}
        body = SignOffBody(person=who, role=role, subject="s", shown="the screen", verdict="5" * 64)
        key = signer or self.keys.person(who)
        record = Record(
            type=RecordType.SIGN_OFF,
            id=f"{role.value} {who}",
            system=workspace.system.system,
            at=SIGNED,
            by=key.by,
            depends=sign_off_depends(role, workspace.system, parts),
            body=cast("dict[str, Json]", {**cast("dict[str, Json]", to_data(body)), **said}),
        )
        return seal(record, key).decode()

    def file(self, changes: Mapping[str, object] | None = None) -> Path:
        about = {"served": self.served, "parts": self.parts(), "signed": self.signed}
        predicate = {**verdict_data(self.verdict), **about, **(changes or {})}
        sealed = seal_statement(
            cast("dict[str, Json]", predicate),
            subject_name="arrival-delay@2026.11.1",
            subject_digest=self.verdict.subject,
            signer=self.worker,
        )
        file = self.folder / "statement.json"
        file.write_bytes(sealed)
        return file

    def verified(self, file: Path, *, now: datetime = NOW, subject: str | None = None) -> Statement:
        workspace = open_workspace(self.folder) if subject is None else None
        return verify_stated(file, trust_file=self.root, subject=subject, workspace=workspace, now=now)


def here(workspace: Workspace, served: dict[str, str]) -> str:
    return subject(workspace, digest_files(workspace), Identities(found=served)).digest


@pytest.fixture
def stated(tmp_path: Path) -> Iterator[Stated]:
    with Server(steady) as server:
        yield Stated(tmp_path, server.url)


def test_a_statement_of_go_holds_until_it_ends_and_for_what_is_checked_out(stated: Stated) -> None:
    file = stated.file()
    assert stated.verified(file).subject_digest == stated.verdict.subject
    assert stated.verified(file, subject=stated.verdict.subject).predicate["verdict"] == "GO"
    assert stated.verdict.valid_until is not None
    with pytest.raises(Refused, match="ended"):
        stated.verified(file, now=stated.verdict.valid_until + timedelta(seconds=1))
    with pytest.raises(Refused, match="subject"):
        stated.verified(file, subject="0" * 64)
    (stated.folder / "README.md").write_text("not part of the system\n")
    assert stated.verified(file).subject_name.startswith("arrival-delay@")
    with (stated.folder / "evaluation.csv").open("a") as evaluation:
        evaluation.write("\n")
    with pytest.raises(Refused, match="describes here"):
        stated.verified(file)


def test_a_statement_is_believed_of_those_who_are_trusted_alone(stated: Stated) -> None:
    file = stated.file()
    strangers = stated.folder / "strangers.json"
    other = Keystore(stated.folder / "other")
    other.worker()
    strangers.write_bytes(other.trust().spell())
    with pytest.raises(Refused, match="does not know"):
        verify_stated(file, trust_file=strangers, subject=stated.verdict.subject, now=NOW)
    file.write_bytes(file.read_bytes().replace(b'"payload":"', b'"payload":"A', 1))
    with pytest.raises((Refused, Malformed)):
        stated.verified(file)


@pytest.mark.parametrize("file", ["github-actions.yml", "gitlab-ci.yml"])
def test_the_example_pipelines_trust_nothing_that_is_checked_out(file: str) -> None:
    text = (CI / file).read_text(encoding="utf-8")
    document = yaml.safe_load(text)
    jobs = document.get("jobs", document)
    for command in commands(file):
        if command[0] == "verify":
            assert command[command.index("--trust") + 1] == "../trust.json"
    told = jobs["gate"].get("env", {})
    for name in ("SEATRIAL_LEDGER", "SEATRIAL_TRUST", "SEATRIAL_CHECKPOINTS"):
        outside = str(told.get(name, "")).startswith(("../", "${{ secrets."))
        assert outside or (file == "gitlab-ci.yml" and name in text.partition("stages:")[0]), name
    steps = jobs["gate"].get("script") or [step.get("run", "") for step in jobs["gate"]["steps"]]
    assert any("worker-local.key" in step for step in steps), "without its key the gate states nothing"


def test_a_workers_key_alone_states_no_go(stated: Stated) -> None:
    assert stated.verified(stated.file())
    made_up = Keystore(stated.folder / "made-up")
    forged = [stated.sign_off(role, signer=made_up.person(str(SIGNERS[role]))) for role in Role]
    by_the_worker = [stated.sign_off(role, signer=stated.worker) for role in Role]
    lacking: list[tuple[object, str]] = [
        (None, "does not carry the signatures"),
        ([], "it, operations, legal, ai-team"),
        (forged, "it, operations, legal, ai-team"),
        (by_the_worker, "it, operations, legal, ai-team"),
        (stated.signed[:3], "for ai-team"),
        ([*stated.signed[:3], stated.sign_off(Role.AI_TEAM, open=["model.threshold"])], "for ai-team"),
        ([*stated.signed[:3], stated.sign_off(Role.AI_TEAM, gate="pilot-exit")], "for ai-team"),
        ([*stated.signed[:3], stated.sign_off(Role.AI_TEAM, moved="model")], "for ai-team"),
        ([*stated.signed[:3], stated.sign_off(Role.AI_TEAM, "ivo")], "for ai-team"),
    ]
    for signed, told in lacking:
        with pytest.raises((Refused, Malformed), match=told):
            stated.verified(stated.file({"signed": signed}))
    alone = [stated.sign_off(role, "ivo") for role in Role]
    with pytest.raises(Refused, match="four distinct"):
        stated.verified(stated.file({"signed": alone}), subject=stated.verdict.subject)


@pytest.mark.parametrize("moved", ["model", "plan", "person.amir"])
def test_with_a_digest_alone_the_four_must_have_signed_for_the_parts_that_make_it(stated: Stated, moved: str) -> None:
    about = stated.verdict.subject
    assert stated.verified(stated.file(), subject=about)
    elsewhere = [*stated.signed[:3], stated.sign_off(Role.AI_TEAM, moved=moved)]
    with pytest.raises(Refused, match="for ai-team"):
        stated.verified(stated.file({"signed": elsewhere}), subject=about)
    unread = [*stated.signed[:3], stated.sign_off(Role.AI_TEAM, moved="change")]
    assert stated.verified(stated.file({"signed": unread}), subject=about), "they do not answer for that part"


def test_parts_that_do_not_make_the_subject_are_not_believed(stated: Stated) -> None:
    others = [stated.sign_off(role, moved="model") for role in Role]
    made_up = {**stated.parts(), "model": "another"}
    for parts in (made_up, {}, None, "all"):
        with pytest.raises(Malformed, match="of which parts"):
            stated.verified(stated.file({"signed": others, "parts": parts}), subject=stated.verdict.subject)


def test_a_stated_go_carries_the_signatures_as_they_stand_in_the_ledger(stated: Stated) -> None:
    workspace = open_workspace(stated.folder)
    with open_ledger(workspace) as ledger:
        kept = ledger.append_many([each.encode() for each in stated.signed])
        ledger.append(stated.sign_off(Role.IT, moved="model").encode())
    shown = tuple(
        replace(signature, evidence=given.digest)
        for signature, given in zip(stated.verdict.signatures, kept, strict=True)
    )
    evidence = read_ledger(workspace, quick=True).evidence
    signed = carried(workspace, replace(stated.verdict, signatures=shown), evidence)
    assert signed == stated.signed
    assert stated.verified(stated.file({"signed": signed}))


def test_who_deploys_says_what_is_deployed(stated: Stated) -> None:
    with pytest.raises(Refused, match="what is to be deployed"):
        verify_stated(stated.file(), trust_file=stated.root, subject=None, now=NOW)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"subject": "1" * 64}, "not about the statement's subject"),
        ({"system": "another"}, "another system"),
        ({"format": "another-1"}, "not about"),
        ({"gate": "pilot-exit"}, "gate pilot-exit"),
        ({"gate": None}, "gate None"),
        ({"verdict": "NO-GO", "sentence": "NO-GO: all is open."}, "all is open"),
        ({"rehearsal": True}, "rehearsal"),
        ({"demonstration": True}, "demonstration"),
        ({"demonstration": None}, "demonstration"),
        ({"valid_until": None}, "until when"),
        ({"valid_until": "soon"}, "until when"),
        ({"valid_until": "2999-01-01T00:00:00"}, "until when"),
        ({"served": None}, "what was served"),
        ({"served": {"model": "v2"}}, "describes here"),
    ],
)
def test_a_signed_statement_of_anything_else_is_no_go(stated: Stated, changes: dict[str, object], told: str) -> None:
    file = stated.file(changes)
    with pytest.raises((Refused, Malformed), match=told):
        stated.verified(file)


@pytest.mark.slow
def test_a_drill_by_its_name_runs_exactly_what_it_is_evidence_for(place: Path) -> None:
    ended = called("drill", "rollback", "--json", cwd=place)
    assert ended.code == 1
    assert [each["id"] for each in ended.json["requirements"]] == ["governance.rollback"]
    assert called("drill", "everything", cwd=place).code == 64
