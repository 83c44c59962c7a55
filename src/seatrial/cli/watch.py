"""After launch: watch the system, look at its alarms, and raise events."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING, Annotated, Any

import typer

from seatrial.cli.console import HERE, As, AsJson, File, open_file, print_json

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from types import FrameType

    from seatrial.app.watched.watch import SystemWatch


def watch(
    file: File = HERE,
    plan: Annotated[bool, typer.Option("--plan", help="Only tell what would be held, and how soon a drop shows.")] = (
        False
    ),
    once: Annotated[bool, typer.Option("--once", help="Look once at everything that has arrived, then stop.")] = False,
    record: Annotated[bool, typer.Option("--record", help="Put the last weeks on record, for the next gate.")] = False,
    summary: Annotated[bool, typer.Option("--summary", help="Only tell how the last days went.")] = False,
    days: Annotated[int | None, typer.Option(help="How many whole days: of the record 30 to 90.")] = None,
    listen: Annotated[str | None, typer.Option(help="host:port, instead of the declared one.")] = None,
    as_json: AsJson = False,
) -> None:
    """Hold the governed limits after launch: take predictions and outcomes, raise alarms, start the way back."""
    from seatrial.app.watched.watch import SystemWatch

    def say(text: str) -> None:
        typer.echo(text, err=True)

    with SystemWatch(open_file(file), say=say) as running:
        if plan:
            _plan(running, as_json=as_json)
            return
        if record:
            _record(running, 30 if days is None else days, as_json=as_json)
            return
        if summary:
            _summary(running, 7 if days is None else days, as_json=as_json)
            return
        if once:
            running.step()
            _standing(running, as_json=as_json)
            return

        def stop(_: int, __: FrameType | None) -> None:
            running.stop()

        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, stop)
        running.run(listen=listen)


def alarms(
    file: File = HERE,
    acknowledge: Annotated[str | None, typer.Option(help="The id of an alarm that you are on.")] = None,
    close: Annotated[str | None, typer.Option(help="The id of an alarm that has been dealt with.")] = None,
    person: As = "",
    everything: Annotated[bool, typer.Option("--all", help="Closed ones too.")] = False,
    as_json: AsJson = False,
) -> None:
    """List the alarms of the watch; acknowledge one, or close one that has been dealt with."""
    from seatrial.app.watched.dealing import dealing

    if acknowledge is not None and close is not None:
        raise typer.BadParameter("--acknowledge and --close cannot be done in one command")
    with dealing(open_file(file)) as people:
        if acknowledge is not None:
            done = people.acknowledge(acknowledge, person=person)
            _done(done, "{person} is on it: {summary}", person, as_json=as_json)
        elif close is not None:
            _done(people.close(close, person=person), "closed: {summary}", person, as_json=as_json)
        else:
            _list(people.alarms(everything=everything), people.silences(), as_json=as_json)


def silence(
    monitor: Annotated[str, typer.Argument(help="The monitor, as `seatrial alarms` names it, or what it begins with.")],
    file: File = HERE,
    for_: Annotated[str, typer.Option("--for", help="For how long, such as 4h.")] = "4h",
    why: Annotated[str, typer.Option(help="What is going on: others will read it.")] = "",
    end: Annotated[bool, typer.Option("--end", help="End the silences of this monitor now.")] = False,
    person: As = "",
    as_json: AsJson = False,
) -> None:
    """Page nobody about a monitor for a while. Its alarms open all the same, and a take-offline rule ends GO."""
    from seatrial.app.watched.dealing import dealing

    with dealing(open_file(file)) as people:
        if end:
            for each in people.end_silences(monitor, person=person):
                _done(each, "pages about {monitor} go out again", person, as_json=as_json)
            return
        granted = people.silence(monitor, person=person, why=why, for_s=_seconds(for_))
        _done(granted, "nobody is paged about {monitor} until {until}", person, as_json=as_json)


def _done(result: Mapping[str, Any], said: str, person: str, *, as_json: bool) -> None:
    print_json(dict(result)) if as_json else typer.echo(said.format(**{"person": person, **result}))


def _seconds(text: str) -> float:
    from seatrial.spec.quantities import duration_s

    try:
        return duration_s(text)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--for") from None


def _list(found: Sequence[Mapping[str, Any]], silences: Sequence[Mapping[str, Any]], *, as_json: bool) -> None:
    if as_json:
        print_json({"alarms": [dict(a) for a in found], "silences": [dict(s) for s in silences]})
        return
    for alarm in found:
        typer.echo(f"{alarm['level']:<8} {alarm['state']:<12} {alarm['summary']}")
        typer.echo(f"  {alarm['id']}, since {alarm['since']}; {alarm['sure']}")
        for line in alarm["trail"]:
            typer.echo(f"    {line['at']}  {line['text']}")
    if not found:
        typer.echo("no alarm is open")
    for each in silences:
        typer.echo(f"silenced until {each['until']}: {each['monitor']}, by {each['by']}: {each['why']}")


def event(
    kind: Annotated[str, typer.Argument(help="What happened, such as regulator-notice.")],
    file: File = HERE,
    summary: Annotated[str, typer.Option(help="What happened, in a sentence.")] = "",
    revokes: Annotated[bool, typer.Option("--revokes", help="GO ends with it, also where no rule names it.")] = False,
    person: As = "",
    as_json: AsJson = False,
) -> None:
    """Put a regulatory or other declared event on record; GO ends where a take-offline rule names it."""
    from seatrial.app.people.events import raise_event

    evidence = raise_event(open_file(file), person, kind, summary=summary, revokes=revokes)
    ends = bool(evidence.record.body["revokes"])
    if as_json:
        print_json({"record": evidence.digest, "sequence": evidence.sequence, "revokes": ends})
        return
    typer.echo(f"on record as entry {evidence.sequence}, {evidence.digest[:16]}" + ("; GO is revoked" if ends else ""))


def _plan(running: SystemWatch, *, as_json: bool) -> None:
    from seatrial.app.watched.foresight import foresee

    foreseen = list(foresee(running.streams, running.budget))
    standing = running.standing()
    if as_json:
        from seatrial.core.codec import to_data

        print_json(
            {
                "streams": standing["streams"],
                "unwatched": standing["unwatched"],
                "problems": standing["problems"],
                "foreseen": to_data(tuple(foreseen)),
            }
        )
        return
    typer.echo(f"{standing['system']} {standing['version']}: what a watch would hold")
    for stream in running.streams:
        marks = ", ".join(f"{d.level}: {d.says}" for d in stream.detectors if d.level != "look")
        typer.echo(f"  {stream.words}" + (f" (established {stream.base:.3f})" if stream.base is not None else ""))
        typer.echo(f"      {marks or 'look only'}")
    typer.echo("how soon a drop is noticed (as the share of rows that are bad for the metric):")
    for each in foreseen:
        days = "" if each.days is None else f", about {each.days:.3g} days at the declared rate"
        half = "not within the simulated rows" if each.half is None else f"{each.half} rows (in half of all cases)"
        typer.echo(f"  {each.words}, from {each.base:.3f} to {each.to:.3f}: {half}{days}; {each.level}")
    for each in (*standing["unwatched"],):
        typer.echo(f"  not watched: {each['name']}: {each['why']}")
    for problem in standing["problems"]:
        typer.echo(f"  {problem}")


def _record(running: SystemWatch, days: int, *, as_json: bool) -> None:
    from seatrial.app.watched.record import checked_days, file_record, summary_of

    account = running.account(checked_days(days))
    evidence = file_record(running.workspace, account)
    if as_json:
        print_json({"record": evidence.digest, "sequence": evidence.sequence, "account": dict(account)})
        return
    typer.echo(f"{summary_of(account)}; on record as entry {evidence.sequence}, {evidence.digest[:16]}")
    for each in account["performance"]:
        typer.echo(f"  {each['says']}" + ("" if each["holds"] else ": NOT HELD"))
    for gap in account["gaps"]:
        typer.echo(f"  nobody watched from {gap['since']} to {gap['until']}")


def _summary(running: SystemWatch, days: int, *, as_json: bool) -> None:
    from seatrial.present.summary import summary_text

    told = running.summary(max(1, days))
    print_json(dict(told)) if as_json else typer.echo(summary_text(told))


def _standing(running: SystemWatch, *, as_json: bool) -> None:
    standing = running.standing()
    if as_json:
        print_json(dict(standing))
        return
    counts = ", ".join(f"{number:,} {name}" for name, number in sorted(standing["counts"].items()))
    typer.echo(f"{standing['system']}: {counts or 'nothing has arrived'}; {len(standing['alarms'])} alarms are open")
    for alarm in standing["alarms"]:
        typer.echo(f"  {alarm['level']}: {alarm['summary']}")


COMMANDS = (watch, alarms, silence, event)
