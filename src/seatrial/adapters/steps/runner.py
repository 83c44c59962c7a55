"""Runs one procedure step of any kind, and lets nothing that the step does escape."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from seatrial.adapters.http import Http
from seatrial.adapters.steps.catalogue import KINDS, LOOKS, PROBES
from seatrial.adapters.steps.surroundings import Run, Surroundings
from seatrial.core.errors import SeatrialError
from seatrial.core.observation import Json
from seatrial.core.ports import Integration, Pager, StepResult


class StepRunner:
    """Steps over declared targets only: HTTP origins of `http`, the `databases`, commands in `base_dir`.

    `pager` is called when a step asks a person; without one such a step is not ok. `environment` is what commands see
    beside PATH, HOME and the locale. `readable` are databases that looks may ask, beside those that steps may change.
    `integrations` gives the declared integration of a name, to which messages are sent.
    """

    def __init__(
        self,
        *,
        http: Http,
        base_dir: Path,
        pager: Callable[[], Pager] | None = None,
        databases: frozenset[str] = frozenset(),
        readable: frozenset[str] = frozenset(),
        environment: Mapping[str, str] | None = None,
        integrations: Callable[[str], Integration] | None = None,
    ) -> None:
        self._surroundings = Surroundings(
            http=http,
            base_dir=base_dir,
            pager=pager,
            databases=databases,
            readable=readable,
            environment=environment or {},
            redact=http.redact,
            integrations=integrations,
        )

    def run(self, kind: str, settings: Mapping[str, Json], *, timeout_s: float) -> StepResult:
        """What the step did. An unknown kind, a wrong setting, an undeclared target or a hang ends as not ok."""
        return self._ended(KINDS, kind, settings, timeout_s)

    def look(self, kind: str, settings: Mapping[str, Json], *, timeout_s: float) -> StepResult:
        """What a step that only looks saw; anything else ends as not ok, unsent."""
        return self._ended(LOOKS, kind, settings, timeout_s)

    def probe(self, kind: str, settings: Mapping[str, Json], *, timeout_s: float) -> StepResult:
        """Whether the step could be carried out; nothing of it is."""
        return self._ended(PROBES, kind, settings, timeout_s)

    def _ended(self, kinds: Mapping[str, Run], kind: str, settings: Mapping[str, Json], timeout_s: float) -> StepResult:
        started = time.monotonic()
        run = kinds.get(kind)
        if run is None:
            output = f"there is no step kind {kind!r} here; known: {', '.join(kinds)}"
            return StepResult(ok=False, duration_s=0.0, output=output)
        try:
            result = run(settings, self._surroundings, timeout_s)
        except SeatrialError as error:
            result = StepResult(ok=False, duration_s=0.0, output=error.what)
        return StepResult(
            ok=result.ok,
            duration_s=time.monotonic() - started,
            output=self._surroundings.redact(result.output),
            value=self._redacted(result.value),
        )

    def _redacted(self, value: Json) -> Json:
        if isinstance(value, str):
            return self._surroundings.redact(value)
        if isinstance(value, Mapping):
            return {key: self._redacted(inner) for key, inner in value.items()}
        if isinstance(value, Sequence):
            return [self._redacted(inner) for inner in value]
        return value
