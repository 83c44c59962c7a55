"""A new system from an interview, for those who begin without a terminal; it ends with who does what by when."""

from __future__ import annotations

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from seatrial.app.proposing.interview import FIELDS, HARMS, PARTS, TASKS, heard, take_back, write
from seatrial.core.errors import SeatrialError
from seatrial.web.access import SiteAction, demand, put_down, visitor
from seatrial.web.fleet import register
from seatrial.web.jobs import start
from seatrial.web.language import _, later, sentences
from seatrial.web.models import Registered
from seatrial.web.pages import page
from seatrial.web.views.visiting import signed_in

_DONE = later(
    "This is how it stands today, and who does what by when. The first checks run "
    "now: look again in a minute, and each line says exactly what is missing. Then "
    "invite the others under people and duties."
)


@signed_in
@require_http_methods(["GET", "POST"])
def interview(request: HttpRequest) -> HttpResponse:
    """An administrator answers what they know; a new folder gets the system file, and the first checks begin."""
    who = visitor(request.user, None)  # type: ignore[arg-type]
    demand(who, SiteAction.ADD_SYSTEM, about="an interview")
    given = {key: request.POST.get(key, "") for key in FIELDS}
    errors: dict[str, str] = {}
    problem = ""
    if request.method == "POST":
        said, errors = heard(given, timezone.now().date())
        if said is not None and Registered.objects.filter(slug=said.name).exists():
            errors["name"] = _("There is a system called %(name)s already: give this one another name.", name=said.name)
        elif said is not None:
            try:
                file = write(said, settings.SITE_SYSTEMS)
                try:
                    system = register(file)
                except SeatrialError:
                    take_back(file)
                    raise
            except SeatrialError as error:
                problem = sentences(error.what, error.remedy)
            else:
                put_down(who, SiteAction.ADD_SYSTEM, about=file)
                start(system, who.account, [])
                messages.success(request, _(_DONE))
                return redirect("gaps", system.slug)
    context = {
        "given": given,
        "errors": errors,
        "problem": problem,
        "tasks": list(TASKS.items()),
        "harms": [(key.value, words) for key, words in HARMS.items()],
        "parts": PARTS,
    }
    return page(request, "interview.html", context, status=422 if errors or problem else 200)
