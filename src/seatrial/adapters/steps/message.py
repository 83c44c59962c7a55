"""`message`: one record sent to a declared integration, in the form and by the way that the integration takes."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping

from seatrial.adapters.steps.surroundings import Surroundings, mapping, only, text
from seatrial.core.errors import Malformed, Refused, SeatrialError
from seatrial.core.observation import Json
from seatrial.core.ports import Integration, StepResult


def run_message(settings: Mapping[str, Json], around: Surroundings, timeout_s: float) -> StepResult:
    """`{integration: NAME, record: {field: value}}`, sent where the integration is declared writable.

    Ok when its server took it over: a broker confirmed it, a service answered it with success, the file is
    written, a row was changed. What comes of it, a `wait-until` proves.
    """
    started = time.monotonic()
    name, integration, record = _addressed(settings, around)
    taken = _ended(lambda: integration.write(record), timeout_s)
    output = f"{name} took the message" if taken else f"{name} had not taken the message in time; it may still come"
    return StepResult(ok=taken, duration_s=time.monotonic() - started, output=output, value=dict(record))


def probe_message(settings: Mapping[str, Json], around: Surroundings, timeout_s: float) -> StepResult:
    """The integration lets this account in, has what the message is sent to, and may be written to. Nothing is sent."""
    started = time.monotonic()
    name, integration, record = _addressed(settings, around)
    integration.request(record)
    there = _ended(integration.health, timeout_s)
    output = f"{name} would take the message" if there else f"{name} did not answer in time"
    return StepResult(ok=there, duration_s=time.monotonic() - started, output=output)


def _ended(work: Callable[[], None], timeout_s: float) -> bool:
    """Whether it succeeded in time; what it raised is raised here. What did not end is left to its own time-outs."""
    raised: list[SeatrialError] = []
    succeeded, ended = threading.Event(), threading.Event()

    def done() -> None:
        try:
            work()
            succeeded.set()
        except SeatrialError as error:
            raised.append(error)
        finally:
            ended.set()

    threading.Thread(target=done, name="message", daemon=True).start()
    ended.wait(timeout_s)
    if raised:
        raise raised[0]
    return succeeded.is_set()


def _addressed(settings: Mapping[str, Json], around: Surroundings) -> tuple[str, Integration, Mapping[str, Json]]:
    only(settings, "message", "integration", "record")
    name, record = text(settings, "message", "integration"), mapping(settings, "message", "record")
    if not record:
        raise Malformed("a 'message' step needs 'record': the fields of what is sent")
    if around.integrations is None:
        raise Refused("no message can be sent: no integrations are at hand", remedy="Declare them in the system file.")
    return name, around.integrations(name), record
