"""What every page of a system begins with: who asks, about which system, and whether they may see it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import wraps
from typing import Any

from django.contrib.auth.views import redirect_to_login
from django.http import Http404, HttpRequest, HttpResponse

from seatrial.app.folder.workspace import Workspace
from seatrial.core.vocabulary import GateName
from seatrial.gate.gates import Gate
from seatrial.gate.verdict import Verdict
from seatrial.web.access import SiteAction, Visitor, allowed, demand
from seatrial.web.fleet import registered, verdict_of, workspace_of
from seatrial.web.models import Registered
from seatrial.web.pages import url_of
from seatrial.web.seats import seated, seated_unopened


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """One request about one system, by somebody who may see it."""

    request: HttpRequest
    who: Visitor
    system: Registered
    workspace: Workspace

    def verdict(self, *, anew: bool = False) -> Verdict:
        """The verdict of now; `anew` decides whatever was shown before."""
        return verdict_of(self.system, self.workspace, anew=anew)

    def anew(self) -> Visit:
        """The same visit over the system file as it is by now. Raises SeatrialError."""
        return replace(self, workspace=workspace_of(self.system, self.gate.name))

    @property
    def gate(self) -> Gate:
        """The gate that the page is about."""
        return self.workspace.gate

    def url(self, name: str, *arguments: object, gate: GateName | None = None) -> str:
        """The address of a page of this system at the same gate, or at another."""
        address = url_of(name, self.system.slug, *arguments)
        wanted = gate or self.gate.name
        return address if wanted is GateName.PRODUCTION_READINESS else f"{address}?gate={wanted.value}"

    @property
    def inside(self) -> bool:
        """Whether they may see more than users do."""
        return allowed(self.who, SiteAction.SEE).allowed


def signed_in(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """Leads whoever is not signed in to the sign-in, and back."""

    @wraps(view)
    def seen(request: HttpRequest, *arguments: Any, **more: Any) -> HttpResponse:
        if not request.user.is_authenticated:
            return redirect_to_login(request.get_full_path(), "/sign-in/")
        return view(request, *arguments, **more)

    return seen


def of_system(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """Hands the view a `Visit` instead of the request and the system's name."""
    return _visiting(view, SiteAction.SEE)


def of_users(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """The same for what users of the system see too; the visit tells who they are on the user list."""
    return _visiting(view, SiteAction.USE)


def _visiting(view: Callable[..., HttpResponse], action: SiteAction) -> Callable[..., HttpResponse]:
    @wraps(view)
    @signed_in
    def seen(request: HttpRequest, slug: str, *arguments: Any, **more: Any) -> HttpResponse:
        system = registered(slug)
        # Who has no seat at all is refused before the file is opened: a broken file tells strangers nothing.
        demand(seated_unopened(request.user, system), action, about=slug)  # type: ignore[arg-type]
        workspace = workspace_of(system, _gate(request))
        who = seated(request.user, system, workspace, using=action is SiteAction.USE)  # type: ignore[arg-type]
        demand(who, action, about=slug)
        visit = Visit(request=request, who=who, system=system, workspace=workspace)
        return view(visit, *arguments, **more)

    return seen


def _gate(request: HttpRequest) -> GateName:
    """The gate that the address names. Raises Http404 for one that there is not."""
    named = request.GET.get("gate", GateName.PRODUCTION_READINESS.value)
    try:
        return GateName(named)
    except ValueError:
        raise Http404(named) from None
