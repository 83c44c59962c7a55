"""The one place where the site decides who may do what, and puts on record that they did or tried.

Seeing follows from being a declared person of the system, or an administrator; whoever only uses it sees its training
and their own reports. Whatever counts for a verdict is decided by the gate's own rules for the declared person: an
administrator's rights are none there.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from seatrial.core.errors import Refused
from seatrial.core.vocabulary import Role
from seatrial.gate.permissions import Action, Actor, Context, Permission, may
from seatrial.web.language import _, english, later, sentences
from seatrial.web.models import AccessToken, Account, Deed, Membership, Registered
from seatrial.web.models.deeds import LONGEST_ABOUT, LONGEST_WHO

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser

    from seatrial.app.folder.workspace import Workspace


class SiteAction(StrEnum):
    """What the site itself allows or refuses, beside the gate's actions."""

    SEE = "see"
    DISCUSS = "discuss"
    UNDERTAKE = "undertake"
    CALL_REVIEW = "call-review"
    DECIDE = "record-decision"
    """Put on record what the gate says; the answer is computed, not chosen."""
    RUN = "run"
    DRILL = "begin-drill"
    """A drill takes the system off its usual way for a while: whoever may run checks may not rehearse by that alone."""
    CANCEL = "cancel"
    INVITE = "invite"
    ADD_SYSTEM = "add-system"
    SEE_DEEDS = "see-deeds"
    USE = "use"
    """See what users of the system see: the training, and what became of their own reports."""
    DOUBT = "report-doubt"
    ANSWER_DOUBT = "answer-doubt"
    ADMIT_PROGRAM = "admit-program"
    END_PROGRAM = "end-program"
    """Take a token away: any of the system's people, so that stopping one waits for nobody."""
    LABEL = "label"
    PREPARE_LABELS = "prepare-labels"
    SAY_USE = "say-what-became-of-an-output"
    DEMAND_FACTOR = "demand-second-factor"
    CONNECT = "complete-connections"
    """Say in the system file where the model, its data and its integrations are."""
    ADMINISTER = "administer"
    """Lift lock-outs, close accounts, end sessions, let somebody choose a new password; read the site's own log."""


class Door(StrEnum):
    """What everybody does with their own account, and strangers try: on record, decided by a secret."""

    FIRST_ACCOUNT = "first-account"
    NEW_ACCOUNT = "new-account"
    SIGN_IN = "sign-in"
    SIGN_OUT = "sign-out"
    CHANGE_PASSWORD = "change-password"  # noqa: S105 - the name of a deed
    RESET_PASSWORD = "reset-password"  # noqa: S105 - the name of a deed
    SINGLE_SIGN_ON = "single-sign-on"
    CHANGE_PASSPHRASE = "change-signing-phrase"  # noqa: S105 - the name of a deed
    SECOND_FACTOR = "second-factor"
    END_SESSION = "end-session"
    OPEN_INVITATION = "open-invitation"


class Scope(StrEnum):
    """What a token may be made for. None of them lets a program state anything for a person."""

    READ = "read"
    EVIDENCE = "evidence"
    RUNS = "runs"
    DRILLS = "drills"
    DOUBTS = "doubts"


SCOPE_OF: Final[Mapping[SiteAction | Action, Scope]] = {
    SiteAction.SEE: Scope.READ,
    SiteAction.USE: Scope.READ,
    Action.IMPORT: Scope.EVIDENCE,
    SiteAction.RUN: Scope.RUNS,
    SiteAction.CANCEL: Scope.RUNS,
    SiteAction.DRILL: Scope.DRILLS,
    SiteAction.DOUBT: Scope.DOUBTS,
}
"""Everything that a program can ever do, by the scope that it takes. What is not listed, only people do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """Whoever comes with a token of the system."""

    token: AccessToken
    system: Registered


@dataclass(frozen=True, slots=True, kw_only=True)
class Visitor:
    """An account at one system: `person` is who they are there, None where they are nobody.

    `user` is their id on the user list, where it was looked up and holds them.
    """

    account: Account
    system: Registered | None
    person: str | None
    user: str | None = None

    @property
    def admin(self) -> bool:
        """Whether they administer the site."""
        return bool(self.account.admin)


def visitor(account: Account | AnonymousUser, system: Registered | None) -> Visitor:
    """Who the account is at the system. Raises Refused for somebody who is not signed in."""
    if not isinstance(account, Account):
        raise Refused(_("you are not signed in"), remedy=_("Sign in."))
    person = None
    if system is not None:
        found = Membership.objects.filter(account=account, system=system, listed=False).first()
        person = None if found is None else found.person
    return Visitor(account=account, system=system, person=person)


def allowed(who: Visitor | Program, action: SiteAction | Action, context: Context | None = None) -> Permission:
    """Whether they may do this. `context` is what a gate's action is about."""
    if isinstance(who, Program):
        return _with_token(who.token, action)
    if not who.account.is_active:
        return Permission(allowed=False, reason=_("this account is closed"))
    if isinstance(action, SiteAction):
        return _on_site(who, action, context)
    if who.admin:
        return Permission(allowed=False, reason=_("an administrator signs, accepts, attests and answers nothing"))
    name = who.user if action is Action.ANSWER else who.person
    if name is None or context is None:
        missed = action is Action.ANSWER and who.person is not None
        nobody = _("you are nobody in this system")
        listed = _("you are nobody in this system and not on its user list")
        return Permission(allowed=False, reason=listed if missed else nobody)
    return may(Actor(kind="person", name=name), action, context)


def demand(
    who: Visitor | Program, action: SiteAction | Action, context: Context | None = None, *, about: object = ""
) -> None:
    """Raises Refused where it is not allowed, and puts the attempt on record."""
    permission = allowed(who, action, context)
    if not permission.allowed:
        put_down(who, action, about=about, permission=permission)
        raise Refused(
            _("you may not do this: %(reason)s", reason=permission.reason),
            remedy=_("Ask whoever administers this site."),
        )


def put_down(
    who: Visitor | Program,
    action: SiteAction | Action,
    *,
    about: object = "",
    permission: Permission | None = None,
    record: str = "",
) -> None:
    """Put on record what was done or refused; `record` is the digest of the ledger's record that came of it."""
    account = None if isinstance(who, Program) else who.account
    Deed.objects.create(
        account=account,
        who=str(who.token) if isinstance(who, Program) else _named(who.account),
        system=who.system.slug if who.system is not None else "",
        action=action.value,
        about=english(about)[:LONGEST_ABOUT],
        allowed=permission is None or permission.allowed,
        reason="" if permission is None else english(permission.reason),
        record=record,
    )


def at_the_door(account: Account | None, deed: Door, *, about: object = "", otherwise: str = "") -> None:
    """Put on record what somebody did with their account, or where `otherwise` says why: what was tried in vain."""
    Deed.objects.create(
        account=account,
        who="somebody" if account is None else _named(account),
        action=deed.value,
        about=english(about)[:LONGEST_ABOUT],
        allowed=not otherwise,
        reason=english(otherwise),
    )


def _named(account: Account) -> str:
    return f"{account.name} <{account.email}>"[:LONGEST_WHO]


def refused(who: Visitor, action: SiteAction | Action, error: Refused, *, about: object) -> str:
    """The sentence for whoever was refused, once the attempt is on record."""
    put_down(who, action, about=about, permission=Permission(allowed=False, reason=error.what))
    return sentences(error.what, error.remedy)


def context_of(workspace: Workspace, **about: object) -> Context:
    """What a gate's action is about."""
    return Context(system=workspace.system, policy=workspace.system.policy, **about)  # type: ignore[arg-type]


def _with_token(token: AccessToken, action: SiteAction | Action) -> Permission:
    if not token.holds:
        return Permission(allowed=False, reason=_("this token has ended"))
    scope = SCOPE_OF.get(action)
    if scope is None:
        return Permission(
            allowed=False,
            reason=_("no token may %(action)s, whatever its scopes: only a person does", action=action.value),
        )
    if scope.value not in token.scopes:
        return Permission(
            allowed=False,
            reason=_(
                "this takes the scope %(scope)s; the token has %(scopes)s",
                scope=scope.value,
                scopes=", ".join(token.scopes),
            ),
        )
    return Permission(allowed=True, reason="allowed")


def _on_site(who: Visitor, action: SiteAction, context: Context | None) -> Permission:
    match action:
        case SiteAction.SEE | SiteAction.SEE_DEEDS | SiteAction.END_PROGRAM:
            fine = who.admin or who.person is not None or who.system is None
            return _answer(fine, later("you are not one of this system's people"))
        case (
            SiteAction.DISCUSS
            | SiteAction.UNDERTAKE
            | SiteAction.CALL_REVIEW
            | SiteAction.DECIDE
            | SiteAction.RUN
            | SiteAction.DRILL
            | SiteAction.CANCEL
            | SiteAction.PREPARE_LABELS
        ):
            return _answer(who.person is not None, later("only this system's people do this"))
        case SiteAction.USE | SiteAction.SAY_USE:
            inside = action is SiteAction.USE and (who.admin or who.person is not None)
            neither = later("you are neither one of this system's people nor on its user list")
            unlisted = later("you are not on its user list")
            return _answer(inside or who.user is not None, neither if action is SiteAction.USE else unlisted)
        case SiteAction.DOUBT | SiteAction.LABEL:
            fine = who.person is not None or who.user is not None
            return _answer(fine, later("only this system's people and users do this"))
        case SiteAction.ANSWER_DOUBT | SiteAction.CONNECT:
            return _by_part(who, action, context)
        case (
            SiteAction.DEMAND_FACTOR
            | SiteAction.INVITE
            | SiteAction.ADD_SYSTEM
            | SiteAction.ADMIT_PROGRAM
            | SiteAction.ADMINISTER
        ):
            return _answer(who.admin, later("only an administrator of the site does this"))


def _by_part(who: Visitor, action: SiteAction, context: Context | None) -> Permission:
    """What goes by the part that the system file gives somebody."""
    if action is SiteAction.CONNECT:
        signs = None if context is None else context.system.signers.get(Role.IT)
        fine = who.admin or (who.person is not None and who.person == signs)
        return _answer(fine, later("only whoever signs for IT and an administrator of the site do this"))
    point = None if context is None else context.system.duties.escalation_point
    named = () if point is None else (point.who, point.deputy)
    return _answer(who.person is not None and who.person in named, later("only the escalation point does this"))


def _answer(fine: bool, otherwise: str) -> Permission:
    return Permission(allowed=True, reason="allowed") if fine else Permission(allowed=False, reason=_(otherwise))
