"""A duty whose holder must answer when called: named, deputised, accepted, and really reached by a page."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from seatrial.core.check import Check, Trial
from seatrial.core.observation import Observation, Reason, Threshold
from seatrial.core.vocabulary import Sense
from seatrial.domains.acceptance import CODES, Post, gone, holding
from seatrial.domains.allowing import allow
from seatrial.domains.paging import CODES as PAGE_CODES
from seatrial.domains.paging import MEASURE, Answered, Drill, page
from seatrial.spec.drills import KIND_OF
from seatrial.spec.people import Duty
from seatrial.spec.system import System


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One such duty: how it is named, and what its holder is sent."""

    requirement: str
    duty: str
    what: str
    find: Callable[[System], Duty | None]
    within: Callable[[Duty], float | None]
    within_field: str
    check_title: str
    page_title: str
    page_text: str
    action: str


def check_of(call: Call) -> Check[System]:
    """The check that calls the duty's holder and times the answer."""
    return Check(
        id=call.requirement,
        requirement=call.requirement,
        version=2,
        title=call.check_title,
        run=partial(_run, call),
        codes={**CODES, **PAGE_CODES},
        limits=partial(_limits, call),
        budget_s=lambda system: 60.0 + (_limit(call, system) or 0.0),
    )


def _limit(call: Call, system: System) -> float | None:
    duty = call.find(system)
    return call.within(duty) if duty else None


def _limits(call: Call, system: System) -> Sequence[Threshold]:
    limit = _limit(call, system)
    if limit is None:
        return ()
    return (Threshold(requirement=call.requirement, measure=MEASURE, sense=Sense.AT_MOST, limit=limit, unit="s"),)


def _run(call: Call, system: System, trial: Trial) -> Observation | Reason:
    duty = call.find(system)
    field = f"duties.{call.duty}"
    post = Post(duty=call.duty, part=field.replace("duties", "duty"), field=f"{field}.who", what=call.what)
    who, deputy = (duty.who, duty.deputy) if duty else (None, None)
    found = holding(system, trial, post, who, deputy)
    answered = Answered(facts={})
    if duty is not None and who is not None and not gone(system, trial, who):
        drill = Drill(
            person=who,
            within_s=call.within(duty),
            field=f"{field}.{call.within_field}",
            title=call.page_title.format(system=system.system),
            text=call.page_text,
            action=call.action,
        )
        allow(system, trial, KIND_OF[call.requirement])
        answered = page(system, trial, drill)
    return Observation(
        done="Looked up who is named and their signed acceptances, then sent a real page over the "
        "declared route and timed "
        "the human answer.",
        measures=answered.measures,
        findings=(*found.findings, *answered.findings),
        proof=found.verified,
        facts=answered.facts,
    )
