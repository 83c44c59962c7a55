"""The site's own tables: accounts, who they are in which system, and drafts. What counts is in the ledger, not here."""

from __future__ import annotations

from typing import Any, ClassVar

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

    objects: ClassVar[Accounts] = Accounts()
    USERNAME_FIELD = "email"

    class Meta:
        db_table = "site_account"


class Registered(models.Model):
    """A system that the site shows: where its system file is."""

    slug = models.SlugField(max_length=63, unique=True)
    path = models.TextField(unique=True)
    second_factor = models.BooleanField(default=False)
    """Whether whoever puts a statement on record here shows a second factor."""
    added_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        db_table = "site_system"


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


class Invitation(models.Model):
    """An invitation to be a declared person of a system, or with `listed` one of its users.

    Its secret is kept as a digest, and it can be used once.
    """

    digest = models.CharField(max_length=64, unique=True)
    email = models.EmailField()
    system = models.ForeignKey(Registered, models.CASCADE)
    person = models.CharField(max_length=100)
    listed = models.BooleanField(default=False)
    by = models.ForeignKey(Account, models.CASCADE, null=True)
    until = models.DateTimeField()
    used_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "site_invitation"

    @property
    def valid(self) -> bool:
        """Whether it can still be used."""
        return self.used_at is None and self.until > timezone.now()


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


class ResetLink(models.Model):
    """Lets somebody choose a new password once. Their key cannot be opened any more: they get a new one."""

    digest = models.CharField(max_length=64, unique=True)
    account = models.ForeignKey(Account, models.CASCADE)
    by = models.ForeignKey(Account, models.SET_NULL, null=True, related_name="+")
    until = models.DateTimeField()
    used_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "site_reset_link"

    @property
    def valid(self) -> bool:
        """Whether it can still be used."""
        return self.used_at is None and self.until > timezone.now()


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


class Deed(models.Model):
    """What somebody did or tried, allowed or refused, and the record in the ledger that came of it."""

    at = models.DateTimeField(auto_now_add=True, db_index=True)
    account = models.ForeignKey(Account, models.SET_NULL, null=True)
    who = models.CharField(max_length=254)
    system = models.CharField(max_length=63, blank=True, db_index=True)
    action = models.CharField(max_length=60)
    about = models.CharField(max_length=300, blank=True)
    allowed = models.BooleanField()
    reason = models.TextField(blank=True)
    record = models.CharField(max_length=64, blank=True)

    class Meta:
        db_table = "site_deed"
        ordering: ClassVar[list[str]] = ["-at", "-id"]


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
        return "somebody who left" if self.token is None else f"through {self.token.label}"

    @property
    def took_s(self) -> float | None:
        """Seconds from the report to its answer; None while there is none."""
        return None if self.answered_at is None else (self.answered_at - self.at).total_seconds()


class Job(models.Model):
    """A run or a drill started from the site. A worker holds it by a lease that it renews while it is alive."""

    QUEUED, RUNNING, DONE, FAILED, CANCELLED = "queued", "running", "done", "failed", "cancelled"
    CANCELLING = "cancelling"
    OPEN = (QUEUED, RUNNING, CANCELLING)

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


class Glance(models.Model):
    """A verdict as it was computed last, so that a page need not read a long ledger; made anew when anything moved."""

    system = models.OneToOneField(Registered, models.CASCADE, related_name="glance")
    key = models.CharField(max_length=64)
    verdict = models.BinaryField()
    made_at = models.DateTimeField()

    class Meta:
        db_table = "site_glance"


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


def plain(value: Any) -> str:
    """A short text for the log of deeds."""
    return str(value)[:300]


class LabelRound(models.Model):
    """Rows that are labelled by people. The rows themselves are an erasable artifact of the system.

    `options` are the answers as they stand in the data, `titles` what they are called where that says more.
    """

    system = models.ForeignKey(Registered, models.CASCADE, related_name="label_rounds")
    rows = models.CharField(max_length=64)
    count = models.PositiveIntegerField()
    label = models.CharField(max_length=200)
    options = models.JSONField()
    titles = models.JSONField(default=dict)
    second = models.JSONField()
    declare = models.TextField()
    by = models.ForeignKey(Account, models.SET_NULL, null=True)
    made_at = models.DateTimeField(auto_now_add=True)
    written_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "site_label_round"
        ordering: ClassVar[list[str]] = ["-made_at", "-id"]

    @property
    def answers(self) -> list[tuple[str, str, str]]:
        """Each answer to choose from: value, what it is called, and its key, the value itself where all are digits."""
        digits = all(len(value) == 1 and value.isdecimal() for value in self.options)
        return [
            (value, self.titles.get(value, value), value if digits else str(place))
            for place, value in enumerate(self.options, start=1)
        ]

    @property
    def file(self) -> str:
        """The label file that becomes of it, in the system's folder."""
        return f"labels-{self.pk}.csv"


class RowLabel(models.Model):
    """What one person said of one row, or with `decides` what settles a row on which two differ; empty: cannot tell."""

    round = models.ForeignKey(LabelRound, models.CASCADE, related_name="labels")
    row = models.PositiveIntegerField()
    rater = models.CharField(max_length=100)
    value = models.CharField(max_length=100, blank=True)
    decides = models.BooleanField(default=False)
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        db_table = "site_row_label"
        ordering: ClassVar[list[str]] = ["at", "id"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["round", "row", "rater", "decides"], name="one_label_for_a_rater"),
        ]
