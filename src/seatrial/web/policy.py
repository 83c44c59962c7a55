"""What every answer carries: a strict content security policy, and errors that say what to do."""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

from seatrial.app.folder.keeping import AGAIN_S, NotReadYet
from seatrial.app.folder.ledgers import following
from seatrial.core.errors import Refused, SeatrialError

_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
Answer = Callable[[HttpRequest], HttpResponse]


def content_security_policy(get_response: Answer) -> Answer:
    """Nothing is loaded from elsewhere, and no page runs what is written into it."""

    def answered(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        response.headers.setdefault("Content-Security-Policy", _POLICY)
        response.headers.setdefault("Permissions-Policy", "camera=(), microphone=(), geolocation=()")
        return response

    return answered


def plain_errors(get_response: Answer) -> Answer:
    """An error of ours becomes a page with its sentence and its remedy: 403 for what is refused, 503 for the rest."""
    from seatrial.web.pages import page

    class Answering:
        def __call__(self, request: HttpRequest) -> HttpResponse:
            return get_response(request)

        def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
            if not isinstance(error, SeatrialError):
                return None
            status = 403 if isinstance(error, Refused) else 503
            response = page(request, "problem.html", {"what": error.what, "remedy": error.remedy}, status=status)
            if isinstance(error, NotReadYet):
                response["Retry-After"] = str(AGAIN_S)
                if request.method == "GET":
                    response["Refresh"] = str(AGAIN_S)
            return response

    return Answering()


def following_ledgers(get_response: Answer) -> Answer:
    """Chains are verified once and then kept up with; what may write has them compared with the database first."""

    def answered(request: HttpRequest) -> HttpResponse:
        with following(writes=request.method not in ("GET", "HEAD", "OPTIONS")):
            return get_response(request)

    return answered
