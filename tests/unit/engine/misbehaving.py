"""Checks that misbehave in one way each. They run in the engine's child processes, never in the test's own."""

from __future__ import annotations

import ctypes
import math
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from seatrial.core.errors import Unreachable
from seatrial.core.observation import Measure, Observation, Reason
from seatrial.core.stopping import unstoppable
from seatrial.core.vocabulary import Sense

Say = Callable[[str, float | None], None]
Arguments = Mapping[str, Any]


def sound(arguments: Arguments, seed: int, say: Say) -> Observation:
    say("looking", 0.5)
    return Observation(done="Looked.", proof=1, facts={"seed": seed, "pid": os.getpid()})


def tells_what_is_imported(arguments: Arguments, seed: int, say: Say) -> Observation:
    known = [name for name in arguments["modules"] if name in sys.modules]
    return Observation(done="Looked.", proof=1, facts={"imported": known})


def hangs(arguments: Arguments, seed: int, say: Say) -> Observation:
    while True:
        time.sleep(1)


def hangs_and_will_not_stop(arguments: Arguments, seed: int, say: Say) -> Observation:
    with unstoppable():
        while True:
            time.sleep(1)


def restores_when_stopped(arguments: Arguments, seed: int, say: Say) -> Observation:
    changed = Path(arguments["changed"])
    changed.write_text("changed")
    try:
        say("changed", None)
        time.sleep(600)
    finally:
        sys.stdout.write("restoring\n")
        time.sleep(0.2)
        changed.unlink()
    return Observation(done="Unreachable.", proof=1)


def swallows_the_stop(arguments: Arguments, seed: int, say: Say) -> Observation:
    try:
        time.sleep(600)
    except BaseException:  # noqa: BLE001 - this is the misbehaviour
        return Observation(done="Half of it.", proof=1)
    return Observation(done="Unreachable.", proof=1)


def segfaults(arguments: Arguments, seed: int, say: Say) -> Observation:
    ctypes.string_at(0)
    return Observation(done="Unreachable.", proof=1)


def kills_itself(arguments: Arguments, seed: int, say: Say) -> Observation:
    os.kill(os.getpid(), signal.SIGKILL)
    return Observation(done="Unreachable.", proof=1)


def exits_at_once(arguments: Arguments, seed: int, say: Say) -> Observation:
    os._exit(0)


def exits_politely(arguments: Arguments, seed: int, say: Say) -> Observation:
    sys.exit(0)


def raises(arguments: Arguments, seed: int, say: Say) -> Observation:
    raise ZeroDivisionError("nobody expected this")


def raises_for_the_reader(arguments: Arguments, seed: int, say: Say) -> Observation:
    raise Unreachable("The planner did not answer.", remedy="Start the planner.")


def eats_memory(arguments: Arguments, seed: int, say: Say) -> Observation:
    eaten = []
    while True:
        eaten.append(os.urandom(4 * 1024 * 1024))
        time.sleep(0.002)


def asks_for_a_petabyte(arguments: Arguments, seed: int, say: Say) -> Observation:
    bytearray(2**50)
    return Observation(done="Unreachable.", proof=1)


def prints_a_flood(arguments: Arguments, seed: int, say: Say) -> Observation:
    sys.stdout.write("first words\n")
    for _ in range(2_000):
        sys.stdout.write("x" * 999 + "\n")
    os.write(2, b"last words\n")
    return Observation(done="Printed.", proof=1)


def reads_from_the_terminal(arguments: Arguments, seed: int, say: Say) -> Observation:
    return Observation(done=f"Read {len(sys.stdin.read())} characters.", proof=1)


def leaves_a_process_behind(arguments: Arguments, seed: int, say: Say) -> Observation:
    left = subprocess.Popen(["sleep", "600"])
    return Observation(done="Left one behind.", proof=1, facts={"left": left.pid})


def returns_a_number(arguments: Arguments, seed: int, say: Say) -> Any:
    return math.nan


def returns_nothing(arguments: Arguments, seed: int, say: Say) -> Any:
    return None


def returns_plain_data(arguments: Arguments, seed: int, say: Say) -> Any:
    return {"answer": 42}


def returns_what_cannot_be_kept(arguments: Arguments, seed: int, say: Say) -> Observation:
    return Observation(done="Odd.", proof=1, facts={"odd": object()})  # type: ignore[dict-item]  # the misbehaviour


def returns_a_measure_of_another_type(arguments: Arguments, seed: int, say: Say) -> Observation:
    return Observation(done="Odd.", measures=(Measure(name="recall", value="0.9"),))  # type: ignore[arg-type]  # the misbehaviour


def measures_nan(arguments: Arguments, seed: int, say: Say) -> Observation:
    measure = Measure(name="recall", value=math.nan, lower=math.nan, upper=1.0, limit=0.5, sense=Sense.AT_LEAST)
    return Observation(done="Measured.", measures=(measure,))


def tells_a_secret(arguments: Arguments, seed: int, say: Say) -> Observation:
    say(f"calling with {arguments['secret']}", None)
    sys.stdout.write(f"the secret is {arguments['secret']}\n")
    return Observation(done=f"Called with {arguments['secret']}.", proof=1, facts={str(arguments["secret"]): 1})


def tells_when(arguments: Arguments, seed: int, say: Say) -> Observation:
    begun = time.monotonic()
    time.sleep(float(arguments.get("for_s", 0.1)))
    return Observation(done="Waited.", proof=1, facts={"from": begun, "to": time.monotonic()})


def stage(arguments: Arguments, seed: int, say: Say) -> Mapping[str, Any]:
    time.sleep(0.1)
    return {"rows": 3}


def stage_without_a_source(arguments: Arguments, seed: int, say: Say) -> Reason:
    return Reason(code="unreachable", summary="There is no data file.", remedy="Put it there.")


def kills_the_zygote(arguments: Arguments, seed: int, say: Say) -> Observation:
    os.kill(os.getppid(), signal.SIGKILL)
    time.sleep(600)
    return Observation(done="Unreachable.", proof=1)


def out_of_sorts(arguments: Arguments, seed: int, say: Say) -> Observation:
    return Observation(done="An odd \ud800 character.", proof=1)
