"""Who has a place in which system: people, groups of them, whoever is invited, and programs."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.utils import timezone

from seatrial.web.models.accounts import Account, OneTimeLink
from seatrial.web.models.systems import Registered


class Group(models.Model):
    """Accounts that hold places together in many systems, such as the IT team."""

    name = models.CharField(max_length=80, unique=True)
    systems = models.ManyToManyField(Registered, db_table="site_group_system", related_name="+")

    class Meta:
        db_table = "site_group"


class GroupMember(models.Model):
    """An account in a group, and which declared person it is: the same id in the file of every system of the group."""

    group = models.ForeignKey(Group, models.CASCADE)
    account = models.ForeignKey(Account, models.CASCADE, related_name="+")
    person = models.CharField(max_length=100)

    class Meta:
        db_table = "site_group_member"
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["group", "account"], name="once_in_a_group"),
            models.UniqueConstraint(fields=["group", "person"], name="one_member_for_a_person"),
        ]


class Membership(models.Model):
    """Which declared person of a system an account is; what they may do there follows from the system file.

    With `listed` they are nobody but a user: `person` is then their id on the user list.
    """

    account = models.ForeignKey(Account, models.CASCADE, related_name="memberships")
    system = models.ForeignKey(Registered, models.CASCADE, related_name="memberships")
    person = models.CharField(max_length=100)
    listed = models.BooleanField(default=False)
    group = models.ForeignKey(Group, models.CASCADE, null=True, related_name="+")
    """The group that gave the place, and takes it away; None for one that was given by invitation."""

    class Meta:
        db_table = "site_membership"
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["system", "person"], name="one_account_for_a_person"),
            models.UniqueConstraint(fields=["system", "account"], name="one_person_for_an_account"),
        ]


class Invitation(OneTimeLink):
    """An invitation to be a declared person of a system, or with `listed` one of its users."""

    email = models.EmailField()
    system = models.ForeignKey(Registered, models.CASCADE)
    person = models.CharField(max_length=100)
    listed = models.BooleanField(default=False)
    by = models.ForeignKey(Account, models.CASCADE, null=True)

    class Meta:
        db_table = "site_invitation"


class AccessToken(models.Model):
    """Lets a program at one system do what its scopes name, and never what only a person does; kept as a digest.

    `expires_at` is empty only for one that reports doubted outputs and does nothing else.
    """

    system = models.ForeignKey(Registered, models.CASCADE, related_name="tokens")
    digest = models.CharField(max_length=64, unique=True)
    label = models.CharField(max_length=80)
    scopes = models.JSONField()
    by = models.ForeignKey(Account, models.SET_NULL, null=True)
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField(null=True)
    used_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "site_access_token"
        ordering: ClassVar[list[str]] = ["created_at", "id"]

    def __str__(self) -> str:
        return f"{self.label} (token {self.pk})"

    @property
    def holds(self) -> bool:
        """Whether anything is taken with it."""
        return self.ended_at is None and (self.expires_at is None or self.expires_at > timezone.now())
