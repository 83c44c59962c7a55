"""The threat table is held by tests that exist, and it names every code that verification gives."""

from __future__ import annotations

import re
from pathlib import Path

from seatrial.evidence.report import PROBLEM_CODES

TABLE = (Path(__file__).parents[3] / "docs" / "threats.md").read_text(encoding="utf-8")


def test_every_threat_is_held_by_a_test_that_exists() -> None:
    sources = "".join(path.read_text(encoding="utf-8") for path in Path(__file__).parents[2].rglob("test_*.py"))
    named = set(re.findall(r"`(test_\w+)`", TABLE))
    assert len(named) > 30
    assert {name for name in named if f"def {name}(" not in sources} == set()


def test_every_code_is_explained_as_the_program_explains_it() -> None:
    for code, meaning in PROBLEM_CODES.items():
        assert f"| `{code}` | {meaning} |" in TABLE
