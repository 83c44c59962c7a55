"""The product's promise: a system whose people and evidence are really there comes to GO, and loses it again.

Some people have a machine of their own with a key of their own, and a copy of the system file; others do the same on
the site, each with their own account and the key that it opens. The ledger is shared, and the trust root and the
checkpoints are kept outside.
"""

from __future__ import annotations

import base64
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import pytest
from command_line import Ended
from command_line import called as called_apart

from plants.people_on_site import Portal
from plants.ready_files import PEOPLE, USERS, write
from plants.ready_works import ENTRY, Works, call, rows
from seatrial.adapters.signers.keystore import Ed25519Signer, Keystore
from seatrial.app.quiz import questions_of
from seatrial.app.workspace import open_workspace
from seatrial.core.vocabulary import Criticality
from seatrial.spec import policy

pytestmark = pytest.mark.timed

FLOORS: Final = {
    "load_duration": 6.0,
    "flow_duration": 4.5,
    "fallback_duration": 1.5,
    "outage_duration": 0.6,
    "window_duration": 0.5,
    "soak_duration": 0.0,
    "capacity_level": 0.0,
}
"""The floors take more than half an hour of executed load. No policy file can lower them, and that must stay so: the
test lowers them in the product itself. Sample sizes and limits stay as they are."""
DUTIES: Final = {
    "olga": ("owner", "monitor", "pipeline-alert.deputy", "escalation-point"),
    "sven": ("owner.deputy", "monitor.deputy", "escalation-point.deputy", "change"),
    "carl": ("manager",),
    "ivo": ("pipeline-alert", "retraining.deputy"),
    "amir": ("retraining", "inventory"),
}
ON_SITE: Final = ("sven", "amir", "lena")
"""They have no machine of their own: they accept and sign on the site."""
SIGNERS: Final = {"it": "ivo", "operations": "sven", "legal": "lena", "ai-team": "amir"}
VOID_WITH_THE_MODEL: Final = {
    # The works' entry is the model's own server: with another model the integration is another one, too.
    *("data.faults", "data.load", "data.freshness", "data.interruption", "data.schema-change"),
    *("governance.rollback", "governance.offline-thresholds", "governance.compliance"),
}


def called(*arguments: str, cwd: Path) -> Ended:
    """The command with the ledger, the trust root and the checkpoints that all machines of the company share."""
    shared = {name: value for name, value in os.environ.items() if name.startswith("SEATRIAL_")}
    return called_apart(*arguments, cwd=cwd, environment=shared)


@dataclass(slots=True)
class Company:
    """One folder a machine, the shared ledger, and what is kept outside."""

    root: Path
    works: Works
    patch: pytest.MonkeyPatch
    site: Portal
    environment: dict[str, str] = field(default_factory=dict)

    def machine(self, of: str) -> Path:
        return self.root / of

    def does(self, who: str, *arguments: str) -> Ended:
        """The person's own command on the person's own machine."""
        ended = called(*arguments, "--as", who, "--yes", cwd=self.machine(who))
        assert ended.code == 0, (who, arguments, ended)
        return ended

    def run(self, *only: str) -> Ended:
        """The worker's machine executes checks, in a process of its own."""
        named = [part for one in only for part in ("--only", one)]
        done = subprocess.run(
            [sys.executable, "-m", "seatrial", "run", "--json", *named],
            cwd=self.machine("worker"),
            env={**os.environ, **self.environment},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        return Ended(done.returncode, done.stdout, done.stderr)

    def verdict(self) -> dict[str, Any]:
        ended = called("verdict", "--json", cwd=self.machine("worker"))
        assert ended.code in (0, 1), ended
        found = ended.json
        assert isinstance(found, dict)
        assert ended.code == (0 if found["verdict"] == "GO" else 1)
        return found

    def keep_head(self) -> None:
        """Somebody writes the head of the chain down where the ledger's owner cannot change it."""
        found = self.verdict()
        kept = self.root / "checkpoints"
        kept.write_text(f"harbour {found['ledger']['entries']} {found['ledger']['head']}\n")
        self.patch.setenv("SEATRIAL_CHECKPOINTS", str(kept))


def _trusted(signer: Ed25519Signer) -> dict[str, object]:
    public = base64.b64encode(signer.public).decode()
    return {"key": signer.key_id, "public": public, "holder": signer.holder}


@pytest.fixture
def company(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Company]:
    monkeypatch.setitem(policy._SCALE, Criticality.OPERATIONAL, dict(FLOORS))
    floors = tmp_path / "floors"
    floors.mkdir()
    (floors / "sitecustomize.py").write_text(
        "from seatrial.core.vocabulary import Criticality\n"
        "from seatrial.spec import policy\n"
        f"policy._SCALE[Criticality.OPERATIONAL] = {FLOORS!r}\n"
    )
    worker = tmp_path / "worker"
    with Works(worker) as works:
        write(worker, works)
        for person in (*PEOPLE, *USERS):
            shutil.copytree(worker, tmp_path / person, ignore=shutil.ignore_patterns("logs"))
        keys = [Keystore(tmp_path / person / ".seatrial" / "keys").person(person) for person in (*PEOPLE, *USERS)]
        keys += [Keystore(tmp_path / user / ".seatrial" / "keys").worker() for user in USERS]
        keys.append(Keystore(worker / ".seatrial" / "keys").worker())
        site = Portal(tmp_path / "site", worker, people=PEOPLE, users=USERS[2:])
        trusted = [*(_trusted(key) for key in keys if key.holder.partition(":")[2] not in ON_SITE), *site.keys]
        (tmp_path / "trust.json").write_text(json.dumps({"format": "seatrial-trust-1", "keys": trusted}))
        environment = {
            "SEATRIAL_LEDGER": f"sqlite:///{tmp_path / 'ledger.db'}",
            "SEATRIAL_TRUST": str(tmp_path / "trust.json"),
            "WORKS_PYTHON": sys.executable,
        }
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        environment["PYTHONPATH"] = f"{floors}{os.pathsep}{os.environ.get('PYTHONPATH', '')}".rstrip(os.pathsep)
        lines = subprocess.Popen(
            [sys.executable, "-m", "seatrial", "proxy", str(worker), "--with-input"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, **environment},
            text=True,
        )
        assert lines.stdin is not None
        assert lines.stdout is not None
        try:
            assert " passes to " in lines.stdout.readline()
            for user in USERS[:2]:
                call(works.urls["planner"], "/warnings", user)
            for row in rows(400, seed=15, start=datetime.now(UTC)):
                call(works.urls["model"], "/deliveries", "gateway", {name: row[name] for name in ENTRY})
            yield Company(root=tmp_path, works=works, patch=monkeypatch, site=site, environment=environment)
        finally:
            lines.stdin.close()
            lines.wait(timeout=10)
            lines.stdout.close()


def _unmet(verdict: dict[str, Any]) -> dict[str, str]:
    return {r["id"]: r["reason"] for r in verdict["requirements"] if r["outcome"] not in ("MET", "NOT_APPLICABLE")}


def _word(board: str) -> str:
    """The answer that stands on the board."""
    found = re.search(r'<p class="word">([^<]*)</p>', board)
    assert found is not None
    return found[1]


def _unmet_on(board: str) -> set[str]:
    """The requirements of the board's table that are not established."""
    rows = re.findall(r'class="muted mono">([^<]+)</span></td>\s*<td><span class="badge (\w+)"', board)
    assert rows, "the board has no table"
    return {requirement for requirement, outcome in rows if outcome not in ("MET", "NOT_APPLICABLE")}


def _signed_on(review: str) -> tuple[int, int]:
    """How many signatures the review shows as standing, and how many as missing or void."""
    return review.count(">signed<"), review.count(">not signed<")


def _people_say(company: Company) -> None:
    """Every acceptance, attestation and answer, by the one whose it is."""
    for person, duties in DUTIES.items():
        for duty in duties:
            if person in ON_SITE:
                company.site.sends(person, f"duties/{duty}/")
            else:
                company.does(person, "accept", duty)
    assert company.site.refuses("amir", "duties/owner/"), "that duty is another's"
    company.site.sends("carl", "documents/workflows.docking.process/", do="answer", statement="I read it.")
    company.does("carl", "attest", "change-plan", "change.md")
    company.does("olga", "attest", "failure-modes", "failure-modes.yaml")
    company.does("nora", "attest", "compliance", "review.md")
    why = ("model.adversarial", "--because", "The inputs come from scales and the weather office.")
    company.does("carl", "exempt", *why)
    company.does("olga", "exempt", *why, "--asked-by", "carl")
    asked = questions_of(open_workspace(company.machine("worker")))
    for user in USERS[2:]:
        company.site.sends(user, "training/", **{f"q{n}": question.right for n, question in enumerate(asked)})
        assert "passed" in company.site.shows(user, "training/certificate/")
    right = ",".join(str(question.right + 1) for question in asked)
    for user in USERS[:2]:
        elsewhere = called("quiz", "--user", user, "--answers", right, cwd=company.machine("worker"))
        assert elsewhere.code == 2, "one shell answers for nobody else"
        assert "does not know the key" in elsewhere.err
        ended = called("quiz", "--user", user, "--answers", right, cwd=company.machine(user))
        assert ended.code == 0, ended


@pytest.mark.slow
def test_a_system_whose_people_and_evidence_are_there_is_go_until_its_model_changes(company: Company) -> None:
    early = called("attest", "compliance", "review.md", "--as", "nora", "--yes", cwd=company.machine("nora"))
    assert early.code == 2, "nobody has reviewed a model of which nobody knows which it is"
    assert "which model is served" in early.err
    assert company.run("ownership.monitor").code == 1
    _people_say(company)
    refused = called("sign", "legal", "--as", "nora", "--yes", cwd=company.machine("nora"))
    assert refused.code == 2
    ended = company.run()
    assert ended.code == 1, ended.err
    company.keep_head()
    rehearsal = company.verdict()
    assert _unmet(rehearsal) == {}
    assert rehearsal["policy"] == "harbour"
    assert rehearsal["rehearsal"] is True
    assert [gap["code"] for gap in rehearsal["gaps"]] == ["separation-of-duties"]

    assert company.site.refuses("nora", "review/legal/", do="sign"), "that signature is another's"
    assert _signed_on(company.site.shows("lena", "review/")) == (0, len(SIGNERS))
    for role, person in SIGNERS.items():
        if person in ON_SITE:
            company.site.sends(person, f"review/{role}/", do="sign")
        else:
            company.does(person, "sign", role)
    assert company.verdict()["verdict"] == "NO-GO", "what was signed is not anchored yet"
    company.keep_head()
    go = company.verdict()
    assert (go["verdict"], go["gaps"]) == ("GO", []), go["sentence"]
    assert go["ledger"]["anchored"] is True
    assert {s["person"] for s in go["signatures"] if s["valid"]} == set(SIGNERS.values())
    assert _word(company.site.shows("olga")) == "GO"
    assert _signed_on(company.site.shows("olga", "review/")) == (len(SIGNERS), 0)
    assert company.site.shows("olga", "gaps/").count("No gap: everything is established.") == 1
    dossier = company.site.saves("lena", "dossier/").decode()
    assert all(PEOPLE[person] in dossier for person in SIGNERS.values())
    assert company.site.saves("lena", "dossier.pdf").startswith(b"%PDF")
    shown = called("frameworks", ".", "--json", cwd=company.machine("lena"))
    supported = [clause for each in shown.json for clause in each["clauses"] if clause["latest"]]
    assert len(supported) == sum(len(each["clauses"]) for each in shown.json)

    company.works.version = "1.1"
    after = company.verdict()
    assert after["verdict"] == "NO-GO"
    everything = {r["id"] for r in after["requirements"]}
    rests_on_it = {i for i in everything if i.startswith(("model.", "integration."))} | VOID_WITH_THE_MODEL
    assert set(_unmet(after)) == rests_on_it
    assert not any(s["valid"] for s in after["signatures"])
    board = company.site.shows("olga")
    assert _word(board) == "NO-GO"
    assert _unmet_on(board) == rests_on_it
    assert _signed_on(company.site.shows("olga", "review/")) == (0, len(SIGNERS))
    company.works.version = "1.0"
    assert company.verdict()["verdict"] == "GO", "what was reviewed is served again"
