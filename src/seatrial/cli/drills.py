"""Drills: held and timed by name, and between them the daily probe whether the ways out would still work."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from seatrial.cli.console import (
    HERE,
    As,
    AsJson,
    File,
    Plain,
    Quiet,
    console,
    open_file,
    print_json,
    say,
)
from seatrial.cli.review import follow

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator
    from pathlib import Path

    from seatrial.app.drilling.arming import Armed
    from seatrial.app.drilling.history import DrillStanding
    from seatrial.core.events import Event
    from seatrial.gate.verdict import Assessment

_FAILED = 1
_SHOWN = 8
_BAR = 30


def drill(
    kind: Annotated[
        Literal["rollback", "page", "escalation", "fallback", "stop", "outage", "offline"] | None,
        typer.Argument(help="What is rehearsed.", show_default=False),
    ] = None,
    file: File = HERE,
    restore: Annotated[
        bool, typer.Option("--restore", help="Bring back what a drill changed whose process was killed.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only show what would be done, on what, and whether it may be now.")
    ] = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
    plain: Plain = False,
) -> None:
    """Execute and time a drill: the way back, a page, a distrusted output, work by hand, the stop, a source cut off."""
    if restore:
        _restore(file, as_json=as_json)
        return
    if kind is None:
        raise typer.BadParameter("name a kind of drill, or --restore")
    if dry_run:
        _dry_run(file, kind, as_json=as_json)
        return
    from seatrial.app.deciding.deciding import decide_now
    from seatrial.app.running.run import run
    from seatrial.gate.encoding import verdict_data
    from seatrial.spec.drills import KINDS

    workspace = open_file(file)
    wanted = KINDS[kind]
    follow(run(workspace, only=list(wanted)), quiet=quiet or as_json, plain=plain)
    verdict = decide_now(workspace)
    found = [each for each in verdict.requirements if each.id in wanted]
    if as_json:
        told = verdict_data(replace(verdict, requirements=tuple(found)))["requirements"]
        print_json({"drill": kind, "requirements": told})
    else:
        for each in found:
            _show(each, plain=plain)
    raise typer.Exit(0 if all(each.outcome.value == "MET" for each in found) else _FAILED)


def _restore(file: Path, *, as_json: bool) -> None:
    from seatrial.app.running.drill_traces import left_over
    from seatrial.app.running.drill_traces import restore as bring_back

    workspace = open_file(file)
    journals = [(left, bring_back(workspace, left)) for left in left_over(workspace, everywhere=True)]
    if as_json:
        told = [(left.kind, list(left.begun), journal.restored, journal.problem) for left, journal in journals]
        print_json({"restored": [dict(zip(("kind", "begun", "restored", "said"), each, strict=True)) for each in told]})
    for left, journal in () if as_json else journals:
        typer.echo(f"{left.kind} drill of {left.since}: {journal.problem}")
    if not journals and not as_json:
        typer.echo("no drill broke off: there is nothing to restore")
    raise typer.Exit(_FAILED if any(journal.restored is False for _, journal in journals) else 0)


def _dry_run(file: Path, kind: str, *, as_json: bool) -> None:
    from seatrial.app.drilling.preview import preview

    seen = preview(open_file(file), kind)
    if as_json:
        print_json({"kind": kind, "closed": seen.closed, "steps": [list(line) for line in seen.lines]})
    else:
        for procedure, phase, name, where, deadline_s in seen.lines:
            typer.echo(f"{procedure}  {phase:<8} {name}: {where}, at most {deadline_s:g} s")
        for closed in seen.closed:
            typer.echo(f"it could not begin now: {closed}")
        typer.echo("nothing was done")
    raise typer.Exit(_FAILED if seen.closed else 0)


def arm(file: File = HERE, as_json: AsJson = False, quiet: Quiet = False, plain: Plain = False) -> None:
    """Probe whether the ways out would still work: targets, credentials, artefacts, permissions. Changes nothing."""
    from seatrial.app.drilling.arming import arm as probe

    answers: list[Armed] = []
    follow(_kept(probe(open_file(file)), answers), quiet=quiet or as_json, plain=plain)
    (armed,) = answers
    if as_json:
        wrong = [{"what": what, "remedy": remedy} for what, remedy in armed.problems]
        print_json({"armed": armed.ok, "record": armed.record, "problems": wrong})
    else:
        typer.echo("armed: everything that the ways out need is there" if armed.ok else "NOT armed")
        say(f"  {what}\n    → {remedy}" for what, remedy in armed.problems)
    raise typer.Exit(0 if armed.ok else _FAILED)


def _kept(events: Generator[Event, None, Armed], answers: list[Armed]) -> Generator[Event, None, None]:
    answers.append((yield from events))


def stop(
    file: File = HERE,
    why: Annotated[str, typer.Option(help="Why, in a sentence.")] = "",
    person: As = "",
    as_json: AsJson = False,
) -> None:
    """Stop the system now, for real: whoever may pull it takes it offline in one action, and GO ends."""
    from seatrial.app.drilling.stopping import stop_now

    stopped = stop_now(open_file(file), person, why=why)
    if as_json:
        print_json(
            {
                "stopped": stopped.proven,
                "said": stopped.said,
                "seconds": stopped.seconds,
                "record": stopped.record,
                "problem": stopped.problem,
            }
        )
    else:
        typer.echo(stopped.said + (f"; it could not be put on record: {stopped.problem}" if stopped.problem else ""))
    raise typer.Exit(0 if stopped.proven else _FAILED)


def drills(file: File = HERE, as_json: AsJson = False, plain: Plain = False) -> None:
    """List the drills: what came of the last, how times develop, when the next is due, whose it is, when it may be."""
    from seatrial.app.drilling.history import standings
    from seatrial.present.words import OUTCOME_WORDS

    workspace = open_file(file)
    found = standings(workspace)
    if as_json:
        print_json({"drills": [_drill_data(each) for each in found]})
        return
    screen = console(plain=plain)
    for each in found:
        due = "" if each.due_at is None else f", due {each.due_at.date().isoformat()}"
        screen.print(f"{each.kind:<11}{each.state}{due}", style="bold", markup=False)
        if each.telling is not None:
            outcome = OUTCOME_WORDS[each.telling.outcome]
            say([f"  {each.telling.at:%Y-%m-%d %H:%M} UTC  {outcome}: {each.telling.said}"])
            say(f"  {line}" for line in _split(each))
        whose = each.who or "nobody declared"
        windows = f"{', '.join(each.windows)} ({each.time_zone})" if each.windows else "at any time"
        every = f", by itself every {each.every_s / 86_400.0:g} days" if each.every_s else ""
        say([f"  whose: {whose}; may be held {windows}{every}"])


def _split(standing: DrillStanding) -> Iterator[str]:
    """A line for each of the newest drills: a bar as long as its time, one letter for each part."""
    from seatrial.core.wording import span

    timed = [each for each in standing.held if each.seconds is not None][-_SHOWN:]
    longest = max((each.seconds or 0.0 for each in timed), default=0.0)
    for each in timed:
        bar = "".join(
            part[0] * max(1, round(_BAR * seconds / longest)) for part, seconds in each.parts.items() if longest > 0
        )
        told = ", ".join(f"{part} {span(seconds)}" for part, seconds in each.parts.items())
        yield f"  {each.at:%m-%d %H:%M} {'ok  ' if each.ok else 'FAIL'} {bar} {told}"
    if timed:
        yield f"  trend: {standing.trend}"


def _drill_data(standing: DrillStanding) -> dict[str, Any]:
    return {
        "kind": standing.kind,
        "state": standing.state,
        "due_at": None if standing.due_at is None else standing.due_at.isoformat(),
        "who": standing.who,
        "closed": standing.closed,
        "windows": list(standing.windows),
        "time_zone": standing.time_zone,
        "every_s": standing.every_s,
        "trend": standing.trend,
        "held": [
            {
                "requirement": each.requirement,
                "at": each.at.isoformat(),
                "outcome": each.outcome.value,
                "said": each.said,
                "parts": dict(each.parts),
                "record": each.record,
            }
            for each in standing.held
        ],
    }


def _show(assessment: Assessment, *, plain: bool) -> None:
    screen = console(plain=plain)
    screen.print(f"{assessment.outcome.value}  {assessment.id}", style="bold", markup=False)
    for text in (assessment.done, assessment.reason):
        if text:
            screen.print(f"  {text}", markup=False)
    for judged in assessment.measures:
        measure = judged.measure
        if measure.value is not None:
            limit = "" if measure.limit is None else f", limit {measure.limit:g}"
            screen.print(f"  {measure.name}: {measure.value:.4g} {measure.unit}{limit}", markup=False)
    for finding in assessment.findings:
        screen.print(f"  {finding.summary}\n    → {finding.remedy}", markup=False)


COMMANDS = (drill, drills, arm, stop)
