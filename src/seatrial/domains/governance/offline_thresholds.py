"""When is it taken offline: rules that a program can execute, each shown to fire, and the procedure that they start.

Every rule is put to the outputs as they are, where it must stay silent, and to the same outputs with the harm planted,
where it must fire. The watch holds the same rule objects after launch.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from seatrial.core.check import Check, Trial
from seatrial.core.errors import SeatrialError
from seatrial.core.observation import Finding, Measure, Observation, Reason, Threshold
from seatrial.core.vocabulary import Sense, Weight
from seatrial.core.wording import count, span
from seatrial.domains.governance.provoking import Provoked, provoke
from seatrial.domains.rehearsing import drill, durations, open_procedure, recorded
from seatrial.drills.journal import Journal
from seatrial.spec.governance import OfflineRule
from seatrial.spec.system import System

_ID = "governance.offline-thresholds"
_FIRED = "number of rules that fired on planted harm"
_CODES = {
    "no-offline-rule": "No rule says when the system is taken offline.",
    "no-performance-rule": "No rule takes it offline for being wrong.",
    "no-regulatory-rule": "No rule takes it offline for a declared event, such as a regulator's notice.",
    "no-offline-procedure": "No procedure takes the system offline when a rule fires.",
    "rule-does-not-fire": "The harm was planted, and the rule stayed silent.",
    "rule-fires-too-late": "The rule stays silent while the outputs are of no use any more.",
    "rule-fires-on-health": "The rule fires on today's outputs, with nothing planted.",
    "rule-not-executable": "A program cannot execute the rule on what is declared.",
    "trip-failed": "A rule fired, and the procedure did not take the system offline.",
    "not-restored": "After the trip the system was not brought back.",
}
_WHY = "Without a rule that fires by itself, the system goes on until somebody dares to stop it."


def _run(system: System, trial: Trial) -> Observation | Reason:
    rules = system.governance.offline_when
    findings = list(_missing(system))
    provoked = []
    for rule in rules:
        trial.say(f"provoking the rule {spelled(rule)}")
        try:
            provoked.append(provoke(system, trial, rule))
        except SeatrialError as error:
            findings.append(_not_executable(rule, error))
    findings.extend(f for p in provoked for f in _silence(p))
    fired = sum(p.fires for p in provoked)
    journals: tuple[Journal, ...] = ()
    if fired and system.governance.offline is not None:
        journals = (drill(system, trial, "offline", open_procedure(trial, system.governance.offline), changes=True),)
        findings.extend(_trip(journals[0], system.governance.offline))
    return Observation(
        done=f"Put {count(len(rules), 'rule')} to the outputs as they are and to outputs with the harm planted; "
        f"let the first that "
        "fired start the procedure, looked at what was served, and brought the system back.",
        measures=(_count(fired, len(rules)),) if rules else (),
        findings=tuple(findings),
        figures=(durations("From the trip to offline", journals, limit_s=None),) if journals else (),
        proof=fired,
        facts={
            "rules": [
                {"rule": spelled(p.rule), "as it is": p.before, "with the harm planted": p.planted} for p in provoked
            ],
            "journals": recorded(journals),
        },
    )


def spelled(rule: OfflineRule) -> str:
    """The rule as one reads it in the plan."""
    if rule.metric is not None:
        return f"{rule.metric} below {rule.below:g}" + (f" over {rule.over}" if rule.over else "")
    if rule.category is not None:
        return f"{rule.category} above {rule.above}"
    if rule.freshness is not None:
        return f"{rule.freshness} older than {(rule.older_than or 0.0) / 3600:.3g} h"
    if rule.heartbeat is not None:
        return f"no prediction for {span(rule.heartbeat)}"
    return f"event {rule.event}"


def _count(fired: int, rules: int) -> Measure:
    value = float(fired)
    return Measure(
        name=_FIRED,
        value=value,
        lower=value,
        upper=value,
        limit=float(rules),
        sense=Sense.AT_LEAST,
        n=rules,
        method="each rule provoked once with planted harm",
    )


def _missing(system: System) -> Iterator[Finding]:
    rules = system.governance.offline_when
    if not rules:
        yield Finding(
            code="no-offline-rule",
            summary="No rule says when the system is taken offline.",
            fields=("governance.offline_when",),
            why=_WHY,
            remedy="Agree with legal and operations on a floor for the metric, a limit for the worst error category "
            "and the events that end it; declare them in governance.offline_when.",
        )
    elif not any(r.metric or r.category for r in rules):
        yield Finding(
            code="no-performance-rule",
            summary="No rule takes the system offline for being wrong.",
            fields=("governance.offline_when",),
            why=_WHY,
            remedy="Add a floor for the governed metric, such as {metric: recall@0.5, below: 0.62, over: 500 labels}.",
        )
    if rules and not any(r.event for r in rules):
        yield Finding(
            code="no-regulatory-rule",
            summary="No event, such as a regulator's notice, takes the system offline.",
            fields=("governance.offline_when",),
            why="A regulator does not wait for a metric.",
            remedy="Add {event: regulator-notice}, and agree who may raise it.",
        )
    if system.governance.offline is None:
        yield Finding(
            code="no-offline-procedure",
            summary="No procedure takes the system offline when a rule fires.",
            fields=("governance.offline",),
            why="An alarm that nothing follows is noise.",
            remedy="Write the procedure that takes it offline, with proofs of what is served; name it in "
            "governance.offline.",
        )


def _silence(provoked: Provoked) -> Iterator[Finding]:
    if not provoked.fires:
        yield Finding(
            code="rule-does-not-fire",
            summary=f"The rule {spelled(provoked.rule)} stayed silent with the harm planted: {provoked.planted}.",
            fields=("governance.offline_when",),
            why=_WHY,
            remedy="Correct the rule until planted harm makes it fire.",
        )
    elif provoked.too_late:
        yield Finding(
            code="rule-fires-too-late",
            summary=f"The rule {spelled(provoked.rule)} stays silent while the outputs are of no use: "
            f"{provoked.too_late}.",
            fields=("governance.offline_when",),
            why="Hardly any failure makes answers worse than chance; the system would stay online through all others.",
            remedy="Set the limit between what the plan demands and what answers without any use reach.",
        )
    if provoked.fires_on_health:
        yield Finding(
            code="rule-fires-on-health",
            summary=f"The rule {spelled(provoked.rule)} fires on today's outputs: {provoked.before}.",
            fields=("governance.offline_when",),
            why="It would take the system offline in its first hour, or be switched off by whoever it wakes.",
            remedy="Find out whether the outputs or the rule are wrong; go live only when it is silent in health.",
        )


def _not_executable(rule: OfflineRule, error: SeatrialError) -> Finding:
    return Finding(
        code="rule-not-executable",
        summary=f"The rule {spelled(rule)} cannot be executed: {error.what}.",
        weight=Weight.OPEN,
        fields=("governance.offline_when",),
        why=_WHY,
        remedy=error.remedy
        or "Declare what the rule needs: labels, a time column, or an integration that can be read.",
    )


def _trip(journal: Journal, path: str) -> Iterator[Finding]:
    if not journal.succeeded:
        yield Finding(
            code="trip-failed",
            summary=f"A rule fired, and nothing shows that {path} took the system offline: {journal.problem}.",
            fields=("governance.offline",),
            why=_WHY,
            remedy=f"Mend {path} until its target is proven.",
        )
    if journal.restored is False or (journal.succeeded and journal.restored is None):
        yield Finding(
            code="not-restored",
            summary=f"After the trip the system was not brought back: {journal.problem}.",
            fields=("governance.offline",),
            remedy=f"Bring the system back by hand now, and mend the restore steps of {path}.",
        )


def _limits(system: System) -> Sequence[Threshold]:
    rules = system.governance.offline_when
    if not rules:
        return ()
    return (Threshold(requirement=_ID, measure=_FIRED, sense=Sense.AT_LEAST, limit=float(len(rules))),)


CHECK: Check[System] = Check(
    id=_ID,
    requirement=_ID,
    version=3,
    title="The rules that take it offline",
    run=_run,
    codes=_CODES,
    limits=_limits,
    alone=True,
    budget_s=lambda _: 600.0,
    grace_s=lambda _: 600.0,
    tables=lambda _: ("scored.evaluation",),
)
