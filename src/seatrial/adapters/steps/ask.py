"""`ask`: a person looks, and answers yes or no."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Final

from seatrial.adapters.steps.surroundings import Surroundings, only, text
from seatrial.core.errors import Refused
from seatrial.core.observation import Json
from seatrial.core.ports import StepResult

_YES: Final = "Yes"
_NO: Final = "No"


def run_ask(settings: Mapping[str, Json], around: Surroundings, timeout_s: float) -> StepResult:
    """`{who, question}`: ok only when that person answers yes in time; `value` is `yes`, `no` or null."""
    only(settings, "ask", "who", "question")
    who = text(settings, "ask", "who")
    question = text(settings, "ask", "question")
    if around.pager is None:
        raise Refused(
            "nobody can be asked: no pager is at hand", remedy="Run this procedure where people are declared."
        )
    started = time.monotonic()
    pager = around.pager()
    page = pager.page(
        who, title="A question from seatrial", text=question, action=_YES, expires_s=timeout_s, choices=(_YES, _NO)
    )
    answer = pager.wait(page, timeout_s=max(0.0, started + timeout_s - time.monotonic()))
    said = None if answer is None else answer.answer.lower()
    output = f"{who} did not answer within {timeout_s:g} s" if said is None else f"{who} answered {said}"
    return StepResult(ok=said == _YES.lower(), duration_s=time.monotonic() - started, output=output, value=said)
