"""From a confirmed drop to a new model, over the real ledger: asked once, answered once, closed by a GO."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from command_line import Ended, called

from plants.memory_trial import FixedClock
from plants.model_server import rows_of
from plants.pager_server import Swallowing
from plants.raised import alarm
from plants.server import Asked, Said, Server, said
from plants.tiny_system import SECRET, plant
from seatrial.app.deciding.deciding import decide_now
from seatrial.app.folder.ledgers import keystore, open_ledger, read_ledger, record
from seatrial.app.folder.workspace import Workspace, open_workspace
from seatrial.app.people.retraining import on_record
from seatrial.app.running.run import run
from seatrial.app.running.verify import verify_ledger
from seatrial.app.watched.place import store_url
from seatrial.app.watched.retraining import AskingForRetraining, asks
from seatrial.core.bodies import DecisionBody, EventBody, SignOffBody
from seatrial.core.vocabulary import RecordType, Role
from seatrial.gate.binding import sign_off_depends
from seatrial.gate.retraining import ANSWERED, ASKED
from seatrial.watch.store import Store

pytestmark = pytest.mark.slow


class Trained:
    """The tiny system's model: its first version misses what its second one sees."""

    version = 1

    def __call__(self, asked: Asked) -> Said:
        if asked.path == "/version":
            return said({"model": "delay", "version": f"{self.version}"})
        late = [float(row.get("wind") or 0) > (30 if self.version > 1 else 38) for row in rows_of(asked)]
        return said({"predictions": [{"label": int(it), "probability": 0.9 if it else 0.2} for it in late]})


def planted(folder: Path, url: str = "http://127.0.0.1:9", *, more: str = "", count: int = 10) -> Workspace:
    file = plant(folder, url, count=count)
    (folder / ".env").write_text(f"MODEL_KEY={SECRET}\n")
    (folder / "criteria.md").write_text("Below the governed limit, on labelled rows of the last weeks.\n")
    text = file.read_text().replace("who: amir, deputy: ivo}", "who: amir, deputy: ivo, criteria: criteria.md}")
    file.write_text(text + more)
    return open_workspace(folder)


def look(workspace: Workspace, *alarms: dict[str, Any]) -> list[str]:
    """A watch that starts, finds these alarms, looks once and ends; what it said."""
    heard: list[str] = []
    store = Store.open(store_url(workspace))
    for each in alarms:
        assert store.advance("planted", before=store.state("planted")[0], cursor=1, state={}, alarms=[each])
    AskingForRetraining(workspace, store, explain=lambda _: "It concentrates: wind.", say=heard.append).look()
    store.close()
    return heard


def listed(folder: Path) -> Any:
    return called("retraining", "list", "--json", cwd=folder).json


def answered(folder: Path, action: str, request: str, *, person: str, because: str = "labels are ready") -> Ended:
    return called("retraining", action, request, "--as", person, "--because", because, "--yes", "--json", cwd=folder)


def kinds(workspace: Workspace) -> list[str]:
    found = read_ledger(workspace, quick=False).evidence
    return [str(e.record.body["kind"]) for e in found if e.record.type is RecordType.EVENT]


def test_only_what_was_confirmed_and_training_can_mend_asks_for_it() -> None:
    wanted = (
        alarm("metric.recall"),
        alarm("decision.acted-on", "falls"),
        alarm("offline.0.recall", "offline", "offline"),
    )
    assert all(asks(each) for each in wanted)
    others = (
        alarm("metric.recall", "rises-look", "look"),
        alarm("offline.weather", "silence", "offline"),
        alarm("inputs.contract"),
        alarm("latency.p95"),
        alarm("heartbeat", "silence"),
    )
    assert not any(asks(each) for each in others)


def test_one_request_is_asked_for_and_answered_once_by_who_may(tmp_path: Path) -> None:
    workspace = planted(tmp_path)
    look(workspace, alarm("metric.recall"), alarm("heartbeat", "silence"))
    look(workspace, alarm("offline.0.recall", "offline", "offline"))
    look(workspace)
    (request,) = listed(tmp_path)
    assert [each["monitor"] for each in request["alarms"]] == ["metric.recall", "offline.0.recall"]
    assert request["state"] == "open"
    assert request["asked"] == ["amir", "ivo"]
    assert request["criteria"]["digest"]
    shown = called("retraining", "show", request["id"], cwd=tmp_path)
    for said_ in ("It concentrates: wind.", "1,000 to 1", "criteria.md", "waits for Amir Rahimi or Ivo Petrov"):
        assert said_ in shown.out
    assert any("waits for Amir Rahimi" in note for note in decide_now(workspace).notes)
    for wrong in (
        answered(tmp_path, "approve", request["id"], person="olga"),
        answered(tmp_path, "approve", request["id"], person="nobody"),
        answered(tmp_path, "approve", request["id"], person="amir", because="  "),
        answered(tmp_path, "approve", "0123456789ab", person="amir"),
    ):
        assert wrong.code == 2, wrong
    assert "not olga" in answered(tmp_path, "decline", request["id"], person="olga").out
    assert listed(tmp_path)[0]["state"] == "open"
    done = answered(tmp_path, "approve", request["id"][:6], person="ivo")
    assert done.code == 0, done.err
    again = answered(tmp_path, "decline", request["id"], person="amir", because="I changed my mind")
    assert again.code == 2
    assert "approved already, approved by Ivo Petrov" in again.out
    look(workspace, alarm("metric.recall", number=2))
    (request,) = listed(tmp_path)
    assert (request["state"], request["answer"]["by"], len(request["alarms"])) == ("approved", "ivo", 3)
    assert kinds(workspace) == [ASKED, ASKED, ANSWERED, ASKED]
    assert verify_ledger(workspace).intact


def test_what_is_written_past_the_command_counts_no_more_than_it_may(tmp_path: Path) -> None:
    workspace = planted(tmp_path)
    look(workspace, alarm("metric.recall"))
    (asked,) = on_record(workspace)
    keys = keystore(workspace)

    def forge(signer: Any, kind: str, **detail: Any) -> None:
        body = EventBody(kind=kind, summary="forged", revokes=False, detail=detail)
        with open_ledger(workspace) as ledger:
            record(ledger, signer, workspace, RecordType.EVENT, body)

    forge(keys.person("olga"), ANSWERED, request=asked.request.digest, approved=True, because="I say so")
    forge(keys.worker(), ANSWERED, request=asked.request.digest, approved=True, because="I say so")
    forge(keys.person("amir"), ANSWERED, request="0" * 64, approved=True, because="of another one")
    forge(keys.person("amir"), ANSWERED, request=asked.request.digest, approved="yes", because="no truth value")
    forge(keys.person("olga"), ASKED, alarm=alarm("metric.error"), asked=["olga"], criteria={})
    forge(keys.worker(), ASKED, alarm="none", asked=3)
    # Another watch that asked at the same moment: the first in the ledger stands.
    forge(keys.worker(), ASKED, alarm=alarm("metric.recall"), asked=["amir", "ivo"], criteria={})
    (request,) = listed(tmp_path)
    assert (request["state"], len(request["alarms"])) == ("open", 1)
    assert request["asked"] == ["amir", "ivo"]
    assert answered(tmp_path, "decline", request["id"], person="amir", because="no labels").code == 0
    # The same answer once more, to a request that is answered: it changes nothing.
    forge(keys.person("amir"), ANSWERED, request=request["digest"], approved=True, because="again")
    assert listed(tmp_path)[0]["answer"]["because"] == "no labels"


def test_a_declined_one_opens_anew_with_new_evidence_alone(tmp_path: Path) -> None:
    workspace = planted(tmp_path)
    look(workspace, alarm("metric.recall"))
    first = listed(tmp_path)[0]["id"]
    assert answered(tmp_path, "decline", first, person="amir", because="a strike, it is over").code == 0
    look(workspace)
    look(workspace, alarm("metric.recall"))
    assert [each["state"] for each in listed(tmp_path)] == ["declined"]
    look(workspace, alarm("metric.recall", number=2))
    newest, oldest = listed(tmp_path)
    assert (newest["state"], newest["declined_before"]) == ("open", first)
    assert oldest["answer"]["because"] == "a strike, it is over"
    assert "was declined before" in called("retraining", "show", newest["id"], cwd=tmp_path).out


_KILLED = """
import os, signal, sys
from pathlib import Path
from seatrial.app.watched.place import store_url
from seatrial.app.watched.retraining import AskingForRetraining
from seatrial.app.folder.workspace import open_workspace
from seatrial.watch.store import Store

class Mortal(Store):
    def change_alarm(self, *_):
        os.kill(os.getpid(), signal.SIGKILL)
    def between(self, *_, **__):
        os.kill(os.getpid(), signal.SIGKILL)

workspace = open_workspace(Path(sys.argv[1]))
store = Mortal(Store.open(store_url(workspace)).database)
AskingForRetraining(workspace, store, explain=lambda _: "", say=print).look()
"""


@pytest.mark.parametrize(("newest", "on_ledger"), [([1], 0), ([], 1)], ids=["before", "after"])
def test_a_watch_that_is_killed_between_alarm_and_request_leaves_exactly_one(
    tmp_path: Path, newest: list[int], on_ledger: int
) -> None:
    """Killed before the request is on record, and after it, before the alarm knows."""
    workspace = planted(tmp_path)
    store = Store.open(store_url(workspace))
    store.raise_alarm({**alarm("metric.recall"), "newest": newest})
    store.close()
    died = subprocess.run([sys.executable, "-c", _KILLED, str(tmp_path)], check=False, capture_output=True, timeout=60)
    assert died.returncode == -9, died.stderr
    assert len(listed(tmp_path)) == on_ledger
    look(workspace)
    look(workspace)
    (request,) = listed(tmp_path)
    assert len(request["alarms"]) == 1
    assert kinds(workspace) == [ASKED]


def test_it_is_told_in_office_hours_to_one_after_the_other(tmp_path: Path) -> None:
    amir, ivo = Swallowing(), Swallowing()
    with Server(amir) as first, Server(ivo) as second:
        workspace = planted(tmp_path, more="drills: {time_zone: Europe/Berlin}\n")
        file = workspace.file
        text = file.read_text().replace("{name: Amir Rahimi}", f'{{name: Amir Rahimi, page: "webhook+{first.url}/a"}}')
        text = text.replace("{name: Ivo Petrov}", f'{{name: Ivo Petrov, page: "webhook+{second.url}/i"}}')
        file.write_text(text)
        clock = FixedClock(at=datetime(2026, 11, 22, 20, 0, tzinfo=UTC))
        workspace = replace(open_workspace(tmp_path), clock=clock)
        look(workspace, alarm("metric.recall"))
        clock.sleep(timedelta(hours=10, minutes=30).total_seconds())
        look(workspace)
        assert not amir.events, "it is Monday, 07:30 in Berlin"
        clock.sleep(3600.0)
        look(workspace)
        look(workspace)
        assert len(amir.events) == 1
        assert "criteria.md" in amir.events[0]["data"]["text"]
        assert "retraining approve" in amir.events[0]["data"]["text"]
        assert not ivo.events
        clock.sleep(86_400.0)
        look(workspace)
        look(workspace)
        assert (len(amir.events), len(ivo.events)) == (1, 1)


@pytest.fixture(scope="module")
def carrying(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, Trained]]:
    """A system whose first model was tried and carries a GO."""
    folder, model = tmp_path_factory.mktemp("carrying"), Trained()
    with Server(model) as server:
        workspace = planted(folder, server.url, count=600)
        list(run(workspace, only=["model.threshold"]))
        decided(workspace)
        yield folder, model


def decided(workspace: Workspace) -> None:
    """Signatures and a GO for what stands now, as the ledger holds them after a review."""
    from seatrial.app.deciding.deciding import decided_now

    about = decided_now(workspace).subject
    keys = keystore(workspace)
    with open_ledger(workspace) as ledger:
        for role, person in workspace.system.signers.items():
            assert person is not None
            body = SignOffBody(person=person, role=Role(role), subject=about.digest, shown="0" * 64, verdict="0" * 64)
            rests_on = sign_off_depends(Role(role), workspace.system, about.parts)
            record(ledger, keys.person(person), workspace, RecordType.SIGN_OFF, body, depends=rests_on)
        go = DecisionBody(answer="GO", subject=about.digest, rehearsal=False, verdict="0" * 64)
        record(ledger, keys.worker(), workspace, RecordType.DECISION, go)


def test_a_new_model_re_enters_with_what_moved_until_go_closes_the_request(carrying: tuple[Path, Trained]) -> None:
    folder, model = carrying
    workspace = open_workspace(folder)
    assert not [note for note in decide_now(workspace).notes if "nother model" in note]
    model.version = 2
    list(run(workspace, only=["model.threshold"]))
    (unasked,) = [note for note in decide_now(workspace).notes if "nother model" in note]
    assert "without an approved retraining request" in unasked
    look(workspace, alarm("metric.recall"))
    (request,) = listed(folder)
    assert request["re_entered"] is None, "nobody has approved yet"
    assert answered(folder, "approve", request["id"], person="amir").code == 0
    (entered,) = [note for note in decide_now(workspace).notes if "nother model" in note]
    assert "as Amir Rahimi approved" in entered
    (request,) = listed(folder)
    found = request["re_entered"]
    assert found["moved"] == ["model"]
    before, after = found["before"]["recall"], found["after"]["recall"]
    assert before["lower"] < before["value"] < after["lower"] <= after["value"]
    shown = called("retraining", "show", request["id"], cwd=folder)
    assert "re-entered the gate with another model" in shown.out
    assert "What moved since GO: model." in shown.out
    assert "certainly at least" in shown.out
    assert "re-entered" in called("retraining", cwd=folder).out
    decided(workspace)
    (request,) = listed(folder)
    assert request["state"] == "closed"
    assert request["re_entered"]["moved"] == ["model"]
    assert "closed: GO was given for the new model" in called("retraining", "show", request["id"], cwd=folder).out
    assert not [note for note in decide_now(workspace).notes if "nother model" in note]
    look(workspace, alarm("metric.recall", number=2))
    assert [each["state"] for each in listed(folder)] == ["open", "closed"]
    assert verify_ledger(workspace).intact
