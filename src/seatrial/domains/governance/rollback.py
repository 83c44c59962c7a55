"""Does the way back work in time: the reversion is really executed, proven by what is served, and timed, repeatedly."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from textwrap import shorten

from seatrial.core.check import Check, Trial
from seatrial.core.observation import Finding, Measure, Observation, Reason, Threshold
from seatrial.core.vocabulary import MeasureKind, Sense
from seatrial.core.wording import count, sentence
from seatrial.domains.governance import served
from seatrial.domains.governance.served import Served
from seatrial.domains.rehearsing import drills, durations, open_procedure, over_time, recorded, shown_by
from seatrial.drills.journal import Journal, Phase
from seatrial.spec.resolution import rollback_window_s, rollback_window_too_long
from seatrial.spec.system import System
from seatrial.stats.drills import content_of_largest, next_within_largest, prediction_bound

_ID = "governance.rollback"
_CLEAN = "number of clean drills in a row"
_LONGEST = "longest drill"
_NEXT = "time of the next rollback"
_CODES = {
    "no-rollback": "No way back is declared.",
    "window-too-long": "The declared window is longer than the policy allows.",
    "target-proves-nothing": "The proof of the state to go back to holds before the way back has begun.",
    "rollback-failed": "A step of the way back failed.",
    "wrong-state-after-rollback": "Every step succeeded, and what is served afterwards is not the state it should be.",
    "state-before-not-proven": "The drill could not begin: production is not in the state that the procedure expects.",
    "not-restored": "After the drill production was not brought back.",
    **served.CODES,
}
_SAID = 130
"""Characters of a problem that a summary tells."""
_WHY = "On the day when the model does harm, this is the way out; it has to work the first time."


def _run(system: System, trial: Trial) -> Observation | Reason:
    if system.rollback is None:
        finding = Finding(
            code="no-rollback",
            summary="No way back to the state before the system is declared.",
            fields=("rollback",),
            why=_WHY,
            remedy="Write the procedure that brings back the previous version, with proofs of what is "
            "served; name it in "
            "rollback.procedure.",
        )
        return Observation(done="Looked for the way back.", findings=(finding,))
    window_s = rollback_window_s(system)
    procedure = open_procedure(trial, system.rollback.procedure)
    model = Served.now(system, trial)
    journals = drills(
        system, trial, "rollback", procedure, times=system.policy.rehearsals, changes=True, proven=model.look
    )
    return Observation(
        done=f"Executed {system.rollback.procedure} {count(len(journals), 'time')} from the state of "
        f"production, proved each time "
        "what was served afterwards, timed it, and brought production back.",
        measures=_measures(journals, window_s, system.policy.rehearsals, system.policy.confidence),
        findings=(
            *_window(system, window_s),
            *_findings(journals, system.rollback.procedure),
            *model.findings(procedure, system.rollback.procedure),
        ),
        figures=(
            durations("The way back, drill by drill", journals, limit_s=window_s / 2),
            *over_time("The way back from drill to drill, the slowest of each day", trial, _ID, limit_s=window_s / 2),
        ),
        proof=sum(j.succeeded for j in journals),
        facts={
            "journals": recorded(journals),
            "window_s": window_s,
            "armed": {name: digest for name, (digest, _) in shown_by(trial, procedure).items()},
        },
    )


def _measures(journals: Sequence[Journal], window_s: float, wanted: int, confidence: float) -> tuple[Measure, ...]:
    times = [j.duration_s for j in journals if j.succeeded and j.duration_s is not None]
    clean = len(times) if all(j.succeeded and j.restored is True for j in journals) else 0
    measures = [_exact(_CLEAN, float(clean), wanted, Sense.AT_LEAST, "", len(journals))]
    if times:
        measures.append(_exact(_LONGEST, max(times), window_s / 2, Sense.AT_MOST, "s", len(times)))
        bound = prediction_bound(times, 1.0 - confidence)
        measures.append(
            Measure(
                name=_NEXT,
                value=sum(times) / len(times),
                upper=bound,
                limit=window_s,
                sense=Sense.AT_MOST,
                unit="s",
                n=len(times),
                method="log-normal prediction bound, log deviation at least 0.25",
                confidence=confidence,
                needed=max(0, wanted - len(times)) or None,
                needed_unit="drills",
            )
        )
        for name, value in (
            ("chance that the next drill is within the longest", next_within_largest(len(times))),
            ("success rate that these drills establish", content_of_largest(len(times), 1.0 - confidence)),
        ):
            measures.append(Measure(name=name, value=value, unit="share", n=len(times), kind=MeasureKind.INFORMATIVE))
    return tuple(measures)


def _exact(name: str, value: float, limit: float, sense: Sense, unit: str, n: int) -> Measure:
    return Measure(name=name, value=value, lower=value, upper=value, limit=limit, sense=sense, unit=unit, n=n)


def _window(system: System, window_s: float) -> Iterator[Finding]:
    if rollback_window_too_long(system):
        yield Finding(
            code="window-too-long",
            summary=f"The way back may take {window_s / 3600:.3g} h, longer than the policy allows for a "
            f"system that is "
            f"{system.criticality.value}.",
            fields=("rollback.within",),
            why=_WHY,
            remedy="Shorten the way back, and declare the shorter window in rollback.within.",
        )


def _findings(journals: Sequence[Journal], path: str) -> Iterator[Finding]:
    for number, journal in enumerate(journals, start=1):
        where = f"drill {number} of {path}"
        if not journal.succeeded:
            yield _failure(journal, where, path)
        if journal.restored is not True and not journal.idle:
            problem = journal.problem or "nothing proves that production is as it was"
            yield Finding(
                code="not-restored",
                summary=f"After {where} production was not proven to be as it was: {problem}.",
                fields=("rollback.procedure",),
                explains=(_CLEAN,),
                why="A drill must not cost the production that it protects.",
                remedy=f"Bring production back by hand now; give {path} restore steps and a proof under `restored`.",
            )


def _failure(journal: Journal, where: str, path: str) -> Finding:
    if journal.idle:
        return Finding(
            code="target-proves-nothing",
            summary=f"The {where} was not begun: the proofs under `target` hold while the current version is served.",
            fields=("rollback.procedure",),
            explains=(_CLEAN,),
            detail={"problem": journal.problem or ""},
            why="A proof that cannot tell the two versions apart would also hold after a way back that does nothing.",
            remedy=f"Let `target` of {path} look at what only the previous version answers, such as its version.",
        )
    phases = {entry.phase for entry in journal.entries if not entry.ok}
    if Phase.BEFORE in phases:
        return Finding(
            code="state-before-not-proven",
            summary=f"The {where} could not begin: {_short(journal)}.",
            fields=("rollback.procedure",),
            explains=(_CLEAN,),
            detail={"problem": journal.problem or ""},
            why="A way back that starts from a state that is not production's proves nothing.",
            remedy=f"Bring production into the state that {path} expects, or correct its `before`.",
        )
    if Phase.TARGET in phases and Phase.STEPS not in phases:
        return Finding(
            code="wrong-state-after-rollback",
            summary=sentence(f"Every step of {where} succeeded, and yet another state is served: {_short(journal)}"),
            fields=("rollback.procedure",),
            explains=(_CLEAN,),
            detail={"problem": journal.problem or ""},
            why="Everybody would believe that the old version runs, while something else answers.",
            remedy=f"Make {path} bring back all that belongs to a version (model, encoder, index), then drill again.",
        )
    return Finding(
        code="rollback-failed",
        summary=sentence(f"The {where} failed: {_short(journal)}"),
        fields=("rollback.procedure",),
        explains=(_CLEAN,),
        detail={"problem": journal.problem or ""},
        why=_WHY,
        remedy=f"Mend {path}, then drill again; one failed drill resets the count.",
    )


def _short(journal: Journal) -> str:
    """What went wrong, as much of it as a person reads; the whole is in the finding's detail."""
    said = journal.problem or "nothing tells why"
    short = shorten(said, _SAID, placeholder="")
    return short if short == " ".join(said.split()) else f"{short.rstrip(' ,;:.')} …"


def _limits(system: System) -> Sequence[Threshold]:
    if system.rollback is None:
        return ()
    window_s = rollback_window_s(system)
    confidence = system.policy.confidence
    return (
        Threshold(
            requirement=_ID,
            measure=_CLEAN,
            sense=Sense.AT_LEAST,
            limit=float(system.policy.rehearsals),
            confidence=confidence,
        ),
        Threshold(requirement=_ID, measure=_LONGEST, sense=Sense.AT_MOST, limit=window_s / 2, unit="s"),
        Threshold(requirement=_ID, measure=_NEXT, sense=Sense.AT_MOST, limit=window_s, unit="s", confidence=confidence),
    )


def _budget(system: System) -> float:
    return 120.0 + 3.0 * system.policy.rehearsals * rollback_window_s(system)


CHECK: Check[System] = Check(
    id=_ID,
    requirement=_ID,
    version=4,
    title="The way back, drilled",
    run=_run,
    codes=_CODES,
    limits=_limits,
    alone=True,
    budget_s=_budget,
    grace_s=_budget,
)
