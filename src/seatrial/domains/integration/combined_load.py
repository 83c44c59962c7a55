"""Do all integrations work together: every flow driven end to end at once, with every record accounted for.

Each flow runs alone first, for a shorter time, then all of them at once, with the model's own peak beside them. Each
record is one of ours under a key of its own. It is delivered once, late, lost, doubled, altered or, where the flow
declares an order, out of order; a record that the entry did not take counts as not delivered. What came from a fallback
at the peak is put in again at rest, to see whether it fell back for the load. When a record was seen is known to within
one look, always to its disadvantage.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from seatrial.core.check import Check, Trial
from seatrial.core.observation import Figure, Finding, Json, Observation, Reason, Threshold
from seatrial.core.ports import TEST_MARK
from seatrial.domains.flows import cleaning, fallbacks, lanes, window
from seatrial.domains.flows.accounts import Account, account
from seatrial.domains.flows.cleaning import Cleanup
from seatrial.domains.flows.lanes import MODEL, unready
from seatrial.domains.flows.master_data import masters
from seatrial.domains.integration import (
    combined_findings,
    joined,
    joined_findings,
    model_beside,
    one_field,
    passed_answers,
)
from seatrial.domains.integration.combined_findings import (
    disorder,
    findings_of,
    measures_of,
    not_compared,
    states,
    validity,
)
from seatrial.domains.integration.combined_running import (
    Driven,
    alone_s,
    drive_all,
    lasts_s,
    most_failed,
    ordered,
    overtaken,
    together_s,
)
from seatrial.spec.system import System

_ID = "integration.combined-load"
_AFTERWARDS = "test records afterwards"
_CODES = {
    **lanes.CODES,
    **cleaning.CODES,
    **window.CODES,
    **fallbacks.CODES,
    **passed_answers.CODES,
    **joined_findings.CODES,
    **one_field.CODES,
    **model_beside.CODES,
    **combined_findings.CODES,
    "no-flows": "No flow is declared, so nothing says what must arrive where.",
}


def _run(system: System, trial: Trial) -> Observation | Reason:
    if not system.flows:
        finding = Finding(
            code="no-flows",
            summary="No flow is declared.",
            fields=("flows",),
            why="What nobody declares to arrive, nobody misses.",
            remedy="Declare each flow: where records go in and come out, by which key, within what time, how many.",
        )
        return Observation(done="Looked for flows.", findings=(finding,))
    findings = [f for flow in system.flows for f in unready(system, flow, windows=True)]
    if findings := findings or list(window.closed(system, trial.clock.now(), lasts_s(system))):
        return Observation(done="Nothing was put in: not every flow can be driven.", findings=tuple(findings))
    sources = masters(system, trial)
    with Cleanup(system, trial) as cleanup:
        driven = drive_all(system, trial, cleanup)
    if not isinstance(driven, Driven):
        done = f"Stopped the test in production; put in nothing further. {_left(cleanup)}"
        return Observation(done=done, findings=(*driven, *cleanup.findings()), facts={_AFTERWARDS: cleanup.told()})
    joins = joined.compared(system, trial, driven.passages, sources)
    answers = passed_answers.compared(system, trial, driven.passages)
    return _observation(system, driven, cleanup, answers, joins)


def _observation(
    system: System,
    driven: Driven,
    cleanup: Cleanup,
    answers: Sequence[passed_answers.Compared],
    joins: joined.Joins,
) -> Observation:
    passages, results, alone = driven.passages, driven.results, driven.alone
    orders = {name: ordered(system, passage) for name, passage in passages.items()}
    accounts = {name: account(passage, overtaken(orders[name])) for name, passage in passages.items()}
    measures = [m for name, found in accounts.items() for m in measures_of(system, name, found, orders[name])]
    facts: dict[str, Json] = {
        name: {"together": _told(found), "alone": _told(alone[name])} for name, found in accounts.items()
    }
    if driven.model is not None:
        facts[MODEL] = driven.model.facts()
    facts[_AFTERWARDS] = cleanup.told()
    total = sum(a.n for a in accounts.values())
    beside = ", with the model's own peak beside them" if driven.model is not None else ""
    rows: tuple[Mapping[str, Json], ...] = tuple(
        {"flow": name, "state": state, "records": count} for name, a in accounts.items() for state, count in states(a)
    )
    return Observation(
        done=f"Drove {len(accounts)} flow(s) end to end, each alone and then all at once at the declared peak{beside}: "
        f"put in {total:,} marked records, and accounted for each at the exit. {_left(cleanup)}",
        measures=(
            *measures,
            *passed_answers.measures(answers),
            *model_beside.measures(system, driven.model),
            *fallbacks.measures(system.policy, driven.fell_back),
            *validity(system, passages, results),
        ),
        findings=(
            *(f for n, a in accounts.items() for f in findings_of(system, n, a, alone[n], passages[n])),
            *(f for n, order in orders.items() if order for f in disorder(passages[n], order, alone[n])),
            *(f for n, passage in passages.items() for f in not_compared(n, passage)),
            *(f for lane in passages.values() for f in window.stopped(lane.flow, most_failed(system, lane.flow), lane)),
            *passed_answers.findings(answers),
            *joined_findings.findings(joins),
            *one_field.findings(driven.exchanged),
            *model_beside.findings(system, driven.model),
            *fallbacks.findings(system.policy, driven.fell_back),
            *cleanup.findings(),
        ),
        figures=(Figure(kind="flows", title="What became of every record, all flows at once", rows=rows),),
        facts=facts,
    )


def _left(cleanup: Cleanup) -> str:
    kept = sorted({left.integration for left in cleanup.remains if not left.declared})
    if not kept:
        return "They were taken away again."
    return f"They remain at {', '.join(kept)} under keys that begin with {TEST_MARK}."


def _told(found: Account) -> Mapping[str, Json]:
    counts = {state: count for state, count in states(found) if count}
    return {**counts, "records": found.n, "p95_s": None if math.isnan(found.p95_s) else round(found.p95_s, 3)}


def _limits(system: System) -> Sequence[Threshold]:
    if not system.flows:
        return ()
    return [
        *combined_findings.limits(system, _ID),
        *model_beside.limits(system, _ID),
        *fallbacks.limits(system, _ID),
    ]


def _budget(system: System) -> float:
    one_s = sum(alone_s(system) + 3.0 * flow.within + 40.0 for flow in system.flows)
    # The model is asked of what was driven, and of what was put in again with one input exchanged.
    asking_s = 2.0 * passed_answers.longest_s(system) + one_field.longest_s(system)
    return 120.0 + 2.0 * one_s + 2.0 * together_s(system) + fallbacks.longest_s(system) + asking_s


CHECK: Check[System] = Check(
    id=_ID,
    requirement=_ID,
    version=13,
    title="All flows at once, every record accounted for",
    run=_run,
    codes=_CODES,
    limits=_limits,
    alone=True,
    draws_anew=True,
    budget_s=_budget,
)
