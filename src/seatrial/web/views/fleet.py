"""All systems that somebody may see."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from pathlib import Path

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import get_script_prefix
from django.utils import timezone
from django.views.decorators.http import require_POST
from markupsafe import Markup

from seatrial.app.folder.keeping import AGAIN_S
from seatrial.core.errors import SeatrialError
from seatrial.present import words
from seatrial.web.access import SiteAction, demand, put_down, visitor
from seatrial.web.fleet import register, used_by
from seatrial.web.glimpses import Glimpse, Seen
from seatrial.web.language import _, language, later, sentences
from seatrial.web.models import Account
from seatrial.web.pages import drawn, page
from seatrial.web.seats import seen_by
from seatrial.web.views.visiting import signed_in

SHOWN = 50
"""So many systems stand on a page; what is counted, and what stands in the way, is of all of them."""
_SOON_DAYS = 7
_LIVE_DAYS = 30


@signed_in
def fleet(request: HttpRequest) -> HttpResponse:
    """Verdict, days to go-live, the gap that matters most, and what ends soon: fifty systems on a page."""
    assert isinstance(request.user, Account)  # noqa: S101 - `signed_in` saw to it
    today = timezone.now().date()
    found = sorted(seen_by(request.user), key=lambda s: _soonest(s, today))
    wanted = request.GET.get("show", "")
    matching = [s for s in found if wanted not in _FILTERS or _FILTERS[wanted][1](s, today)]
    shown = Paginator(matching, SHOWN).get_page(request.GET.get("page"))
    told = {_(title): (key, sum(holds(s, today) for s in found)) for key, (title, holds) in _FILTERS.items()}
    context = {
        "shown": shown,
        "pages": list(shown.paginator.get_elided_page_range(shown.number)),
        "told": told,
        "total": len(found),
        "wanted": wanted,
        "wanted_title": _(_FILTERS[wanted][0]) if wanted in _FILTERS else "",
        "items": [_item(seen, today) for seen in shown],
        "used": list(used_by(request.user)),
        "blocked": _blocked(found),
    }
    response = page(request, "fleet.html", context)
    if any(s.again for s in found):
        response["Refresh"] = str(AGAIN_S)
    return response


def _item(seen: Seen, today: date) -> Markup:
    """A system as an item of the list: drawn once for a day, a language and an address of the site."""
    place = seen.system.slug, language()
    before = _drawn.get(place)
    if before is not None and before[0] == (seen.verdict, today, get_script_prefix()):
        return before[1]
    item = drawn("listed.html", "listed", seen, today, seen.ending(today, _SOON_DAYS))
    if seen.verdict is not None:
        _drawn[place] = (seen.verdict, today, get_script_prefix()), item
    return item


_drawn: dict[tuple[str, str], tuple[tuple[Glimpse, date, str], Markup]] = {}
"""Name and language to the item that was drawn last, and what it was drawn from."""


def _soonest(seen: Seen, today: date) -> tuple[bool, int, str]:
    """What goes live next first, then what was live before, then what has no day."""
    days = seen.days_to_go_live(today)
    return days is None or days < 0, abs(days or 0), seen.system.slug


def _live_soon(seen: Seen, today: date) -> bool:
    days = seen.days_to_go_live(today)
    return days is not None and 0 <= days <= _LIVE_DAYS


def _late(seen: Seen, _today: date) -> bool:
    """Whether the planned day does not hold."""
    dates = None if seen.verdict is None else seen.verdict.timeline
    return dates is not None and dates.planned_go_live is not None and not dates.planned_holds


def _blocked(found: Sequence[Seen]) -> list[tuple[str, list[str]]]:
    """Each of the six groups with the systems in which something of it is open; no score, the worst decides."""
    return [
        (title, [s.system.slug for s in found if s.verdict is not None and domain in s.verdict.open_in])
        for domain, title in words.DOMAIN_TITLES.items()
    ]


_FILTERS: Mapping[str, tuple[str, Callable[[Seen, date], bool]]] = {
    "go": ("GO", lambda seen, _: seen.go),
    "no-go": ("NO-GO", lambda seen, _: not seen.go),
    "soon": (later("live within 30 days"), _live_soon),
    "late": (later("planned go-live does not hold"), _late),
    "ending": (later("evidence ends within a week"), lambda seen, today: bool(seen.ending(today, _SOON_DAYS))),
}
"""Key of a filter to its title and what it lets through."""


@signed_in
@require_POST
def add(request: HttpRequest) -> HttpResponse:
    """An administrator adds the system that stands in a folder of this machine."""
    who = visitor(request.user, None)  # type: ignore[arg-type]
    path = request.POST.get("path", "").strip()
    demand(who, SiteAction.ADD_SYSTEM, about=path)
    try:
        system = register(Path(path).expanduser())
    except SeatrialError as error:
        messages.error(request, sentences(error.what, error.remedy))
        return redirect("fleet")
    put_down(who, SiteAction.ADD_SYSTEM, about=path)
    return redirect("board", system.slug)
