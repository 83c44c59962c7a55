from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from seatrial.core.errors import SeatrialError
from seatrial.examples.arrival_delay.defects import DEFECTS
from seatrial.examples.arrival_delay.example import EXAMPLE
from seatrial.examples.arrival_delay.prepare import HERE, TABLES
from seatrial.examples.draft import Draft, drafted
from seatrial.examples.preparing import prepare
from seatrial.gate.catalogue import PRODUCTION_READINESS
from seatrial.spec.documents import read_document
from seatrial.spec.failure_modes import load_failure_modes
from seatrial.spec.loading import load_inputs, load_procedure, load_system
from seatrial.spec.procedure import REPORT, REPORT_LINK
from seatrial.spec.subject import documents, procedures, referenced_files
from seatrial.spec.users import load_users

ENVIRONMENT = {
    "ARRIVAL_MODEL": "http://127.0.0.1:1",
    "ARRIVAL_WEATHER": "http://127.0.0.1:2",
    "ARRIVAL_PLANNER": "http://127.0.0.1:3",
    "ARRIVAL_PAGER": "http://secret@127.0.0.1:4",
    "ARRIVAL_WEATHER_LINE": "127.0.0.1:5",
    "ARRIVAL_PLANNER_LINE": "127.0.0.1:6",
    "ARRIVAL_PYTHON": "python",
}


def draft(variant: str = "ready") -> Draft:
    return drafted(HERE, TABLES, variant)


@pytest.mark.parametrize("variant", ["pilot", "ready"])
def test_every_file_of_a_variant_is_sound(variant: str) -> None:
    texts = {path: text.encode() for path, text in draft(variant).texts.items()}
    system = load_system(texts["seatrial.yaml"], name="seatrial.yaml", environment=ENVIRONMENT).system
    inputs = load_inputs(texts["inputs.json"], name="inputs.json")
    assert {field for integration in system.integrations.values() for field in integration.feeds} <= set(inputs)
    assert {field.fed_by for field in inputs.values()} <= set(system.integrations)
    load_failure_modes(texts["failure-modes.yaml"], name="failure-modes.yaml")
    assert len(load_users(texts["users.csv"], name="users.csv")) == 12
    for path in procedures(system):
        load_procedure(texts[path], name=path, environment={**ENVIRONMENT, REPORT: "a doubt", REPORT_LINK: "http://x"})
    for path in documents(system):
        read_document(texts[path], name=path)
    made = ("data/", "records/")
    assert [path for path in referenced_files(system) if path not in texts and not path.startswith(made)] == []


def test_the_ready_variant_leaves_nothing_open_and_the_pilot_does() -> None:
    loaded = {
        variant: load_system(draft(variant).texts["seatrial.yaml"].encode(), name=variant, environment=ENVIRONMENT)
        for variant in ("ready", "pilot")
    }
    assert loaded["ready"].todos == ()
    assert {todo.path for todo in loaded["pilot"].todos} == {"owner.who", "duties.monitor.who"}


@pytest.mark.parametrize("name", DEFECTS)
def test_a_defect_changes_the_ready_variant_and_leaves_its_system_file_readable(name: str) -> None:
    before, after = draft(), draft()
    DEFECTS[name].plant(after)
    same = [
        before.texts == after.texts,
        before.services == after.services,
        before.paperwork == after.paperwork,
        before.leak == after.leak,
        all(before.tables[t].equals(after.tables[t]) for t in before.tables),
    ]
    assert not all(same)
    load_system(after.texts["seatrial.yaml"].encode(), name=name, environment=ENVIRONMENT)
    load_failure_modes(after.texts["failure-modes.yaml"].encode(), name=name)


def test_every_defect_names_a_requirement_of_the_catalogue_and_the_harmless_ones_none() -> None:
    known = {row.id for row in PRODUCTION_READINESS}
    assert {d.requirement for d in DEFECTS.values() if d.requirement} <= known
    harmless = {name for name, defect in DEFECTS.items() if defect.requirement is None}
    assert harmless == {"permuted-rows", "int-for-float", "extra-nullable-column", "slower-within-limit"}


def test_the_weakest_carriers_entry_is_really_taken_out() -> None:
    changed = draft()
    DEFECTS["unregistered-carrier"].plant(changed)
    modes = {
        which: {m.id for m in load_failure_modes(d.texts["failure-modes.yaml"].encode(), name=which)}
        for which, d in (("before", draft()), ("after", changed))
    }
    assert modes["before"] - modes["after"] == {"carrier-ev"}


def test_what_is_known_only_after_departure_reaches_the_directory_only_with_the_leak(ready: Path) -> None:
    import pyarrow.parquet as pq

    for name in ("training", "evaluation", "live"):
        assert "dep_delay" not in pq.read_schema(ready / "data" / f"{name}.parquet").names
    assert "dep_delay" not in json.loads((ready / "models" / "2026.11.1" / "model.json").read_text())["numbers"]


def test_the_proofs_of_the_rollback_name_the_digests_that_are_served(ready: Path) -> None:
    assert "@" not in (ready / "procedures" / "rollback.yaml").read_text(encoding="utf-8").replace("recall@", "")


def test_it_refuses_an_unknown_defect_and_a_directory_that_holds_something_else(tmp_path: Path) -> None:
    with pytest.raises(SeatrialError, match="no defect 'celcius'"):
        prepare(EXAMPLE, tmp_path / "new", "ready", "celcius")
    (tmp_path / "thesis.txt").write_text("mine", encoding="utf-8")
    with pytest.raises(SeatrialError, match="holds something else"):
        prepare(EXAMPLE, tmp_path, "ready")
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_models_trained_before_serve_again_only_where_the_same_rows_would_train_them(
    ready: Path, tmp_path: Path
) -> None:
    def digests(directory: Path) -> dict[str, str]:
        found = sorted((directory / "models").rglob("*.json"))
        return {f.relative_to(directory).as_posix(): hashlib.sha256(f.read_bytes()).hexdigest() for f in found}

    prepare(EXAMPLE, tmp_path / "celsius", "ready", "celsius", trained=ready)
    prepare(EXAMPLE, tmp_path / "leak", "ready", "target-leak", trained=ready)
    assert digests(tmp_path / "celsius") == digests(ready)
    assert digests(tmp_path / "leak") != digests(ready)
