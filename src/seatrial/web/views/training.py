"""The training room: the material, the comprehension check of this version, coverage by team, and a certificate."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect

from seatrial.app.people.quiz import answer, attempts, facts_of, questions_of
from seatrial.app.people.training import coverage, elsewhere, listed_users, material_of, passes, users_of
from seatrial.core.errors import Refused, SeatrialError
from seatrial.domains.organization.questions import Question, digest, shown
from seatrial.gate.permissions import Action
from seatrial.web.access import SiteAction, context_of, demand, put_down, refused
from seatrial.web.invitations import user_problems
from seatrial.web.keys import confirm
from seatrial.web.language import _, sentences
from seatrial.web.markdown import SUFFIXES, rendered
from seatrial.web.pages import page
from seatrial.web.views.accounts import invited
from seatrial.web.views.visiting import Visit, of_users

_TOLD = "training-result"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Told:
    """How they did a moment ago."""

    asked: int
    right: int
    passed: bool
    wrong: tuple[Question, ...]


@of_users
def training(visit: Visit) -> HttpResponse:
    """What a user reads and answers; the people of the system see how far each team is."""
    asked = questions_of(visit.workspace)
    if visit.request.method != "POST":
        return _room(visit, asked, told=_just_told(visit, asked))
    listed = listed_users(visit.workspace)
    demand(visit.who, Action.ANSWER, context_of(visit.workspace, listed_users=listed), about="the questions")
    form = visit.request.POST
    given = {f"q{i}": form.get(f"q{i}", "") for i in range(len(asked))}
    if form.get("seen") != digest(asked):
        return _room(
            visit, asked, problem=_("The questions have changed while you were reading. These are those of now.")
        )
    errors = {
        f"q{i}": _("Choose one of the answers.")
        for i, question in enumerate(asked)
        if given[f"q{i}"] not in {str(place) for place in range(len(question.options))}
    }
    try:
        confirm(visit.who.account, form.get("password", ""))
    except Refused as error:
        errors["password"] = refused(visit.who, Action.ANSWER, error, about="the questions")
    if errors:
        return _room(visit, asked, given=given, errors=errors)
    try:
        marked = answer(
            visit.workspace, str(visit.who.user), [int(given[f"q{i}"]) for i in range(len(asked))], site=True
        )
    except Refused as error:
        problem = refused(visit.who, Action.ANSWER, error, about="the questions")
        return _room(visit, asked, given=given, problem=problem)
    put_down(visit.who, Action.ANSWER, about="the questions", record=marked.evidence.digest)
    # Told after a redirect, so that a page that is loaded again answers nothing again.
    visit.request.session[_TOLD] = {
        "system": visit.system.slug,
        "questions": digest(asked),
        "right": marked.right,
        "passed": marked.passed,
        "wrong": [question.id for question in marked.wrong],
    }
    return redirect("training", visit.system.slug)


@of_users
def certificate(visit: Visit) -> HttpResponse:
    """One's own certificate, to be printed; only while the pass counts."""
    mine = passes(visit.workspace).get(visit.who.user or "")
    if mine is None:
        messages.error(visit.request, _("There is a certificate once you have passed the questions of this version."))
        return redirect("training", visit.system.slug)
    context = {"visit": visit, "mine": mine, "verdict": visit.verdict() if visit.inside else None}
    return page(visit.request, "certificate.html", context)


@of_users
def invite_user(visit: Visit) -> HttpResponse:
    """An administrator invites somebody on the user list who is no declared person; the link is shown once."""
    demand(visit.who, SiteAction.INVITE, about="a user")
    form = visit.request.POST
    given = {"user": form.get("user", "").strip(), "email": form.get("email", "").strip().lower()}
    if visit.request.method != "POST":
        return redirect("training", visit.system.slug)
    errors = user_problems(visit.system, visit.workspace, given["user"], given["email"])
    if errors:
        return _room(visit, questions_of(visit.workspace), given=given, errors=errors)
    listed = {user.id: user for user in users_of(visit.workspace)}
    name = listed[given["user"]].name or given["user"]
    return invited(visit, given["user"], given["email"], name=name, listed=True)


def _just_told(visit: Visit, asked: Sequence[Question]) -> _Told | None:
    kept = visit.request.session.pop(_TOLD, None)
    if kept is None or (kept["system"], kept["questions"]) != (visit.system.slug, digest(asked)):
        return None
    wrong = tuple(question for question in asked if question.id in kept["wrong"])
    return _Told(asked=len(asked), right=kept["right"], passed=kept["passed"], wrong=wrong)


def _room(
    visit: Visit,
    asked: Sequence[Question],
    *,
    given: Mapping[str, str] | None = None,
    errors: Mapping[str, str] | None = None,
    problem: str = "",
    told: _Told | None = None,
) -> HttpResponse:
    material, unread = "", ""
    try:
        material = material_of(visit.workspace)
    except SeatrialError as error:
        unread = sentences(error.what, error.remedy)
    marked_up = (visit.workspace.system.training.material or "").lower().endswith(SUFFIXES)
    user = visit.who.user or ""
    tried = attempts(visit.workspace, user)
    waits = tried.again_at is not None and visit.workspace.clock.now() < tried.again_at
    context: dict[str, Any] = {
        "visit": visit,
        "asked": asked,
        "seen": digest(asked),
        "options": [_options(question, user, tried.made) for question in asked],
        "again_at": tried.again_at if waits else None,
        "given": given or {},
        "errors": errors or {},
        "problem": problem,
        "told": told,
        "facts": facts_of(visit.workspace) if told is not None and told.wrong else {},
        "material": rendered(material) if marked_up else material,
        "marked_up": marked_up,
        "unread": unread,
        "mine": passes(visit.workspace).get(visit.who.user or ""),
        "teams": coverage(visit.workspace) if visit.inside else (),
        "elsewhere": elsewhere(visit.workspace) if visit.inside else None,
        "verdict": visit.verdict() if visit.inside else None,
    }
    return page(visit.request, "training.html", context, status=422 if errors or problem else 200)


def _options(question: Question, user: str, tried: int) -> list[tuple[str, str]]:
    return [(str(place), question.options[place]) for place in shown(question, user, tried)]
