"""The verdict as JSON: a contract with programs."""

from __future__ import annotations

import ast
import json
import math
from dataclasses import replace
from pathlib import Path

import jsonschema_rs
import pytest

from plants.go_world import RECALL, World, bad, go_world, good
from seatrial.core.vocabulary import Role
from seatrial.gate import encoding
from seatrial.gate.catalogue import by_id
from seatrial.gate.codes import GATE_CODES
from seatrial.gate.encoding import (
    EXIT_GO,
    EXIT_NO_GO,
    EXIT_NO_REVIEW,
    EXIT_USAGE,
    exit_code,
    verdict_data,
    verdict_schema,
)

WORLDS = {
    "go": go_world(),
    "nothing": World(),
    "rehearsal": go_world().unsigned(*Role),
    "failed": go_world().instead("data.load", bad(by_id("data.load"))),
    "not a number": go_world().instead(
        "model.threshold",
        replace(good(by_id("model.threshold")), measures=(replace(RECALL, value=math.nan, upper=math.inf),)),
    ),
    "no requirement": replace(go_world(), requirements=()),
}


@pytest.mark.parametrize("name", WORLDS)
def test_every_verdict_keeps_the_schema_and_travels_as_json(name: str) -> None:
    data = verdict_data(WORLDS[name].decided())
    jsonschema_rs.validator_for(verdict_schema()).validate(data)
    assert json.loads(json.dumps(data, allow_nan=False)) == data


def test_the_names_that_programs_read_are_there() -> None:
    data = verdict_data(WORLDS["failed"].decided())
    assert {
        "system", "subject", "gate", "verdict", "rehearsal", "valid_until", "earliest_go_live", "requirements", "gaps",
    } <= set(data)  # fmt: skip
    requirement = next(r for r in _rows(data, "requirements") if r["id"] == "data.load")
    assert {
        "id", "domain", "outcome", "assurance", "reason", "measures", "findings", "evidence", "valid_until",
    } <= set(requirement)  # fmt: skip
    assert {"name", "value", "bound", "limit", "unit", "n"} <= set(_rows(requirement, "measures")[0])
    assert {"code", "fields", "summary"} <= set(_rows(requirement, "findings")[0])
    assert {"requirement", "summary", "remedy", "owner", "due"} <= set(_rows(data, "gaps")[0])
    assert (data["verdict"], data["gate"]) == ("NO-GO", "production-readiness")


def _rows(data: object, key: str) -> list[dict[str, object]]:
    assert isinstance(data, dict)
    rows = data[key]
    assert isinstance(rows, list)
    return rows


def test_the_schema_refuses_another_answer_and_an_unknown_key() -> None:
    validator = jsonschema_rs.validator_for(verdict_schema())
    data = verdict_data(WORLDS["go"].decided())
    assert not validator.is_valid({**data, "verdict": "MAYBE"})
    assert not validator.is_valid({**data, "score": 0.97})


def test_every_code_that_the_gate_gives_is_documented_and_none_besides() -> None:
    source = Path(encoding.__file__).parent
    given: set[str] = set()
    for path in sorted(source.glob("*.py")):
        if path.name != "codes.py":
            given |= {
                node.value
                for node in ast.walk(ast.parse(path.read_text()))
                if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value in GATE_CODES
            }
    assert given == set(GATE_CODES)
    for world in WORLDS.values():
        assert {gap.code for gap in world.decided().gaps} <= set(GATE_CODES) | {"planted"}


def test_the_exit_codes_tell_go_from_everything_else() -> None:
    assert (EXIT_GO, EXIT_NO_GO, EXIT_NO_REVIEW, EXIT_USAGE) == (0, 1, 2, 64)
    assert {name: exit_code(world.decided()) for name, world in WORLDS.items()} == {
        name: int(name != "go") for name in WORLDS
    }
