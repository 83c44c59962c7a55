"""The user list and the results of a course from elsewhere: looked through whole before anything of it counts.

A result from elsewhere is observed: it is shown beside the comprehension check of this version and stands in for none.
It is bound to the questions of the day on which it was taken over, and to the user list of that day.
"""

from __future__ import annotations

import csv
import io
import json
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from seatrial.adapters.store.artifacts import ArtifactFolder
from seatrial.app.folder.files import LocalFiles
from seatrial.app.folder.ledgers import keystore, known, open_ledger, record
from seatrial.app.folder.mapped_csv import Bad, Line, MappedCsv, Wanted
from seatrial.app.folder.workspace import Workspace
from seatrial.app.people.quiz import questions_of
from seatrial.app.people.training import users_of
from seatrial.app.proposing.placing import place_for, put_in_place
from seatrial.core.bodies import EventBody
from seatrial.core.errors import Refused, SeatrialError
from seatrial.core.record import Evidence
from seatrial.core.vocabulary import RecordType
from seatrial.domains.organization.questions import digest
from seatrial.domains.organization.training import RESULTS
from seatrial.spec.users import User, load_users

LISTED = "user-list"
"""The kind of the event that a user list was taken over."""
USERS: Final = (
    Wanted(
        key="id",
        title="Their id, by which they are known here",
        known=("id", "user id", "userid", "user", "username", "employee id", "employee number", "login"),
    ),
    Wanted(
        key="group",
        title="Their team",
        known=("group", "team", "department", "dept", "cohort", "unit", "organisation", "organization"),
    ),
    Wanted(key="name", title="Their name", known=("name", "full name", "display name"), required=False),
)
OUTCOMES: Final = (
    Wanted(
        key="user",
        title="Their id, as on the user list",
        known=("id", "user id", "userid", "user", "username", "employee id", "employee number", "login"),
    ),
    Wanted(
        key="result",
        title="How they did",
        known=("result", "status", "completion status", "outcome", "passed", "score", "grade"),
    ),
    Wanted(
        key="at",
        title="When",
        known=("date", "completed", "completed at", "completion date", "completed on", "finished", "time"),
    ),
    Wanted(
        key="version",
        title="Version that the course was about",
        known=("version", "course version"),
        required=False,
    ),
)
DATES: Final[Mapping[str, str]] = {
    "%Y-%m-%d": "2026-11-27",
    "%d.%m.%Y": "27.11.2026",
    "%d/%m/%Y": "27/11/2026",
    "%m/%d/%Y": "11/27/2026",
}
"""How a date may be written, with an example."""
_PASSED = frozenset({"passed", "pass", "completed", "complete", "yes", "true", "successful", "1"})
_NOT_PASSED = frozenset(
    {"failed", "fail", "not passed", "incomplete", "in progress", "not started", "no", "false", "0"}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class NewList:
    """A user list that could be taken over; with any `bad` line it cannot."""

    users: tuple[User, ...]
    bad: tuple[Bad, ...]
    added: tuple[str, ...]
    removed: tuple[str, ...]

    @property
    def teams(self) -> Mapping[str, int]:
        """Team to its number of users."""
        return dict(sorted(Counter(user.group for user in self.users).items()))


@dataclass(frozen=True, slots=True, kw_only=True)
class Results:
    """Results that could be taken over: the newest of each listed user. `others` are lines left out, by why."""

    passed: tuple[str, ...]
    not_passed: tuple[str, ...]
    bad: tuple[Bad, ...]
    others: Mapping[str, int]
    teams: Mapping[str, tuple[int, int]]
    """Team to how many passed of how many users."""


def new_list(workspace: Workspace, table: MappedCsv, mapping: Mapping[str, str]) -> NewList:
    """The users that the file tells of, held against the list of now; one that cannot be read counts as none."""
    users: dict[str, User] = {}
    seen: dict[str, int] = {}
    bad = list(table.bad)
    for line in table.lines:
        told = {key: line.cells[column] for key, column in mapping.items() if column}
        problem = next((f"there is no {key}" for key in ("id", "group") if not told.get(key)), "")
        if not problem and told["id"] in seen:
            problem = f"{told['id'][:60]} again, after line {seen[told['id']]}"
        if not problem and any(not value.isprintable() for value in told.values()):
            problem = "it holds a character that is no text"
        if problem:
            bad.append(Bad(line=line.number, what=problem))
            continue
        seen[told["id"]] = line.number
        users[told["id"]] = User(id=told["id"], group=told["group"], name=told.get("name") or None)
    before: set[str] = set()
    with suppress(SeatrialError):
        before = {user.id for user in users_of(workspace)}
    return NewList(
        users=tuple(users.values()),
        bad=tuple(sorted(bad, key=lambda b: b.line)),
        added=tuple(user for user in users if user not in before),
        removed=tuple(sorted(before - set(users))),
    )


def take_list(workspace: Workspace, person: str, found: NewList) -> Evidence:
    """Put the list in its place, named in the system file, and on record without names. Raises Refused, Unreachable."""
    if found.bad or not found.users:
        raise Refused("the list has lines that cannot be read, or no users", remedy="Correct it, then bring it again.")
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["id", "group", "name"])
    writer.writerows([user.id, user.group, user.name or ""] for user in found.users)
    content = text.getvalue().encode()
    load_users(content, name="users.csv")
    place = place_for(workspace, ("training", "users"), workspace.system.training.users, default="users.csv")
    signer = known(workspace, keystore(workspace).worker())
    put_in_place(workspace, place, content)
    body = EventBody(
        kind=LISTED,
        summary=f"a list of {len(found.users)} users was taken over",
        revokes=False,
        detail={
            "file": place.target,
            "users": len(found.users),
            "added": len(found.added),
            "removed": len(found.removed),
            "person": person,
        },
    )
    with open_ledger(workspace) as ledger:
        return record(ledger, signer, workspace, RecordType.EVENT, body)


def results(
    workspace: Workspace, table: MappedCsv, mapping: Mapping[str, str], *, dates: str, passes_from: float | None
) -> Results:
    """What the file tells of the users on the list. `passes_from` is the least score that passes, where it has scores.

    Raises SeatrialError where the user list cannot be read.
    """
    reading = _Reading(workspace, mapping, dates=dates, passes_from=passes_from)
    for line in table.lines:
        reading.line(line)
    done = {user: passed for user, (_, passed) in reading.newest.items()}
    groups: dict[str, tuple[int, int]] = {}
    for user in reading.users:
        passed, of = groups.get(user.group, (0, 0))
        groups[user.group] = (passed + bool(done.get(user.id)), of + 1)
    return Results(
        passed=tuple(sorted(user for user, passed in done.items() if passed)),
        not_passed=tuple(sorted(user for user, passed in done.items() if not passed)),
        bad=tuple(sorted([*table.bad, *reading.bad], key=lambda b: b.line)),
        others=dict(reading.others),
        teams=dict(sorted(groups.items())),
    )


def take_results(workspace: Workspace, person: str, found: Results, *, source: str, about: str, file: str) -> Evidence:
    """Put the results on record: numbers by team, with the single ones in an erasable artifact. Raises Refused.

    `source` is the tool that they are from, `about` the version of the system that the course was about,
    `file` the SHA-256 of what was handed in.
    """
    if about != workspace.system.version:
        raise Refused(
            f"the course was about {about or 'no version'}, and this is {workspace.system.version}",
            remedy="Only results of a course on this version are taken over.",
        )
    if found.bad or not (found.passed or found.not_passed):
        raise Refused("there are lines that cannot be read, or no result", remedy="Correct it, then bring it again.")
    single = json.dumps({"passed": found.passed, "not passed": found.not_passed}).encode()
    signer = known(workspace, keystore(workspace).worker())
    body = EventBody(
        kind=RESULTS,
        summary=f"{source} reports {len(found.passed)} users as passed",
        revokes=False,
        detail={
            "source": source,
            "version": about,
            "questions": digest(questions_of(workspace)),
            "users": LocalFiles(workspace.base).digest(str(workspace.system.training.users)),
            "passed": len(found.passed),
            "not passed": len(found.not_passed),
            "teams": {name: [passed, of] for name, (passed, of) in found.teams.items()},
            "file": file,
            "artifact": ArtifactFolder(workspace.folder / "artifacts").put(single, media_type="application/json"),
            "person": person,
        },
    )
    with open_ledger(workspace) as ledger:
        return record(ledger, signer, workspace, RecordType.EVENT, body)


class _Reading:
    """One pass over the results."""

    def __init__(
        self, workspace: Workspace, mapping: Mapping[str, str], *, dates: str, passes_from: float | None
    ) -> None:
        self.users = users_of(workspace)
        self.newest: dict[str, tuple[date, bool]] = {}
        self.bad: list[Bad] = []
        self.others: Counter[str] = Counter()
        self._listed = {user.id for user in self.users}
        self._version = workspace.system.version
        self._today = workspace.clock.now().date()
        self._mapping, self._dates, self._from = mapping, dates, passes_from

    def line(self, line: Line) -> None:
        told = {key: line.cells[column] for key, column in self._mapping.items() if column}
        problems: list[str] = []
        at = self._date(told.get("at", ""), problems)
        passed = self._passed(told.get("result", ""), problems)
        if not told.get("user"):
            problems.insert(0, "there is no id")
        self.bad += [Bad(line=line.number, what=problem) for problem in problems]
        if problems or at is None or passed is None:
            return
        if told["user"] not in self._listed:
            self.others["not on the user list"] += 1
        elif told.get("version", self._version) != self._version:
            self.others["about another version"] += 1
        elif told["user"] not in self.newest or self.newest[told["user"]][0] <= at:
            self.newest[told["user"]] = (at, passed)

    def _date(self, text: str, problems: list[str]) -> date | None:
        # Many tools write the time behind the date: by which day it was is all that is asked.
        day = text.replace("T", " ").partition(" ")[0]
        try:
            at = datetime.strptime(day, self._dates).date()  # noqa: DTZ007 - a day, without a time
        except ValueError:
            problems.append(f"{text[:40] or 'nothing'} is no date such as {DATES[self._dates]}")
            return None
        if at > self._today:
            problems.append(f"{text[:40]} lies in the future")
            return None
        return at

    def _passed(self, text: str, problems: list[str]) -> bool | None:
        plain = text.lower().strip()
        if self._from is None:
            if plain in _PASSED or plain in _NOT_PASSED:
                return plain in _PASSED
            problems.append(f"{text[:40] or 'nothing'} says neither passed nor not passed")
            return None
        try:
            return float(plain.removesuffix("%").strip().replace(",", ".")) >= self._from
        except ValueError:
            problems.append(f"{text[:40] or 'nothing'} is no score")
            return None


def passing_score(text: str) -> float | None:
    """The score from which somebody passes; None where none was given. Raises Refused for what is no number."""
    if not text:
        return None
    try:
        score = float(text.removesuffix("%").strip().replace(",", "."))
    except ValueError:
        score = float("nan")
    if not 0.0 < score <= 1_000_000.0:
        raise Refused("this is no score", remedy="Give a number above zero, on the scale of the file.")
    return score
