"""Reports of outputs that somebody does not trust: what they must say, kept once, answered once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from django.db import transaction
from django.utils import timezone

from seatrial.app.folder.workspace import Workspace
from seatrial.domains.organization.escalation import within_s
from seatrial.web.language import _, later
from seatrial.web.models import AccessToken, Account, Doubt, Registered

_LONGEST = {"output": 200, "why": 2000, "condition": 300}
_MISSING = {
    "output": later("Say which output it is: its number, or whatever names it where you work."),
    "why": later("Say why you do not trust it; a few words are enough."),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Reaches:
    """Whom a report reaches, in words, and within how many seconds it is to be answered; None where nobody said."""

    name: str | None
    within_s: float | None


def reaches(workspace: Workspace) -> Reaches:
    """The escalation point as the system file names it."""
    system = workspace.system
    point = system.duties.escalation_point
    who = None if point is None or point.who is None else system.people.get(point.who)
    return Reaches(name=None if who is None else who.name, within_s=within_s(system))


def cleaned(given: Mapping[str, object]) -> tuple[dict[str, str], dict[str, str]]:
    """The report's texts, and by field what is wrong with them."""
    texts = {key: value.strip() if isinstance(value := given.get(key, ""), str) else "" for key in _LONGEST}
    errors = {key: _(problem) for key, problem in _MISSING.items() if not texts[key]}
    for key, longest in _LONGEST.items():
        value = given.get(key, "")
        if not isinstance(value, str) or "\x00" in value:
            errors[key] = _("This is no text.")
        elif len(texts[key]) > longest:
            errors[key] = _(
                "These are %(length)s characters; at most %(longest)s are kept.",
                length=len(texts[key]),
                longest=longest,
            )
    return texts, errors


def report(
    system: Registered, texts: Mapping[str, str], *, account: Account | None = None, token: AccessToken | None = None
) -> Doubt:
    """Keep the report. One that the same reporter made of the same output and that waits is given back instead."""
    with transaction.atomic():
        same = Doubt.objects.filter(
            system=system, account=account, token=token, output=texts["output"], why=texts["why"], answered_at=None
        ).first()
        return same or Doubt.objects.create(system=system, account=account, token=token, **texts)


def answer(doubt: Doubt, by: Account, *, stands: bool, text: str) -> bool:
    """Answer it; False when somebody else has answered meanwhile."""
    return bool(
        Doubt.objects.filter(pk=doubt.pk, answered_at=None).update(
            stands=stands, answer=text, answered_by=by, answered_at=timezone.now()
        )
    )
