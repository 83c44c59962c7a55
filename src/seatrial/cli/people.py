"""What people state: acceptances, attestations, sign-offs, and the answers of users."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from seatrial.cli.console import (
    HERE,
    PRODUCTION,
    As,
    AsJson,
    AtGate,
    File,
    Yes,
    confirm,
    console,
    given,
    open_file,
    print_json,
)
from seatrial.core.vocabulary import Role

if TYPE_CHECKING:
    from collections.abc import Sequence

    from seatrial.app.folder.workspace import Workspace
    from seatrial.core.record import Evidence
    from seatrial.domains.organization.questions import Question


def accept(
    duty: Annotated[str, typer.Argument(help="owner, manager, monitor, inventory, …; a deputy adds .deputy")],
    file: File = HERE,
    person: As = "",
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Accept a duty that is yours, with your own key."""
    from seatrial.app.people.duties import duty_text
    from seatrial.app.people.people import accept as state

    workspace = open_file(file)
    shown = duty_text(workspace, duty)
    confirm(f"{shown}\nDo you, {_name(workspace, person)}, accept this?", yes=yes)
    _recorded(state(workspace, given(person), duty, shown=shown), as_json=as_json)


def attest(
    kind: Annotated[str, typer.Argument(help="process, failure-modes, change-plan, compliance, …")],
    document: Annotated[str, typer.Argument(help="The document's path, as the system file names it.")],
    file: File = HERE,
    person: As = "",
    statement: Annotated[str, typer.Option(help="What you say about it.")] = "",
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Answer for a document exactly as it is now."""
    from seatrial.app.people.people import attest as state

    workspace = open_file(file)
    confirm(f"Do you, {_name(workspace, person)}, answer for {document} as it is now?", yes=yes)
    _recorded(state(workspace, given(person), kind, document, statement=statement), as_json=as_json)


def sign(
    role: Annotated[Role, typer.Argument(help="The role that you sign for.")],
    file: File = HERE,
    person: As = "",
    withhold: Annotated[str, typer.Option(help="Withhold GO instead, for this reason.")] = "",
    gate: AtGate = PRODUCTION,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Sign the review for your role, or withhold GO with a reason."""
    from seatrial.app.deciding.deciding import decide_now
    from seatrial.app.people.people import sign as state
    from seatrial.app.people.people import withhold as refuse
    from seatrial.present.terminal import verdict_screen

    workspace = open_file(file, gate=gate)
    if withhold:
        _recorded(refuse(workspace, given(person), role, reason=withhold), as_json=as_json)
        return
    verdict = decide_now(workspace)
    screen = console(error=True)
    with screen.capture() as captured:
        screen.print(verdict_screen(verdict, width=screen.width))
    shown = captured.get()
    typer.echo(shown, err=True)
    confirm(f"Do you, {_name(workspace, person)}, sign this for {role.value} at {gate.value}?", yes=yes)
    _recorded(state(workspace, given(person), role, verdict, shown=shown), as_json=as_json)


def exempt(
    requirement: Annotated[str, typer.Argument(help="The requirement that does not apply.")],
    file: File = HERE,
    person: As = "",
    because: Annotated[str, typer.Option(help="Why it does not apply.")] = "",
    asked_by: Annotated[str, typer.Option(help="Approve what this other person asked for.")] = "",
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Ask that a requirement does not apply; another person approves what was asked."""
    from seatrial.app.people.people import exempt as approve
    from seatrial.app.people.people import request_exemption

    workspace = open_file(file)
    does = f"approve, as {asked_by} asked," if asked_by else "ask"
    confirm(f"Do you, {_name(workspace, person)}, {does} that {requirement} does not apply: {because}?", yes=yes)
    if asked_by:
        stated = approve(workspace, given(person), requirement, requested_by=asked_by, reason=because)
    else:
        stated = request_exemption(workspace, given(person), requirement, reason=because)
    _recorded(stated, as_json=as_json)


def depart(
    who: Annotated[str, typer.Argument(help="The id of the person who left.")],
    file: File = HERE,
    person: As = "",
    reason: Annotated[str, typer.Option(help="Why, if others should know.")] = "",
    as_json: AsJson = False,
) -> None:
    """Put on record that somebody left: what they accepted and signed stops counting."""
    from seatrial.app.people.people import depart as state

    _recorded(state(open_file(file), who, by=given(person), reason=reason), as_json=as_json)


def quiz(
    file: File = HERE,
    user: Annotated[str, typer.Option("--user", help="Your id on the user list.")] = "",
    answers: Annotated[str, typer.Option(help="Answers by number, such as 2,1,3; without it you are asked.")] = "",
    as_json: AsJson = False,
) -> None:
    """Answer the questions of this version with your own key; passing puts you among its trained users."""
    from seatrial.app.people.quiz import answer, attempts, facts_of, own_key, questions_of
    from seatrial.domains.organization.questions import shown

    workspace = open_file(file)
    asked = questions_of(workspace)
    if not user:
        raise typer.BadParameter("name yourself with --user")
    signer = own_key(workspace, user)
    orders = [shown(question, user, attempts(workspace, user).made) for question in asked]
    if answers:
        given = _places(_answers(answers), orders)
    else:
        given = tuple(_ask(number, q, o) for number, (q, o) in enumerate(zip(asked, orders, strict=True), start=1))
    marked = answer(workspace, user, given, signer=signer)
    if as_json:
        print_json({"asked": marked.asked, "right": marked.right, "passed": marked.passed})
        return
    typer.echo(f"{marked.right} of {marked.asked} right: {'passed' if marked.passed else 'not passed'}")
    facts = facts_of(workspace) if marked.wrong else {}
    for question in marked.wrong:
        typer.echo(f"  {question.text}")
        if question.id in facts:
            typer.echo(f"    {facts[question.id]}")
        if marked.passed:
            typer.echo(f"    right: {question.options[question.right]}")
    if not marked.passed:
        again_at = attempts(workspace, user).again_at
        when = f" You may answer anew from {again_at:%Y-%m-%d %H:%M} UTC on." if again_at else ""
        typer.echo(f"Read {workspace.system.training.material or 'the material'} again.{when}")


def _answers(text: str) -> tuple[int, ...]:
    try:
        return tuple(int(part) - 1 for part in text.split(","))
    except ValueError:
        raise typer.BadParameter("answers are numbers with commas between them, such as 2,1,3") from None


def _places(given: Sequence[int], orders: Sequence[Sequence[int]]) -> tuple[int, ...]:
    """The options' own places, where as many answers were given as there are questions."""
    if len(given) != len(orders) or not all(0 <= at < len(o) for at, o in zip(given, orders, strict=True)):
        raise typer.BadParameter(f"give the number of one answer to each of the {len(orders)} questions")
    return tuple(order[at] for at, order in zip(given, orders, strict=True))


def _ask(number: int, question: Question, order: Sequence[int]) -> int:
    typer.echo(f"\n{number}. {question.text}")
    for i, place in enumerate(order, start=1):
        typer.echo(f"   {i}) {question.options[place]}")
    chosen: int = 0
    while not 1 <= chosen <= len(question.options):
        chosen = typer.prompt(f"Your answer, 1 to {len(question.options)}", type=int)
    return order[chosen - 1]


def _name(workspace: Workspace, person: str) -> str:
    declared = workspace.system.people.get(given(person))
    return declared.name if declared else person


def _recorded(evidence: Evidence, *, as_json: bool) -> None:
    if as_json:
        print_json({"record": evidence.digest, "sequence": evidence.sequence})
    else:
        typer.echo(f"on record as entry {evidence.sequence}, {evidence.digest[:16]}")


COMMANDS = (accept, attest, sign, exempt, depart, quiz)
