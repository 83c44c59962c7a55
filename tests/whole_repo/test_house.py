"""The house of ARCHITECTURE.md is kept, and a planted violation of each rule is reported."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from house_rules import breaches

REPO = Path(__file__).parents[2]
PACKAGE = REPO / "src" / "seatrial"

CONTRACT_VIOLATIONS = {
    "One direction, from the system file to the verdict": ("core/planted.py", "import seatrial.gate.verdict\n"),
    "One direction among the use cases, down to a system's folder": (
        "app/folder/planted.py",
        "import seatrial.app.deciding.filing\n",
    ),
    "The domains do not know each other": ("domains/model/planted.py", "import seatrial.domains.data\n"),
    "What decides does no I/O and knows no framework": ("gate/planted.py", "import sqlalchemy\n"),
    "Django stays in the site": ("app/planted.py", "import django\n"),
    "No cycles between siblings": ("core/observation.py", "import seatrial.core.codec\n"),
    "Presenters read verdicts and events, they never reach for data": (
        "present/planted.py",
        "import seatrial.evidence\n",
    ),
    "Typer and rich stay at the terminal": ("engine/planted.py", "import rich\n"),
    "Evidence never judges, and the gate never reads a ledger": (
        "evidence/planted.py",
        "import seatrial.gate.verdict\n",
    ),
    "The domains reach the outside world through ports alone": ("domains/data/planted.py", "import subprocess\n"),
}

TYPING_ONLY = "from typing import TYPE_CHECKING\n\nif TYPE_CHECKING:\n    import seatrial.gate.verdict\n"

RULE_VIOLATIONS = {
    "core uses the standard library only": ("core/planted.py", "import numpy\n"),
    "core does no input or output": ("core/planted.py", "import os\n"),
    "spec does not call open()": ("spec/planted.py", "x = [open]\ny = lambda: open('a')\n"),
    "gate reads no clock": ("gate/planted.py", "from datetime import datetime\n\nx = lambda: datetime.now()\n"),
    "nothing foreign is unpickled": ("app/planted.py", "import pickle\n"),
    "outgoing HTTP has one door": ("domains/model/planted.py", "from urllib.request import urlopen\n"),
    "pages leave through adapters/pagers only": ("app/planted.py", "import apprise\n"),
    "keys live in adapters/signers": (
        "app/planted.py",
        "from cryptography.hazmat.primitives.asymmetric import ed25519\n",
    ),
    "a broad except": ("app/planted.py", "try:\n    x = 1\nexcept Exception:\n    x = 2\n"),
    "importing has an effect": ("app/planted.py", "print('hello')\n"),
    "a name that says nothing": ("app/utils.py", ""),
}


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    house = tmp_path / "src" / "seatrial"
    shutil.copytree(PACKAGE, house, ignore=shutil.ignore_patterns("__pycache__", "*.parquet"))
    shutil.copy(REPO / ".importlinter", tmp_path / ".importlinter")
    return house


def lint(house: Path) -> subprocess.CompletedProcess[str]:
    program = "import sys; from importlinter.cli import lint_imports; sys.exit(lint_imports(no_cache=True))"
    return subprocess.run(
        [sys.executable, "-c", program],
        cwd=house.parents[1],
        env={"PYTHONPATH": str(house.parent), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )


def plant(house: Path, place: str, text: str) -> None:
    target = house / place
    target.write_text(target.read_text() + text if target.exists() else text)


def test_the_import_contracts_are_kept_as_they_stand(copy: Path) -> None:
    result = lint(copy)
    assert result.returncode == 0, result.stdout
    assert "0 broken" in result.stdout


@pytest.mark.parametrize("contract", CONTRACT_VIOLATIONS)
def test_a_planted_violation_breaks_its_import_contract(copy: Path, contract: str) -> None:
    plant(copy, *CONTRACT_VIOLATIONS[contract])
    result = lint(copy)
    assert result.returncode != 0
    assert f"{contract} BROKEN" in " ".join(result.stdout.split())


def test_a_typing_only_import_counts_for_the_layers(copy: Path) -> None:
    plant(copy, "core/planted.py", TYPING_ONLY)
    assert "One direction, from the system file to the verdict BROKEN" in " ".join(lint(copy).stdout.split())


def test_a_new_room_that_no_layer_names_is_reported(copy: Path) -> None:
    plant(copy, "attic.py", "")
    assert lint(copy).returncode != 0


def test_no_module_breaks_a_rule_of_the_house() -> None:
    assert breaches(PACKAGE) == []


@pytest.mark.parametrize("rule", RULE_VIOLATIONS)
def test_a_planted_violation_of_a_house_rule_is_reported(tmp_path: Path, rule: str) -> None:
    place, text = RULE_VIOLATIONS[rule]
    house = tmp_path / "seatrial"
    (house / place).parent.mkdir(parents=True)
    plant(house, place, text)
    assert [b.rule for b in breaches(house) if rule in b.rule], breaches(house)
