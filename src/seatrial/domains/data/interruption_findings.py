"""What a source that was taken away and given back is found to have done to the records, the answers and the alarm."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from seatrial.core.observation import Finding
from seatrial.core.vocabulary import Weight
from seatrial.core.wording import span
from seatrial.domains.data.trips import Trip
from seatrial.domains.flows import cleaning, lanes, line_findings, same_answers
from seatrial.domains.flows import undisturbed as undisturbed_flow
from seatrial.domains.flows.line_findings import line_trouble
from seatrial.domains.flows.same_answers import Otherwise, otherwise_undeclared
from seatrial.spec.data import Interruption
from seatrial.spec.procedure import Step
from seatrial.spec.system import System

_AFTER_ALARM_S = 0.5
_MADE_UP = "Nobody can tell an answer for which something was made up from one that is meant."
WHY = "Every source has a maintenance window; what is lost or doubled in it is found weeks later."
CODES = {
    **lanes.CODES,
    **line_findings.CODES,
    **cleaning.CODES,
    **same_answers.CODES,
    "interruption-undeclared": "Nobody declares how long sources may be away and by when all must be caught up.",
    "no-flows": "No flow is declared, so nothing can be lost or doubled that anybody would see.",
    "no-sources": "No integration feeds the system, so there is no source that could be taken away.",
    "no-records-due": "No record was due in one of the outages, so that it showed nothing.",
    "records-lost": "Records that were put in around an outage never arrived.",
    "records-refused": "Records were refused during an outage, and no sender sends them again.",
    "records-doubled": "Records that were put in around an outage arrived more than once.",
    "records-altered": "Records that were put in around an outage arrived with other contents.",
    "caught-up-late": "Records arrived later after the return of the source than declared.",
    "no-alarm": "Nobody is told while the source is away.",
    "alarm-silent": "The declared alarm was not raised in time while the source was away.",
    "alarm-always-on": "The declared alarm was up before the source went away, so that it tells nothing.",
    "always-fell-back": undisturbed_flow.CODES["always-fell-back"],
    "outage-not-felt": "Everything was answered as usual while a source was away that is asked all the time.",
    "not-asked-again": "The source had been asked all the time, and nothing asked it again once it was back.",
    "answered-otherwise": "While the source was away other answers were handed over as if they were the usual ones.",
    "answers-vary": "The same contents are answered otherwise each time, so that a made-up answer could not be told.",
    "answers-moved-on": "Answers given while the source was away did not come back to what they were before.",
    "answers-not-compared": "No answer of a flow around the outages could be held against the usual ones.",
    "stays-in-fallback": "After the source came back the fallback still answered what was answered otherwise before.",
    "window-shortened": "The maintenance window was executed shorter than declared.",
}


def lengths(system: System, wanted: Interruption, alarm: Step | None, within_s: float | None) -> tuple[float, float]:
    """How long each disturbance and the maintenance window last. The window leaves the alarm its time."""
    outage_s = system.policy.outage_duration
    window_s = min(wanted.window, max(system.policy.window_duration, outage_s))
    if alarm is not None and within_s is not None:
        window_s = max(window_s, within_s + _AFTER_ALARM_S)
    return outage_s, window_s


def counts(trip: Trip) -> tuple[tuple[str, int], ...]:
    """What must be none, in the words of the measures."""
    return ("lost", trip.lost + trip.refused), ("doubled", trip.doubled), ("altered", trip.altered)


def alarmed(source: str) -> str:
    """The name under which the alarm is timed."""
    return f"time until the alarm that {source} is away"


def caught_up(source: str) -> str:
    """The name under which catching up is timed."""
    return f"time until all was caught up after {source} came back"


def counted(what: str, source: str) -> str:
    """The name under which records are counted that went astray."""
    return f"number of records {what} while {source} was away"


def findings_of(system: System, wanted: Interruption, trip: Trip) -> Iterator[Finding]:
    """All that is to be said of one source."""
    name, place = trip.source, f"integrations.{trip.source}"
    yield from line_trouble(name, problem=trip.problem, used=trip.used)
    if trip.problem:
        return
    if trip.without:
        yield Finding(
            code="no-records-due",
            summary=f"No record was due while {name} was away: {', '.join(trip.without)}.",
            weight=Weight.OPEN,
            fields=("flows",),
            why="An outage in which nothing was to be done shows nothing.",
            remedy="Let the policy's outage_duration be longer than the time between two records of the flow.",
        )
    yield from _record_findings(trip)
    yield from _answer_findings(system, wanted, trip)
    yield from _fallback_findings(wanted, trip)
    if trip.slowest_s > wanted.catch_up:
        worst = max(trip.caught_up_s, key=lambda period: trip.caught_up_s[period])
        yield Finding(
            code="caught-up-late",
            summary=f"After {name} was {worst}, it took {span(trip.slowest_s)} until the last record had arrived; "
            f"{span(wanted.catch_up)} are declared.",
            fields=(place,),
            explains=(caught_up(name),),
            why="Whoever waits for a late record has acted without it.",
            remedy="Give every call a time-out, ask in the background, and work through what waited in parallel.",
        )
    yield from _alarm_findings(wanted, trip)
    _, window_s = lengths(system, wanted, None, None)
    if window_s < wanted.window:
        yield Finding(
            code="window-shortened",
            summary=f"The maintenance window of {span(wanted.window)} was executed for {span(window_s)}.",
            weight=Weight.NOTE,
            fields=("data.interruption.window",),
            remedy="Raise window_duration in the policy to execute all of it.",
        )


def _answer_findings(system: System, wanted: Interruption, trip: Trip) -> Iterator[Finding]:
    name = trip.source
    for each in trip.otherwise:
        flow = next(flow for flow in system.flows if flow.name == each.flow)
        if each.declared:
            yield from _declared_answers(name, each)
        elif each.other or each.moved:
            yield otherwise_undeclared(
                flow,
                when=f"While {name} was away or had just come back",
                other=each.other + each.moved,
                fields=each.fields,
                shown=each.shown,
                places=[f"integrations.{name}"],
            )
    if trip.used and trip.steady and not trip.felt:
        yield _not_felt(system, wanted, name, ())
    elif trip.used and (unfelt := sorted(trip.asking - trip.felt)):
        yield _not_felt(system, wanted, name, unfelt)
    if not trip.asked_again or trip.silent:
        flows = ", ".join(trip.silent) if trip.asked_again else ""
        yield Finding(
            code="not-asked-again",
            summary=f"{name} was asked all the time{f' by {flows}' if flows else ''} before it went away; "
            f"{span(wanted.catch_up)} after it came back for good nothing{f' of {flows}' if flows else ''} "
            "had asked it again, although records went on.",
            fields=(f"integrations.{name}",),
            why="A pipeline that lives on what it once read works well, with ever older data, until somebody restarts "
            "it.",
            remedy="Find out what keeps the pipeline from asking again, such as a breaker that stays open, a cache "
            "without an end or a connection that is not made anew.",
        )


def _declared_answers(name: str, each: Otherwise) -> Iterator[Finding]:
    """What is to be said of the answers that a flow declares, around the outages of the source `name`."""
    if each.varied:
        yield Finding(
            code="answers-vary",
            summary=f"{each.flow}: the same contents are answered now so, now otherwise, although nothing is away, "
            f"so that nobody can tell what is made up while {name} is.",
            weight=Weight.OPEN,
            fields=(f"flows.{each.flow}.answers",),
            remedy="Let the model answer the same for the same contents, such as with a fixed seed, or name in "
            f"`answers` of {each.flow} only what does not vary.",
        )
        return
    if each.other:
        yield Finding(
            code="answered-otherwise",
            summary=f"{each.flow}: while {name} was away, {each.other} of {each.compared} records came out with "
            f"another {', '.join(each.fields)} than the same contents before and afterwards, such as "
            f"{', '.join(each.shown)}.",
            fields=(*each.fields, f"integrations.{name}"),
            why=_MADE_UP,
            remedy=f"Let the pipeline keep what it cannot ask {name} for, or answer by a fallback that says "
            f"so, and declare in flows.{each.flow}.fallback what tells it.",
            detail={"compared": each.compared, "other": each.other},
        )
    elif each.moved:
        yield Finding(
            code="answers-moved-on",
            summary=f"{each.flow}: {each.moved} records came out otherwise than the same contents before {name} "
            "was away, and were not answered as before again.",
            weight=Weight.OPEN,
            fields=(f"flows.{each.flow}.answers", f"integrations.{name}"),
            why=_MADE_UP,
            remedy=f"Look whether {name} itself moved on meanwhile: then let it stand still during the test. Else find "
            "out why the pipeline goes on with what it made up.",
        )
    elif not each.compared:
        yield Finding(
            code="answers-not-compared",
            summary=f"No answer of {each.flow} around the outages of {name} could be held against what the same "
            "contents were answered before.",
            weight=Weight.OPEN,
            fields=(f"flows.{each.flow}.answers",),
            why=_MADE_UP,
            remedy=f"Let the policy's outage_duration be so long that some contents pass {each.flow} twice in it, and "
            f"see that the fields in flows.{each.flow}.answers are at its exit.",
        )


def _not_felt(system: System, wanted: Interruption, name: str, flows: Sequence[str]) -> Finding:
    """Whatever answered in the source's place: what is declared to be good for longer than the window may be kept.

    `flows` are those that did not feel it where another one did; none where no flow did.
    """
    kept = any(each.source == name and each.at_most >= wanted.window for each in system.data.freshness)
    by, of = (f" {word} {', '.join(flows)}" if flows else "" for word in ("by", "of"))
    return Finding(
        code="outage-not-felt",
        summary=f"{name} was asked all the time{by}; while it was away every record{of} was answered as if it were "
        "there, and none by a declared fallback"
        f"{', which its declared freshness allows' if kept else ': something else than the source answered'}.",
        weight=Weight.NOTE if kept else Weight.OPEN,
        fields=(*(f"flows.{flow}" for flow in flows), f"integrations.{name}.test.via"),
        why="Where only one of two ways to a source is taken away, nobody has seen what its outage does.",
        remedy=f"Lead every connection to {name} through its line. Where the pipeline answers from what it kept, "
        "declare under data.freshness how old that may be, or let the exit say so and declare that as the fallback.",
    )


def _fallback_findings(wanted: Interruption, trip: Trip) -> Iterator[Finding]:
    for flow in trip.untold:
        yield undisturbed_flow.always_fell_back(flow, "it comes back after an outage")
    for flow in trip.stuck:
        yield Finding(
            code="stays-in-fallback",
            summary=f"{span(wanted.catch_up)} after {trip.source} came back for good, records of {flow} still came "
            "from the fallback that had been answered the normal way before.",
            fields=(f"flows.{flow}.fallback", f"integrations.{trip.source}"),
            why="A pipeline that stays with its fallback after an outage has lost its model unnoticed.",
            remedy="Find out what keeps the pipeline from going back, such as a breaker that stays open or a "
            "connection that is not made anew.",
        )


def _record_findings(trip: Trip) -> Iterator[Finding]:
    name = trip.source
    told = (
        ("records-lost", trip.lost, "lost", "never arrived, although the entry took them or they were sent again"),
        ("records-refused", trip.refused, "lost", "were refused, and the flow declares no sender that sends again"),
        ("records-doubled", trip.doubled, "doubled", "arrived more than once"),
        ("records-altered", trip.altered, "altered", f"arrived with another {', '.join(trip.changed)}"),
    )
    for code, count, what, words in told:
        if count:
            yield Finding(
                code=code,
                summary=f"While {name} was away or had just come back, {count} of {trip.n} records {words}.",
                fields=trip.changed if code == "records-altered" else (f"integrations.{name}",),
                explains=(counted(what, name),),
                why=WHY,
                remedy="Let the pipeline keep what it cannot pass on, and pass it on once under its own key; or let "
                "the sender send again and declare `resend: true` in the flow.",
            )


def _alarm_findings(wanted: Interruption, trip: Trip) -> Iterator[Finding]:
    name = trip.source
    told = wanted.sources.get(name)
    place = f"data.interruption.sources.{name}"
    if told is None or told.alarm is None or told.within is None:
        yield Finding(
            code="no-alarm",
            summary=f"Nobody is told while {name} is away.",
            fields=(place,),
            why="An outage that nobody is told of lasts until a user complains.",
            remedy=f"Raise an alarm when {name} stays away, and declare under {place} a step that sees it (`alarm`), "
            "and by when it must be up (`within`).",
        )
    elif trip.alarm_before:
        yield Finding(
            code="alarm-always-on",
            summary=f"The alarm that {name} is away was up before it went away.",
            fields=(f"{place}.alarm",),
            why="An alarm that is always on wakes nobody.",
            remedy="Let the step look for the alarm of this source alone, and clear old alarms first.",
        )
    elif trip.alarm_s is None:
        yield Finding(
            code="alarm-silent",
            summary=f"{name} was away for {span(told.within)} and longer, and its alarm was not raised"
            f"{f': the last look saw {trip.alarm_said}' if trip.alarm_said else ''}.",
            fields=(f"{place}.alarm",),
            why="An outage that nobody is told of lasts until a user complains.",
            remedy=f"Let the pipeline raise its alarm within {span(told.within)} after {name} stopped answering.",
        )
