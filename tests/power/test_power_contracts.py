"""Contracts on real records: what breaks one, and a contract that nothing could break, is found; sound ones pass."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from plants.pipeline_server import CONTRACT, Pipeline, declared, delivery
from plants.planted_trial import PlantedSource, PlantedTrial
from plants.real_trial import RealTrial, codes, judged, observed
from plants.server import Asked, Said, Server, said
from seatrial.core.observation import Observation
from seatrial.core.ports import TEST_MARK
from seatrial.core.vocabulary import Outcome
from seatrial.domains.flows.marking import FAULTY_MARK
from seatrial.domains.integration.contracts import CHECK
from seatrial.gate.judging import Judgement
from seatrial.spec.system import System


def held(
    pipeline: Pipeline, *, contract: Mapping[str, Any] | bytes = CONTRACT, **changes: Any
) -> tuple[Observation, Judgement]:
    text = contract if isinstance(contract, bytes) else json.dumps(contract).encode()
    with Server(pipeline) as server:
        system = System.model_validate(declared(server.url, **changes))
        files = {"in.json": text, "out.json": json.dumps(CONTRACT).encode()}
        with RealTrial(system, files=files) as trial:
            observation = observed(CHECK, system, trial)
    return observation, judged(CHECK, system, observation)


def without(name: str) -> Mapping[str, Any]:
    properties = {k: v for k, v in CONTRACT["properties"].items() if k != name}
    return {**CONTRACT, "required": [n for n in CONTRACT["required"] if n != name], "properties": properties}


def test_records_that_keep_a_contract_pass_and_a_test_record_of_ours_is_among_them() -> None:
    observation, judgement = held(Pipeline())
    assert judgement.outcome is Outcome.MET, judgement
    assert observation.facts["records"] == {"deliveries": 400, "planner": 401}


def test_a_column_more_breaks_nothing() -> None:
    assert held(Pipeline(breaks={"gate": None}, every=3))[1].outcome is Outcome.MET


@pytest.mark.parametrize(
    ("breaks", "field"),
    [
        ({"temp": 101_300.0}, "temp"),
        ({"temp": "12,5"}, "temp"),
        ({"temp": None}, "temp"),
        ({"dock": "berth 7"}, "dock"),
        ({"planned_at": "2026-11-23T10:00:00"}, "planned_at"),
    ],
)
def test_a_broken_contract_names_the_field_and_not_the_value(breaks: Mapping[str, Any], field: str) -> None:
    observation, judgement = held(Pipeline(breaks=breaks, every=10))
    assert judgement.outcome is Outcome.NOT_MET
    broken = [f for f in observation.findings if f.code == "contract-broken"]
    assert {f.fields for f in broken} == {(field,)}
    assert all(str(value) not in f.summary for f in broken for value in breaks.values() if value is not None)


@pytest.mark.parametrize(
    ("breaks", "outcome"),
    [
        ({}, Outcome.MET),
        ({"quantity": 36, "pack": 12}, Outcome.MET),
        ({"quantity": 31, "pack": 12}, Outcome.NOT_MET),
        ({"forecast": 9.0, "upper": 7.0}, Outcome.NOT_MET),
    ],
)
def test_what_must_hold_between_fields_is_held_against_every_record(breaks: dict[str, Any], outcome: Outcome) -> None:
    relations = {"relations": ["quantity % pack == 0", "upper >= forecast"]}
    sound = {"quantity": 24, "pack": 12, "forecast": 7.0, "upper": 9.0}
    pipeline = Pipeline()
    pipeline.shown = [{**r, **sound, **(breaks if at % 10 == 0 else {})} for at, r in enumerate(pipeline.shown)]
    observation, judgement = held(pipeline, contract={**CONTRACT, **relations})
    assert judgement.outcome is outcome, judgement
    if outcome is Outcome.NOT_MET:
        (finding,) = [f for f in observation.findings if f.code == "contract-broken"]
        assert "does not hold (40×)" in finding.summary


def test_a_relation_that_no_record_tells_of_leaves_it_open() -> None:
    pipeline = Pipeline()
    pipeline.shown = [{**r, "quantity": "24", "pack": 12} for r in pipeline.shown]
    observation, judgement = held(pipeline, contract={**CONTRACT, "relations": ["quantity % pack == 0"]})
    assert judgement.outcome is Outcome.NOT_DETERMINED
    assert codes(observation) == {"relation-not-told"}


@pytest.mark.parametrize("relations", ["quantity % pack == 0", ["quantity %"], [3], {"a": "b"}])
def test_relations_that_cannot_be_read_are_no_contract(relations: Any) -> None:
    observation, judgement = held(Pipeline(), contract={**CONTRACT, "relations": relations})
    assert judgement.outcome is Outcome.NOT_MET
    assert "contract-unreadable" in codes(observation)


def test_records_that_another_check_broke_on_purpose_say_nothing_of_what_is_exchanged() -> None:
    pipeline = Pipeline()
    planted = [{**r, "id": f"{FAULTY_MARK}{at}", "dock": 7} for at, r in enumerate(pipeline.shown[:40])]
    pipeline.shown = [*pipeline.shown, *planted]
    observation, judgement = held(pipeline)
    assert judgement.outcome is Outcome.MET, judgement
    assert observation.facts["records"] == {"deliveries": 400, "planner": 401}


def test_what_was_put_in_at_an_entry_by_our_own_tests_says_nothing_of_what_its_source_gives() -> None:
    def after_other_tests(**real: Any) -> tuple[Observation, Judgement]:
        pipeline = Pipeline(**real)
        ours = [{**delivery(at), "id": f"{TEST_MARK}{at}"} for at in range(1200)]
        pipeline.shown = [*pipeline.shown, *ours]
        return held(pipeline)

    assert after_other_tests(breaks={"temp": None}, every=10)[1].outcome is Outcome.NOT_MET
    assert after_other_tests(shown=0)[1].outcome is Outcome.NOT_DETERMINED
    observation, judgement = after_other_tests()
    assert judgement.outcome is Outcome.MET, judgement
    assert observation.facts["records"] == {"deliveries": 400, "planner": 1001}


def test_too_few_records_ask_for_more() -> None:
    observation, judgement = held(Pipeline(shown=120))
    assert judgement.outcome is Outcome.NOT_DETERMINED
    assert observation.measures[0].needed == 179


def master_data(tmp_path: Path, broken: int = 0, *, rows: int = 40, **changes: Any) -> tuple[Observation, Judgement]:
    """A table of that many customers, of which `broken` have no dock that the contract knows."""
    database = sqlite3.connect(tmp_path / "erp.db")
    with database:
        database.execute("CREATE TABLE customers (id TEXT, planned_at TEXT, temp REAL, dock TEXT)")
        told = [{**delivery(at), **({"dock": "X"} if at < broken else {})} for at in range(rows)]
        database.executemany("INSERT INTO customers VALUES (:id, :planned_at, :temp, :dock)", told)
    database.close()
    end = {"url": f"sqlite:///{tmp_path / 'erp.db'}", "read": "customers", **changes.pop("end", {})}
    source = {"kind": "sqlite", "contract": "in.json", "feeds": ["temp"], "test": end, **changes}
    system = System.model_validate(declared("http://127.0.0.1:1", integrations={"customers": source}, flows=()))
    with RealTrial(system, files={"in.json": json.dumps(CONTRACT).encode()}) as trial:
        observation = observed(CHECK, system, trial)
    return observation, judged(CHECK, system, observation)


def test_a_small_table_of_master_data_is_looked_at_as_a_whole(tmp_path: Path) -> None:
    observation, judgement = master_data(tmp_path)
    assert judgement.outcome is Outcome.MET, judgement
    assert observation.measures[0].n == 40


def test_one_broken_record_of_a_small_table_is_a_gap(tmp_path: Path) -> None:
    observation, judgement = master_data(tmp_path, broken=1)
    assert judgement.outcome is Outcome.NOT_MET
    assert "contract-broken" in codes(observation)


@pytest.mark.parametrize(
    "changes",
    [{"end": {"read": "SELECT * FROM customers ORDER BY id DESC LIMIT 30"}}, {"direction": "both"}],
    ids=["the newest of a query", "what also goes out"],
)
def test_what_is_not_surely_all_that_there_is_is_bounded_as_a_sample(tmp_path: Path, changes: dict[str, Any]) -> None:
    assert master_data(tmp_path, **changes)[1].outcome is Outcome.NOT_DETERMINED


def test_an_exit_that_is_writable_only_for_taking_away_is_read(tmp_path: Path) -> None:
    flow = {"name": "f", "in": "customers", "out": "plan", "key": "id", "within": "1s", "peak": "1/s"}
    database = sqlite3.connect(tmp_path / "plan.db")
    with database:
        database.execute("CREATE TABLE plan (id TEXT, planned_at TEXT, temp REAL, dock TEXT)")
        told = [delivery(at) for at in range(400)]
        database.executemany("INSERT INTO plan VALUES (:id, :planned_at, :temp, :dock)", told)
    database.close()
    end = {
        "url": f"sqlite:///{tmp_path / 'plan.db'}",
        "writable": True,
        "read": "plan",
        "observe": "plan",
        "remove": "plan",
    }
    out = {"kind": "sqlite", "direction": "out", "contract": "in.json", "test": end}
    entry = {"kind": "http", "test": {"url": "http://127.0.0.1:1"}}
    both = {"customers": entry, "plan": out}
    system = System.model_validate(declared("http://127.0.0.1:1", integrations=both, flows=[flow]))
    with RealTrial(system, files={"in.json": json.dumps(CONTRACT).encode()}) as trial:
        observation = observed(CHECK, system, trial)
    assert [m.value for m in observation.measures if "plan" in m.name] == [0.0]
    assert not [f for f in observation.findings if "plan" in f.summary]


@pytest.mark.parametrize(("kind", "longer"), [("mqtt", True), ("opcua", True), ("http", False)])
def test_too_few_records_of_a_source_that_keeps_none_ask_to_listen_longer(kind: str, longer: bool) -> None:
    source = {"kind": kind, "contract": "in.json", "test": {"url": "x://127.0.0.1:1", "topic": "t", "read": "/in"}}
    system = System.model_validate(declared("http://127.0.0.1:1", integrations={"feed": source}, flows=()))
    trial = PlantedTrial(files={"in.json": json.dumps(CONTRACT).encode()})
    trial.sources["feed"] = PlantedSource([delivery(at) for at in range(20)])
    (measure,) = observed(CHECK, system, trial).measures
    assert measure.needed_unit.startswith("records of feed")
    assert ("listen_for at integrations.feed.test" in measure.needed_unit) is longer


@pytest.mark.parametrize(
    ("contract", "code", "fields"),
    [
        ({"type": "object"}, "contract-matches-anything", ("integrations.deliveries.contract",)),
        ({**CONTRACT, "properties": {**CONTRACT["properties"], "temp": {}}}, "contract-too-weak", ("temp",)),
        ({**CONTRACT, "required": ["id", "planned_at", "dock"]}, "contract-too-weak", ("temp",)),
        (without("temp"), "field-not-in-contract", ("temp",)),
        (b'{"type": "objct"}', "contract-unreadable", ("integrations.deliveries.contract",)),
        (b'{"type": "object", "type": "object"}', "contract-unreadable", ("integrations.deliveries.contract",)),
        (
            {**CONTRACT, "allOf": [{"$ref": "http://127.0.0.1:9/more.json"}]},
            "contract-unreadable",
            ("integrations.deliveries.contract",),
        ),
    ],
)
def test_a_contract_that_protects_from_nothing_is_a_gap(
    contract: Mapping[str, Any] | bytes, code: str, fields: tuple[str, ...]
) -> None:
    observation, judgement = held(Pipeline(), contract=contract)
    assert judgement.outcome is Outcome.NOT_MET
    assert fields in [f.fields for f in observation.findings if f.code == code]


def test_no_contract_no_integration_and_no_records_are_each_named() -> None:
    plain = declared("http://127.0.0.1:1")
    bare = {"deliveries": {**plain["integrations"]["deliveries"], "contract": None}}
    assert "no-contract" in codes(held(Pipeline(), integrations=bare, flows=())[0])
    assert codes(held(Pipeline(), integrations={}, flows=())[0]) == {"no-integrations"}
    observation, judgement = held(Pipeline(shown=0))
    assert codes(observation) == {"no-records"}
    assert judgement.outcome is Outcome.NOT_DETERMINED


def test_an_integration_that_does_not_answer_is_open_and_says_why() -> None:
    class Down(Pipeline):
        def __call__(self, asked: Any) -> Any:
            return super().__call__(asked) if asked.path == "/out" else self._down()

        def _down(self) -> Any:
            from plants.server import said

            return said({"error": "database is down"}, 503)

    observation, judgement = held(Down())
    assert codes(observation) == {"unreachable"}
    assert judgement.outcome is Outcome.NOT_DETERMINED


def published(temp: Mapping[str, Any]) -> Mapping[str, Any]:
    order = {"type": "object", "required": ["id", "temp"], "properties": {"id": {"type": "string"}, "temp": temp}}
    listed = {"content": {"application/json": {"schema": {"type": "array", "items": order}}}}
    taken = {"content": {"application/json": {"schema": order}}}
    return {
        "openapi": "3.1.0",
        "paths": {"/in": {"get": {"responses": {"200": listed}}, "post": {"requestBody": taken}}},
    }


@pytest.mark.parametrize(
    ("temp", "found"),
    [
        ({"type": "number"}, set()),
        ({"type": ["number", "string", "null"], "description": "looser than it is"}, set()),
        ({"type": "number", "maximum": 12}, {"description-broken"}),
        ({"type": "string"}, {"description-broken"}),
        ({"type": 5}, {"description-unreadable"}),
    ],
)
def test_records_are_held_against_what_their_source_publishes(temp: Mapping[str, Any], found: set[str]) -> None:
    pipeline = Pipeline()

    def answer(asked: Asked) -> Said:
        return said(published(temp)) if asked.path == "/openapi.json" else pipeline(asked)

    with Server(answer) as server:
        content = declared(server.url)
        for integration in content["integrations"].values():
            integration["test"] = {**integration["test"], "openapi": f"{server.url}/openapi.json"}
        system = System.model_validate(content)
        files = {"in.json": json.dumps(CONTRACT).encode(), "out.json": json.dumps(CONTRACT).encode()}
        with RealTrial(system, files=files) as trial:
            observation = observed(CHECK, system, trial)
    assert {code for code in codes(observation) if code.startswith("description")} == found
    broken = [finding for finding in observation.findings if finding.code == "description-broken"]
    assert all(finding.fields == ("temp",) for finding in broken)
    assert (judged(CHECK, system, observation).outcome is Outcome.MET) == (not found)
