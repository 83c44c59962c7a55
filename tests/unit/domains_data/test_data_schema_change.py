"""data.schema-change against real pipelines whose source really changes: on the line, in a copy, at the entry."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from plants.changed_schema import POLICY, RECORDS, changed
from plants.joining_pipeline import READINGS, JoiningPipeline, TablePipeline, declared
from plants.real_trial import RealTrial, codes, judged, observed
from plants.server import Server
from seatrial.core.observation import Observation
from seatrial.core.vocabulary import Outcome
from seatrial.domains.data.schema_change import CHECK
from seatrial.spec.system import System

pytestmark = pytest.mark.slow


def fates(found: Observation, name: str = "weather") -> dict[str, str]:
    return {str(row["change"]): str(row["fate"]) for row in found.facts[name]}  # type: ignore[union-attr, index, call-overload]


def test_a_pipeline_that_checks_what_it_gets_and_tells_is_met() -> None:
    found, outcome = changed(entry=True)
    assert outcome is Outcome.MET, (found.findings, fates(found))
    assert fates(found)["columns in another order"] == "handled"
    assert fates(found)["a column seatrial_new added"] == "handled"
    assert fates(found)["temp dropped"] == "refused"
    assert fates(found, "deliveries")["weight renamed to seatrial_new"] == "handled"
    assert set(fates(found).values()) == {"handled", "refused"}
    assert {m.n for m in found.measures} == {5, 4}


@pytest.mark.parametrize(
    ("faults", "code", "outcome"),
    [
        ({"reads": "defaulting"}, "schema-altered", Outcome.NOT_MET),
        ({"reads": "positional"}, "schema-altered schema-unnoticed", Outcome.NOT_MET),
        ({"silent": True}, "schema-kept", Outcome.NOT_MET),
        ({"silent": True, "stops": True}, "schema-missing", Outcome.NOT_MET),
        ({"silent": True, "falls_back": True}, "schema-defaulted", Outcome.NOT_MET),
        ({"silent": True, "busy": True}, "", Outcome.MET),
        ({"reads": "tolerant"}, "", Outcome.MET),
        ({"reads": "strict"}, "", Outcome.MET),
        ({"falls_back": True}, "", Outcome.MET),
        ({"stuck": True}, "alarm-stays-up", Outcome.NOT_DETERMINED),
        ({"ignores": True, "silent": True}, "source-moves-nothing", Outcome.NOT_DETERMINED),
        ({"asks": False}, "change-not-met", Outcome.NOT_DETERMINED),
        ({"reads": "half"}, "schema-unnoticed", Outcome.NOT_MET),
        ({"silent": True, "jumpy": True}, "alarm-without-change", Outcome.NOT_DETERMINED),
    ],
)
def test_what_a_changed_schema_does_is_told(faults: dict[str, Any], code: str, outcome: Outcome) -> None:
    found, judgement = changed(faults, kinds=3 if faults == {"reads": "tolerant"} else 1)
    assert judgement is outcome, (found.findings, fates(found))
    gaps = {c for c in codes(found) if c != "line-not-used"}
    assert gaps == set(code.split()), (found.findings, fates(found))


LISTED = {"temp": {"type": "number"}, "wind": {"type": "number"}, "dock": {"type": "string", "values": ["A", "B"]}}
OPEN = {**LISTED, "dock": {"type": "string"}}


@pytest.mark.parametrize(
    ("faults", "inputs", "fate"),
    [
        ({"docks": ("A", "B")}, LISTED, "refused"),
        ({"docks": ("A", "B"), "unknown": "schedule"}, LISTED, "refused"),
        ({"docks": ("A", "B"), "unknown": "first"}, LISTED, "altered"),
        ({}, LISTED, "altered"),
        ({}, OPEN, None),
    ],
    ids=["refused", "answered by the fallback", "taken for another one", "passed on", "any text may come"],
)
def test_a_list_of_codes_that_gains_one_is_refused_or_a_gap(
    faults: dict[str, Any], inputs: dict[str, Any], fate: str | None
) -> None:
    model = {"endpoint": "http://127.0.0.1:9/predict", "task": "binary", "inputs": inputs}
    found, outcome = changed(faults, more={"model": model}, entry=True)
    assert fates(found, "deliveries").get("dock given a code that is not listed") == fate, found.facts
    absorbed = [f.fields for f in found.findings if f.detail.get("kind") == "given a code that is not listed"]
    assert absorbed == ([("deliveries.dock",)] if fate == "altered" else [])
    assert (outcome is Outcome.NOT_MET) is (fate == "altered"), found.findings


def test_an_entry_that_takes_any_record_absorbs_what_its_sender_changed() -> None:
    found, outcome = changed({"takes": True}, entry=True)
    assert outcome is Outcome.NOT_MET
    assert fates(found, "deliveries")["dock dropped"] == "altered"
    assert [f.fields for f in found.findings] == [("deliveries.dock",)]


def test_a_gap_names_the_column_the_change_and_the_values_before_and_after() -> None:
    found, _ = changed({"reads": "defaulting"})
    (finding,) = [f for f in found.findings if f.code == "schema-altered" and f.detail["kind"] == "dropped"]
    assert finding.fields == ("weather.temp",)
    assert "temp dropped" in finding.summary
    assert "risk of warn goes from 0." in finding.summary
    assert finding.explains == ("number of schema changes of weather that were silently absorbed",)


def test_without_an_alarm_only_what_is_refused_or_handled_counts() -> None:
    found, outcome = changed({}, more={"alarm": False})
    assert outcome is Outcome.NOT_MET
    assert codes(found) == {"schema-kept"}


def test_what_cannot_be_changed_is_open_and_says_how() -> None:
    plain = {"kind": "http", "test": {"url": "http://127.0.0.1:1", "read": "/"}}
    encrypted = {"kind": "http", "test": {"url": "https://127.0.0.1:1", "via": "127.0.0.1:2"}}
    table = {"kind": "sqlite", "test": {"url": "sqlite:///none.db", "read": "readings"}}
    for weather, code, remedy in (
        (plain, "no-way-to-change", "`via`"),
        (encrypted, "line-encrypted", "http://"),
        (table, "no-way-to-change", "scratch"),
    ):
        with JoiningPipeline(asks=False) as pipeline, Server(pipeline) as server:
            made = declared(server.url, weather=weather)
            made["integrations"]["deliveries"].pop("feeds")
            system = System.model_validate(made).model_copy(update={"policy": POLICY})
            with RealTrial(system, files={"records.jsonl": RECORDS}) as trial:
                found = observed(CHECK, system, trial)
        assert code in codes(found)
        assert any(remedy in f.remedy for f in found.findings)
        assert judged(CHECK, system, found).outcome is not Outcome.MET


def test_without_flows_or_sources_nothing_is_established() -> None:
    bare = {"system": "s", "version": "1", "model": {"endpoint": "http://127.0.0.1:1", "task": "binary"}}
    system = System.model_validate(bare)
    with RealTrial(system) as trial:
        found = observed(CHECK, system, trial)
    assert codes(found) == {"no-flows", "no-sources"}
    assert judged(CHECK, system, found).outcome is Outcome.NOT_MET


class Table:
    """A database file, and which of its tables the pipeline reads: the name in `reads.txt`."""

    def __init__(self, folder: Path) -> None:
        self.file = folder / "erp.db"
        self.pointer = folder / "reads.txt"
        self.pointer.write_text("readings")
        with self.opened() as db:
            db.execute("CREATE TABLE readings (station VARCHAR(8) NOT NULL, temp FLOAT, wind INTEGER)")
            db.executemany("INSERT INTO readings VALUES (:station, :temp, :wind)", READINGS)
        db.close()

    def opened(self) -> sqlite3.Connection:
        return sqlite3.connect(self.file, timeout=5.0)

    def rows(self, table: str = "") -> Sequence[Mapping[str, Any]]:
        db = self.opened()
        try:
            db.row_factory = sqlite3.Row
            name = table or self.pointer.read_text()
            return [dict(row) for row in db.execute(f"SELECT * FROM {name}")]
        except sqlite3.Error as error:
            raise OSError(str(error)) from None
        finally:
            db.close()

    def tables(self) -> set[str]:
        db = self.opened()
        try:
            return {row[0] for row in db.execute("SELECT name FROM sqlite_master")}
        finally:
            db.close()

    def section(self) -> dict[str, Any]:
        return {"kind": "sqlite", "test": {"url": f"sqlite:///{self.file}", "read": "readings", "writable": True}}

    def scratch(self, copy: str = "readings_copy") -> dict[str, Any]:
        def step(name: str, table: str) -> dict[str, Any]:
            write = f"printf {table} > {self.pointer}"
            return {"name": name, "kind": "command", "with": {"run": ["sh", "-c", write]}, "deadline": "5s"}

        return {"scratch": {"copy": copy, "point": step("to the copy", copy), "back": step("back", "readings")}}


def in_a_copy(table: Table, faults: Mapping[str, Any], copy: str = "readings_copy") -> tuple[Observation, Outcome]:
    with JoiningPipeline(get=table.rows, **faults) as pipeline, Server(pipeline) as server:
        made = declared(server.url, weather=table.section(), changing=table.scratch(copy))
        made["integrations"]["deliveries"].pop("feeds")
        system = System.model_validate(made).model_copy(update={"policy": POLICY})
        with RealTrial(system, files={"records.jsonl": RECORDS}) as trial:
            found = observed(CHECK, system, trial)
    return found, judged(CHECK, system, found).outcome


def test_a_table_is_altered_in_a_copy_and_the_source_stays_as_it_is(tmp_path: Path) -> None:
    table = Table(tmp_path)
    found, outcome = in_a_copy(table, {})
    assert outcome is Outcome.MET, (found.findings, fates(found))
    assert set(fates(found).values()) == {"handled", "refused"}
    assert table.rows("readings") == READINGS
    assert table.tables() == {"readings"}
    assert table.pointer.read_text() == "readings"
    found, outcome = in_a_copy(table, {"reads": "defaulting"})
    assert outcome is Outcome.NOT_MET
    assert "schema-altered" in codes(found)
    assert table.rows("readings") == READINGS


def test_what_a_killed_run_left_is_taken_away_and_what_is_none_of_ours_never(tmp_path: Path) -> None:
    table = Table(tmp_path)
    with table.opened() as db:
        db.execute("CREATE TABLE readings_copy (station TEXT)")
    db.close()
    found, outcome = in_a_copy(table, {})
    assert outcome is not Outcome.MET
    assert "none of ours" in next(f.summary for f in found.findings if f.code == "change-failed")
    assert table.tables() == {"readings", "readings_copy"}
    with table.opened() as db:
        db.execute("CREATE TABLE readings_copy_seatrial (made INTEGER)")
    db.close()
    table.pointer.write_text("readings_copy")
    found, outcome = in_a_copy(table, {})
    assert outcome is Outcome.MET, (found.findings, fates(found))
    assert table.tables() == {"readings"}
    assert table.pointer.read_text() == "readings"


def test_a_source_that_only_the_file_of_inputs_names_is_not_left_out_in_silence() -> None:
    with JoiningPipeline(asks=False) as pipeline, Server(pipeline) as server:
        made = declared(server.url, weather={"kind": "http", "test": {"url": "http://127.0.0.1:1", "read": "/"}})
        made["integrations"]["scale"] = {"kind": "http", "test": {"url": "http://127.0.0.1:1"}}
        made["model"]["inputs"] = "inputs.json"
        inputs = {"mass": {"type": "number", "fed_by": "scale"}}
        files = {"records.jsonl": RECORDS, "inputs.json": json.dumps(inputs).encode()}
        system = System.model_validate(made).model_copy(update={"policy": POLICY})
        with RealTrial(system, files=files) as trial:
            found = observed(CHECK, system, trial)
    assert "source-not-listed" in codes(found)
    assert any("integrations.scale.feeds" in f.remedy for f in found.findings)
    assert judged(CHECK, system, found).outcome is not Outcome.MET


class Orders(Table):
    """A table into which records are put, which the pipeline reads again and again."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.pointer.write_text("orders")
        with self.opened() as db:
            db.execute("CREATE TABLE orders (id TEXT NOT NULL, dock TEXT NOT NULL, kg FLOAT NOT NULL)")
        db.close()

    def tried(self, *, guarded: bool, copied: bool = True) -> tuple[Observation, Outcome]:
        steps = self.scratch()["scratch"]
        for name, table in (("point", "orders_copy"), ("back", "orders")):
            steps[name]["with"] = {"run": ["sh", "-c", f"printf {table} > {self.pointer}"]}
        with TablePipeline(self.rows, guarded=guarded) as pipeline, Server(pipeline) as server:
            made = declared(server.url, weather={"kind": "http", "test": {"url": server.url}})
            changing = made["data"]["schema_change"]["sources"].pop("weather")
            if copied:
                changing = {**changing, "scratch": {**steps, "of": "orders", "copy": "orders_copy"}}
            made["data"]["schema_change"]["sources"]["orders"] = changing
            test = {"url": f"sqlite:///{self.file}", "read": "orders", "write": "orders", "writable": True}
            planner = {"kind": "http", "direction": "out", "test": {"url": server.url, "observe": "/out"}}
            made["integrations"] = {
                "orders": {"kind": "sqlite", "test": test, "feeds": ["dock", "kg"]},
                "planner": planner,
            }
            made["model"]["inputs"] = {"dock": {"type": "string"}, "kg": {"type": "number"}}
            made["flows"][0] |= {"in": "orders", "fallback": {}}
            system = System.model_validate(made).model_copy(update={"policy": POLICY})
            with RealTrial(system, files={"records.jsonl": ORDERS}) as trial:
                found = observed(CHECK, system, trial)
        return found, judged(CHECK, system, found).outcome


ORDERS = "".join(f'{{"id": "d{at}", "dock": "{"AB"[at % 2]}", "kg": {at + 0.5}}}\n' for at in range(4)).encode()


def test_that_our_own_insert_does_not_fit_a_table_refuses_nothing(tmp_path: Path) -> None:
    found, outcome = Orders(tmp_path).tried(guarded=True, copied=False)
    assert codes(found) == {"no-way-to-change"}
    assert outcome is Outcome.NOT_DETERMINED


@pytest.mark.parametrize(("guarded", "outcome"), [(True, Outcome.MET), (False, Outcome.NOT_MET)])
def test_records_of_a_table_that_is_an_entry_go_into_its_copy(tmp_path: Path, guarded: bool, outcome: Outcome) -> None:
    orders = Orders(tmp_path)
    found, judgement = orders.tried(guarded=guarded)
    assert judgement is outcome, (found.findings, fates(found, "orders"))
    assert fates(found, "orders")["a column seatrial_new added"] == "handled"
    dropped = [fate for change, fate in fates(found, "orders").items() if change.endswith("dropped")]
    assert dropped
    assert set(dropped) == {"refused"} if guarded else set(dropped) <= {"altered", "unnoticed"}
    assert "orders_copy" not in orders.tables()
