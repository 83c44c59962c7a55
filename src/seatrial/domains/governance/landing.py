"""What was finished by hand, counted where it lands: what is there after the steps and was not there before them."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import datetime
from typing import Any

from seatrial.core.check import Trial, landing_table
from seatrial.core.errors import Malformed, NoRows
from seatrial.core.observation import Json
from seatrial.core.ports import StepResult
from seatrial.spec.fallback import Landing
from seatrial.spec.procedure import Procedure, Step

_MOST_READ = 20_000
_MOST_KEPT = 2_000_000
_SETTLED_S = 10.0
_PAUSE_S = 0.5
_LANDING = "landing"


class LandingSteps:
    """The trial's steps; the one that `counted` adds looks where the work lands. Made before the rehearsal begins."""

    def __init__(self, trial: Trial, workflow: str, landing: Landing) -> None:
        """Takes down what is there now. Raises SeatrialError where that cannot be seen."""
        self._trial = trial
        self._workflow = workflow
        self._landing = landing
        self.items = 0
        if landing.integration is not None:
            trial.integration(landing.integration).listen()
        self._before = self._there()

    def run(self, kind: str, settings: Mapping[str, Json], *, timeout_s: float) -> StepResult:
        """The declared steps as they are; ours waits until nothing more arrives, and counts."""
        if _LANDING not in settings:
            return self._trial.steps.run(kind, settings, timeout_s=timeout_s)
        clock = self._trial.clock
        began = clock.monotonic()
        seen = self._new()
        while clock.monotonic() - began < min(timeout_s, _SETTLED_S):
            clock.sleep(_PAUSE_S)
            last, seen = seen, self._new()
            if seen and seen == last:
                break
        self.items = seen
        return StepResult(ok=True, duration_s=clock.monotonic() - began, output=f"{seen} arrived", value=seen)

    def _new(self) -> int:
        """Keys with a row that was not there before."""
        fresh = self._there() - self._before
        return len({key for key, _ in fresh})

    def _there(self) -> Counter[tuple[str, bytes]]:
        found: Counter[tuple[str, bytes]] = Counter()
        for row in self._rows():
            key = row.get(self._landing.key)
            if key is None or any(_plain(row.get(k)) != _plain(v) for k, v in self._landing.matching.items()):
                continue
            found[_plain(key), _digest(row)] += 1
            if len(found) > _MOST_KEPT:
                raise Malformed(
                    f"more than {_MOST_KEPT:,} rows are where the work of {self._workflow} lands",
                    remedy=f"Narrow workflows.{self._workflow}.fallback.lands by its query or by another table.",
                )
        return found

    def _rows(self) -> Iterator[Mapping[str, Any]]:
        landing = self._landing
        if landing.integration is not None:
            yield from self._trial.integration(landing.integration).read(_MOST_READ)
            return
        table = self._trial.table(landing_table(self._workflow))
        names = table.columns()
        if missing := [name for name in (landing.key, *landing.matching) if name not in names]:
            raise Malformed(
                f"where the work of {self._workflow} lands there is no column {', '.join(missing)}",
                remedy=f"Correct workflows.{self._workflow}.fallback.lands, or add the column to the table.",
            )
        try:
            for batch in table.batches():
                yield from batch.to_pylist()
        except NoRows:
            return


def counted(procedure: Procedure, deadline_s: float = 60.0) -> Procedure:
    """The procedure with a look as its last step, before anything is restored."""
    look = Step.model_validate(
        {
            "name": "look where the work has landed",
            "kind": "http",
            "with": {_LANDING: procedure.procedure},
            "deadline": f"{deadline_s:g}s",
        }
    )
    return procedure.model_copy(update={"steps": (*procedure.steps, look)})


def _digest(row: Mapping[str, Any]) -> bytes:
    plain = json.dumps({str(name): _plain(value) for name, value in row.items()}, sort_keys=True)
    return hashlib.sha256(plain.encode()).digest()


def _plain(value: object) -> str:
    """The value as text that stays the same when a text file is read with other types, because more rows are in it."""
    if isinstance(value, bool):
        return str(value).lower()
    text = value.isoformat() if isinstance(value, datetime) else str(value).strip()
    with suppress(ValueError):
        return repr(float(text))
    with suppress(ValueError):
        return datetime.fromisoformat(text).isoformat()
    return text.lower()
