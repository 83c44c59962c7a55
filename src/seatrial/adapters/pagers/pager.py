"""Pages a declared person and times their own acknowledgement."""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

from seatrial.adapters.http import Http
from seatrial.adapters.pagers.channels import open_channel
from seatrial.adapters.pagers.links import Links, LinkServer
from seatrial.adapters.pagers.notice import Notice
from seatrial.core.errors import Malformed, Refused, Unreachable
from seatrial.core.ports import Acknowledgement, Page
from seatrial.spec.people import Person


class LinkPager:
    """Sends pages that carry an acknowledgement link to our own listener, and waits for the button behind it.

    The listener starts with the first page and ends with `close`.
    """

    def __init__(
        self, people: Mapping[str, Person], *, http: Http, base_url: str | None = None, listen: str = "127.0.0.1:0"
    ) -> None:
        self._people = people
        self._http = http
        self._base_url = base_url.rstrip("/") if base_url else None
        self._listen = listen
        self._links = Links(time.monotonic)
        self._server: LinkServer | None = None
        self._thread: threading.Thread | None = None
        self._sent: dict[str, tuple[float, datetime]] = {}

    def page(
        self, person: str, *, title: str, text: str, action: str, expires_s: float, choices: Sequence[str] = ()
    ) -> Page:
        """Send. Raises Refused for a person without a declared route, Unreachable when the channel refuses."""
        channel = open_channel(str(self._declared(person).page), http=self._http)
        own = self._serve()
        base = self._base_url or own
        page = secrets.token_hex(8)
        link = base + self._links.add(
            page, title=title, text=text, choices=tuple(choices) or (action,), expires_s=expires_s
        )
        started, sent_at = time.monotonic(), datetime.now(UTC)
        notice = Notice(
            id=page,
            person=person,
            title=title,
            text=text,
            action=action,
            link=link,
            sent_at=sent_at,
            expires_at=sent_at + timedelta(seconds=expires_s),
        )
        self._sent[page] = (started, sent_at)
        try:
            channel.send(notice)
        except Unreachable:
            self._links.drop(page)
            raise
        return Page(id=page, person=person, channel=channel.name, sent_at=sent_at)

    def link(self, person: str, *, title: str, text: str, expires_s: float, choices: Sequence[str]) -> tuple[Page, str]:
        """A page whose link travels in what somebody else sends. Raises Refused for a person who is not declared."""
        if person not in self._people:
            raise Refused(f"{person!r} is not declared under people", remedy=f"Add people.{person} to the system file.")
        own = self._serve()
        base = self._base_url or own
        page = secrets.token_hex(8)
        link = base + self._links.add(page, title=title, text=text, choices=tuple(choices), expires_s=expires_s)
        sent_at = datetime.now(UTC)
        self._sent[page] = (time.monotonic(), sent_at)
        return Page(id=page, person=person, channel="the users' own", sent_at=sent_at), link

    def wait(self, page: Page, *, timeout_s: float) -> Acknowledgement | None:
        """The human acknowledgement, or None when none came in time or the page is not one of ours."""
        entry = self._links.entry(page.id)
        if entry is None:
            return None
        remaining = entry.expires - time.monotonic()
        entry.done.wait(max(0.0, min(timeout_s, remaining)))
        if entry.answered is None:
            return None
        started, sent_at = self._sent[page.id]
        after_s = entry.answered - started
        return Acknowledgement(
            page=page.id,
            person=page.person,
            at=sent_at + timedelta(seconds=after_s),
            after_s=after_s,
            read_s=None if entry.opened is None else entry.answered - entry.opened,
            answer=entry.answer,
        )

    def probe(self, person: str) -> bool:
        """Whether the channel would take a page; a declared test route is really sent to, and wakes nobody."""
        declared = self._declared(person)
        if declared.test_page is None:
            return open_channel(str(declared.page), http=self._http).probe(person)
        now = datetime.now(UTC)
        notice = Notice(
            id=secrets.token_hex(8),
            person=person,
            title="seatrial: daily probe of this route",
            text="Nothing has happened, and nobody need do anything.",
            action="Nothing to do",
            link="",
            sent_at=now,
            expires_at=now,
        )
        open_channel(declared.test_page, http=self._http).send(notice)
        return True

    def _declared(self, person: str) -> Person:
        """The person, who has a route. Raises Refused."""
        declared = self._people.get(person)
        if declared is None:
            raise Refused(f"{person!r} is not declared under people", remedy=f"Add people.{person} to the system file.")
        if not declared.page:
            raise Refused(
                f"{person!r} has no page route", remedy=f"Add people.{person}.page, such as webhook+https://…"
            )
        return declared

    def close(self) -> None:
        """Stop serving; open links die."""
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None
        if self._thread is not None:
            self._thread.join()
            self._thread = None

    def _serve(self) -> str:
        if self._server is None:
            host, colon, port = self._listen.rpartition(":")
            if not colon or not port.isdecimal():
                raise Malformed(
                    f"{self._listen!r} is no address to listen on", remedy="Write SEATRIAL_ACK_LISTEN as host:port."
                )
            try:
                self._server = LinkServer((host.strip("[]"), int(port)), self._links)
            except OSError as error:
                raise Unreachable(
                    f"acknowledgement pages cannot be served on {self._listen}: {error.strerror}",
                    remedy="Free that port, or set SEATRIAL_ACK_LISTEN to another.",
                ) from None
            self._thread = threading.Thread(
                target=self._server.serve_forever, args=(0.1,), name="seatrial-acknowledgements", daemon=True
            )
            self._thread.start()
        host_, port_ = self._server.server_address[:2]
        return f"http://{host_ if isinstance(host_, str) else host_.decode()}:{port_}"
