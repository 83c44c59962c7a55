"""What somebody shows beside their password."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from seatrial.web.models.accounts import Account


class CodeDevice(models.Model):
    """A phone that makes codes: its secret, sealed under the site's own, and the last step of which a code was used."""

    account = models.ForeignKey(Account, models.CASCADE, related_name="+")
    sealed = models.BinaryField()
    last_step = models.BigIntegerField(default=0)
    confirmed_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "site_code_device"


class RecoveryCode(models.Model):
    """Gets somebody in once who has lost their second factor; kept as a digest."""

    account = models.ForeignKey(Account, models.CASCADE, related_name="+")
    digest = models.CharField(max_length=64)
    used_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "site_recovery_code"


class Passkey(models.Model):
    """The public half of a passkey, and how often it says that it was used."""

    account = models.ForeignKey(Account, models.CASCADE, related_name="+")
    credential = models.CharField(max_length=1400, unique=True)
    public = models.BinaryField()
    count = models.PositiveBigIntegerField(default=0)
    name = models.CharField(max_length=60)
    created_at = models.DateTimeField(auto_now_add=True)
    used_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "site_passkey"
        ordering: ClassVar[list[str]] = ["created_at", "id"]
