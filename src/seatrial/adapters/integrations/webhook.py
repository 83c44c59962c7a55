"""An integration that posts to us: a listener that stands where the receiver will stand, for the time of a check."""

from __future__ import annotations

import errno
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, ExitStack
from typing import Final
from urllib.parse import urlsplit

from aiohttp import web

from seatrial.adapters.background import Background
from seatrial.adapters.http import Http
from seatrial.adapters.identity import ask
from seatrial.adapters.integrations.hearing import Ear, Ears, Heard
from seatrial.adapters.integrations.place import Place
from seatrial.core.errors import Malformed, Refused, Unreachable
from seatrial.core.observation import Json
from seatrial.core.ports import Part, Request, Row

_TIMEOUT_S: Final = 30.0
_FREE_S: Final = 60.0
"""How long is waited until another check lets go of the address."""
_EVERY_S: Final = 0.2
_MOST_BYTES: Final = 1024 * 1024
_GRACE_S: Final = 1.0


class WebhookIntegration:
    """`url` of the test end is the address at which we listen; of the production end, where the receiver is.

    The listener opens with the first `listen` or `read` and stands until the check is over: what is posted late or
    again is heard. Nobody listens between checks, so that what is posted then is refused, as by a receiver that is
    down. Two listeners never share an address: the second waits, then says who has it. A post is answered with 204
    once it is kept, and counts as often as it is made.
    """

    def __init__(self, place: Place, *, http: Http, free_within_s: float = _FREE_S) -> None:
        self._place = place
        self._http = http
        self._free_within_s = free_within_s
        self._ears = Ears(place, self._open_ear)

    def version(self) -> str:
        """What the declared address tells of the receiver for which we stand in. Raises Malformed for none."""
        url = self._place.declared("version")
        content = ask(self._http, url, headers={}, timeout_s=_TIMEOUT_S)
        told = content.get("version") if isinstance(content, Mapping) else content
        if not isinstance(told, str) or not told.strip():
            raise Malformed(f"integration {self._place.name!r} tells no version")
        return told.strip()

    def health(self) -> None:
        """Raises Unreachable or Malformed unless we can listen there."""
        self._ears.listen("")

    def schema(self) -> Mapping[str, str]:
        """The fields of the records that were posted, and the types that they have there."""
        return self._ears.schema("")

    def read(self, most: int) -> Sequence[Row]:
        """The last `most` records that were posted while we listened, oldest first."""
        return self._ears.read("", most)

    def parts(self, mark: Json, most: int) -> Iterator[Part]:
        """What was heard since the last call, each record once."""
        del mark
        yield from self._ears.parts("", most)

    def write(self, record: Row) -> None:
        """Raises Refused: only the tested system posts."""
        self._place.refuse_write()
        del record
        raise Refused(
            f"integration {self._place.name!r} is posted to by the tested system alone",
            remedy="Let the flow begin where the tested system takes its records.",
        )

    def request(self, record: Row) -> Request | None:
        """Raises Refused: only the tested system posts."""
        self.write(record)
        return None

    def listen(self) -> None:
        """Open the listener; what is posted from now on is kept."""
        self._ears.listen("")

    def observe(self, key: str, values: Sequence[str]) -> Mapping[str, Sequence[Row]]:
        """The records that were posted, grouped by `key` as text."""
        return self._ears.observe("", key, values)

    def close(self) -> None:
        """Answer what is being posted, and let go of the address."""
        self._ears.close()

    def _open_ear(self, _: str, heard: Heard) -> Ear:
        if self._place.which != "test":
            raise Refused(
                f"integration {self._place.name!r} posts to its receiver in production, whose place we never take",
                remedy=f"Let the tested system post to integrations.{self._place.name}.test.url.",
            )
        host, port, path = self._address()
        listener = _Listener(heard, path=path or "/", headers=self._place.end.headers)
        until = time.monotonic() + self._free_within_s
        while True:
            try:
                listener.open(host, port)
            except OSError as error:
                if error.errno == errno.EADDRINUSE and time.monotonic() < until:
                    time.sleep(_EVERY_S)
                    continue
                raise Unreachable(
                    f"nothing can listen for integration {self._place.name!r} at {host}:{port}: {error.strerror}",
                    remedy="Free the address, or declare one of this machine and let the tested system post there.",
                ) from None
            return Ear(stop=listener.close)

    def _address(self) -> tuple[str, int, str]:
        try:
            parts = urlsplit(self._place.end.url)
            host, port = parts.hostname, parts.port or 80
        except ValueError:
            parts, host, port = urlsplit(""), None, 0
        if parts.scheme != "http" or not host:
            raise Malformed(
                f"integration {self._place.name!r} has no address at which can be listened",
                remedy=f"Write integrations.{self._place.name}.{self._place.which}.url as http://host:port/path; where "
                "the tested system posts over TLS, let a proxy of yours end it.",
            )
        return host, port, parts.path


class _Listener:
    """Takes posts on an event loop of its own. `headers` are what every post must carry."""

    def __init__(self, heard: Heard, *, path: str, headers: Mapping[str, str]) -> None:
        self._heard = heard
        self._path = path
        self._headers = headers
        self._background: Background | None = None
        self._runner: web.ServerRunner | None = None

    def open(self, host: str, port: int) -> None:
        """Begin. Raises OSError where the address cannot be had."""
        background = Background()
        with ExitStack() as undone:
            undone.callback(background.close)
            background.start()
            self._runner = background.run(self._opened(host, port), timeout_s=_TIMEOUT_S)
            undone.pop_all()
        self._background = background

    def close(self) -> None:
        """Answer what is under way, then end."""
        if self._background is not None and self._runner is not None:
            self._background.run(self._runner.cleanup(), timeout_s=_TIMEOUT_S)
            self._background.close()

    async def _opened(self, host: str, port: int) -> web.ServerRunner:
        runner = web.ServerRunner(web.Server(self._taken, access_log=None), shutdown_timeout=_GRACE_S)
        async with AsyncExitStack() as undone:
            undone.push_async_callback(runner.cleanup)
            await runner.setup()
            # An address that was just let go of is had again at once; never one that somebody listens at.
            await web.TCPSite(runner, host, port, reuse_address=True, reuse_port=False).start()
            undone.pop_all()
        return runner

    async def _taken(self, request: web.BaseRequest) -> web.StreamResponse:
        if request.path != self._path:
            return web.Response(status=404)
        if request.method not in ("POST", "PUT"):
            return web.Response(status=405)
        if any(request.headers.get(name) != value for name, value in self._headers.items()):
            return web.Response(status=401)
        content = bytearray()
        async for part in request.content.iter_chunked(65_536):
            content += part
            if len(content) > _MOST_BYTES:
                return web.Response(status=413)
        self._heard.take(bytes(content))
        return web.Response(status=204)
