"""What people did with each output, read from the workflow's own table and counted by workflow and by team."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from seatrial.core.check import CHANGE_LOG, Trial
from seatrial.core.errors import Malformed
from seatrial.core.ports import Table
from seatrial.spec.change import ResponseLog

ACTED_ON, OVERRIDDEN, IGNORED = "acted on", "overridden", "ignored"
WAYS = (ACTED_ON, OVERRIDDEN, IGNORED)
_MOST_OUTPUTS = 5_000_000


@dataclass(slots=True)
class Responses:
    """Counts of outputs. `by`: (workflow, team) to way to number; `workarounds` likewise, with what was written."""

    by: dict[tuple[str, str], Counter[str]] = field(default_factory=dict)
    workarounds: dict[tuple[str, str], int] = field(default_factory=dict)
    written: Counter[str] = field(default_factory=Counter)
    unknown: Counter[str] = field(default_factory=Counter)
    """Responses that the declaration does not know, each with its number."""
    contradicting: int = 0
    """Outputs of which several rows tell different things."""
    older: int = 0
    undated: int = 0
    nameless: int = 0
    """Rows without key, workflow or team."""

    def of(self, *, workflow: str | None = None, team: str | None = None) -> Counter[str]:
        """The numbers of one workflow, one team, or all."""
        found: Counter[str] = Counter()
        for (its_workflow, its_team), numbers in self.by.items():
            if workflow in (None, its_workflow) and team in (None, its_team):
                found.update(numbers)
        return found


def read_responses(trial: Trial, log: ResponseLog) -> Responses:
    """Every output of the time that counts, once. Raises SeatrialError where the table is unreadable or lacks a column.

    An output with several rows counts once where they agree; where they do not, it is contradicting and not counted.
    """
    return responses_in(trial.table(CHANGE_LOG), log, since=trial.clock.now() - timedelta(seconds=log.looked_back))


def responses_in(table: Table, log: ResponseLog, *, since: datetime) -> Responses:
    """Every output in the table since then, as `read_responses` counts them."""
    wanted = [log.key, log.workflow, log.team, log.response, log.at, log.workaround]
    if missing := [c for c in wanted if c not in table.columns()]:
        raise Malformed(
            f"the log of what people did has no column {', '.join(missing)}",
            remedy="Correct the columns that change.log names, or add them to the table.",
        )
    reading = _Reading(log, since=since)
    for batch in table.batches(list(dict.fromkeys(wanted))):
        for row in batch.to_pylist():
            reading.row(row)
    return reading.finish()


class _Reading:
    """One pass over the log. Keeps one entry for each output."""

    def __init__(self, log: ResponseLog, *, since: datetime) -> None:
        self._log = log
        self._since = since
        self._ways = _ways(log)
        self._found = Responses()
        self._outputs: dict[str, tuple[str, str, str]] = {}
        self._workarounds: dict[str, str] = {}
        self._contradicting: set[str] = set()

    def row(self, row: Mapping[str, object]) -> None:
        log, found = self._log, self._found
        at = _time(row[log.at])
        if at is None:
            found.undated += 1
            return
        if at < self._since:
            found.older += 1
            return
        key, workflow, team = (_text(row[name]) for name in (log.key, log.workflow, log.team))
        if not (key and workflow and team):
            found.nameless += 1
            return
        spelled = _text(row[log.response])
        way = self._ways.get(spelled)
        if way is None:
            found.unknown[spelled] += 1
            return
        self._output(key, (workflow, team, way), _text(row[log.workaround]))

    def _output(self, key: str, told: tuple[str, str, str], workaround: str) -> None:
        if self._outputs.setdefault(key, told) != told:
            self._contradicting.add(key)
        if workaround:
            self._workarounds.setdefault(key, workaround)
        if len(self._outputs) > _MOST_OUTPUTS:
            raise Malformed(
                f"the log of what people did holds more than {_MOST_OUTPUTS:,} outputs",
                remedy="Shorten change.log.looked_back, or narrow change.log.query.",
            )

    def finish(self) -> Responses:
        found = self._found
        for key, (workflow, team, way) in self._outputs.items():
            if key in self._contradicting:
                continue
            found.by.setdefault((workflow, team), Counter())[way] += 1
            if key in self._workarounds:
                found.workarounds[workflow, team] = found.workarounds.get((workflow, team), 0) + 1
                found.written[self._workarounds[key]] += 1
        found.contradicting = len(self._contradicting)
        return found


def _ways(log: ResponseLog) -> Mapping[str, str]:
    values = log.values
    listed = ((ACTED_ON, values.acted_on), (OVERRIDDEN, values.overridden), (IGNORED, ("", *values.ignored)))
    ways: dict[str, str] = {}
    for way, spelled in listed:
        for value in spelled:
            if ways.setdefault(value, way) != way:
                raise Malformed(
                    f"change.log.values spells {value!r} for two different responses",
                    remedy="Let each spelling stand for one response; what is empty was ignored.",
                )
    return ways


def _text(value: object) -> str:
    return "" if value is None else str(value).strip()


def _time(value: object) -> datetime | None:
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            return None
    if not isinstance(value, datetime):
        return None
    return value if value.tzinfo is not None else value.replace(tzinfo=UTC)
