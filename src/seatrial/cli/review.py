"""Validate, run, decide, and show what stands between a system and GO."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from seatrial.cli.console import (
    HERE,
    PRODUCTION,
    AsJson,
    AtGate,
    File,
    Plain,
    Quiet,
    console,
    end_with,
    open_file,
    print_json,
    say,
    show_verdict,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from seatrial.core.events import Event


def validate(file: File = HERE, as_json: AsJson = False) -> None:
    """Find every error of a system file, and what is undecided."""
    workspace = open_file(file)
    system = workspace.system
    todos = workspace.loaded.todos
    if as_json:
        print_json({"system": system.system, "valid": True, "todos": [{"path": t.path, "line": t.line} for t in todos]})
        return
    typer.echo(f"{workspace.file.name} is valid: {system.system} {system.version}, policy {system.policy.name}")
    for todo in todos:
        typer.echo(f"  line {todo.line}: {todo.path} is still to be decided; until then it is a gap")


def run(
    file: File = HERE,
    only: Annotated[
        list[str] | None,
        typer.Option("--only", help="Only these checks, requirements or domains: separated by commas, or repeated."),
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with an interrupted run; keep what still holds.")
    ] = False,
    seed: Annotated[
        int | None,
        typer.Option("--seed", help="Send at the times of an earlier run; which rows are judged never changes."),
    ] = None,
    gate: AtGate = PRODUCTION,
    as_json: AsJson = False,
    quiet: Quiet = False,
    plain: Plain = False,
) -> None:
    """Execute the checks, put them on record, and decide: live progress, then the verdict with its gaps."""
    from seatrial.app.deciding.deciding import decide_now
    from seatrial.app.running.run import run as execute

    workspace = open_file(file, gate=gate)
    follow(execute(workspace, only=only, seed=seed, resume=resume), quiet=quiet or as_json, plain=plain)
    verdict = decide_now(workspace)
    show_verdict(verdict, file, as_json=as_json, plain=plain)
    end_with(verdict)


def follow(events: Iterator[Event], *, quiet: bool, plain: bool) -> None:
    """Show a run's progress to its end; a run that was stopped by hand ends the command."""
    from seatrial.core.events import RunFinished
    from seatrial.present.terminal import Progress

    stopped = False
    with Progress(console(error=True, plain=plain), plain=plain, quiet=quiet) as progress:
        for event in progress.follow(events):
            stopped = isinstance(event, RunFinished) and event.interrupted
    if stopped:
        raise KeyboardInterrupt


def verdict(file: File = HERE, gate: AtGate = PRODUCTION, as_json: AsJson = False, plain: Plain = False) -> None:
    """Decide from the ledger alone, without running anything."""
    from seatrial.app.deciding.deciding import decide_now

    decided = decide_now(open_file(file, gate=gate))
    show_verdict(decided, file, as_json=as_json, plain=plain)
    end_with(decided)


def gaps(
    file: File = HERE,
    by: Annotated[
        Literal["cause", "owner", "domain"] | None,
        typer.Option("--by", help="Put them together; many of one cause are one line."),
    ] = None,
    gate: AtGate = PRODUCTION,
    as_json: AsJson = False,
    plain: Plain = False,
) -> None:
    """List what stands between the system and GO: who closes it, how, and by when."""
    from seatrial.app.deciding.deciding import decide_now
    from seatrial.gate.grouping import By
    from seatrial.present.terminal import gap_groups, gap_list

    decided = decide_now(open_file(file, gate=gate))
    if as_json:
        from seatrial.gate.encoding import verdict_data

        data = verdict_data(decided)
        print_json({key: data[key] for key in ("system", "verdict", "earliest_go_live", "gaps")})
    else:
        screen = console(plain=plain)
        screen.print(gap_list(decided) if by is None else gap_groups(decided, By(by)))
        screen.print(decided.timeline.sentence, style="bold")
    end_with(decided)


def report(
    file: File = HERE,
    output: Annotated[
        Path, typer.Option("--output", "-o", help="Where to write the dossier; a PDF where it ends with .pdf.")
    ] = Path("dossier.html"),
    gate: AtGate = PRODUCTION,
) -> None:
    """Write the dossier: one HTML file that needs no network, or a PDF with the signatures (`-o dossier.pdf`)."""
    from seatrial.app.deciding.deciding import decide_now
    from seatrial.app.deciding.dossiers import write_dossier

    write_dossier(decide_now(open_file(file, gate=gate)), output)
    typer.echo(f"dossier: {output}")


def proxy(
    file: File = HERE,
    with_input: Annotated[
        bool, typer.Option("--with-input", help="End when standard input ends, as a part of something larger.")
    ] = False,
) -> None:
    """Hold open the lines to the integrations: the tested system reaches them there, until Ctrl-C."""
    import signal
    import sys

    from seatrial.app.folder.lines import held

    with held(open_file(file)) as lines:
        for name, (listen, target) in lines.items():
            typer.echo(f"{name}: {listen} passes to {target}")
        sys.stdout.flush()
        if with_input:
            sys.stdin.read()
        else:
            signal.sigwait({signal.SIGINT, signal.SIGTERM})


def trust(file: File = HERE, as_json: AsJson = False) -> None:
    """Tell which outputs are not to be trusted: what the last run established; `--json` is the export for programs."""
    from seatrial.app.folder.trusting import established, told

    document = established(open_file(file))
    if as_json:
        print_json(document)
        return
    say(told(document))


COMMANDS = (validate, run, verdict, gaps, report, proxy, trust)
