"""One system: its board, its requirements, its gaps, its history, and the dossier."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from urllib.parse import urlsplit

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone

from seatrial.app.folder.ledgers import read_ledger
from seatrial.app.people.papers import slots
from seatrial.app.watched.place import watched
from seatrial.core.bodies import DecisionBody
from seatrial.core.vocabulary import RecordType
from seatrial.gate.catalogue import by_id
from seatrial.gate.verdict import Verdict
from seatrial.present.dossier import dossier, vocabulary
from seatrial.present.pdf import dossier_pdf
from seatrial.web.access import SiteAction, demand, put_down
from seatrial.web.language import _
from seatrial.web.models import Doubt, Job, Remark
from seatrial.web.pages import page
from seatrial.web.views.papers import paper
from seatrial.web.views.visiting import Visit, of_system

_HISTORY = 60


@of_system
def board(visit: Visit) -> HttpResponse:
    """The verdict as one sentence, six groups at a glance, and what runs now."""
    verdict = visit.verdict()
    running = Job.objects.filter(system=visit.system, state__in=Job.OPEN).first()
    past = _decisions(visit)
    context = {
        **vocabulary(verdict),
        "visit": visit,
        "running": running,
        "before": _before(verdict, past),
        "waiting": Doubt.objects.filter(system=visit.system, answered_at=None).count(),
        "watched": _watch_page(visit),
    }
    return page(visit.request, "board.html", context)


@of_system
def requirement(visit: Visit, requirement: str) -> HttpResponse:
    """The question in plain words, what was done, the evidence, the remedy, and the discussion."""
    verdict = visit.verdict()
    found = next((a for a in verdict.requirements if a.id == requirement), None)
    if found is None:
        raise Http404(requirement)
    if visit.request.method == "POST":
        demand(visit.who, SiteAction.DISCUSS, about=requirement)
        text = visit.request.POST.get("text", "").strip()
        if not text:
            messages.error(visit.request, _("Write something before you send it."))
        else:
            Remark.objects.create(
                system=visit.system, requirement=requirement, account=visit.who.account, text=text[:4000]
            )
            put_down(visit.who, SiteAction.DISCUSS, about=requirement)
        return redirect(visit.url("requirement", requirement))
    remarks = Remark.objects.filter(system=visit.system, requirement=requirement).select_related("account")
    context = {
        **vocabulary(verdict),
        "visit": visit,
        "found": found,
        "row": by_id(requirement),
        "remarks": remarks,
        "papers": [paper(visit, slot) for slot in slots(visit.workspace.system) if slot.requirement == requirement],
    }
    return page(visit.request, "requirement.html", context)


@of_system
def history(visit: Visit) -> HttpResponse:
    """Every verdict that was put on record, newest first, and what changed between them."""
    past = _decisions(visit)
    lines = []
    for place, (at, body) in enumerate(past[:_HISTORY]):
        earlier = past[place + 1][1] if place + 1 < len(past) else None
        lines.append({"at": at, "body": body, **_moved(earlier, body)})
    return page(visit.request, "history.html", {"visit": visit, "lines": lines, "verdict": visit.verdict()})


@of_system
def dossier_file(visit: Visit) -> HttpResponse:
    """The dossier of now, as one file."""
    return _download(visit, dossier(visit.verdict()).encode(), "html", "text/html; charset=utf-8")


@of_system
def dossier_print(visit: Visit) -> HttpResponse:
    """The dossier of now as a PDF, with its signatures."""
    return _download(visit, dossier_pdf(visit.verdict()), "pdf", "application/pdf")


def _download(visit: Visit, content: bytes, ending: str, kind: str) -> HttpResponse:
    response = HttpResponse(content, content_type=kind)
    stamp = timezone.now().strftime("%Y-%m-%d")
    name = f"{visit.system.slug}-{visit.gate.name.value}-{stamp}.{ending}"
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


def _watch_page(visit: Visit) -> str:
    """The address of the watch's own page; empty where the system file declares no watch."""
    if not watched(visit.workspace):
        return ""
    host, _, port = visit.workspace.system.watch.listen.rpartition(":")
    if host.strip("[]") in ("", "0.0.0.0", "::"):  # noqa: S104 - compared, not bound
        host = urlsplit(f"//{visit.request.get_host()}").hostname or ""
        host = f"[{host}]" if ":" in host else host
    return f"http://{host}:{port}/"


def _decisions(visit: Visit) -> list[tuple[datetime, DecisionBody]]:
    """What was decided at the visit's gate, newest first."""
    decided = read_ledger(visit.workspace, quick=True).bodies(RecordType.DECISION, DecisionBody)
    return [(evidence.record.at, body) for evidence, body in reversed(decided) if body.gate is visit.gate.name]


def _moved(earlier: DecisionBody | None, now: DecisionBody) -> Mapping[str, list[str]]:
    before = set() if earlier is None else set(earlier.gaps)
    return {"closed": sorted(before - set(now.gaps)), "opened": sorted(set(now.gaps) - before) if earlier else []}


def _before(verdict: Verdict, past: list[tuple[datetime, DecisionBody]]) -> Mapping[str, object] | None:
    """What has changed since the verdict that was put on record last."""
    if not past:
        return None
    at, body = past[0]
    now = {gap.requirement for gap in verdict.gaps}
    return {"at": at, "closed": sorted(set(body.gaps) - now), "opened": sorted(now - set(body.gaps))}
