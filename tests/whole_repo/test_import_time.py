"""Starting is quick because nothing heavy is imported before it is needed; counted, not timed."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

HEAVY = {
    "aiohttp",
    "apprise",
    "cryptography",
    "hdrh",
    "jinja2",
    "jsonschema_rs",
    "numpy",
    "pandas",
    "pyarrow",
    "pydantic",
    "scipy",
    "sklearn",
    "sqlalchemy",
    "vl_convert",
}

_HELP = """
import contextlib, io
from seatrial.cli.main import main
with contextlib.redirect_stdout(io.StringIO()), contextlib.suppress(SystemExit):
    main(["--help"])
"""


def _imported(program: str) -> set[str]:
    told = subprocess.run(
        [sys.executable, "-c", f"{program}\nimport sys, json\nprint(json.dumps(sorted(sys.modules)))"],
        capture_output=True,
        text=True,
        check=True,
    )
    return {name.partition(".")[0] for name in json.loads(told.stdout.splitlines()[-1])}


@pytest.mark.parametrize("program", ["import seatrial", _HELP], ids=["import seatrial", "seatrial --help"])
def test_nothing_heavy_is_imported_to_start(program: str) -> None:
    assert _imported(program) & HEAVY == set()


def test_importing_the_package_imports_no_framework() -> None:
    assert _imported("import seatrial") & {"typer", "rich", "yaml"} == set()
