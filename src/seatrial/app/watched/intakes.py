"""Predictions and outcomes that a watch fetches by itself from declared integrations, again and again."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from seatrial.app.folder.outside import Outside
from seatrial.core.errors import SeatrialError, Unreachable
from seatrial.core.ports import Following, Row
from seatrial.spec.system import System
from seatrial.spec.watch import Intake
from seatrial.watch.events import Kind, read_events
from seatrial.watch.store import Store, Taken
from seatrial.watch.watching import Awaited

MOST = 5_000
"""Records that are held at once."""
_LOOK_S = 5.0
"""So long one intake is taken from before others have their turn; what is left is taken at the next look."""
_PATIENCE, _LEAST_PATIENCE_S = 10.0, 600.0
_KINDS = {"predictions": Kind.PREDICTION, "outcomes": Kind.OUTCOME}


class Intakes:
    """All declared intakes. What was seen before counts once, so that overlapping looks harm nothing."""

    def __init__(self, system: System, outside: Outside, store: Store, *, now: Callable[[], datetime]) -> None:
        self._system = system
        self._outside = outside
        self._store = store
        self._now = now
        self._due = [0.0] * len(system.watch.intakes)
        self.problems: dict[str, str] = {}
        """Integration to why the last look at it failed."""
        self.looked: dict[str, float] = {}
        """Integration to when it was last looked at without failing, in seconds."""

    def look(self) -> int:
        """Look at every intake that is due; how many new events there were."""
        new = 0
        for number, intake in enumerate(self._system.watch.intakes):
            if time.monotonic() < self._due[number]:
                continue
            try:
                taken, whole = self._take(intake)
                new += taken
                self._due[number] = time.monotonic() + (intake.every if whole else 0.0)
                self.looked[intake.integration] = self._now().timestamp()
                self.problems.pop(intake.integration, None)
            except SeatrialError as error:
                self._due[number] = time.monotonic() + intake.every
                self.problems[intake.integration] = error.what
        return new

    def awaited(self) -> Iterator[Awaited]:
        """That each intake can be looked at: one that fails again and again is an alarm."""
        for intake in self._system.watch.intakes:
            yield Awaited(
                name=f"intake.{intake.integration}",
                words=f"{intake.takes} fetched from {intake.integration}",
                last=self._last(intake.integration),
                within_s=max(_LEAST_PATIENCE_S, _PATIENCE * intake.every),
            )

    def _last(self, integration: str) -> Callable[[], float | None]:
        return lambda: self.looked.get(integration)

    def _take(self, intake: Intake) -> tuple[int, bool]:
        """How many new events there were, and whether that was all."""
        section = self._system.integrations[intake.integration]
        name = intake.integration
        source = self._outside.production(name) if section.production else self._outside.integration(name)
        if not isinstance(source, Following):
            return self._newest(intake, source.read(MOST)), True
        kept = f"intake {intake.integration} {intake.takes}"
        end = time.monotonic() + _LOOK_S
        new = 0
        for rows, mark in source.parts(self._store.recall(kept), MOST):
            # First the events, then the mark: after a crash between the two they come again, and count once.
            new += self._keep(intake, rows)[0].new
            if mark is not None:
                self._store.remember(kept, mark)
            if time.monotonic() > end:
                return new, False
        return new, True

    def _newest(self, intake: Intake, rows: Sequence[Row]) -> int:
        """The newest records of a source that cannot be followed. Raises Unreachable where some may be missing."""
        kept = f"intake {intake.integration} {intake.takes}"
        taken, count = self._keep(intake, rows)
        begun = self._store.recall(kept)
        self._store.remember(kept, {"taken": True})
        if begun is not None and count >= MOST and taken.known == 0:
            raise Unreachable(
                f"{intake.integration} brought more than {MOST:,} new records between two looks: some may be missing",
                remedy="Look more often, by `every` of this intake, or let the system send its records itself.",
            )
        return taken.new

    def _keep(self, intake: Intake, rows: Sequence[Row]) -> tuple[Taken, int]:
        documents = list(_documents(intake, rows))
        bounded = self._system.model.task == "binary"
        events, refused = read_events(documents, now=self._now(), kind=_KINDS[intake.takes], bounded=bounded)
        counts: dict[str, int] = {}
        for each in refused:
            counts[f"refused {each.code}"] = counts.get(f"refused {each.code}", 0) + 1
        return self._store.append(events, now=self._now(), refused=counts), len(documents)


def _documents(intake: Intake, records: Sequence[Row]) -> Iterator[Mapping[str, Any]]:
    named = {ours: theirs for ours, theirs in intake.fields.items() if ours != "label"}
    for record in records:
        document: dict[str, Any] = {"id": record.get(intake.id)}
        if intake.at is not None:
            document["at"] = _zoned(record.get(intake.at))
        if intake.takes == "outcomes":
            document["label"] = record.get(intake.fields.get("label", "label"))
        else:
            for ours in ("prediction", "score", "model"):
                document[ours] = record.get(named.get(ours, ours))
            own = {intake.id, intake.at, *(named.get(ours, ours) for ours in ("prediction", "score", "model"))}
            document["inputs"] = {name: value for name, value in record.items() if name not in own}
        if isinstance(document["id"], int):
            document["id"] = str(document["id"])
        yield document


def _zoned(value: object) -> object:
    return value.replace(tzinfo=UTC) if isinstance(value, datetime) and value.tzinfo is None else value
