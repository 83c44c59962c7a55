"""Groups of accounts that hold places in many systems: the IT team is invited once, not once for each system.

A group gives nobody a right that the system's own file does not give: each member stands for one declared person, by
the same id in every system of the group, and is nobody where the file names no such person. It takes nobody's place.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from django.db import transaction

from seatrial.core.errors import SeatrialError
from seatrial.web.fleet import workspace_of
from seatrial.web.language import _
from seatrial.web.models import Group, GroupMember, Membership, Registered


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """One member in one system of the group: who they are there, or why they have no place."""

    member: GroupMember
    system: Registered
    name: str
    problem: str


def settle(group: Group) -> tuple[list[Membership], list[Membership]]:
    """Give the members their places, and take away those that the group gave and gives no longer; both, as changed."""
    members = list(GroupMember.objects.filter(group=group).select_related("account"))
    systems = list(group.systems.all())
    wanted = {(member.account.pk, system.pk): member.person for member in members for system in systems}
    given, taken = [], []
    with transaction.atomic():
        for seat in Membership.objects.select_for_update().filter(group=group).select_related("account", "system"):
            if wanted.get((seat.account.pk, seat.system.pk)) != seat.person:
                taken.append(seat)
        Membership.objects.filter(pk__in=[seat.pk for seat in taken]).delete()
        for member in members:
            for system in systems:
                if not _in_the_way(member, system):
                    made = Membership.objects.create(
                        account=member.account, system=system, person=member.person, group=group
                    )
                    given.append(made)
    return given, taken


def places(group: Group) -> Iterator[Place]:
    """Each member in each system, as it is now."""
    members = list(GroupMember.objects.filter(group=group).select_related("account").order_by("account__name"))
    for system in group.systems.order_by("slug"):
        try:
            people = {name: person.name for name, person in workspace_of(system).system.people.items()}
        except SeatrialError as error:
            people, broken = {}, error.what
        else:
            broken = ""
        for member in members:
            seat = Membership.objects.filter(system=system, account=member.account, person=member.person).exists()
            problem = "" if seat else _in_the_way(member, system)
            problem = problem or broken or ("" if member.person in people else _("its file names no such person"))
            yield Place(member=member, system=system, name=people.get(member.person, ""), problem=problem)


def _in_the_way(member: GroupMember, system: Registered) -> str:
    """What keeps the member from having the place; also that they have it already."""
    own = Membership.objects.filter(system=system, account=member.account).first()
    if own is not None:
        return (
            _("they have this place")
            if own.person == member.person
            else _("they are %(person)s there", person=own.person)
        )
    if Membership.objects.filter(system=system, person=member.person).exists():
        return _("somebody else has this place")
    return ""
