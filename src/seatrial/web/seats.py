"""Who an account is at a system now: what it was invited as, as long as the system file and the record bear it out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from seatrial.app.ledgers import open_ledger, read_ledger
from seatrial.app.training import listed_users
from seatrial.app.workspace import Workspace
from seatrial.core.bodies import DepartureBody
from seatrial.core.codec import CodecError, from_data
from seatrial.core.errors import SeatrialError
from seatrial.core.vocabulary import RecordType
from seatrial.web.access import SiteAction, Visitor, allowed, visitor
from seatrial.web.fleet import Seen, see, systems_of, workspace_of
from seatrial.web.models import Account, Membership, Registered

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser

_departures: dict[Path, tuple[str, frozenset[str]]] = {}
"""System file to its ledger's head and who had left by then: a long ledger is not read anew for each page."""


def seated_unopened(account: Account | AnonymousUser, system: Registered) -> Visitor:
    """Who they were invited as, the system file unread. Raises Refused for somebody who is not signed in."""
    who = visitor(account, system)
    seat = Membership.objects.filter(account=who.account, system=system).first()
    return replace(who, user=None if seat is None else seat.person)


def seated(
    account: Account | AnonymousUser, system: Registered, workspace: Workspace, *, using: bool = False
) -> Visitor:
    """Who they are now; nobody, once the file no longer names them or they have left.

    With `using`, their id on the user list too. Raises Refused for somebody who is not signed in, SeatrialError for a
    user list or a ledger that cannot be read.
    """
    who = visitor(account, system)
    seat = Membership.objects.filter(account=who.account, system=system).first()
    if seat is None:
        return who
    person = who.person if who.person is not None and _still_here(workspace, who.person) else None
    user = None
    # Somebody who left as a person is no user either.
    if using and (seat.listed or person is not None) and not has_left(workspace, seat.person):
        user = _on_list(workspace, seat)
    return replace(who, person=person, user=user)


def seen_by(account: Account) -> Iterator[Seen]:
    """The systems that the account may see now, with their verdicts. One whose file is broken is told as such."""
    for system in systems_of(account):
        try:
            who = seated(account, system, workspace_of(system))
        except SeatrialError as error:
            yield Seen(system=system, verdict=None, problem=error.what, remedy=error.remedy)
            continue
        if allowed(who, SiteAction.SEE).allowed:
            yield see(system)


def has_left(workspace: Workspace, person: str) -> bool:
    """Whether they left, by the system file or by a record."""
    declared = workspace.system.people.get(person)
    today = workspace.clock.now().date()
    gone = declared is not None and declared.left_on is not None and declared.left_on <= today
    return gone or person in _left_on_record(workspace)


def _on_list(workspace: Workspace, seat: Membership) -> str | None:
    try:
        return seat.person if seat.person in listed_users(workspace) else None
    except SeatrialError:
        if seat.listed:
            raise
        # A list that cannot be read keeps a declared person from being a user, and from nothing else.
        return None


def _still_here(workspace: Workspace, person: str) -> bool:
    return person in workspace.system.people and not has_left(workspace, person)


def _left_on_record(workspace: Workspace) -> frozenset[str]:
    with open_ledger(workspace) as ledger:
        head = str(ledger.checkpoint(workspace.system.system))
    known = _departures.get(workspace.file)
    if known is not None and known[0] == head:
        return known[1]
    found = set()
    for evidence in read_ledger(workspace, quick=True).evidence:
        if evidence.record.type is RecordType.DEPARTURE and not evidence.problem:
            try:
                found.add(from_data(DepartureBody, evidence.record.body).person)
            except CodecError:
                continue
    _departures[workspace.file] = (head, frozenset(found))
    return frozenset(found)
