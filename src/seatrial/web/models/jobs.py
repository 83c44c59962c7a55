"""Runs and drills that were started from the site."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from seatrial.web.models.accounts import Account
from seatrial.web.models.systems import Registered


class Job(models.Model):
    """A run or a drill started from the site. A worker holds it by a lease that it renews while it is alive."""

    QUEUED, RUNNING, DONE, FAILED, CANCELLED = "queued", "running", "done", "failed", "cancelled"
    CANCELLING = "cancelling"
    OPEN = (QUEUED, RUNNING, CANCELLING)
    STATES = (*OPEN, DONE, FAILED, CANCELLED)

    system = models.ForeignKey(Registered, models.CASCADE, related_name="jobs")
    wanted = models.JSONField(default=list)
    state = models.CharField(max_length=10, default=QUEUED, db_index=True)
    by = models.ForeignKey(Account, models.SET_NULL, null=True)
    created_at = models.DateTimeField(auto_now_add=True)
    started_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    holder = models.CharField(max_length=100, blank=True)
    lease_until = models.DateTimeField(null=True)
    attempts = models.PositiveIntegerField(default=0)
    progress = models.JSONField(default=dict)
    problem = models.TextField(blank=True)

    class Meta:
        db_table = "site_job"
        ordering: ClassVar[list[str]] = ["-created_at", "-id"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(
                fields=["system"],
                condition=models.Q(state__in=("queued", "running", "cancelling")),
                name="one_open_job_for_a_system",
            )
        ]

    @property
    def open(self) -> bool:
        """Whether it waits or runs."""
        return self.state in self.OPEN
