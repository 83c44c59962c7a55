"""What must be true, and what establishes it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from seatrial.cli.console import PRODUCTION, AsJson, AtGate, open_file, print_json, say

if TYPE_CHECKING:
    from seatrial.gate.verdict import Assessment


def requirements(gate: AtGate = PRODUCTION, as_json: AsJson = False) -> None:
    """List the requirements of a gate, and which have a check."""
    from seatrial.app.folder.catalogue import checks
    from seatrial.gate.catalogue import as_shown, catalogue_data
    from seatrial.gate.gates import GATES
    from seatrial.present.words import DOMAIN_TITLES

    listed = GATES[gate].requirements
    if as_json:
        print_json(catalogue_data(listed, gate=gate))
        return
    able = {check.requirement for check in checks()} & {row.id for row in listed}
    domain = None
    for row in as_shown(listed):
        if row.domain is not domain:
            domain = row.domain
            typer.echo(f"\n{DOMAIN_TITLES[domain]}")
        say([f"  {'✓' if row.id in able else '·'} {row.id:<34}  {row.question}"])
    if all(row.id in able for row in listed):
        typer.echo(f"\n✓ a check establishes it ({len(able)})")
    else:
        typer.echo(f"\n✓ a check establishes it ({len(able)})   · no check does so yet, so it is a gap")


def checks(as_json: AsJson = False) -> None:
    """List every check with the requirement that it establishes."""
    from seatrial.app.folder.catalogue import checks as all_checks

    if as_json:
        print_json(
            [
                {"id": c.id, "requirement": c.requirement, "version": c.version, "title": c.title, "codes": c.codes}
                for c in all_checks()
            ]
        )
        return
    say(f"{check.id:<34}  {check.title}" for check in all_checks())


def explain(
    requirement: Annotated[str, typer.Argument(help="A requirement's id, such as model.threshold.")],
    as_json: AsJson = False,
) -> None:
    """Explain one requirement: the question, why it matters, what establishes it, and what can be found."""
    from seatrial.app.folder.catalogue import checks
    from seatrial.core.codec import to_data
    from seatrial.gate.catalogue import by_id
    from seatrial.present.words import ROLE_TITLES

    row = by_id(requirement)
    able = [check for check in checks() if check.requirement == row.id]
    if as_json:
        print_json({"requirement": to_data(row), "checks": [{"id": c.id, "codes": c.codes} for c in able]})
        return
    facts = {
        "why": row.why,
        "established by": row.establishes,
        "evidence": f"{row.demands.value}, holds for {row.lease_days:g} days",
        "reviewed by": ROLE_TITLES[row.reviewer],
        "rests on": ", ".join(row.rests_on),
        "may not apply": "yes, when two people agree" if row.may_be_not_applicable else "no",
        "remedy": f"{row.remedy} (about {row.effort_days:g} working days)",
    }
    typer.echo(f"{row.id}\n{row.question}\n")
    say(f"{name:>15}  {text}" for name, text in facts.items())
    for check in able:
        typer.echo(f"\nThe check {check.id}, version {check.version}, can find:")
        say(f"  {code:<32}  {meaning}" for code, meaning in check.codes.items())
    if not able:
        typer.echo("\nNo check establishes this yet, so it is a gap in every verdict.")


def frameworks(
    file: Annotated[Path | None, typer.Argument(help="A system file: shows what its evidence supports now.")] = None,
    as_json: AsJson = False,
) -> None:
    """Show clauses of NIST AI RMF, ISO/IEC 42001 and EU AI Act; what supports each."""
    from seatrial.gate.frameworks import frameworks_data
    from seatrial.present.frameworks import framework_lines

    assessments: Sequence[Assessment] = ()
    if file is not None:
        from seatrial.app.deciding.deciding import decide_now

        assessments = decide_now(open_file(file)).requirements
    if as_json:
        print_json(frameworks_data(assessments))
        return
    say(framework_lines(assessments))


def schema() -> None:
    """Print the JSON Schema of the system file, for editors."""
    from seatrial.spec.schema import system_schema

    print_json(system_schema())


COMMANDS = (requirements, checks, explain, frameworks, schema)
