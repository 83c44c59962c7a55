"""The age of one source's data, read at the source again and again, and what its own times and clock tell besides."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import numpy as np

from seatrial.core.check import Trial
from seatrial.core.errors import SeatrialError
from seatrial.core.observation import Finding, Json, Measure
from seatrial.core.ports import Clocked, Row
from seatrial.core.vocabulary import MeasureKind, Sense, Weight
from seatrial.core.wording import span
from seatrial.domains.data import resting_values, source_history
from seatrial.domains.data.source_history import History, history
from seatrial.spec.data import Freshness
from seatrial.spec.model import InputField

RECORDS = 500
FUTURE_S = 60.0
"""Clocks of two machines may differ by this much; a record further in the future tells that one of them is wrong."""
CLOCK_SHARE = 0.05
"""And by no more than this share of the limit, of which every age would be wrong."""
WHY = "The model answers on old data as confidently as on new, and nobody sees the difference."
_EPOCH_S, _EPOCH_MS = (1e9, 1e11), (1e12, 1e14)
_TICK_S = 0.5
"""Half of the second to which an HTTP server cuts its time."""
_HISTORY, _FEWEST, _REGULAR = 50, 8, 0.8
CODES = {
    **source_history.CODES,
    **resting_values.CODES,
    "source-unreachable": "The source could not be read.",
    "no-records": "The source has no records.",
    "time-missing": "Records of the source lack the time field.",
    "time-unreadable": "The time field of some records cannot be read as a time.",
    "time-without-zone": "The time field has no time zone, so its age is unknown by hours.",
    "clock-disagrees": "Records of the source are from the future.",
    "partly-stale": "Part of a source is older than its newest record.",
    "clocks-differ": "The clock of a source's server is certainly another than ours.",
    "too-seldom": "A source brings new records so seldom that they grow older than they may be before the next ones.",
    "falls-behind": "While a source was read, new records came and were older each time.",
    "stands-still": "While a source was read no new record came, and its limit would be missed soon.",
}


@dataclass(slots=True, kw_only=True)
class Watched:
    """A source and all readings of it: when (seconds, monotonic), the newest record's time, and its age."""

    declared: Freshness
    at_s: list[float] = field(default_factory=list)
    newest: list[datetime] = field(default_factory=list)
    ages_s: list[float] = field(default_factory=list)
    records: int = 0
    times: list[datetime] = field(default_factory=list)
    """Of the last reading, all that could be read."""
    offset_s: float | None = None
    """How far the server's clock stands before ours, and by how much that may be wrong."""
    unsure_s: float = float("inf")
    found: dict[str, Finding] = field(default_factory=dict)
    comes_by_itself: bool = True
    """False for a source of events: where nothing happens nothing comes, and no age of the past tells anything."""
    _clock_told: bool = True

    @property
    def watched_s(self) -> float:
        """From the first reading to the last."""
        return self.at_s[-1] - self.at_s[0] if self.at_s else 0.0

    @property
    def ahead_s(self) -> float:
        """How far the server's clock certainly stands before ours: by so much its records are older than they look."""
        return 0.0 if self.offset_s is None else max(0.0, self.offset_s - self.unsure_s)

    @property
    def past(self) -> History | None:
        """The time before the check, by the records of the last reading."""
        return history(self.declared, self.times) if self.comes_by_itself else None

    @property
    def facts(self) -> Mapping[str, Json]:
        """What was read."""
        told: dict[str, Json] = {
            "ages_s": list(self.ages_s),
            "after_s": [round(at - self.at_s[0], 3) for at in self.at_s],
            "records": self.records,
            "renewed": len(set(self.newest)) - 1,
        }
        if self.past is not None:
            told["history"] = self.past.facts
        if self.offset_s is not None:
            told |= {"clock_ahead_s": round(self.offset_s, 3), "clock_unsure_s": round(self.unsure_s, 3)}
        return told

    def read(self, trial: Trial, inputs: Mapping[str, InputField]) -> None:
        """One reading."""
        self._ask_time(trial)
        try:
            records = trial.integration(self.declared.source).read(RECORDS)
        except SeatrialError as error:
            self.found.setdefault("source-unreachable", _unreachable(self.declared, error))
            return
        now = trial.clock.now()
        times, problems = _times(self.declared, records)
        for problem in problems:
            self.found.setdefault(problem.code, problem)
        if not times:
            return
        newest = max(times)
        self.records, self.times = len(records), times
        self.at_s.append(trial.clock.monotonic())
        self.newest.append(newest)
        self.ages_s.append(max(0.0, (now - newest).total_seconds()))
        rest = resting_values.resting(self.declared, records, _time, WHY) if self.comes_by_itself else ()
        for problem in (*_future(self.declared, newest, now), *_parts(self.declared, records, inputs, now), *rest):
            self.found.setdefault(problem.code, problem)

    def _ask_time(self, trial: Trial) -> None:
        integration = trial.integration(self.declared.source)
        if not self._clock_told or not isinstance(integration, Clocked):
            return
        before = trial.clock.now()
        try:
            told = integration.server_time()
        except SeatrialError:
            told = None
        after = trial.clock.now()
        self._clock_told = told is not None
        unsure_s = (after - before).total_seconds() / 2.0 + _TICK_S
        # The quickest answer tells it best.
        if told is not None and unsure_s < self.unsure_s:
            self.offset_s, self.unsure_s = (told - before - (after - before) / 2).total_seconds(), unsure_s

    def measures(self, name: str) -> Iterator[Measure]:
        """The worst age, and how it went on."""
        if not self.ages_s:
            return
        worst = max(self.ages_s) + self.ahead_s
        yield Measure(
            name=name,
            value=worst,
            lower=worst,
            upper=worst,
            limit=self.declared.at_most,
            sense=Sense.AT_MOST,
            unit="s",
            n=len(self.ages_s),
            method="age of the newest record at the source, worst reading"
            + (", by the server's clock" if self.ahead_s else ""),
        )
        if self.watched_s > 0.0:
            yield Measure(
                name=f"growth of the {name} an hour",
                value=(self.ages_s[-1] - self.ages_s[0]) / self.watched_s * 3600.0,
                unit="s",
                n=len(self.ages_s),
                method="from the first reading to the last",
                kind=MeasureKind.INFORMATIVE,
            )
        if (past := self.past) is not None:
            yield from source_history.measures(self.declared, past, name)

    def told(self) -> Iterator[Finding]:
        """Everything that is to be said of the readings."""
        yield from self.found.values()
        yield from self._clock()
        seldom = list(self._seldom())
        yield from seldom
        if not seldom and (past := self.past) is not None:
            yield from source_history.too_old(self.declared, past, WHY)
        yield from self._trend()

    def _clock(self) -> Iterator[Finding]:
        allowed = min(FUTURE_S, CLOCK_SHARE * self.declared.at_most)
        if self.offset_s is not None and abs(self.offset_s) - self.unsure_s > allowed:
            side = "ahead of" if self.offset_s > 0 else "behind"
            yield Finding(
                code="clocks-differ",
                summary=f"The clock of {self.declared.source}'s server is {span(abs(self.offset_s))} {side} ours: "
                "every age is wrong by as much.",
                fields=(f"integrations.{self.declared.source}",),
                remedy="Synchronise both clocks (NTP), then run the check again.",
                why=WHY,
            )

    def _seldom(self) -> Iterator[Finding]:
        """Where records come by the clock, the newest one is as old as the time between two, just before the next."""
        stamps = sorted({t.timestamp() for t in self.times})[-_HISTORY:]
        gaps = np.diff(stamps)
        if gaps.size < _FEWEST:
            return
        usual = float(np.median(gaps))
        regular = float(np.mean((gaps > 0.5 * usual) & (gaps < 1.5 * usual))) >= _REGULAR
        if regular and usual > self.declared.at_most:
            yield Finding(
                code="too-seldom",
                summary=f"{self.declared.source} brings new records every {span(usual)}, so they grow that old; "
                f"{span(self.declared.at_most)} are allowed.",
                fields=(f"{self.declared.source}.{self.declared.at}",),
                remedy="Let the source report more often, or allow the age that it has if the plan's minimum bears it.",
                why=WHY,
            )

    def _trend(self) -> Iterator[Finding]:
        if len(self.ages_s) < 3 or max(self.ages_s) > self.declared.at_most:
            return
        left_s = self.declared.at_most - self.ages_s[-1]
        grown = [later - earlier for earlier, later in zip(self.ages_s, self.ages_s[1:], strict=False)]
        renewed = len(set(self.newest)) - 1
        if renewed >= len(self.newest) - 1 and all(g > 0 for g in grown):
            rate = (self.ages_s[-1] - self.ages_s[0]) / self.watched_s
            yield self._note(
                "falls-behind",
                f"each new record was older than the one before; at this rate the limit is missed in "
                f"{span(left_s / rate)}",
                "See whether the source keeps up with what it has to report.",
            )
        elif not renewed and left_s < self.watched_s:
            yield self._note(
                "stands-still",
                f"no new record came in {span(self.watched_s)}, and in {span(left_s)} the limit is missed",
                "See whether the source still reports.",
            )

    def _note(self, code: str, what: str, remedy: str) -> Finding:
        return Finding(
            code=code,
            summary=f"{self.declared.source}: {what}.",
            weight=Weight.NOTE,
            fields=(f"{self.declared.source}.{self.declared.at}",),
            remedy=remedy,
            why=WHY,
        )


def _unreachable(declared: Freshness, error: SeatrialError) -> Finding:
    return Finding(
        code="source-unreachable",
        summary=f"{declared.source} could not be read: {error.what}",
        weight=Weight.OPEN,
        fields=(f"integrations.{declared.source}",),
        remedy=error.remedy or "See whether the source runs, and try again.",
    )


def _times(declared: Freshness, records: Sequence[Row]) -> tuple[list[datetime], list[Finding]]:
    """The times that could be read, and one finding for each kind of problem with the others."""
    if not records:
        return [], [_wrong(declared, "no-records", f"{declared.source} has no records")]
    times: list[datetime] = []
    counts: dict[str, int] = {}
    for record in records:
        at = _time(record.get(declared.at))
        if isinstance(at, datetime):
            times.append(at)
        else:
            counts[at] = counts.get(at, 0) + 1
    words = {
        "time-missing": "have no value in it",
        "time-unreadable": "hold something that is no time",
        "time-without-zone": "have no time zone",
    }
    whole = len(records)
    return times, [
        _wrong(declared, code, f"{declared.source}.{declared.at}: {n} of {whole} records {words[code]}")
        for code, n in counts.items()
    ]


def _wrong(declared: Freshness, code: str, summary: str) -> Finding:
    return Finding(
        code=code,
        summary=f"{summary}.",
        fields=(f"{declared.source}.{declared.at}",),
        remedy="Let the source stamp every record with its time and zone, best in UTC as 2026-01-31T08:00:00Z.",
        why=WHY,
    )


def _time(value: Json) -> datetime | str:
    """The time, or the code of what is wrong with it. Numbers are seconds or milliseconds since 1970."""
    if value is None or value == "":
        return "time-missing"
    if isinstance(value, int | float) and not isinstance(value, bool):
        if _EPOCH_S[0] <= value < _EPOCH_S[1]:
            return datetime.fromtimestamp(value, UTC)
        return datetime.fromtimestamp(value / 1e3, UTC) if _EPOCH_MS[0] <= value < _EPOCH_MS[1] else "time-unreadable"
    try:
        at = datetime.fromisoformat(str(value).strip())
    except ValueError:
        return "time-unreadable"
    return "time-without-zone" if at.tzinfo is None else at.astimezone(UTC)


def _future(declared: Freshness, newest: datetime, now: datetime) -> Iterator[Finding]:
    ahead = (newest - now).total_seconds()
    if ahead > FUTURE_S:
        yield Finding(
            code="clock-disagrees",
            summary=f"The newest record of {declared.source} is {ahead:,.0f} s in the future: a clock is wrong, or "
            f"{declared.at} is in local time and marked as UTC.",
            fields=(f"{declared.source}.{declared.at}",),
            remedy="Synchronise both clocks and check the source's time zone; until then no age can be told.",
            why=WHY,
        )


def _parts(
    declared: Freshness, records: Sequence[Row], inputs: Mapping[str, InputField], now: datetime
) -> Iterator[Finding]:
    """Parts of a source, such as its stations, that are older than they may be while another part is fresh."""
    for name, each in inputs.items():
        if each.type != "string" or each.fed_by == declared.source:
            continue
        newest: dict[str, datetime] = {}
        for record in records:
            at = _time(record.get(declared.at))
            if isinstance(at, datetime) and isinstance(record.get(name), str):
                key = str(record[name])
                newest[key] = max(at, newest.get(key, at))
        limit = timedelta(seconds=declared.at_most)
        old = sorted(key for key, at in newest.items() if now - at > limit)
        if old and len(old) < len(newest) <= len(records) // 3:
            yield Finding(
                code="partly-stale",
                summary=f"{declared.source} is fresh as a whole, but too old for {name} {', '.join(old[:5])}.",
                weight=Weight.NOTE,
                fields=(f"{declared.source}.{declared.at}", name),
                remedy="See whether these parts of the source still report.",
            )
