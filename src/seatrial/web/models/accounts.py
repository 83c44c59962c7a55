"""Who can sign in, with the key that they sign with and what is kept of how they came in."""

from __future__ import annotations

from typing import ClassVar

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.db import models
from django.utils import timezone


class Accounts(BaseUserManager["Account"]):
    """Makes and finds accounts."""

    def create(self, *, email: str, name: str, password: str, admin: bool = False) -> Account:  # type: ignore[override]
        """A new account."""
        account = self.model(email=self.normalize_email(email).lower(), name=name, admin=admin)
        account.set_password(password)
        account.save(using=self._db)
        return account

    def get_by_natural_key(self, username: str | None) -> Account:
        """By e-mail address, however it is spelled."""
        return self.get(email=(username or "").lower())


class Account(AbstractBaseUser):
    """Somebody who can sign in. An administrator invites people and adds systems, and can sign nothing by that."""

    email = models.EmailField(unique=True)
    name = models.CharField(max_length=200)
    admin = models.BooleanField(default=False)
    is_active = models.BooleanField(default=True)
    language = models.CharField(max_length=12, blank=True, default="")
    """The code of the language that they chose; empty for what the browser asks for."""

    objects: ClassVar[Accounts] = Accounts()
    USERNAME_FIELD = "email"

    class Meta:
        db_table = "site_account"


class SigningKey(models.Model):
    """A person's signing key, sealed with their password: without it nobody signs, the site included."""

    account = models.OneToOneField(Account, models.CASCADE, related_name="signing_key")
    public = models.BinaryField()
    sealed = models.BinaryField()
    salt = models.BinaryField()
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        db_table = "site_signing_key"


class Tries(models.Model):
    """Wrong secrets given lately under one key: a typed address, known or not, a network address, or a signer."""

    key = models.CharField(max_length=120, unique=True)
    wrong = models.PositiveIntegerField(default=0)
    since = models.DateTimeField()
    locked_until = models.DateTimeField(null=True)

    class Meta:
        db_table = "site_tries"


class Entry(models.Model):
    """A session somebody has or had: where it was begun, and when it was last seen. One that is ended opens nothing."""

    account = models.ForeignKey(Account, models.CASCADE, related_name="entries")
    device = models.CharField(max_length=80)
    address = models.CharField(max_length=45)
    began_at = models.DateTimeField(auto_now_add=True)
    seen_at = models.DateTimeField(db_index=True)
    ended_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "site_entry"
        ordering: ClassVar[list[str]] = ["-seen_at", "-id"]


class LinkedIdentity(models.Model):
    """Who an account is at the company's own provider: the issuer and its name for them, which never changes."""

    account = models.ForeignKey(Account, models.CASCADE, related_name="+")
    issuer = models.CharField(max_length=300)
    subject = models.CharField(max_length=255)

    class Meta:
        db_table = "site_linked_identity"
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["issuer", "subject"], name="one_account_for_an_identity"),
        ]


class OneTimeLink(models.Model):
    """What lets somebody in once: its secret is kept as a digest."""

    digest = models.CharField(max_length=64, unique=True)
    until = models.DateTimeField()
    used_at = models.DateTimeField(null=True)

    class Meta:
        abstract = True

    @property
    def valid(self) -> bool:
        """Whether it can still be used."""
        return self.used_at is None and self.until > timezone.now()


class ResetLink(OneTimeLink):
    """Lets somebody choose a new password once. Their key cannot be opened any more: they get a new one."""

    account = models.ForeignKey(Account, models.CASCADE)
    by = models.ForeignKey(Account, models.SET_NULL, null=True, related_name="+")

    class Meta:
        db_table = "site_reset_link"
