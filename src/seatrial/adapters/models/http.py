"""A model over HTTP: asks in the form of its protocol, and reports whatever comes back."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any, Final
from urllib.parse import urljoin

from seatrial.adapters.http import Answer, Cut, Http, TimedOut
from seatrial.adapters.identity import probe_identity
from seatrial.adapters.models.answers import Told, predictions_of
from seatrial.adapters.models.forms import Form
from seatrial.core.errors import Malformed, Refused, SeatrialError, Unreachable
from seatrial.core.ports import Answers, Reply, ReplyKind, Request, Row
from seatrial.spec.model import ModelSection

_OF_THE_ENDPOINT: Final = frozenset({401, 403, 404, 405, 407, 408, 410, 429})
"""Statuses that say nothing about a row: a missing endpoint must not look like a guard that holds."""
_KINDS: Final[tuple[tuple[type[SeatrialError], ReplyKind], ...]] = (
    (TimedOut, ReplyKind.TIMED_OUT),
    (Cut, ReplyKind.CRASHED),
    (Malformed, ReplyKind.MALFORMED),
)


class HttpModel:
    """POST to one address. `form` makes the bodies; what it cannot carry is refused before anything is sent.

    Asking for predictions changes nothing at the server, so a request whose kept-alive connection turns out to be
    closed is sent once more over a new one. An answer that comes after its time-out belongs to a connection that is
    closed by then: it can never be taken for the answer to another request.
    """

    def __init__(self, section: ModelSection, *, url: str, http: Http, form: Form) -> None:
        self._section = section
        self._url = url
        self._http = http
        self._form = form

    def identity(self) -> str:
        """The digest of what `model.identity` answers. Raises Unreachable, Malformed."""
        if not self._section.identity:
            raise Malformed(
                "the model's identity is not declared, so a change of the model could not be noticed",
                remedy="Declare model.identity: a URL that tells the version that is served.",
            )
        self._be_ready()
        return probe_identity(
            self._http, self._section.identity, headers=self._section.headers, timeout_s=self._section.timeout
        )

    def _be_ready(self) -> None:
        """A SageMaker-shaped container tells at `/ping` whether it serves; what does not serve has no identity."""
        if self._section.protocol not in {"csv", "json-lines"} or not self._url.endswith("/invocations"):
            return
        ping = urljoin(self._url, "ping")
        status = self._http.get(ping, headers=self._section.headers, timeout_s=self._section.timeout).status
        if status != 200:
            raise Unreachable(
                self._http.redact(f"{ping} answered with status {status}: the container does not serve"),
                remedy="See its log.",
                permanent=False,
            )

    def request(self, rows: Sequence[Row]) -> Request:
        """The request that `predict` sends. Raises Refused for rows that the protocol cannot carry."""
        return self._request(self._form.of_rows(rows))

    def _request(self, body: bytes) -> Request:
        return Request(method="POST", url=self._url, headers={**self._form.headers, **self._section.headers}, body=body)

    def predict(self, rows: Sequence[Row]) -> Reply:
        """The answer for these rows; never raises for what the model does."""
        told, answers = self._asked(lambda: self._form.of_rows(rows), len(rows))
        return Reply(
            kind=answers.kind,
            latency_s=answers.latency_s,
            predictions=predictions_of(told) if told is not None else (),
            status=answers.status,
            error=answers.error,
        )

    def answer(self, batch: Any) -> Answers:
        """The answer for these rows; never raises for what the model does."""
        return self._asked(lambda: self._form.of_batch(batch), batch.num_rows)[1]

    def _asked(self, encode: Callable[[], bytes], asked: int) -> tuple[Told | None, Answers]:
        started = time.monotonic()
        try:
            request = self._request(encode())
        except Refused as error:
            return None, _not_sent(ReplyKind.REFUSED, error, started)
        except SeatrialError as error:
            return None, _not_sent(ReplyKind.UNREACHABLE, error, started)
        try:
            answer = self._http.send(request, timeout_s=self._section.timeout, repeatable=True)
        except SeatrialError as error:
            kind = next((kind for cls, kind in _KINDS if isinstance(error, cls)), ReplyKind.UNREACHABLE)
            return None, _not_sent(kind, error, started)
        return self._classified(answer, asked)

    def _classified(self, answer: Answer, asked: int) -> tuple[Told | None, Answers]:
        status = answer.status
        if 200 <= status < 300:
            try:
                told = self._form.read(answer, asked)
            except Malformed as error:
                return None, self._answers(ReplyKind.MALFORMED, answer, error.what)
            return told, Answers(
                kind=ReplyKind.OK,
                latency_s=answer.latency_s,
                predictions=told.predictions,
                scores=told.scores,
                status=status,
            )
        if status >= 500:
            return None, self._answers(ReplyKind.CRASHED, answer, f"status {status}: {answer.brief()}")
        if status < 400:
            return None, self._answers(ReplyKind.MALFORMED, answer, f"status {status}, a redirect that leads nowhere")
        kind = ReplyKind.UNREACHABLE if status in _OF_THE_ENDPOINT else ReplyKind.REFUSED
        return None, self._answers(kind, answer, f"status {status}: {answer.brief()}")

    def _answers(self, kind: ReplyKind, answer: Answer, error: str) -> Answers:
        return Answers(kind=kind, latency_s=answer.latency_s, status=answer.status, error=self._http.redact(error))

    def close(self) -> None:
        """Close idle connections."""
        self._http.close()


def _not_sent(kind: ReplyKind, error: SeatrialError, started: float) -> Answers:
    return Answers(kind=kind, latency_s=time.monotonic() - started, error=error.what)
