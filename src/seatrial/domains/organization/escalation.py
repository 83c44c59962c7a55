"""What does a user do who does not trust an output: reported as a user would, and answered by the named person.

Nobody is paged by us: the report goes the users' own way, with a signed link in it, and the drill is over when the
person whom it reached has answered there. The page to the escalation point is another drill, of another requirement:
neither stands in for the other.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from seatrial.core.check import Check, Trial
from seatrial.core.observation import Finding, Json, Measure, Observation, Reason, Threshold
from seatrial.core.ports import Acknowledgement, Page, StepResult, Steps
from seatrial.core.vocabulary import Sense
from seatrial.core.wording import count
from seatrial.domains.acceptance import gone
from seatrial.domains.paging import by_a_program
from seatrial.domains.rehearsing import drill, open_procedure, recorded
from seatrial.drills.journal import Journal, Phase
from seatrial.spec.procedure import REPORT, REPORT_LINK, Procedure, Step
from seatrial.spec.system import System

_ID = "organization.escalation"
_REACHED = "time from a user's report to the named person's answer"
_CHOICES = ("Do not use this output", "This output stands")
_WHY = "A doubt with no way out ends in a wrong action or in no action."
_CODES = {
    "nobody-named": "Nobody is named whom a report of a distrusted output must reach.",
    "left": "The named person has left.",
    "no-path": "No way is declared by which a user reports an output that they do not trust.",
    "no-time-declared": "No time is declared within which a report must have reached the named person.",
    "path-without-link": "The declared steps do not carry the drill's link, so that nobody could answer it.",
    "report-failed": "The steps of the report could not be carried out as a user would.",
    "not-reached": "The report was made, and the named person did not answer it within the declared time.",
    "answered-by-a-program": "The report was answered by its own steps, unread, or faster than it can be read.",
    "not-cleared": "After the drill the report could not be taken back.",
}


@dataclass(slots=True)
class _Answering:
    """Steps that wait for the person's answer where the drill's own last proof asks for it."""

    inner: Steps
    trial: Trial
    page: Page
    answer: Acknowledgement | None = field(default=None)

    def run(self, kind: str, settings: Mapping[str, Json], *, timeout_s: float) -> StepResult:
        """The declared steps as they are; ours waits."""
        if settings.get("page") != self.page.id:
            return self.inner.run(kind, settings, timeout_s=timeout_s)
        began = self.trial.clock.monotonic()
        self.answer = self.trial.pager.wait(self.page, timeout_s=timeout_s)
        return StepResult(
            ok=self.answer is not None,
            duration_s=self.trial.clock.monotonic() - began,
            output="answered" if self.answer is not None else "nobody answered",
        )


def within_s(system: System) -> float | None:
    """Seconds within which a report must have been answered."""
    duty = system.duties.escalation_point
    return system.escalation.within or (duty.answer_within if duty is not None else None)


def _run(system: System, trial: Trial) -> Observation | Reason:
    findings = [*_undeclared(system, trial)]
    duty, path, limit = system.duties.escalation_point, system.escalation.procedure, within_s(system)
    if findings or duty is None or duty.who is None or path is None or limit is None:
        return Observation(done="Looked for the way of a report and whom it must reach.", findings=tuple(findings))
    person = system.people[duty.who].name
    trial.say(f"reporting an output as a user would, to {person}")
    page, link = trial.pager.link(
        duty.who,
        title=f"Drill: a user of {system.system} does not trust an output",
        text="This is a drill by seatrial. A user reported that they do not trust an output, and waits for what to do.",
        expires_s=limit,
        choices=_CHOICES,
    )
    text = f"Drill by seatrial: I do not trust an output of {system.system}. Please answer here: {link}"
    if not _carries(trial.files.read(path)):
        return Observation(done="Read the steps of a report.", findings=(_without_link(path),))
    procedure = open_procedure(trial, path, given={REPORT: text, REPORT_LINK: link})
    steps = _Answering(inner=trial.steps, trial=trial, page=page)
    journal = drill(system, trial, "escalation", _answered(procedure, page, person, limit), steps=steps)
    return Observation(
        done=f"Reported an output that is not trusted by the {count(len(procedure.steps), 'step')} of {path}, as a "
        f"user would, and timed until {person} answered through the link that the report carried.",
        measures=_measures(steps.answer, limit),
        findings=tuple(
            _found(journal, path, person, steps.answer, limit, made_s=_made_s(journal, page, len(procedure.steps)))
        ),
        proof=1 if steps.answer is not None and journal.succeeded else 0,
        facts={"journal": recorded((journal,)), "person": duty.who, "answer": steps.answer.answer}
        if steps.answer is not None
        else {"journal": recorded((journal,)), "person": duty.who},
    )


def _carries(content: bytes) -> bool:
    return f"${{{REPORT_LINK}}}".encode() in content or f"${{{REPORT}}}".encode() in content


def _answered(procedure: Procedure, page: Page, person: str, limit: float) -> Procedure:
    """The procedure, arrived only when the person has answered."""
    wait = Step.model_validate(
        {
            "name": f"{person} answers the report",
            "kind": "ask",
            "with": {"page": page.id},
            # The link's own life is what ends the wait; the step's deadline must not come before it.
            "deadline": f"{limit + 5.0:.3f}s",
        }
    )
    return procedure.model_copy(update={"target": (*procedure.target, wait)})


def _measures(answer: Acknowledgement | None, limit: float) -> tuple[Measure, ...]:
    if answer is None:
        return ()
    return (
        Measure(
            name=_REACHED,
            value=answer.after_s,
            lower=answer.after_s,
            upper=answer.after_s,
            limit=limit,
            sense=Sense.AT_MOST,
            unit="s",
            n=1,
            method="one report by the users' own way, timed from its first step to the answer",
        ),
    )


def _undeclared(system: System, trial: Trial) -> Iterator[Finding]:
    duty = system.duties.escalation_point
    who = duty.who if duty is not None else None
    if who is None:
        yield Finding(
            code="nobody-named",
            summary="Nobody is named whom a report of a distrusted output must reach.",
            fields=("duties.escalation-point.who",),
            why=_WHY,
            remedy="Name a person in duties.escalation-point.who, and have them accept.",
        )
    elif gone(system, trial, who):
        name = system.name_of(who)
        yield Finding(
            code="left",
            summary=f"{name}, whom a report must reach, has left.",
            fields=("duties.escalation-point.who",),
            why=_WHY,
            remedy="Name a successor in duties.escalation-point.who, and have them accept.",
        )
    if system.escalation.procedure is None:
        yield Finding(
            code="no-path",
            summary="It is not declared how a user reports an output that they do not trust.",
            fields=("escalation.procedure",),
            why=_WHY,
            remedy="Write the steps that a user takes (a button, a message, a call of an address) as a procedure, "
            f"with ${{{REPORT}}} as its text, and name it in escalation.procedure.",
        )
    if within_s(system) is None:
        yield Finding(
            code="no-time-declared",
            summary="It is not declared how soon a report must have reached the named person.",
            fields=("escalation.within",),
            why=_WHY,
            remedy="Declare the time in escalation.within or duties.escalation-point.answer_within, such as 30m.",
        )


def _without_link(path: str) -> Finding:
    return Finding(
        code="path-without-link",
        summary=f"The steps of {path} do not carry the drill's link, so that nobody could answer it.",
        fields=("escalation.procedure",),
        why="That a report was sent does not show that it reached anybody.",
        remedy=f"Put ${{{REPORT}}} (text with the link) or ${{{REPORT_LINK}}} into the step of {path} that sends it.",
    )


def _made_s(journal: Journal, page: Page, steps: int) -> float:
    """Seconds from when the link was made until the last declared step of the report had ended."""
    made = [entry for entry in journal.entries if entry.phase is Phase.STEPS][:steps]
    began_s = (journal.started_at - page.sent_at).total_seconds()
    return began_s + max((entry.started_s + entry.duration_s for entry in made), default=0.0)


def _found(
    journal: Journal, path: str, person: str, answer: Acknowledgement | None, limit: float, *, made_s: float
) -> Iterator[Finding]:
    waited = any(entry.name == f"{person} answers the report" for entry in journal.entries)
    if answer is None and waited:
        yield Finding(
            code="not-reached",
            summary=f"A user's report was made, and {person} did not answer it within {limit:.0f} s.",
            fields=("duties.escalation-point.who", "escalation.procedure"),
            why="The user who does not trust an output waits, and then acts on it or on nothing.",
            remedy=f"Find out where the report ended (address, mailbox, rota) and why it did not reach {person}; then "
            "run the drill again: seatrial run --only organization.escalation.",
        )
    elif not journal.succeeded:
        yield Finding(
            code="report-failed",
            summary=f"The report could not be made as a user would: {journal.problem}.",
            fields=("escalation.procedure",),
            why=_WHY,
            remedy=f"Mend the way that {path} describes, or correct its steps; then run the drill again.",
        )
    how = "" if answer is None else by_a_program(answer)
    if answer is not None and answer.after_s < made_s:
        how = f"{made_s - answer.after_s:.1f} s before its own steps had ended: they may not answer it themselves"
    if how:
        yield Finding(
            code="answered-by-a-program",
            summary=f"The report to {person} was answered {how}.",
            fields=("escalation.procedure",),
            why="A program that answers every report keeps the real one from being heard.",
            remedy=f"Take out what opens and answers reports on the way; let the steps of {path} only make the "
            "report, and wait for what becomes of it under `target`. Then run the drill again.",
        )
    if journal.restored is False:
        yield Finding(
            code="not-cleared",
            summary=f"After the drill the report could not be taken back: {journal.problem}.",
            fields=("escalation.procedure",),
            why="The next drill, or a real report, would stand beside one that nobody needs.",
            remedy=f"Take the drill's report back by hand, and mend the restore steps of {path}.",
        )


def _limits(system: System) -> Sequence[Threshold]:
    limit = within_s(system)
    if limit is None:
        return ()
    return (Threshold(requirement=_ID, measure=_REACHED, sense=Sense.AT_MOST, limit=limit, unit="s"),)


def _budget_s(system: System) -> float:
    return 300.0 + (within_s(system) or 0.0)


CHECK: Check[System] = Check(
    id=_ID,
    requirement=_ID,
    version=2,
    title="The report of a distrusted output",
    run=_run,
    codes=_CODES,
    limits=_limits,
    budget_s=_budget_s,
    grace_s=lambda _: 120.0,
)
