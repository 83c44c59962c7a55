"""The first weeks of production, as the watch itself put them on record for exactly this model.

The account is not made here: it is held against what the third gate demands. A record that a person filed by hand, that
is about another model, or that ended days ago establishes nothing.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

from seatrial.core.bodies import EventBody
from seatrial.core.check import Check, Trial
from seatrial.core.codec import CodecError, from_data
from seatrial.core.observation import Finding, Json, Measure, Observation, Reason, Threshold
from seatrial.core.record import Record
from seatrial.core.vocabulary import Assurance, MeasureKind, RecordType, Sense, Weight
from seatrial.core.wording import count, span
from seatrial.spec.system import System

ID: Final = "governance.watch-record"
KIND: Final = "watch-record"
"""The kind of the event in the ledger."""
DAYS: Final = "days watched"
SHARE: Final = "share of the time watched"
UNANSWERED: Final = "pages that nobody answered"
BREACHES: Final = "breaches of a limit"
_NEWEST: Final = timedelta(days=3)
_CODES: Final = {
    "no-watch-record": "The watch has put no record of its days on this model into the ledger.",
    "watch-record-unreadable": "The newest record of the watch does not hold what it must.",
    "watch-record-old": "The newest record of the watch ends days ago.",
    "performance-unknown": "The record tells of no limit that the outcomes were held against, or no outcome is known.",
    "performance-not-held": "Over the days of the record a limit was not kept with confidence.",
    "watched-too-briefly": "The system was watched on fewer days than the policy demands.",
    "watched-with-gaps": "Nobody watched for too much of the time.",
    "page-unanswered": "A page of the watch was not answered by anybody.",
    "limit-broken": "A limit was broken in production.",
}
_AGAIN: Final = "Let the watch run until it has, then file its record: seatrial watch --record --days {days}."


def _run(system: System, trial: Trial) -> Observation | Reason:
    days = system.policy.watched_days
    identity = trial.model.identity()
    account = account_on_record(trial.records(RecordType.EVENT), identity)
    if account is None:
        return Reason(
            code="no-watch-record",
            summary="The watch has put no record of days with this model into the ledger",
            remedy=f"Keep `seatrial watch` running beside production for {count(days, 'day')}, then file its record: "
            f"seatrial watch --record --days {days}.",
        )
    try:
        told = _Account(account)
    except (KeyError, TypeError, ValueError):
        return Reason(
            code="watch-record-unreadable",
            summary="The newest record of the watch cannot be read",
            remedy=f"File it anew with this version: seatrial watch --record --days {days}.",
        )
    return Observation(
        done=f"Read the watch's record from {told.since.date().isoformat()} to {told.until.date().isoformat()} on the "
        f"model that is served now: {count(told.pages, 'page')}, {told.answered} answered.",
        measures=tuple(_measures(system, told)),
        findings=tuple(_findings(system, told, trial.clock.now())),
        proof=told.watched,
        assurance=Assurance.OBSERVED,
        facts=dict(account),
    )


class _Account:
    """What the check needs of an account. Raises KeyError, TypeError and ValueError for one that does not hold it."""

    def __init__(self, detail: Mapping[str, Json]) -> None:
        self.since, self.until = (_time(detail[name]) for name in ("since", "until"))
        self.watched = _count(detail["days_watched"])
        self.share = _number(detail["watched_share"])
        self.answered, self.unanswered = _count(detail["answered"]), _count(detail["unanswered"])
        self.breaches = _count(detail["breaches"])
        self.longest_s = _number(detail["longest_gap_s"])
        mean = detail["mean_time_to_acknowledge_s"]
        self.mean_s = None if mean is None else _number(mean)
        self.pages = self.answered + self.unanswered
        performance = detail["performance"]
        if not isinstance(performance, Sequence) or isinstance(performance, str):
            raise TypeError(performance)
        self.performance = [_Stream(each) for each in performance]


class _Stream:
    def __init__(self, told: Json) -> None:
        if not isinstance(told, Mapping):
            raise TypeError(told)
        self.name, self.says = str(told["name"]), str(told["says"])
        self.rows = _count(told["rows"])
        self.limit = _number(told["limit"])
        self.loss, self.at_most = (
            None if told[name] is None else _number(told[name]) for name in ("loss", "loss_at_most")
        )


def account_on_record(records: Sequence[Record], identity: str) -> Mapping[str, Json] | None:
    """The newest account of this model that a worker filed; what a person files by hand is no record of a watch."""
    for record in reversed(records):
        if record.body.get("kind") != KIND or not record.by.startswith("worker:"):
            continue
        try:
            detail = from_data(EventBody, record.body).detail
        except CodecError:
            continue
        if detail.get("identity") == identity:
            return detail
    return None


def _time(value: Json) -> datetime:
    found = datetime.fromisoformat(str(value))
    if found.tzinfo is None:
        raise ValueError(value)
    return found


def _number(value: Json) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError(value)
    return float(value)


def _count(value: Json) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise ValueError(value)
    return value


def _measures(system: System, told: _Account) -> Iterator[Measure]:
    policy = system.policy
    yield _exact(DAYS, told.watched, policy.watched_days, Sense.AT_LEAST, "days", told.watched)
    yield _exact(SHARE, told.share, policy.watched_share, Sense.AT_LEAST, "share", told.watched)
    yield _exact(UNANSWERED, told.unanswered, 0, Sense.AT_MOST, "", told.pages)
    yield _exact(BREACHES, told.breaches, 0, Sense.AT_MOST, "", told.watched)
    if told.mean_s is not None:
        yield Measure(
            name="mean time until a page was answered",
            value=told.mean_s,
            unit="s",
            n=told.answered,
            kind=MeasureKind.INFORMATIVE,
        )
    for stream in told.performance:
        yield Measure(
            name=f"{stream.name}, loss in production",
            value=stream.loss,
            upper=stream.at_most,
            unit="",
            n=stream.rows,
            method="the watch's own bound",
            confidence=0.95,
            kind=MeasureKind.INFORMATIVE,
        )


def _exact(name: str, value: float, limit: float, sense: Sense, unit: str, n: int) -> Measure:
    found = float(value)
    return Measure(
        name=name,
        value=found,
        lower=found,
        upper=found,
        limit=float(limit),
        sense=sense,
        unit=unit,
        n=n,
        method="counted by the watch",
        confidence=1.0,
    )


def _findings(system: System, told: _Account, now: datetime) -> Iterator[Finding]:
    days = system.policy.watched_days
    again = _AGAIN.format(days=days)
    if now - told.until > _NEWEST or told.until > now:
        yield Finding(
            code="watch-record-old",
            summary=f"The record ends on {told.until.date().isoformat()}; what happened since is not in it",
            weight=Weight.OPEN,
            remedy=f"File it anew: seatrial watch --record --days {days}.",
        )
    if told.watched < days:
        yield Finding(
            code="watched-too-briefly",
            summary=f"It was watched on {count(told.watched, 'day')}; {days} are demanded",
            remedy=again,
            explains=(DAYS,),
        )
    if told.share < system.policy.watched_share:
        yield Finding(
            code="watched-with-gaps",
            summary=f"Nobody watched for {1 - told.share:.0%} of the time, at one time for {span(told.longest_s)}",
            remedy=f"See why the watch was down, keep it running. {again}",
            explains=(SHARE,),
        )
    if told.unanswered:
        yield Finding(
            code="page-unanswered",
            summary=f"{count(told.unanswered, 'page')} of {told.pages} got no answer",
            why="Who does not answer in the first weeks does not answer at scale.",
            remedy=f"Answer what is open, and see to the routes of those who are paged. {again}",
            explains=(UNANSWERED,),
        )
    if told.breaches:
        yield Finding(
            code="limit-broken",
            summary=f"A limit was broken {told.breaches} times in the days of the record",
            remedy=f"Mend what broke it; the days count anew from then. {again}",
            explains=(BREACHES,),
        )
    yield from _on_performance(told, again)


def _on_performance(told: _Account, again: str) -> Iterator[Finding]:
    if not told.performance or any(stream.at_most is None for stream in told.performance):
        yield Finding(
            code="performance-unknown",
            summary="What became of the predictions is not known for every governed limit",
            weight=Weight.OPEN,
            remedy=f"Tell the watch the outcomes. {again}",
        )
    for stream in told.performance:
        # Fails closed on NaN, which is no account in any case.
        if stream.at_most is not None and not stream.at_most <= stream.limit:
            yield Finding(
                code="performance-not-held",
                summary=f"In production: {stream.says}",
                fields=(stream.name,),
                remedy=f"Retrain or correct the model, or tell the watch more outcomes where they are few. {again}",
            )


def _limits(system: System) -> tuple[Threshold, ...]:
    policy = system.policy

    def exact(measure: str, limit: float, sense: Sense, unit: str = "") -> Threshold:
        return Threshold(
            requirement=ID,
            measure=measure,
            limit=float(limit),
            sense=sense,
            confidence=policy.confidence,
            unit=unit,
        )

    return (
        exact(DAYS, policy.watched_days, Sense.AT_LEAST, "days"),
        exact(SHARE, policy.watched_share, Sense.AT_LEAST, "share"),
        exact(UNANSWERED, 0, Sense.AT_MOST),
        exact(BREACHES, 0, Sense.AT_MOST),
    )


CHECK: Check[System] = Check(
    id=ID,
    requirement=ID,
    version=2,
    title="What the watch saw in the first weeks",
    run=_run,
    codes=_CODES,
    limits=_limits,
)
