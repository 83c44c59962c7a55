"""One request to the API, from the address to the answer: who asks, whether they may, whether it is well formed.

Whoever may not is told so before anything that they sent is looked at, and before a system file is opened. Every
refusal to somebody who is known is on record.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from typing import Any, Final

from django.core.exceptions import RequestDataTooBig
from django.http import Http404, HttpRequest, HttpResponse
from django.middleware.csrf import CsrfViewMiddleware
from django.urls import URLPattern, path
from django.utils.cache import get_conditional_response
from django.views.decorators.csrf import csrf_exempt

from seatrial.core.errors import Refused, SeatrialError
from seatrial.core.observation import Json
from seatrial.core.vocabulary import GateName
from seatrial.gate.permissions import Action, Context, Permission
from seatrial.web import tokens
from seatrial.web.access import Program, SiteAction, Visitor, allowed, context_of, put_down
from seatrial.web.api.problem import Problem
from seatrial.web.api.route import Call, Inside, Listed, Operation, Parameter, Reply, Route
from seatrial.web.api.shapes import problems
from seatrial.web.fleet import registered, workspace_of
from seatrial.web.models import Account
from seatrial.web.seats import seated, seated_unopened

MOST_A_PAGE: Final = 200
PAGES: Final = (
    Parameter(name="page", schema={"type": "integer", "minimum": 1}, says="Which page.", default=1),
    Parameter(
        name="per_page",
        schema={"type": "integer", "minimum": 1, "maximum": MOST_A_PAGE},
        says="How many on a page.",
        default=50,
    ),
)
GATE: Final = Parameter(
    name="gate",
    schema={"enum": [gate.value for gate in GateName]},
    says="At which of the three gates.",
    default=GateName.PRODUCTION_READINESS.value,
)
_SAFE: Final = ("GET", "HEAD")
_OF_USERS: Final = frozenset({SiteAction.USE, SiteAction.DOUBT, SiteAction.SAY_USE, SiteAction.LABEL})
_NO_JSON: Final = "send one JSON object, in UTF-8"


def patterns(routes: tuple[Route, ...]) -> list[URLPattern]:
    """The addresses at which these are served."""
    return [path(route.address, csrf_exempt(_view(route)), name=route.name) for route in routes]


def unknown(request: HttpRequest, rest: str) -> HttpResponse:
    """For an address at which nothing is served."""
    del request
    return Problem(404, f"there is no /api/{rest[:200]}", remedy="See /api/v1/openapi.json.").response()


def _view(route: Route) -> Callable[..., HttpResponse]:
    def answered(request: HttpRequest, slug: str = "", **variables: Any) -> HttpResponse:
        try:
            return _answer(route, request, slug, variables)
        except Problem as problem:
            return problem.response()
        except SeatrialError as error:
            return Problem.of(error).response()
        except Http404 as error:
            return Problem(404, f"not found: {error}").response()

    return answered


def _answer(route: Route, request: HttpRequest, slug: str, variables: Mapping[str, Any]) -> HttpResponse:
    method = "GET" if request.method == "HEAD" else str(request.method)
    operation = route.operations.get(method)
    if operation is None:
        allow = ", ".join(sorted(route.operations))
        raise Problem(405, f"{method} is nothing that is done here; {allow} is", headers={"Allow": allow})
    if route.public:
        call = Call(request=request, account=None, asked=_asked(request, operation))
        return _told(request, operation, operation.handle(call, **variables))
    who = _caller(request, slug)
    if route.inside:
        call = _entered(request, operation, who, slug)
    elif isinstance(who, Program):
        call = _entered(request, operation, who, who.system.slug)
    else:
        call = Call(request=request, account=who, asked=_asked(request, operation))
    return _told(request, operation, operation.handle(call, **variables))


def _caller(request: HttpRequest, slug: str) -> Account | Program:
    """Who asks: with a token of this system, or signed in and, where something changes, on the site's own page."""
    if "Authorization" in request.headers:
        scheme, _, secret = request.headers["Authorization"].partition(" ")
        token = tokens.of_secret(secret) if scheme.lower() == "bearer" else None
        if token is None or (slug and token.system.slug != slug):
            raise _unknown("this is no token of this system")
        program = Program(token=token, system=token.system)
        if not token.holds:
            permission = allowed(program, SiteAction.SEE)
            put_down(program, SiteAction.SEE, about="over the API", permission=permission)
            raise _unknown(permission.reason)
        return program
    if not isinstance(request.user, Account):
        raise _unknown("sign in, or send a token")
    if request.method not in _SAFE and (refused := _Careful(HttpResponse).refusal(request)):
        raise Problem(
            403,
            f"the site's own token is missing: {refused}",
            remedy="Send the value of the cookie csrftoken as X-CSRFToken, or use a token of the system.",
        )
    return request.user


def _unknown(why: str) -> Problem:
    remedy = "An administrator makes tokens, on the system's page of tokens; send one as Authorization: Bearer …"
    return Problem(401, why, remedy=remedy, headers={"WWW-Authenticate": 'Bearer realm="seatrial"'})


class _Careful(CsrfViewMiddleware):
    """Django's own check, with its reason instead of its page."""

    def refusal(self, request: HttpRequest) -> str:
        self.process_request(request)
        found: Any = self.process_view(request, None, (), {})  # type: ignore[arg-type]
        return str(found or "")

    def _reject(self, request: HttpRequest, reason: str) -> Any:
        del request
        return reason


def _entered(request: HttpRequest, operation: Operation, who: Account | Program, slug: str) -> Inside:
    action = operation.action or SiteAction.SEE
    system = who.system if isinstance(who, Program) else registered(slug)
    if isinstance(who, Program):
        _demand(who, action)
        asked = _asked(request, operation)
        workspace = workspace_of(system, GateName(asked.get("gate", GateName.PRODUCTION_READINESS)))
        caller: Visitor | Program = who
    else:
        using = action in _OF_USERS
        first = action if using else SiteAction.SEE
        _demand(seated_unopened(who, system), first, about=action)
        asked = _asked(request, operation)
        workspace = workspace_of(system, GateName(asked.get("gate", GateName.PRODUCTION_READINESS)))
        caller = seated(who, system, workspace, using=using)
        _demand(caller, first, about=action)
        _demand(caller, action, context_of(workspace))
    given = _given(request, operation)
    return Inside(
        request=request,
        account=who if isinstance(who, Account) else None,
        given=given,
        asked=asked,
        who=caller,
        system=system,
        workspace=workspace,
    )


def _demand(
    who: Visitor | Program, action: SiteAction | Action, context: Context | None = None, *, about: object = ""
) -> None:
    permission = allowed(who, action, context)
    if not permission.allowed:
        put_down(who, action, about=f"over the API {about}".strip(), permission=permission)
        raise Problem(403, permission.reason)


def _asked(request: HttpRequest, operation: Operation) -> dict[str, Any]:
    """The parameters of the address. One that is not known is refused: a filter that does nothing misleads."""
    known = {each.name: each for each in (*operation.asks, *(PAGES if operation.item is not None else ()))}
    found: dict[str, Any] = {name: each.default for name, each in known.items()}
    errors = {}
    for name in request.GET:
        each = known.get(name)
        text = request.GET[name]
        if each is None:
            errors[f"?{name[:60]}"] = f"There is no such parameter. There are: {', '.join(sorted(known)) or 'none'}."
            continue
        whole = each.schema.get("type") == "integer" and text.isascii() and text.isdigit() and len(text) < 10
        value: Json = int(text) if whole else text
        if wrong := problems(each.schema, value):
            errors[f"?{name}"] = next(iter(wrong.values()))
        found[name] = value
    if errors:
        raise Problem(422, "the address asks for what cannot be answered", errors=errors)
    return found


def _given(request: HttpRequest, operation: Operation) -> Mapping[str, Any]:
    if operation.raw:
        _fits(request, operation.raw, operation.most_bytes)
        return {}
    if operation.takes is None:
        return {}
    _fits(request, ("application/json",), operation.most_bytes)
    try:
        given = json.loads(request.body.decode(), parse_constant=_no_number)
        json.dumps(given, ensure_ascii=False).encode()
    except RequestDataTooBig:
        raise _too_large(operation.most_bytes) from None
    except (ValueError, RecursionError):
        raise Problem(400, _NO_JSON) from None
    if not isinstance(given, dict):
        raise Problem(400, _NO_JSON)
    if errors := problems(operation.takes, given):
        raise Problem(422, "what was sent cannot be taken", errors=errors)
    return given


def _fits(request: HttpRequest, types: tuple[str, ...], most: int) -> None:
    if request.content_type not in types:
        sent = (request.content_type or "nothing")[:80]
        raise Problem(415, f"{sent} is not taken here", remedy=f"Send {' or '.join(types)} and say so in Content-Type.")
    length = request.headers.get("Content-Length", "")
    if not length.isdigit():
        raise Problem(411, "how long the body is must be said first", remedy="Send Content-Length, not in chunks.")
    if int(length) > most:
        raise _too_large(most)


def _too_large(most: int) -> Problem:
    return Problem(413, f"at most {most:,} bytes are taken here")


def _no_number(name: str) -> None:
    raise ValueError(name)


def _told(request: HttpRequest, operation: Operation, reply: Reply | Listed) -> HttpResponse:
    headers: dict[str, str] = {}
    if isinstance(reply, Listed):
        reply, headers = _page(request, operation, reply)
    content = json.dumps(reply.content, ensure_ascii=False, separators=(",", ":")).encode()
    response = HttpResponse(content, status=reply.status, content_type="application/json")
    for name, value in headers.items():
        response[name] = value
    if reply.location:
        response["Location"] = reply.location
    response["Cache-Control"] = "private, no-cache"
    response["Vary"] = "Authorization, Cookie"
    if request.method not in _SAFE:
        return response
    stamped = content if reply.stamp is None else json.dumps(reply.stamp, sort_keys=True).encode()
    etag = f'W/"{hashlib.sha256(stamped).hexdigest()[:32]}"'
    response["ETag"] = etag
    return get_conditional_response(request, etag=etag, response=response) or response


def _page(request: HttpRequest, operation: Operation, found: Listed) -> tuple[Reply, dict[str, str]]:
    asked = _asked(request, operation)
    number, size = asked["page"], asked["per_page"]
    start = (number - 1) * size
    more = found.total > start + size
    following = ""
    if more:
        address = request.GET.copy()
        address["page"] = str(number + 1)
        following = f"{request.path}?{address.urlencode()}"
    items = found.some(start, start + size) if found.total > start else []
    content: Json = {"items": items, "total": found.total, "page": number, "next": following or None}
    return Reply(content=content), {"Link": f'<{following}>; rel="next"'} if more else {}


def listed(rows: list[Json]) -> Listed:
    """Rows that are all at hand."""
    return Listed(total=len(rows), some=lambda start, end: rows[start:end])


def refuse(call: Inside, action: SiteAction | Action, error: Refused, *, about: object, status: int = 403) -> Problem:
    """What is answered to whoever a rule refused, once the attempt is on record."""
    put_down(call.who, action, about=about, permission=Permission(allowed=False, reason=error.what))
    return Problem(status, error.what, remedy=error.remedy)
