"""A new system from an interview in plain words: no connections yet, and what nobody could say is left as `TODO`."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Final

from seatrial.app.proposing.file import governance, operation, quoted
from seatrial.core.errors import Refused, Unreachable
from seatrial.core.vocabulary import Criticality, Role
from seatrial.spec.loading import load_system
from seatrial.spec.problem import SpecErrors
from seatrial.spec.quantities import day

TASKS: Final[Mapping[str, str]] = {
    "binary": "Yes or no: whether something is, or will be, the case",
    "multiclass": "One of several kinds: which team, which category",
    "regression": "A number: how many, how long, how much",
    "extraction": "Fields that it takes out of documents",
    "chat": "Answers in words",
}
"""What it tells, by the task that follows."""
HARMS: Final[Mapping[Criticality, str]] = {
    Criticality.ADVISORY: "Little: people see it and do it their own way",
    Criticality.OPERATIONAL: "Work stops, or is done wrong for a while",
    Criticality.CRITICAL: "People come to harm, the law is broken, or it cannot be undone",
}
"""What is at stake, by the criticality that follows."""
PARTS: Final[Mapping[str, str]] = {
    "owner": "Who answers for it in production?",
    "owner-deputy": "Who stands in for them?",
    "manager": "Who is their manager?",
    "monitor": "Who watches its performance after launch?",
    "monitor-deputy": "Who watches it when they are away?",
    "pipeline-alert": "Who is called at 2 AM when its data stop?",
    "pipeline-alert-deputy": "Who is called when they do not answer?",
    "retraining": "Who approves that it is trained anew?",
    "retraining-deputy": "Who approves it when they are away?",
    "escalation-point": "Whom does a supervisor call who does not believe it?",
    "escalation-point-deputy": "Whom do they call when that person is away?",
    "it": "Who signs for IT?",
    "operations": "Who signs for operations?",
    "legal": "Who signs for legal and compliance?",
    "ai-team": "Who signs for the AI team?",
}
"""Every part that somebody has, with its question. All may stay open."""
FIELDS: Final = (
    "name",
    "purpose",
    "task",
    "wrong",
    "criticality",
    "go_live",
    "workflows",
    "feeds",
    "people",
    *PARTS,
    "acknowledge",
    "answer",
)
LONGEST: Final = 4000
_MOST_LINES = 60
_MOST_MINUTES = 24 * 60
_ADDRESS = re.compile(r"[^\s@,]+@[^\s@,]+")
_NOTHING: Mapping[str, str] = {
    "name": "Give it a short name, such as arrival delay.",
    "purpose": "Say in one sentence what it does, for whom, and what they do with it.",
    "people": "Name at least yourself: one person a line, with a comma before the e-mail address.",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """Somebody with a part in it, by the short id that the file uses."""

    id: str
    name: str
    email: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Interview:
    """What was said, each answer in the form that the file needs. `parts` is part to a person's id.

    `workflows` is a workflow to the people who work in it, empty where that was not said. Times are in minutes.
    """

    name: str
    purpose: str
    task: str
    wrong: str
    criticality: str
    go_live: date | None
    people: tuple[Named, ...]
    parts: Mapping[str, str]
    workflows: Mapping[str, str]
    feeds: tuple[str, ...]
    acknowledge: int | None
    answer: int | None


def heard(given: Mapping[str, str], today: date) -> tuple[Interview | None, dict[str, str]]:
    """The interview, or by field what is the matter with the answers; then there is no interview."""
    said = {key: given.get(key, "").strip() for key in FIELDS}
    errors = {key: problem for key, problem in _NOTHING.items() if not said[key]}
    errors |= {
        key: f"These are {len(value)} characters; at most {LONGEST} are read."
        for key, value in said.items()
        if len(value) > LONGEST
    }
    errors |= {key: "This holds a character that is no text." for key, value in said.items() if _unprintable(value)}
    if errors:
        return None, errors
    name = slug(said["name"])
    if not name:
        errors["name"] = "Use letters or digits, such as arrival delay."
    for key, known in (("task", TASKS), ("criticality", HARMS)):
        if said[key] not in known:
            errors[key] = "Choose one of these."
    people = _people(said["people"], errors)
    parts = _parts(said, people, errors)
    interview = Interview(
        name=name,
        purpose=_line(said["purpose"]),
        task=said["task"],
        wrong=_line(said["wrong"]),
        criticality=said["criticality"],
        go_live=_go_live(said["go_live"], today, errors),
        people=people,
        parts=parts,
        workflows=_workflows(said["workflows"], errors),
        feeds=_feeds(said["feeds"], errors),
        acknowledge=_minutes(said, "acknowledge", errors),
        answer=_minutes(said, "answer", errors),
    )
    return (None, errors) if errors else (interview, {})


def slug(text: str) -> str:
    """The text as a name in the file: small letters, digits and hyphens; empty where nothing of it is left."""
    plain = unicodedata.normalize("NFKD", text.casefold()).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:63].strip("-")


def text_of(interview: Interview) -> str:
    """The commented system file. Raises SpecErrors for what is no system file after all."""
    sections = (
        _head(interview),
        _people_lines(interview),
        _owner(interview),
        _duties(interview),
        _model(interview),
        governance(interview.task),
        _data(),
        operation(
            interview.task, integrations=tuple(_integrations(interview)), workflows=tuple(_workflow_lines(interview))
        ),
    )
    text = "\n".join(line for section in sections for line in section) + "\n"
    load_system(text.encode(), name="seatrial.yaml", environment={})
    return text


def write(interview: Interview, root: Path) -> Path:
    """Write the system file into a new folder below `root`; its path.

    Raises Refused where a folder of that name is there already, which is left as it is, Malformed for answers that
    make no system file, Unreachable where nothing can be written.
    """
    try:
        text = text_of(interview)
    except SpecErrors as error:
        told = "; ".join(f"{problem.path}: {problem.found}, expected {problem.expected}" for problem in error.problems)
        raise Refused(f"these answers make no system file ({told})", remedy="Put the answer in other words.") from None
    folder = root / interview.name
    file = folder / "seatrial.yaml"
    try:
        root.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder.mkdir(mode=0o700)
        with file.open("x", encoding="utf-8") as opened:
            opened.write(text)
    except FileExistsError:
        raise Refused(
            f"there is a folder {interview.name} already, and it is left as it is",
            remedy="Give the system another name, or add the folder that is there.",
        ) from None
    except OSError as error:
        raise Unreachable(
            f"{file} cannot be written: {error.strerror or error}", remedy="Free the folder, or declare another one."
        ) from None
    return file


def take_back(file: Path) -> None:
    """Remove what `write` wrote a moment ago, where nothing has joined it."""
    file.unlink(missing_ok=True)
    if not any(file.parent.iterdir()):
        file.parent.rmdir()


def _head(interview: Interview) -> Iterator[str]:
    yield "# Written from an interview: what is filled in was said there. TODO marks what nobody has said yet; each is"
    yield "# a gap until it is gone. IT and the AI team complete the connections here."
    yield f"system: {quoted(interview.name)}"
    yield "version: TODO                    # the version that goes live"
    yield f"purpose: {quoted(interview.purpose)}"
    if interview.wrong:
        yield f"# When it is wrong: {interview.wrong}"
    yield f"criticality: {interview.criticality}"
    yield f"go_live: {interview.go_live.isoformat() if interview.go_live else 'TODO the planned day, 2027-03-01'}"
    yield ""


def _people_lines(interview: Interview) -> Iterator[str]:
    yield "# Nobody can own, accept, sign or be paged who is not named here."
    yield "people:"
    for person in interview.people:
        email = quoted(person.email) if person.email else "TODO"
        yield f"  {quoted(person.id)}: {{name: {quoted(person.name)}, email: {email}, page: TODO}}"
    yield ""


def _owner(interview: Interview) -> Iterator[str]:
    yield "owner:"
    yield f"  who: {_part(interview, 'owner')}"
    yield f"  deputy: {_part(interview, 'owner-deputy')}"
    yield f"  manager: {_part(interview, 'manager')}"
    yield "  objective: TODO the performance metric of the owner that this system moves"
    yield "  may_pull: TODO true, once the owner may take it offline without asking anybody"
    yield "  stop: TODO the procedure file that takes it offline in one action"
    yield ""


def _duties(interview: Interview) -> Iterator[str]:
    more = {
        "pipeline-alert": f", acknowledge_within: {_time(interview.acknowledge)}",
        "retraining": ", criteria: TODO",
        "escalation-point": f", answer_within: {_time(interview.answer)}",
    }
    yield "duties:"
    for duty in ("monitor", "pipeline-alert", "retraining", "escalation-point"):
        who, deputy = _part(interview, duty), _part(interview, f"{duty}-deputy")
        yield f"  {duty}: {{who: {who}, deputy: {deputy}{more.get(duty, '')}}}"
    yield ""
    yield "# Four different people sign the review, each for their role."
    signing = ", ".join(f"{role.value}: {_part(interview, role.value)}" for role in Role)
    yield f"signers: {{{signing}}}"
    yield ""


def _model(interview: Interview) -> Iterator[str]:
    yield "# IT and the AI team: where it is asked, and where it tells which version is served."
    yield "model:"
    yield "  endpoint: TODO"
    yield "  identity: TODO"
    yield f"  task: {interview.task}"
    yield "  inputs: TODO"
    yield "  test_endpoint: TODO"
    yield ""


def _data() -> Iterator[str]:
    yield "# The AI team: evaluation rows must never have been seen in training or in choosing the model."
    yield "data: {training: TODO, evaluation: TODO, live: TODO, freshness: TODO}"
    yield ""


def _integrations(interview: Interview) -> Iterator[str]:
    if not interview.feeds:
        yield "integrations: TODO"
        return
    yield "integrations:"
    for told in interview.feeds:
        yield f"  # {told}"
        yield f"  {quoted(slug(told))}: {{kind: TODO, direction: in, contract: TODO, test: TODO, production: TODO}}"


def _workflow_lines(interview: Interview) -> Iterator[str]:
    if not interview.workflows:
        yield "workflows: TODO"
        return
    yield "workflows:"
    for told, group in interview.workflows.items():
        users = quoted(group) if group else "TODO"
        fallback = "{procedure: TODO, needed: TODO}"
        yield f"  {quoted(slug(told))}: {{process: TODO, users: {users}, fallback: {fallback}}}"


def _part(interview: Interview, part: str) -> str:
    person = interview.parts.get(part)
    return "TODO" if person is None else quoted(person)


def _time(minutes: int | None) -> str:
    return "TODO" if minutes is None else f"{minutes}m"


def _people(text: str, errors: dict[str, str]) -> tuple[Named, ...]:
    found: list[Named] = []
    for number, line in _lines(text, "people", errors):
        name, _, email = (part.strip() for part in line.partition(","))
        problem = ""
        if not name or not slug(name):
            problem = f"Line {number}: a name comes first, then a comma and the e-mail address."
        elif email and not _ADDRESS.fullmatch(email):
            problem = f"Line {number}: {email[:60]} is no e-mail address."
        elif name.casefold() in {each.name.casefold() for each in found}:
            problem = f"Line {number}: {name[:60]} is there already."
        if problem:
            errors.setdefault("people", problem)
            continue
        taken = {each.id for each in found}
        short, whole = slug(name.split()[0]) or slug(name), slug(name)
        candidates = (short, whole, *(f"{whole}-{i}" for i in range(2, _MOST_LINES + 2)))
        found.append(Named(id=next(c for c in candidates if c not in taken), name=_line(name), email=email))
    return tuple(found)


def _parts(said: Mapping[str, str], people: Sequence[Named], errors: dict[str, str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for part in PARTS:
        if not said[part]:
            continue
        meant = _meant(said[part], people)
        if len(meant) != 1:
            many = "Several people above are" if meant else "Nobody in the list above is"
            errors[part] = f"{many} called {said[part][:60]}."
            continue
        found[part] = meant[0].id
    signing: dict[str, str] = {}
    for role in Role:
        who = found.get(role.value)
        if who is not None and who in signing:
            errors[role.value] = f"Four different people sign, and this one signs for {signing[who]} already."
        elif who is not None:
            signing[who] = role.value
    for part, who in found.items():
        if part.endswith("-deputy") and found.get(part.removesuffix("-deputy")) == who:
            errors[part] = "Somebody else stands in, not the same person."
    return found


def _meant(text: str, people: Sequence[Named]) -> list[Named]:
    wanted = " ".join(text.split()).casefold()
    whole = [person for person in people if person.name.casefold() == wanted]
    return whole or [p for p in people if wanted in (p.id, p.name.casefold().split()[0])]


def _workflows(text: str, errors: dict[str, str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for number, line in _lines(text, "workflows", errors):
        told, _, group = (part.strip() for part in line.partition(":"))
        if not slug(told) or slug(told) in {slug(each) for each in found}:
            said = "needs a name" if not slug(told) else "names a workflow again"
            errors.setdefault("workflows", f"Line {number} {said}.")
            continue
        found[_line(told)] = _line(group)
    return found


def _feeds(text: str, errors: dict[str, str]) -> tuple[str, ...]:
    found: dict[str, str] = {}
    for number, line in _lines(text, "feeds", errors):
        name = slug(line)
        if not name or name in found:
            said = "needs a name" if not name else "names something again"
            errors.setdefault("feeds", f"Line {number} {said}.")
            continue
        found[name] = _line(line)
    return tuple(found.values())


def _lines(text: str, key: str, errors: dict[str, str]) -> list[tuple[int, str]]:
    found = [(number, line.strip()) for number, line in enumerate(text.splitlines(), start=1) if line.strip()]
    if len(found) > _MOST_LINES:
        errors.setdefault(key, f"These are {len(found)} lines; at most {_MOST_LINES} are read.")
    return found[:_MOST_LINES]


def _go_live(text: str, today: date, errors: dict[str, str]) -> date | None:
    if not text:
        return None
    try:
        planned = day(text)
    except ValueError:
        errors["go_live"] = "Write the day as 2027-03-01, or leave it empty."
        return None
    if planned <= today:
        errors["go_live"] = "This day has passed. Leave it empty where none is planned."
    return planned


def _minutes(said: Mapping[str, str], key: str, errors: dict[str, str]) -> int | None:
    if not said[key]:
        return None
    if not re.fullmatch(r"[0-9]{1,4}", said[key]) or not 1 <= int(said[key]) <= _MOST_MINUTES:
        errors[key] = f"Give whole minutes, from 1 to {_MOST_MINUTES}."
        return None
    return int(said[key])


def _line(text: str) -> str:
    """On one line, so that it can stand in a comment."""
    return " ".join(text.split())


def _unprintable(text: str) -> bool:
    return any(
        unicodedata.category(character) in ("Cc", "Cs", "Co", "Cn") for character in text if character not in "\r\n\t"
    )
