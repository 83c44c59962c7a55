"""Will people use it, or work around it: the approved change plan, and what people really did with the outputs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from seatrial.core.bodies import AttestationBody
from seatrial.core.check import Check, Trial
from seatrial.core.errors import SeatrialError
from seatrial.core.observation import Figure, Finding, Json, Measure, Observation, Reason, Threshold
from seatrial.core.vocabulary import Assurance, MeasureKind, RecordType, Sense, Weight
from seatrial.core.wording import count
from seatrial.domains.acceptance import Post, acceptance, gone, stands, statements
from seatrial.domains.organization.responses import ACTED_ON, WAYS, Responses, read_responses
from seatrial.spec.documents import Document, read_document
from seatrial.spec.quantities import share
from seatrial.spec.system import System
from seatrial.stats import proportions

_ID = "organization.change-management"
_KIND = "change-plan"
_ACTED = "acted_on"
_WORKAROUNDS = "outputs worked around"
_MOST_SHOWN = 12
_SUSPICIOUS = 50
"""From so many outputs on it is worth a note when nobody ever did otherwise than told."""
_POST = Post(duty="change", part="change", field="change.who", what="leads the change")
_WHY = "A system that people work around costs twice: its own price, and the work done beside it."
_CODES = {
    "no-plan": "There is no change plan, or it cannot be read.",
    "nobody-named": "Nobody is named who leads the change.",
    "left": "The named person has left.",
    "not-accepted": "The named person has not accepted this themselves, or what they accepted has changed since.",
    "plan-of-another-owner": "The plan names another owner than the system file.",
    "no-teams": "Neither the plan nor the system file says which teams are affected.",
    "team-not-in-plan": "A group that works with the outputs is not among the teams of the plan.",
    "plan-not-approved": "Nobody but the plan's own owner has approved it as it is today.",
    "no-expectation": "The plan does not say which share of outputs is expected to be acted on.",
    "expectation-not-in-plan": "The share that is expected is declared, and the approved plan does not state it.",
    "looser-than-plan": "The declared expectation lets more pass than the one in the approved plan.",
    "no-log": "No log says what people did with the outputs.",
    "log-unreadable": "The log of what people did with the outputs cannot be read.",
    "nothing-recorded": "The log has no output of a workflow or a team in the time that counts.",
    "unknown-response": "The log holds responses that the declaration does not know.",
    "contradicting-responses": "Rows of one output tell different things.",
    "rows-not-counted": "Rows of the log have no time, no key, no workflow or no team.",
    "not-declared": "The log tells of a workflow or a team that is not declared.",
    "nobody-disagreed": "Every output was acted on: the log may hold only those.",
    "workarounds": "People wrote how they went round the system.",
}


def _named(way: str, *, workflow: str | None = None, team: str | None = None) -> str:
    return f"{way}, {workflow}" if workflow else f"{way}, team {team}" if team else way


def _run(system: System, trial: Trial) -> Observation | Reason:
    findings = [*_plan(system, trial), *_expected(system)]
    measures: list[Measure] = []
    figures: tuple[Figure, ...] = ()
    facts: dict[str, Json] = {}
    change = system.change
    outputs = 0
    if change.log is None:
        findings.append(
            Finding(
                code="no-log",
                summary="No log says what people did with the outputs.",
                fields=("change.log",),
                why=_WHY,
                remedy="Let the workflow write down for every output whether it was acted on, overridden or ignored, "
                "by which team, and name the table in change.log.",
            )
        )
    else:
        try:
            responses = read_responses(trial, change.log)
        except SeatrialError as error:
            findings.append(
                Finding(
                    code="log-unreadable",
                    summary=error.what,
                    weight=Weight.OPEN,
                    fields=("change.log",),
                    why=_WHY,
                    remedy=error.remedy or "Let the table that change.log names be readable.",
                )
            )
        else:
            outputs = responses.of().total()
            measures = [*_measures(system, responses)]
            findings += [*_recorded(system, responses)]
            figures = (_figure(responses),)
            facts = {"workarounds": dict(responses.written.most_common(_MOST_SHOWN)), "older rows": responses.older}
    return Observation(
        done=f"Read the change plan and who approved it, and counted what became of {count(outputs, 'output')} by the "
        "workflow's own log, by workflow and by team.",
        measures=tuple(measures),
        findings=tuple(findings),
        figures=figures,
        assurance=Assurance.OBSERVED,
        facts=facts,
    )


def _teams(system: System) -> tuple[str, ...]:
    """The teams whose use is measured: those of the plan, and every group that works with the outputs."""
    groups = [w.users for w in system.workflows.values() if w.users]
    return tuple(dict.fromkeys([*system.change.teams, *groups]))


def _plan(system: System, trial: Trial) -> Iterator[Finding]:
    yield from _owner(system, trial)
    path = system.change.plan
    document: Document | None = None
    digest = problem = ""
    if path is not None:
        try:
            document, digest = read_document(trial.files.read(path), name=path), trial.files.digest(path)
        except SeatrialError as error:
            problem = error.what
    if path is None or document is None:
        yield Finding(
            code="no-plan",
            summary=f"The change plan cannot be read: {problem}" if problem else "There is no change plan.",
            fields=("change.plan",),
            why=_WHY,
            remedy="Write down who changes how they work, by when, and what use is expected; name it in change.plan.",
        )
        return
    told = document.front.get("owner")
    if told is not None and str(told) != system.change.who:
        yield Finding(
            code="plan-of-another-owner",
            summary=f"{path} names {told} as its owner, the system file {system.change.who or 'nobody'}.",
            fields=("change.who",),
            why="Each of the two leaves it to the other.",
            remedy=f"Let {path} and change.who name the same person.",
        )
    listed = document.front.get("teams")
    planned = {str(team) for team in listed} if isinstance(listed, list) else set()
    yield from _affected(system, path, planned)
    yield from _as_planned(system, path, document)
    yield from _approved(system, trial, path, digest)


def _owner(system: System, trial: Trial) -> Iterator[Finding]:
    who = system.change.who
    if who is None:
        yield Finding(
            code="nobody-named",
            summary="Nobody is named who leads the change.",
            fields=("change.who",),
            why="Without a name, everybody waits for somebody else.",
            remedy="Name a person in change.who, and have them accept: seatrial accept --as ID change.",
        )
        return
    name = system.name_of(who)
    if gone(system, trial, who):
        yield Finding(
            code="left",
            summary=f"{name}, who leads the change, has left.",
            fields=("change.who",),
            remedy="Name a successor in change.who, and have them accept.",
        )
    elif acceptance(trial, _POST, who) is None:
        yield Finding(
            code="not-accepted",
            summary=f"{name}, who leads the change, has not accepted it.",
            fields=("change.who",),
            why="A duty that somebody else wrote down is not yet owned by anybody.",
            remedy=f"{name} accepts it: seatrial accept --as {who} change.",
        )


def _affected(system: System, path: str, planned: set[str]) -> Iterator[Finding]:
    if not planned | set(system.change.teams):
        yield Finding(
            code="no-teams",
            summary=f"Neither {path} nor the system file says which teams are affected.",
            fields=("change.teams",),
            why="Who was never told of the change goes on as before.",
            remedy=f"List the teams in the front matter of {path} (teams: […]) or in change.teams.",
        )
        return
    for name, workflow in system.workflows.items():
        if workflow.users and workflow.users not in planned | set(system.change.teams):
            yield Finding(
                code="team-not-in-plan",
                summary=f"The group {workflow.users} of {name} is not among the teams of the change plan.",
                fields=(f"workflows.{name}.users",),
                why="Who was never told of the change goes on as before.",
                remedy=f"Plan the change of {workflow.users} in {path}, and have it approved anew.",
            )


def _approved(system: System, trial: Trial, path: str, digest: str) -> Iterator[Finding]:
    for record, body in statements(trial, RecordType.ATTESTATION, AttestationBody):
        same = (body.kind, body.document, body.digest, record.by) == (_KIND, path, digest, f"person:{body.person}")
        if same and body.person != system.change.who and not gone(system, trial, body.person) and stands(trial, record):
            return
    yield Finding(
        code="plan-not-approved",
        summary=f"Nobody but its own owner has approved {path} as it is today.",
        fields=("change.plan",),
        why="A plan that its author alone has read binds nobody.",
        remedy=f"Somebody who answers for the teams approves it: seatrial attest --as ID {_KIND} {path}.",
    )


def _expected(system: System) -> Iterator[Finding]:
    if "at_least" not in system.change.acted_on or system.change.acted_on["at_least"] <= 0:
        yield Finding(
            code="no-expectation",
            summary="The plan does not say which share of outputs is expected to be acted on.",
            fields=("change.acted_on",),
            why="Without an expectation every use is good enough.",
            remedy="Agree with the teams on the share, and declare it in change.acted_on.at_least, above zero.",
        )


def _as_planned(system: System, path: str, document: Document) -> Iterator[Finding]:
    """The declared expectations are those of the plan that was approved, or stricter."""
    told = document.front.get("expects")
    planned = told if isinstance(told, dict) else {}
    for key, (sense, declared) in _declared(system).items():
        if key not in planned and (declared is None or key != _ACTED):
            continue
        try:
            expected = share(planned.get(key))
        except ValueError:
            yield Finding(
                code="expectation-not-in-plan",
                summary=f"{path} does not state which share of outputs is expected ({key}).",
                fields=(f"change.{key}",),
                why="An expectation that nobody approved fits every result.",
                remedy=f"State it in the front matter of {path}, such as expects: {{{key}: 0.6}}, and have the plan "
                "approved anew.",
            )
            continue
        if declared is None or (declared < expected if sense is Sense.AT_LEAST else declared > expected):
            shown = "nothing" if declared is None else f"{declared:g}"
            yield Finding(
                code="looser-than-plan",
                summary=f"{path} expects {expected:g} ({key}), the system file declares {shown}.",
                fields=(f"change.{key}",),
                why="An expectation that nobody approved fits every result.",
                remedy=f"Declare change.{key} as the plan has it, or have another plan approved.",
            )


def _measures(system: System, responses: Responses) -> Iterator[Measure]:
    """Every share with exact bounds, of each workflow and of each team; what the plan limits is judged."""
    limits = {t.measure: t for t in _limits(system)}
    places = [
        *({"workflow": name} for name in system.workflows),
        *({"team": name} for name in _teams(system)),
    ]
    for place in places:
        counts = responses.of(**place)
        for way in WAYS:
            name = _named(way, **place)
            if counts.total():
                yield _share(system, name, counts[way], counts.total(), limits.get(name))
    total = responses.of().total()
    if total:
        yield _share(system, _WORKAROUNDS, sum(responses.workarounds.values()), total, limits.get(_WORKAROUNDS))


def _share(system: System, name: str, hits: int, n: int, limit: Threshold | None) -> Measure:
    confidence = system.policy.confidence
    alpha = 1.0 - confidence
    found = proportions.interval(hits, n, alpha)
    needed = None
    if limit is not None and 0.0 < limit.limit < 1.0:
        more = proportions.more_to_clear_floor if limit.sense is Sense.AT_LEAST else proportions.more_to_clear_ceiling
        needed = more(hits, n, limit.limit, alpha) or None
    return Measure(
        name=name,
        value=found.value,
        lower=found.lower,
        upper=found.upper,
        limit=limit.limit if limit else None,
        sense=limit.sense if limit else None,
        unit="share",
        n=n,
        method="Clopper-Pearson",
        confidence=confidence,
        kind=MeasureKind.GATE if limit else MeasureKind.INFORMATIVE,
        needed=needed,
        needed_unit="outputs",
    )


def _recorded(system: System, responses: Responses) -> Iterator[Finding]:
    for label, name, counts in (
        *(("workflow", w, responses.of(workflow=w)) for w in system.workflows),
        *(("team", t, responses.of(team=t)) for t in _teams(system)),
    ):
        if not counts.total():
            yield Finding(
                code="nothing-recorded",
                summary=f"The log has no output of the {label} {name} in the time that counts.",
                weight=Weight.OPEN,
                fields=(name,),
                why=_WHY,
                remedy=f"Let {name} work with the outputs (shadow use counts), and let the log say what they did.",
            )
    yield from _unusable(responses)
    known = {(w, t) for w in system.workflows for t in _teams(system)}
    if strangers := sorted({f"{w} / {t}" for w, t in responses.by if (w, t) not in known}):
        yield Finding(
            code="not-declared",
            summary=f"The log tells of {', '.join(strangers[:_MOST_SHOWN])}, which is not declared.",
            fields=tuple(strangers[:_MOST_SHOWN]),
            why="Teams use the outputs for which nobody planned it.",
            remedy="Declare the workflow and its group of users, or correct the log.",
        )
    counts = responses.of()
    if counts.total() >= _SUSPICIOUS and counts[ACTED_ON] == counts.total():
        yield Finding(
            code="nobody-disagreed",
            summary=f"All of {counts.total()} outputs were acted on: the log may hold only those.",
            weight=Weight.OPEN,
            fields=("change.log",),
            why="Where only agreement is written down, use cannot be told from abuse.",
            remedy="Ask who writes change.log whether an output that was overridden or not opened gets a row. If "
            "not, have it write one for every output that was shown, and count again after a week. If it does, show "
            "people a few outputs that are known to be wrong, and see whether they override them and the log says so.",
        )
    if responses.written:
        shown = "; ".join(f"{text} ({n})" for text, n in responses.written.most_common(3))
        yield Finding(
            code="workarounds",
            summary=f"{count(sum(responses.workarounds.values()), 'output')} worked around: {shown}.",
            weight=Weight.NOTE,
            why=_WHY,
            remedy="Ask those who wrote it what they lacked.",
        )


def _unusable(responses: Responses) -> Iterator[Finding]:
    if responses.unknown:
        shown = ", ".join(f"{text!r} ({n})" for text, n in responses.unknown.most_common(5))
        yield Finding(
            code="unknown-response",
            summary=f"{count(responses.unknown.total(), 'row')} with a response that is not declared: {shown}.",
            weight=Weight.OPEN,
            fields=("change.log.values",),
            why="What they did may have been to ignore it.",
            remedy="Say in change.log.values what each spelling means.",
        )
    if responses.contradicting:
        yield Finding(
            code="contradicting-responses",
            summary=f"Of {count(responses.contradicting, 'output')} several rows tell different things.",
            weight=Weight.OPEN,
            fields=("change.log",),
            why="It cannot be said what became of them.",
            remedy="Let the log have one row for each output, or narrow change.log.query to the last one.",
        )
    if lost := responses.undated + responses.nameless:
        yield Finding(
            code="rows-not-counted",
            summary=f"{count(lost, 'row')} of the log without a time, a key, a workflow or a team.",
            weight=Weight.OPEN,
            fields=("change.log",),
            why="They may be those that were ignored.",
            remedy="Fill these columns in every row.",
        )


def _figure(responses: Responses) -> Figure:
    rows: tuple[Mapping[str, Json], ...] = tuple(
        {"workflow": workflow, "team": team, **{way: counts[way] for way in WAYS}, "outputs": counts.total()}
        for (workflow, team), counts in sorted(responses.by.items())
    )
    return Figure(kind="responses", title="What became of the outputs", rows=rows)


def _declared(system: System) -> Mapping[str, tuple[Sense, float | None]]:
    """What the system file expects, by the key under `change`; None where it expects nothing."""
    change = system.change
    return {
        _ACTED: (Sense.AT_LEAST, change.acted_on.get("at_least")),
        "overridden": (Sense.AT_MOST, change.overridden.get("at_most")),
        "ignored": (Sense.AT_MOST, change.ignored.get("at_most")),
        "workarounds": (Sense.AT_MOST, change.workarounds.get("at_most")),
    }


def _limits(system: System) -> Sequence[Threshold]:
    declared = _declared(system)
    of = dict(zip(WAYS, (_ACTED, "overridden", "ignored"), strict=True))
    names = [
        (way, name)
        for way in WAYS
        for name in (
            *(_named(way, workflow=w) for w in system.workflows),
            *(_named(way, team=t) for t in _teams(system)),
        )
    ]
    named = [*((of[way], name) for way, name in names), ("workarounds", _WORKAROUNDS)]
    return [
        _limit(system, name, sense, limit)
        for key, name in named
        for sense, limit in (declared[key],)
        if limit is not None
    ]


def _limit(system: System, name: str, sense: Sense, limit: float) -> Threshold:
    return Threshold(
        requirement=_ID, measure=name, sense=sense, limit=limit, unit="share", confidence=system.policy.confidence
    )


CHECK: Check[System] = Check(
    id=_ID,
    requirement=_ID,
    version=3,
    title="The change plan, and what people did with the outputs",
    run=_run,
    codes=_CODES,
    limits=_limits,
)
