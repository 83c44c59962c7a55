"""The user list, and the results of a course from elsewhere, brought over the API: all of it, or none."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

from seatrial.app.folder.mapped_csv import Bad, Line, MappedCsv
from seatrial.app.people.training import users_of
from seatrial.app.people.training_import import new_list, results, take_list, take_results
from seatrial.core.errors import Refused
from seatrial.core.observation import Json
from seatrial.gate.permissions import Action
from seatrial.web.access import put_down
from seatrial.web.api.problem import Problem
from seatrial.web.api.route import Inside, Listed, Reply
from seatrial.web.api.serving import listed, refuse

_DATES = "%Y-%m-%d"
_MOST_TOLD = 200


def users(call: Inside) -> Listed:
    """Whoever is on the user list, without names."""
    return listed([{"id": u.id, "group": u.group} for u in users_of(call.workspace)])


def list_users(call: Inside) -> Reply:
    """Put the sent list in the place of the one that stands; who is no longer on it is no user any more."""
    found = new_list(call.workspace, _table(call.given["users"], ("id", "group", "name")), _same("id", "group", "name"))
    _whole(found.bad, "/users")
    try:
        evidence = take_list(call.workspace, str(call.person), found)
    except Refused as error:
        raise refuse(call, Action.RECORD_EVENT, error, about="the user list", status=422) from None
    put_down(call.who, Action.RECORD_EVENT, about="users over the API", record=evidence.digest)
    told: Json = {
        "users": len(found.users),
        "teams": dict(found.teams),
        "added": list(found.added),
        "removed": list(found.removed),
        "record": evidence.digest,
    }
    return Reply(content=told, status=201)


def bring_results(call: Inside) -> Reply:
    """Put the results of a course elsewhere on record, as observed: they pass nobody."""
    keys = ("user", "result", "at")
    rows = [{**each, "result": "passed" if each["passed"] else "failed"} for each in call.given["results"]]
    found = results(call.workspace, _table(rows, keys), _same(*keys), dates=_DATES, passes_from=None)
    _whole(found.bad, "/results")
    try:
        evidence = take_results(
            call.workspace,
            str(call.person),
            found,
            source=call.given["source"].strip(),
            about=call.given["about"],
            file=hashlib.sha256(call.request.body).hexdigest(),
        )
    except Refused as error:
        raise refuse(call, Action.RECORD_EVENT, error, about="results of a course", status=422) from None
    put_down(call.who, Action.RECORD_EVENT, about="results over the API", record=evidence.digest)
    told: Json = {
        "passed": len(found.passed),
        "not_passed": len(found.not_passed),
        "left_out": dict(found.others),
        "record": evidence.digest,
    }
    return Reply(content=told, status=201)


def _table(rows: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> MappedCsv:
    """The rows as a file of them would be read; a line's number is its place in the array."""
    lines = tuple(
        Line(number=place, cells={name: str(row.get(name, "")).strip() for name in columns})
        for place, row in enumerate(rows)
    )
    return MappedCsv(columns=tuple(columns), lines=lines, bad=())


def _same(*keys: str) -> dict[str, str]:
    return {key: key for key in keys}


def _whole(bad: Sequence[Bad], at: str) -> None:
    if bad:
        errors = {f"{at}/{each.line}": each.what for each in bad[:_MOST_TOLD]}
        raise Problem(422, f"{len(bad)} of them cannot be taken, so that none is", errors=errors)
