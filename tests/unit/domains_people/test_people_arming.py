"""The daily arming probe: it sees what went missing since the drill, and sends nothing that could change anything."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from plants.databases import server, table
from plants.planted_trial import NOW, PlantedTrial
from plants.server import Asked, Said, Server, said
from seatrial.adapters.http import Http
from seatrial.adapters.pagers.pager import LinkPager
from seatrial.adapters.steps.runner import StepRunner
from seatrial.core.bodies import ObservationBody
from seatrial.core.codec import to_data
from seatrial.core.errors import SeatrialError
from seatrial.core.observation import Json, Observation
from seatrial.core.record import Record
from seatrial.core.vocabulary import RecordType
from seatrial.domains.governance import arming, rollback
from seatrial.spec.loading import load_procedure
from seatrial.spec.system import System

SAFE = {"OPTIONS", "GET", "HEAD"}


@dataclass
class Works:
    """A model server that forbids, forgets and breaks on demand, and the routes of two people."""

    served: str = "2"
    permits: bool = True
    digest: str = "aa11"
    broken: bool = False
    pager_gone: bool = False
    changed: int = 0

    def model(self, asked: Asked) -> Said:
        if self.broken:
            return said({}, 503)
        if asked.method == "OPTIONS":
            return said({}, 204 if self.permits else 403)
        if asked.path == "/kept":
            return said({"1": self.digest})
        if asked.path == "/activate" and asked.method == "POST":
            self.changed += 1
            self.served = asked.json()["version"]
        return said({"version": self.served})

    def pager(self, asked: Asked) -> Said:
        return said({}, 404 if self.pager_gone else 405)


@pytest.fixture
def works() -> Works:
    return Works()


@pytest.fixture
def place(works: Works, tmp_path: Path) -> Iterator[tuple[PlantedTrial, System, Server, Server]]:
    with Server(works.model) as model, Server(works.pager) as pager:
        yield (*wired(model.url, pager.url, tmp_path), model, pager)


def http(name: str, url: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "kind": "http", "with": {"url": url, **more}, "deadline": "5s"}


def procedure_of(model: str) -> dict[str, Any]:
    return {
        "procedure": "back",
        "before": [http("2 is served", f"{model}/version", expect={"json": {"version": "2"}})],
        "steps": [
            http("activate 1", f"{model}/activate", json={"version": "1"}),
            {"name": "note it", "kind": "command", "with": {"run": ["sh", "note.sh"]}, "deadline": "5s"},
            {
                "name": "route to 1",
                "kind": "sql",
                "with": {"url": "sqlite:///routes.db", "statement": "UPDATE routes SET version = '1'"},
                "deadline": "5s",
            },
        ],
        "target": [http("1 is served", f"{model}/version", expect={"json": {"version": "1"}})],
        "restore": [http("activate 2", f"{model}/activate", json={"version": "2"})],
        "restored": [http("2 is served again", f"{model}/version", expect={"json": {"version": "2"}})],
        "armed": [http("1 is kept", f"{model}/kept", take='"1": "([0-9a-f]+)"')],
    }


def wired(model: str, pager: str, folder: Path) -> tuple[PlantedTrial, System]:
    (folder / "note.sh").write_text("echo noted > noted\n")
    with sqlite3.connect(folder / "routes.db") as database:
        database.execute("CREATE TABLE routes (version TEXT)")
        database.execute("INSERT INTO routes VALUES ('2')")
    route = f"webhook+{pager}/olga"
    system = System.model_validate(
        {
            "system": "works",
            "version": "2",
            "people": {"olga": {"name": "Olga", "page": route}, "sven": {"name": "Sven", "page": route}},
            "owner": {"who": "olga", "deputy": "sven"},
            "model": {"task": "binary", "endpoint": f"{model}/predict"},
            "rollback": {"procedure": "back.yaml", "within": "1h"},
        }
    )
    trial = PlantedTrial(files={"back.yaml": json.dumps(procedure_of(model)).encode()})
    door = Http(origins=[model, pager])
    trial.real_steps = StepRunner(http=door, base_dir=folder, databases=frozenset({"sqlite:///routes.db"}))
    trial.real_pager = LinkPager(system.people, http=door)
    return trial, system


def probe(system: System, trial: PlantedTrial) -> tuple[Observation, set[str]]:
    seen = arming.CHECK.run(system, trial)
    assert isinstance(seen, Observation)
    found = {finding.code for finding in seen.findings}
    assert found <= set(arming.CHECK.codes)
    assert all(finding.remedy for finding in seen.findings)
    return seen, found


def rehearsed(trial: PlantedTrial, shown: Mapping[str, Json]) -> None:
    seen = Observation(done="Drilled.", facts={"armed": shown})
    body = ObservationBody(
        requirement=rollback.CHECK.requirement,
        check=rollback.CHECK.id,
        check_version=rollback.CHECK.version,
        product="0",
        run="r",
        seed=1,
        started_at=NOW,
        duration_s=1.0,
        observation=seen,
    )
    data = to_data(body)
    assert isinstance(data, Mapping)
    trial.on_record.append(
        Record(
            type=RecordType.OBSERVATION,
            id="drill",
            system="works",
            at=NOW - timedelta(days=9),
            by="worker:w",
            depends={},
            body=data,
        )
    )


SHOWN = {"1 is kept": hashlib.sha256(b'"aa11"').hexdigest()}


def test_a_way_back_that_is_as_it_was_rehearsed_is_armed_and_nothing_that_was_sent_could_change_it(
    works: Works, place: tuple[PlantedTrial, System, Server, Server], tmp_path: Path
) -> None:
    trial, system, model, pager = place
    rehearsed(trial, SHOWN)
    before = (tmp_path / "routes.db").read_bytes()
    seen, found = probe(system, trial)
    assert found == set()
    assert seen.proof >= 8
    sent = [*model.asked, *pager.asked]
    assert len(sent) >= 6
    assert {asked.method for asked in sent} <= SAFE
    assert not any(asked.body for asked in sent)
    assert (works.changed, works.served) == (0, "2")
    assert (tmp_path / "routes.db").read_bytes() == before
    assert not (tmp_path / "noted").exists()


@pytest.mark.parametrize(
    ("harm", "code"),
    [
        (lambda works, _: setattr(works, "permits", False), "not-armed"),
        (lambda works, _: setattr(works, "digest", "bb22"), "changed-since-rehearsed"),
        (lambda works, _: setattr(works, "digest", "gone!"), "not-armed"),
        (lambda works, _: setattr(works, "broken", True), "not-armed"),
        (lambda works, _: setattr(works, "served", "1"), "state-before-not-there"),
        (lambda works, _: setattr(works, "pager_gone", True), "route-closed"),
        (lambda _, folder: (folder / "note.sh").unlink(), "not-armed"),
        (lambda _, folder: (folder / "routes.db").unlink(), "not-armed"),
    ],
    ids=["credentials", "artefact", "no artefact", "target", "state", "route", "script", "table"],
)
def test_what_went_missing_since_the_drill_is_seen(
    works: Works, place: tuple[PlantedTrial, System, Server, Server], tmp_path: Path, harm: Any, code: str
) -> None:
    trial, system, *_ = place
    rehearsed(trial, SHOWN)
    harm(works, tmp_path)
    _, found = probe(system, trial)
    assert code in found
    assert works.changed == 0


def test_without_a_drill_on_record_or_a_look_at_the_artefact_nothing_is_armed(
    place: tuple[PlantedTrial, System, Server, Server],
) -> None:
    trial, system, model, _ = place
    assert probe(system, trial)[1] == {"never-rehearsed"}
    bare = {key: value for key, value in procedure_of(model.url).items() if key != "armed"}
    trial.files.contents["back.yaml"] = json.dumps(bare).encode()
    assert probe(system, trial)[1] == {"nothing-to-look-at"}
    trial.files.contents["back.yaml"] = b"- no procedure\n"
    assert probe(system, trial)[1] == {"procedure-unreadable"}


def test_a_route_that_cannot_be_tried_asks_for_one_that_wakes_nobody() -> None:
    trial = PlantedTrial(files={})
    trial.people.tells = False
    system = System.model_validate(
        {
            "system": "works",
            "version": "2",
            "people": {"olga": {"name": "Olga", "page": "mailto://olga.example"}},
            "owner": {"who": "olga"},
            "model": {"task": "binary", "endpoint": "http://127.0.0.1:1/predict"},
        }
    )
    seen, found = probe(system, trial)
    assert found == {"no-rollback", "route-not-probed"}
    assert any("people.olga.test_page" in finding.fields for finding in seen.findings)


@pytest.mark.parametrize(
    "look",
    [
        {"kind": "http", "with": {"url": "http://127.0.0.1:1/x", "method": "POST"}},
        {"kind": "http", "with": {"url": "http://127.0.0.1:1/x", "json": {}}},
        {"kind": "ask", "with": {"who": "olga", "question": "?"}},
        {"kind": "message", "with": {"integration": "planner", "record": {"id": "seatrial-1"}}},
        {"kind": "wait-until", "with": {"http": {"url": "http://127.0.0.1:1/x", "method": "DELETE"}}},
    ],
)
def test_a_look_that_could_change_something_is_an_error_of_the_file(look: dict[str, Any]) -> None:
    content = {**procedure_of("http://127.0.0.1:1"), "armed": [{"name": "look", "deadline": "5s", **look}]}
    with pytest.raises(SeatrialError) as raised:
        load_procedure(json.dumps(content).encode(), name="back.yaml", environment={})
    assert "only look" in raised.value.what


def test_a_look_is_held_to_looking_whatever_it_was_declared_as(tmp_path: Path) -> None:
    with Server(lambda _: said({})) as server:
        steps = StepRunner(http=Http(origins=[server.url]), base_dir=tmp_path)
        looks: list[dict[str, Json]] = [{"url": server.url, "method": "PUT"}, {"url": server.url, "json": {}}]
        for settings in looks:
            assert not steps.look("http", settings, timeout_s=5.0).ok
        assert not steps.look("ask", {"who": "olga", "question": "?"}, timeout_s=5.0).ok
        assert server.asked == []
    with sqlite3.connect(tmp_path / "routes.db") as database:
        database.execute("CREATE TABLE routes (version TEXT)")
    steps = StepRunner(http=Http(origins=[]), base_dir=tmp_path, readable=frozenset({"sqlite:///routes.db"}))
    writing = {"url": "sqlite:///routes.db", "statement": "INSERT INTO routes VALUES ('9')"}
    assert not steps.look("sql", writing, timeout_s=5.0).ok
    assert steps.look("sql", {**writing, "statement": "SELECT * FROM routes"}, timeout_s=5.0).ok


@pytest.mark.parametrize("kind", ["postgresql", "mariadb"])
def test_a_database_plans_a_statement_for_the_account_and_changes_nothing(kind: str, tmp_path: Path) -> None:
    url, engine = server(kind)
    steps = StepRunner(http=Http(origins=[]), base_dir=tmp_path, databases=frozenset({url}))
    with table(engine, "version integer", "INSERT INTO {table} VALUES (2)") as name:
        for statement in (f"UPDATE {name} SET version = 1", f"DELETE FROM {name}", f"INSERT INTO {name} VALUES (3)"):
            probed = steps.probe("sql", {"url": url, "statement": statement}, timeout_s=5.0)
            assert (probed.ok, probed.output) == (True, "the database would carry it out"), statement
        missing = steps.probe("sql", {"url": url, "statement": f"UPDATE {name}_gone SET version = 1"}, timeout_s=5.0)
        assert not missing.ok
        assert not steps.look("sql", {"url": url, "statement": f"DELETE FROM {name}"}, timeout_s=5.0).ok
        with engine.begin() as connection:
            assert connection.exec_driver_sql(f"SELECT version FROM {name}").all() == [(2,)]
