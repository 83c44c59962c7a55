"""What users did with outputs, and which of them they did not trust."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from seatrial.web.language import _
from seatrial.web.models.accounts import Account
from seatrial.web.models.places import AccessToken
from seatrial.web.models.systems import Registered


class OutputUse(models.Model):
    """What somebody did with one output, or with an empty `response` that it was shown to a team."""

    system = models.ForeignKey(Registered, models.CASCADE, related_name="uses")
    output = models.CharField(max_length=200)
    workflow = models.CharField(max_length=200)
    team = models.CharField(max_length=200)
    response = models.CharField(max_length=20, blank=True)
    workaround = models.CharField(max_length=200, blank=True)
    user = models.CharField(max_length=100, blank=True)
    at = models.DateTimeField()

    class Meta:
        db_table = "site_output_use"
        ordering: ClassVar[list[str]] = ["-at", "-id"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(
                fields=["system", "output", "workflow", "team", "user"], name="one_use_of_an_output_by_a_user"
            ),
        ]


class Doubt(models.Model):
    """An output that somebody did not trust, and what the escalation point said. A record of use, no evidence."""

    system = models.ForeignKey(Registered, models.CASCADE, related_name="doubts")
    output = models.CharField(max_length=200)
    why = models.TextField(max_length=2000)
    condition = models.CharField(max_length=300, blank=True)
    """When such outputs come up, as the reporter says it; reports that say the same are counted together."""
    account = models.ForeignKey(Account, models.SET_NULL, null=True, related_name="+")
    token = models.ForeignKey(AccessToken, models.SET_NULL, null=True)
    at = models.DateTimeField(auto_now_add=True, db_index=True)
    stands = models.BooleanField(null=True)
    """The answer: whether the output may be used after all."""
    answer = models.TextField(max_length=2000, blank=True)
    answered_by = models.ForeignKey(Account, models.SET_NULL, null=True, related_name="+")
    answered_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "site_doubt"
        ordering: ClassVar[list[str]] = ["-at", "-id"]

    @property
    def reporter(self) -> str:
        """Who reported it, in words."""
        if self.account is not None:
            return str(self.account.name)
        return _("somebody who left") if self.token is None else _("through %(program)s", program=self.token.label)

    @property
    def took_s(self) -> float | None:
        """Seconds from the report to its answer; None while there is none."""
        return None if self.answered_at is None else (self.answered_at - self.at).total_seconds()
