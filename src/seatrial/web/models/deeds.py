"""The log of what was done and tried on the site."""

from __future__ import annotations

from typing import ClassVar, Final

from django.db import models

from seatrial.web.models.accounts import Account

LONGEST_WHO: Final = 254
LONGEST_ABOUT: Final = 300


class Deed(models.Model):
    """What somebody did or tried, allowed or refused, and the record in the ledger that came of it."""

    at = models.DateTimeField(auto_now_add=True, db_index=True)
    account = models.ForeignKey(Account, models.SET_NULL, null=True)
    who = models.CharField(max_length=LONGEST_WHO)
    system = models.CharField(max_length=63, blank=True, db_index=True)
    action = models.CharField(max_length=60)
    about = models.CharField(max_length=LONGEST_ABOUT, blank=True)
    allowed = models.BooleanField()
    reason = models.TextField(blank=True)
    record = models.CharField(max_length=64, blank=True)

    class Meta:
        db_table = "site_deed"
        ordering: ClassVar[list[str]] = ["-at", "-id"]
