"""Folders and names with any letters, where the locale knows none of them and Python was told to believe it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import typer

from plants.server import Server
from plants.tiny_system import SECRET, plant, steady
from seatrial.cli.main import _assemble

_GOES_ON = {"demo", "serve", "worker", "watch", "proxy", "run"}
_NO_LETTERS = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    with Server(steady) as served:
        place = plant(tmp_path_factory.mktemp("letters") / "Prüfung Öl № 1", served.url)
        place.write_text(place.read_text().replace("Warns the dock planner", "Warnt Jürgen Groß"), encoding="utf-8")
        yield place.parent


def _asked(folder: Path, *arguments: str, **more: str) -> subprocess.CompletedProcess[bytes]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "LC_", "LANG"))}
    return subprocess.run(
        [sys.executable, "-m", "seatrial", *arguments],
        cwd=folder.parent,
        env={**kept, **_NO_LETTERS, "MODEL_KEY": SECRET, **more},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=300,
        check=False,
    )


@pytest.mark.slow
def test_no_command_ends_in_a_traceback_over_the_name_of_a_folder(folder: Path) -> None:
    names = [name for name in typer.main.get_command(_assemble()).commands if name not in _GOES_ON]  # type: ignore[attr-defined]
    assert {"verdict", "gaps", "verify", "export", "validate"} <= set(names)
    with ThreadPoolExecutor(2) as pool:
        ended = dict(zip(names, pool.map(lambda name: _asked(folder, name, folder.name), names), strict=True))
    broken = {name: done.stderr.decode()[-300:] for name, done in ended.items() if b"Traceback" in done.stderr}
    assert not broken
    assert {done.returncode for done in ended.values()} <= {0, 1, 2, 64}


def test_what_is_recorded_there_is_recorded_as_it_is_written_and_verifies(folder: Path) -> None:
    assert _asked(folder, "run", folder.name, "--only", "ownership.monitor", "--quiet").returncode == 1
    verdict = _asked(folder, "verdict", folder.name, "--json")
    assert json.loads(verdict.stdout)["system"] == "arrival-delay"
    assert _asked(folder, "report", folder.name, "-o", "Prüfung Öl № 1/Mappe für Jürgen.html").returncode == 0
    assert "Warnt Jürgen Groß" in (folder / "Mappe für Jürgen.html").read_text(encoding="utf-8")
    verified = _asked(folder, "verify", folder.name)
    assert verified.returncode == 0, verified.stderr
    gone = _asked(folder, "verdict", "Öl, das es nicht gibt")
    assert (gone.returncode, "Öl, das es nicht gibt" in gone.stderr.decode()) == (2, True)


def test_what_a_terminal_cannot_show_is_spelled_out_and_ends_nothing(folder: Path) -> None:
    for mode in ({}, {"PYTHONUTF8": "1"}):
        done = _asked(folder, "gaps", folder.name, PYTHONIOENCODING="ascii", **mode)
        assert (done.returncode, done.stderr) == (1, b"")
        assert done.stdout.isascii()
        assert b"\\u" in done.stdout
