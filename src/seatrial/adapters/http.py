"""The one door for outgoing HTTP: declared targets only, bounded in time and size, and silent about secrets.

Every probe, integration, identity and webhook call passes here; the load generator keeps to the same declared origins.
Environment proxies are never used: what is measured is the declared target itself.
"""

from __future__ import annotations

import json
import os
import select
import socket
import time
import weakref
import zlib
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from types import TracebackType
from typing import Final, Self
from urllib.parse import urljoin

from seatrial.adapters.redaction import Redactor
from seatrial.adapters.wire import AnswerReader, Target, encode, target_of
from seatrial.core.errors import Malformed, Refused, SeatrialError, Unreachable
from seatrial.core.observation import Json
from seatrial.core.ports import Request, Row
from seatrial.spec.procedure import urls_of
from seatrial.spec.system import System

MOST_BYTES: Final = 64 * 1024 * 1024
MOST_REDIRECTS: Final = 3
_IDLE_S: Final = 2.0
_WEBHOOK: Final = "webhook+"
_ERRORS: Final = frozenset({"error", "errors", "exception", "fault"})
_STATES: Final = frozenset({"status", "state", "result", "outcome"})
_FAILED: Final = frozenset({"error", "failed", "failure", "fail", "down", "unhealthy", "unavailable"})
_SUCCEEDED: Final = frozenset({"success", "succeeded", "ok", "healthy"})
_BRIEF: Final = 120
_CARRIED: Final = frozenset({"accept", "content-type"})


class TimedOut(Unreachable):
    """No complete answer within the time allowed."""


class Cut(Unreachable):
    """The connection ended before the answer did."""


class Redirected(Malformed):
    """The answer sends the caller somewhere that is not followed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A complete answer. Header names are in lower case; `body` is decoded."""

    status: int
    latency_s: float
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""

    def json(self) -> Json:
        """The body as JSON. Raises Malformed for anything else, NaN and infinities included."""
        return read_json(self.body)

    def brief(self) -> str:
        """The start of the body on one line, for an error."""
        return " ".join(self.body[:300].decode("utf-8", "replace").split())


def read_json(body: bytes) -> Json:
    """Strict JSON: NaN and infinities are not numbers here. Raises Malformed."""
    if not body.strip():
        raise Malformed("the answer is empty")
    try:
        return json.loads(body, parse_constant=_no_number)  # type: ignore[no-any-return]
    except RecursionError:
        raise Malformed("the answer is nested too deeply") from None
    except ValueError as error:
        reason = str(error)
        if body.lstrip()[:1] == b"<":
            reason = "it looks like HTML"
        raise Malformed(f"the answer is not JSON: {reason}") from None


def failure_in(content: Json) -> str:
    """What an answer with a status of success says of its own failure, as `key: value`; empty where it says none.

    A number under `error` may be a measure, and is taken for none.
    """
    if not isinstance(content, Mapping):
        return ""
    for key, value in content.items():
        name = key.lower()
        failed = (
            (name in _ERRORS and (value is True or (bool(value) and isinstance(value, str | Mapping | list))))
            or (name in _STATES and isinstance(value, str) and value.lower() in _FAILED)
            or (name in _SUCCEEDED and value is False)
        )
        if failed:
            return f"{key}: {json.dumps(value)[:_BRIEF]}"
    return ""


def sent_json(value: Json | Row) -> bytes:
    """JSON as most programs send it: letters as they are, in UTF-8. Raises ValueError for NaN and infinities.

    Whoever reads UTF-8 as something else is only met by letters that are not escaped. Half a surrogate pair, which
    UTF-8 cannot hold, stays escaped.
    """
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode(
        errors="backslashreplace"
    )


def _no_number(name: str) -> None:
    raise ValueError(f"{name} is no JSON number")


def declared_origins(system: System, urls: Iterable[str] = ()) -> frozenset[str]:
    """The origins that the system file names, and those of `urls` (such as a declared procedure's own steps)."""
    named = [system.model.endpoint, system.model.mlflow, system.model.openai, system.model.identity, *urls]
    for section in system.integrations.values():
        ends = [end for end in (section.test, section.production) if end is not None]
        named += [end.url for end in ends]
        # Whom a webhook's receiver is, another address may tell.
        named += [end.version for end in ends if section.kind == "webhook"]
        named += [address for end in ends for address in (end.openapi, end.wsdl)]
    for person in system.people.values():
        routes = [route for route in (person.page, person.test_page) if route is not None]
        named += [route.removeprefix(_WEBHOOK) for route in routes if route.startswith(_WEBHOOK)]
    memory = system.load.memory if system.load is not None else None
    named.append(memory.metrics if memory else None)
    judge = system.adversarial.chat.judge
    named.append(judge.openai if judge else None)
    named += [outlet.url for outlet in system.watch.outlets]
    away = system.data.interruption.sources.values() if system.data.interruption is not None else ()
    changing = system.data.schema_change.sources.values()
    steps = [*(source.alarm for source in away), *(source.alarm for source in changing)]
    steps += [s for source in changing if source.scratch for s in (source.scratch.point, source.scratch.back)]
    named += [url for step in steps if step is not None for url in urls_of(step)]
    origins = set()
    for url in named:
        if url and url.startswith(("http://", "https://")):
            # What cannot be read cannot be called either; whoever tries is told so.
            with suppress(Malformed):
                origins.add(target_of(url).origin)
    return frozenset(origins)


class _Connection:
    """One kept-alive connection; `used_at` is when it was last put aside."""

    __slots__ = ("sock", "used_at")

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.used_at = 0.0

    def fresh(self) -> bool:
        """False once the server closed it, spoke out of turn, or had time to."""
        if time.monotonic() - self.used_at > _IDLE_S:
            return False
        poll = select.poll()
        poll.register(self.sock, select.POLLIN)
        return not poll.poll(0)


def _closes(request: Request) -> bool:
    return any(name.lower() == "connection" and value.lower() == "close" for name, value in request.headers.items())


def _close_all(idle: Mapping[str, list[_Connection]]) -> None:
    for connections in idle.values():
        while connections:
            connections.pop().sock.close()


class Http:
    """A synchronous client with kept-alive connections, for one process; threads may share it.

    `send` raises Refused for an undeclared origin, TimedOut, Cut, Unreachable, Redirected and Malformed; every message
    is redacted. The time-out covers the whole exchange, redirects included.
    """

    def __init__(
        self,
        *,
        origins: Iterable[str],
        redact: Redactor | None = None,
        most_bytes: int = MOST_BYTES,
    ) -> None:
        self.origins = frozenset(origins)
        self.redact = redact or Redactor()
        self._most_bytes = most_bytes
        self._idle: dict[str, list[_Connection]] = {}
        self._pid = os.getpid()
        weakref.finalize(self, _close_all, self._idle)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Close every idle connection; the client stays usable."""
        _close_all(self._idle)

    def allows(self, url: str) -> bool:
        """Whether a request to this URL would be sent."""
        return target_of(url).origin in self.origins

    def get(self, url: str, *, timeout_s: float, headers: Mapping[str, str] | None = None) -> Answer:
        """GET, with everything that `send` promises."""
        return self.send(Request(method="GET", url=url, headers=headers or {}), timeout_s=timeout_s)

    def send(self, request: Request, *, timeout_s: float, repeatable: bool = False) -> Answer:
        """The answer, whatever its status; redirects are followed a few times, and only among declared origins.

        A GET, and what is `repeatable`, travels over a kept-alive connection and once more over a new one if the server
        had closed it; everything else gets a connection of its own, so that it can never arrive twice. So does what has
        the header `Connection: close`, for whoever must not always meet the same one of several servers.
        """
        started = time.monotonic()
        deadline = started + timeout_s
        try:
            for _ in range(MOST_REDIRECTS + 1):
                target = target_of(request.url)
                if target.origin not in self.origins:
                    raise Refused(
                        f"{target.origin} is not declared in the system file",
                        remedy="Declare it there if seatrial may call it.",
                    )
                again = (repeatable or request.method in {"GET", "HEAD"}) and not _closes(request)
                answer = self._exchange(request, target, (started, deadline), again=again)
                if answer.status not in {301, 302, 303, 307, 308} or "location" not in answer.headers:
                    return answer
                request = self._follow(request, target, answer)
            raise Redirected(f"{target.origin} redirects more than {MOST_REDIRECTS} times")
        except SeatrialError as error:
            raise type(error)(self.redact(error.what), remedy=error.remedy, permanent=error.permanent) from None

    def _follow(self, request: Request, target: Target, answer: Answer) -> Request:
        there = urljoin(f"{target.origin}{target.path}", answer.headers["location"])
        if not there.startswith(("http://", "https://")):
            raise Redirected(f"{target.origin} redirects to something that is not HTTP")
        goal = target_of(there)
        if goal.origin not in self.origins:
            raise Redirected(
                f"{target.origin} redirects to {goal.origin}, which is not declared",
                remedy="Declare the final address in the system file.",
            )
        if target.scheme == "https" and goal.scheme == "http":
            raise Redirected(f"{target.origin} redirects from https to http")
        if request.method not in {"GET", "HEAD"} and answer.status not in {307, 308}:
            raise Redirected(
                f"{target.origin} answers {request.method} with {answer.status}, a redirect that loses the content",
                remedy="Declare the final address in the system file.",
            )
        if goal.origin == target.origin:
            # Credentials that stood in the first URL hold for the same origin only.
            headers = {"Authorization": target.authorization, **request.headers}
            return Request(
                method=request.method,
                url=there,
                headers={k: v for k, v in headers.items() if v},
                body=request.body,
            )
        kept = {name: value for name, value in request.headers.items() if name.lower() in _CARRIED}
        return Request(method=request.method, url=there, headers=kept, body=request.body)

    def _exchange(self, request: Request, target: Target, times: tuple[float, float], *, again: bool) -> Answer:
        content = encode(request, target)
        connection = self._kept(target) if again else None
        if connection is not None:
            # The server may close an idle connection just as the request crosses it.
            with suppress(Cut):
                return self._converse(connection, content, request, target, times)
        return self._converse(_Connection(_connect(target, times[1])), content, request, target, times)

    def _converse(
        self,
        connection: _Connection,
        content: bytes,
        request: Request,
        target: Target,
        times: tuple[float, float],
    ) -> Answer:
        started, deadline = times
        sock = connection.sock
        reader = AnswerReader(method=request.method, most_bytes=self._most_bytes)
        kept = False
        try:
            _transfer(sock, content, reader, target, deadline)
            latency_s = time.monotonic() - started
            body = _decoded(bytes(reader.body), reader.headers.get("content-encoding", ""), self._most_bytes)
            if reader.reusable and not _closes(request):
                connection.used_at = time.monotonic()
                self._idle.setdefault(target.origin, []).append(connection)
                kept = True
            return Answer(status=reader.status, latency_s=latency_s, headers=reader.headers, body=body)
        except TimeoutError:
            raise TimedOut(
                f"{target.origin} did not answer within {deadline - started:g} s",
                remedy="See whether it runs and how long it takes.",
                permanent=False,
            ) from None
        except OSError as error:
            raise Cut(
                f"the connection to {target.origin} broke: {error.strerror or error}",
                remedy="See that server's own log.",
                permanent=False,
            ) from None
        except Malformed as error:
            raise Malformed(f"{target.origin}: {error.what}", remedy=error.remedy) from None
        finally:
            if not kept:
                sock.close()

    def _kept(self, target: Target) -> _Connection | None:
        if self._pid != os.getpid():
            # After a fork the connections belong to the parent: closing our copies leaves its own alone.
            self.close()
            self._pid = os.getpid()
        connections = self._idle.get(target.origin, [])
        while connections:
            connection = connections.pop()
            if connection.fresh():
                return connection
            connection.sock.close()
        return None


def _remaining(deadline: float) -> float:
    remaining = deadline - time.monotonic()
    if remaining <= 0:
        raise TimeoutError
    return remaining


def _connect(target: Target, deadline: float) -> socket.socket:
    try:
        sock = socket.create_connection((target.host, target.port), timeout=_remaining(deadline))
    except TimeoutError:
        raise TimedOut(
            f"{target.origin} did not accept a connection in time",
            remedy="See whether it runs and is reachable from here.",
            permanent=False,
        ) from None
    except OSError as error:
        raise Unreachable(
            f"{target.origin} cannot be reached: {error.strerror or error}",
            remedy="See whether it runs and is reachable from here.",
            permanent=False,
        ) from None
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return sock if target.scheme == "http" else _secured(sock, target, deadline)


def _secured(sock: socket.socket, target: Target, deadline: float) -> socket.socket:
    import ssl

    try:
        sock.settimeout(_remaining(deadline))
        return ssl.create_default_context().wrap_socket(sock, server_hostname=target.host)
    except TimeoutError:
        sock.close()
        raise TimedOut(f"{target.origin} did not finish the TLS handshake in time", permanent=False) from None
    except (ssl.SSLError, OSError) as error:
        sock.close()
        reason = error.verify_message if isinstance(error, ssl.SSLCertVerificationError) else error
        raise Unreachable(
            f"{target.origin} cannot be trusted over TLS: {reason}",
            remedy="Give it a certificate that this machine trusts; SSL_CERT_FILE may name a company's own authority.",
        ) from None


def _transfer(sock: socket.socket, content: bytes, reader: AnswerReader, target: Target, deadline: float) -> None:
    try:
        sock.settimeout(_remaining(deadline))
        sock.sendall(content)
    except (BrokenPipeError, ConnectionResetError):
        # A server may answer and close before it has read everything: what it said still counts.
        pass
    while True:
        sock.settimeout(_remaining(deadline))
        piece = sock.recv(65_536)
        if piece:
            if reader.feed(piece):
                return
        elif reader.end():
            return
        else:
            after = "before it answered" if not reader.seen else "in the middle of its answer"
            raise Cut(
                f"{target.origin} closed the connection {after}",
                remedy="See that server's own log.",
                permanent=False,
            )


def _decoded(body: bytes, encoding: str, most_bytes: int) -> bytes:
    if encoding.strip().lower() in {"", "identity"} or not body:
        return body
    if encoding.strip().lower() not in {"gzip", "x-gzip"}:
        raise Malformed(f"it answers in the encoding {encoding!r}, which was not asked for")
    decompressor = zlib.decompressobj(31)
    try:
        content = decompressor.decompress(body, most_bytes + 1)
    except zlib.error:
        raise Malformed("its compressed answer is broken") from None
    if len(content) > most_bytes or not decompressor.eof:
        raise Malformed(f"its compressed answer is cut or larger than {most_bytes} bytes")
    return content
