"""Who an account is at a system now: what it was invited as, as long as the system file and the record bear it out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from seatrial.app.folder.ledgers import head_of, is_long, read_ledger
from seatrial.app.folder.workspace import Workspace
from seatrial.app.people.training import listed_users
from seatrial.core.bodies import DepartureBody
from seatrial.core.errors import SeatrialError
from seatrial.core.vocabulary import RecordType
from seatrial.evidence.entry import Checkpoint
from seatrial.web.access import SiteAction, Visitor, allowed, visitor
from seatrial.web.fleet import kept_verdicts, see, surroundings, systems_of, unseen, workspace_of
from seatrial.web.glimpses import Seen
from seatrial.web.models import Account, Membership, Registered

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser


class _Seat(NamedTuple):
    """As whom an account was invited to a system, and whether as nobody but a user."""

    person: str
    listed: bool


_departures: dict[Path, tuple[Checkpoint | None, frozenset[str]]] = {}
"""System file to its ledger's head and who had left by then: a long ledger is not read anew for each page."""


def seated_unopened(account: Account | AnonymousUser, system: Registered) -> Visitor:
    """Who they were invited as, the system file unread. Raises Refused for somebody who is not signed in."""
    who = replace(visitor(account, None), system=system)
    seat = Membership.objects.filter(account=who.account, system=system).first()
    if seat is not None and not seat.listed:
        who = replace(who, person=seat.person)
    return replace(who, user=None if seat is None else seat.person)


def seated(
    account: Account | AnonymousUser, system: Registered, workspace: Workspace, *, using: bool = False
) -> Visitor:
    """Who they are now; nobody, once the file no longer names them or they have left.

    With `using`, their id on the user list too. Raises Refused for somebody who is not signed in, SeatrialError for a
    user list or a ledger that cannot be read.
    """
    somebody = visitor(account, None).account
    found = Membership.objects.filter(account=somebody, system=system).values_list("person", "listed").first()
    return _seated(somebody, system, workspace, None if found is None else _Seat(*found), using=using)


def _seated(
    account: Account, system: Registered, workspace: Workspace, seat: _Seat | None, *, using: bool = False
) -> Visitor:
    person = user = None
    if seat is not None and not seat.listed and _still_here(workspace, seat.person):
        person = seat.person
    # Somebody who left as a person is no user either.
    if using and seat is not None and (seat.listed or person is not None) and not has_left(workspace, seat.person):
        user = _on_list(workspace, seat)
    return Visitor(account=account, system=system, person=person, user=user)


def seen_by(account: Account) -> Iterator[Seen]:
    """The systems that the account may see now, with their verdicts. One whose file is broken is told as such."""
    found = Membership.objects.filter(account=account).values_list("system_id", "person", "listed")
    seats = {system: _Seat(person, listed) for system, person, listed in found}
    around, kept = surroundings(), kept_verdicts()
    systems = list(systems_of(account))
    is_long(len(systems))
    for system in systems:
        try:
            workspace = workspace_of(system, around=around)
            who = _seated(account, system, workspace, seats.get(system.pk))
        except SeatrialError as error:
            yield unseen(system, error)
            continue
        if allowed(who, SiteAction.SEE).allowed:
            yield see(system, workspace, kept.get(system.pk))


def has_left(workspace: Workspace, person: str) -> bool:
    """Whether they left, by the system file or by a record."""
    declared = workspace.system.people.get(person)
    today = workspace.clock.now().date()
    gone = declared is not None and declared.left_on is not None and declared.left_on <= today
    return gone or person in left_on_record(workspace)


def _on_list(workspace: Workspace, seat: _Seat) -> str | None:
    try:
        return seat.person if seat.person in listed_users(workspace) else None
    except SeatrialError:
        if seat.listed:
            raise
        # A list that cannot be read keeps a declared person from being a user, and from nothing else.
        return None


def _still_here(workspace: Workspace, person: str) -> bool:
    return person in workspace.system.people and not has_left(workspace, person)


def left_on_record(workspace: Workspace) -> frozenset[str]:
    """The people who left by a record, read again where the ledger moved. Raises LedgerError, NotReadYet."""
    head = head_of(workspace)
    known = _departures.get(workspace.file)
    if known is not None and known[0] == head:
        return known[1]
    departures = read_ledger(workspace, quick=True).bodies(RecordType.DEPARTURE, DepartureBody)
    found = frozenset(body.person for _, body in departures)
    _departures[workspace.file] = (head, found)
    return found
