"""Signed, expiring, single-use acknowledgement links, and the small pages behind them."""

from __future__ import annotations

import base64
import hashlib
import hmac
import html
import secrets
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import TCPServer
from typing import Final
from urllib.parse import parse_qs

_MOST_FORM: Final = 4_096
_SOCKET_S: Final = 10.0
_STYLE: Final = (
    ":root{color-scheme:light dark}body{font:1.125rem/1.5 system-ui,sans-serif;max-width:36rem;margin:10vh auto}"
    "main{padding:0 1rem}"
    "button{font:inherit;padding:.75rem 1.5rem;margin:.25rem .5rem .25rem 0}p{white-space:pre-wrap}"
)
_STYLE_HASH: Final = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode("ascii")


@dataclass(slots=True, kw_only=True)
class Open:
    """A page that waits for its acknowledgement; times are monotonic."""

    title: str
    text: str
    choices: tuple[str, ...]
    expires: float
    answer: str = ""
    opened: float | None = None
    answered: float | None = None
    done: threading.Event = field(default_factory=threading.Event)


class Links:
    """The open pages of one pager. A link is a page's id and a signature under a key that never leaves this process."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._key = secrets.token_bytes(32)
        self._now = now
        self._open: dict[str, Open] = {}
        self._lock = threading.Lock()

    def add(self, page: str, *, title: str, text: str, choices: Sequence[str], expires_s: float) -> str:
        """The path of the new page's link."""
        entry = Open(title=title, text=text, choices=tuple(choices), expires=self._now() + expires_s)
        with self._lock:
            self._open[page] = entry
        return f"/ack/{page}/{self._sign(page)}"

    def drop(self, page: str) -> None:
        """The page was never delivered: its link is void."""
        with self._lock:
            self._open.pop(page, None)

    def entry(self, page: str) -> Open | None:
        """The page's state."""
        with self._lock:
            return self._open.get(page)

    def show(self, path: str, *, opens: bool = True) -> tuple[HTTPStatus, str]:
        """The page with its buttons. Looking acknowledges nothing: previews and prefetchers look too.

        Where it `opens` the page, it takes down when that was done first.
        """
        entry = self._valid(path)
        if entry is None:
            return _refusal(HTTPStatus.NOT_FOUND, "This link is not valid.")
        if entry.answered is not None:
            return _refusal(HTTPStatus.GONE, "This page was already answered. Nothing more is needed.")
        if self._now() >= entry.expires:
            return _refusal(HTTPStatus.GONE, "This link has expired. It no longer counts.")
        if opens and entry.opened is None:
            entry.opened = self._now()
        return HTTPStatus.OK, _question(entry)

    def press(self, path: str, form: str) -> tuple[HTTPStatus, str]:
        """A button was pressed: the first press counts, and only before the link expires."""
        entry = self._valid(path)
        if entry is None:
            return _refusal(HTTPStatus.NOT_FOUND, "This link is not valid.")
        pressed = parse_qs(form).get("answer", [""])[0]
        with self._lock:
            at = self._now()
            if entry.answered is not None:
                return _refusal(HTTPStatus.GONE, "This page was already answered. Nothing more is needed.")
            if at >= entry.expires:
                return _refusal(HTTPStatus.GONE, "This link has expired. It no longer counts.")
            if pressed not in entry.choices:
                return _refusal(HTTPStatus.BAD_REQUEST, "Press one of the buttons.")
            entry.answer = pressed
            entry.answered = at
        entry.done.set()
        return HTTPStatus.OK, _document("Recorded", f"<p>{html.escape(pressed)}: recorded. Thank you.</p>")

    def _sign(self, page: str) -> str:
        return hmac.new(self._key, page.encode(), hashlib.sha256).hexdigest()

    def _valid(self, path: str) -> Open | None:
        parts = path.partition("?")[0].split("/")
        # The base address may have a path of its own in front.
        if len(parts) < 4 or parts[-3] != "ack":
            return None
        page, given = parts[-2:]
        if not hmac.compare_digest(self._sign(page).encode(), given.encode("utf-8", "replace")):
            return None
        return self.entry(page)


def _question(entry: Open) -> str:
    buttons = "".join(
        f'<button name="answer" value="{html.escape(choice, quote=True)}">{html.escape(choice)}</button>'
        for choice in entry.choices
    )
    return _document(entry.title, f'<p>{html.escape(entry.text)}</p><form method="post">{buttons}</form>')


def _refusal(status: HTTPStatus, text: str) -> tuple[HTTPStatus, str]:
    return status, _document("Not accepted", f"<p>{text}</p>")


def _document(title: str, content: str) -> str:
    shown = html.escape(title)
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{shown}</title>'
        f'<meta name="viewport" content="width=device-width"><style>{_STYLE}</style></head>'
        f"<body><main><h1>{shown}</h1>{content}</main></body></html>"
    )


class _Handler(BaseHTTPRequestHandler):
    server: LinkServer
    timeout = _SOCKET_S
    server_version = "seatrial"
    sys_version = ""

    def do_GET(self) -> None:
        """Show the page."""
        self._answer(*self.server.links.show(self.path))

    def do_HEAD(self) -> None:
        """The same, without its content, which nobody can have read."""
        self._answer(*self.server.links.show(self.path, opens=False))

    def do_POST(self) -> None:
        """A button."""
        length = self.headers.get("Content-Length", "0")
        if not length.isdecimal() or int(length) > _MOST_FORM:
            self.close_connection = True
            self._answer(*_refusal(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "Press one of the buttons."))
            return
        form = self.rfile.read(int(length)).decode("utf-8", "replace")
        self._answer(*self.server.links.press(self.path, form))

    def _answer(self, status: HTTPStatus, page: str) -> None:
        body = page.encode()
        self.send_response(status)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "no-store")
        self.send_header("Referrer-Policy", "no-referrer")
        self.send_header("X-Robots-Tag", "noindex")
        self.send_header("X-Content-Type-Options", "nosniff")
        self.send_header(
            "Content-Security-Policy",
            f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; form-action 'self'; frame-ancestors 'none'",
        )
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is the base class's
        """Nothing: a request line holds a link that acknowledges."""


class LinkServer(ThreadingHTTPServer):
    """Serves the links of one pager."""

    daemon_threads = True
    block_on_close = False

    def __init__(self, address: tuple[str, int], links: Links) -> None:
        self.links = links
        super().__init__(address, _Handler)

    def server_bind(self) -> None:
        """Bind, without the base class's search for this machine's name, which may wait for a name server."""
        TCPServer.server_bind(self)
        self.server_name, self.server_port = "localhost", self.server_address[1]

    def handle_error(self, request: object, client_address: object) -> None:
        """Nothing: a visitor who hangs up is no event."""
