"""`wait-until`: look again and again until a proof holds."""

from __future__ import annotations

import time
from collections.abc import Mapping

from seatrial.adapters.steps.surroundings import Run, Surroundings, mapping, only
from seatrial.core.errors import Malformed, Refused, SeatrialError
from seatrial.core.observation import Json
from seatrial.core.ports import StepResult
from seatrial.spec.quantities import duration_s

_EVERY_S = 1.0
_LEAST_EVERY_S = 0.01


def waiting_on(looks: Mapping[str, Run]) -> Run:
    """`{http|sql|command: {…}, every: 1s}`: ok as soon as one look is ok, not ok at the deadline."""

    def run(settings: Mapping[str, Json], around: Surroundings, timeout_s: float) -> StepResult:
        only(settings, "wait-until", "every", *looks)
        kinds = [kind for kind in looks if kind in settings]
        if len(kinds) != 1:
            raise Malformed(f"a 'wait-until' step needs exactly one of {', '.join(looks)}")
        inner = mapping(settings, "wait-until", kinds[0])
        every_s = _every(settings.get("every"))
        started = time.monotonic()
        looked = 0
        while True:
            remaining = started + timeout_s - time.monotonic()
            if looked and remaining <= 0:
                break
            result = _look(looks[kinds[0]], inner, around, max(remaining, _LEAST_EVERY_S))
            looked += 1
            if result.ok:
                return StepResult(
                    ok=True,
                    duration_s=time.monotonic() - started,
                    output=f"holds after {looked} looks\n{result.output}",
                    value=result.value,
                )
            time.sleep(max(0.0, min(every_s, started + timeout_s - time.monotonic())))
        return StepResult(
            ok=False,
            duration_s=time.monotonic() - started,
            output=f"did not hold within {timeout_s:g} s ({looked} looks); last: {result.output}",
            value=result.value,
        )

    return run


def _look(look: Run, inner: Mapping[str, Json], around: Surroundings, timeout_s: float) -> StepResult:
    try:
        return look(inner, around, timeout_s)
    except Refused:
        raise
    except SeatrialError as error:
        return StepResult(ok=False, duration_s=0.0, output=error.what)


def _every(value: Json) -> float:
    if value is None:
        return _EVERY_S
    try:
        seconds = duration_s(value)
    except ValueError as error:
        raise Malformed(f"'every': {error}") from None
    return max(_LEAST_EVERY_S, float(str(seconds)))
