"""Errors as problem details (RFC 9457): what is wrong, what to do, and every field that is wrong at once."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Final

from django.http import HttpResponse, JsonResponse

from seatrial.app.folder.keeping import AGAIN_S, NotReadYet
from seatrial.core.errors import Malformed, Refused, SeatrialError
from seatrial.core.observation import Json
from seatrial.web.api.shapes import TEXT, listing, record

MEDIA_TYPE: Final = "application/problem+json"
SCHEMA: Final = record(
    {
        "type": TEXT,
        "title": TEXT,
        "status": {"type": "integer"},
        "detail": TEXT,
        "remedy": TEXT,
        "errors": listing(record({"pointer": TEXT, "detail": TEXT})),
    },
    may_lack=("remedy", "errors"),
)


class Problem(Exception):
    """What is answered instead. `errors` maps JSON pointers to what is wrong there."""

    def __init__(
        self,
        status: int,
        detail: str,
        *,
        remedy: str = "",
        errors: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.remedy = remedy
        self.errors = errors or {}
        self.headers = headers or {}

    @staticmethod
    def of(error: SeatrialError) -> Problem:
        """An error of ours: 403 for what is refused, 422 for what is malformed, 503 for what is out of reach."""
        status = 403 if isinstance(error, Refused) else 422 if isinstance(error, Malformed) else 503
        again = {"Retry-After": str(AGAIN_S)} if isinstance(error, NotReadYet) else {}
        return Problem(status, error.what, remedy=error.remedy, headers=again)

    def response(self) -> HttpResponse:
        """As an answer."""
        told: dict[str, Json] = {
            "type": "about:blank",
            "title": HTTPStatus(self.status).phrase,
            "status": self.status,
            "detail": self.detail,
        }
        if self.remedy:
            told["remedy"] = self.remedy
        if self.errors:
            told["errors"] = [{"pointer": pointer, "detail": detail} for pointer, detail in self.errors.items()]
        response = JsonResponse(told, status=self.status, content_type=MEDIA_TYPE)
        for name, value in self.headers.items():
            response[name] = value
        response["Cache-Control"] = "no-store"
        return response
