"""What people state: acceptances, attestations, sign-offs, and the answers of users."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from seatrial.cli.console import HERE, AsJson, File, console, open_file, print_json
from seatrial.core.vocabulary import Role

if TYPE_CHECKING:
    from seatrial.app.workspace import Workspace
    from seatrial.core.record import Evidence
    from seatrial.domains.organization.questions import Question

As = Annotated[str, typer.Option("--as", help="Your id in the system file.")]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask for confirmation.")]


def accept(
    duty: Annotated[str, typer.Argument(help="owner, manager, monitor, pipeline-alert, …; a deputy adds .deputy")],
    file: File = HERE,
    person: As = "",
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Accept a duty that is yours, with your own key."""
    from seatrial.app.people import accept as state

    workspace = open_file(file)
    shown = _duty_text(workspace, duty)
    _confirm(f"{shown}\nDo you, {_name(workspace, person)}, accept this?", yes=yes)
    _recorded(state(workspace, _given(person), duty, shown=shown), as_json=as_json)


def attest(
    kind: Annotated[str, typer.Argument(help="process, failure-modes, governance-plan, …")],
    document: Annotated[str, typer.Argument(help="The document's path, as the system file names it.")],
    file: File = HERE,
    person: As = "",
    statement: Annotated[str, typer.Option(help="What you say about it.")] = "",
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Answer for a document exactly as it is now."""
    from seatrial.app.people import attest as state

    workspace = open_file(file)
    _confirm(f"Do you, {_name(workspace, person)}, answer for {document} as it is now?", yes=yes)
    _recorded(state(workspace, _given(person), kind, document, statement=statement), as_json=as_json)


def sign(
    role: Annotated[Role, typer.Argument(help="The role that you sign for.")],
    file: File = HERE,
    person: As = "",
    withhold: Annotated[str, typer.Option(help="Withhold GO instead, for this reason.")] = "",
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Sign the review for your role, or withhold GO with a reason."""
    from seatrial.app.deciding import decide_now
    from seatrial.app.people import sign as state
    from seatrial.app.people import withhold as refuse
    from seatrial.present.terminal import verdict_screen

    workspace = open_file(file)
    if withhold:
        _recorded(refuse(workspace, _given(person), role, reason=withhold), as_json=as_json)
        return
    verdict = decide_now(workspace)
    screen = console(error=True)
    with screen.capture() as captured:
        screen.print(verdict_screen(verdict, width=screen.width))
    shown = captured.get()
    typer.echo(shown, err=True)
    _confirm(f"Do you, {_name(workspace, person)}, sign this for {role.value}?", yes=yes)
    _recorded(state(workspace, _given(person), role, verdict, shown=shown), as_json=as_json)


def depart(
    who: Annotated[str, typer.Argument(help="The id of the person who left.")],
    file: File = HERE,
    person: As = "",
    reason: Annotated[str, typer.Option(help="Why, if others should know.")] = "",
    as_json: AsJson = False,
) -> None:
    """Put on record that somebody left: what they accepted and signed stops counting."""
    from seatrial.app.people import depart as state

    _recorded(state(open_file(file), who, by=_given(person), reason=reason), as_json=as_json)


def quiz(
    file: File = HERE,
    user: Annotated[str, typer.Option("--user", help="Your id on the user list.")] = "",
    answers: Annotated[str, typer.Option(help="Answers by number, such as 2,1,3; without it you are asked.")] = "",
    as_json: AsJson = False,
) -> None:
    """Answer the questions of this version; passing puts you among its trained users."""
    from seatrial.app.quiz import answer, questions_of

    workspace = open_file(file)
    asked = questions_of(workspace)
    if not user:
        raise typer.BadParameter("name yourself with --user")
    given = _answers(answers) if answers else tuple(_ask(number, q) for number, q in enumerate(asked, start=1))
    marked = answer(workspace, user, given)
    if as_json:
        print_json({"asked": marked.asked, "right": marked.right, "passed": marked.passed})
        return
    typer.echo(f"{marked.right} of {marked.asked} right: {'passed' if marked.passed else 'not passed'}")
    for question in marked.wrong:
        typer.echo(f"  {question.text}")
        if marked.passed:
            typer.echo(f"    right: {question.options[question.right]}")
    if not marked.passed:
        typer.echo(f"Read {workspace.system.training.material or 'the material'} again before you answer anew.")


def _answers(text: str) -> tuple[int, ...]:
    try:
        return tuple(int(part) - 1 for part in text.split(","))
    except ValueError:
        raise typer.BadParameter("answers are numbers with commas between them, such as 2,1,3") from None


def _ask(number: int, question: Question) -> int:
    typer.echo(f"\n{number}. {question.text}")
    for i, option in enumerate(question.options, start=1):
        typer.echo(f"   {i}) {option}")
    chosen: int = 0
    while not 1 <= chosen <= len(question.options):
        chosen = typer.prompt(f"Your answer, 1 to {len(question.options)}", type=int)
    return chosen - 1


def _given(person: str) -> str:
    if not person:
        raise typer.BadParameter("name yourself with --as")
    return person


def _name(workspace: Workspace, person: str) -> str:
    declared = workspace.system.people.get(_given(person))
    return declared.name if declared else person


def _confirm(question: str, *, yes: bool) -> None:
    if not yes:
        typer.confirm(question, abort=True, err=True)


def _duty_text(workspace: Workspace, duty: str) -> str:
    name, _, deputy = duty.partition(".")
    system = workspace.system
    owned = system.owner.model_dump(mode="json", exclude_none=True)
    duties = system.duties.model_dump(mode="json", by_alias=True, exclude_none=True)
    content = owned if name in {"owner", "manager"} else duties.get(name, {})
    lines = [f"{system.system} {system.version}: {duty}", *(f"  {key}: {value}" for key, value in content.items())]
    return "\n".join([*lines, "  as the deputy"] if deputy else lines)


def _recorded(evidence: Evidence, *, as_json: bool) -> None:
    if as_json:
        print_json({"record": evidence.digest, "sequence": evidence.sequence})
    else:
        typer.echo(f"on record as entry {evidence.sequence}, {evidence.digest[:16]}")


COMMANDS = (accept, attest, sign, depart, quiz)
