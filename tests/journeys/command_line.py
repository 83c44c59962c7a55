"""The real command, in a process of its own."""

from __future__ import annotations

import contextlib
import io
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest.mock import patch


@dataclass(frozen=True, slots=True)
class Ended:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


def called(*arguments: str | Path, cwd: Path, environment: Mapping[str, str] | None = None) -> Ended:
    """The same in this process, for what needs no process of its own: what is said, read and recorded."""
    from seatrial.cli.main import main

    out, err = io.StringIO(), io.StringIO()
    code: object = 0
    surroundings = patch.dict(os.environ, {**_kept(), **(environment or {})}, clear=True)
    with surroundings, contextlib.chdir(cwd), contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            main([str(argument) for argument in arguments])
        except SystemExit as end:
            code = end.code
    assert isinstance(code, int)
    return Ended(code, out.getvalue(), err.getvalue())


def seatrial(*arguments: str | Path, cwd: Path, environment: Mapping[str, str] | None = None) -> Ended:
    """Run `seatrial` with these arguments, without a terminal and without anybody to ask."""
    done = subprocess.run(
        [sys.executable, "-m", "seatrial", *map(str, arguments)],
        cwd=cwd,
        env={**_kept(), **(environment or {})},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    return Ended(done.returncode, done.stdout, done.stderr)


def _kept() -> dict[str, str]:
    ours = ("SEATRIAL_", "NO_COLOR", "COLUMNS", "FORCE_COLOR")
    return {name: value for name, value in os.environ.items() if not name.startswith(ours)}
