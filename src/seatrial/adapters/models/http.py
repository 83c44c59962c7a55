"""A model over HTTP: JSON records in, JSON predictions out."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import ClassVar, Final

from seatrial.adapters.http import Answer, Cut, Http, TimedOut
from seatrial.adapters.identity import probe_identity
from seatrial.adapters.models.answers import encode_rows, read_predictions
from seatrial.core.errors import Malformed, SeatrialError
from seatrial.core.ports import Reply, ReplyKind, Request, Row
from seatrial.spec.system import ModelSection

_OF_THE_ENDPOINT: Final = frozenset({401, 403, 404, 405, 407, 408, 410, 429})
"""Statuses that say nothing about a row: a missing endpoint must not look like a guard that holds."""
_KINDS: Final[tuple[tuple[type[SeatrialError], ReplyKind], ...]] = (
    (TimedOut, ReplyKind.TIMED_OUT),
    (Cut, ReplyKind.CRASHED),
    (Malformed, ReplyKind.MALFORMED),
)


class RecordsModel:
    """POST `{"rows": [{…}, …]}`; answers `{"predictions": [{…}, …]}` or the bare list."""

    rows_key: ClassVar[str] = "rows"

    def __init__(self, section: ModelSection, *, url: str, http: Http) -> None:
        self._section = section
        self._url = url
        self._http = http

    def identity(self) -> str:
        """The digest of what `model.identity` answers. Raises Unreachable, Malformed."""
        if not self._section.identity:
            raise Malformed(
                "the model's identity is not declared, so a change of the model could not be noticed",
                remedy="Declare model.identity: a URL that tells the version that is served.",
            )
        return probe_identity(
            self._http, self._section.identity, headers=self._section.headers, timeout_s=self._section.timeout
        )

    def request(self, rows: Sequence[Row]) -> Request:
        """The request that `predict` sends."""
        return Request(
            method="POST",
            url=self._url,
            headers={"Content-Type": "application/json", **self._section.headers},
            body=encode_rows(self.rows_key, rows),
        )

    def predict(self, rows: Sequence[Row]) -> Reply:
        """The answer for these rows; never raises for what the model does."""
        started = time.monotonic()
        try:
            answer = self._http.send(self.request(rows), timeout_s=self._section.timeout, repeatable=True)
        except SeatrialError as error:
            kind = next((kind for cls, kind in _KINDS if isinstance(error, cls)), ReplyKind.UNREACHABLE)
            return Reply(kind=kind, latency_s=time.monotonic() - started, error=error.what)
        return self._classified(answer, len(rows))

    def _classified(self, answer: Answer, asked: int) -> Reply:
        status = answer.status
        if 200 <= status < 300:
            try:
                predictions = read_predictions(answer.json(), asked, self._section)
            except Malformed as error:
                return self._reply(ReplyKind.MALFORMED, answer, error.what)
            return Reply(kind=ReplyKind.OK, latency_s=answer.latency_s, predictions=predictions, status=status)
        if status >= 500:
            return self._reply(ReplyKind.CRASHED, answer, f"status {status}: {answer.brief()}")
        if status < 400:
            return self._reply(ReplyKind.MALFORMED, answer, f"status {status}, a redirect that leads nowhere")
        kind = ReplyKind.UNREACHABLE if status in _OF_THE_ENDPOINT else ReplyKind.REFUSED
        return self._reply(kind, answer, f"status {status}: {answer.brief()}")

    def _reply(self, kind: ReplyKind, answer: Answer, error: str) -> Reply:
        return Reply(kind=kind, latency_s=answer.latency_s, status=answer.status, error=self._http.redact(error))

    def close(self) -> None:
        """Close idle connections."""
        self._http.close()
