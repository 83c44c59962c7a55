from __future__ import annotations

import json
from pathlib import Path

import jsonschema_rs
import pytest

from seatrial.spec.reading import read_yaml
from seatrial.spec.reference import system_reference
from seatrial.spec.schema import system_schema, system_schema_text

ROOT = Path(__file__).parents[3]
ASSETS = ROOT / "tests" / "assets" / "spec"
DECLARED = json.loads(json.dumps(system_schema()))
VALIDATOR = jsonschema_rs.validator_for(DECLARED)
NOT_OF_FORM = {
    "unknown-top-key",
    "unknown-inner-key",
    "python-spelling",
    "resolved-key",
    "duration-without-unit",
    "duration-unknown-unit",
    "rate-without-unit",
    "unknown-percentile",
    "unknown-role",
    "minimum-true",
    "confidence-too-low",
    "no-model-address",
    "two-model-addresses",
    "unknown-task",
    "no-version",
    "version-number",
    "system-name",
    "section-is-text",
    "list-is-text",
}


def test_the_committed_schema_is_current() -> None:
    assert (ROOT / "docs" / "reference" / "seatrial.schema.json").read_text() == system_schema_text()


def test_a_complete_file_fits_the_schema() -> None:
    complete = read_yaml((ASSETS / "complete.yaml").read_bytes(), name="x").plain()
    assert [e.message for e in VALIDATOR.iter_errors(complete)] == []


@pytest.mark.parametrize("name", sorted(NOT_OF_FORM))
def test_the_schema_sees_what_is_wrong_in_form(name: str) -> None:
    assert not VALIDATOR.is_valid(read_yaml((ASSETS / "defects" / f"{name}.yaml").read_bytes(), name="x").plain())


@pytest.mark.parametrize("value", ["TODO", "TODO: ask Olga", "${VALUE}"])
def test_undecided_values_and_the_environment_fit_everywhere(value: str) -> None:
    system = {
        "system": "a",
        "version": value,
        "go_live": value,
        "criticality": value,
        "owner": {"may_pull": value, "acknowledge_within": value},
        "duties": {"monitor": value},
        "model": {"endpoint": value, "task": value, "batch": value, "inputs": {"a": {"type": value, "minimum": value}}},
        "governance": {"minimum": value, "confidence": value, "offline_when": [value, {"metric": "m", "below": value}]},
        "load": {"peak": value, "latency": {"p99": value}, "errors": value},
        "workflows": value,
        "rollback": {"procedure": value, "within": value},
    }
    assert [(e.message, e.instance_path) for e in VALIDATOR.iter_errors(system)] == []


def test_keys_are_described_and_nothing_that_loading_fills_is_offered() -> None:
    assert DECLARED["$defs"]["OfflineRule"]["description"].startswith("When the system is taken offline")
    assert "own process" in DECLARED["$defs"]["ModelSection"]["properties"]["python"]["description"]
    assert {"policy", "undecided"}.isdisjoint(DECLARED["properties"])


def test_the_reference_has_every_key_and_no_broken_link() -> None:
    text = system_reference()
    for section in [DECLARED, *DECLARED["$defs"].values()]:
        for key in section.get("properties", {}):
            assert f"| `{key}`" in text
    headings = {line[3:].lower() for line in text.splitlines() if line.startswith("## ")}
    links = {part.partition(")")[0] for part in text.split("](#")[1:]}
    assert links <= headings
