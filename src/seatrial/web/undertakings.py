"""What people said of gaps: who closes them, by when, how far they are. The dates that follow are the gate's to say."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Final

from django.utils import timezone

from seatrial.gate.timeline import Promise, replanned
from seatrial.gate.verdict import Verdict
from seatrial.spec.system import System
from seatrial.web.language import _
from seatrial.web.models import Account, Registered, Undertaking

LONGEST_NOTE: Final = 300


def undertaken(system: Registered) -> Mapping[str, Undertaking]:
    """Requirement to what was said of its gaps."""
    return {each.requirement: each for each in Undertaking.objects.filter(system=system).select_related("by")}


def as_planned(verdict: Verdict, declared: System, told: Mapping[str, Undertaking]) -> Verdict:
    """The verdict with the owners and days that people named."""
    promises = {name: Promise(owner=each.owner or None, due=each.due) for name, each in told.items()}
    return replanned(verdict, declared, promises) if promises else verdict


def problems(declared: System, given: Mapping[str, str]) -> dict[str, str]:
    """By field of `state`, `owner`, `due` and `note`, why that cannot be kept."""
    errors = {}
    if given["state"] not in Undertaking.STATES:
        errors["state"] = _("Choose how far it is.")
    person = declared.people.get(given["owner"])
    today = timezone.now().date()
    if given["owner"] and (person is None or (person.left_on is not None and person.left_on <= today)):
        errors["owner"] = _("Choose one of the declared people who is still here.")
    if len(given["note"]) > LONGEST_NOTE:
        errors["note"] = _(
            "Use at most %(longest_note)s characters; the discussion has room for more.", longest_note=LONGEST_NOTE
        )
    try:
        due = date.fromisoformat(given["due"]) if given["due"] else None
    except ValueError:
        errors["due"] = _("Give a day, such as 2027-01-11.")
    else:
        if due is not None and due < today:
            errors["due"] = _("This day has passed: give one that can still be kept.")
    return errors


def undertake(system: Registered, requirement: str, given: Mapping[str, str], *, by: Account) -> Undertaking:
    """Keep what somebody said, which has no problems, in place of what was said before."""
    kept = {**given, "due": date.fromisoformat(given["due"]) if given["due"] else None}
    made, _ = Undertaking.objects.update_or_create(system=system, requirement=requirement, defaults={**kept, "by": by})
    return made
