"""What all integrations over HTTP have in common: declared paths below a declared address, and answers that succeed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from seatrial.adapters.http import Answer, Http
from seatrial.adapters.integrations.place import Place
from seatrial.core.errors import SeatrialError, Unreachable
from seatrial.core.ports import Request

TIMEOUT_S: Final = 30.0


class HttpEnd:
    """One end that is spoken to over HTTP, always with its declared headers."""

    def __init__(self, place: Place, http: Http) -> None:
        self._place = place
        self._http = http

    def url(self, path: str) -> str:
        """The address of a declared path."""
        if path.startswith(("http://", "https://")):
            return path
        return f"{self._place.end.url.rstrip('/')}/{path.lstrip('/')}" if path else self._place.end.url

    def get(self, url: str, headers: Mapping[str, str] | None = None) -> Answer:
        """The answer to GET. Raises Unreachable unless it is a success."""
        answer = self.exchange(Request(method="GET", url=url, headers={**(headers or {}), **self._place.end.headers}))
        self.demand_success(answer, "read")
        return answer

    def send(self, request: Request, what: str) -> Answer:
        """The answer to a request that is sent once. Raises Unreachable unless it is a success."""
        answer = self.exchange(request)
        self.demand_success(answer, what)
        return answer

    def exchange(self, request: Request) -> Answer:
        """The answer, whatever its status. What `Http.send` raises, with the integration's name."""
        try:
            return self._http.send(request, timeout_s=TIMEOUT_S)
        except SeatrialError as error:
            what = f"integration {self._place.name!r}: {error.what}"
            raise type(error)(what, remedy=error.remedy, permanent=error.permanent) from None

    def demand_success(self, answer: Answer, what: str) -> None:
        """Raises Unreachable for a status that is none of success; `what` was asked of it."""
        if not 200 <= answer.status < 300:
            raise Unreachable(
                self._http.redact(
                    f"integration {self._place.name!r} answered a {what} with status {answer.status}: {answer.brief()}"
                ),
                remedy=f"See that server's own log, and integrations.{self._place.name}.{self._place.which}.",
                permanent=answer.status < 500,
            )
