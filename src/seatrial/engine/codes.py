"""The codes that the engine itself gives, beside those of the checks. A code never changes its meaning."""

from __future__ import annotations

import signal
from collections.abc import Mapping

from seatrial.core.errors import Malformed, MissingExtra, Refused, SeatrialError, Unreachable
from seatrial.core.observation import Json, Reason

CODES: Mapping[str, str] = {
    "timed-out": "The check did not end within its budget and was stopped.",
    "crashed": "The check's process ended without a result, or an error escaped from it.",
    "out-of-memory": "The check used more memory than a check may.",
    "not-an-observation": "The check returned something that is neither an observation nor a reason.",
    "not-a-number": "A measure that decides holds a value that is not a number.",
    "not-started": "The check's process could not be started.",
    "interrupted": "A person stopped the run, and the check did not end within its grace: it may not have restored.",
    "changed-meanwhile": "What is tested changed while it was tested, so that nobody knows what was observed.",
    "unreachable": "Something outside did not answer, or not in time.",
    "malformed": "Something outside answered in a form that its declaration does not allow.",
    "refused": "seatrial will not do this: an undeclared target, or a write where none is declared.",
    "missing-extra": "An optional part of seatrial is not installed.",
    "failed": "The check could not do its work, for the reason given.",
}

_OF_ERROR: tuple[tuple[type[SeatrialError], str], ...] = (
    (Unreachable, "unreachable"),
    (Malformed, "malformed"),
    (Refused, "refused"),
    (MissingExtra, "missing-extra"),
)


def reason_of(error: SeatrialError) -> Reason:
    """The reason that an error stands for."""
    code = next((code for kind, code in _OF_ERROR if isinstance(error, kind)), "failed")
    return Reason(code=code, summary=error.what, remedy=error.remedy)


def reason_of_exit(status: int) -> Reason:
    """Why a process without a result ended, from its wait status."""
    if status < 0:
        name = signal.Signals(-status).name if -status in set(signal.Signals) else f"signal {-status}"
        told = (
            "It was killed from outside, which the system does when memory runs out."
            if -status == signal.SIGKILL
            else "The crash is in native code that it called, not in seatrial."
        )
        detail: dict[str, Json] = {"signal": name}
        return Reason(code="crashed", summary=f"The check's process died of {name}. {told}", detail=detail)
    return Reason(
        code="crashed",
        summary=f"The check's process ended by itself with exit status {status} and without a result.",
        detail={"status": status},
    )
