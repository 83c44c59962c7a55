"""`command`: a declared program with its arguments; no shell, no input, nothing left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import IO, Final

from seatrial.adapters.steps.expectation import pattern
from seatrial.adapters.steps.surroundings import MOST_OUTPUT, Surroundings, mapping, only, shortened
from seatrial.core.errors import Malformed
from seatrial.core.observation import Json
from seatrial.core.ports import StepResult

_PASSED_ON: Final = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "TZ", "SSL_CERT_FILE", "VIRTUAL_ENV")
_MOST_WRITTEN: Final = 64 * 1024 * 1024
_GRACE_S: Final = 1.0
_LOOK_S: Final = 0.25


def run_command(settings: Mapping[str, Json], around: Surroundings, timeout_s: float) -> StepResult:
    """`{run: [argv…], env: {…}, expect: {exit: 0, stdout: regex}}`.

    It runs in its own process group beside the system file, with its input closed. At the deadline the whole group is
    killed. What it leaves running in the background on purpose lives on when it ends by itself.
    """
    only(settings, "command", "run", "env", "expect")
    argv = argv_of(settings)
    expect = mapping(settings, "command", "expect")
    only(expect, "command expect", "exit", "stdout")
    wanted = pattern(expect["stdout"], "expect.stdout") if "stdout" in expect else None
    started = time.monotonic()
    with tempfile.TemporaryFile() as sink:
        code, problem = _execute(argv, _environment(settings, around), around, sink, started + timeout_s)
        output = _read(sink)
    if problem == "hung":
        problem = f"it did not end within {timeout_s:g} s and was killed"
    elif not problem and code != expect.get("exit", 0):
        problem = f"it ended with exit code {code}"
    elif not problem and wanted is not None and wanted.search(output) is None:
        problem = f"its output does not match {wanted.pattern!r}"
    told = shortened(output)
    return StepResult(
        ok=not problem,
        duration_s=time.monotonic() - started,
        output=f"{problem}\n{told}".strip() if problem else told,
        value=told,
    )


def argv_of(settings: Mapping[str, Json]) -> list[str]:
    """The program and its arguments. Raises Malformed."""
    argv = settings.get("run")
    if isinstance(argv, str) or not isinstance(argv, Sequence) or not argv:
        raise Malformed(
            "a 'command' step needs 'run' as a list of the program and its arguments",
            remedy="Write run: [program, argument, …]; there is no shell.",
        )
    if not all(isinstance(part, str | int | float) and not isinstance(part, bool) for part in argv):
        raise Malformed("every argument of a 'command' step must be text")
    return [str(part) for part in argv]


def _environment(settings: Mapping[str, Json], around: Surroundings) -> dict[str, str]:
    declared = mapping(settings, "command", "env")
    passed_on = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    return {**passed_on, **around.environment, **{name: str(value) for name, value in declared.items()}}


def _execute(
    argv: list[str], environment: dict[str, str], around: Surroundings, sink: IO[bytes], deadline: float
) -> tuple[int | None, str]:
    try:
        process = subprocess.Popen(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=sink,
            stderr=subprocess.STDOUT,
            cwd=around.base_dir,
            env=environment,
            start_new_session=True,
        )
    except (OSError, ValueError) as error:
        return None, f"{argv[0]!r} cannot be started: {getattr(error, 'strerror', None) or error}"
    try:
        while True:
            remaining = deadline - time.monotonic()
            if remaining <= 0:
                return None, "hung"
            with suppress(subprocess.TimeoutExpired):
                return process.wait(min(remaining, _LOOK_S)), ""
            if os.fstat(sink.fileno()).st_size > _MOST_WRITTEN:
                return None, f"it printed more than {_MOST_WRITTEN} bytes and was killed"
    finally:
        if process.returncode is None:
            _kill(process)


def _kill(process: subprocess.Popen[bytes]) -> None:
    """The whole group: first asked, then made to."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)
    with suppress(subprocess.TimeoutExpired):
        process.wait(_GRACE_S)
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _read(sink: IO[bytes]) -> str:
    """The first and the last part of what was written."""
    size = sink.seek(0, os.SEEK_END)
    sink.seek(0)
    most = 4 * MOST_OUTPUT
    if size <= 2 * most:
        content = sink.read()
    else:
        content = sink.read(most)
        sink.seek(-most, os.SEEK_END)
        content += b"\n\xe2\x80\xa6\n" + sink.read()
    return content.decode("utf-8", "replace")
