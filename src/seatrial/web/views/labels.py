"""The labelling room: rows that the plan asks for, one at a time, by people who do not see what the model says."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.contrib import messages
from django.db import transaction
from django.http import Http404, HttpResponse
from django.shortcuts import redirect

from seatrial.app.labels.label_answers import (
    CANNOT_TELL,
    SCALE_FIELDS,
    Scale,
    numbers_of,
    options_of,
    options_problem,
    read_options,
    read_scale,
)
from seatrial.app.labels.label_round import (
    agreement,
    counted,
    hidden_columns,
    next_row,
    open_rows,
    read_sheet,
    settled,
    sheet,
)
from seatrial.core.errors import Refused, SeatrialError
from seatrial.web.access import SiteAction, allowed, demand, put_down
from seatrial.web.labelling import MOST_ROWS, Wish, draw_round, given_of, rows_of, say, unsay, write
from seatrial.web.language import _, later, sentences
from seatrial.web.models import LabelRound, RowLabel
from seatrial.web.pages import page
from seatrial.web.uploading import saved, uploaded
from seatrial.web.views.visiting import Visit, of_users

_SHARES = (
    ("0.1", later("every tenth row")),
    ("0.2", later("every fifth row")),
    ("0.5", later("every second row")),
    ("1", later("every row")),
)
_SHOWN = 100
_MOST_PROBLEMS = 50


@of_users
def labels(visit: Visit) -> HttpResponse:
    """The rounds, and a new one."""
    given: Mapping[str, str] = {"options": "\n".join(options_of(visit.workspace.system)), "share": "0.2"}
    if visit.request.method != "POST":
        return _rounds(visit, given, {})
    demand(visit.who, SiteAction.PREPARE_LABELS, about="a round of labelling")
    given = {key: visit.request.POST.get(key, "").strip() for key in ("rows", "options", "share", *SCALE_FIELDS)}
    options: list[tuple[str, str]] = []
    scale: Scale | None = None
    errors: dict[str, str] = {}
    if numbers_of(visit.workspace.system):
        scale, errors = read_scale(given)
    else:
        options = read_options(given["options"])
        if problem := options_problem([value for value, _ in options]):
            errors["options"] = problem
    if given["rows"] and (not given["rows"].isdecimal() or not 1 <= int(given["rows"]) <= MOST_ROWS):
        errors["rows"] = _(
            "Give a whole number from 1 to %(most_rows)s, or leave it empty for as many as it takes.",
            most_rows=MOST_ROWS,
        )
    if given["share"] not in dict(_SHARES):
        errors["share"] = _("Choose one of these.")
    if not errors:
        try:
            made = draw_round(
                visit.system,
                visit.workspace,
                by=visit.who.account,
                wish=Wish(
                    rows=int(given["rows"]) if given["rows"] else None,
                    share=float(given["share"]),
                    options=dict(options),
                    scale=scale,
                ),
            )
        except SeatrialError as error:
            errors["rows"] = sentences(error.what, error.remedy)
        else:
            put_down(visit.who, SiteAction.PREPARE_LABELS, about=f"round {made.pk}: {made.count} rows")
            return redirect(visit.url("label-round", made.pk))
    return _rounds(visit, given, errors)


@of_users
def one(visit: Visit, number: int) -> HttpResponse:
    """One round: how far it is, how far two people agree, what is to be decided, and the file that becomes of it."""
    found = _found(visit, number)
    if visit.request.method != "POST":
        return _round(visit, found)
    do = visit.request.POST.get("do", "")
    if do == "bring":
        return _brought(visit, found)
    demand(visit.who, SiteAction.PREPARE_LABELS, about=f"round {number}: {do}")
    if do == "decide":
        return _decided(visit, found)
    return _written(visit, found)


@of_users
def row(visit: Visit, number: int) -> HttpResponse:
    """The next row for this person, and what they say of it."""
    found = _found(visit, number)
    demand(visit.who, SiteAction.LABEL, about=f"round {number}")
    rater = _rater(visit)
    if visit.request.method == "POST":
        form = visit.request.POST
        place = form.get("row", "")
        if form.get("do") == "undo":
            if unsay(found, rater) is None:
                messages.error(visit.request, _("There is nothing of yours to take back."))
            return redirect(visit.url("label-row", number))
        value = form.get("value", "").strip()
        if not place.isdecimal() or int(place) >= found.count:
            messages.error(visit.request, _("Choose one of the answers."))
        elif form.get("do") == "cannot-tell":
            say(found, int(place), rater, CANNOT_TELL)
        elif problem := found.takes.problem(value):
            if found.scale is not None:
                return _row(visit, found, rater, value=value, problem=problem)
            messages.error(visit.request, _("Choose one of the answers."))
        else:
            say(found, int(place), rater, found.takes.plain(value))
        return redirect(visit.url("label-row", number))
    return _row(visit, found, rater)


def _row(visit: Visit, found: LabelRound, rater: str, *, value: str = "", problem: str = "") -> HttpResponse:
    given = given_of(found)
    place_now = next_row(found.count, found.second, given, rater)
    if place_now is None:
        messages.success(visit.request, _("There is no row left for you. Thank you."))
        return redirect(visit.url("label-round", found.pk))
    hidden = hidden_columns(visit.workspace.system, found.label)
    shown = {name: value for name, value in rows_of(visit.workspace, found)[place_now].items() if name not in hidden}
    mine = sum(each.rater == rater and not each.decides for each in given)
    context = {
        "visit": visit,
        "round": found,
        "place": place_now,
        "shown": shown,
        "mine": mine,
        "done": len({each.row for each in given}),
        "cannot_tell": CANNOT_TELL,
        "value": value,
        "problem": problem,
        "verdict": visit.verdict() if visit.inside else None,
    }
    return page(visit.request, "label-row.html", context, status=422 if problem else 200)


@of_users
def own_sheet(visit: Visit, number: int) -> HttpResponse:
    """The rows as CSV with this person's own labels, for those who label elsewhere."""
    found = _found(visit, number)
    demand(visit.who, SiteAction.LABEL, about=f"round {number}")
    rater = _rater(visit)
    mine = {each.row: each.value for each in given_of(found) if each.rater == rater and not each.decides}
    hidden = hidden_columns(visit.workspace.system, found.label)
    content = sheet(rows_of(visit.workspace, found), found.label, mine, hidden)
    return saved(content, f"{visit.system.slug}-round-{number}.csv")


def _found(visit: Visit, number: int) -> LabelRound:
    found = LabelRound.objects.filter(system=visit.system, pk=number).first()
    if found is None:
        raise Http404(number)
    return found


def _rater(visit: Visit) -> str:
    return str(visit.who.person or visit.who.user)


def _rounds(visit: Visit, given: Mapping[str, str], errors: Mapping[str, str]) -> HttpResponse:
    rounds = [
        {"round": each, "done": RowLabel.objects.filter(round=each, decides=False).values("row").distinct().count()}
        for each in LabelRound.objects.filter(system=visit.system)[:_SHOWN]
    ]
    context = {
        "visit": visit,
        "rounds": rounds,
        "shares": _SHARES,
        "numbers": numbers_of(visit.workspace.system),
        "may_prepare": allowed(visit.who, SiteAction.PREPARE_LABELS).allowed,
        "given": given,
        "errors": errors,
        "verdict": visit.verdict() if visit.inside else None,
    }
    return page(visit.request, "labels.html", context, status=422 if errors else 200)


def _round(visit: Visit, found: LabelRound, *, errors: Mapping[str, Any] | None = None) -> HttpResponse:
    given = given_of(found)
    standing = settled(given, found.takes)
    undecided = open_rows(found.second, given, found.takes)
    may_label = allowed(visit.who, SiteAction.LABEL).allowed
    left = may_label and next_row(found.count, found.second, given, _rater(visit)) is not None
    # Whoever still labels sees nothing of what others said.
    openly = visit.inside and not left
    hidden = hidden_columns(visit.workspace.system, found.label)
    rows = rows_of(visit.workspace, found) if openly and undecided else ()
    said = {n: [each for each in given if each.row == n] for n in undecided[:_SHOWN]}
    context = {
        "visit": visit,
        "round": found,
        "done": len({each.row for each in given}),
        "standing": len(standing),
        "counted": counted(found.count, standing),
        "agreed": agreement(found.second, given, found.takes),
        "undecided": undecided,
        "differing": [
            (n, said[n], {name: value for name, value in rows[n].items() if name not in hidden}) for n in said
        ]
        if openly
        else (),
        "openly": openly,
        "left": left,
        "may_label": may_label,
        "may_prepare": allowed(visit.who, SiteAction.PREPARE_LABELS).allowed,
        "raters": sorted({each.rater for each in given}),
        "errors": errors or {},
        "verdict": visit.verdict() if visit.inside else None,
    }
    return page(visit.request, "label-round.html", context, status=422 if errors else 200)


def _brought(visit: Visit, found: LabelRound) -> HttpResponse:
    """Labels that somebody gave elsewhere, as their own; all of them or none."""
    demand(visit.who, SiteAction.LABEL, about=f"round {found.pk}: labels from a file")
    try:
        upload = uploaded(visit.request, "file", only=(".csv",))
    except Refused as error:
        return _round(visit, found, errors={"file": sentences(error.what, error.remedy)})
    if upload is None:
        return _round(visit, found, errors={"file": _("Choose the file.")})
    read = read_sheet(upload.content, found.label, found.count, found.takes)
    if not read.problems and not read.labels:
        read.problems.append((1, _("no line has a value under %(label)s", label=found.label)))
    if read.problems:
        shown = [_("line %(line)s: %(what)s", line=line, what=what) for line, what in read.problems[:_MOST_PROBLEMS]]
        more = len(read.problems) - len(shown)
        told = {"file": _("Nothing was taken over: see the lines below."), "lines": shown, "more": more}
        return _round(visit, found, errors=told)
    with transaction.atomic():
        new = sum(say(found, place, _rater(visit), value) for place, value in read.labels.items())
    put_down(visit.who, SiteAction.LABEL, about=f"round {found.pk}: {new} labels from {upload.name}")
    messages.success(
        visit.request,
        _("%(new)s labels were taken over; %(new2)s you had given before.", new=new, new2=len(read.labels) - new),
    )
    return redirect(visit.url("label-round", found.pk))


def _decided(visit: Visit, found: LabelRound) -> HttpResponse:
    form = visit.request.POST
    place = form.get("row", "")
    value = form.get("value", "").strip()
    if not place.isdecimal() or int(place) not in open_rows(found.second, given_of(found), found.takes):
        messages.error(visit.request, _("There is nothing to decide about this row any more."))
    elif problem := found.takes.problem(value):
        messages.error(visit.request, _("Choose one of the answers.") if found.scale is None else problem)
    elif say(found, int(place), _rater(visit), found.takes.plain(value), decides=True):
        put_down(visit.who, SiteAction.PREPARE_LABELS, about=f"round {found.pk}: decided row {int(place) + 1}")
    return redirect(visit.url("label-round", found.pk))


def _written(visit: Visit, found: LabelRound) -> HttpResponse:
    try:
        evidence, named = write(visit.workspace, found, person=_rater(visit))
    except SeatrialError as error:
        messages.error(visit.request, sentences(error.what, error.remedy))
        return redirect(visit.url("label-round", found.pk))
    put_down(visit.who, SiteAction.PREPARE_LABELS, about=f"round {found.pk}: wrote the file", record=evidence.digest)
    told = (
        _("The system file names it: run the checks.")
        if named
        else _("Declare under data: %(declare)s", declare=found.declare)
    )
    messages.success(visit.request, sentences(_("%(file)s stands in the system's folder.", file=found.file), told))
    return redirect(visit.url("label-round", found.pk))
