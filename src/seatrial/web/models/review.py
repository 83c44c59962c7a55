"""What people say to each other on the way to a decision. It decides nothing."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from seatrial.web.models.accounts import Account
from seatrial.web.models.systems import Registered


class Remark(models.Model):
    """A line in the discussion of a requirement."""

    system = models.ForeignKey(Registered, models.CASCADE)
    requirement = models.CharField(max_length=80)
    account = models.ForeignKey(Account, models.SET_NULL, null=True)
    text = models.TextField(max_length=4000)
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        db_table = "site_remark"
        ordering: ClassVar[list[str]] = ["at", "id"]


class Undertaking(models.Model):
    """What somebody said of a requirement's gaps: who closes them, by when, how far they are. It closes nothing."""

    OPEN, IN_WORK, WAITING, DONE = "open", "in-work", "waiting", "done"
    STATES: ClassVar[dict[str, str]] = {
        OPEN: "not begun",
        IN_WORK: "in work",
        WAITING: "waiting for somebody",
        DONE: "done, to be looked at again",
    }

    system = models.ForeignKey(Registered, models.CASCADE, related_name="undertakings")
    requirement = models.CharField(max_length=80)
    state = models.CharField(max_length=10, default=OPEN)
    owner = models.CharField(max_length=100, blank=True)
    """A declared person; empty where it is whoever the gate names."""
    due = models.DateField(null=True)
    note = models.CharField(max_length=300, blank=True)
    by = models.ForeignKey(Account, models.SET_NULL, null=True, related_name="+")
    at = models.DateTimeField(auto_now=True)

    class Meta:
        db_table = "site_undertaking"
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["system", "requirement"], name="one_undertaking_for_a_requirement")
        ]


class Reminder(models.Model):
    """A reminder that was sent, or is being sent: each once, whoever of several workers sends it."""

    system = models.ForeignKey(Registered, models.CASCADE, related_name="reminders")
    key = models.CharField(max_length=200)
    person = models.CharField(max_length=100)
    text = models.TextField()
    claimed_at = models.DateTimeField()
    sent_at = models.DateTimeField(null=True)
    problem = models.TextField(blank=True)
    attempts = models.PositiveIntegerField(default=0)

    class Meta:
        db_table = "site_reminder"
        ordering: ClassVar[list[str]] = ["-claimed_at", "-id"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["system", "key"], name="one_reminder_of_a_thing")
        ]


class Meeting(models.Model):
    """A review that was called: when and where, who was asked, and what was said. Signatures are in the ledger."""

    system = models.ForeignKey(Registered, models.CASCADE, related_name="meetings")
    gate = models.CharField(max_length=30)
    at = models.DateTimeField()
    place = models.CharField(max_length=300)
    invited = models.JSONField(default=list)
    minutes = models.JSONField(default=list)
    """What was written, in order: `text`, `by` and `at` of each."""
    by = models.ForeignKey(Account, models.SET_NULL, null=True, related_name="+")
    called_off = models.BooleanField(default=False)

    class Meta:
        db_table = "site_meeting"
        ordering: ClassVar[list[str]] = ["-at", "-id"]
