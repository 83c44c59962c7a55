"""What came out of all flows at once: every record counted once, against the limits of its flow."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence

from seatrial.core.observation import Finding, Measure, Threshold
from seatrial.core.ports import LoadResult
from seatrial.core.vocabulary import MeasureKind, Sense, Weight
from seatrial.core.wording import span
from seatrial.domains.flows.accounts import Account
from seatrial.domains.flows.driving import Passage
from seatrial.domains.flows.order import InOrder
from seatrial.domains.integration import passed_answers
from seatrial.domains.load.ceilings import kept_plan
from seatrial.domains.load.served import ISSUED_LEAST
from seatrial.spec.system import System
from seatrial.stats import proportions

_LAG = "p99 lag of the load generator"
_ISSUED = "share of planned records that were issued"
_LAG_SHARE = 0.1
_OVERTAKEN = "overtaken by later ones"
_GROWTH = 2.0
_NOTABLE_S = 0.2
_SHOWN = 6
_WHY = "Integrations that each work alone fail together, in the first busy week."
_LATE_TOGETHER = (
    "Find what the flows share and wait for: a pool of connections, a lock, workers, a rate limit; or agree with "
    "operations on a longer time."
)
_LATE_ALONE = (
    "It is late alone already: find in its own way what takes so long, or agree with operations on a longer time."
)
CODES = {
    "records-lost": "Records that the entry took never arrived.",
    "records-doubled": "Records arrived more than once.",
    "records-altered": "Records arrived with other contents.",
    "records-out-of-order": "Records arrived after others that were put in later, where their order matters.",
    "order-not-told": "Whether records came out in their order could not be told.",
    "records-refused": "The entry did not take records at the declared peak.",
    "records-late": "Too many records arrived after the declared time.",
    "contents-not-compared": "Nothing that tells records apart is declared to arrive as it was sent.",
    "slower-together": "Records take much longer when all flows run than when the flow runs alone.",
}


def states(found: Account) -> list[tuple[str, int]]:
    """What became of the records, in words, and of how many."""
    return [
        ("delivered once", found.delivered),
        ("late", found.late),
        ("lost", found.lost + found.refused),
        ("doubled", found.doubled),
        ("altered", found.altered),
        ("out of order", found.disordered),
    ]


def _delivered(name: str) -> str:
    return f"share of records of {name} delivered once and in time"


def _counted(what: str, name: str) -> str:
    return f"number of records of {name} {what}"


def measures_of(system: System, name: str, found: Account, order: InOrder | None) -> Iterator[Measure]:
    """What was delivered, and what must be none."""
    alpha, n = 1.0 - system.policy.confidence, found.n
    limit = system.policy.flow_delivered
    yield Measure(
        name=_delivered(name),
        value=found.delivered / n if n else None,
        lower=proportions.lower(found.delivered, n, alpha) if n else None,
        upper=proportions.upper(found.delivered, n, alpha) if n else None,
        limit=limit,
        sense=Sense.AT_LEAST,
        unit="share",
        n=n,
        method="Clopper-Pearson",
        confidence=system.policy.confidence,
        needed=(proportions.more_to_clear_floor(found.delivered, n, limit, alpha) or None) if limit < 1.0 else None,
        needed_unit="records",
    )
    for what, count in _exact(system, name, found):
        yield Measure(
            name=_counted(what, name),
            value=float(count),
            lower=float(count),
            upper=float(count),
            limit=0.0,
            sense=Sense.AT_MOST,
            n=n,
        )
    if order is None:
        overtaken = float(found.overtaken)
        yield Measure(name=_counted(_OVERTAKEN, name), value=overtaken, n=n, kind=MeasureKind.INFORMATIVE)
        return
    known = None if order.untold and not order.overtaken else float(len(order.overtaken))
    yield Measure(
        name=_counted(_OVERTAKEN, name),
        value=known,
        lower=known,
        upper=known,
        limit=0.0,
        sense=Sense.AT_MOST,
        n=order.compared,
    )


def _exact(system: System, name: str, found: Account) -> tuple[tuple[str, int], ...]:
    """What is counted and must be none. Where nothing is compared, nothing is known of what was altered."""
    compared = any(flow.name == name and flow.expect for flow in system.flows)
    counted = (("lost", found.lost), ("doubled", found.doubled))
    return (*counted, ("altered", found.altered)) if compared else counted


def disorder(passage: Passage, order: InOrder, alone: Account) -> Iterator[Finding]:
    """What came out of order, and why that cannot be told."""
    flow = passage.flow
    of_one = flow.order.per if flow.order is not None else None
    if order.overtaken:
        before = f"{alone.disordered} of {alone.n} when it ran alone" if alone.disordered else "none when it ran alone"
        late = passage.sent[min(order.overtaken)]
        yield Finding(
            code="records-out-of-order",
            summary=f"{flow.name}: {len(order.overtaken)} of {order.compared} records arrived after others "
            f"{f'of the same {of_one} ' if of_one else ''}that were put in later ({before}), such as "
            f"{late[flow.key]}.",
            fields=(f"flows.{flow.name}.order",),
            explains=(_counted(_OVERTAKEN, flow.name), _delivered(flow.name)),
            why="Who takes the last record that came for the newest one works on with an old state.",
            remedy="Let one worker or partition take all records "
            f"{f'of one {of_one}' if of_one else 'of the flow'}, without retries past newer ones, or have the exit "
            "drop what is older than what it has.",
            detail={"together": len(order.overtaken), "alone": alone.disordered},
        )
    elif order.untold:
        yield Finding(
            code="order-not-told",
            summary=f"{flow.name}: whether records came out in their order cannot be told: {order.untold}.",
            weight=Weight.OPEN,
            fields=(f"flows.{flow.name}.order",),
            explains=(_counted(_OVERTAKEN, flow.name),),
            remedy=f"Name in flows.{flow.name}.order.by a field of the exit that it sets itself and that grows from "
            "one record to the next, such as a running number; `per` must stand in every record that is put in.",
        )


def not_compared(name: str, passage: Passage) -> Iterator[Finding]:
    """Without an expectation that tells records apart contents may be swapped or cut.

    Open where both ends have fields in common.
    """
    flow = passage.flow
    if not passage.copies:
        return
    told = {json.dumps([row.get(field) for field in flow.expect.values()], default=str) for row in passage.sent}
    if flow.expect and len(told) > 1:
        return
    sent = {field for row in passage.sent for field in row} - {flow.key}
    shared = sorted(sent & {field for rows in passage.copies.values() for row in rows for field in row})
    both = f"{', '.join(shared[:_SHOWN])} stand at both ends" if shared else "the two ends have only the key in common"
    remedy = (
        f"Declare flows.{name}.expect, such as {{{', '.join(f'{f}: {f}' for f in shared[:_SHOWN])}}}."
        if shared
        else f"Where the exit carries something of the entry under another name, declare flows.{name}.expect."
    )
    yield Finding(
        code="contents-not-compared",
        summary=f"{name}: all {len(passage.sent)} records were put in with the same {', '.join(flow.expect.values())}, "
        "so that another record's contents would not have been seen."
        if flow.expect
        else f"{name}: nothing says what must arrive as it was sent, so contents were not compared; {both}.",
        weight=Weight.OPEN if shared or flow.expect else Weight.NOTE,
        fields=(f"flows.{name}.expect",),
        why="A record that arrives with another one's contents counts as delivered.",
        remedy=f"Put records that differ in it into flows.{name}.records, or name in its expect more of what must "
        "arrive as it was sent."
        if flow.expect
        else remedy,
    )


def validity(
    system: System, passages: Mapping[str, Passage], results: Mapping[str, LoadResult]
) -> tuple[Measure, Measure]:
    """Whether the generator kept its own plan."""
    lags = sorted(lag for passage in passages.values() for lag in passage.lag_s)
    lag = lags[max(0, math.ceil(0.99 * len(lags)) - 1)] if lags else math.inf
    planned = sum(len(results[name].status) for name in passages)
    dropped = sum(s == -1 for name in passages for s in results[name].status)
    issued = 1.0 - dropped / planned if planned else 0.0
    return (
        kept_plan(_LAG, lag, _lag_limit_s(system), Sense.AT_MOST, "s", planned),
        kept_plan(_ISSUED, issued, ISSUED_LEAST, Sense.AT_LEAST, "share", planned),
    )


def _lag_limit_s(system: System) -> float:
    return _LAG_SHARE * min(flow.within for flow in system.flows)


def findings_of(system: System, name: str, found: Account, alone: Account, passage: Passage) -> Iterator[Finding]:
    """What went astray or was late in one flow, beside what did when it ran alone."""
    flow = passage.flow
    told: Sequence[tuple[str, int, int, str]] = (
        ("records-lost", found.lost, alone.lost, "were taken by the entry and never arrived"),
        ("records-doubled", found.doubled, alone.doubled, "arrived more than once"),
        ("records-altered", found.altered, alone.altered, f"arrived with another {', '.join(found.changed)}"),
    )
    for code, count, before, what in told:
        if count:
            beside = f"{before} of {alone.n} when it ran alone" if before else "none when it ran alone"
            yield Finding(
                code=code,
                summary=f"{name}: {count} of {found.n} records {what} ({beside}).",
                fields=found.changed if code == "records-altered" else (f"flows.{name}",),
                explains=(_counted(code.removeprefix("records-"), name), _delivered(name)),
                why=_WHY,
                remedy=f"Follow one of the keys that begin with seatrial from {flow.from_} to {flow.to}.",
                detail={"together": count, "alone": before},
            )
    allowed = (1.0 - system.policy.flow_delivered) * found.n
    if found.refused > allowed:
        yield Finding(
            code="records-refused",
            summary=f"{name}: {flow.from_} did not take {found.refused} of {found.n} records at {flow.peak:g} a second "
            f"({alone.refused} of {alone.n} when it ran alone){f': {passage.problem}' if passage.problem else ''}.",
            fields=(f"flows.{name}",),
            explains=(_delivered(name),),
            why=_WHY,
            remedy=f"Find in the log of {flow.from_} why it refuses, times out or fails."
            + (f" If it is the key that does not fit there, declare flows.{name}.keys." if passage.problem else ""),
        )
    if found.late > allowed:
        yield Finding(
            code="records-late",
            summary=f"{name}: {found.late} of {found.n} records took more than {flow.within:g} s "
            f"({alone.late} of {alone.n} when it ran alone).",
            fields=(f"flows.{name}",),
            explains=(_delivered(name),),
            why=_WHY,
            remedy=_LATE_ALONE if alone.late > (1.0 - system.policy.flow_delivered) * alone.n else _LATE_TOGETHER,
        )
    if found.p95_s > _GROWTH * alone.p95_s and found.p95_s - alone.p95_s > _NOTABLE_S:
        yield Finding(
            code="slower-together",
            summary=f"{name}: p95 goes from {span(alone.p95_s)} alone to {span(found.p95_s)} with everything running.",
            weight=Weight.NOTE,
            fields=(f"flows.{name}",),
            remedy="Look for what the flows share.",
        )


def limits(system: System, requirement: str) -> list[Threshold]:
    """How late the generator may be, and what each flow must keep."""
    found = [
        Threshold(requirement=requirement, measure=_LAG, sense=Sense.AT_MOST, limit=_lag_limit_s(system), unit="s"),
        Threshold(requirement=requirement, measure=_ISSUED, sense=Sense.AT_LEAST, limit=ISSUED_LEAST, unit="share"),
    ]
    for flow in system.flows:
        found.append(
            Threshold(
                requirement=requirement,
                measure=_delivered(flow.name),
                sense=Sense.AT_LEAST,
                limit=system.policy.flow_delivered,
                unit="share",
                confidence=system.policy.confidence,
            )
        )
        if flow.answers:
            name = passed_answers.measure_of(flow.name)
            found.append(Threshold(requirement=requirement, measure=name, sense=Sense.AT_MOST, limit=0.0))
        found += [
            Threshold(requirement=requirement, measure=_counted(what, flow.name), sense=Sense.AT_MOST, limit=0.0)
            for what in (
                "lost",
                "doubled",
                *(("altered",) if flow.expect else ()),
                *((_OVERTAKEN,) if flow.order is not None else ()),
            )
        ]
    return found
