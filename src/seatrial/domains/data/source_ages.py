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
from seatrial.domains.flows.marking import is_ours
from seatrial.spec.data import Freshness
from seatrial.spec.integration import Flow
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
    "only-test-records": "The source shows nothing but test records of ours.",
    "time-missing": "Records of the source lack the time field.",
    "time-unreadable": "The time field of some records cannot be read as a time.",
    "time-without-zone": "The time field has no time zone, so its age is unknown by hours.",
    "clock-disagrees": "Records of the source are from the future.",
    "partly-stale": "Part of a source is older than its newest record.",
    "part-missing": "A part of the source that the model's inputs list has no record there.",
    "part-not-told": "Records do not tell of which declared part of the source they are.",
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
    missing: list[Finding] = field(default_factory=list)
    """Of the last reading: what came more seldom may have been missed by those before."""
    keys: frozenset[str] = frozenset()
    """Fields that only tell its records apart."""
    flows: Sequence[Flow] = ()
    """All flows: what tests put into them is none of the source's own records, wherever it is kept or passed on."""
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
            found = trial.integration(self.declared.source).read(RECORDS)
        except SeatrialError as error:
            self.found.setdefault("source-unreachable", _unreachable(self.declared, error))
            return
        now = trial.clock.now()
        records = [record for record in found if not is_ours(record, self.flows)]
        if found and not records:
            self.found.setdefault("only-test-records", _only_ours(self.declared, len(found)))
            return
        times, problems = _times(self.declared, records)
        for problem in problems:
            self.found.setdefault(problem.code, problem)
        if not times:
            return
        newest = max(times)
        oldest_part, parted = _by_part(self.declared, records, inputs, now)
        self.missing = list(_missing(self.declared, records, inputs))
        self.records, self.times = len(records), times
        self.at_s.append(trial.clock.monotonic())
        self.newest.append(oldest_part or newest)
        self.ages_s.append(max(0.0, (now - self.newest[-1]).total_seconds()))
        rest = resting_values.resting(
            self.declared, records, _time, WHY, keys=self.keys, events=not self.comes_by_itself
        )
        for problem in (*_future(self.declared, newest, now), *parted, *rest):
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
        yield from self.missing
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


def _only_ours(declared: Freshness, n: int) -> Finding:
    return Finding(
        code="only-test-records",
        summary=f"All {n} records that {declared.source} shows are test records of ours, which say nothing of its age.",
        weight=Weight.OPEN,
        fields=(f"integrations.{declared.source}",),
        remedy=f"Let integrations.{declared.source}.test.remove take test records away again, or have more "
        "records read there, so that real ones are among them.",
        why=WHY,
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


def _by_part(
    declared: Freshness, records: Sequence[Row], inputs: Mapping[str, InputField], now: datetime
) -> tuple[datetime | None, list[Finding]]:
    """The newest time of the part that is oldest, where parts are declared, and what is wrong with them.

    Where none are, texts among the inputs are taken for parts, such as stations; then what is old is only noted.
    """
    if declared.per is None:
        found = [
            _old_parts(declared, name, newest, old)
            for name, each in inputs.items()
            if each.type == "string"
            and (newest := _newest(declared, records, name))
            and (old := _older(declared, newest, now))
            and len(old) < len(newest) <= len(records) // 3
        ]
        return None, found
    newest = _newest(declared, records, declared.per)
    findings = [*_untold(declared, records)]
    if old := _older(declared, newest, now):
        findings.append(_old_parts(declared, declared.per, newest, old))
    return min(newest.values(), default=None), findings


def _newest(declared: Freshness, records: Sequence[Row], field: str) -> dict[str, datetime]:
    """The newest time of each part that `field` tells, a text or a whole number."""
    newest: dict[str, datetime] = {}
    for record in records:
        at = _time(record.get(declared.at))
        if isinstance(at, datetime) and (part := _part(record.get(field))):
            newest[part] = max(at, newest.get(part, at))
    return newest


def _part(value: Json) -> str:
    return str(value) if isinstance(value, str | int) and not isinstance(value, bool) else ""


def _older(declared: Freshness, newest: Mapping[str, datetime], now: datetime) -> list[str]:
    limit = timedelta(seconds=declared.at_most)
    return sorted((part for part, at in newest.items() if now - at > limit), key=lambda part: newest[part])


def _old_parts(declared: Freshness, field: str, newest: Mapping[str, datetime], old: Sequence[str]) -> Finding:
    must = declared.per is not None
    return Finding(
        code="partly-stale",
        summary=f"{declared.source} is too old for {len(old)} of {len(newest)} values of {field}: {_named(old)}.",
        weight=Weight.GAP if must else Weight.NOTE,
        fields=(f"{declared.source}.{declared.at}", field),
        remedy="See whether these parts of the source still report"
        + (
            "; what rightly reports no more is to be left out of what is read there."
            if must
            else f"; where each of them must, declare per: {field} beside the limit."
        ),
        why=WHY,
    )


def _untold(declared: Freshness, records: Sequence[Row]) -> Iterator[Finding]:
    if without := sum(not _part(record.get(str(declared.per))) for record in records):
        yield Finding(
            code="part-not-told",
            summary=f"{without} of {len(records)} records of {declared.source} hold no text and no whole number in "
            f"{declared.per}, which should tell its parts.",
            fields=(f"{declared.source}.{declared.per}",),
            remedy=f"Correct `per` in data.freshness, or have {declared.source} tell it in every record.",
            why=WHY,
        )


def _missing(declared: Freshness, records: Sequence[Row], inputs: Mapping[str, InputField]) -> Iterator[Finding]:
    if declared.per is None:
        return
    newest = _newest(declared, records, declared.per)
    listed = inputs[declared.per].values if declared.per in inputs else None
    if missing := [str(value) for value in listed or () if str(value) not in newest]:
        yield Finding(
            code="part-missing",
            summary=f"{declared.source} has no record of {len(missing)} of the {len(listed or ())} values of "
            f"{declared.per} that the model's inputs list: {_named(missing)}.",
            fields=(f"{declared.source}.{declared.per}",),
            remedy=f"See whether they still report; have more read at {declared.source} where they come more seldom "
            "(read, listen_for), or take them out of the inputs' values.",
            why=WHY,
        )


def _named(parts: Sequence[str]) -> str:
    return ", ".join(parts[:5]) + (f" and {len(parts) - 5} more" if len(parts) > 5 else "")
