"""What must be true, and what establishes it."""

from __future__ import annotations

from typing import Annotated

import typer

from seatrial.cli.console import AsJson, print_json


def requirements(as_json: AsJson = False) -> None:
    """List every requirement, and whether a check establishes it yet."""
    from seatrial.app.catalogue import checks
    from seatrial.gate.catalogue import PRODUCTION_READINESS, as_shown, catalogue_data
    from seatrial.present.words import DOMAIN_TITLES

    if as_json:
        print_json(catalogue_data())
        return
    able = {check.requirement for check in checks()}
    domain = None
    for row in as_shown(PRODUCTION_READINESS):
        if row.domain is not domain:
            domain = row.domain
            typer.echo(f"\n{DOMAIN_TITLES[domain]}")
        typer.echo(f"  {'✓' if row.id in able else '·'} {row.id:<34} {row.question}")
    typer.echo(f"\n✓ a check establishes it ({len(able)})   · no check does so yet, so it is a gap")


def checks(as_json: AsJson = False) -> None:
    """List every check with the requirement that it establishes."""
    from seatrial.app.catalogue import checks as all_checks

    if as_json:
        print_json(
            [
                {"id": c.id, "requirement": c.requirement, "version": c.version, "title": c.title, "codes": c.codes}
                for c in all_checks()
            ]
        )
        return
    for check in all_checks():
        typer.echo(f"{check.id:<34} {check.title}")


def explain(
    requirement: Annotated[str, typer.Argument(help="A requirement's id, such as model.threshold.")],
    as_json: AsJson = False,
) -> None:
    """Explain one requirement: the question, why it matters, what establishes it, and what can be found."""
    from seatrial.app.catalogue import checks
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
    for name, text in facts.items():
        typer.echo(f"{name:>15}  {text}")
    for check in able:
        typer.echo(f"\nThe check {check.id}, version {check.version}, can find:")
        for code, meaning in check.codes.items():
            typer.echo(f"  {code:<32} {meaning}")
    if not able:
        typer.echo("\nNo check establishes this yet, so it is a gap in every verdict.")


def schema() -> None:
    """Print the JSON Schema of the system file, for editors."""
    from seatrial.spec.schema import system_schema

    print_json(system_schema())


COMMANDS = (requirements, checks, explain, schema)
