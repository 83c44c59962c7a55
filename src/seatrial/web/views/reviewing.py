"""The review room: each role sees what it reviews and what has moved since it last signed; then signs or withholds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone

from seatrial.app.folder.ledgers import read_ledger
from seatrial.app.people.people import sign as state_signature
from seatrial.app.people.people import signing
from seatrial.app.people.people import withhold as state_withholding
from seatrial.core.bodies import SignOffBody
from seatrial.core.errors import Refused
from seatrial.core.observation import Json
from seatrial.core.record import Evidence
from seatrial.core.vocabulary import GateName, RecordType, Role
from seatrial.evidence.envelope import canonical
from seatrial.evidence.verification import Reading
from seatrial.gate.encoding import verdict_data
from seatrial.gate.grouping import By, grouped
from seatrial.gate.permissions import Action
from seatrial.gate.signing import NOT_SIGNED
from seatrial.gate.verdict import Assessment, Verdict
from seatrial.present.dossier import vocabulary
from seatrial.spec.canonical import digest
from seatrial.web.access import SiteAction, allowed, context_of, demand, put_down, refused
from seatrial.web.keys import key_of
from seatrial.web.language import _, moment, shortened
from seatrial.web.models import Meeting
from seatrial.web.pages import page
from seatrial.web.trusting import trusted
from seatrial.web.views.visiting import Visit, of_system


@of_system
def review(visit: Visit) -> HttpResponse:
    """What has moved since the last signatures, who has signed, the meeting, the agenda, and the decision."""
    return review_page(visit, visit.verdict())


def review_page(
    visit: Visit, verdict: Verdict, *, given: Mapping[str, str] | None = None, errors: Mapping[str, str] | None = None
) -> HttpResponse:
    """The room, with what was typed and is not right yet."""
    reviewers = {a.id: a.reviewer for a in verdict.requirements}
    record = read_ledger(visit.workspace, quick=True)
    agenda = [
        {
            "role": role,
            "signature": next(s for s in verdict.signatures if s.role is role),
            "moved": _moved(visit, role, verdict) if _last(record, visit.gate.name, role) is not None else None,
            "open": grouped([gap for gap in verdict.gaps if reviewers.get(gap.requirement) is role], By.CAUSE),
        }
        for role in Role
    ]
    meetings = Meeting.objects.filter(system=visit.system, gate=visit.gate.name.value).select_related("by")
    context = {
        **vocabulary(verdict),
        "visit": visit,
        "agenda": agenda,
        "NOT_SIGNED": NOT_SIGNED,
        "for_all": [gap for gap in verdict.gaps if gap.requirement not in reviewers],
        "meetings": meetings,
        "person_names": {name: person.name for name, person in visit.workspace.system.people.items()},
        "stage": next((s for s in verdict.way if s.gate is visit.gate.name), None),
        "may_call": allowed(visit.who, SiteAction.CALL_REVIEW).allowed,
        "now": timezone.now(),
        "moment_of": _moment_of,
        "given": given or {},
        "errors": errors or {},
        "shortened": shortened,
    }
    return page(visit.request, "review.html", context, status=422 if errors else 200)


def _moment_of(text: str) -> str:
    return moment(datetime.fromisoformat(text))


@of_system
def sign(visit: Visit, role: str) -> HttpResponse:
    """One role's own page: what it reviews as it is now, and the signature under exactly that."""
    try:
        wanted = Role(role)
    except ValueError:
        raise Http404(role) from None
    verdict = visit.verdict(anew=visit.request.method == "POST")
    seen = digest(_shown(verdict, wanted))
    person = visit.who.person
    context = context_of(visit.workspace) if person is None else signing(visit.workspace, person, wanted)
    problem = ""
    if visit.request.method == "POST":
        withholding = visit.request.POST.get("do") == "withhold"
        demand(visit.who, Action.WITHHOLD if withholding else Action.SIGN, context, about=role)
        problem = _state(visit, wanted, verdict, seen, withholding=withholding)
        if not problem:
            return redirect(visit.url("review"))
    own = [a for a in verdict.requirements if a.reviewer is wanted]
    permission = allowed(visit.who, Action.SIGN, context)
    may_withhold = allowed(visit.who, Action.WITHHOLD, context).allowed
    content = {
        **vocabulary(verdict),
        "visit": visit,
        "role": wanted,
        "own": own,
        "seen": seen,
        "permission": permission,
        "may_withhold": may_withhold,
        "problem": problem,
        "moved": _moved(visit, wanted, verdict),
        "reason": visit.request.POST.get("reason", ""),
    }
    return page(visit.request, "sign.html", content, status=422 if problem else 200)


def _state(visit: Visit, role: Role, verdict: Verdict, seen: str, *, withholding: bool) -> str:
    """Sign or withhold; what keeps it from being done, empty when it is on record."""
    form = visit.request.POST
    if not withholding and form.get("seen") != seen:
        return _("Something has moved while you were reading. Look at the page of now, then sign.")
    person = str(visit.who.person)
    try:
        # Stopping must not fail for a lost phone: to withhold, the password suffices.
        key = trusted(visit.workspace, key_of(visit.request, visit.who, second=not withholding))
        if withholding:
            evidence = state_withholding(visit.workspace, person, role, reason=form.get("reason", ""), signer=key)
        else:
            shown = canonical(_shown(verdict, role)).decode()
            evidence = state_signature(visit.workspace, person, role, verdict, shown=shown, signer=key)
    except Refused as error:
        return refused(visit.who, Action.WITHHOLD if withholding else Action.SIGN, error, about=role.value)
    put_down(visit.who, Action.WITHHOLD if withholding else Action.SIGN, about=role.value, record=evidence.digest)
    told_of = {"role": role.value, "gate": _(visit.gate.title), "sequence": evidence.sequence}
    told = (
        _("You withheld GO for %(role)s (%(gate)s). It is on record as entry %(sequence)s.", **told_of)
        if withholding
        else _("You signed for %(role)s (%(gate)s). It is on record as entry %(sequence)s.", **told_of)
    )
    messages.success(
        visit.request,
        told,
    )
    return ""


def _shown(verdict: Verdict, role: Role) -> dict[str, Json]:
    """What the page shows of the verdict to the role: what it is about, what it says, and the role's own evidence."""
    data = verdict_data(verdict)
    own = [_assessed(a) for a in verdict.requirements if a.reviewer is role]
    return {key: data[key] for key in ("system", "version", "subject", "gate", "policy", "verdict")} | {
        "requirements": own
    }


def _assessed(assessment: Assessment) -> Json:
    return {
        "id": assessment.id,
        "outcome": assessment.outcome.value,
        "reason": assessment.reason,
        "evidence": list(assessment.evidence),
    }


def _moved(visit: Visit, role: Role, verdict: Verdict) -> Sequence[str]:
    """The role's requirements with evidence that is newer than its last signature; all of them before the first."""
    signed = _last(read_ledger(visit.workspace, quick=True), visit.gate.name, role)
    own = [a for a in verdict.requirements if a.reviewer is role]
    if signed is None:
        return [a.id for a in own]
    return [a.id for a in own if a.observed_at is None or a.observed_at > signed.record.at]


def _last(record: Reading, gate: GateName, role: Role) -> Evidence | None:
    """The role's newest signature at this gate."""
    signed = reversed(record.bodies(RecordType.SIGN_OFF, SignOffBody))
    return next((evidence for evidence, body in signed if (body.gate, body.role) == (gate, role)), None)
