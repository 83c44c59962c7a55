"""A bundle of a run made elsewhere is filed under who sent it, or refused as a whole with the reason."""

from __future__ import annotations

import json
import threading
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, make_server

import pytest
import yaml

from plants.site_world import World, invite, plant_site, visiting, write_system
from seatrial.app.deciding.deciding import decide_now
from seatrial.app.deciding.export import export
from seatrial.app.folder.ledgers import keystore, open_ledger, read_ledger, record
from seatrial.app.folder.workspace import TRUST, Workspace, open_workspace
from seatrial.app.people.people import accept
from seatrial.app.running.run import run
from seatrial.core.bodies import EventBody
from seatrial.core.errors import Refused
from seatrial.core.vocabulary import RecordType
from seatrial.evidence.trust import TrustRoot

TYPE = "application/vnd.seatrial.bundle"
CI = Path(__file__).parents[3] / "docs" / "ci"


@dataclass
class Trial:
    """The site's copy of a system, the pipeline's, the bundle of what ran there, and tokens by scope."""

    world: World
    pipeline: Workspace
    bundle: Path
    evidence: str
    secrets: dict[str, str]
    olga: Any
    root: Path

    @property
    def here(self) -> list[str]:
        workspace = open_workspace(self.world.folder)
        return [each.digest for each in read_ledger(workspace, quick=False).evidence]

    def sent(self, content: bytes, *, scope: str = "evidence", kind: str = TYPE) -> Any:
        headers = {"Authorization": f"Bearer {self.secrets[scope]}"}
        url = f"/api/v1/systems/{self.world.slug}/bundles/"
        return visiting(None, checks_csrf=True).post(url, content, content_type=kind, headers=headers)


@pytest.fixture(scope="module")
def trial(prepared: Path, tmp_path_factory: pytest.TempPathFactory) -> Trial:
    from seatrial.web.access import Scope
    from seatrial.web.models import Registered
    from seatrial.web.tokens import make

    base = tmp_path_factory.mktemp("filed")
    world = plant_site(base / "filed", "filed")
    write_system(base / "pipeline", "filed")
    pipeline = open_workspace(base / "pipeline")
    list(run(pipeline, only=["ownership.monitor"]))  # which puts a decision on record at its end
    accept(pipeline, "olga", "owner", shown="stated in the pipeline, with a key that counts")
    bundle = base / "bundle"
    export(pipeline, bundle)
    found = read_ledger(pipeline, quick=False).evidence
    (evidence,) = [each.digest for each in found if each.record.type is RecordType.OBSERVATION]
    site = keystore(open_workspace(world.folder))
    site.worker()
    keys = (*site.trust().keys, *keystore(pipeline).trust().keys)
    root = base / "trust.json"
    root.write_bytes(TrustRoot(keys=tuple({key.key: key for key in keys}.values())).spell())
    admin = invite(world, "ada@filed.example", admin=True)
    system = Registered.objects.get(slug="filed")
    secrets = {scope.value: make(system, scope.value, [scope], days=1, by=admin)[0] for scope in Scope}
    olga = visiting(invite(world, "olga@filed.example", person="olga"))
    return Trial(world, pipeline, bundle, evidence, secrets, olga, root)


@pytest.fixture(autouse=True)
def _pinned(trial: Trial, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(TRUST, str(trial.root))


def _rewritten(bundle: Path, change: Callable[[dict[str, bytes]], object], *, how: int = zipfile.ZIP_STORED) -> bytes:
    with zipfile.ZipFile(bundle) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    change(members)
    other = bundle.with_suffix(".other")
    with zipfile.ZipFile(other, "w", how) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return other.read_bytes()


def _altered(members: dict[str, bytes]) -> None:
    members["entries.jsonl"] = members["entries.jsonl"].replace(b'"sequence":1', b'"sequence":9', 1)


BAD: dict[str, tuple[Callable[[Trial], bytes], str]] = {
    "altered": (lambda t: _rewritten(t.bundle, _altered), "does not verify"),
    "cut off": (lambda t: t.bundle.read_bytes()[:-40], "not a seatrial bundle"),
    "no bundle": (lambda _: b"GO" * 500, "not a seatrial bundle"),
    "a bomb": (
        lambda t: _rewritten(t.bundle, lambda m: m.update({"trust.json": b" " * 9_000_000}), how=zipfile.ZIP_DEFLATED),
        "compressed",
    ),
    "a path": (lambda t: _rewritten(t.bundle, lambda m: m.update({"../../x": b""})), "it holds '../../x'"),
    "more inside": (lambda t: _rewritten(t.bundle, lambda m: m.update({"a.html": b"<p>"})), "it holds 'a.html'"),
    "a long list": (
        lambda t: t.bundle.read_bytes()[:-10] + (9_000_000).to_bytes(4, "little") + t.bundle.read_bytes()[-6:],
        "list of its members",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_what_is_no_whole_bundle_is_refused_with_the_reason_and_nothing_is_taken(trial: Trial, name: str) -> None:
    make, told = BAD[name]
    before = trial.here
    answer = trial.sent(make(trial))
    assert answer.status_code == 422, answer.content
    assert told in json.loads(answer.content)["detail"]
    assert trial.here == before


def test_what_is_too_large_or_of_another_type_or_without_the_scope_is_refused_unread(trial: Trial) -> None:
    content = trial.bundle.read_bytes()
    assert trial.sent(content, kind="text/html").status_code == 415
    for scope in ("read", "runs", "doubts"):
        assert trial.sent(content, scope=scope).status_code == 403
    headers = {"Authorization": f"Bearer {trial.secrets['evidence']}"}
    url = f"/api/v1/systems/{trial.world.slug}/bundles/"
    large = visiting(None).generic("POST", url, b"x", TYPE, headers=headers, CONTENT_LENGTH=str(65 * 1024**2))
    assert large.status_code == 413


def test_a_bundle_by_keys_that_do_not_count_here_is_refused(trial: Trial, monkeypatch: pytest.MonkeyPatch) -> None:
    before = trial.here
    worker = keystore(trial.pipeline).worker().key_id
    pinned = TrustRoot.load(trial.root)
    ended = replace(
        pinned,
        keys=tuple(replace(key, valid_until=datetime.now(UTC)) if key.key == worker else key for key in pinned.keys),
    )
    for root, told in (
        (replace(pinned, keys=tuple(key for key in pinned.keys if key.key != worker)), "the trust root does not know"),
        (ended, "no longer valid"),
    ):
        other = trial.root.with_name("other.json")
        other.write_bytes(root.spell())
        monkeypatch.setenv(TRUST, str(other))
        answer = trial.sent(trial.bundle.read_bytes())
        assert (answer.status_code, told in json.loads(answer.content)["detail"]) == (422, True), answer.content
    monkeypatch.delenv(TRUST)
    assert trial.sent(trial.bundle.read_bytes()).status_code == 422, "the bundle's own word is not taken"
    monkeypatch.setenv(TRUST, str(trial.root))
    assert trial.here == before


def test_a_bundle_of_another_system_is_refused(trial: Trial, tmp_path: Path) -> None:
    write_system(tmp_path / "other", "other-system")
    other = open_workspace(tmp_path / "other", environment={})
    accept(other, "olga", "owner", shown="x")
    export(other, tmp_path / "bundle")
    answer = trial.sent((tmp_path / "bundle").read_bytes())
    assert answer.status_code == 422
    assert "not of filed" in json.loads(answer.content)["detail"]


def test_evidence_is_filed_once_under_who_sent_it_and_nothing_that_people_stated(trial: Trial) -> None:
    from seatrial.web.models import Deed

    answer = trial.sent(trial.bundle.read_bytes())
    told = json.loads(answer.content)
    assert answer.status_code == 201, told
    assert trial.evidence in told["taken"]
    assert told["left_out"] == 2, "an acceptance and a decision are no evidence of machines"
    workspace = open_workspace(trial.world.folder)
    reading = read_ledger(workspace, quick=False)
    assert not reading.report.problems
    types = {each.record.type for each in reading.evidence}
    assert RecordType.OBSERVATION in types
    assert not types & {RecordType.ACCEPTANCE, RecordType.DECISION, RecordType.SIGN_OFF}
    said = next(each for each in reading.evidence if each.digest == told["record"]).record
    assert str(said.body["detail"]["by"]).startswith("token:")  # type: ignore[index, call-overload]
    deed = Deed.objects.filter(system="filed", action="import", allowed=True).get()
    assert (deed.who.startswith("evidence (token "), deed.record) == (True, told["record"])
    seen = decide_now(workspace)
    assert trial.evidence in next(a for a in seen.requirements if a.id == "ownership.monitor").evidence
    before = trial.here
    again = trial.sent(trial.bundle.read_bytes())
    assert (again.status_code, json.loads(again.content)) == (200, told)
    assert trial.here == before


def test_a_person_files_evidence_too_and_what_is_there_stays_as_it_is(trial: Trial) -> None:
    assert trial.sent(trial.bundle.read_bytes()).status_code in (200, 201)
    worker = keystore(trial.pipeline).worker()
    with open_ledger(trial.pipeline) as ledger:
        body = EventBody(kind="document-version", summary="someone put a document in its place", revokes=False)
        record(ledger, worker, trial.pipeline, RecordType.EVENT, body)
        revoking = EventBody(kind="regulator-notice", summary="a notice", revokes=True)
        notice = record(ledger, worker, trial.pipeline, RecordType.EVENT, revoking)
    more = trial.bundle.with_name("more")
    export(trial.pipeline, more)
    url = f"/api/v1/systems/{trial.world.slug}/bundles/"
    answer = trial.olga.post(url, more.read_bytes(), content_type="application/zip")
    told = json.loads(answer.content)
    assert (answer.status_code, told["taken"]) == (201, [notice.digest]), "what revokes GO travels, deeds do not"
    assert trial.evidence in trial.here
    assert len(set(trial.here)) == len(trial.here)


class _Quiet(WSGIRequestHandler):
    def log_message(self, *_: object) -> None:
        """Nothing."""


@pytest.fixture
def address(trial: Trial) -> Iterator[str]:
    from django.core.wsgi import get_wsgi_application

    with make_server("127.0.0.1", 0, get_wsgi_application(), handler_class=_Quiet) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.mark.parametrize("file", ["github-actions.yml", "gitlab-ci.yml"])
def test_the_example_pipelines_file_their_evidence(
    trial: Trial,
    address: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    file: str,
) -> None:
    from seatrial.cli.main import main

    job = yaml.safe_load((CI / file).read_text()).get("jobs", yaml.safe_load((CI / file).read_text()))["trials"]
    lines = job.get("script") or [step["run"] for step in job["steps"] if "run" in step]
    (line,) = [line for line in lines if line.startswith("seatrial upload")]
    monkeypatch.chdir(trial.pipeline.base)
    monkeypatch.setenv("SEATRIAL_SITE", address)
    monkeypatch.setenv("SEATRIAL_TOKEN", trial.secrets["evidence"])
    with pytest.raises(SystemExit) as ended:
        main(line.split()[1:])
    assert (ended.value.code, "on record there as" in capsys.readouterr().out) == (0, True)
    monkeypatch.setenv("SEATRIAL_TOKEN", trial.secrets["read"])
    with pytest.raises(SystemExit) as ended:
        main(line.split()[1:])
    told = capsys.readouterr()
    assert (ended.value.code, "takes the scope evidence" in told.err) == (2, True)
    assert trial.secrets["read"] not in told.err + told.out


def test_a_token_never_travels_in_the_clear(trial: Trial) -> None:
    from seatrial.app.deciding.sending import send_bundle

    for site, token, told in (("http://site.example", "t", "in the clear"), ("https://site.example", " ", "no token")):
        with pytest.raises(Refused, match=told):
            send_bundle(trial.bundle, site, token)
