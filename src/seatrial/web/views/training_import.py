"""The user list and course results from elsewhere: columns are mapped, all is shown, and then it is taken over."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect

from seatrial.app.folder.mapped_csv import MappedCsv, Wanted, guessed, mapping_problems, read_csv
from seatrial.app.folder.uploads import Upload
from seatrial.app.people.training_import import (
    DATES,
    OUTCOMES,
    USERS,
    NewList,
    Results,
    new_list,
    passing_score,
    results,
    take_list,
    take_results,
)
from seatrial.core.errors import Refused, SeatrialError
from seatrial.gate.permissions import Action
from seatrial.web.access import context_of, demand, put_down
from seatrial.web.language import _, sentences
from seatrial.web.pages import page
from seatrial.web.uploading import kept_for_now, name_kept, uploaded
from seatrial.web.views.visiting import Visit, of_system

_WHAT = {"users": USERS, "results": OUTCOMES}
_LONGEST = 100
_SHOWN = 100


@dataclass(slots=True)
class _Form:
    """One try: what was given, what is wrong with it, and what would be taken over."""

    what: str
    wanted: tuple[Wanted, ...]
    given: dict[str, str]
    errors: dict[str, str] = field(default_factory=dict)
    upload: Upload | None = None
    table: MappedCsv | None = None
    mapping: dict[str, str] = field(default_factory=dict)
    found: NewList | Results | None = None

    @property
    def seen(self) -> str:
        """Changes with everything that the preview shows."""
        parts = [self.what, self.upload.digest if self.upload else "", *sorted(self.mapping.items()), repr(self.found)]
        told = [self.given.get(key, "") for key in ("dates", "passes_from", "source", "about")]
        return hashlib.sha256(repr([*parts, *told]).encode()).hexdigest()


@of_system
def bring(visit: Visit, what: str) -> HttpResponse:
    """Choose the file and map its columns, look at what would come of it, and take it over."""
    if what not in _WHAT:
        raise Http404(what)
    form = _Form(what, _WHAT[what], {"dates": "%Y-%m-%d"})
    if visit.request.method != "POST":
        return _shown(visit, form)
    demand(visit.who, Action.RECORD_EVENT, context_of(visit.workspace), about=f"{what} from a file")
    _read(visit, form)
    if not form.errors and visit.request.POST.get("do") == "take":
        if visit.request.POST.get("seen") != form.seen:
            form.errors["file"] = _("This is not what you looked at. Look at it as it is now, then take it over.")
        else:
            try:
                _take(visit, form)
            except SeatrialError as error:
                form.errors["file"] = sentences(error.what, error.remedy)
            else:
                kept_for_now(visit.request, "file", None)
                return redirect(visit.url("training"))
    return _shown(visit, form)


def _read(visit: Visit, form: _Form) -> None:
    posted = visit.request.POST
    form.given |= {key: posted.get(key, "").strip() for key in ("source", "about", "passes_from")}
    form.given["dates"] = posted.get("dates", form.given["dates"])
    try:
        form.upload = uploaded(visit.request, "file", only=(".csv",))
        if form.upload is None:
            form.errors["file"] = _("Choose the file.")
            return
        kept_for_now(visit.request, "file", form.upload)
        form.table = read_csv(form.upload.content)
    except Refused as error:
        form.errors["file"] = sentences(error.what, error.remedy)
        return
    columns = form.table.columns
    asked = {each.key: posted.get(f"map-{each.key}") for each in form.wanted}
    fresh = all(value is None for value in asked.values())
    form.mapping = guessed(columns, form.wanted) if fresh else {key: value or "" for key, value in asked.items()}
    form.errors |= {f"map-{k}": v for k, v in mapping_problems(form.mapping, columns, form.wanted).items()}
    _looked_through(visit, form, form.table)


def _looked_through(visit: Visit, form: _Form, table: MappedCsv) -> None:
    passes_from = None
    if form.what == "results":
        if form.given["dates"] not in DATES:
            form.errors["dates"] = _("Choose how the dates are written.")
        try:
            passes_from = passing_score(form.given["passes_from"])
        except Refused as error:
            form.errors["passes_from"] = sentences(error.what, error.remedy)
        if not form.given["source"] or len(form.given["source"]) > _LONGEST:
            form.errors["source"] = _("Say in up to %(longest)s characters which tool they are from.", longest=_LONGEST)
        if form.given["about"] != visit.workspace.system.version:
            form.errors["about"] = _(
                "This is %(version)s: only results of a course on this version are taken over.",
                version=visit.workspace.system.version,
            )
    if any(key not in {"source", "about"} for key in form.errors):
        return
    try:
        if form.what == "users":
            form.found = new_list(visit.workspace, table, form.mapping)
        else:
            dates = form.given["dates"]
            form.found = results(visit.workspace, table, form.mapping, dates=dates, passes_from=passes_from)
    except SeatrialError as error:
        form.errors["file"] = sentences(error.what, error.remedy)


def _take(visit: Visit, form: _Form) -> None:
    person = str(visit.who.person)
    if isinstance(form.found, NewList):
        evidence = take_list(visit.workspace, person, form.found)
        told = _("The list of %(users)s users stands now.", users=len(form.found.users))
    elif isinstance(form.found, Results) and form.upload is not None:
        given = form.given
        evidence = take_results(
            visit.workspace, person, form.found, source=given["source"], about=given["about"], file=form.upload.digest
        )
        told = _(
            "%(passes)s passes from %(source)s are on record, as observed.",
            passes=len(form.found.passed),
            source=given["source"],
        )
    else:
        raise Refused(_("there is nothing to take over"), remedy=_("Look at the file first."))
    put_down(visit.who, Action.RECORD_EVENT, about=f"{form.what} from a file", record=evidence.digest)
    messages.success(visit.request, told)


def _shown(visit: Visit, form: _Form) -> HttpResponse:
    bad = form.found.bad if form.found else ()
    context: Mapping[str, Any] = {
        "visit": visit,
        "what": form.what,
        "wanted": form.wanted,
        "columns": form.table.columns if form.table else (),
        "mapping": form.mapping,
        "given": form.given,
        "errors": form.errors,
        "found": form.found,
        "bad": bad[:_SHOWN],
        "more": max(0, len(bad) - _SHOWN),
        "seen": form.seen,
        "ready": form.found is not None and not form.errors and not bad,
        "dates": tuple(DATES.items()),
        "kept": name_kept(visit.request, "file"),
        "lines": len(form.table.lines) if form.table else 0,
        "verdict": visit.verdict(),
    }
    return page(visit.request, "training-import.html", context, status=422 if form.errors or bad else 200)
